"""One turn's way, read from its record: what an operator looks at when somebody asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Literal

from app.core.model import Delivery

BubbleWay = Literal[
    "planned", "sending", "uncertain", "unsent", "sent", "delivered", "read", "failed"
]
"""How far a bubble has come, by our own account and Meta's."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that did not reach the person, or of which we cannot tell.

    Attributes:
        word: ``unsent``, ``uncertain``, or ``failed`` when Meta took it and said so later.
        code: Meta's code or our word; ``""`` for none.
    """

    attempt: int
    word: str
    code: str
    at: float


@dataclass(frozen=True, slots=True)
class BubbleLine:
    """One bubble's times, in Unix seconds; ``None`` for what has not happened.

    Attributes:
        chars: How long its text is; 0 where the text is no more.
        attempts: How many sends have begun.
        planned_at: When it was written down before its turn came; ``None`` where it left at once.
        sending_at: When its last send began.
        taken_at: When that send was answered, whatever the answer.
        sent_at, delivered_at, read_at, failed_at: By Meta's statuses, which are whole seconds;
            ``sent_at`` is our own clock's where the send's answer came first.
        failed_code: Meta's code of a bubble that failed.
        is_apology: Whether it stands for an answer that could not be given.
        text: As the person reads it.
    """

    number: int
    state: BubbleWay
    chars: int
    attempts: int
    planned_at: float | None
    sending_at: float | None
    taken_at: float | None
    sent_at: float | None
    delivered_at: float | None
    read_at: float | None
    failed_at: float | None
    failed_code: str | None
    failures: tuple[Failure, ...]
    is_apology: bool
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """One turn's times, in Unix seconds; ``None`` for what has not happened.

    Attributes:
        messages: How many messages it answers; 0 while nothing of the answer has left.
        said_at: The first message's own time, whole seconds.
        queued_at: When its job was made, in the step that stored that message.
        started_at: When a worker took it first.
        runs: How many workers have taken it.
        joins: How often it began anew because the person wrote on.
        deltas: Pieces that the model's last answer came in.
        finish: The provider's word for why that ended.
        ending: Our word for how the turn ended; ``None`` while it has not.
    """

    turn_id: str
    conversation: str
    messages: int
    said_at: float | None
    queued_at: float | None
    started_at: float | None
    model_asked_at: float | None
    first_token_at: float | None
    model_ended_at: float | None
    given_up_at: float | None
    ended_at: float | None
    runs: int
    joins: int
    deltas: int
    finish: str
    ending: str | None
    bubbles: tuple[BubbleLine, ...]


def timeline(turn_id: str, fields: Mapping[str, str]) -> Timeline:
    """The timeline in a turn's record. What is missing or cannot be read has not happened."""
    return Timeline(
        turn_id=turn_id,
        conversation=fields.get("conversation", ""),
        messages=len(fields.get("begun", "").split()),
        said_at=_time(fields.get("said_at")),
        queued_at=_time(fields.get("queued_at")),
        started_at=_time(fields.get("started_at")),
        model_asked_at=_time(fields.get("model_asked_at")),
        first_token_at=_time(fields.get("first_token_at")),
        model_ended_at=_time(fields.get("model_ended_at")),
        given_up_at=_time(fields.get("given_up_at")),
        ended_at=_time(fields.get("ended_at")),
        runs=_count(fields.get("runs")),
        joins=_count(fields.get("joins")),
        deltas=_count(fields.get("deltas")),
        finish=fields.get("finish", ""),
        ending=fields.get("ending"),
        bubbles=tuple(_bubbles(fields)),
    )


def _bubbles(fields: Mapping[str, str]) -> Iterator[BubbleLine]:
    number = 0
    while (state := fields.get(f"state:{number}")) is not None:
        of = {
            name.partition(":")[0]: value
            for name, value in fields.items()
            if name.endswith(f":{number}")
        }
        yield BubbleLine(
            number=number,
            state=_way(state, of.get("delivery")),
            chars=len(of.get("text", "")),
            attempts=_count(of.get("attempt")),
            planned_at=_time(of.get("planned_at")),
            sending_at=_time(of.get("sending_at")),
            taken_at=_time(of.get("at")),
            sent_at=_time(of.get("sent_at")),
            delivered_at=_time(of.get("delivered_at")),
            read_at=_time(of.get("read_at")),
            failed_at=_time(of.get("failed_at")),
            failed_code=of.get("failed_code") or None,
            failures=tuple(_failures(of.get("trail", ""))),
            is_apology=fields.get("apology") == str(number),
            text=of.get("text", ""),
        )
        number += 1


def _way(state: str, delivery: str | None) -> BubbleWay:
    if delivery is not None and delivery.isdecimal():  # a new attempt begins without one
        return Delivery(int(delivery)).name.lower()  # type: ignore[return-value] # all are ways
    return state  # type: ignore[return-value] # only our scripts write it


def _failures(trail: str) -> Iterator[Failure]:
    for entry in trail.split():
        parts = entry.split(":")
        if len(parts) == 4 and (at := _time(parts[3])) is not None:  # the first may be cut off
            yield Failure(_count(parts[0]), parts[1], parts[2], at)


def _time(text: str | None) -> float | None:
    """Unix seconds, also of a time as RQ writes it; 0 is "not yet"."""
    if not text:
        return None
    try:
        seconds = datetime.fromisoformat(text).timestamp() if "T" in text else float(text)
    except ValueError:
        return None
    return seconds if seconds > 0 and isfinite(seconds) else None


def _count(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
