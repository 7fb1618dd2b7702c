"""The numbers we publish: name, kind, labels and meaning of each. A ``Meter`` port writes them.

Names follow Prometheus: base units, ``_total`` for counters. A label's values are words of a table
of ours, never anything that came from outside, so that there are few of them. A new metric needs a
panel on the dashboard (``deploy/grafana``), and something that moves it in ``tests/e2e``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, eq=False)
class Metric:
    """One number. Each is itself alone: comparing two by their fields would cost at each count.

    Attributes:
        help: One line, no line break and no backslash.
        labels: Their names.
    """

    kind: ClassVar[str]

    name: str
    help: str
    labels: Sequence[str] = ()


class Counter(Metric):
    """Only grows."""

    kind = "counter"


class Gauge(Metric):
    """How things stand now; read from the store, not counted."""

    kind = "gauge"


@dataclass(frozen=True, eq=False, kw_only=True)
class Histogram(Metric):
    """How often which values came.

    Attributes:
        buckets: Upper bounds, rising; one without a bound follows by itself.
    """

    kind = "histogram"

    buckets: Sequence[float]


_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_PATIENT = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0)
_LONG = (1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0)
_FEW = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30)
_MANY = (1, 3, 10, 30, 100, 300, 1000, 3000)

# -- receive

WEBHOOK_REQUESTS = Counter(
    "rivulet_webhook_requests_total", "Webhook POSTs by the HTTP status we answered.", ("status",)
)
WEBHOOK_REFUSED = Counter(
    "rivulet_webhook_refused_total",
    "Webhook POSTs that we did not take, by reason (unsigned, wrong_signature, too_large ...).",
    ("reason",),
)
WEBHOOK_SECONDS = Histogram(
    "rivulet_webhook_seconds",
    "From a POST's arrival to our answer. Meta asks for a median of 0.25 and 99 % under 1.",
    buckets=_FAST,
)
WEBHOOK_EVENTS = Counter(
    "rivulet_webhook_events_total",
    "Events taken in by kind (message, status, moved, echo, notice, ignored), type and outcome.",
    ("kind", "type", "outcome"),
)
NOTICES = Counter(
    "rivulet_notices_total",
    "What Meta told of an account or number by effect (stop, slow, resume, tell) and cause.",
    ("effect", "code"),
)

# -- reply

HANDOFFS = Counter(
    "rivulet_handoffs_total",
    "Conversations in which a colleague takes over by reason (asked, model, colleague).",
    ("reason",),
)
TURNS = Counter("rivulet_turns_total", "Turns by how they ended.", ("ending",))
FIRST_BUBBLE_WAIT_SECONDS = Histogram(
    "rivulet_first_bubble_wait_seconds",
    "From Meta's time of a person's message (whole seconds) to the answer's first bubble.",
    buckets=_PATIENT,
)
FIRST_BUBBLE_SECONDS = Histogram(
    "rivulet_first_bubble_seconds",
    "From the start of a turn to its first bubble taken by Meta.",
    buckets=_PATIENT,
)
FIRST_TOKEN_SECONDS = Histogram(
    "rivulet_first_token_seconds",
    "From the request to the model to its first delta.",
    buckets=_PATIENT,
)
STREAM_SECONDS = Histogram(
    "rivulet_stream_seconds",
    "From the request to the model to the end of its answer, whole or broken off.",
    buckets=_PATIENT,
)
STREAM_TOKENS_PER_SECOND = Histogram(
    "rivulet_stream_tokens_per_second",
    "The answer's tokens by the time from its first delta to its end.",
    buckets=(5, 10, 15, 20, 30, 40, 60, 80, 120, 200, 400),
)
STREAM_DELTAS = Histogram(
    "rivulet_stream_deltas", "Pieces in which an answer of the model came.", buckets=_MANY
)
MODEL_TOKENS = Counter(
    "rivulet_model_tokens_total",
    "Tokens by kind (prompt, completion) and who counted them (provider, estimate).",
    ("kind", "counted_by"),
)
MODEL_ERRORS = Counter(
    "rivulet_model_errors_total", "Streams that did not end as they should, by cause.", ("code",)
)
REPLY_BUBBLES = Histogram(
    "rivulet_reply_bubbles", "Bubbles of a reply, apologies included.", buckets=_FEW
)

# -- send

SENDS = Counter(
    "rivulet_sends_total",
    "Sends by result (sent, refused, unavailable, uncertain) and Meta's error code.",
    ("result", "code"),
)
SEND_SECONDS = Histogram(
    "rivulet_send_seconds", "From a send's request to Meta's answer or its failure.", buckets=_FAST
)
SEND_WAIT_SECONDS = Histogram(
    "rivulet_send_wait_seconds",
    "Waits before a send by cause: order, uncertain, retry, rate, or the scope that is held.",
    ("cause",),
    buckets=_PATIENT,
)
ORDER_WAITS_RUN_OUT = Counter(
    "rivulet_order_waits_run_out_total",
    "Replies whose bubbles stopped waiting for a status: a phone that is off, statuses late.",
)
RESENDS = Counter(
    "rivulet_uncertain_resends_total",
    "Sends made again because neither an answer nor a status said that they had happened.",
)

# -- record

STATUSES = Counter(
    "rivulet_statuses_total", "Statuses that were news, by Meta's error code.", ("status", "code")
)
BUBBLES_DELIVERED = Counter(
    "rivulet_bubbles_delivered_total",
    "Bubbles that reached the person: delivered, or read where Meta leaves delivered out.",
)
DELIVERED_SECONDS = Histogram(
    "rivulet_delivered_seconds",
    "From a send to Meta's time (whole seconds) of its delivery.",
    buckets=_LONG,
)
READ_SECONDS = Histogram(
    "rivulet_read_seconds",
    "From a send to Meta's time (whole seconds) of its reading.",
    buckets=_LONG,
)
BILLABLE_BUBBLES = Counter(
    "rivulet_billable_bubbles_total",
    "Delivered bubbles that Meta charges for; countries without a price of their own are other.",
    ("category", "country"),
)
ESTIMATED_COST = Counter(
    "rivulet_estimated_cost_total",
    "Billable bubbles by the prices in BUBBLE_PRICES, in the currency of those.",
)

# -- how things stand

OLDEST_UNANSWERED_SECONDS = Gauge(
    "rivulet_oldest_unanswered_seconds",
    "How long the person who has waited longest has waited. The best health figure there is.",
)
UNANSWERED = Gauge("rivulet_unanswered_conversations", "People who wait for an answer.")
GIVEN_UP = Gauge(
    "rivulet_given_up_conversations",
    "People whose turn has failed too often; a requeue or their next words take it up again.",
)
PAUSED = Gauge(
    "rivulet_paused_conversations",
    "People to whom the bot is silent: a colleague takes over, or they wrote STOP.",
)
QUEUED = Gauge("rivulet_queued_turns", "Turns that no worker has taken yet.")
EXECUTING = Gauge("rivulet_executing_turns", "Turns that workers hold.")
SCHEDULED = Gauge("rivulet_scheduled_turns", "Turns that wait for a limit, a stop or a retry.")
WORKERS = Gauge("rivulet_workers", "Worker processes that are alive.")
TROUBLE = Gauge(
    "rivulet_trouble",
    "1 while this scope does not work, and why; the same as in readiness.",
    ("scope", "code"),
)

METRICS: Sequence[Metric] = tuple(one for one in globals().values() if isinstance(one, Metric))
"""All of them, in their order here."""
