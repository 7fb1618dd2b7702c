"""What one turn costs in Redis as stored conversations, the queue and the workers grow.

    python -m tests.benchmarks.bench_growth

Real workers answer real turns: three seconds of model, each bubble reported sent and delivered.
Redis says what it has spent meanwhile, less what idle workers cost it: CPU of its process, commands
(those inside of scripts too), bytes in and out. Stored conversations are copies of an answered one;
the queue is people who wait.
"""

import asyncio
import gc
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from redis.asyncio import Redis
from rq.utils import as_text

from app.adapters.redis_store import RedisStore
from app.core.model import InboundMessage
from app.pipeline.ports import Limits
from app.simulator.valkey import redis_for
from tests.benchmarks import stage
from tests.benchmarks.bench_bubbles import until
from tests.benchmarks.world import NUMBER, World, needed_deltas, open_world
from tests.contracts.conftest import open_store

STORE_KEY = "a key of the tests"  # of open_store: web and workers share one
TOKENS = 120
SLOTS = 100
"""Conversations that one worker answers at once."""

STORED = (100, 10_000, 100_000)
BACKLOG = (1_000, 100_000)
WINDOW_SECONDS = 6.0
IDLE_SECONDS = 3.0
AGED_SECONDS = 11.0
"""Older than what the scripts take for granted (5 s), and than what the sweeper lets be (10 s)."""

AGAIN = 300
COPIES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Spent:
    """By Redis (and by the workers' processes), in seconds, counts and bytes."""

    seconds: float
    cpu: float
    commands: float
    network: float
    workers_cpu: float = 0.0

    def less(self, other: "Spent", times: float = 1.0) -> "Spent":
        return Spent(
            self.seconds - other.seconds * times,
            self.cpu - other.cpu * times,
            self.commands - other.commands * times,
            self.network - other.network * times,
            self.workers_cpu - other.workers_cpu * times,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn costs, and how many end in a second."""

    name: str
    cpu_us: float
    commands: float
    kilobytes: float
    worker_ms: float
    per_second: float


class Bench:
    """A Redis, the workers on it, and a world for them."""

    def __init__(self, world: World, store: RedisStore, redis: Redis, workers: "Workers") -> None:
        self.world, self.store, self.redis, self.workers = world, store, redis, workers
        world.answer_with(TOKENS)
        world.statuses = store
        self.bubbles = len(needed_deltas(world.deltas, Limits()))
        self.idle = Spent(1.0, 0.0, 0.0, 0.0)

    async def spent(self) -> Spent:
        """Since they started."""
        cpu, stats = await self.redis.info("cpu"), await self.redis.info("stats")
        commands = await self.redis.info("commandstats")
        return Spent(
            time.monotonic(),
            float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"]),
            sum(int(one["calls"]) for one in commands.values()),
            int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"]),
            self.workers.cpu_seconds(),
        )

    def sent(self) -> int:
        return sum(len(bubbles) for bubbles in self.world.arrived_at.values())

    async def look_at_idle(self) -> None:
        """Learn what an idle worker costs in a second."""
        before = await self.spent()
        await asyncio.sleep(IDLE_SECONDS)
        spent = (await self.spent()).less(before)
        seconds = spent.seconds
        self.idle = Spent(1.0, spent.cpu / seconds, spent.commands / seconds, 0.0)

    async def rounds(self, name: str, count: int = 2) -> Turn:
        """People come as fast as they are answered: nobody waits in the queue."""
        before, sent = await self.spent(), self.sent()
        for _ in range(count):
            asked = await self.world.ask(self.store, SLOTS)
            await until(
                lambda asked=asked: all(  # type: ignore[misc]
                    len(self.world.arrived_at[one]) == self.bubbles for one in asked
                )
            )
        await self.until_quiet()
        return self.cost(name, (await self.spent()).less(before), self.sent() - sent)

    async def window(self, name: str) -> Turn:
        """A while in which people wait in the queue."""
        at_first = self.sent()
        await until(lambda: self.sent() - at_first > SLOTS * self.bubbles)
        before, sent = await self.spent(), self.sent()
        await asyncio.sleep(WINDOW_SECONDS)
        return self.cost(name, (await self.spent()).less(before), self.sent() - sent)

    def cost(self, name: str, spent: Spent, sent: int) -> Turn:
        turns = sent / self.bubbles
        own = spent.less(self.idle, spent.seconds * len(self.workers.pids))
        return Turn(
            name,
            1e6 * own.cpu / turns,
            own.commands / turns,
            spent.network / turns / 1000,
            1000 * own.workers_cpu / turns,
            turns / spent.seconds,
        )

    async def until_quiet(self) -> None:
        async with asyncio.timeout(30):
            while await self.redis.exists("rq:wip:turns", "rq:queue:turns"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def store_conversations(self, count: int) -> int:
        """Copies of an answered conversation until there are so many; bytes of memory for one."""
        turn = as_text(await anext(self.redis.scan_iter("rv:turn:*", count=1000)))
        conversation = as_text(await self.redis.hget(turn, "conversation") or b"")
        keys = [turn, *(f"rv:{kind}:{conversation}" for kind in ("conversation", "history"))]
        dumps = [(key.split(":")[1], await self.redis.dump(key)) for key in keys]
        before = int((await self.redis.info("memory"))["used_memory"])
        there = int(await self.redis.get("bench:copies") or 0)
        for start in range(there, count, COPIES_AT_ONCE):
            pipeline = self.redis.pipeline(transaction=False)
            for number in range(start, min(count, start + COPIES_AT_ONCE)):
                for kind, dump in dumps:
                    pipeline.restore(f"rv:{kind}:{number:032x}", 30 * 86_400_000, dump or b"")
                for kind in ("alias", "seen", "bubble"):
                    pipeline.set(f"rv:{kind}:{number:032x}", f"{number:032x}", ex=8 * 86_400)
            await pipeline.execute()
        await self.redis.set("bench:copies", count)
        return (int((await self.redis.info("memory"))["used_memory"]) - before) // (count - there)

    async def write_again(self, people: range) -> float:
        """People who have waited for a while write once more; µs of Redis for one message."""
        now = datetime.now(UTC).replace(microsecond=0)
        messages = [
            InboundMessage(
                wamid=f"wamid.again{number}",
                phone_number_id=NUMBER,
                user_id=f"US.{number}",
                phone=f"1555{number:07d}",
                name=None,
                sent_at=now,
                kind="text",
                text=f"Person {number} asks: is anybody there?",
            )
            for number in people
        ]
        before = await self.spent()
        await self.store.take_in(messages)
        return 1e6 * (await self.spent()).less(before).cpu / len(messages)

    async def sweep(self) -> float:
        """Milliseconds of Redis for one sweep."""
        before = await self.spent()
        await self.store.sweep()
        return 1000 * (await self.spent()).less(before).cpu


class Workers:
    """Worker processes, started one after the other."""

    def __init__(self, environment: dict[str, str], folder: Path, redis: Redis) -> None:
        self._environment, self._folder, self._redis = environment, folder, redis
        self._stack = ExitStack()
        self.pids: list[int] = []

    async def start(self) -> None:
        log = self._folder / "worker.log"
        running = stage.process(["-m", "workers.main"], self._environment, log)
        self.pids.append(self._stack.enter_context(running).pid)
        async with asyncio.timeout(30):
            while await self._redis.scard("rq:workers") < len(self.pids):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        await asyncio.to_thread(self._stack.close)
        self.pids.clear()

    def cpu_seconds(self) -> float:
        return sum(stage.cpu_seconds(pid) for pid in self.pids)


async def measure(redis_url: str, folder: Path) -> None:
    """Print the tables."""
    async with AsyncExitStack() as stack:
        world, model_url, graph_url = await stack.enter_async_context(open_world())
        store = open_store(redis_url, stack)
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        environment = stage.settings(
            redis_url,
            RIVULET_KEY=STORE_KEY,
            OPENAI_BASE_URL=f"{model_url}/v1",
            OPENAI_MODEL="scripted",
            WHATSAPP_GRAPH_URL=graph_url,
            WORKER_MAX_CONCURRENCY=str(SLOTS),
            WORKER_DRAIN_SECONDS="1",
            PAIR_BURST="45",
            NUMBER_RATE="100000",
        )
        workers = Workers(environment, folder, redis)
        stack.push_async_callback(workers.stop)
        await tables(Bench(world, store, redis, workers))


async def tables(bench: Bench) -> None:
    await bench.workers.start()
    await bench.rounds("warm", count=1)
    await bench.look_at_idle()
    turns = []
    size = 0
    for stored in STORED:
        size = await bench.store_conversations(stored)
        turns.append(await bench.rounds(f"{stored:,} stored, queue 0"))
    await bench.workers.stop()

    again = []
    for length in BACKLOG:
        waiting = await bench.world.ask(bench.store, length - await queue_length(bench))
        await asyncio.sleep(AGED_SECONDS)  # the time itself
        cost = await bench.write_again(waiting[-AGAIN:])
        again.append((length, cost, await bench.sweep()))

    await bench.workers.start()
    turns.append(await bench.window(f"{STORED[-1]:,} stored, queue {BACKLOG[-1]:,}"))
    await bench.workers.start()
    turns.append(await bench.window("the same, two workers"))
    report(turns, again, size, bench)


async def queue_length(bench: Bench) -> int:
    return int(await bench.redis.llen("rq:queue:turns"))


def report(
    turns: list[Turn], again: list[tuple[int, float, float]], size: int, bench: Bench
) -> None:
    """Print the tables and what follows from them."""
    first, last = turns[0], turns[-1]
    print(f"A turn is {TOKENS} deltas and {bench.bubbles} bubbles; {SLOTS} at once in a worker.\n")
    stage.table(
        ("", "Redis CPU", "ratio", "commands", "in and out", "worker CPU", "turns/s", "ratio"),
        [
            (
                one.name,
                f"{one.cpu_us:,.0f} µs",
                f"{one.cpu_us / first.cpu_us:.2f}",
                f"{one.commands:.0f}",
                f"{one.kilobytes:.1f} KB",
                f"{one.worker_ms:.1f} ms",
                f"{one.per_second:.1f}",
                f"{one.per_second / first.per_second:.2f}",
            )
            for one in turns
        ],
    )
    stage.table(
        ("queue", "a person in it writes again", "ratio", "one sweep"),
        [
            (f"{length:,}", f"{cost:,.0f} µs", f"{cost / again[0][1]:.2f}", f"{sweep:.2f} ms")
            for length, cost, sweep in again
        ],
    )
    most = 1e6 / last.cpu_us
    print(
        f"A stored conversation with one turn takes {size / 1000:.1f} KB of memory. An idle worker"
        f" asks for {bench.idle.commands:.0f} commands a second, {1e6 * bench.idle.cpu:.0f} µs.\n"
    )
    cores = most * last.worker_ms / 1000
    print(
        f"The first ceiling is the one thread of Redis: with {last.cpu_us:,.0f} µs for each, it"
        f" ends {most:,.0f} such turns a second, as many as {cores:.0f} busy worker cores bring it;"
        f" a hundred would need {100 / cores:.0f} times of it."
    )
    print(
        "Then a group of numbers gets a Redis with web and worker processes of its own: numbers"
        " share nothing in Redis but what is known of app and token, which each learns by itself."
    )


def main() -> None:
    """Print the tables."""
    stage.heading("Growth", "python -m tests.benchmarks.bench_growth")
    gc.disable()  # the world's pauses would count as the workers'
    with (
        tempfile.TemporaryDirectory(prefix="rivulet-bench-") as folder,
        redis_for("tests") as redis_url,
    ):
        uvloop.run(measure(redis_url, Path(folder)))


if __name__ == "__main__":
    main()
