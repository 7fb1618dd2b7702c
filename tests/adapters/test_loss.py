"""What is lost when a server dies for good, and what is not."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from app.adapters import redis_store
from app.adapters.redis_store import RedisStore
from app.core.model import Bubble, InboundMessage
from app.errors import Unavailable
from tests.adapters.failover import Pair, known, pair_in
from tests.adapters.relay import until
from tests.adapters.servers import Server, server_in
from tests.adapters.test_redis_edges import job_in
from tests.contracts.conftest import KEYS, open_store
from tests.fakes import NUMBER, outcomes, said

CUTS = 12


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="rv-") as folder:
        yield Path(folder)


def words(count: int) -> list[InboundMessage]:
    """Of so many people, one each."""
    return [said("Good morning", user_id=f"US.{n}", phone=None) for n in range(count)]


# -- the primary dies, the replica lags ------------------------------------------------------------


async def test_a_failover_loses_what_had_not_reached_the_replica_and_nothing_else(
    folder: Path,
) -> None:
    async with AsyncExitStack() as stack:
        pair = await stack.enter_async_context(pair_in(folder))
        store = open_store(pair.door.url, stack)
        before, during = words(5), words(5)
        await store.take_in(before)
        await pair.in_step()
        pair.link.open.clear()
        await store.take_in(during)
        await pair.fail_over()
        assert [known(pair.replica, one) for one in before] == [True] * 5
        assert [known(pair.replica, one) for one in during] == [False] * 5


async def test_with_min_replicas_a_webhook_is_refused_rather_than_lost(folder: Path) -> None:
    """But for what comes in before the primary notices."""
    async with AsyncExitStack() as stack:
        options = {"min_replicas_to_write": "1", "min_replicas_max_lag": "2"}
        pair = await stack.enter_async_context(pair_in(folder, **options))
        store = open_store(pair.door.url, stack)
        before = words(3)
        await until(lambda: taken(store, before))
        await pair.in_step()
        pair.link.open.clear()
        refused = await first_refused(store)
        after = words(3)
        assert not await taken(store, after)
        await pair.fail_over()
        assert all(known(pair.replica, one) for one in before)
        await until(lambda: taken(store, [refused, *after]))  # Meta delivers again
        assert all(known(pair.replica, one) for one in [refused, *after])


async def taken(store: RedisStore, messages: list[InboundMessage]) -> bool:
    try:
        await store.take_in(messages)
    except Unavailable:
        return False
    return True


async def first_refused(store: RedisStore) -> InboundMessage:
    async with asyncio.timeout(30):
        while await taken(store, one := words(1)):  # noqa: ASYNC110 - the primary tells nobody
            await asyncio.sleep(0.05)
    return one[0]


async def test_a_bubble_that_the_new_primary_never_heard_of_is_not_sent_again(
    folder: Path,
) -> None:
    """Its worker, which lives, writes it down there."""
    async with AsyncExitStack() as stack:
        pair = await stack.enter_async_context(pair_in(folder))
        store = open_store(pair.door.url, stack)
        await store.take_in([said("Good morning", user_id="US.1", phone=None)])
        conversation, turn_id = job_in(pair.primary)
        async with store.turn(conversation, turn_id) as hand:
            assert hand is not None
            await until(lambda: listening(pair.primary))
            await pair.in_step()
            pair.link.open.clear()
            bubble = Bubble(turn_id, 0, "Good morning to you.", "Good morning to you.")
            await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=1))
            await hand.settle_send(bubble, wamid="wamid.OUT1")
            await pair.fail_over()
            assert not pair.replica.redis.hexists(f"rv:turn:{turn_id}", "state:0")
            await until(lambda: written_down(pair, turn_id))
        async with store.turn(conversation, turn_id) as hand:
            assert hand is not None
            assert [(one.bubble, one.state) for one in hand.turn.standing] == [(bubble, "sent")]


async def test_an_answer_that_ended_right_before_a_slow_failover_is_not_given_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes until there is a new primary: what counts is what the old one heard."""
    monkeypatch.setattr(redis_store, "FORGETS", timedelta(seconds=0.5))
    async with AsyncExitStack() as stack:
        pair = await stack.enter_async_context(pair_in(folder))
        store = open_store(pair.door.url, stack)
        await store.take_in([said("Good morning", user_id="US.1", phone=None)])
        conversation, turn_id = job_in(pair.primary)
        bubble = Bubble(turn_id, 0, "Good morning to you.", "Good morning to you.")
        async with store.turn(conversation, turn_id) as hand:
            assert hand is not None
            await until(lambda: listening(pair.primary))
            await pair.in_step()
            pair.link.open.clear()
            await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=1))
            await hand.settle_send(bubble, wamid="wamid.OUT1")
            await hand.finish("Good morning to you.", ending="answered")
        await pair.fail_over(after=1.0)
        assert not pair.replica.redis.hexists(f"rv:turn:{turn_id}", "state:0")
        await until(lambda: written_down(pair, turn_id))


async def listening(server: Server) -> bool:
    return bool(server.redis.pubsub_numsub("rv:news")[0][1])


async def written_down(pair: Pair, turn_id: str) -> bool:
    return pair.replica.redis.hget(f"rv:turn:{turn_id}", "state:0") == "sent"


# -- the only server dies --------------------------------------------------------------------------


@pytest.mark.parametrize("appendfsync", ["no", "everysec", "always"])
async def test_the_death_of_the_process_alone_loses_nothing(folder: Path, appendfsync: str) -> None:
    """The kernel has what was written, whether or not the disk has it."""
    with server_in(folder, appendfsync=appendfsync) as server:
        taken_in = words(20)
        async with AsyncExitStack() as stack:
            await open_store(server.url, stack).take_in(taken_in)
            server.kill()
        server.start()
        assert all(known(server, one) for one in taken_in)


async def test_a_file_whose_tail_is_cut_holds_each_message_wholly_or_not_at_all(
    folder: Path,
) -> None:
    """As after the death of the machine; the cuts are ours."""
    taken_in = words(4)
    with server_in(folder) as server:
        async with AsyncExitStack() as stack:
            store = open_store(server.url, stack)
            for message in taken_in:
                await store.take_in([message])
        server.kill()
        tail = appended_in(server)
        whole = tail.read_bytes()
        beginning = len(whole) // 2
        found = set()
        for size in range(beginning, len(whole), (len(whole) - beginning) // CUTS):
            tail.write_bytes(whole[:size])
            server.start()
            kept = [how_much(server, message) for message in taken_in]
            assert sorted(kept, reverse=True) == kept, "an older one is lost, a newer one is not"
            assert {*kept} <= {0, PARTS}, "half of a message"
            found.add(kept.count(PARTS))
            server.kill()
        assert len(found) > 1  # cuts of all kinds: between messages and within
        tail.write_bytes(whole[:beginning])
        server.start()
        async with AsyncExitStack() as stack:  # Meta delivers only what had no 200
            again = outcomes(await open_store(server.url, stack).take_in(taken_in))
        assert sorted(again) == ["duplicate"] * min(found) + ["queued"] * (4 - min(found))


def appended_in(server: Server) -> Path:
    """The file that grows."""
    (tail,) = (server.folder / "appendonlydir").glob("*.incr.aof")
    return tail


PARTS = 5


def how_much(server: Server, message: InboundMessage) -> int:
    """Of how many of its parts a message can be found: id, inbox, list of those who wait, job."""
    conversation = KEYS.user(NUMBER, message.user_id or "")
    redis: Any = server.redis
    turn_id = redis.hget(f"rv:conversation:{conversation}", "turn") or ""
    return sum(
        map(
            bool,
            (
                known(server, message),
                redis.zcard(f"rv:inbox:{conversation}"),
                redis.zscore("rv:pending", conversation),
                redis.exists(f"rq:job:{turn_id}"),
                turn_id in redis.lrange("rq:queue:turns", 0, -1),
            ),
        )
    )
