"""A way to a Redis that can be cut, held up and slowed down, without stopping the Redis itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from redis.connection import ConnectionPool


@dataclass
class Relay:
    """Takes connections at a socket file, or at a port of its own, and passes them on.

    Attributes:
        path: ``None`` for a port.
        port: 0 until it has started.
        url: As a client of ours takes it.
        delay: Seconds that everything is held up, in each direction.
        open: Cleared: what comes in is held back, connections stay.
        holds: Set while something is held back.
    """

    target: dict[str, Any]
    path: Path | None
    port: int = 0
    delay: float = 0.0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    holds: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def url(self) -> str:
        names = ("db", "username", "password")
        query = {name: self.target[name] for name in names if name in self.target}
        where = f"unix://{self.path}" if self.path else f"redis://127.0.0.1:{self.port}"
        return f"{where}?{urlencode(query)}"

    async def start(self) -> None:
        self.open.set()
        if self.path:
            self._server = await asyncio.start_unix_server(self._serve, self.path)
            return
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse new connections and cut those that are there."""
        if self._server:
            self._server.close()
            if self.path:
                self.path.unlink(missing_ok=True)
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._pass_on(reader, writer)
        writer.close()  # also when nobody is at the other end
        self._tasks.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if path := self.target.get("path"):
            there, away = await asyncio.open_unix_connection(path)
        else:
            there, away = await asyncio.open_connection(
                self.target.get("host", "localhost"), self.target.get("port", 6379)
            )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, away))
                group.create_task(self._copy(there, writer))
        except* OSError:
            pass
        finally:
            writer.close()
            away.close()
            for one in (writer, away):
                with contextlib.suppress(OSError):
                    await one.wait_closed()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if not self.open.is_set():
                self.holds.set()
                await self.open.wait()
            if self.delay:  # of each piece: what comes meanwhile does not wait for it
                asyncio.get_running_loop().call_later(self.delay, target.write, data)
                continue
            target.write(data)
            await target.drain()
        raise ConnectionResetError  # the other direction ends with this one


@contextlib.asynccontextmanager
async def relay_to(redis_url: str, folder: Path | None) -> AsyncIterator[Relay]:
    """A running relay to this Redis; without a folder, at a port."""
    target = ConnectionPool.from_url(redis_url).connection_kwargs
    relay = Relay(target, folder / "relay.sock" if folder else None)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()


async def until(look: Callable[[], Awaitable[object]]) -> None:
    """Look at Redis, which tells nobody of a change, until there is what we want."""
    async with asyncio.timeout(30):
        while not await look():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
