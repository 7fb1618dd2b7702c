"""One turn in hand, in Redis: the ``TurnInHand`` port. Made by ``RedisStore.turn``."""

import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import orjson
import structlog
from redis.asyncio import Redis as AsyncRedis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from app.core.keys import Keys
from app.core.model import (
    Address,
    Bubble,
    BubbleState,
    Delivery,
    InboundMessage,
    LastBubble,
    Owed,
    Standing,
    Turn,
    Usage,
    Utterance,
)
from app.errors import LeaseLost, Parked, Paused, Scope
from app.pipeline.ports import NOTHING_MORE, Clearance, Closing, Rates

log = structlog.get_logger()

KEPT = timedelta(days=30)  # also as long as Meta tries to deliver a bubble ("Send messages")

INSIST = timedelta(minutes=5)
INSIST_PAUSE = timedelta(seconds=0.5)

LOST_MOST = timedelta(hours=1)
"""After so long, no status of a lost answer is waited for even where none could come in."""

MESSAGE_FIELDS = frozenset(InboundMessage.__annotations__)

MOST_MESSAGES = 100
"""Messages in one turn; what is over waits for the next."""


@dataclass(frozen=True, slots=True)
class TurnScripts:
    """The scripts of a turn's steps."""

    join: AsyncScript
    plan: AsyncScript
    begin_send: AsyncScript
    settle_send: AsyncScript
    hold: AsyncScript
    give_up: AsyncScript
    testify: AsyncScript
    lost_answer: AsyncScript
    finish: AsyncScript


@dataclass(slots=True)
class _Send:
    """What we know of one bubble's last send."""

    bubble: Bubble
    attempt: int
    deadline_at: datetime
    state: BubbleState = "sending"
    wamid_key: str = ""


class RedisTurn:
    """See ``TurnInHand``.

    Attributes:
        turn: What is answered now.
        grown: Set when the person has written again since the turn was read.
        status_came: Set when a status of this reply, or of the one before, has come.
        is_ending: Whether a script that gives the lease back is under way: a renewal that misses it
            then means nothing.
        finished: Whether the lease has been given back, or was found lost, by ``finish``.
    """

    def __init__(
        self,
        redis: "AsyncRedis",
        scripts: TurnScripts,
        keys: Keys,
        rates: Rates,
        *,
        ids: tuple[str, str, str],
        documents: Sequence[bytes],
        history: Sequence[bytes],
        record: Mapping[bytes, bytes],
        last: str,
        owed: Owed,
        texts_kept: timedelta,
    ) -> None:
        """
        Args:
            ids: Conversation, turn and token.
            documents: The waiting messages as they stand in the inbox, at least one.
            record: The turn's hash, as an earlier run may have left it.
            last: ``turn:number:seconds`` of the last bubble sent to this person, or ``""``.
        """
        self._redis, self._scripts, self._keys = redis, scripts, keys
        self._texts_kept = texts_kept
        conversation, turn_id, token = ids
        self._rates = rates.for_number(message_of(documents[0]).phone_number_id)
        self._joins = int(record.get(b"joins", b"0"))
        begun = record.get(b"begun")
        if begun is not None:  # then the reply stands: later messages are the next turn
            answered = set(begun.decode().split())
            documents = [one for one in documents if self._key_of(one) in answered]
        elif b"delivery:0" in record:  # a failover has forgotten which they were
            documents = _said_before(float(record.get(b"started_at", b"inf")), documents)
        self._documents = list(documents)
        has_begun = begun is not None or b"delivery:0" in record
        standing = list(_standing(turn_id, record)) if has_begun else []
        next_number = len(standing)
        if (apology := record.get(b"apology")) is not None:  # it is no part of the answer
            standing = [one for one in standing if one.bubble.number != int(apology)]
        self.turn = Turn(
            turn_id=turn_id,
            conversation=conversation,
            token=token,
            messages=[message_of(document) for document in documents],
            history=[utterance_of(entry) for entry in history],
            standing=standing,
            next_number=next_number,
            deaths=int(record.get(b"deaths", b"0")),
            whole=b"whole" in record,
            before=_last_bubble(last, turn_id),
            owed=owed,
            instead=record.get(b"instead", b"").decode() if begun is not None else "",
            usage=_usage(record),
        )
        self.grown = asyncio.Event()
        self.status_came = asyncio.Event()
        self.finished = False
        self.is_ending = False
        self._sends: dict[int, _Send] = {}

    def _key_of(self, document: bytes) -> str:
        return self._keys.message(orjson.loads(document)["wamid"])

    async def join(self) -> Turn:
        """See ``TurnInHand.join``."""
        self.grown.clear()
        turn = self.turn
        answer = await self._scripts.join(
            args=[turn.conversation, turn.token, turn.turn_id, MOST_MESSAGES]
        )
        if answer is None:
            raise LeaseLost("another worker holds the conversation")
        if answer == b"paused":
            raise Paused("a pause has begun")
        owed, documents = answer
        self._joins += 1
        self._documents = documents
        messages = [message_of(document) for document in documents]
        self.turn = replace(turn, messages=messages, owed=cast(Owed, owed.decode()))
        return self.turn

    async def plan(self, bubbles: Sequence[Bubble], *, whole: bool) -> None:
        """See ``TurnInHand.plan``."""
        turn = self.turn
        args: list[str | bytes | int] = [
            *(turn.conversation, turn.token, turn.turn_id, self._joins, int(whole))
        ]
        for bubble in bubbles:
            args += [bubble.number, _bytes(bubble.source), _bytes(bubble.text)]
        if not await self._scripts.plan(args=args):
            raise LeaseLost("another worker holds the conversation")

    async def begin_send(
        self, bubble: Bubble, *, attempt: int, within: timedelta, unless_grown: bool = False
    ) -> Clearance | None:
        """See ``TurnInHand.begin_send``."""
        turn = self.turn
        answer = await self._scripts.begin_send(
            args=[
                *(turn.conversation, turn.token, turn.turn_id, bubble.number, attempt),
                _bytes(bubble.source),
                _bytes(bubble.text),
                len(self._documents) if unless_grown else "",
                in_ms(within),
                time.time(),
                self._answers(),
                self._rates.pair_burst,
                self._rates.number_rate,
                int(bool(turn.owed)),
            ]
        )
        if answer[0] == b"lost":
            raise LeaseLost("another worker holds the conversation")
        if answer[0] == b"paused":
            raise Paused("a pause has begun")
        if answer[0] == b"grown":
            return None
        if answer[0] == b"held":
            raise Parked(timedelta(milliseconds=answer[1]), scope=cast(Scope, answer[2].decode()))
        if answer[0] == b"sent":
            return Clearance(Address("", None, None), timedelta(), burst_left=0, is_sent=True)
        wait = timedelta(milliseconds=answer[4])
        self._sends[bubble.number] = _Send(bubble, attempt, datetime.now(UTC) + wait + within)
        number_id, phone, user_id = (part.decode() for part in answer[1:4])
        return Clearance(
            Address(number_id, phone or None, user_id or None),
            wait=wait,
            burst_left=answer[5],
        )

    async def hold(
        self, scope: Scope, *, code: int | str, wait: timedelta, growth: int
    ) -> timedelta:
        """See ``TurnInHand.hold``."""
        wait_ms = in_ms(wait)
        turn = self.turn
        held_ms = await self._scripts.hold(
            args=[turn.conversation, turn.token, scope, code, wait_ms, growth]
        )
        return timedelta(milliseconds=held_ms)

    async def settle_send(
        self,
        bubble: Bubble,
        *,
        wamid: str | None = None,
        uncertain: bool = False,
        code: int | str | None = None,
    ) -> None:
        """See ``TurnInHand.settle_send``."""
        state: BubbleState = "sent" if wamid else "uncertain" if uncertain else "unsent"
        wamid_key = self._keys.message(wamid) if wamid else ""
        if bubble.number in self._sends:
            self._sends[bubble.number].state, self._sends[bubble.number].wamid_key = (
                state,
                wamid_key,
            )
        why = "" if code is None else code
        await self._insist(
            self._scripts.settle_send,
            [
                *(self.turn.conversation, self.turn.token, self.turn.turn_id, bubble.number),
                *(state, wamid_key, why, time.time()),
            ],
        )

    async def _insist(self, script: AsyncScript, args: Sequence[str | int | float]) -> None:
        """Run it again and again while Redis is away or full: nobody else knows what we know.

        Raises:
            RedisError, OSError: It stayed so for ``INSIST``.
        """
        clock = asyncio.get_running_loop().time
        deadline, waiting = clock() + INSIST.total_seconds(), False
        while True:
            try:
                await script(args=args)
                return
            except (RedisError, OSError) as exc:
                if clock() > deadline:
                    raise
                if not waiting:
                    log.warning("send.not_settled_yet", error=type(exc).__name__)
                waiting = True
            await asyncio.sleep(INSIST_PAUSE.total_seconds())

    async def testify(self) -> None:
        """Write down again what we know of our sends, for a primary that has forgotten some of it.

        Twice is harmless, and so is doing it when nothing was forgotten.
        """
        turn = self.turn
        args: list[str | bytes | int] = [turn.conversation, turn.turn_id, self._answers()]
        for number, send in self._sends.items():
            args += [number, send.attempt, send.state]
            args += [_bytes(send.bubble.source), _bytes(send.bubble.text)]
            args += [int(send.deadline_at.timestamp() * 1000), send.wamid_key]
        if self._sends:
            await self._scripts.testify(args=args)

    def _answers(self) -> str:
        return " ".join(self._keys.message(message.wamid) for message in self.turn.messages)

    async def delivery(
        self, reply_id: str, number: int, *, at_least: Delivery, within: timedelta
    ) -> tuple[Delivery, int | None] | None:
        """See ``TurnInHand.delivery``."""
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while True:
            self.status_came.clear()
            known = await self._known_delivery(reply_id, number)
            if known is not None and known[0] >= at_least:
                return known
            try:
                async with asyncio.timeout_at(deadline):
                    await self.status_came.wait()
            except TimeoutError:  # the last look is for a signal that was lost
                return await self._known_delivery(reply_id, number)

    async def _known_delivery(
        self, reply_id: str, number: int
    ) -> tuple[Delivery, int | None] | None:
        names = [f"delivery:{number}", f"failed_code:{number}"]
        delivery, code = await self._redis.hmget(f"rv:turn:{reply_id}", names)
        if delivery is None:
            return None
        return Delivery(int(delivery)), int(code) if code else None

    async def has_left(self, number: int, *, within: timedelta, most: timedelta) -> bool:
        """See ``TurnInHand.has_left``."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + most.total_seconds()
        args: list[str | int] = [self.turn.turn_id, number, in_ms(within), in_ms(LOST_MOST)]
        while True:
            self.status_came.clear()
            has_come, left_ms = await self._scripts.lost_answer(args=args)
            if has_come or not left_ms:
                return bool(has_come)
            if clock() >= deadline:
                raise Parked(timedelta(milliseconds=left_ms))
            try:
                async with asyncio.timeout_at(min(deadline, clock() + left_ms / 1000)):
                    await self.status_came.wait()
            except TimeoutError:
                pass  # it may be that no webhook could come in: then there is time left

    async def note(self, **fields: str | float) -> None:
        """See ``TurnInHand.note``."""
        key = f"rv:turn:{self.turn.turn_id}"
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, items=[part for pair in fields.items() for part in pair])
            pipe.expire(key, self._texts_kept)
            await pipe.execute()

    async def give_up(self) -> None:
        """See ``TurnInHand.give_up``."""
        turn = self.turn
        self.finished = self.is_ending = True
        if not await self._scripts.give_up(
            args=[turn.conversation, turn.token, turn.turn_id, time.time()]
        ):
            raise LeaseLost("another worker holds the conversation")

    async def finish(self, said: str, *, ending: str, closing: Closing = NOTHING_MORE) -> None:
        """See ``TurnInHand.finish``."""
        turn = self.turn
        heard = "\n".join(message.text for message in turn.messages)
        entries = [Utterance("user", heard)]
        if said:
            entries.append(Utterance("assistant", said))
        next_turn = uuid.uuid4().hex
        args: list[str | bytes | int | float] = [
            *(turn.conversation, turn.token, turn.turn_id, next_turn),
            *(rq_time(), ending, time.time(), self._closing(closing), len(entries)),
            *(entry_of(utterance) for utterance in entries),
        ]
        for message, document in zip(turn.messages, self._documents, strict=True):
            args += [self._keys.message(message.wamid), document]
        self.is_ending = True
        outcome = await self._scripts.finish(args=args)
        self.finished = True  # also when it was lost: there is nothing to give back
        if outcome == b"lost":
            raise LeaseLost("another worker holds the conversation")
        if outcome == b"queued":
            log.info("turn.queued", next_turn_id=next_turn)

    def _closing(self, closing: Closing) -> bytes:
        until = closing.until
        return orjson.dumps(
            {
                "owed": self.turn.owed,
                "pause": closing.pause or "",
                "ends": int(until.timestamp() * 1000) if until else 0,
                "told": closing.told,
                "tokens": closing.tokens,
                "call": uuid.uuid4().hex,
            }
        )


def utterance_of(entry: bytes) -> Utterance:
    """One entry as it stands in the history."""
    fields = orjson.loads(entry)
    return Utterance(fields["role"], fields["text"])


def entry_of(utterance: Utterance) -> bytes:
    """As the history keeps it; ``at`` tells the scripts when it is too old."""
    fields = {"role": utterance.role, "text": utterance.text, "at": int(time.time())}
    return orjson.dumps(fields)


def in_ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)


def rq_time() -> str:
    """Now, as RQ writes times into job hashes."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def message_of(document: bytes) -> InboundMessage:
    """A message as it stands in the inbox; what a newer version has added to it is left out."""
    fields = orjson.loads(document)
    known = {name: value for name, value in fields.items() if name in MESSAGE_FIELDS}
    sent_at = datetime.fromisoformat(fields["sent_at"]).astimezone(UTC)
    return InboundMessage(**{**known, "sent_at": sent_at})


def _said_before(moment: float, documents: Sequence[bytes]) -> Sequence[bytes]:
    """Those whose words are no later than a moment in Unix seconds; all, where none is."""
    said = [one for one in documents if message_of(one).sent_at.timestamp() <= moment]
    return said or documents


def _standing(turn_id: str, record: Mapping[bytes, bytes]) -> Iterator[Standing]:
    """The bubbles of an earlier run, in order."""
    number = 0
    while (state := record.get(b"state:%d" % number)) is not None:
        deadline_ms = record.get(b"deadline_ms:%d" % number)
        delivery = int(record.get(b"delivery:%d" % number, b"0"))
        if state == b"planned" and delivery not in (0, Delivery.FAILED):
            state = b"sent"
        yield Standing(
            bubble=Bubble(
                reply_id=turn_id,
                number=number,
                text=record.get(b"text:%d" % number, b"").decode(),
                source=record.get(b"source:%d" % number, b"").decode(),
            ),
            state=state.decode(),  # type: ignore[arg-type] # only our scripts write it
            attempt=int(record.get(b"attempt:%d" % number, b"0")),
            deadline_at=(
                datetime.fromtimestamp(float(deadline_ms) / 1000, UTC) if deadline_ms else None
            ),
        )
        number += 1


def _usage(record: Mapping[bytes, bytes]) -> Usage:
    names = (b"minute_turns", b"day_turns", b"day_tokens", b"told")
    minute, day, tokens, told = (int(record.get(name, b"0")) for name in names)
    return Usage(minute, day, tokens, bool(told))


def _last_bubble(last: str, turn_id: str) -> LastBubble | None:
    reply_id, _, rest = last.partition(":")
    number, _, seconds = rest.partition(":")
    if not seconds or reply_id == turn_id:
        return None
    return LastBubble(reply_id, int(number), datetime.fromtimestamp(float(seconds), UTC))


def _bytes(text: str) -> bytes:
    # A lone surrogate is no UTF-8; everything else comes back as it was.
    return text.encode("utf-8", "replace")
