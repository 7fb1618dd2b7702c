"""``POST /webhook`` on one process, against an empty handler and against the textbook way.

    python -m tests.benchmarks.bench_webhook [--rounds 9] [--seconds 1]

Three servers stand side by side, started as ``rivulet web`` starts its own; each round loads one
after the other from a process of its own. Every message is new, signed before the clock starts, and
belongs to one of 1,000 conversations. Redis is emptied before each.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from app.simulator.valkey import redis_for
from tests.benchmarks import stage
from tests.ports import free_port

OURS, EMPTY, TEXTBOOK = "Rivulet: stored and queued", "empty handler", "textbook `enqueue`"
START_SECONDS = 40.0
CONNECTIONS = 64


@dataclass
class Server:
    """One web process and what was measured of it.

    Attributes:
        rates: Requests per second, one for each round.
        costs: CPU of the process for each request, in µs.
    """

    name: str
    port: int
    pid: int
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


@contextmanager
def servers(redis_url: str, folder: Path) -> Iterator[Mapping[str, Server]]:
    """All three, ready."""
    apps = {OURS: "app.main:asgi", EMPTY: "empty", TEXTBOOK: "textbook"}
    with ExitStack() as stack:
        found = {}
        for name, app in apps.items():
            port = free_port()
            command = ["-m", "app", "web", "--port", str(port)]
            if name != OURS:
                command = ["-m", "tests.benchmarks.webhook_apps", app, str(port)]
            log = folder / f"{app}.log"
            running = stack.enter_context(stage.process(command, stage.settings(redis_url), log))
            found[name] = Server(name, port, running.pid)
        for server in found.values():
            until_it_answers(f"http://127.0.0.1:{server.port}/webhook")
        yield found


def until_it_answers(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx2.get(url)
            return
        except httpx2.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # a process that starts tells nobody


def load(server: Server, seconds: float, *, run: str, rate: float | None = None) -> dict[str, Any]:
    """Let the generator's process send; what it says."""
    more = ["--rate", str(rate)] if rate else []
    command = [
        *(sys.executable, "-m", "tests.benchmarks.load", "--port", str(server.port)),
        *("--seconds", str(seconds), "--connections", str(CONNECTIONS), "--run", run, *more),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=stage.ROOT, timeout=120)
    said: dict[str, Any] = json.loads(done.stdout)
    if said["failed"]:
        raise RuntimeError(f"{server.name}: {said['failed']} of {said['answered']} failed")
    return said


def ceilings(found: Mapping[str, Server], redis_url: str, *, rounds: int, seconds: float) -> None:
    """Each server at full load, in turn, so that all see the same neighbours on the machine."""
    for server in found.values():  # connections, caches and bytecode
        load(server, 0.5, run="warm")
    for number in range(rounds):
        for server in found.values():
            stage.empty(redis_url)
            before = stage.cpu_seconds(server.pid)
            said = load(server, seconds, run=f"r{number}")
            spent = stage.cpu_seconds(server.pid) - before
            server.rates.append(said["per_second"])
            server.costs.append(spent / said["answered"] * 1e6)


def ratio(ours: Server, other: Server) -> str:
    """How many requests we answer for each one of the other's, round by round."""
    each = [mine / its for mine, its in zip(ours.rates, other.rates, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each server in each round")
    given = parser.parse_args()
    stage.heading("POST /webhook, one process", "python -m tests.benchmarks.bench_webhook")
    with (
        tempfile.TemporaryDirectory(prefix="rivulet-bench-") as folder,
        redis_for("tests") as redis_url,
        servers(redis_url, Path(folder)) as found,
    ):
        ceilings(found, redis_url, rounds=given.rounds, seconds=given.seconds)
        ours = found[OURS]
        stage.table(
            ("server", "requests/s: median (lowest–highest)", "CPU µs each", "Rivulet ÷ it"),
            [
                (
                    server.name,
                    stage.spread(server.rates),
                    f"{statistics.median(server.costs):.0f}",
                    "—" if server is ours else ratio(ours, server),
                )
                for server in found.values()
            ],
        )
        rows = []
        for rate in (500.0, round(statistics.median(ours.rates) / 2)):
            stage.empty(redis_url)
            said = load(ours, given.seconds * 5, run=f"at{rate:.0f}", rate=rate)
            rows.append(
                (
                    f"{rate:,.0f} requests/s",
                    f"{said['p50_ms']:.1f} ms",
                    f"{said['p99_ms']:.1f} ms",
                    f"{said['most_ms']:.0f} ms",
                    str(said["over_1_s"]),
                )
            )
        print("Rivulet at a fixed rate, each request's time counted from when it was due:\n")
        stage.table(("rate", "p50", "p99", "longest", "over 1 s"), rows)


if __name__ == "__main__":
    main()
