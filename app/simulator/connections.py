"""Connections that a fault may cut: over real sockets only, through a protocol class of ours."""

import asyncio
import socket
import struct
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEY = "simulator"


class Connection:
    """One client's connection.

    Attributes:
        ending: Set when the server wants to stop: endless answers should end.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.ending = asyncio.Event()

    def close(self) -> None:
        """Close it in order; what was written still arrives."""
        self._transport.close()

    def reset(self) -> None:
        """Break it: the client sees "connection reset"."""
        handle = self._transport.get_extra_info("socket")
        # Zero lingering seconds: the kernel sends RST in place of FIN.
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with the connection in each request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.connection = Connection(transport)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {KEY: {"connection": self.connection}}

    def shutdown(self) -> None:
        self.connection.ending.set()
        super().shutdown()


class NoConnection(ConnectionResetError):
    """A connection was to be cut, but this app runs without real ones; also cuts."""


def connection_of(scope: Scope) -> Connection | None:
    """The connection of this request; ``None`` without real sockets."""
    holder = scope.get("extensions", {}).get(KEY)
    return cast(Connection, holder["connection"]) if holder else None


class Cut(Response):
    """No answer at all: the connection is closed, or reset."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        if connection is None:
            raise NoConnection
        if self._reset:
            connection.reset()
        else:
            connection.close()
        await left(receive)


async def pause(scope: Scope, receive: Receive, seconds: float) -> None:
    """Wait, but no longer than the client or the server does. The body must have been read."""
    connection = connection_of(scope)
    reasons = {asyncio.ensure_future(left(receive))}
    if connection is not None:
        reasons.add(asyncio.ensure_future(connection.ending.wait()))
    await asyncio.wait(reasons, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for reason in reasons:
        reason.cancel()


async def left(receive: Receive) -> bool:
    """True, once the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
