"""What may be turned while a simulator runs: delays, limits, redelivery."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

Span = tuple[float, float]
"""Seconds, from and to; each time a value in between is drawn."""

DAY = 86_400.0

FIELDS = ("messages", "account_update", "user_id_update", "smb_message_echoes")


class BadKnob(ValueError):
    """No such knob, or not a value for it; the message names it."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How this Meta behaves when nothing is asked of it. Seconds, unless it says otherwise.

    Attributes:
        webhook_url: Where webhooks go; ``None`` sends none.
        answer_delay: How long the Graph API takes to answer a send.
        sent_delay: From a send to its ``sent``.
        delivered_delay: From ``sent`` until the bubble is on the phone.
        read_after: From there until the person has read it; ``None``: when told to.
        statuses: Whether status webhooks go out at all.
        pair_limit: One message per 6 s to one person, 45 of them on loan (131056).
        number_rate: Sends per second of one business number (130429); ``None``: no limit.
        window_seconds: How long a person's message lets us write (131047); ``None``: for ever.
        media_url_seconds: How long a media URL is good for.
        batch_max: Updates in one webhook, at most.
        batch_window: How long an update waits for others.
        redelivery_first: Until a webhook that was not answered with 200 goes out again …
        redelivery_most: … doubled each time, up to this …
        redelivery_give_up: … and no more after this.
        webhook_timeout: How long the business may take to answer.
        webhook_fields: Which the app says that it has subscribed to.
        token_revoked: Whether the access token is refused.
        token_ends_after: When Meta says that the token ends, from whenever it is asked; ``None``:
            never.
    """

    webhook_url: str | None = None
    answer_delay: Span = (0.0, 0.0)
    sent_delay: Span = (0.05, 0.2)
    delivered_delay: Span = (0.1, 0.6)
    read_after: float | None = None
    statuses: bool = True
    pair_limit: bool = True
    number_rate: float | None = None
    window_seconds: float | None = DAY
    media_url_seconds: float = 300.0
    batch_max: int = 1
    batch_window: float = 0.0
    redelivery_first: float = 1.0
    redelivery_most: float = 60.0
    redelivery_give_up: float = 7 * DAY
    webhook_timeout: float = 10.0
    webhook_fields: tuple[str, ...] = FIELDS
    token_revoked: bool = False
    token_ends_after: float | None = None

    def turned(self, values: Mapping[str, object]) -> "Knobs":
        """These knobs with some turned; a span may be given as one number.

        Raises:
            BadKnob: A name or value that does not fit; none is turned then.
        """
        return replace(self, **{name: _fitting(name, value) for name, value in values.items()})

    def as_json(self) -> dict[str, object]:
        """All of them, for ``GET /simulator/knobs``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


SPANS = {"answer_delay", "sent_delay", "delivered_delay"}
SWITCHES = {"statuses", "pair_limit", "token_revoked"}
WORDS = {"webhook_fields"}
MAY_BE_NONE = {"webhook_url", "read_after", "number_rate", "window_seconds", "token_ends_after"}


def _fitting(name: str, value: object) -> Any:
    if name not in {field.name for field in fields(Knobs)}:
        raise BadKnob(f"{name}: there is no such knob")
    if value is None and name in MAY_BE_NONE:
        return None
    if name == "webhook_url" and isinstance(value, str):
        return value
    if name in SWITCHES and isinstance(value, bool):
        return value
    if name in SPANS and isinstance(value, list | tuple) and len(value) == 2:
        low, high = (_seconds(name, one) for one in value)
        if low <= high:
            return low, high
    elif name in SPANS:
        return (_seconds(name, value),) * 2
    elif name in WORDS and isinstance(value, list | tuple):
        if all(isinstance(one, str) for one in value):
            return tuple(value)
    elif name == "batch_max" and type(value) is int and 1 <= value <= 1000:
        return value
    elif name not in SWITCHES | WORDS | {"webhook_url", "batch_max"}:
        return _seconds(name, value)
    raise BadKnob(f"{name}: not a value for it")


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise BadKnob(f"{name}: not a number of seconds")
    return float(value)
