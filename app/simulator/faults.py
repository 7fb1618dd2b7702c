"""Faults on request: what shall go wrong, for whom, how often."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Place = Literal["send", "read", "media", "webhook", "status", "model"]
PLACES = get_args(Place)

Broken = Literal[
    "cut", "no_finish", "error_event", "bad_event", "html", "silence", "stall", "broken_json",
    "whole_json", "empty",
]  # fmt: skip
BROKEN = get_args(Broken)

MAX_FAULTS = 1000


class BadFault(ValueError):
    """This cannot be asked for; the message says why."""


@dataclass(slots=True)
class Fault:
    """One thing that shall go wrong.

    Attributes:
        on: Where: the business's calls (``send``, ``read``, ``media``), what goes out to it
            (``webhook``: messages and others, ``status``), or the scripted model (``model``).
        person: Only for this one.
        status: Only for this status (``sent`` …), on ``status``.
        match: Only when this is part of the text (of the send, the message, the question).
        times: How often; ``None``: always. Not given: once, or always with a ``probability``.
        probability: How likely each time; drawn from ``seed``, so that runs are alike.
        after: How many that match pass unharmed first.
        error: Meta's code (or, of the model, none): refused with its documented body.
        http: Any HTTP status with ``body`` as it is.
        retry_after: Seconds, as a header beside ``error`` or ``http``.
        happened: With ``error``, ``http``: the send was done all the same.
        lose_answer: The send is done, and the connection closed before the answer.
        reset: The connection is reset before anything is done.
        delay: Seconds before the answer (or before the webhook, or the first byte of a stream).
        drop: This webhook or status is never sent.
        duplicate: It is sent so many times more.
        reorder: Later ones overtake it (on ``send``: the next bubble lands before this one).
        batch: Held until so many are together, then sent as one webhook.
        fail_status: On ``send`` or ``status``: accepted, then ``failed`` with this code.
        stream: How the model's stream breaks …
        after_deltas: … after so many deltas.
        silence_seconds: How long ``silence`` (with pings) and ``stall`` (without) last.
        finish_reason: How the model ends in place of ``stop``.
    """

    on: str
    id: str = ""
    person: str | None = None
    status: str | None = None
    match: str | None = None
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    after: int = 0
    error: int | None = None
    http: int | None = None
    body: str = ""
    retry_after: float | None = None
    happened: bool = False
    lose_answer: bool = False
    reset: bool = False
    delay: float = 0.0
    drop: bool = False
    duplicate: int = 0
    reorder: bool = False
    batch: int = 0
    fail_status: int | None = None
    stream: str | None = None
    after_deltas: int = 5
    silence_seconds: float = 30.0
    finish_reason: str | None = None
    seen: int = 0
    used: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    @property
    def spent(self) -> bool:
        """Whether it has happened as often as it should."""
        return self.times is not None and self.used >= self.times

    def as_json(self) -> dict[str, object]:
        """What was asked for, and how often it was ``seen`` (fitted) and ``used``."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "dice"}


class Faults:
    """The faults now asked for, in the order of asking."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._made = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def ask(self, wish: Mapping[str, Any]) -> Fault:
        """Have something go wrong from now on.

        Raises:
            BadFault: An unknown field, a value of the wrong type, or too many faults.
        """
        fault = _checked(wish)
        if len(self._faults) >= MAX_FAULTS:
            self._faults = {one.id: one for one in self if not one.spent}
        if len(self._faults) >= MAX_FAULTS:
            raise BadFault(f"there are {MAX_FAULTS} faults already")
        self._made += 1
        fault.id = f"fault-{self._made}"
        fault.dice.seed(fault.seed)
        self._faults[fault.id] = fault
        return fault

    def forget(self, fault_id: str) -> Fault | None:
        """Take one back; ``None`` when there is none of this id."""
        return self._faults.pop(fault_id, None)

    def take(
        self,
        on: Place,
        *,
        person: str | None = None,
        status: str | None = None,
        text: str = "",
        only: Callable[[Fault], bool] = lambda fault: True,
    ) -> Fault | None:
        """The first fault that strikes here and now, or ``None``; it counts as used."""
        if not self._faults:
            return None
        for fault in self._faults.values():
            if (
                fault.on == on
                and fault.person in (None, person)
                and fault.status in (None, status)
                and (fault.match is None or fault.match in text)
                and only(fault)
                and _strikes(fault)
            ):
                return fault
        return None


def _strikes(fault: Fault) -> bool:
    fault.seen += 1
    if fault.seen <= fault.after or fault.spent:
        return False
    if fault.probability < 1 and fault.dice.random() >= fault.probability:
        return False
    fault.used += 1
    return True


TEXTS = {"on", "person", "status", "match", "body", "stream", "finish_reason"}
SWITCHES = {"happened", "lose_answer", "reset", "drop", "reorder"}
NUMBERS = {"probability", "retry_after", "delay", "silence_seconds"}
COUNTS = {
    "times", "seed", "after", "error", "http", "duplicate", "batch", "fail_status", "after_deltas",
}  # fmt: skip
MAY_BE_NONE = {
    "person",
    "status",
    "match",
    "times",
    "error",
    "http",
    "retry_after",
    "fail_status",
    "finish_reason",
}


CALL = {"error", "http", "lose_answer", "reset", "delay"}
TOLD = {"drop", "duplicate", "reorder", "batch", "delay"}
ACTIONS = {
    "send": CALL | {"reorder", "fail_status"},
    "read": CALL,
    "media": CALL,
    "webhook": TOLD,
    "status": TOLD | {"fail_status"},
    "model": CALL - {"error"} | {"stream", "finish_reason"},
}
"""What can go wrong where; a fault needs at least one."""


def _checked(wish: Mapping[str, Any]) -> Fault:
    for name, value in wish.items():
        if not _fits(name, value):
            raise BadFault(f"{name}: not a field of a fault, or not a value for it")
    once = {} if "probability" not in wish else {"times": None}
    fault = Fault(**{"on": "", **once, **wish})
    if fault.on not in PLACES:
        raise BadFault(f"on: one of {', '.join(PLACES)}")
    actions = set().union(*ACTIONS.values()) & wish.keys()
    if not actions or not actions <= ACTIONS[fault.on]:
        raise BadFault(f"on {fault.on}, one or more of: {', '.join(sorted(ACTIONS[fault.on]))}")
    if fault.on == "model" and fault.person is not None:
        raise BadFault("the model does not know persons: use match")
    if fault.stream is not None and fault.stream not in BROKEN:
        raise BadFault(f"stream: one of {', '.join(BROKEN)}")
    if not 0 <= fault.probability <= 1 or fault.delay > 3600:
        raise BadFault("probability is 0 to 1, delay at most 3600 s")
    if fault.http is not None and not 200 <= fault.http <= 599:
        raise BadFault("http: a status from 200 to 599")
    if fault.batch > 1000 or fault.duplicate > 1000:
        raise BadFault("batch and duplicate: at most 1000")
    return fault


def _fits(name: str, value: object) -> bool:
    if value is None:
        return name in MAY_BE_NONE
    if name in TEXTS:
        return isinstance(value, str)
    if name in SWITCHES:
        return isinstance(value, bool)
    if name in NUMBERS:
        return type(value) in (int, float) and 0 <= value < 1e9  # type: ignore[operator]
    return name in COUNTS and type(value) is int and value >= 0
