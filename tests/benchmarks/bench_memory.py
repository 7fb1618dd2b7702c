"""Memory for each conversation that is being answered, against RQ's own worker and the SDK.

    python -m tests.benchmarks.bench_memory [--streams 500]

Measured from outside while all streams run: resident memory, and the share of it that is left when
pages held by several processes are divided among them. RQ's worker answers one conversation at a
time in a forked child, which imports the SDK, so a conversation costs worker and child.
"""

import argparse
import os
import tempfile
from pathlib import Path

import uvloop
from redis import Redis
from rq import Queue

from app.simulator.valkey import redis_for
from tests.benchmarks import stage
from tests.benchmarks.bench_bubbles import OURS, bench_of, until
from tests.benchmarks.bench_worker import children
from tests.benchmarks.world import open_world

SLOW_DELTAS = 1200
"""Streams of half a minute: long enough for all of them to have begun."""


def held_kb(pid: int) -> tuple[int, int]:
    """Of a process and its children: resident, and its proportional share."""
    each = [stage.memory_kb(one) for one in (pid, *children(pid))]
    return sum(rss for rss, _ in each), sum(pss for _, pss in each)


async def ours(redis_url: str, folder: Path, streams: int) -> tuple[tuple[int, int], ...]:
    """Of our worker, idle and with so many streams."""
    async with bench_of(OURS, redis_url, folder) as bench:
        idle = held_kb(bench.pid)
        bench.world.answer_with(SLOW_DELTAS)
        asked = await bench.world.ask(bench.store, streams)
        await until(lambda: all(one in bench.world.streams for one in asked))
        await until(lambda: sum(bool(bench.world.arrived_at[one]) for one in asked) > streams * 0.9)
        return idle, held_kb(bench.pid)


async def stock(redis_url: str, folder: Path) -> tuple[int, int]:
    """Of RQ's worker and the child that answers."""
    stage.empty(redis_url)
    async with open_world() as (world, model_url, _):
        world.answer_with(SLOW_DELTAS)
        with Redis.from_url(redis_url) as redis:
            Queue("bench", connection=redis).enqueue("tests.benchmarks.jobs.stream_with_sdk")
        environment = stage.settings(redis_url, OPENAI_BASE_URL=f"{model_url}/v1")
        command = ["-m", "rq.cli", "worker", "-u", redis_url, "--quiet", "bench"]
        with stage.process(command, environment, folder / "stock.log") as running:
            await until(lambda: any(len(one.sent_at) > 20 for one in world.streams.values()))
            found = held_kb(running.pid)
            for child in children(running.pid):
                os.kill(child, 9)  # its answer is of no interest any more
            return found


async def measure(streams: int, redis_url: str, folder: Path) -> None:
    """Print the table."""
    one = await stock(redis_url, folder)
    idle, full = await ours(redis_url, folder, streams)
    rows = []
    for name, at in (("resident", 0), ("proportional share", 1)):
        each = full[at] / streams
        rows.append(
            (
                name,
                f"{one[at] / 1024:.0f} MB",
                f"{full[at] / 1024:.0f} MB",
                f"{each:.0f} KB",
                f"1/{one[at] / each:.0f}",
                f"{(full[at] - idle[at]) / streams:.0f} KB",
            )
        )
    stage.table(
        (
            "memory",
            "`rq worker`, 1 conversation",
            f"Rivulet, {streams}",
            "for each",
            "ratio",
            "for each more",
        ),
        rows,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=500)
    given = parser.parse_args()
    stage.heading("Memory of one conversation", "python -m tests.benchmarks.bench_memory")
    with (
        tempfile.TemporaryDirectory(prefix="rivulet-bench-") as folder,
        redis_for("tests") as redis_url,
    ):
        uvloop.run(measure(given.streams, redis_url, Path(folder)))


if __name__ == "__main__":
    main()
