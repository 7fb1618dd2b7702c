"""Run an app on a real, free port inside this event loop: for tests and small tools."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

from app.simulator.connections import CuttableProtocol

START_SECONDS = 10.0
STOP_SECONDS = 5.0


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The base URL (``http://127.0.0.1:PORT``, no slash) of ``app`` while the block runs.

    Lifespan events run. Leaving the block ends open requests within ``STOP_SECONDS``.

    Raises:
        RuntimeError: The app did not start.
    """
    # With the protocol named, for asyncio sets TCP_NODELAY only then: 40 ms for each answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = _Server(config(app))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(START_SECONDS):
                await server.up.wait()
            if not server.started:
                raise RuntimeError("the app did not start")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop.set()
            await task


def config(app: ASGIApp, **more: object) -> uvicorn.Config:
    """How a simulator is served: connections that can be cut, and a stop that does not wait."""
    return uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=int(STOP_SECONDS),
        **more,  # type: ignore[arg-type]
    )


class _Server(uvicorn.Server):
    """One that leaves signals to the program around it, and stops at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.up.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn's own looks every tenth of a second; a suite starts hundreds of servers.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if tasks := set(self.server_state.tasks):
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
        await asyncio.sleep(0)  # closed connections hear of it on the next turn of the loop
        await self.lifespan.shutdown()
