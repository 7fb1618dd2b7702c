"""A stranger: bad webhooks at a fixed rate, each on a connection of its own.

    python -m tests.benchmarks.junk --port 8000 --rate 300 --seconds 5

Half of them have no signature and half a wrong one; from 1 KB to 3 MB long, by a log-uniform
distribution with a mean of 390 KB. Prints how many were sent, and what became of them, as JSON.
"""

import argparse
import asyncio
import json
import math
import random
from collections import Counter
from contextlib import suppress

import uvloop

LEAST, MOST = 1024, 3 * 1024 * 1024
BODY = memoryview(bytes(MOST))
PATIENCE_SECONDS = 20.0
MOST_AT_ONCE = 200


class Bad(asyncio.Protocol):
    """One bad request; over when it is answered or cut off."""

    def __init__(self, length: int, signed: bool) -> None:
        self._length, self._signed = length, signed
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert hasattr(transport, "write")
        signature = f"X-Hub-Signature-256: sha256={'0' * 64}\r\n" if self._signed else ""
        head = f"POST /webhook HTTP/1.1\r\nHost: localhost\r\n{signature}"
        transport.write(f"{head}Content-Length: {self._length}\r\n\r\n".encode())
        transport.write(BODY[: self._length])

    def data_received(self, data: bytes) -> None:
        self._end(data[9:12].decode())

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("cut off")

    def _end(self, status: str) -> None:
        if not self.over.done():
            self.over.set_result(status)


async def send(port: int, length: int, signed: bool, tally: Counter[str]) -> None:
    """One bad request, from its connection to its end."""
    loop = asyncio.get_running_loop()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            transport, bad = await loop.create_connection(
                lambda: Bad(length, signed), "127.0.0.1", port
            )
            try:
                tally[await bad.over] += 1
            finally:
                transport.abort()
            return
    tally["nothing"] += 1


async def flood(port: int, rate: float, seconds: float) -> Counter[str]:
    """All of them, at their times."""
    dice = random.Random(7)
    tally: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    began = loop.time()
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(length: int, signed: bool) -> None:
        async with room:
            await send(port, length, signed, tally)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(began + number / rate - loop.time())
            length = int(math.exp(dice.uniform(math.log(LEAST), math.log(MOST))))
            group.create_task(one(length, number % 2 == 0))
    tally["sent"] = int(rate * seconds)
    tally["ms"] = int((loop.time() - began) * 1000)
    return tally


def main() -> None:
    """Send, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    print(json.dumps(uvloop.run(flood(given.port, given.rate, given.seconds))))


if __name__ == "__main__":
    main()
