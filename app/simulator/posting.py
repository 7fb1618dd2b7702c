"""POSTs over kept connections, at a fiftieth of a full HTTP client's cost.

A simulator sends three webhooks for each bubble, from the machine whose speed is being measured:
httpx2 took 600 µs of CPU for one, this takes some 20 µs.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

IDLE_SECONDS = 3.0
"""Shorter than a server's keep-alive (uvicorn: 5 s), so that it does not close on our heels."""

IDLE_MOST = 100
BODY_MOST = 1_000_000


class NoAnswer(Exception):
    """No status was to be had; the message is one word that says why."""


class Line(NamedTuple):
    """One open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float


@dataclass(slots=True)
class Poster:
    """Open connections, by where they go."""

    _idle: dict[tuple[str, str], deque[Line]] = field(default_factory=dict)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float
    ) -> int:
        """POST once; the HTTP status.

        Args:
            seconds: For all of it.

        Raises:
            NoAnswer: Refused, reset, too late, or not HTTP. It may have arrived.
        """
        where = urlsplit(url)
        try:
            async with asyncio.timeout(seconds):
                line = self._kept(where) or await _opened(where)
                try:
                    status, keep = await _exchanged(line, where, body, headers)
                except BaseException:
                    line.writer.transport.abort()
                    raise
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
            raise NoAnswer(type(error).__name__) from None
        self._keep(where, line, keep)
        return status

    async def close(self) -> None:
        """Close what is idle."""
        for lines in self._idle.values():
            for line in lines:
                line.writer.close()
        self._idle.clear()
        await asyncio.sleep(0)

    def _kept(self, where: SplitResult) -> Line | None:
        lines = self._idle.get((where.scheme, where.netloc), ())
        while lines:
            line = lines.pop()
            if time.monotonic() - line.since < IDLE_SECONDS and not line.reader.at_eof():
                return line
            line.writer.close()
        return None

    def _keep(self, where: SplitResult, line: Line, keep: bool) -> None:
        lines = self._idle.setdefault((where.scheme, where.netloc), deque())
        if keep and len(lines) < IDLE_MOST:
            lines.append(line._replace(since=time.monotonic()))
        else:
            line.writer.close()


async def _opened(where: SplitResult) -> Line:
    secure = where.scheme == "https"
    reader, writer = await asyncio.open_connection(
        where.hostname, where.port or (443 if secure else 80), ssl=secure or None
    )
    return Line(reader, writer, time.monotonic())


async def _exchanged(
    line: Line, where: SplitResult, body: bytes, headers: Mapping[str, str]
) -> tuple[int, bool]:
    """Write the request and read the answer; its status, and whether the line may be kept."""
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    fields = {"host": where.netloc, "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    line.writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
    await line.writer.drain()
    first, *rest = (await line.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    answered = {
        name.strip().lower(): value.strip()
        for name, _, value in (one.partition(":") for one in rest if one)
    }
    _, status, *_ = first.split(" ")
    whole = await _skipped(line.reader, answered)
    return int(status), whole and answered.get("connection", "").lower() != "close"


async def _skipped(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bool:
    """Read past the body; False when its end cannot be told."""
    if "content-length" in headers:
        length = int(headers["content-length"])
        if length <= BODY_MOST:
            await reader.readexactly(length)
        return length <= BODY_MOST
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return False
    total = 0
    while (size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)) > 0:
        total += size
        if total > BODY_MOST:
            return False
        await reader.readexactly(size + 2)
    await reader.readexactly(2)
    return True
