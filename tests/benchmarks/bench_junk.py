"""``POST /webhook`` while strangers send junk: how long good messages take, with it and without.

    python -m tests.benchmarks.bench_junk [--rounds 5] [--rate 30] [--seconds 8]

For each good message ten bad requests: half without a signature, half with a wrong one, 1 KB to
3 MB. Each round measures good messages alone, then with junk, then with the same junk going to
another process of ours: what the sender takes of the machine is not the web process's doing.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from app.simulator.valkey import redis_for
from tests.benchmarks import stage
from tests.benchmarks.bench_webhook import Server, load, until_it_answers
from tests.ports import free_port

JUNK_FOR_EACH = 10
ALONE, BESIDE, AMID = "good messages alone", "junk goes to another process", "junk comes as well"


@contextmanager
def web(redis_url: str, folder: Path, name: str) -> Iterator[Server]:
    """A web process, ready."""
    port = free_port()
    command = ["-m", "app", "web", "--port", str(port)]
    log = folder / f"{name}.log"
    with stage.process(command, stage.settings(redis_url), log) as running:
        until_it_answers(f"http://127.0.0.1:{port}/webhook")
        yield Server(name, port, running.pid)


@contextmanager
def junk(port: int, rate: float, seconds: float, said: list[dict[str, int]]) -> Iterator[None]:
    """Junk for a port while the block runs."""
    command = [
        *(sys.executable, "-m", "tests.benchmarks.junk", "--port", str(port)),
        *("--rate", str(rate), "--seconds", str(seconds)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=stage.ROOT) as running:
        yield
        assert running.stdout is not None
        said.append(json.loads(running.stdout.read()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=30.0, help="good messages per second")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each part of a round")
    given = parser.parse_args()
    stage.heading("POST /webhook amid junk", "python -m tests.benchmarks.bench_junk")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in (ALONE, BESIDE, AMID)}
    said: list[dict[str, int]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rivulet-bench-")))
        redis_url = stack.enter_context(redis_for("tests"))
        ours = stack.enter_context(web(redis_url, folder, "ours"))
        other = stack.enter_context(web(redis_url, folder, "other"))
        load(ours, 0.5, run="warm")
        before = stage.memory_kb(ours.pid)[0]
        for number in range(given.rounds):
            for name, target in ((ALONE, None), (BESIDE, other), (AMID, ours)):
                stage.empty(redis_url)
                with ExitStack() as flood:
                    if target is not None:
                        rate = given.rate * JUNK_FOR_EACH
                        answers = said if target is ours else []
                        flood.enter_context(junk(target.port, rate, given.seconds + 1, answers))
                    run = f"{name[:6]}{number}"
                    found[name].append(load(ours, given.seconds, run=run, rate=given.rate))
        grown = (stage.memory_kb(ours.pid)[0] - before) / 1024
    alone = [one["p99_ms"] for one in found[ALONE]]
    stage.table(
        ("what", "p50", "p99", "p99 ÷ alone, round by round", "lost"),
        [
            (
                name,
                f"{statistics.median(one['p50_ms'] for one in rounds):.1f} ms",
                f"{statistics.median(one['p99_ms'] for one in rounds):.1f} ms",
                "—" if name == ALONE else ratios([one["p99_ms"] for one in rounds], alone),
                str(sum(one["failed"] for one in rounds)),
            )
            for name, rounds in found.items()
        ],
    )
    became = {word: sum(one.get(word, 0) for one in said) for word in sorted({*chain(*said)})}
    print(f"Junk: {became}; the web process held {grown:.0f} MB more at the end.\n")


def ratios(ours: list[float], others: list[float]) -> str:
    """How many times as long, round by round."""
    each = [mine / its for mine, its in zip(ours, others, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f}–{max(each):.2f})"


if __name__ == "__main__":
    main()
