"""How one conversation stands, for an operator who must see at a glance who is not answered."""

from dataclasses import dataclass
from typing import Literal

State = Literal["answering", "paused", "given_up", "held", "queued", "stranded", "quiet"]
"""``held``: it waits for a limit or a stop to end, or for its next try. ``stranded``: its messages
wait and no job will read them; the sweeper finds it within seconds."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a conversation. Times are Unix seconds; ``None`` for what is not so.

    Attributes:
        number: Which of our numbers; Meta's ``phone_number_id``.
        waiting: How many of the person's messages wait for an answer.
        waiting_since: The oldest one's own time.
        turn: The newest turn that a worker has begun, by its id.
        answering: The turn that a worker holds now.
        is_live: Whether a worker or a job will read what waits.
        next_try_at: When the job that waits by itself is taken up again.
        held_for: What holds its sends back (``pair``, ``number``, ``token`` …), and why …
        held_code: … by Meta's code or our word, and …
        held_until: … how long.
        given_up_at: When its turn had failed too often.
        paused_for: Why the bot is silent here: a word of the pauses' own.
        paused_until: How long; ``None`` with a ``paused_for`` means until somebody ends it.
        is_number_paused: Whether the silence is the whole number's.
        answered_at: When a turn last ended here.
    """

    conversation: str
    number: str
    waiting: int = 0
    waiting_since: float | None = None
    turn: str | None = None
    answering: str | None = None
    is_live: bool = False
    next_try_at: float | None = None
    held_for: str | None = None
    held_code: str | None = None
    held_until: float | None = None
    given_up_at: float | None = None
    paused_for: str | None = None
    paused_until: float | None = None
    is_number_paused: bool = False
    answered_at: float | None = None

    @property
    def state(self) -> State:
        """The one word that matters most."""
        if self.answering is not None:
            return "answering"
        if self.paused_for is not None:
            return "paused"
        if not self.waiting:
            return "quiet"
        if self.given_up_at is not None:
            return "given_up"
        if self.held_until is not None or self.next_try_at is not None:
            return "held"
        return "queued" if self.is_live else "stranded"
