"""What is lost when a Redis dies for good, and what it costs to lose less.

    python -m tests.benchmarks.bench_durability [--rounds 5]

Real servers, and the real store in this process. Three tables:

* A failover: the link to the replica is held up, then the primary is killed and the replica
  promoted. Webhooks come at a steady rate all the while; those refused are delivered again.
* The only server dies: first the process by SIGKILL, then the machine. The machine's death is
  simulated: the file is cut back to the first page that the kernel has not yet given to the disk
  (``cachestat``, Linux 6.5), and the server is started on what is left. What a disk itself loses
  that says it has written is not in it.
* What ``appendfsync`` costs: three servers side by side on this disk, loaded in turn.
"""

import argparse
import asyncio
import ctypes
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.adapters.redis_store import RedisStore
from app.core.model import Bubble, InboundMessage
from app.errors import Unavailable
from tests.adapters.failover import known, pair_in
from tests.adapters.relay import until
from tests.adapters.servers import Server, server_in
from tests.adapters.test_redis_edges import job_in
from tests.benchmarks import stage
from tests.contracts.conftest import open_store
from tests.fakes import said

COMMAND = "python -m tests.benchmarks.bench_durability"
POLICIES = ("no", "everysec", "always")
RATE = 100
HEALTHY_SECONDS = 3.0
CALLERS = 32
BUBBLES = 3
PAGE = 4096
CACHESTAT = 451  # the system call's number on every architecture


def words() -> InboundMessage:
    """Of a person who has not written before."""
    return said("Good morning", user_id=f"US.{random.getrandbits(64)}", phone=None)


@dataclass
class Webhooks:
    """What was delivered.

    Attributes:
        acknowledged: Stored, and Meta was told so.
        refused: To be delivered again.
    """

    store: RedisStore
    acknowledged: list[InboundMessage] = field(default_factory=list)
    refused: list[InboundMessage] = field(default_factory=list)

    async def come(self, seconds: float) -> None:
        """At ``RATE``, whatever becomes of them."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * RATE)):
                await asyncio.sleep(max(0.0, began + number / RATE - clock()))
                group.create_task(self._comes(words()))

    async def _comes(self, message: InboundMessage) -> None:
        try:
            await self.store.take_in([message])
        except Unavailable:
            self.refused.append(message)
        else:
            self.acknowledged.append(message)

    async def come_again(self) -> None:
        """Those that were refused, until all are stored."""

        async def all_stored() -> bool:
            tried, self.refused = self.refused, []
            for message in tried:
                await self._comes(message)
            return not self.refused

        await until(all_stored)

    def lost(self, server: Server) -> int:
        """How many of those that Meta believes stored are not."""
        return sum(not known(server, message) for message in self.acknowledged)


# -- a failover ------------------------------------------------------------------------------------


async def failover(seconds: float, max_lag: int | None) -> tuple[str, ...]:
    """One row: the link is held up for so long, then the primary is killed."""
    options = {"min_replicas_to_write": "1", "min_replicas_max_lag": str(max_lag)}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rv-")))
        pair = await stack.enter_async_context(pair_in(folder, **(options if max_lag else {})))
        webhooks = Webhooks(open_store(pair.door.url, stack))
        await webhooks.come(0.5)  # connections, and the replica's first sign of life
        await webhooks.come_again()
        await webhooks.come(HEALTHY_SECONDS)
        without_cause = len(webhooks.refused)
        await webhooks.come_again()
        await pair.in_step()
        pair.link.open.clear()
        await webhooks.come(seconds)
        refused = len(webhooks.refused)
        await pair.fail_over()
        await webhooks.come_again()
        lost = webhooks.lost(pair.replica)
    return (
        f"1, lag {max_lag} s" if max_lag else "0",
        f"{seconds:g} s",
        f"{int(seconds * RATE)}",
        f"{refused}",
        f"{lost}",
        f"{lost / RATE:.1f} s",
        f"{without_cause}",
    )


async def failovers() -> None:
    """The table."""
    stage.heading("A failover to a replica behind a link that is held up", COMMAND)
    rows = []
    for max_lag in (None, 10, 2, 1):
        for seconds in (0.5, 2.0, 5.0) if max_lag is None else (2.0, 5.0):
            rows.append(await failover(seconds, max_lag))
    columns = (
        "min-replicas-to-write",
        "link held up",
        "webhooks meanwhile",
        "refused (503), then stored",
        "acknowledged and lost",
        "that is",
        f"refused in {HEALTHY_SECONDS:g} s without cause",
    )
    stage.table(columns, rows)


# -- the only server dies --------------------------------------------------------------------------


class Pages(ctypes.Structure):
    """``struct cachestat``: how many pages of a file are in the kernel's memory, and how."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in ("cached", "dirty", "in_writing", "evicted", "lately_evicted")
    )


def is_on_disk(descriptor: int, beginning: int, length: int) -> bool:
    """Whether the kernel has nothing of this part that the disk has not."""
    part, pages = (ctypes.c_uint64 * 2)(beginning, length), Pages()
    failed = ctypes.CDLL(None, use_errno=True).syscall(
        CACHESTAT, descriptor, ctypes.byref(part), ctypes.byref(pages), 0
    )
    if failed:
        raise OSError(ctypes.get_errno(), "cachestat (Linux 6.5 or newer has it)")
    return not pages.dirty and not pages.in_writing


def size_on_disk(file: Path) -> int:
    """How much of a file, from its beginning, a machine that died now would still have."""
    with file.open("rb") as opened:
        size = file.stat().st_size
        for beginning in range(0, size, PAGE):
            if not is_on_disk(opened.fileno(), beginning, PAGE):
                return beginning
    return size


def appended_in(server: Server) -> Path:
    """The file that grows."""
    (tail,) = (server.folder / "appendonlydir").glob("*.incr.aof")
    return tail


async def death(appendfsync: str, seconds: float) -> tuple[int, int, int]:
    """How many were acknowledged, lost with the process, lost with the machine."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rv-")))
        server = stack.enter_context(server_in(folder, appendfsync=appendfsync))
        webhooks = Webhooks(open_store(server.url, stack))
        await webhooks.come(seconds)
        server.kill()
        size = size_on_disk(appended_in(server))
        server.start()
        with_process = webhooks.lost(server)
        server.kill()
        os.truncate(appended_in(server), size)
        server.start()
        return len(webhooks.acknowledged), with_process, webhooks.lost(server)


async def deaths(rounds: int) -> None:
    """The table."""
    stage.heading("The only server dies", COMMAND)
    rows = []
    for policy in POLICIES:
        found = [await death(policy, 2.0 + number / rounds) for number in range(rounds)]
        acknowledged, with_process, with_machine = zip(*found, strict=True)
        rows.append(
            (
                policy,
                f"{sum(acknowledged)}",
                f"{sum(with_process)}",
                ", ".join(map(str, with_machine)),
                f"{max(with_machine) / RATE:.2f} s",
            )
        )
    columns = (
        "appendfsync",
        "webhooks acknowledged",
        "lost with the process",
        "lost with the machine, each round",
        "at most",
    )
    stage.table(columns, rows)


# -- the cost --------------------------------------------------------------------------------------


async def intake(store: RedisStore, callers: int, seconds: float) -> float:
    """Webhooks per second, each of one message."""
    deadline = time.monotonic() + seconds
    count = 0

    async def caller() -> None:
        nonlocal count
        while time.monotonic() < deadline:
            await store.take_in([words()])
            count += 1

    began = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return count / (time.monotonic() - began)


async def turn(store: RedisStore, conversation: str, turn_id: str) -> None:
    """All that a turn of some bubbles asks of Redis, from its lease to its end."""
    async with store.turn(conversation, turn_id) as hand:
        if hand is None:
            raise RuntimeError("the turn is not there")
        for number in range(BUBBLES):
            bubble = Bubble(turn_id, number, "Good morning to you.", "Good morning to you.")
            await hand.plan([bubble], whole=number == BUBBLES - 1)
            await hand.begin_send(bubble, attempt=1, within=timedelta(seconds=10))
            await hand.settle_send(bubble, wamid=f"wamid.{turn_id}.{number}")
        await hand.note(model_ended_at=datetime.now(UTC).timestamp())
        await hand.finish("Good morning to you.", ending="answered")


async def turns(server: Server, store: RedisStore, at_once: int, count: int) -> float:
    """Milliseconds for one turn, so many of them at a time."""
    await store.take_in([words() for _ in range(count)])
    jobs = [job_in(server) for _ in range(count)]
    spent = []

    async def worker() -> None:
        while jobs:
            job = jobs.pop()
            began = time.monotonic()
            await turn(store, *job)
            spent.append(time.monotonic() - began)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return statistics.median(spent) * 1000


Measure = Callable[[Server, RedisStore], Awaitable[float]]
MEASURES: Mapping[str, Measure] = {
    "intake, 1 caller: webhooks/s": lambda _, store: intake(store, 1, 1.0),
    f"intake, {CALLERS} callers: webhooks/s": lambda _, store: intake(store, CALLERS, 1.0),
    f"a turn of {BUBBLES} bubbles, alone: ms": lambda server, store: turns(server, store, 1, 20),
    f"the same, {CALLERS} at a time: ms": lambda server, store: turns(
        server, store, CALLERS, 10 * CALLERS
    ),
}


async def costs(rounds: int) -> None:
    """The table."""
    stage.heading("What appendfsync costs", COMMAND)
    print(f"One fsync of 1 kB on this disk takes {fsync_ms():.2f} ms (median of 100).\n")
    found: dict[tuple[str, str], list[float]] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rv-")))
        places = {}
        for policy in POLICIES:
            server = stack.enter_context(server_in(folder / policy, appendfsync=policy))
            places[policy] = server, open_store(server.url, stack)
        for _ in range(rounds):
            for name, measure in MEASURES.items():
                for policy, (server, store) in places.items():
                    server.redis.flushall()
                    found.setdefault((name, policy), []).append(await measure(server, store))
    rows = []
    for name in MEASURES:
        base = found[name, "everysec"]
        rows.append((name, *(cell(found[name, policy], base) for policy in POLICIES)))
    stage.table(("", *POLICIES), rows)


def cell(values: list[float], base: list[float]) -> str:
    """The median, and what it is of ``everysec`` in the same round."""
    ratios = [value / other for value, other in zip(values, base, strict=True)]
    digits = 1 if statistics.median(values) < 100 else 0
    middle = f"{statistics.median(values):,.{digits}f}"
    if values is base:
        return middle
    return f"{middle} (× {statistics.median(ratios):.2f}; {min(ratios):.2f}–{max(ratios):.2f})"


def fsync_ms() -> float:
    """What the disk itself takes."""
    spent = []
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            file.write(b"." * 1024)
            file.flush()
            began = time.monotonic()
            os.fdatasync(file.fileno())
            spent.append(time.monotonic() - began)
    return statistics.median(spent) * 1000


async def run(rounds: int) -> None:
    """All three."""
    await failovers()
    await deaths(rounds)
    await costs(rounds)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(run(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
