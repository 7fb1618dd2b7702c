"""How long a finished bubble waits in the worker, and how many streams one worker process holds.

    python -m tests.benchmarks.bench_bubbles [--seconds 8]

One worker process has a core of its own; model, Graph API and Redis share the other one. Streams
write 40 deltas a second, encoded beforehand. The time runs from the write of the delta that
completes a bubble to the first byte of its request at the Graph API, by one clock; bubbles count
while all streams run. Meta's limits on sends are lifted, and so is the wait for the bubble before,
but where statuses come. Streams are added until the slowest hundredth waits longer than 100 ms,
twice in a row.
"""

import argparse
import asyncio
import gc
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from redis.asyncio import Redis

from app.pipeline.ports import Limits
from app.simulator.valkey import redis_for
from tests.benchmarks import stage
from tests.benchmarks.world import World, needed_deltas, open_world
from tests.contracts.conftest import open_store

RATE = 40
BAR_SECONDS = 0.1
MOST_STREAMS = 1500
STEP = 25
PATIENCE_SECONDS = 90.0
OURS, SDK, REPORTED = "Rivulet", "the SDK's parsing", "Rivulet, with statuses"
WORKERS = {
    OURS: "workers.main",
    SDK: "tests.benchmarks.sdk_worker",
    REPORTED: "workers.main",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One step.

    Attributes:
        waits: Of the bubbles, in seconds.
        turn_cpu: Seconds of the worker's CPU for each turn, which lasts ``turn_seconds``.
    """

    streams: int
    waits: list[float]
    turn_cpu: float
    turn_seconds: float
    bubbles: int

    @property
    def p50(self) -> float:
        return stage.percentile(self.waits, 0.5)

    @property
    def p99(self) -> float:
        return stage.percentile(self.waits, 0.99)


class Bench:
    """A worker and the world around it."""

    def __init__(self, world: World, redis_url: str, pid: int, stack: AsyncExitStack) -> None:
        self.world, self.pid = world, pid
        self.store = open_store(redis_url, stack)
        self.limits = Limits()

    async def step(self, streams: int, tokens: int) -> Measured:
        """So many streams at once, of so many deltas each."""
        world = self.world
        world.answer_with(tokens)
        needed = needed_deltas(world.deltas, self.limits)
        before = stage.cpu_seconds(self.pid)
        asked = await world.ask(self.store, streams)
        await until(lambda: all(len(world.arrived_at[one]) == len(needed) for one in asked))
        spent = stage.cpu_seconds(self.pid) - before
        all_run = max(world.streams[one].sent_at[0] for one in asked)
        all_ran = min(world.streams[one].sent_at[-1] for one in asked)
        waits = []
        for one in asked:
            for bubble, delta in enumerate(needed):
                sent_at = world.streams[one].sent_at[delta]
                if all_run <= sent_at <= all_ran or all_ran < all_run:
                    waits.append(world.arrived_at[one][bubble] - sent_at)
            del world.streams[one], world.arrived_at[one]
        return Measured(streams, waits, spent / streams, tokens / RATE, len(needed))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the world has no time for events
            await asyncio.sleep(0.1)


@asynccontextmanager
async def bench_of(kind: str, redis_url: str, folder: Path) -> AsyncIterator[Bench]:
    """A fresh worker of that kind, warm."""
    stage.empty(redis_url)
    async with AsyncExitStack() as stack:
        world, model_url, graph_url = await stack.enter_async_context(open_world())
        environment = stage.settings(
            redis_url,
            OPENAI_BASE_URL=f"{model_url}/v1",
            OPENAI_MODEL="scripted",
            WHATSAPP_GRAPH_URL=graph_url,
            WORKER_DRAIN_SECONDS="1",
            PAIR_BURST="45",
            NUMBER_RATE="100000",
            BUBBLE_ORDER="delivered" if kind == REPORTED else "none",
        )
        running = stack.enter_context(
            stage.process(
                ["-m", WORKERS[kind], "--max-concurrency", str(MOST_STREAMS)],
                environment,
                folder / "worker.log",
                core=0,
            )
        )
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await redis.scard("rq:workers"):
                if running.poll() is not None:
                    raise RuntimeError(
                        f"the worker has ended: {(folder / 'worker.log').read_text()[-2000:]}"
                    )
                await asyncio.sleep(0.05)
        bench = Bench(world, redis_url, running.pid, stack)
        world.statuses = bench.store if kind == REPORTED else None
        stack.push_async_callback(world.close)  # before the store, which statuses still use
        await bench.step(20, 40)
        yield bench


async def ceiling(
    kind: str, redis_url: str, folder: Path, tokens: int, first: int
) -> list[Measured]:
    """Steps up to the first that fails twice: neighbours on the machine may spoil one."""
    async with bench_of(kind, redis_url, folder) as bench:
        steps: list[Measured] = []
        streams, failed = first, 0
        while failed < 2:
            steps.append(await bench.step(streams, tokens))
            if steps[-1].p99 > BAR_SECONDS:
                failed += 1
            else:
                streams, failed = streams + STEP, 0
        return steps


async def one_and_hundred(redis_url: str, folder: Path, tokens: int) -> list[Measured]:
    """The wait of a bubble when the worker has little to do, and at 100 streams."""
    async with bench_of(OURS, redis_url, folder) as bench:
        alone = [await bench.step(1, 2 * tokens), await bench.step(1, 2 * tokens)]
        waits = [wait for one in alone for wait in one.waits]
        one = replace(alone[-1], waits=waits)
        return [one, await bench.step(100, tokens)]


def row(name: str, step: Measured) -> tuple[str, ...]:
    return (
        name,
        str(step.streams),
        f"{step.p50 * 1000:.1f} ms",
        f"{step.p99 * 1000:.1f} ms",
        str(len(step.waits)),
        f"{step.turn_cpu * 1000:.1f} ms",
        f"{step.turn_seconds / step.turn_cpu:.0f}",
    )


async def measure(given: argparse.Namespace, redis_url: str, folder: Path) -> None:
    """Print the tables."""
    tokens = int(given.seconds * RATE)
    columns = (
        "worker",
        "streams",
        "p50",
        "p99",
        "bubbles",
        "CPU of one turn",
        "turns that fill a core",
    )
    steps = await one_and_hundred(redis_url, folder, tokens)
    print(f"Answers of {tokens} deltas in {steps[-1].bubbles} bubbles.\n")
    stage.table(columns, [row(OURS, step) for step in steps])
    held, rows = {}, []
    for kind, first in ((OURS, 100), (SDK, 25), (REPORTED, 50)):
        steps = await ceiling(kind, redis_url, folder, tokens, first)
        rows += [row(kind, step) for step in steps]
        held[kind] = max((step.streams for step in steps if step.p99 <= BAR_SECONDS), default=0)
    stage.table(columns, rows)
    times = f"{held[OURS] / held[SDK]:.1f}" if held[SDK] else "—"
    print(f"Most streams with p99 at or under {BAR_SECONDS * 1000:.0f} ms:\n")
    stage.table(
        ("worker", "streams", "Rivulet ÷ it"),
        [
            (OURS, str(held[OURS]), "—"),
            (SDK, str(held[SDK]), times),
            (REPORTED, str(held[REPORTED]), ""),
        ],
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of each stream")
    given = parser.parse_args()
    stage.heading("From delta to bubble, one worker", "python -m tests.benchmarks.bench_bubbles")
    if (cores := os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, set(range(1, cores)))  # core 0 is the worker's
    gc.disable()  # the world's pauses would count as the worker's
    with (
        tempfile.TemporaryDirectory(prefix="rivulet-bench-") as folder,
        redis_for("tests") as redis_url,
    ):
        uvloop.run(measure(given, redis_url, Path(folder)))


if __name__ == "__main__":
    main()
