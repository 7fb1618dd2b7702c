"""Spans as plain data. All ids follow from what each process knows, so no context has to travel.

A trace's id is the key of the first message that a turn answers. The span of a message and that of
a bubble's send follow from the message's key and from our own id of the attempt, which comes back
with each status: whoever tells of them later knows where they hang. Nothing is kept for it in Redis
or in a job, and a run that goes on elsewhere goes on in the same trace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Literal

SpanKind = Literal["server", "client", "consumer"]
Value = str | int | float | bool | Sequence[str]


@dataclass(frozen=True, slots=True)
class Span:
    """A step of a message's way that has ended.

    Attributes:
        trace_id: 32 hex digits: a message's key.
        span_id: 16 hex digits.
        parent_id: Likewise; ``""`` for the root.
        links: Keys of further messages that the step is about.
        error: What it ended with, by a fixed word; ``""`` when it went well.
    """

    name: str
    kind: SpanKind
    trace_id: str
    span_id: str
    parent_id: str
    started_at: datetime
    ended_at: datetime
    attributes: Mapping[str, Value] = field(default_factory=dict)
    links: Sequence[str] = ()
    error: str = ""


def message_span_id(message_key: str) -> str:
    """The id of the span in which a message was taken in."""
    return message_key[:16]


def send_span_id(turn_id: str, number: int | str, attempt: int | str) -> str:
    """The id of the span of one attempt to send a bubble."""
    return blake2b(f"{turn_id}:{number}:{attempt}".encode(), digest_size=8).hexdigest()
