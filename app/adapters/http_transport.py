"""HTTP/1.1 for ``httpx2`` at a fraction of what its own transport costs for each read.

That one enters a cancel scope, five generators and a parser in Python at each read, and looks at
every connection at each request. Here the loop calls a parser in C, and the connection used last is
used next. Made for what we ask of others: a body of known length there, a body of any kind back.
"""

import asyncio
import re
import select
import socket
import sys
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import zip_longest
from typing import Any, cast
from urllib.request import getproxies

import httptools
import httpx2

MAX_HEAD_BYTES = 100_000
MAX_UNREAD_BYTES = 256_000
"""Of a body; then the server waits until somebody reads."""

MOST_ADDRESSES = 6
ATTEMPT_SECONDS = 0.25
"""How long one address of a name has before the next one is tried beside it.

Source: RFC 8305, 5: "Connection Attempt Delay"."""

_UNWRITABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
Address = tuple[int, Any]
"""A family, and what a socket of it connects to."""


def direct_transport(limits: httpx2.Limits) -> "HttpTransport | None":
    """A transport for servers that are reached directly; ``None`` where the environment names a
    proxy: then ``httpx2``'s own does what is needed.
    """
    proxies = getproxies()
    if any(proxies.get(scheme) for scheme in ("http", "https", "all")):
        return None
    return HttpTransport(limits)


class HttpTransport(httpx2.AsyncBaseTransport):
    """Asks over connections that are kept. Raises what ``httpx2``'s own transport raises.

    Of a request's timeouts only ``connect`` counts. Of the ``trace`` events there are the start of
    the head, and the start and the end of the body. An answer's extension ``read`` is a coroutine
    function that gives what has come of its body, ``b""`` at the end: ``httpx2``'s own ways there
    lead through three generators, at every read.
    Requests beyond ``max_connections`` wait for one of the others to end.
    """

    def __init__(self, limits: httpx2.Limits) -> None:
        self._places = asyncio.Semaphore(limits.max_connections or sys.maxsize)
        self._max_idle = limits.max_keepalive_connections or 0
        self._keep_alive = limits.keepalive_expiry or 0.0
        self._tls = httpx2.create_ssl_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._idle: defaultdict[Origin, deque[_Connection]] = defaultdict(deque)
        self._open: set[_Connection] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer's head; its body is to be read, and closed."""
        origin = _origin(request.url)
        written = _head(request) + await request.aread()
        await self._places.acquire()
        connection: _Connection | None = None
        try:
            connection = self._kept(origin) or await self._connect(origin, request)
            await _traced(request, "headers.started")
            await _traced(request, "body.started")
            connection.write(written)
            await _traced(request, "body.complete")
            return await connection.answer(lambda: self._give_back(origin, connection))
        except BaseException:
            if connection is not None:
                connection.abort()
            self._places.release()
            raise

    async def aclose(self) -> None:
        """Close all connections; the second time does nothing."""
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()

    def _kept(self, origin: Origin) -> "_Connection | None":
        oldest = asyncio.get_running_loop().time() - self._keep_alive
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.idle_since > oldest and connection.is_quiet():
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin, request: httpx2.Request) -> "_Connection":
        scheme, host, port = origin
        tls = {"ssl": self._tls, "server_hostname": host} if scheme == "https" else {}
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("connect")):
                sock = await dial(await _addresses(host, port))
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self._open), sock=sock, **cast(Any, tls)
                )
        except TimeoutError as exc:
            raise httpx2.ConnectTimeout("no connection in time", request=request) from exc
        except OSError as exc:
            raise httpx2.ConnectError("no connection", request=request) from exc
        return connection

    def _give_back(self, origin: Origin, connection: "_Connection") -> None:
        self._places.release()
        if not connection.rest():
            connection.abort()
            return
        idle = self._idle[origin]
        idle.append(connection)
        oldest = connection.idle_since - self._keep_alive
        while len(idle) > self._max_idle or idle[0].idle_since < oldest:
            idle.popleft().abort()


class _Connection(asyncio.Protocol):
    """One connection; one request at a time.

    Attributes:
        idle_since: When its last answer had been read, by the loop's clock.
    """

    def __init__(self, opened: "set[_Connection]") -> None:
        self.idle_since = 0.0
        self._opened = opened
        self._is_asked = False
        self._is_lost = False
        self._waiter: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()

    def write(self, request: bytes) -> None:
        """Begin: from here on an answer is expected."""
        self._is_asked = True
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._status = 0
        self._pieces: list[bytes] = []
        self._unread = 0
        self._is_paused = False
        self._has_ended = False
        self._keeps = False
        self._failure: httpx2.TransportError | None = None
        if self._is_lost:  # taken and dropped, before we could write
            self._fail(httpx2.RemoteProtocolError("the server closed the connection"))
            return
        self._transport.write(request)

    async def answer(self, give_back: Callable[[], None]) -> httpx2.Response:
        """Its head, as soon as that is there."""
        while not self._status:
            await self._news()
        version = f"HTTP/{self._parser.get_http_version()}".encode()
        return httpx2.Response(
            self._status,
            headers=self._headers,
            stream=_Body(self, give_back),
            extensions={"http_version": version, "read": self.read},
        )

    async def read(self) -> bytes:
        """What has come of the body since the last read; ``b""`` is its end."""
        while not self._pieces:
            if self._has_ended:
                return b""
            await self._news()
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._unread = 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return body

    def _news(self) -> asyncio.Future[None]:
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        return self._waiter

    def rest(self) -> bool:
        """Whether the next request may use this connection, now that its answer has been read."""
        self._is_asked = False
        self.idle_since = self._loop.time()
        return self._keeps and not self._is_lost and not self._is_paused

    def is_quiet(self) -> bool:
        """Whether an idle connection is as it was left: not closed, nothing said."""
        if self._is_lost or self._transport.is_closing():
            return False
        # The loop may not have seen yet what has arrived.
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        """Close at once, whatever is on its way."""
        self._transport.abort()

    # The loop's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is of no such class
        self._opened.add(self)

    def data_received(self, data: bytes) -> None:
        if not self._is_asked or self._has_ended:
            self.abort()  # an answer that nobody has asked for
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(httpx2.RemoteProtocolError("the answer is no HTTP"))
        if not self._status:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._fail(httpx2.RemoteProtocolError("the answer's head has no end"))
        if self._unread > MAX_UNREAD_BYTES and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        if self._is_asked and self._status and self._ends_with_connection():
            self._has_ended = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._opened.discard(self)
        if exc is not None:
            self._fail(httpx2.ReadError("the connection broke"))
        else:
            self._fail(httpx2.RemoteProtocolError("the server closed the connection"))
        self._wake()

    def _ends_with_connection(self) -> bool:
        framing = (b"content-length", b"transfer-encoding")
        return not any(name.lower() in framing for name, _ in self._headers)

    def _fail(self, failure: httpx2.TransportError) -> None:
        if self._is_asked and not self._has_ended:
            self._failure = self._failure or failure
        self.abort()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # The parser's calls.

    def on_message_begin(self) -> None:
        if self._has_ended:
            raise httptools.HttpParserError("an answer that nobody has asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status
        else:
            self._headers = []  # "100 Continue", "103 Early Hints": the answer is still to come

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._unread += len(body)

    def on_message_complete(self) -> None:
        if self._status:
            self._has_ended = True
            self._keeps = self._parser.should_keep_alive()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, connection: _Connection, give_back: Callable[[], None]) -> None:
        self._connection = connection
        self._give_back = give_back
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while body := await self._connection.read():
            yield body

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._give_back()


def _origin(url: httpx2.URL) -> Origin:
    if url.scheme not in _PORTS or not url.host:
        raise httpx2.UnsupportedProtocol("neither http:// nor https://")
    return url.scheme, url.host, url.port or _PORTS[url.scheme]


def _head(request: httpx2.Request) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    if any(_UNWRITABLE.search(line) for line in lines) or "content-length" not in request.headers:
        raise httpx2.LocalProtocolError("a request that cannot be written", request=request)
    return b"\r\n".join((*lines, b"", b""))


async def _traced(request: httpx2.Request, event: str) -> None:
    if trace := request.extensions.get("trace"):
        await trace(f"http11.send_request_{event}", {"request": request})


async def _addresses(host: str, port: int) -> list[Address]:
    """Of the name: its two kinds take turns, so that one kind that leads nowhere costs little."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    first = [(info[0], info[4]) for info in found if info[0] == found[0][0]]
    second = [(info[0], info[4]) for info in found if info[0] != found[0][0]]
    pairs = zip_longest(first, second)
    return [address for pair in pairs for address in pair if address][:MOST_ADDRESSES]


async def dial(addresses: Sequence[Address]) -> socket.socket:
    """A socket that is connected to one of these, whichever is there first.

    Raises:
        OSError: None of them is.
    """
    loop, left = asyncio.get_running_loop(), list(addresses)
    opened: list[socket.socket] = []
    trying: set[asyncio.Task[socket.socket]] = set()

    async def reach(family: int, address: Any) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        opened.append(sock)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, address)
        return sock

    try:
        while True:
            if left:
                trying.add(asyncio.create_task(reach(*left.pop(0))))
            done, trying = await asyncio.wait(
                trying,
                timeout=ATTEMPT_SECONDS if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                if task.exception() is None:
                    opened.remove(task.result())
                    return task.result()
            if done and not left and not trying:
                return done.pop().result()  # raises why
    finally:
        for task in trying:
            task.cancel()
        await asyncio.gather(*trying, return_exceptions=True)
        for sock in opened:
            sock.close()
