"""The names of the numbers we publish. A ``Meter`` port writes them.

Names follow Prometheus: base units, ``_total`` for counters. Label values are fixed words, never
anything that came from outside.
"""

WEBHOOK_EVENTS = "rivulet_webhook_events_total"
"""Events taken in, by ``kind`` (message, status, moved, ignored) and ``outcome``."""

WEBHOOK_IGNORED = "rivulet_webhook_ignored_total"
"""Events that nobody said to the business, by ``reason``."""

NOTICES = "rivulet_notices_total"
"""What Meta told of an account or number, by ``effect`` (stop, slow, resume, tell) and ``code``."""

WEBHOOK_REQUESTS = "rivulet_webhook_requests_total"
"""Webhook POSTs by the ``status`` we answered."""

WEBHOOK_SECONDS = "rivulet_webhook_seconds"
"""Time from a POST's first byte to our answer."""

TURNS = "rivulet_turns_total"
"""Turns by their ``ending``."""

FIRST_TOKEN_SECONDS = "rivulet_first_token_seconds"  # noqa: S105 - a name, not a secret
"""Time from the start of a turn to the model's first delta."""

FIRST_BUBBLE_SECONDS = "rivulet_first_bubble_seconds"
"""Time from the start of a turn to the first bubble accepted by Meta."""

SENDS = "rivulet_sends_total"
"""Bubbles sent, by ``result`` (sent, refused, unavailable, uncertain) and Meta's ``code``."""

MODEL_ERRORS = "rivulet_model_errors_total"
"""Streams that did not end as they should, by ``code``."""

STATUSES = "rivulet_statuses_total"
"""Statuses that were news, by ``status`` and Meta's error ``code``."""

ORDER_WAITS_RUN_OUT = "rivulet_order_waits_run_out_total"
"""Replies whose bubbles stopped waiting for ``delivered``: a phone that is off, statuses late."""

RESENDS = "rivulet_uncertain_resends_total"
"""Sends made again because neither an answer nor a status said that they had happened."""

OLDEST_UNANSWERED_SECONDS = "rivulet_oldest_unanswered_seconds"
"""Gauge: how long the person who has waited longest has waited. The best health figure there is."""

UNANSWERED = "rivulet_unanswered_conversations"
"""Gauge: people who wait for an answer."""

GIVEN_UP = "rivulet_given_up_conversations"
"""Gauge: people whose turn has failed too often; a requeue or their next words take it up again."""

PAUSED = "rivulet_paused_conversations"
"""Gauge: people to whom the bot is silent: a colleague takes over, or they wrote STOP."""

QUEUED = "rivulet_queued_turns"
"""Gauge: turns that no worker has taken yet."""

EXECUTING = "rivulet_executing_turns"
"""Gauge: turns that workers hold."""
