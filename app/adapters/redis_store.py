"""Inboxes, turns, leases, histories and bubbles in Redis: the ``Store`` port.

Whatever must happen together is one Lua script (``lua/``): a process may die between any two calls.

Keys, all with an expiry but those marked ``*``:

=========================  =====  ==============================================================
``rv:seen:<message>``      str    a message taken in; once answered, the turn that answered it
``rv:alias:<person>``      str    the conversation of a user id or phone number
``rv:conversation:<c>``    hash   address, name, the live turn
``rv:inbox:<c>``           zset   messages that wait, by Meta's time
``rv:pending`` *           zset   conversations with waiting messages, by the oldest one's time
``rv:given_up`` *          zset   conversations whose turn failed too often, by when
``rv:paused`` *            zset   conversations where the bot is silent, by when it ends
``rv:paused_numbers`` *    zset   numbers where it is, likewise
``rv:pause:<c>``           str    a conversation's pause: reason, since and until (ms)
``rv:pause:number:<n>``    str    a number's pause, likewise
``rv:paused:<n>``          zset   conversations that wait for the end of their number's pause
``rv:minute:<c>``          str    a person's turns within a minute …
``rv:day:<c>``             str    … and within a day
``rv:tokens:<c>``          str    tokens likewise
``rv:told:<c>``            str    the person knows that a limit is reached
``rv:swept``               str    somebody has just swept
``rv:lease:<c>``           str    the token of the turn in hand
``rv:turn:<t>``            hash   one turn's record: its bubbles, times and ending
``rv:turns:<c>``           list   the conversation's turns, the newest first
``rv:bubble:<wamid key>``  hash   which bubble a wamid is, and how far it has come
``rv:history:<c>``         list   what was said
``rv:pair:<c>``            str    when the pair's burst is full again (ms)
``rv:number:<n>``          str    when the number's next send is free (ms)
``rv:hold:<scope>``        hash   until when nothing is sent for this scope, and why
``rv:trouble:<scope>``     str    what does not work now, for readiness
``rv:intake``              hash   when a web process last lived, and for how long none has
``rv:pulse``               str    a worker has just beaten
``rv:accounts``            hash   which account each of our numbers is of
``rv:watch``               str    somebody looks at Meta, or has just looked …
``rv:watched``             str    … and found this
``rv:account:<account>``   str    when Meta last stopped or resumed an account
``rv:ready``               str    could be written just now
``rv:metrics``             hash   counters and histograms of all processes
``rv:version`` *           str    of which version all this is (see ``redis_layout``)
``rv:owner`` *             str    demo or tests, where they own the database
=========================  =====  ==============================================================
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import chain
from secrets import token_hex
from typing import Any, cast

import orjson
import structlog
from redis.asyncio import Redis as AsyncRedis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError, ResponseError

from app import metrics
from app.adapters.leases import LEASE_SECONDS, Lease, LeaseKeeper
from app.adapters.redis_client import SOCKET_SECONDS
from app.adapters.redis_layout import LAYOUT, LAYOUT_KEY
from app.adapters.redis_troubles import TRIAL, TROUBLE, RedisTroubles
from app.adapters.redis_turn import (
    KEPT,
    MOST_MESSAGES,
    RedisTurn,
    TurnScripts,
    entry_of,
    in_ms,
    rq_time,
)
from app.adapters.shared_call import SharedCall
from app.core.keys import Keys
from app.core.model import (
    Echo,
    Event,
    Ignored,
    InboundMessage,
    Moved,
    Notice,
    Owed,
    Pause,
    PauseReason,
    Status,
    Utterance,
)
from app.core.switches import switch_of
from app.errors import LeaseLost, Parked, Unavailable
from app.pipeline.ports import DEFAULT_RATES, Outcome, Rates, Taken, TurnJobs, TurnRecord

log = structlog.get_logger()

SEEN = timedelta(days=8)  # Meta redelivers for 7 days ("Webhooks overview")
HISTORY_ENTRIES = 60
STORE_SECONDS = 2.0
"""How long a webhook may wait for Redis before Meta is asked to deliver again."""

BEATEN = timedelta(seconds=15)
"""Workers beat every 2 s; one that has not for so long is dead, stuck or cut off."""

SLICE = 100
"""Updates in one script call: a batch of 1,000 must not hold Redis for long."""

SWEEP_AGE = timedelta(seconds=10)
SWEEP_PAUSE = timedelta(seconds=3)
SWEEP_MOST = 50

FORGETS = timedelta(seconds=5)
"""How much a replica that becomes the primary may have missed."""

MOST_ENDED = 2000
"""Turns that are remembered for it."""

PAUSE_KEPT = timedelta(days=400)
"""How long a pause without an end is kept after the person's last words: whoever wrote STOP is not
to hear from us after a year's silence either."""

PAUSE_GRACE = timedelta(days=1)
"""How long it is remembered what a pause was for, after its end."""

LAST_OF_A_LEASE = timedelta(seconds=2.5)
"""A lease with so little left was not renewed when it should have been. RQ finds a dead worker's
job about then; parking it may cost 5 s more, where that worker was who queued the parked.
"""

MOST_HOLD = timedelta(hours=1)
LEAST_PROBE, MOST_PROBE = timedelta(seconds=1), timedelta(minutes=1)
"""How long the others wait for what becomes of a probe; in between, as long as the stop was."""

NEWS_CHANNEL = "rv:news"

NEWER = "Redis: holds the data of a newer version"
NEWER_PAUSE = timedelta(seconds=10)
"""How long a turn is left to the newer version's workers before it is looked at again."""

Update = tuple[bytes, bytes]
"""One event as the intake script reads it."""


class RedisStore:
    """The ``Store`` port on one Redis (or Valkey) primary."""

    def __init__(
        self,
        redis: "AsyncRedis",
        leases: LeaseKeeper,
        keys: Keys,
        jobs: TurnJobs,
        rates: Rates = DEFAULT_RATES,
        texts_kept: timedelta = KEPT,
    ) -> None:
        """
        Args:
            redis: Closed with the store. Its socket timeout bounds every call but the intake's.
            leases: Renews the leases of the turns in hand; closed with the store.
            jobs: What the RQ job of a turn looks like.
            rates: How much may be sent.
            texts_kept: How long what was said, by whomever, is kept.
        """
        self._redis = redis
        self._leases = leases
        self._keys = keys
        self._queue = jobs.queue
        self._texts_kept = texts_kept
        self._troubles = RedisTroubles(redis, jobs.queue)
        header = script_header(jobs, texts_kept)
        self._intake = self._script("intake", header)
        self._begin_turn = self._script("begin_turn", header)
        self._release = self._script("release_lease", header)
        self._sweep = self._script("sweep", header)
        self._pause = self._script("pause", header)
        self._resume = self._script("resume", header)
        self._beat = self._script("intake_beat", header)
        self._take_in = SharedCall(
            self._take_in_slice,
            most=SLICE,
            seconds=STORE_SECONDS,
            call_seconds=SOCKET_SECONDS,
            alone_after=ResponseError,
        )
        self._rates = rates
        self._turn_scripts = TurnScripts(
            join=self._script("join_turn", header),
            plan=self._script("plan_bubbles", header),
            begin_send=self._script("begin_send", header),
            settle_send=self._script("settle_send", header),
            hold=self._script("hold", header),
            give_up=self._script("give_up", header),
            testify=self._script("testify", header),
            lost_answer=self._script("lost_answer", header),
            finish=self._script("finish_turn", header),
        )
        self._new_ids = _ids()
        self._in_hand: dict[str, RedisTurn] = {}
        self._listening: asyncio.Task[None] | None = None
        self._run_id = ""
        self._ended: deque[tuple[float, RedisTurn]] = deque(maxlen=MOST_ENDED)
        self._heard_at = time.monotonic()

    def _script(self, name: str, header: str) -> AsyncScript:
        return self._redis.register_script(script_text(name, header))

    async def close(self) -> None:
        """End the connections and the lease thread."""
        while self._listening and not self._listening.done():
            # More than once: redis-py swallows a cancellation while it connects.
            self._listening.cancel()
            await asyncio.wait({self._listening}, timeout=0.1)
        await self._take_in.close()
        await asyncio.to_thread(self._leases.close)
        await self._redis.aclose()

    async def ping(self) -> None:
        """See ``Store.ping``. It writes: also a Redis that takes no writes answers a PING."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set("rv:ready", "", ex=TRIAL)
            pipe.get(LAYOUT_KEY)
            _, found = await self._within_limit(pipe.execute())
        if int(found or 0) > LAYOUT:
            raise Unavailable(NEWER, scope="store")

    async def beat(self) -> None:
        """See ``Store.beat``."""
        await self._within_limit(self._beat())

    async def gauges(self) -> dict[metrics.Gauge, float]:
        """See ``Store.gauges``."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.zrange("rv:pending", 0, 0, withscores=True)
            pipe.zcard("rv:pending")
            pipe.zcard("rv:given_up")
            pipe.zcard("rv:paused")
            pipe.llen(f"rq:queue:{self._queue}")
            pipe.zcard(f"rq:wip:{self._queue}")
            pipe.zcard(f"rq:scheduled:{self._queue}")
            pipe.smembers(f"rq:workers:{self._queue}")
            oldest, *counts, workers = await self._within_limit(pipe.execute())
        waited = max(0.0, time.time() - oldest[0][1]) if oldest else 0.0
        names = (
            *(metrics.UNANSWERED, metrics.GIVEN_UP, metrics.PAUSED),
            *(metrics.QUEUED, metrics.EXECUTING, metrics.SCHEDULED),
        )
        return {
            metrics.OLDEST_UNANSWERED_SECONDS: waited,
            **dict(zip(names, counts, strict=True)),
            metrics.WORKERS: await self._within_limit(self._workers_alive(workers)),
        }

    async def _workers_alive(self, keys: Collection[bytes]) -> int:
        """How many have just beaten; one that was killed is still listed for a minute."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hget(key, "last_heartbeat")
            beats = await pipe.execute()
        newest = time.time() - BEATEN.total_seconds()
        return sum(bool(beat) and _seconds(beat) > newest for beat in beats)

    async def report_trouble(self, scope: str, code: str) -> None:
        """See ``Store.report_trouble``."""
        await self._troubles.report(scope, code)

    async def troubles(self) -> dict[str, str]:
        """See ``Store.troubles``."""
        told: dict[str, str] = await self._within_limit(self._troubles.told())
        return told

    async def accounts(self) -> dict[str, str]:
        """See ``Store.accounts``."""
        raw = await self._within_limit(self._redis.hgetall("rv:accounts"))
        return {number.decode(): account.decode() for number, account in raw.items()}

    async def take_watch(self) -> bool:
        """See ``Store.take_watch``."""
        return bool(await self._within_limit(self._troubles.take_watch()))

    async def end_watch(self, found: Mapping[str, str] | None) -> None:
        """See ``Store.end_watch``."""
        await self._within_limit(self._troubles.end_watch(found))

    # -- receive and record ------------------------------------------------------------------

    async def take_in(self, events: Sequence[Event]) -> list[Taken]:
        """See ``Store.take_in``. Large batches go in slices; each slice is atomic by itself.

        Calls that wait at the same moment share one script call.
        """
        updates = [self._update(event) for event in events]
        taken: list[Taken] = []
        try:
            for start in range(0, len(updates), SLICE):
                taken += await self._take_in(updates[start : start + SLICE])
        except (RedisError, OSError, TimeoutError) as exc:
            raise _not_now(exc) from exc
        return taken

    async def _take_in_slice(self, updates: Sequence[Update]) -> list[Taken]:
        """One script call, with what may be updates of several callers."""
        raw = await self._intake(args=[rq_time(), *chain.from_iterable(updates)])
        return [_taken(told.decode()) for told in raw]

    def _update(self, event: Event) -> Update:
        """One event as the intake script reads it: its kind and that kind's fields, as JSON (each
        argument by itself costs the client 0.6 µs), and a message's document.
        """
        keys = self._keys
        match event:
            case InboundMessage():
                number = event.phone_number_id
                switch = switch_of(event.text)
                fields = [
                    "message",
                    keys.message(event.wamid),
                    keys.user(number, event.user_id) if event.user_id else "",
                    keys.phone(number, event.phone) if event.phone else "",
                    event.user_id or "",
                    event.phone or "",
                    number,
                    event.account_id or "",
                    event.name or "",
                    int(event.sent_at.timestamp()),
                    next(self._new_ids),
                    switch.way if switch else "",
                ]
                return orjson.dumps(fields), orjson.dumps(event)
            case Status():
                turn, number, attempt = _bubble_of(event.callback)
                fields = [
                    "status",
                    keys.message(event.wamid),
                    int(event.delivery),
                    int(event.at.timestamp()),
                    event.error_code or "",
                    turn,
                    number,
                    attempt,
                ]
            case Moved():
                number = event.phone_number_id
                fields = [
                    "move",
                    keys.user(number, event.old_user_id) if event.old_user_id else "",
                    keys.phone(number, event.old_phone) if event.old_phone else "",
                    keys.user(number, event.new_user_id) if event.new_user_id else "",
                    keys.phone(number, event.new_phone) if event.new_phone else "",
                    event.new_user_id or "",
                    event.new_phone or "",
                    event.old_user_id or "",
                ]
            case Notice():
                fields = [
                    *("notice", event.effect, event.scope, event.code),
                    *(event.account_id or "", event.phone_number_id or ""),
                    int(event.at.timestamp()) if event.at else "",
                    *(in_ms(event.wait), event.growth),
                ]
            case Echo():
                number, until = event.phone_number_id, event.silent_until
                fields = [
                    "echo",
                    keys.message(event.wamid),
                    keys.user(number, event.user_id) if event.user_id else "",
                    keys.phone(number, event.phone) if event.phone else "",
                    event.user_id or "",
                    event.phone or "",
                    number,
                    event.account_id or "",
                    int(event.sent_at.timestamp()),
                    _unix_ms(until),
                    token_hex(16),
                ]
                return orjson.dumps(fields), entry_of(Utterance("assistant", event.text))
            case Ignored():
                fields = ["note", keys.message(event.wamid) if event.wamid else ""]
        return orjson.dumps(fields), b""

    async def _within_limit(self, call: Any) -> Any:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await call
        except (RedisError, OSError, TimeoutError) as exc:
            raise _not_now(exc) from exc

    # -- reply -------------------------------------------------------------------------------

    @asynccontextmanager
    async def turn(self, conversation: str, turn_id: str) -> AsyncIterator[RedisTurn | None]:
        """See ``Store.turn``."""
        self._listen()
        token = f"{turn_id}:{token_hex(16)}"
        taken = await self._take_lease(conversation, turn_id, token)
        if taken is None:
            yield None
            return
        try:
            hand = self._read(conversation, token, taken)
        except Exception:  # what stands in Redis cannot be read; the next try need not wait
            await self._release(args=[conversation, token, taken[4]])
            raise
        body = asyncio.current_task()
        lost = False

        def on_lost() -> None:
            nonlocal lost
            if hand.is_ending:  # its own script tells
                return
            lost = True
            if body:
                body.cancel()

        self._leases.hold(Lease(conversation, token, asyncio.get_running_loop(), on_lost))
        names = {conversation, hand.turn.turn_id}
        if hand.turn.before:
            names.add(hand.turn.before.reply_id)
        self._in_hand.update(dict.fromkeys(names, hand))
        try:
            yield hand
        except asyncio.CancelledError:
            if not lost or body is None or body.uncancel() > 0:
                raise
            # Perhaps a failover has forgotten the lease, and with it our last sends.
            await hand.testify()
            raise LeaseLost("another worker holds the conversation") from None
        finally:
            self._leases.let_go(token)
            for name in names:
                if self._in_hand.get(name) is hand:
                    del self._in_hand[name]
            self._just_ended()
            self._ended.append((time.monotonic(), hand))
            if not hand.finished:
                await self._release(args=[conversation, token, hand.turn.turn_id])

    def _read(self, conversation: str, token: str, taken: Sequence[Any]) -> RedisTurn:
        return RedisTurn(
            self._redis,
            self._turn_scripts,
            self._keys,
            self._rates,
            ids=(conversation, taken[4].decode(), token),
            documents=taken[0],
            history=taken[1],
            record=dict(zip(taken[2][::2], taken[2][1::2], strict=True)),
            last=taken[3].decode(),
            owed=cast(Owed, taken[5].decode()),
            texts_kept=self._texts_kept,
        )

    async def _take_lease(self, conversation: str, turn_id: str, token: str) -> list[Any] | None:
        """What ``begin_turn.lua`` has read; ``None`` when there is nothing to do.

        Raises:
            Parked: Not now; a lease whose holder may be dead is left until it has run out.
        """
        args: list[str | int | float] = [
            *(conversation, turn_id, token, int(LEASE_SECONDS * 1000)),
            *(MOST_MESSAGES, time.time(), token_hex(16)),
        ]
        answer = await self._begin_turn(args=args)
        if answer[0] == b"leased" and answer[1] <= in_ms(LAST_OF_A_LEASE):
            await asyncio.sleep(answer[1] / 1000 + 0.05)
            answer = await self._begin_turn(args=args)
        if answer[0] == b"newer":
            log.error("redis.newer_version")
            raise Parked(NEWER_PAUSE, scope="store")
        if answer[0] in (b"held", b"leased"):
            raise Parked(timedelta(milliseconds=answer[1]))
        if answer[0] == b"empty":
            return None
        return list(answer[1:])

    async def sweep(self) -> int:
        """See ``Store.sweep``."""
        before = int(time.time() - SWEEP_AGE.total_seconds())
        ids = [token_hex(16) for _ in range(SWEEP_MOST)]
        call = self._sweep(args=[rq_time(), before, in_ms(SWEEP_PAUSE), *ids])
        return int(await self._within_limit(call))

    async def record_of(self, wamid: str) -> TurnRecord | None:
        """The record of the turn that answered this message; ``None`` while none has."""
        turn_id = _text(await self._redis.get(f"rv:seen:{self._keys.message(wamid)}") or b"")
        if not turn_id:
            return None
        raw = await self._redis.hgetall(f"rv:turn:{turn_id}")
        return TurnRecord(turn_id, {_text(name): _text(value) for name, value in raw.items()})

    # -- pauses ------------------------------------------------------------------------------

    async def pause(
        self, conversation: str, *, reason: PauseReason, until: datetime | None
    ) -> bool:
        """See ``Store.pause``."""
        args: list[str | int] = ["conversation", conversation, reason, _unix_ms(until)]
        return bool(await self._within_limit(self._pause(args=args)))

    async def pause_number(self, phone_number_id: str, *, until: datetime | None) -> bool:
        """See ``Store.pause_number``."""
        args: list[str | int] = ["number", phone_number_id, "operator", _unix_ms(until)]
        return bool(await self._within_limit(self._pause(args=args)))

    async def resume(self, conversation: str) -> bool:
        """See ``Store.resume``."""
        args = ["conversation", conversation, rq_time(), token_hex(16)]
        ended, _ = await self._within_limit(self._resume(args=args))
        return bool(ended)

    async def resume_number(self, phone_number_id: str) -> bool:
        """See ``Store.resume_number``. In slices; if this dies between two, the sweeper goes on."""
        was_paused, more = False, True
        while more:
            ids = [token_hex(16) for _ in range(SLICE)]
            args = ["number", phone_number_id, rq_time(), *ids]
            ended, more = await self._within_limit(self._resume(args=args))
            was_paused = was_paused or bool(ended)
        return was_paused

    async def pause_of(self, conversation: str) -> Pause | None:
        """See ``Store.pause_of``."""
        return _pause(await self._within_limit(self._redis.get(f"rv:pause:{conversation}")))

    async def pause_of_number(self, phone_number_id: str) -> Pause | None:
        """See ``Store.pause_of_number``."""
        key = f"rv:pause:number:{phone_number_id}"
        return _pause(await self._within_limit(self._redis.get(key)))

    # -- news: a person has written again, a status has come ----------------------------------

    def _listen(self) -> None:
        """Start listening, once; only processes that work on turns ever do."""
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._hear_news(), name="news")

    async def _hear_news(self) -> None:
        """Wake turns in hand. A lost signal costs time, never truth: the scripts look again.

        A new connection may lead to a new primary, which may have forgotten the last seconds.
        """
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(NEWS_CHANNEL)
                    await self._remind_new_primary()
                    self._heard_at = time.monotonic()
                    while True:
                        message = await pubsub.get_message(
                            ignore_subscribe_messages=True, timeout=30
                        )
                        if message:
                            self._heard_at = time.monotonic()
                            self._wake(message["data"].decode())
            except (RedisError, OSError) as exc:
                log.warning("news.lost", error=type(exc).__name__)
                await asyncio.sleep(1)

    async def _remind_new_primary(self) -> None:
        server = await self._redis.info("server")
        known, self._run_id = self._run_id, server["run_id"]
        if known in ("", self._run_id):
            return
        hands = {id(hand): hand for hand in [*self._in_hand.values(), *self._just_ended()]}
        log.warning("redis.new_primary", turns=len(hands))
        for hand in hands.values():
            await hand.testify()

    def _just_ended(self) -> list[RedisTurn]:
        """Turns that ended so lately that a failover may not have heard of it.

        Counted from the primary's last sign of life (each ended turn makes one): a failover takes
        its time as well.
        """
        forgotten = self._heard_at - FORGETS.total_seconds()
        while self._ended and self._ended[0][0] < forgotten:
            self._ended.popleft()
        return [hand for _, hand in self._ended]

    def _wake(self, name: str) -> None:
        hand = self._in_hand.get(name)
        if hand is None:
            return
        if name == hand.turn.conversation:
            hand.grown.set()
        else:
            hand.status_came.set()


def script_text(name: str, header: str) -> str:
    """A script with what it shares with the others in front."""
    folder = files("app.adapters") / "lua"
    shared = [(folder / f"{each}.lua").read_text("utf-8") for each in ("turns", "pauses")]
    return "\n".join((header, *shared, (folder / f"{name}.lua").read_text("utf-8")))


def script_header(jobs: TurnJobs, texts_kept: timedelta = KEPT) -> str:
    """The constants of all scripts, as Lua."""
    kept = max(KEPT, texts_kept)  # a history is found by way of its person
    fields, call_fields = (
        ", ".join(map(_lua_string, fields)) for fields in (jobs.fields, jobs.call_fields)
    )
    return "\n".join(
        (
            f"local LAYOUT, LAYOUT_KEY = {LAYOUT}, {_lua_string(LAYOUT_KEY)}",
            f"local QUEUE = {_lua_string(jobs.queue)}",
            f"local JOB_HEAD, JOB_TAIL = {_lua_string(jobs.head)}, {_lua_string(jobs.tail)}",
            f"local JOB_FIELDS = {{ {fields} }}",
            f"local CALL_HEAD, CALL_TAIL = {_lua_string(jobs.call_head)},"
            f" {_lua_string(jobs.call_tail)}",
            f"local CALL_FIELDS = {{ {call_fields} }}",
            f"local SEEN_SECONDS, KEPT_SECONDS = {int(SEEN.total_seconds())},"
            f" {int(kept.total_seconds())}",
            f"local TEXTS_SECONDS = {int(texts_kept.total_seconds())}",
            f"local HISTORY_ENTRIES, MOST_PARKED = {HISTORY_ENTRIES}, {MOST_MESSAGES}",
            f"local PAUSE_KEPT_MS, PAUSE_GRACE_MS = {in_ms(PAUSE_KEPT)}, {in_ms(PAUSE_GRACE)}",
            f"local MOST_HOLD_MS = {in_ms(MOST_HOLD)}",
            f"local LEAST_PROBE_MS, MOST_PROBE_MS = {in_ms(LEAST_PROBE)}, {in_ms(MOST_PROBE)}",
            f"local TROUBLE_SECONDS = {int(TROUBLE.total_seconds())}",
        )
    )


def _ids() -> Iterator[str]:
    """Random ids of turns, many for each question to the system."""
    while True:
        digits = token_hex(16 * 64)
        yield from (digits[start : start + 32] for start in range(0, len(digits), 32))


def _unix_ms(time: datetime | None) -> int:
    return int(time.timestamp() * 1000) if time else 0


def _pause(raw: bytes | None) -> Pause | None:
    """What ``pauses.lua`` wrote, unless it is over."""
    if raw is None:
        return None
    reason, since, until = raw.decode().split(":")
    ends_at = datetime.fromtimestamp(int(until) / 1000, UTC) if int(until) else None
    if ends_at and ends_at <= datetime.now(UTC):
        return None
    began_at = datetime.fromtimestamp(int(since) / 1000, UTC)
    return Pause(cast(PauseReason, reason), began_at, ends_at)


def _lua_string(text: str) -> str:
    if "]==]" in text:
        raise ValueError("cannot be written as a Lua string")
    return f"[==[{text}]==]"


def _taken(told: str) -> Taken:
    outcome, *ids = told.split(" ")
    return Taken(cast(Outcome, outcome), *ids)


def _seconds(rq_time: bytes) -> float:
    """Unix seconds of a time as RQ writes it."""
    return datetime.fromisoformat(rq_time.decode()).timestamp()


def _not_now(exc: Exception) -> Unavailable:
    if isinstance(exc, ResponseError) and str(exc).startswith("NEWER"):
        return Unavailable(NEWER, scope="store")
    return Unavailable(f"Redis: {type(exc).__name__}", scope="store")


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw


def _bubble_of(callback: str | None) -> tuple[str, str, str]:
    """Turn, bubble's number and attempt in our own callback; empty for anybody else's."""
    parts = (callback or "").split(":")
    if len(parts) == 3 and len(parts[0]) == 32 and parts[0].isalnum() and parts[1].isdigit():
        return parts[0], parts[1], parts[2]
    return "", "", ""
