"""What is said in place of an answer: the bot steps back, comes again, or has said enough."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from app.core.human_wishes import asks_for_human
from app.core.model import PauseReason, Turn, Usage
from app.core.phrases import Which, phrase
from app.core.switches import switch_of
from app.errors import Refused, Uncertain
from app.pipeline.drafts import Drafts
from app.pipeline.ports import (
    NOTHING_MORE,
    Closing,
    Limits,
    ReplyServices,
    TurnInHand,
    Window,
)
from app.pipeline.sender import Sender

log = structlog.get_logger()

NEWEST = 5
"""Messages of a turn in which a wish for a human is looked for: each may cost some ms."""

FEW_CHARS = 20
"""A word or two, such as "operator", may be of any language: what was said before tells more."""

WITH_CONTACT: frozenset[Which] = frozenset({"handed_over", "too_much"})


@dataclass(frozen=True, slots=True)
class Instead:
    """One sentence, or silence, in place of an answer.

    Attributes:
        ending: The turn's; also what its record says it was decided for.
        which: The sentence; ``None``: nothing is said.
        closing: What happens when it has been said.
    """

    ending: str
    which: Which | None
    closing: Closing = NOTHING_MORE


def instead_of_answer(turn: Turn, limits: Limits, now: datetime) -> Instead | None:
    """What to do in place of asking the model; ``None``: ask it.

    Decides alike whenever the same turn is run again.
    """
    if turn.owed == "stopped" or (turn.owed and not _asks_something(turn)):
        return Instead(turn.owed, turn.owed)
    if turn.standing and not turn.instead:
        return None  # an answer has begun
    if any(asks_for_human(message.text) for message in turn.messages[-NEWEST:]):
        return handed_over("asked", limits, now)
    window = _used_up(turn.usage, limits)
    if window is None:
        return None
    which: Which = "too_fast" if window == "minute" else "too_much"
    return Instead("limited", None if turn.usage.told else which, Closing(told=window))


def _asks_something(turn: Turn) -> bool:
    return any(message.readable and switch_of(message.text) is None for message in turn.messages)


def _used_up(usage: Usage, limits: Limits) -> Window | None:
    """The longest window of which nothing is left for this turn."""
    if 0 < limits.day_tokens <= usage.day_tokens:
        return "tokens"
    if 0 < limits.day_turns < usage.day_turns:
        return "day"
    if 0 < limits.minute_turns < usage.minute_turns:
        return "minute"
    return None


def handed_over(reason: PauseReason, limits: Limits, now: datetime) -> Instead:
    """A human has been called for: say so, and be silent."""
    closing = Closing(pause=reason, until=now + limits.handoff_pause)
    return Instead("handed_over", "handed_over", closing)


def words_of(instead: Instead, turn: Turn, services: ReplyServices) -> str:
    """The sentence, in the person's language; ``""`` for silence."""
    if instead.which is None:
        return ""
    contact = services.bot.human_contact if instead.which in WITH_CONTACT else ""
    like, language = _language(turn)
    return phrase(instead.which, like=like, human_contact=contact, language=language)


def _language(turn: Turn) -> tuple[str, str]:
    """Words to tell the person's language by, and the language of a bare BAJA or ARRÊT."""
    switches = [switch_of(message.text) for message in turn.messages]
    own = next((switch.language for switch in switches if switch and switch.language), "")
    now = " ".join(m.text for m in turn.messages if m.readable and switch_of(m.text) is None)
    before = (
        entry.text
        for entry in reversed(turn.history)
        if entry.role == "user" and switch_of(entry.text) is None
    )
    return now if len(now) > FEW_CHARS else f"{now} {next(before, '')}", own


async def step_aside(instead: Instead, hand: TurnInHand, services: ReplyServices) -> str:
    """Say it, and nothing where it can never be said; what the person has seen.

    A later run sends what an earlier one has left, and says nothing twice.

    Raises:
        Unavailable, Parked, Paused: Not now; run the turn again later.
        LeaseLost: Another worker has the turn.
    """
    sender = Sender(hand, services, joinable=False)
    turn = hand.turn
    try:
        if turn.standing:
            await sender.resume()
        else:
            text = words_of(instead, turn, services)
            bubbles = Drafts(turn.turn_id, first=turn.next_number).of(text)
            if bubbles:
                await hand.note(instead=instead.ending)
                await hand.plan(bubbles, whole=True)
            for bubble in bubbles:
                await sender.send(bubble)
    except (Refused, Uncertain) as exc:
        log.warning("turn.not_told", ending=instead.ending, error=str(exc))
    return "\n\n".join(sender.said)
