"""So many people write to one worker process at the same moment: how long do their bubbles wait?

    python -m tests.benchmarks.bench_people [--people 300] [--seconds 8]

The worker has a core of its own; model, Graph API and Redis share the other one. Streams write 40
deltas a second, every bubble is reported delivered, and all bubbles count: from the write of the
delta that completes one to the first byte of its request at the Graph API. What Meta allows one
number (80 sends a second) is lifted: it would hold back the first bubbles of so many by itself.
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from redis.asyncio import Redis
from rq.utils import as_text, utcparse

from app.simulator.valkey import redis_for
from tests.benchmarks import stage
from tests.benchmarks.bench_bubbles import RATE, REPORTED, Bench, bench_of, until
from tests.benchmarks.world import needed_deltas
from workers.async_worker import AsyncWorker

BAR_SECONDS = 1.0
LOOK_SECONDS = 0.25
TROUBLE = ("heartbeat failed", "stranded", "blocked for", "turn.lost", "bubble.resent", " failed")
"""What the worker's log says when a job was, or could have been, run twice."""


@dataclass(slots=True)
class Watched:
    """The worker as others see it.

    Attributes:
        names: Of all workers that were ever listed.
        oldest_seconds: The greatest age that its last sign of life ever had.
    """

    names: set[str] = field(default_factory=set)
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; times in seconds.

    Attributes:
        waits: Of all bubbles.
        first_waits: From the message in the queue to the model's first delta.
        answered: People whose turn has ended well.
        once: People whose turn ran once.
        log: The worker's.
    """

    people: int
    bubbles: int
    waits: list[float]
    first_waits: list[float]
    answered: int
    once: int
    worker: Watched
    log: list[str] = field(default_factory=list)

    @property
    def trouble(self) -> list[str]:
        """Lines that should not be."""
        return [line for line in self.log if any(words in line for words in TROUBLE)]

    @property
    def sends(self) -> int:
        """Bubbles that Meta has taken."""
        return sum('"event":"bubble.sent"' in line for line in self.log)

    @property
    def good(self) -> bool:
        """Whether nothing of what must not happen has happened."""
        slowest = stage.percentile(self.waits, 0.99)
        alive = self.worker.oldest_seconds < AsyncWorker.dead_after_seconds
        same = len(self.worker.names) == 1
        everybody = self.answered == self.once == self.people
        once = everybody and self.sends == len(self.waits) and not self.trouble
        return once and alive and same and slowest <= BAR_SECONDS


@asynccontextmanager
async def watching(redis_url: str) -> AsyncIterator[Watched]:
    """Look at the worker's record in Redis while the block runs."""
    watched = Watched()

    async def look() -> None:
        async with Redis.from_url(redis_url) as redis:
            while True:
                for name in map(as_text, await redis.smembers("rq:workers")):
                    watched.names.add(name)
                    beat = await redis.hget(name, "last_heartbeat")
                    age = datetime.now(UTC) - utcparse(as_text(beat or b"")).replace(tzinfo=UTC)
                    watched.oldest_seconds = max(watched.oldest_seconds, age.total_seconds())
                await asyncio.sleep(LOOK_SECONDS)

    task = asyncio.create_task(look())
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


async def everybody_at_once(bench: Bench, people: int, tokens: int, redis_url: str) -> Outcome:
    """Let them write, and wait until all is answered."""
    world = bench.world
    world.answer_with(tokens)
    needed = needed_deltas(world.deltas, bench.limits)
    async with watching(redis_url) as watched, Redis.from_url(redis_url) as redis:
        earlier = await turn_ids(redis)
        began_at = asyncio.get_running_loop().time()
        asked = await world.ask(bench.store, people)
        await until(lambda: all(len(world.arrived_at[one]) == len(needed) for one in asked))
        turns = await turn_ids(redis) - earlier
        records = [await ended(redis, turn) for turn in turns]
    return Outcome(
        people,
        len(needed),
        waits=[
            world.arrived_at[one][bubble] - world.streams[one].sent_at[delta]
            for one in asked
            for bubble, delta in enumerate(needed)
        ],
        first_waits=[world.streams[one].sent_at[0] - began_at for one in asked],
        answered=sum(record["ending"] == "answered" for record in records),
        once=sum(record["runs"] == "1" for record in records),
        worker=watched,
    )


async def turn_ids(redis: Redis) -> set[str]:
    """Of all turns that Redis knows."""
    return {as_text(key) async for key in redis.scan_iter("rv:turn:*", count=1000)}


async def ended(redis: Redis, key: str) -> dict[str, str]:
    """The record of a turn once it has ended."""
    async with asyncio.timeout(30):
        while not await redis.hexists(key, "ending"):  # noqa: ASYNC110 - the world has no events
            await asyncio.sleep(0.05)
    return {as_text(name): as_text(value) for name, value in (await redis.hgetall(key)).items()}


async def run(people: int, tokens: int, redis_url: str, folder: Path) -> Outcome:
    """A fresh worker, and all those people."""
    log = folder / "worker.log"
    async with bench_of(REPORTED, redis_url, folder) as bench:
        before = len(log.read_text().splitlines())
        outcome = await everybody_at_once(bench, people, tokens, redis_url)
        outcome.log.extend(log.read_text().splitlines()[before:])
    return outcome


def report(outcome: Outcome) -> None:
    """Print the table."""
    waits, first = outcome.waits, outcome.first_waits
    everybody = f"of {outcome.people}"
    stage.table(
        ("what", "here", "to reach"),
        [
            ("people answered", f"{outcome.answered} {everybody}", "all"),
            ("turns run once", f"{outcome.once} {everybody}", "all"),
            ("sends that Meta took", str(outcome.sends), f"{len(waits)} bubbles"),
            ("added delay of a bubble, p50", f"{stage.percentile(waits, 0.5) * 1000:.0f} ms", ""),
            (
                "added delay of a bubble, p99",
                f"{stage.percentile(waits, 0.99) * 1000:.0f} ms",
                f"{BAR_SECONDS * 1000:.0f} ms",
            ),
            ("added delay of a bubble, the longest", f"{max(waits) * 1000:.0f} ms", ""),
            (
                "message queued → first delta, p50 and p99",
                f"{stage.percentile(first, 0.5) * 1000:.0f} and "
                f"{stage.percentile(first, 0.99) * 1000:.0f} ms",
                "",
            ),
            (
                "oldest sign of life of the worker",
                f"{outcome.worker.oldest_seconds:.1f} s",
                f"under {AsyncWorker.dead_after_seconds} s",
            ),
            ("workers ever listed", str(len(outcome.worker.names)), "1"),
            ("lines of trouble in its log", str(len(outcome.trouble)), "0"),
        ],
    )
    for line in outcome.trouble[:5]:
        print(line[:500])


def main() -> int:
    """Print the table; 1 when something was not as it must be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each answer")
    given = parser.parse_args()
    stage.heading(
        "People at the same moment, one worker", "python -m tests.benchmarks.bench_people"
    )
    if (cores := os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, set(range(1, cores)))  # core 0 is the worker's
    gc.disable()  # the world's pauses would count as the worker's
    with (
        tempfile.TemporaryDirectory(prefix="rivulet-bench-") as folder,
        redis_for("tests") as redis_url,
    ):
        outcome = uvloop.run(run(given.people, int(given.seconds * RATE), redis_url, Path(folder)))
    report(outcome)
    return not outcome.good


if __name__ == "__main__":
    sys.exit(main())
