"""What every benchmark stands on: processes that end, a Redis of its own, and an honest table."""

import os
import platform
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from redis import Redis

APP_SECRET = "an app secret of the benchmarks"
RIVULET_KEY = "a key for the ids of the benchmarks"
STOP_SECONDS = 30.0

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def settings(redis_url: str, **more: str) -> dict[str, str]:
    """The environment of a process of ours, with nothing of this shell's settings in it."""
    ours = (
        *("WHATSAPP_", "OPENAI_", "LLM_", "BOT_", "BUBBLE_", "WORKER_", "LOG_", "UNCERTAIN_"),
        *("HANDOFF_", "PERSON_"),
    )
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis_url,
        "RIVULET_KEY": RIVULET_KEY,
        "WHATSAPP_ACCESS_TOKEN": "a token of the benchmarks",
        "WHATSAPP_APP_SECRET": APP_SECRET,
        "WHATSAPP_VERIFY_TOKEN": "a word of the benchmarks",
        "OPENAI_API_KEY": "none",
        "PERSON_TURNS_PER_MINUTE": "0",  # these people write faster than any
        "PERSON_TURNS_PER_DAY": "0",
        "PERSON_TOKENS_PER_DAY": "0",
        **more,
    }


@contextmanager
def process(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, *, core: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """``python ARGUMENTS`` while the block runs.

    Args:
        log: Where its output goes, as it would to a log collector.
        core: The one core it may use; ``None``: any.
    """
    with log.open("ab") as sink:
        running = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=log.parent,  # a developer's .env is not there
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    if core is not None:
        os.sched_setaffinity(running.pid, {core})
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kb(pid: int) -> tuple[int, int]:
    """Resident memory, and its proportional share (shared pages divided by who shares them)."""
    found = dict.fromkeys(("Rss:", "Pss:"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if name in found:
            found[name] = int(rest.split()[0])
    return found["Rss:"], found["Pss:"]


def empty(redis_url: str) -> None:
    """Forget all; the database is this benchmark's own."""
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()


def heading(title: str, command: str) -> None:
    """The table's title, and where and how it was measured; from here on SIGTERM ends cleanly."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # or Redis and servers stay behind
    packages = ("starlette", "uvicorn", "uvloop", "redis", "rq", "openai", "orjson")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"\n### {title}\n")
    print(f"`{command}`  ")
    print(
        f"{machine()}; {platform.python_implementation()} {platform.python_version()}, {versions}"
    )
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"(load of the machine before it began: {load})\n", flush=True)


def machine() -> str:
    """The processor's own name, and how many cores of it we may use."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{os.cpu_count()} cores, {line.partition(': ')[2]}"
    return f"{os.cpu_count()} cores"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table."""
    print(f"| {' | '.join(columns)} |")
    print(f"|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(values: Sequence[float]) -> str:
    """The median, and the lowest and highest beside it."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f})"
