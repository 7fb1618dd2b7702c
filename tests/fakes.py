"""Small working things in place of the outside world; ``tests/contracts`` keeps them true."""

import asyncio
import math
import re
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from app import metrics
from app.core.keys import Keys
from app.core.model import (
    Address,
    Bubble,
    BubbleState,
    Delivery,
    Echo,
    Event,
    Ignored,
    InboundMessage,
    LastBubble,
    Moved,
    Notice,
    Owed,
    Pause,
    PauseReason,
    PromptMessage,
    Standing,
    Status,
    Turn,
    Usage,
    Utterance,
)
from app.core.switches import switch_of
from app.core.trace import Span
from app.errors import LeaseLost, Parked, Paused, Scope
from app.metrics import Counter, Gauge, Histogram
from app.pipeline.ports import (
    NOTHING_MORE,
    Bot,
    Clearance,
    Closing,
    Finish,
    Limits,
    Operators,
    Outcome,
    ReplyServices,
    Taken,
    TurnRecord,
)

NUMBER = "100000000000001"
PAIR = timedelta(seconds=6)
FAILURE = ("failed_code", "failed_at")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def said(
    text: str,
    *,
    user_id: str | None = "US.1001",
    phone: str | None = "15550100",
    number: str = NUMBER,
    wamid: str = "",
    at: datetime = NOW,
    readable: bool = True,
) -> InboundMessage:
    """A message a person sent."""
    return InboundMessage(
        wamid=wamid or f"wamid.{uuid.uuid4().hex}",
        phone_number_id=number,
        user_id=user_id,
        phone=phone,
        name=None,
        sent_at=at,
        kind="text" if readable else "audio",
        text=text,
        readable=readable,
    )


def outcomes(taken: Sequence[Taken]) -> list[Outcome]:
    """What became of events, in a word each."""
    return [one.outcome for one in taken]


class FakeClock:
    """Time that stands until somebody sleeps."""

    def __init__(self) -> None:
        self.time = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class FakeMeter:
    """Counts in a dict; insists on the labels that each metric says it has.

    Attributes:
        counts: By the metric and its labels' values, in the order of the labels' names.
        seen: Values of histograms.
        labelled: The same, by the labels' values in the order of the labels' names.
    """

    def __init__(self) -> None:
        self.counts: defaultdict[tuple[Counter | str, ...], float] = defaultdict(float)
        self.seen: defaultdict[Histogram, list[float]] = defaultdict(list)
        self.labelled: defaultdict[Histogram, defaultdict[tuple[str, ...], list[float]]]
        self.labelled = defaultdict(lambda: defaultdict(list))

    def count(self, metric: Counter, amount: float = 1, **labels: str) -> None:
        assert sorted(labels) == sorted(metric.labels), metric.name
        self.counts[(metric, *(labels[key] for key in sorted(labels)))] += amount

    def observe(self, metric: Histogram, value: float, **labels: str) -> None:
        assert sorted(labels) == sorted(metric.labels), metric.name
        self.seen[metric].append(value)
        self.labelled[metric][tuple(labels[key] for key in sorted(labels))].append(value)


class FakeTracer:
    """Keeps spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def ended(self, span: Span) -> None:
        self.spans.append(span)


@dataclass
class FakeModel:
    """Says what it is told to, delta by delta; an exception among the deltas is raised.

    Attributes:
        answers: One list of deltas for each request; the last one is used again.
        prompts: What was asked.
        before_delta: Awaited before each delta, with its number from 0.
    """

    answers: Sequence[Sequence[str | Exception]]
    prompts: list[Sequence[PromptMessage]] = field(default_factory=list)
    before_delta: Callable[[int], object] | None = None
    closed: int = 0
    finish: Finish = field(default_factory=lambda: Finish("stop"))
    provider: str = "openai"
    name: str = "a model of the tests"

    async def stream(self, prompt: Sequence[PromptMessage]) -> AsyncGenerator[str | Finish, None]:
        answer = self.answers[min(len(self.prompts), len(self.answers) - 1)]
        self.prompts.append(prompt)
        try:
            for number, delta in enumerate(answer):
                if self.before_delta:
                    result = self.before_delta(number)
                    if asyncio.iscoroutine(result):
                        await result
                if isinstance(delta, Exception):
                    raise delta
                yield delta
            yield self.finish
        finally:
            self.closed += 1


@dataclass
class FakeChannel:
    """Remembers what was sent; ``faults`` are raised first, one for each send (``None``: none)."""

    sent: list[tuple[Address, str, str]] = field(default_factory=list)
    typing: list[str] = field(default_factory=list)
    faults: list[Exception | None] = field(default_factory=list)
    on_send: Callable[[str], object] | None = None

    async def send(
        self, address: Address, text: str, *, callback: str, leave_by: float = math.inf
    ) -> str:
        if self.on_send:
            result = self.on_send(text)
            if asyncio.iscoroutine(result):
                await result
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            raise fault
        self.sent.append((address, text, callback))
        return f"wamid.out{len(self.sent)}"

    async def show_typing(
        self, phone_number_id: str, wamid: str, *, on_written: Callable[[], None] = lambda: None
    ) -> None:
        on_written()
        self.typing.append(wamid)

    @property
    def texts(self) -> list[str]:
        """What the person has read."""
        return [text for _, text, _ in self.sent]


@dataclass
class _Conversation:
    key: str
    number: str
    phone: str | None = None
    user_id: str | None = None
    inbox: list[InboundMessage] = field(default_factory=list)
    history: list[Utterance] = field(default_factory=list)
    turn: str | None = None
    lease: str | None = None
    last: LastBubble | None = None
    open: str | None = None
    given_up: bool = False
    pause: Pause | None = None
    aside: int = 0
    owed: Owed = ""
    stopped_at: float = 0
    used: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    told_until: datetime = NOW
    turns: list[str] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    former: list[str] = field(default_factory=list)


@dataclass
class _Hold:
    until: datetime
    times: int = 0
    probe: str = ""
    held: timedelta = timedelta()


class FakeStore:
    """The ``Store`` port in one process's memory: one dict for each kind of key.

    Attributes:
        queue: Turns that a worker would take: (turn id, conversation).
        deaf: Whether signals to turns in hand are lost on the way.
        calls: For a human: conversation and reason, as operators are told of them.
        hears: Whether webhooks can come in.
    """

    def __init__(self, keys: Keys, clock: FakeClock | None = None) -> None:
        self._keys = keys
        self.clock = clock or FakeClock()
        self._aliases: dict[str, _Conversation] = {}
        self._conversations: dict[str, _Conversation] = {}
        self._seen: dict[str, str] = {}
        self._bubbles: dict[str, dict[str, str]] = defaultdict(dict)
        self._hands: dict[str, _FakeHand] = {}
        self._troubles: dict[str, str] = {}
        self.watched: Mapping[str, str] = {}
        self._accounts: dict[str, str] = {}
        self._watch_until = self.clock.now()
        self._told_at: dict[str, datetime] = {}
        self.records: dict[str, dict[str, str]] = defaultdict(dict)
        self.queue: list[tuple[str, str]] = []
        self.deaf = False
        self.hears = True
        self.holds: dict[str, _Hold] = {}
        self.number_wait = timedelta()
        self._full_at: dict[str, datetime] = {}
        self._number_pauses: dict[str, Pause] = {}
        self._woken: set[str] = set()
        self.calls: list[tuple[str, PauseReason]] = []

    def check_holds(self, token: str) -> None:
        """Raise ``Parked`` while a scope is held, unless this turn is its probe."""
        now = self.clock.now()
        others = {scope: hold for scope, hold in self.holds.items() if hold.probe != token}
        still = [(hold.until, scope) for scope, hold in others.items() if hold.until > now]
        if still:
            until, scope = max(still)
            raise Parked(until - now, scope=cast(Scope, scope.partition(":")[0]))
        for hold in others.values():
            most = min(max(hold.held, timedelta(seconds=1)), timedelta(minutes=1))
            hold.until, hold.probe = now + most, token

    def take_burst(self, conversation: str) -> int:
        """Take one of the pair's ten bubbles, which come back one in 6 s; how many are left.

        Raises:
            Parked: None is left.
        """
        now, burst = self.clock.now(), 10 * PAIR
        full_at = max(self._full_at.get(conversation, now), now) + PAIR
        if full_at - now > burst:
            raise Parked(full_at - now - burst, scope="pair")
        self._full_at[conversation] = full_at
        return (burst - (full_at - now)) // PAIR

    async def gauges(self) -> Mapping[Gauge, float]:
        everybody = list(self._conversations.values())
        waiting = [found for found in everybody if found.inbox and not self._silent_for(found)]
        given_up = sum(found.given_up for found in waiting)
        oldest = min((f.inbox[0].sent_at for f in waiting if not f.given_up), default=None)
        waited = (self.clock.now() - oldest).total_seconds() if oldest else 0.0
        return {
            metrics.OLDEST_UNANSWERED_SECONDS: max(0.0, waited),
            metrics.UNANSWERED: len(waiting) - given_up,
            metrics.GIVEN_UP: given_up,
            metrics.PAUSED: sum(found.pause is not None for found in everybody),
            metrics.QUEUED: len(self.queue),
            metrics.EXECUTING: sum(found.lease is not None for found in waiting),
            metrics.SCHEDULED: 0,
            metrics.WORKERS: 0,
        }

    async def report_trouble(self, scope: str, code: str) -> None:
        self._troubles[scope] = code

    async def troubles(self) -> Mapping[str, str]:
        return {**self.watched, **self._troubles}

    async def accounts(self) -> Mapping[str, str]:
        return dict(self._accounts)

    async def take_watch(self) -> bool:
        if self.clock.now() < self._watch_until:
            return False
        self._watch_until = self.clock.now() + timedelta(minutes=1)
        return True

    async def end_watch(self, found: Mapping[str, str] | None) -> None:
        self.watched = self.watched if found is None else found
        self._watch_until = self.clock.now() + timedelta(minutes=5)

    async def ping(self) -> None:
        return None

    async def sweep(self) -> int:
        live = {conversation for _, conversation in self.queue}
        stranded = [
            found
            for found in self._conversations.values()
            if not self._keeps_silent(found)
            and found.inbox
            and not found.lease
            and found.key not in live
            and not found.given_up
            and (
                self.clock.now() - found.inbox[0].sent_at > timedelta(seconds=10)
                or found.key in self._woken
            )
        ]
        self._woken.clear()
        for found in stranded:
            self._queue(found)
        return len(stranded)

    async def beat(self) -> None:
        self.hears = True

    async def record_of(self, wamid: str) -> TurnRecord | None:
        turn_id = self._seen.get(self._keys.message(wamid))
        return TurnRecord(turn_id, dict(self.records[turn_id])) if turn_id else None

    async def take_in(self, events: Sequence[Event]) -> list[Taken]:
        return [self._take(event) for event in events]

    def _take(self, event: Event) -> Taken:
        match event:
            case InboundMessage():
                return self._take_message(event)
            case Status():
                return self._take_status(event)
            case Moved():
                return self._take_move(event)
            case Notice():
                return Taken(self._take_notice(event))
            case Echo():
                return self._take_echo(event)
            case Ignored():
                return Taken(self._remember(event.wamid or uuid.uuid4().hex, "ignored"))

    def _take_echo(self, echo: Echo) -> Taken:
        if "turn" in self._bubbles.get(self._keys.message(echo.wamid), {}):
            return Taken("ignored")
        if self._remember(echo.wamid, "news") == "duplicate":
            return Taken("duplicate")
        found = self._resolve(echo)
        until = echo.silent_until
        is_late = until is None or until <= self.clock.now()
        if not (is_late and any(message.sent_at > echo.sent_at for message in found.inbox)):
            self._record_inbox(found)
        self._remember_aside(found, Utterance("assistant", echo.text))
        new = not is_late and self._set_pause(found, "colleague", until)
        if new:
            self.calls.append((found.key, "colleague"))
        return Taken("paused" if new else "news", found.key)

    def _take_notice(self, notice: Notice) -> Outcome:
        if notice.effect == "tell":
            return "news"
        if notice.at is not None:
            if notice.at < self._told_at.get(notice.account_id or "", notice.at):
                return "stale"
            self._told_at[notice.account_id or ""] = notice.at
        if notice.effect == "resume":
            self.holds.pop(notice.scope, None)
            self._troubles.pop(notice.scope, None)
            return "news"
        self.hold(notice.scope, "no probe", notice.wait, notice.growth)
        self._troubles[notice.scope] = notice.code
        return "news"

    def hold(self, scope: str, token: str, wait: timedelta, growth: int) -> timedelta:
        """Stop sending for a scope; how long it is held for now."""
        now = self.clock.now()
        hold = self.holds.setdefault(scope, _Hold(now))
        if hold.until > now and hold.probe != token:
            return hold.until - now
        held: timedelta = min(wait * growth**hold.times, timedelta(hours=1))
        hold.until, hold.probe, hold.times, hold.held = now + held, "", hold.times + 1, held
        return held

    def lift_holds(self, token: str) -> None:
        """A send got through: a probe's, or one after a hold, ends it."""
        now = self.clock.now()
        for scope, hold in list(self.holds.items()):
            if hold.probe == token or hold.until <= now:
                del self.holds[scope]
                self._troubles.pop(scope, None)

    def _remember(self, wamid: str, outcome: Outcome) -> Outcome:
        key = self._keys.message(wamid)
        if key in self._seen:
            return "duplicate"
        self._seen[key] = ""
        return outcome

    def _take_message(self, message: InboundMessage) -> Taken:
        if self._remember(message.wamid, "queued") == "duplicate":
            return Taken("duplicate")
        conversation = self._resolve(message)
        silent = self._silent_for(conversation)
        if switch := switch_of(message.text):
            self._flip(conversation, switch.way, silent, message.sent_at)
            silent = self._keeps_silent(conversation)
        if silent == "stop":
            self._remember_aside(conversation, Utterance("user", message.text))
            return Taken("paused", conversation.key)
        conversation.inbox.append(message)
        conversation.inbox.sort(key=lambda waiting: waiting.sent_at)
        if silent:
            self._record_inbox(conversation, but=100)
            return Taken("paused", conversation.key)
        if conversation.lease or conversation.turn in dict(self.queue):
            if conversation.key in self._hands and not self.deaf:
                self._hands[conversation.key].grown.set()
            turn_id = conversation.open or conversation.turn or ""
            return Taken("joined", conversation.key, turn_id)
        self._queue(conversation)
        return Taken("queued", conversation.key, conversation.turn or "")

    async def pause(
        self, conversation: str, *, reason: PauseReason, until: datetime | None
    ) -> bool:
        found = self._conversations[conversation]
        new = self._set_pause(found, reason, until)
        if reason == "stop":
            self._record_inbox(found)
        return new

    def _set_pause(self, found: _Conversation, reason: PauseReason, until: datetime | None) -> bool:
        self._silent_for(found)  # ends one that is over
        now, known = self.clock.now(), found.pause
        if known:
            longer = known.until is None or (until is not None and known.until >= until)
            yields = reason in ("operator", "stop") or not longer
            if (known.reason == "stop" and reason != "stop") or not yields:
                return False
        found.pause = Pause(reason, known.since if known else now, until)
        if found.key in self._hands and not self.deaf:
            self._hands[found.key].grown.set()
        return known is None

    async def resume(self, conversation: str) -> bool:
        found = self._conversations[conversation]
        self._silent_for(found)
        ended, found.pause = found.pause is not None, None
        found.owed = "" if found.owed == "stopped" else found.owed
        self._wake(found)
        return ended

    async def pause_of(self, conversation: str) -> Pause | None:
        found = self._conversations.get(conversation)
        pause = found.pause if found else None
        return pause if pause and not self._is_over(pause) else None

    async def pause_number(self, phone_number_id: str, *, until: datetime | None) -> bool:
        known = await self.pause_of_number(phone_number_id)
        self._number_pauses[phone_number_id] = Pause("operator", self.clock.now(), until)
        return known is None

    async def resume_number(self, phone_number_id: str) -> bool:
        known = await self.pause_of_number(phone_number_id)
        self._number_pauses.pop(phone_number_id, None)
        for found in self._conversations.values():
            if found.number == phone_number_id:
                self._wake(found)
        return known is not None

    async def pause_of_number(self, phone_number_id: str) -> Pause | None:
        pause = self._number_pauses.get(phone_number_id)
        return pause if pause and not self._is_over(pause) else None

    def _is_over(self, pause: Pause) -> bool:
        return pause.until is not None and pause.until <= self.clock.now()

    def _silent_for(self, found: _Conversation) -> PauseReason | None:
        """Why nobody may answer here now; a pause that is over ends here."""
        if found.pause and self._is_over(found.pause):
            reason, found.pause = found.pause.reason, None
            self._woken.add(found.key)
            if reason == "colleague":
                self._record_inbox(found)
        if found.pause:
            return found.pause.reason
        of_number = self._number_pauses.get(found.number)
        return of_number.reason if of_number and not self._is_over(of_number) else None

    def _keeps_silent(self, found: _Conversation) -> PauseReason | None:
        """The same for a turn, which may say the sentence that is owed about a STOP."""
        reason = self._silent_for(found)
        if reason != "stop" or not found.owed:
            return reason
        of_number = self._number_pauses.get(found.number)
        return of_number.reason if of_number and not self._is_over(of_number) else None

    def _flip(
        self, found: _Conversation, way: str, silent: PauseReason | None, said_at: datetime
    ) -> None:
        if way == "stop":
            found.stopped_at = max(found.stopped_at, said_at.timestamp())
            if silent != "stop":
                self._set_pause(found, "stop", None)
                found.owed = "stopped"
        elif silent == "stop" and said_at.timestamp() >= found.stopped_at:
            found.pause, found.owed = None, "started"

    def _note_usage(self, found: _Conversation, record: dict[str, str]) -> None:
        if "minute_turns" in record:
            return
        minute = self.count_up(found, "minute", 1, timedelta(minutes=1))
        day = self.count_up(found, "day", 1, timedelta(days=1))
        tokens = self.count_up(found, "tokens", 0, timedelta(days=1))
        told = found.told_until > self.clock.now()
        record.update(minute_turns=str(minute), day_turns=str(day), day_tokens=str(tokens))
        record["told"] = str(int(told))

    def count_up(self, found: _Conversation, window: str, amount: int, length: timedelta) -> int:
        """What the person has used up of a window that begins with its first use."""
        now = self.clock.now()
        ends, count = found.used.get(window, (now, 0))
        if ends <= now:
            ends, count = now + length, 0
        if amount:
            found.used[window] = (ends, count + amount)
        return count + amount

    def _wake(self, found: _Conversation) -> None:
        busy = found.lease or found.turn in dict(self.queue)
        if not self._keeps_silent(found) and found.inbox and not busy:
            self._queue(found)

    def _record_inbox(self, found: _Conversation, but: int = 0) -> None:
        if found.lease:
            return
        first_kept = max(0, len(found.inbox) - but)
        gone, found.inbox = found.inbox[:first_kept], found.inbox[first_kept:]
        for message in gone:
            self._remember_aside(found, Utterance("user", message.text))
        if not but:
            found.given_up = False
            self._close_open(found)

    def _record_left(self, found: _Conversation) -> None:
        """What a turn has left when a colleague answered, or a STOP came: nobody answers it."""
        if found.aside:
            first = len(found.history) - found.aside
            later, found.history, found.aside = found.history[first:], found.history[:first], 0
            self._record_inbox(found)
            found.history += later

    def _close_open(self, found: _Conversation) -> None:
        if not found.open:
            return
        record, said = self.records[found.open], []
        for number in range(len(record)):
            shown = record.get(f"state:{number}") in ("sending", "sent", "uncertain")
            if shown and str(number) != record.get("apology"):
                said.append(record[f"source:{number}"])
        if said:
            self._remember_aside(found, Utterance("assistant", "\n\n".join(said)))
        record["ending"], found.open = "paused", None

    def _remember_aside(self, found: _Conversation, entry: Utterance) -> None:
        found.history.append(entry)
        found.aside += found.lease is not None

    def _queue(self, conversation: _Conversation) -> None:
        conversation.turn, conversation.given_up = uuid.uuid4().hex, False
        self.queue.append((conversation.turn, conversation.key))

    def _resolve(self, message: InboundMessage | Echo) -> _Conversation:
        number = message.phone_number_id
        user_key = self._keys.user(number, message.user_id) if message.user_id else ""
        phone_key = self._keys.phone(number, message.phone) if message.phone else ""
        by_user, by_phone = self._aliases.get(user_key), self._aliases.get(phone_key)
        found = by_user or (
            by_phone if not user_key or (by_phone and not by_phone.user_id) else None
        )
        if found is None:
            new = _Conversation(user_key or phone_key, number)
            found = self._conversations.setdefault(new.key, new)  # a STOP stands there still
            found.number = number
        if by_phone and by_phone is not found and by_phone.user_id:
            by_phone.phone = None
        found.user_id = message.user_id or found.user_id
        found.phone = message.phone or found.phone
        for key in filter(None, (user_key, phone_key)):
            self._keep_alias(key, found)
        return found

    def _keep_alias(self, key: str, found: _Conversation) -> None:
        before = self._aliases.get(key)
        if before and before is not found and not before.user_id:
            self._merge(before, found)
        self._aliases[key] = found

    def _merge(self, found: _Conversation, other: _Conversation) -> None:
        if found.pause and not self._is_over(found.pause):
            self._set_pause(other, found.pause.reason, found.pause.until)
        other.merged.add(found.key)

    def _take_status(self, status: Status) -> Taken:
        bubble = self._bubbles[self._keys.message(status.wamid)]
        parts = (status.callback or "").split(":")
        if len(parts) == 3:
            bubble.update(turn=parts[0], number=parts[1])
        before = int(bubble.get("delivery", "0"))
        if before >= status.delivery:
            return Taken("stale")
        landed = before < Delivery.DELIVERED <= status.delivery
        bubble.update(delivery=str(int(status.delivery)), at=str(status.at.timestamp()))
        if "turn" in bubble:
            attempt = int(parts[2]) if len(parts) == 3 else None
            code = str(status.error_code or "")
            at = status.at.timestamp()
            self.note_delivery(
                bubble["turn"], bubble["number"], status.delivery, at=at, code=code, attempt=attempt
            )
            if bubble["turn"] in self._hands:
                self._hands[bubble["turn"]].status_came.set()
        word: Outcome = "landed" if landed else "news"
        return self._told_of(bubble, parts[2] if len(parts) == 3 else "", word)

    def _told_of(self, bubble: Mapping[str, str], attempt: str, word: Outcome) -> Taken:
        if "turn" not in bubble:
            return Taken(word)
        turn_id, number = bubble["turn"], bubble["number"]
        record = self.records[turn_id]
        attempt = attempt or record.get(f"attempt:{number}", "")
        first = record.get("begun", "").partition(" ")[0]
        sent_at = record.get(f"sending_at:{number}", "")
        conversation = record.get("conversation", "")
        return Taken(word, conversation, turn_id, number, attempt, first, sent_at)

    def note_delivery(
        self,
        turn: str,
        number: str,
        delivery: int,
        *,
        at: float,
        code: str = "",
        attempt: int | None = None,
    ) -> None:
        """How far a bubble has come: never back, and an earlier attempt's failure is nothing."""
        record = self.records[turn]
        now = int(record.get(f"attempt:{number}", "0"))
        late_failure = delivery == Delivery.FAILED and attempt is not None and attempt < now
        if int(record.get(f"delivery:{number}", "0")) < delivery and not late_failure:
            record[f"delivery:{number}"] = str(int(delivery))
            record[f"failed_code:{number}"] = code
            record[f"{Delivery(delivery).name.lower()}_at:{number}"] = str(at)

    def _take_move(self, moved: Moved) -> Taken:
        number, keys = moved.phone_number_id, self._keys
        old_user = keys.user(number, moved.old_user_id) if moved.old_user_id else ""
        old_phone = keys.phone(number, moved.old_phone) if moved.old_phone else ""
        new_user = keys.user(number, moved.new_user_id) if moved.new_user_id else ""
        new_phone = keys.phone(number, moved.new_phone) if moved.new_phone else ""
        found = self._aliases.get(old_user) or self._aliases.get(old_phone)
        if found is None:
            return Taken("ignored")
        other, holder = self._aliases.get(new_user), self._aliases.get(new_phone)
        if not other and holder:
            if holder.user_id in (None, moved.new_user_id):
                other = holder
            elif holder is not found:
                holder.phone = None
        if moved.old_user_id and moved.old_user_id not in found.former:
            found.former.append(moved.old_user_id)
        found.user_id = moved.new_user_id or found.user_id
        found.phone = moved.new_phone or found.phone
        target = found
        if other and other is not found:
            other.history[:0], found.history = found.history, []
            self._merge(found, other)
            target = other
        if new_phone and old_phone and new_phone != old_phone:
            self._keep_alias(old_phone, target)
            del self._aliases[old_phone]
        for key in filter(None, (old_user, new_user, new_phone)):
            self._keep_alias(key, target)
        return Taken("moved", target.key)

    @asynccontextmanager
    async def turn(self, conversation: str, turn_id: str) -> AsyncIterator["_FakeHand | None"]:
        found = self._conversations.get(conversation)
        self.queue = [job for job in self.queue if job[0] != turn_id]
        if found is None or found.lease or self._keeps_silent(found) or not found.inbox:
            yield None
            return
        open_one = self.records[found.open] if found.open else {}
        if found.owed and found.open and open_one.get("owed") != found.owed:
            self._close_open(found)
            turn_id = uuid.uuid4().hex
        turn_id = found.open or turn_id
        if "ending" in self.records[turn_id]:
            yield None
            return
        token = uuid.uuid4().hex
        self.check_holds(token)
        self._note_usage(found, self.records[turn_id])
        if account := found.inbox[-1].account_id:
            self._accounts[found.number] = account
        found.aside = 0
        self.records[turn_id]["owed"] = found.owed
        hand = _FakeHand(self, found, turn_id, token)
        names = [conversation, turn_id]
        if hand.turn.before:
            names.append(hand.turn.before.reply_id)
        self._hands.update(dict.fromkeys(names, hand))
        try:
            yield hand
        finally:
            for name in names:
                if self._hands.get(name) is hand:
                    del self._hands[name]
            if found.lease == hand.turn.token:
                found.lease = None
                if self._keeps_silent(found):
                    self._record_left(found)

    def steal(self, conversation: str) -> None:
        """What happens to a lease that ran out: another worker has it."""
        self._conversations[conversation].lease = "another"


class _FakeHand:
    def __init__(
        self, store: FakeStore, conversation: _Conversation, turn_id: str, token: str
    ) -> None:
        self._store, self._conversation = store, conversation
        self._record = record = store.records[turn_id]
        conversation.lease, conversation.turn = token, turn_id
        record["conversation"] = conversation.key
        record["runs"] = str(int(record.get("runs", "0")) + 1)
        if "started_at" not in record:
            record["said_at"] = str(conversation.inbox[0].sent_at.timestamp())
            record["queued_at"] = store.clock.now().isoformat()
            record["started_at"] = self._now()
            conversation.turns.insert(0, turn_id)
        if "begun" not in record and "delivery:0" not in record:
            self._drop_plan()
        answered = record["begun"].split() if "begun" in record else None
        last = conversation.last
        self.turn = Turn(
            turn_id=turn_id,
            conversation=conversation.key,
            token=token,
            messages=[
                message for message in conversation.inbox if self._is_read(message, answered)
            ],
            history=list(conversation.history),
            standing=[
                one
                for one in self._standing(turn_id)
                if str(one.bubble.number) != record.get("apology")
            ],
            next_number=len(list(self._standing(turn_id))),
            deaths=int(record.get("deaths", "0")),
            whole="whole" in record,
            before=last if last and last.reply_id != turn_id else None,
            owed=conversation.owed,
            instead=record.get("instead", "") if "begun" in record else "",
            usage=Usage(
                int(record["minute_turns"]),
                int(record["day_turns"]),
                int(record["day_tokens"]),
                record["told"] == "1",
            ),
        )
        self.grown = asyncio.Event()
        self.status_came = asyncio.Event()

    def _now(self) -> str:
        return str(self._store.clock.now().timestamp())

    def _is_read(self, message: InboundMessage, answered: Sequence[str] | None) -> bool:
        if answered is not None:
            return self._store._keys.message(message.wamid) in answered
        started = float(self._record["started_at"])
        return "delivery:0" not in self._record or message.sent_at.timestamp() <= started

    def _answers(self) -> str:
        return " ".join(self._store._keys.message(one.wamid) for one in self.turn.messages)

    def _drop_plan(self) -> None:
        for name in list(self._record):
            if name.split(":")[0] in ("state", "source", "text", "planned_at", "whole"):
                del self._record[name]

    def _standing(self, turn_id: str) -> Iterator[Standing]:
        number = 0
        while f"state:{number}" in self._record:
            of = {name: self._record.get(f"{name}:{number}", "") for name in ("source", "text")}
            deadline = self._record.get(f"deadline:{number}")
            state = self._record[f"state:{number}"]
            if state == "planned" and self._is_sent(number):
                state = "sent"
            yield Standing(
                Bubble(turn_id, number, of["text"], of["source"]),
                cast(BubbleState, state),
                int(self._record.get(f"attempt:{number}", "0")),
                datetime.fromisoformat(deadline) if deadline else None,
            )
            number += 1

    def _is_sent(self, number: int) -> bool:
        known = self._record.get(f"delivery:{number}")
        return known is not None and known != str(int(Delivery.FAILED))

    def _check(self) -> None:
        if self._conversation.lease != self.turn.token:
            raise LeaseLost("another worker holds the conversation")

    async def join(self) -> Turn:
        self._check()
        self.grown.clear()
        if self._store._keeps_silent(self._conversation):
            raise Paused("a pause has begun")
        self._drop_plan()
        self._record["joins"] = str(int(self._record.get("joins", "0")) + 1)
        found = self._conversation
        self._record["owed"] = found.owed
        self.turn = replace(self.turn, messages=list(found.inbox), owed=found.owed)
        return self.turn

    async def plan(self, bubbles: Sequence[Bubble], *, whole: bool) -> None:
        self._check()
        for bubble in bubbles:
            if f"state:{bubble.number}" not in self._record:
                self._write(bubble, "planned")
                self._record[f"planned_at:{bubble.number}"] = self._now()
        if whole:
            self._record["whole"] = "1"

    def _write(self, bubble: Bubble, state: str) -> None:
        self._record[f"state:{bubble.number}"] = state
        self._record[f"source:{bubble.number}"] = bubble.source
        self._record[f"text:{bubble.number}"] = bubble.text

    async def begin_send(
        self, bubble: Bubble, *, attempt: int, within: timedelta, unless_grown: bool = False
    ) -> Clearance | None:
        self._check()
        owed = self.turn.owed
        silent = self._store._keeps_silent if owed else self._store._silent_for
        if silent(self._conversation):
            raise Paused("a pause has begun")
        if self._is_sent(bubble.number):
            if f"state:{bubble.number}" not in self._record:
                self._write(bubble, "sent")
            self._record[f"state:{bubble.number}"] = "sent"
            self._record.setdefault("begun", self._answers())
            self._conversation.open = self.turn.turn_id
            return Clearance(Address("", None, None), timedelta(), 0, is_sent=True)
        if unless_grown and len(self._conversation.inbox) > len(self.turn.messages):
            return None
        self._store.check_holds(self.turn.token)
        burst_left = self._store.take_burst(self._conversation.key)
        self._record.setdefault("begun", self._answers())
        self._write(bubble, "sending")
        if self._record.get(f"delivery:{bubble.number}") == str(int(Delivery.FAILED)):
            code, at = (self._record.pop(f"{of}:{bubble.number}") for of in FAILURE)
            self._note_failure(bubble, "failed", code, at)
            del self._record[f"delivery:{bubble.number}"]
        self._record[f"attempt:{bubble.number}"] = str(attempt)
        self._record[f"sending_at:{bubble.number}"] = self._now()
        now = self._store.clock.now()
        self._record[f"deadline:{bubble.number}"] = (now + within).isoformat()
        self._record[f"waits_from:{bubble.number}"] = (now + within).isoformat()
        found = self._conversation
        found.last = LastBubble(self.turn.turn_id, bubble.number, now)
        found.open = self.turn.turn_id
        address = Address(found.number, found.phone, found.user_id)
        return Clearance(address, self._store.number_wait, burst_left)

    async def hold(
        self, scope: Scope, *, code: int | str, wait: timedelta, growth: int
    ) -> timedelta:
        return self._store.hold(scope, self.turn.token, wait, growth)

    async def settle_send(
        self,
        bubble: Bubble,
        *,
        wamid: str | None = None,
        uncertain: bool = False,
        code: int | str | None = None,
    ) -> None:
        state = "sent" if wamid else "uncertain" if uncertain else "unsent"
        if not wamid and self._conversation.lease != self.turn.token:
            return
        if wamid:
            self._store.lift_holds(self.turn.token)
        self._record[f"state:{bubble.number}"] = state
        if uncertain:
            self._record[f"waits_from:{bubble.number}"] = self._store.clock.now().isoformat()
        self._record[f"at:{bubble.number}"] = self._now()
        if not wamid:
            self._note_failure(bubble, state, str(code or ""), self._now())
        if wamid:
            known = self._store._bubbles[self._store._keys.message(wamid)]
            known.update(turn=self.turn.turn_id, number=str(bubble.number))
            delivery = int(known.get("delivery", Delivery.SENT))
            at = float(known.get("at", self._now()))
            self._store.note_delivery(self.turn.turn_id, str(bubble.number), delivery, at=at)
            if self.turn.turn_id in self._store._hands:
                self._store._hands[self.turn.turn_id].status_came.set()

    def _note_failure(self, bubble: Bubble, word: str, code: str, at: str) -> None:
        attempt = self._record.get(f"attempt:{bubble.number}", "0")
        before = self._record.get(f"trail:{bubble.number}", "")
        code = re.sub(r"[\s:]", "_", code)
        entry = f"{attempt}:{word}:{code}:{at}"
        self._record[f"trail:{bubble.number}"] = f"{before} {entry}".strip()

    async def delivery(
        self, reply_id: str, number: int, *, at_least: Delivery, within: timedelta
    ) -> tuple[Delivery, int | None] | None:
        record = self._store.records[reply_id]

        def known() -> tuple[Delivery, int | None] | None:
            value = record.get(f"delivery:{number}")
            code = record.get(f"failed_code:{number}")
            return (Delivery(int(value)), int(code) if code else None) if value else None

        try:
            async with asyncio.timeout(within.total_seconds()):
                while (found := known()) is None or found[0] < at_least:
                    self.status_came.clear()
                    await self.status_came.wait()
        except TimeoutError:
            pass
        return known()

    async def has_left(self, number: int, *, within: timedelta, most: timedelta) -> bool:
        waits_from = datetime.fromisoformat(self._record[f"waits_from:{number}"])
        left = waits_from + within - self._store.clock.now()
        wait, sent = min(max(left, timedelta()), most), Delivery.SENT
        if await self.delivery(self.turn.turn_id, number, at_least=sent, within=wait):
            return True
        if left > most or not self._store.hears:
            raise Parked(left)
        return False

    async def note(self, **fields: str | float) -> None:
        self._record.update({name: str(value) for name, value in fields.items()})

    async def give_up(self) -> None:
        self._check()
        found = self._conversation
        found.lease, found.turn, found.given_up = None, None, True
        self._record["given_up_at"] = self._now()
        self._record.pop("deaths", None)

    async def finish(self, said: str, *, ending: str, closing: Closing = NOTHING_MORE) -> None:
        self._check()
        found = self._conversation
        answered = list(self.turn.messages)
        found.inbox = [message for message in found.inbox if message not in answered]
        heard = "\n".join(message.text for message in answered)
        later = found.history[len(found.history) - found.aside :]
        found.history = found.history[: len(found.history) - found.aside]
        found.history += [Utterance("user", heard)]
        found.history += [Utterance("assistant", said)] if said else []
        found.history += later
        found.aside = 0
        for message in answered:
            self._store._seen[self._store._keys.message(message.wamid)] = self.turn.turn_id
        self._record.update(ending=ending, ended_at=self._now())
        if ending == "answered":
            self._store._troubles.pop("model", None)
        found.lease = found.turn = found.open = None
        self._close(found, closing)
        if self._store._keeps_silent(found) == "stop":
            self._store._record_inbox(found)
        if found.inbox and not self._store._keeps_silent(found):
            self._store._queue(found)

    def _close(self, found: _Conversation, closing: Closing) -> None:
        if found.owed == self.turn.owed:
            found.owed = ""
        if closing.tokens:
            self._store.count_up(found, "tokens", closing.tokens, timedelta(days=1))
        if closing.told:
            found.told_until = found.used[closing.told][0]
        if closing.pause and self._store._set_pause(found, closing.pause, closing.until):
            self._store.calls.append((found.key, closing.pause))


@dataclass
class World:
    """Fakes of everything, and the services made of them. No statuses come by themselves, so
    bubbles do not wait for any.
    """

    keys: Keys = field(default_factory=lambda: Keys("a key of the tests"))
    clock: FakeClock = field(default_factory=FakeClock)
    meter: FakeMeter = field(default_factory=FakeMeter)
    channel: FakeChannel = field(default_factory=FakeChannel)
    model: FakeModel = field(default_factory=lambda: FakeModel([["Yes, we are open."]]))
    limits: Limits = field(default_factory=lambda: Limits(order="sent"))
    bot: Bot = field(default_factory=Bot)
    operators: Operators | None = None
    tracer: FakeTracer | None = None
    prices: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = FakeStore(self.keys, self.clock)

    @property
    def services(self) -> ReplyServices:
        return ReplyServices(
            store=self.store,
            meter=self.meter,
            clock=self.clock,
            keys=self.keys,
            limits=self.limits,
            prices=self.prices,
            channel=self.channel,
            model=self.model,
            bot=self.bot,
            operators=self.operators,
            tracer=self.tracer,
        )


__all__ = ["NOW", "NUMBER", "Delivery", "World", "said"]
