"""However people, workers and moments fall together, one person gets no more than Meta allows.

Redis's clock cannot be turned, so time passes by moving the bucket's own mark back.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters.leases import LeaseKeeper
from app.adapters.redis_client import async_redis, sync_redis
from app.adapters.redis_store import RedisStore, script_header, script_text
from app.adapters.rq_queue import turn_jobs
from app.core.keys import Keys
from app.core.model import Bubble
from app.errors import Parked
from app.pipeline.ports import Rates
from app.simulator.limits import Bucket
from tests.fakes import NUMBER, said

PAIR_SECONDS = 6.0
META_BURST = 45  # "Pair rate limits": one per 6 s, and 45 may be borrowed from later
SECOND = timedelta(seconds=1)

arrivals = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.0, 0.0, 1.0, 5.9, 6.0, 20.0, 400.0])),
    min_size=1,
    max_size=40,
)


def open_store(redis_url: str, stack: AsyncExitStack, rates: Rates) -> RedisStore:
    leases_redis = sync_redis(redis_url)
    renew = leases_redis.register_script(script_text("renew_lease", script_header(turn_jobs())))
    keys = Keys("a key of the tests")
    store = RedisStore(
        async_redis(redis_url),
        LeaseKeeper(leases_redis, renew),
        keys,
        turn_jobs(),
        rates,
    )
    stack.push_async_callback(store.close)
    return store


class Pair:
    """One person, to whom several workers send.

    Attributes:
        sent_at: When each send was let through, by the time that has passed for the bucket.
        sure_by: The same, at the latest: when the answer was there.
    """

    def __init__(self, stores: Sequence[RedisStore]) -> None:
        self.stores, self.ahead = stores, 0.0
        self.sent_at: list[float] = []
        self.sure_by: list[float] = []
        self.parked: list[tuple[float, float]] = []

    async def write(self) -> None:
        user_id = f"US.{uuid.uuid4().hex}"
        self.conversation = Keys("a key of the tests").user(NUMBER, user_id)
        await self.stores[0].take_in([said("Hi", user_id=user_id, phone=None)])

    async def send(self, worker: int) -> None:
        """One worker asks for leave to send one bubble."""
        turn_id = "a" * 32
        async with self.stores[worker].turn(self.conversation, turn_id) as hand:
            assert hand is not None
            began = time.monotonic()
            try:
                bubble = Bubble(turn_id, len(self.sent_at), "Yes.", "Yes.")
                await hand.begin_send(bubble, attempt=1, within=SECOND)
            except Parked as parked:
                self.parked.append((began + self.ahead, parked.after.total_seconds()))
            else:
                self.sent_at.append(began + self.ahead)
                self.sure_by.append(time.monotonic() + self.ahead)

    async def pass_time(self, seconds: float) -> None:
        redis: Any = cast(Any, self.stores[0])._redis
        key = f"rv:pair:{self.conversation}"
        if seconds and (full_at := await redis.get(key)) is not None:
            await redis.set(key, float(full_at) - 1000 * seconds, px=60_000)
        self.ahead += seconds


def played(
    redis_url: str, burst: int, steps: Callable[[Pair], Awaitable[None]], *, workers: int = 2
) -> Pair:
    async def play() -> Pair:
        async with AsyncExitStack() as stack:
            pair = Pair(
                [open_store(redis_url, stack, Rates(pair_burst=burst)) for _ in range(workers)]
            )
            await pair.write()
            await steps(pair)
            return pair

    return asyncio.run(play())


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arrivals, st.sampled_from([1, 3, 10, META_BURST]), st.integers(1, 5))
def test_no_pattern_of_arrivals_exceeds_the_pair_limit(
    redis_url: str, pattern: list[tuple[int, float]], burst: int, workers: int
) -> None:
    async def steps(pair: Pair) -> None:
        for worker, gap in pattern:
            await pair.pass_time(gap)
            await pair.send(worker % workers)

    pair = played(redis_url, burst, steps, workers=workers)
    meta, sent = Bucket(META_BURST, 1 / PAIR_SECONDS), pair.sent_at
    assert all(meta.take(at) for at in sent)
    for first, began in enumerate(sent):
        for last in range(first, len(sent)):
            most = burst + (pair.sure_by[last] - began) / PAIR_SECONDS
            assert last - first + 1 <= most


def test_who_is_parked_may_send_when_the_time_is_over_and_not_before(redis_url: str) -> None:
    async def steps(pair: Pair) -> None:
        for _ in range(4):
            await pair.send(0)
        assert len(pair.sent_at) == 3
        _, after = pair.parked[0]
        assert 5.0 < after <= PAIR_SECONDS
        await pair.pass_time(after - 1.0)
        await pair.send(1)
        assert len(pair.sent_at) == 3
        await pair.pass_time(1.0)
        await pair.send(1)
        assert len(pair.sent_at) == 4

    played(redis_url, 3, steps)
