"""What the journeys need of the world, as Protocols, and the Services that hold one of each.

Every port has two implementations, the real adapter and a fake in ``tests/fakes.py``; one contract
suite runs on both.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, Self

from app.core.account import Survey
from app.core.keys import Keys
from app.core.model import (
    Address,
    Bubble,
    Delivery,
    Event,
    Pause,
    PauseReason,
    PromptMessage,
    Turn,
    light,
)
from app.core.pacing import BubbleOrder, BubbleStyle
from app.core.trace import Span
from app.errors import Scope
from app.metrics import Counter, Gauge, Histogram

Outcome = Literal[
    "queued", "joined", "duplicate", "expired", "ignored", "moved", "paused",
    "news", "landed", "stale",
]  # fmt: skip
"""What became of one event: ``queued`` a new turn, ``joined`` a live one, waits ``paused`` … Of a
status: ``news``, the first to say that the person has the bubble (``landed``), or ``stale``.
"""


@light
class Taken:
    """One event that has been taken in, and what it belongs to.

    Attributes:
        conversation: ``""`` where it changed nothing, or belongs to none.
        turn_id: Of a message, the turn that stands or runs now (one whose answer has begun leaves
            it to the next); of a status, its bubble's turn.
        number: Of a status, its bubble's number.
        attempt: Of a status, which of the bubble's sends it is about.
        first: Of a status, the key of the first message that its turn answers.
        sent_at: Of a status, when its bubble's last send began, in Unix seconds.
    """

    outcome: Outcome
    conversation: str = ""
    turn_id: str = ""
    number: str = ""
    attempt: str = ""
    first: str = ""
    sent_at: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The last item of a stream that ended as it should.

    Attributes:
        reason: The provider's word: ``stop``, ``length``, ``content_filter`` …
        prompt_tokens: As counted by the provider; ``None`` when it did not say.
        completion_tokens: Likewise.
    """

    reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Model(Protocol):
    """A language model that streams."""

    @property
    def provider(self) -> str:
        """Whose interface it is, as OpenTelemetry calls it (``gen_ai.provider.name``)."""
        ...

    @property
    def name(self) -> str:
        """What the provider calls it."""
        ...

    def stream(self, prompt: Sequence[PromptMessage]) -> AsyncGenerator[str | Finish, None]:
        """The answer's deltas (never empty), then one ``Finish``.

        Close it (``contextlib.aclosing``) to stop early; that also ends the request.

        Raises:
            Unavailable: No answer, or no more of it, now: unreachable, throttled, silent for too
                long, ended without saying that it had finished, or (``NO_TEXT``) without a text.
            Refused: The request itself is wrong (key, model, prompt): the same again will fail.
        """
        ...


class Channel(Protocol):
    """A way to reach a person."""

    async def send(
        self, address: Address, text: str, *, callback: str, leave_by: float = math.inf
    ) -> str:
        """Send one bubble; its wamid. Sending again sends again: there is no idempotency key.

        Args:
            text: 1 to 4,096 characters in the channel's markup.
            callback: Our own id of this attempt; comes back in statuses. At most 512 characters.
            leave_by: The loop's time after which its first byte must not leave any more.

        Raises:
            Refused, Unavailable: Nothing was sent.
            Uncertain: It may have been sent.
        """
        ...

    async def show_typing(
        self, phone_number_id: str, wamid: str, *, on_written: Callable[[], None] = lambda: None
    ) -> None:
        """Mark the person's message as read and show that we are typing, in one call.

        Lasts 25 s or until our next message.

        Args:
            on_written: Called once when the request has left, before it is answered.

        Raises:
            Refused, Unavailable, Uncertain: As for ``send``; harmless here.
        """
        ...


class Store(Protocol):
    """What survives a process: inboxes, turns, leases, histories, bubbles."""

    async def take_in(self, events: Sequence[Event]) -> list[Taken]:
        """Store events, each atomically with all that follows from it; what became of each.

        A message is remembered by its wamid for 8 days, put in its conversation's inbox and, unless
        the conversation has a live turn, queued as one. The second time changes nothing.

        A STOP pauses the conversation at once, and its turn owes the person one sentence; so does
        that of a START, which ends such a pause. An echo enters the history with what waits, which
        it answers, and pauses the conversation.

        Raises:
            Unavailable: Not (all) stored within 2 s; storing again is safe.
        """
        ...

    def turn(
        self, conversation: str, turn_id: str
    ) -> AbstractAsyncContextManager["TurnInHand | None"]:
        """Hold the conversation's lease and its waiting messages; ``None`` when there is nothing to
        do: another worker holds it, or no message waits.

        Leaving the block without ``finish`` gives the lease back and leaves the messages waiting.
        A lost lease cancels the body, which then raises ``LeaseLost``.

        ``None`` also while a pause stands: its end queues the turn again.

        Raises:
            Parked: A stop or a throttled person: there is no use in asking the model now. Or a
                lease whose holder may be dead, and whom nobody else would follow: it is looked at
                again when it should have run out, and then left to a holder that has kept it.
        """
        ...

    async def sweep(self) -> int:
        """Queue a turn for each conversation whose messages wait and whom nobody reads, however
        that came about; how many. Safe to call from every worker, as often as one likes.

        Raises:
            Unavailable: Not now.
        """
        ...

    async def pause(
        self, conversation: str, *, reason: PauseReason, until: datetime | None
    ) -> bool:
        """Silence the bot in this conversation; whether it was not silent already.

        What the person says meanwhile waits in the inbox (all but the newest hundred goes into the
        history), counts as no unanswered message, and is answered when the pause ends. Two kinds
        differ: after ``stop`` it goes into the history and is never answered; and when the time of
        ``colleague`` is over, what waits is taken as answered, for the last word is mostly thanks.
        A running answer stops after the bubble that is being sent.

        Of two pauses the later end counts; but ``operator`` replaces any other, shorter or not, and
        ``stop`` yields to nothing but ``resume``. The second time changes nothing.

        Args:
            until: ``None``: until ``resume``, or 400 days after the person's last words.

        Raises:
            Unavailable: Not stored within 2 s; so with all that follow.
        """
        ...

    async def resume(self, conversation: str) -> bool:
        """End the conversation's pause, whatever its reason; whether there was one.

        What waits is queued as a turn (and answered unless older than ``MESSAGE_MAX_AGE``).
        """
        ...

    async def pause_of(self, conversation: str) -> Pause | None:
        """The conversation's own pause; ``None`` when there is none (its number may have one)."""
        ...

    async def pause_number(self, phone_number_id: str, *, until: datetime | None) -> bool:
        """Silence the bot on one of our numbers, as ``pause`` with ``operator``; a later call
        replaces an earlier one. Whether it was not silent already.
        """
        ...

    async def resume_number(self, phone_number_id: str) -> bool:
        """End the number's pause, as ``resume`` for all its people; whether there was one."""
        ...

    async def pause_of_number(self, phone_number_id: str) -> Pause | None:
        """The number's pause; ``None`` when there is none."""
        ...

    async def beat(self) -> None:
        """Say that webhooks can come in now; while nobody has for 3 s, none can.

        Raises:
            Unavailable: Not said.
        """
        ...

    async def record_of(self, wamid: str) -> "TurnRecord | None":
        """The record of the turn that answered this message; ``None`` while none has."""
        ...

    async def gauges(self) -> Mapping[Gauge, float]:
        """How things stand now.

        Raises:
            Unavailable: Not now.
        """
        ...

    async def report_trouble(self, scope: str, code: str) -> None:
        """Remember for two minutes that this scope (``token``, ``model`` …) does not work."""
        ...

    async def troubles(self) -> Mapping[str, str]:
        """What does not work now: scope and code; empty when all is well.

        That is what was reported, what the watch found last, ``store`` when Redis takes no writes,
        and of ``worker``: ``none`` lives, one is ``blocked``, or they are ``behind``.

        Raises:
            Unavailable: Not now.
        """
        ...

    async def accounts(self) -> Mapping[str, str]:
        """The WhatsApp Business Account of each of our numbers that was written to lately.

        Raises:
            Unavailable: Not now.
        """
        ...

    async def take_watch(self) -> bool:
        """Whether it is the caller who looks at Meta now: one in the whole installation at a time,
        and not before five minutes after the last. Dies it meanwhile, another looks a minute later.

        Raises:
            Unavailable: Not now.
        """
        ...

    async def end_watch(self, found: Mapping[str, str] | None) -> None:
        """Remember what was found, in place of what was found before; ``None``: Meta did not say.

        Raises:
            Unavailable: Not now.
        """
        ...

    async def ping(self) -> None:
        """Return when a webhook could be stored now.

        Raises:
            Unavailable: It could not.
        """
        ...


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What is written down of a turn.

    Attributes:
        fields: ``ending``, ``started_at``, ``model_ended_at`` … (times in Unix seconds, but for
            ``queued_at``, which RQ writes), and for each bubble N its ``state:N``,
            ``sending_at:N``, ``delivery:N`` … See ``app.core.timeline``, which reads it.
    """

    turn_id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TurnJobs:
    """The queue's job of a turn, with a hole where the conversation's key goes.

    Storing a message and queueing its turn is one step, so the store writes the job itself.

    Attributes:
        queue: The queue's name.
        fields: The job hash's constant fields, name and value in turn.
        head, tail: What stands before and after the key in the job's data.
        call_fields, call_head, call_tail: Likewise of the job that tells operators of a call for a
            human; without fields there is none.
    """

    queue: str
    fields: Sequence[str]
    head: str
    tail: str
    call_fields: Sequence[str] = ()
    call_head: str = ""
    call_tail: str = ""


Window = Literal["minute", "day", "tokens"]
"""What a person may use up: turns of a minute, turns of a day, tokens of a day."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """Leave to send one bubble.

    Attributes:
        wait: How long the number's rate asks it to wait first.
        burst_left: How many more bubbles this person may get at once.
        is_sent: A status tells that the bubble has been sent before: nothing is to leave, and
            nothing else here counts.
    """

    address: Address
    wait: timedelta
    burst_left: int
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Rates:
    """How much may be sent.

    Attributes:
        pair_burst: Bubbles at once to one person; then one per 6 s.
        number_rate: Sends per second of one of our numbers.
        numbers: By ``phone_number_id``, where a number has its own.
    """

    pair_burst: int = 10
    number_rate: int = 80
    numbers: Mapping[str, "Rates"] = field(default_factory=dict)

    def for_number(self, phone_number_id: str) -> "Rates":
        """What holds for one of our numbers."""
        return self.numbers.get(phone_number_id, self)


DEFAULT_RATES = Rates()


@dataclass(frozen=True, slots=True)
class Closing:
    """What happens together with a turn's end.

    Attributes:
        pause: The bot is silent from now on, for this reason; ``None``: it is not.
        until: When that ends; see ``Store.pause``.
        told: Which limit's window the person has been told of: that is enough for this window.
        tokens: What the model's requests have cost.
    """

    pause: PauseReason | None = None
    until: datetime | None = None
    told: Window | Literal[""] = ""
    tokens: int = 0


NOTHING_MORE = Closing()


class TurnInHand(Protocol):
    """A turn whose lease we hold. Every method raises ``LeaseLost`` once another worker has it."""

    @property
    def turn(self) -> Turn:
        """What we answer now; ``join`` makes it longer."""
        ...

    @property
    def grown(self) -> asyncio.Event:
        """Set when the person has written again since the turn was read."""
        ...

    async def join(self) -> Turn:
        """Read the inbox again: the turn with everything that has come in; clears ``grown``.

        Raises:
            Paused: A pause has begun.
        """
        ...

    async def plan(self, bubbles: Sequence[Bubble], *, whole: bool) -> None:
        """Write down bubbles as they are cut, before or after their sends begin.

        A later run of this turn sends what stands here and has not begun, if anything has.

        Args:
            whole: Whether these are the last ones: then the model need not be asked again.
        """
        ...

    async def begin_send(
        self, bubble: Bubble, *, attempt: int, within: timedelta, unless_grown: bool = False
    ) -> "Clearance | None":
        """Write down that this bubble is about to leave, take its share of the limits, and read the
        address it goes to.

        With ``unless_grown``, ``None`` (and nothing written) when the person has written again
        since the turn was read: see ``join``.

        Args:
            within: Nothing of this attempt will leave later than this, once its wait is over.

        Raises:
            Parked: A limit or a stop forbids it for now; nothing was written.
            Paused: A pause has begun; nothing was written.
        """
        ...

    async def hold(
        self, scope: Scope, *, code: int | str, wait: timedelta, growth: int
    ) -> timedelta:
        """Stop sending for this scope for a while, for all workers; how long.

        When it is over one turn goes ahead as a probe; a send that gets through ends the hold.

        Args:
            wait: For the first stop in a row; each further one waits ``growth`` times longer.
        """
        ...

    async def settle_send(
        self,
        bubble: Bubble,
        *,
        wamid: str | None = None,
        uncertain: bool = False,
        code: int | str | None = None,
    ) -> None:
        """Write down what became of it: sent under this wamid, perhaps sent, or not and why.

        Never raises ``LeaseLost``. Without the lease only ``wamid`` is written down: it is true
        whoever holds it, while another attempt may have begun.
        """
        ...

    async def delivery(
        self, reply_id: str, number: int, *, at_least: Delivery, within: timedelta
    ) -> tuple[Delivery, int | None] | None:
        """How far a bubble of this reply, or of the one before, has come by its statuses.

        Waits at most ``within`` for it to come at least so far; then tells what is known, ``None``
        for nothing. The second value is Meta's error code of a bubble that failed.
        """
        ...

    async def has_left(self, number: int, *, within: timedelta, most: timedelta) -> bool:
        """Whether a send of this turn whose answer nobody saw has happened, by its status.

        Args:
            within: How long the status may take. That time begins when the answer was known to be
                lost, else at the send's deadline, and runs only while webhooks can come in; an hour
                of any time ends it too.
            most: How long we wait for it here.

        Raises:
            Parked: Neither has come about; ask again then.
        """
        ...

    async def note(self, **fields: str | float) -> None:
        """Add to the turn's record: times (Unix seconds) and counts, for the operator's eyes."""
        ...

    async def give_up(self) -> None:
        """Stop trying for now: the messages wait, but nobody is told of them any more, until the
        job is queued again or the person writes again. Gives the lease back.
        """
        ...

    async def finish(self, said: str, *, ending: str, closing: Closing = NOTHING_MORE) -> None:
        """History, acknowledgement of exactly the messages read, and release, in one step.

        Queues the next turn when something new has come in. The second time raises ``LeaseLost``.

        Args:
            said: What the person has seen of the answer, as the model wrote it; ``""`` for nothing.
            ending: A fixed word: ``answered``, ``apology``, ``refused`` …
            closing: What else happens in that step.
        """
        ...


class Account(Protocol):
    """The business itself, as Meta knows it."""

    async def survey(self, known: Mapping[str, str]) -> Survey:
        """All that one access token can find out. Takes some of few calls: see ``take_watch``.

        Args:
            known: ``Store.accounts``: looked at where the token does not name its own.
        """
        ...


@dataclass(frozen=True, slots=True)
class HumanCall:
    """The bot has fallen silent in a conversation, and a colleague is wanted, or there already.

    Attributes:
        call_id: The same whenever it is told again.
        until: ``None``: without an end of its own.
    """

    call_id: str
    conversation: str
    reason: str
    since: datetime
    until: datetime | None


class Operators(Protocol):
    """Whoever runs the business and wants to be told."""

    async def tell(self, call: HumanCall) -> None:
        """Return when they have taken it. At least once: a crash in between tells it again.

        Raises:
            Unavailable: They have not; perhaps later.
        """
        ...


class Meter(Protocol):
    """Where numbers go. Never waits and never raises; ``labels`` are exactly the metric's own."""

    def count(self, metric: Counter, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def observe(self, metric: Histogram, value: float, **labels: str) -> None:
        """Add one value (base units: seconds, characters) to a histogram."""
        ...


class Tracer(Protocol):
    """Where spans go. Never waits and never raises."""

    def ended(self, span: Span) -> None:
        """Take a span that has ended, to be sent on later."""
        ...


Reading = tuple[Gauge, Mapping[str, str], float]
"""A gauge, its labels, and how it stands."""


class Clock(Protocol):
    """Time, so that tests can hold it."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How large and how long things may be.

    Attributes:
        min_chars: A bubble goes out at the first sentence end at or past this …
        max_chars: … which is looked for harder past this.
        hard_chars: No bubble is longer, whatever it holds (Meta takes 4,096).
        style: ``stream``: every bubble in the band; ``balanced``: the first in the band, then
            growing, at most 4; ``single``: one message.
        message_max_age: Older messages are recorded, not answered.
        history_tokens: How much history goes into a prompt, by our estimate.
        order: What the bubble before must be before the next leaves: ``delivered``, ``sent`` (its
            send has been answered) or ``none``.
        order_wait: How long it is waited for, at most.
        send_within: How long after it was written down a send may still leave.
        uncertain_wait: How long a send without an answer waits for its status.
        resend_uncertain: Whether it is then sent again.
        interrupts: Whether a message that comes after the first bubble stops the answer.
        minute_turns, day_turns, day_tokens: What one person may use up of each; 0: any.
        handoff_pause: How long the bot is silent once a human has been called for.
    """

    min_chars: int = 100
    max_chars: int = 200
    hard_chars: int = 4000
    style: BubbleStyle = "stream"
    message_max_age: timedelta = timedelta(hours=24)
    history_tokens: int = 3000
    order: BubbleOrder = "delivered"
    order_wait: timedelta = timedelta(seconds=2)
    send_within: timedelta = timedelta(seconds=10)
    uncertain_wait: timedelta = timedelta(seconds=8)
    resend_uncertain: bool = True
    interrupts: bool = False
    minute_turns: int = 10
    day_turns: int = 200
    day_tokens: int = 500_000
    handoff_pause: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Bot:
    """Who answers.

    Attributes:
        system_prompt: Who the bot is.
        human_contact: How to reach a person; part of every apology and of the prompt. May be "".
        apology: Said when there is no answer; ``""`` for the built-in one in the person's language.
    """

    system_prompt: str = ""
    human_contact: str = ""
    apology: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the web process needs: one of each port, and the values that the journeys go by.

    Attributes:
        numbers: By ``phone_number_id``, where one of our numbers has something of its own.
        tracer: ``None`` where nobody wants traces.
        prices: What a billable bubble costs, by the person's country (``US`` …); ``*`` is the
            price of all others. For an estimate; may be empty.
    """

    store: Store
    meter: Meter
    clock: Clock
    keys: Keys
    limits: Limits
    tracer: Tracer | None = None
    numbers: Mapping[str, Self] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)

    def for_number(self, phone_number_id: str) -> Self:
        """What holds for one of our numbers."""
        return self.numbers.get(phone_number_id, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyServices(Services):
    """What a worker needs beside that.

    Attributes:
        ends_at: Tells the loop's time at which this process gives its turns back; infinite while
            nobody has asked it to stop. No send begins that might not have ended by then.
    """

    channel: Channel
    model: Model
    bot: Bot
    operators: Operators | None = None
    ends_at: Callable[[], float] = lambda: math.inf
