"""A model server that does exactly what a test writes down, byte by byte, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

EVENTS = "Content-Type: text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the head's lines and the parsed body."""

    head: list[str]
    body: dict[str, Any]


class Wire:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def head(self, *lines: str, status: str = "200 OK") -> None:
        """Begin an answer whose body comes in chunks."""
        head = [f"HTTP/1.1 {status}", *lines, "Transfer-Encoding: chunked", "", ""]
        await self.raw("\r\n".join(head).encode())

    async def body(self, piece: bytes) -> None:
        """One chunk of it."""
        await self.raw(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def end(self) -> None:
        """The end of the body; the connection stays open."""
        await self.raw(b"0\r\n\r\n")

    async def raw(self, piece: bytes) -> None:
        """Any bytes."""
        self._writer.write(piece)
        await self._writer.drain()

    async def whole(self, body: bytes, *lines: str, status: str = "200 OK") -> None:
        """An answer at once."""
        await self.head(*lines, status=status)
        if body:
            await self.body(body)
        await self.end()

    async def stream(self, *pieces: bytes) -> None:
        """An event stream in these pieces."""
        await self.head(EVENTS)
        for piece in pieces:
            await self.body(piece)
        await self.end()

    def abort(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()

    def shut(self) -> None:
        """Close the connection without another word."""
        self._writer.close()

    async def left(self) -> None:
        """Return when the client has closed its end."""
        with suppress(ConnectionError):
            await self._reader.read()


Script = Callable[[Asked, Wire], Awaitable[None]]


@dataclass(slots=True)
class ModelServer:
    """What the server is and has seen.

    Attributes:
        url: For ``base_url``.
        asked: All requests so far.
        connections: How many connections there have been.
    """

    url: str
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def model_server(*scripts: Script) -> AsyncIterator[ModelServer]:
    """A server on loopback; the n-th request gets the n-th script, the last one all that follow."""
    served = ModelServer("")
    doing: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        wire = Wire(reader, writer)
        try:
            while (asked := await _read(reader)) is not None:
                served.asked.append(asked)
                await scripts[min(len(served.asked), len(scripts)) - 1](asked, wire)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(connected(reader, writer))
        doing.add(task)
        task.add_done_callback(doing.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1000)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield served
    finally:
        server.close()
        for task in list(doing):
            task.cancel()
        outcomes = await asyncio.gather(*doing, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        lengths = [line for line in head if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0].split(":")[1]))
    except asyncio.IncompleteReadError:
        return None
    return Asked(head, json.loads(body))


def event(data: object) -> bytes:
    """One event, its data as JSON."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def delta(said: object, reason: str | None = None) -> bytes:
    """One chunk of an answer; ``said`` is its text, or its whole ``delta``."""
    content = {"content": said} if isinstance(said, str) else said
    return event({"choices": [{"index": 0, "delta": content, "finish_reason": reason}]})


DONE = b"data: [DONE]\n\n"
