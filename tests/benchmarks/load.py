"""A load generator: HTTP/1.1 on keep-alive connections, sending requests that were built before.

    python -m tests.benchmarks.load --port 8000 --seconds 2 --connections 64 [--rate 500]

Without ``--rate`` every connection sends its next request at the last one's answer. With it,
requests are due at fixed times whether or not the server keeps up, and each one's time counts from
when it was due. Prints JSON.
"""

import argparse
import asyncio
import contextlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import uvloop

from tests.benchmarks.stage import APP_SECRET, percentile

CONVERSATIONS = 1000
MOST_PER_SECOND = 30_000
"""Requests built for each second of full load: more than any server here answers."""

PATIENCE_SECONDS = 20.0


def messages(count: int, *, run: str) -> list[bytes]:
    """Signed webhooks as Meta sends them, each with one new message, over 1,000 conversations."""
    now = str(int(time.time()))
    return [
        signed(message(f"{run}{number:08d}", number % CONVERSATIONS, now))
        for number in range(count)
    ]


def message(wamid: str, person: int, timestamp: str) -> bytes:
    """The body of one webhook, with all that Meta puts into it."""
    phone, user_id = f"1555{person:07d}", f"US.9{person:015d}"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550199", "phone_number_id": "100000000000001"},
        "contacts": [{"profile": {"name": f"Person {person}"}, "wa_id": phone, "user_id": user_id}],
        "messages": [
            {
                "from": phone,
                "from_user_id": user_id,
                "id": f"wamid.HBgLMTU1NTAxMDAwMDAVAgASGBQz{wamid}",
                "timestamp": timestamp,
                "text": {"body": "Hello, can I still return the blue kettle that I ordered?"},
                "type": "text",
            }
        ],
    }
    change = {"value": value, "field": "messages"}
    entry = {"id": "200000000000002", "changes": [change]}
    body = {"object": "whatsapp_business_account", "entry": [entry]}
    return json.dumps(body, separators=(",", ":")).encode()


def signed(body: bytes) -> bytes:
    """The whole request."""
    signature = hmac.digest(APP_SECRET.encode(), body, "sha256").hex()
    return (
        "POST /webhook HTTP/1.1\r\nHost: localhost\r\nUser-Agent: facebookexternalua\r\n"
        "Accept: */*\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@dataclass
class Tally:
    """What became of the requests; times in seconds."""

    times: list[float] = field(default_factory=list)
    failed: int = 0
    open: int = 0
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    began_at: float = 0.0
    ended_at: float = 0.0


class Connection(asyncio.Protocol):
    """One connection, at most one request at a time."""

    def __init__(self, tally: Tally, on_idle: Callable[["Connection"], None]) -> None:
        self._tally, self._on_idle = tally, on_idle
        self._answer = b""
        self._due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is of no such class

    def ask(self, request: bytes, *, due_at: float) -> None:
        self._due_at = due_at
        self._tally.open += 1
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._answer.endswith(b"\r\n\r\n"):  # no answer here has a body
            return
        self._tally.ended_at = time.perf_counter()
        self._tally.times.append(self._tally.ended_at - self._due_at)
        self._tally.failed += not self._answer.startswith(b"HTTP/1.1 200 ")
        self._answer = b""
        self._on_idle(self)
        self._tally.open -= 1
        if not self._tally.open:
            self._tally.quiet.set()


async def connect(
    port: int, count: int, tally: Tally, on_idle: Callable[[Connection], None]
) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(lambda: Connection(tally, on_idle), "127.0.0.1", port))[1]
        for _ in range(count)
    ]


async def as_fast_as_it_goes(port: int, connections: int, seconds: float, run: str) -> Tally:
    """Every connection always has a request on its way."""
    tally = Tally()
    waiting = iter(messages(int(seconds * MOST_PER_SECOND), run=run))
    end = 0.0

    def go_on(connection: Connection) -> None:
        now = time.perf_counter()
        if now < end and (request := next(waiting, None)) is not None:
            connection.ask(request, due_at=now)

    opened = await connect(port, connections, tally, go_on)
    tally.began_at = time.perf_counter()
    end = tally.began_at + seconds
    for connection in opened:
        go_on(connection)
    await asyncio.sleep(seconds)
    await all_answered(opened, tally)
    return tally


async def at_a_rate(port: int, connections: int, seconds: float, rate: float, run: str) -> Tally:
    """Requests at their times; one that finds no idle connection waits, and its clock runs."""
    tally = Tally()
    requests = messages(int(seconds * rate), run=run)
    idle: deque[Connection] = deque()
    late: deque[tuple[bytes, float]] = deque()

    def go_on(connection: Connection) -> None:
        if late:
            request, due_at = late.popleft()
            connection.ask(request, due_at=due_at)
        else:
            idle.append(connection)

    opened = await connect(port, connections, tally, go_on)
    idle.extend(opened)
    tally.began_at = time.perf_counter()
    for number, request in enumerate(requests):
        due_at = tally.began_at + number / rate
        if (wait := due_at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)  # to a millisecond, which counts as the server's
        if idle:
            idle.popleft().ask(request, due_at=due_at)
        else:
            late.append((request, due_at))
    await all_answered(opened, tally)
    return tally


async def all_answered(opened: list[Connection], tally: Tally) -> None:
    """Wait for the last answers; what does not come has failed."""
    if tally.open:
        tally.quiet.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(tally.quiet.wait(), PATIENCE_SECONDS)
    tally.failed += tally.open
    for connection in opened:
        connection.transport.abort()


def main() -> None:
    """Send, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--run", default="A", help="makes the messages of each run new ones")
    given = parser.parse_args()
    work = (
        at_a_rate(given.port, given.connections, given.seconds, given.rate, given.run)
        if given.rate
        else as_fast_as_it_goes(given.port, given.connections, given.seconds, given.run)
    )
    tally = uvloop.run(work)
    lasted = tally.ended_at - tally.began_at
    print(
        json.dumps(
            {
                "answered": len(tally.times),
                "failed": tally.failed,
                "per_second": len(tally.times) / lasted,
                "p50_ms": percentile(tally.times, 0.5) * 1000,
                "p99_ms": percentile(tally.times, 0.99) * 1000,
                "most_ms": max(tally.times) * 1000,
                "over_1_s": sum(one > 1 for one in tally.times),
            }
        )
    )


if __name__ == "__main__":
    main()
