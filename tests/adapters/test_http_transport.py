"""The transport against servers that write what a test says, byte by byte, on both event loops."""

import asyncio
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvloop

from app.adapters.http_transport import (
    MAX_HEAD_BYTES,
    MAX_UNREAD_BYTES,
    HttpTransport,
    dial,
    direct_transport,
)

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.param
    return chosen


@dataclass(eq=False)
class Peer:
    """One connection, as the server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def says(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    def resets(self) -> None:
        handle = self.writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Conduct = Callable[[Peer], Awaitable[None]]


@dataclass
class Server:
    """Each request meets the next conduct; the last one stays."""

    conducts: list[Conduct]
    port: int = 0
    scheme: str = "http"
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    left: asyncio.Queue[None] = field(default_factory=asyncio.Queue)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1/tea?with=milk"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.peers.append(peer)
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                length = self.heads[-1].lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                self.bodies.append(await reader.readexactly(int(length)))
                conduct = self.conducts.pop(0) if len(self.conducts) > 1 else self.conducts[0]
                await conduct(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.put_nowait(None)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def server(*conducts: Conduct, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    served = Server(list(conducts), scheme="https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(served.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    served.port = listening.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def client(
    *, most: int = 100, idle: int = 10, seconds: float = 60
) -> AsyncIterator[httpx2.AsyncClient]:
    limits = httpx2.Limits(
        max_connections=most, max_keepalive_connections=idle, keepalive_expiry=seconds
    )
    async with httpx2.AsyncClient(transport=HttpTransport(limits), timeout=None) as opened:
        yield opened


def says(*pieces: bytes, closes: bool = False) -> Conduct:
    async def conduct(peer: Peer) -> None:
        await peer.says(*pieces)
        if closes:
            peer.writer.close()

    return conduct


HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

KEPT = {
    "with a length": [HELLO],
    "byte by byte": [bytes([byte]) for byte in HELLO],
    "in chunks": [CHUNKED, b"2\r\nhe\r\n", b"3\r\nllo\r\n", b"0\r\n\r\n"],
    "in chunks cut anywhere": [bytes([byte]) for byte in CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"],
    "in chunks with more said of them": [
        CHUNKED + b"5;kind=tea\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
    ],
    "after early hints": [b"HTTP/1.1 103 Early Hints\r\nlink: </tea>\r\n\r\n", HELLO],
    "after a 100, in one read": [b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO],
}
ONCE = {
    "until the connection ends": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "of HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "that announces its end": HELLO.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
    "with more than was asked for": HELLO + b"HTTP/1.1 200 OK\r\n",
    "with garbage behind it": HELLO + b"\x00\x01",
}


@pytest.mark.parametrize("pieces", KEPT.values(), ids=KEPT.keys())
def test_an_answer_is_read_and_its_connection_used_again(run: Run, pieces: list[bytes]) -> None:
    async def scene() -> None:
        async with server(says(*pieces)) as served, client() as http:
            for _ in range(2):
                answer = await http.post(served.url, content=b"tea?")
                assert (answer.status_code, answer.content) == (200, b"hello")
                assert "link" not in answer.headers
            assert served.bodies == [b"tea?", b"tea?"]
            assert served.heads[0].startswith(b"POST /v1/tea?with=milk HTTP/1.1\r\n")
            assert len(served.peers) == 1

    run(scene())


@pytest.mark.parametrize("body", ONCE.values(), ids=ONCE.keys())
def test_an_answer_after_which_nothing_can_follow_is_read_too(run: Run, body: bytes) -> None:
    async def scene() -> None:
        async with server(says(body, closes=True), says(HELLO)) as served, client() as http:
            for _ in range(2):
                assert (await http.post(served.url)).content == b"hello"
            assert len(served.peers) == 2

    run(scene())


def test_an_answer_without_a_body_ends_with_its_head(run: Run) -> None:
    async def scene() -> None:
        empty = says(b"HTTP/1.1 204 No Content\r\n\r\n")
        async with server(empty) as served, client() as http:
            for _ in range(2):
                answer = await http.post(served.url)
                assert (answer.status_code, answer.content) == (204, b"")
            assert len(served.peers) == 1

    run(scene())


BROKEN = {
    "closed without a word": (b"", httpx2.RemoteProtocolError),
    "closed inside the head": (HELLO[:20], httpx2.RemoteProtocolError),
    "closed inside the body": (HELLO[:-2], httpx2.RemoteProtocolError),
    "closed inside a chunk": (CHUNKED + b"5\r\nhel", httpx2.RemoteProtocolError),
    "closed before the last chunk": (CHUNKED + b"5\r\nhello\r\n", httpx2.RemoteProtocolError),
    "no HTTP": (b"+PONG\r\n", httpx2.RemoteProtocolError),
    "a chunk without a size": (CHUNKED + b"tea\r\n", httpx2.RemoteProtocolError),
    "two lengths": (
        HELLO.replace(b"\r\n\r\n", b"\r\ncontent-length: 9\r\n\r\n"),
        httpx2.RemoteProtocolError,
    ),
    "another protocol": (
        b"HTTP/1.1 101 Switching\r\nupgrade: tea\r\nconnection: upgrade\r\n\r\n",
        httpx2.RemoteProtocolError,
    ),
}


@pytest.mark.parametrize(("written", "kind"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_answer_is_an_error_of_httpx2(
    run: Run, written: bytes, kind: type[Exception]
) -> None:
    async def scene() -> None:
        async with server(says(written, closes=True), says(HELLO)) as served, client() as http:
            with pytest.raises(httpx2.TransportError) as caught:
                await http.post(served.url)
            assert type(caught.value) is kind
            assert (await http.post(served.url)).content == b"hello"

    run(scene())


@pytest.mark.parametrize("before", [b"", CHUNKED + b"5\r\nhello\r\n"], ids=["head", "body"])
def test_a_reset_is_an_error_of_httpx2(run: Run, before: bytes) -> None:
    async def resets(peer: Peer) -> None:
        await peer.says(before)
        peer.resets()

    async def scene() -> None:
        async with server(resets) as served, client() as http:
            with pytest.raises(httpx2.ReadError):
                await http.post(served.url)

    run(scene())


def test_what_came_before_a_break_is_given_first(run: Run) -> None:
    async def scene() -> None:
        cut = says(CHUNKED + b"5\r\nhello\r\nx", closes=True)
        async with server(cut) as served, client() as http:
            async with http.stream("POST", served.url) as answer:
                pieces = answer.aiter_raw()
                assert await anext(pieces) == b"hello"
                with pytest.raises(httpx2.RemoteProtocolError):
                    await anext(pieces)

    run(scene())


UNWRITABLE = {
    "a line break in a header": {"x-tea": "green\r\nx-evil: 1"},
    "a zero in a header": {"x-tea": "green\x00"},
}


@pytest.mark.parametrize("headers", UNWRITABLE.values(), ids=UNWRITABLE.keys())
def test_a_head_that_would_say_more_than_it_should_is_not_written(
    run: Run, headers: dict[str, str]
) -> None:
    async def scene() -> None:
        async with server(says(HELLO)) as served, client() as http:
            with pytest.raises(httpx2.LocalProtocolError):
                await http.post(served.url, headers=headers)
            assert served.heads == []

    run(scene())


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "tea", "http:///tea"])
def test_an_address_of_another_kind_is_not_reached(run: Run, url: str) -> None:
    async def scene() -> None:
        async with client() as http:
            with pytest.raises(httpx2.UnsupportedProtocol):
                await http.post(url)

    run(scene())


# Connections.


def test_a_server_that_is_not_there_cannot_be_connected(run: Run) -> None:
    async def scene() -> None:
        async with server(says(HELLO)) as served:
            url = served.url
        async with client() as http:
            with pytest.raises(httpx2.ConnectError):
                await http.post(url)

    run(scene())


@asynccontextmanager
async def nobody_listens() -> AsyncIterator[tuple[str, int]]:
    """An address that never takes a connection: the queue of its listener is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()
        finally:
            for one in waiting:
                one.close()


def test_connecting_has_its_own_limit(run: Run) -> None:
    async def scene() -> None:
        async with nobody_listens() as (host, port), client() as http:
            with pytest.raises(httpx2.ConnectTimeout):
                await http.post(f"http://{host}:{port}/", timeout=httpx2.Timeout(None, connect=0.2))

    run(scene())


def test_a_server_that_hangs_up_at_once_is_an_error(run: Run) -> None:
    async def scene() -> None:
        def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"

        async def trace(event: str, info: dict[str, Any]) -> None:
            await asyncio.sleep(0.01)  # by then the loop has seen the end, before we write

        async with listening, client() as http, asyncio.timeout(30):
            for _ in range(100):
                with pytest.raises(httpx2.TransportError):
                    await http.post(url)
            for _ in range(3):
                with pytest.raises(httpx2.RemoteProtocolError):
                    await http.post(url, extensions={"trace": trace})

    run(scene())


def test_a_head_without_end_is_not_gathered(run: Run) -> None:
    async def scene() -> None:
        endless = says(b"HTTP/1.1 200 OK\r\nx-tea: " + b"t" * MAX_HEAD_BYTES)
        async with server(endless) as served, client() as http, asyncio.timeout(30):
            with pytest.raises(httpx2.RemoteProtocolError):
                await http.post(served.url)

    run(scene())


def test_of_several_addresses_the_first_that_answers_is_taken(run: Run) -> None:
    async def scene() -> None:
        async with server(says(HELLO)) as gone:
            closed = ("127.0.0.1", gone.port)
        async with nobody_listens() as silent, server(says(HELLO)) as served:
            there = ("127.0.0.1", served.port)
            for others in ([closed], [silent], [closed, silent, silent]):
                addresses = [(socket.AF_INET, address) for address in [*others, there, *others]]
                with await dial(addresses) as sock:
                    assert sock.getpeername() == there
            with pytest.raises(ConnectionRefusedError):
                await dial([(socket.AF_INET, closed)] * 3)

    run(scene())


def test_the_connection_used_last_is_used_next_and_only_some_are_kept(run: Run) -> None:
    async def scene() -> None:
        everybody = asyncio.Barrier(5)

        async def waits(peer: Peer) -> None:
            await everybody.wait()
            await peer.says(HELLO)

        used: list[Peer] = []

        async def notes(peer: Peer) -> None:
            used.append(peer)
            await peer.says(HELLO)

        async with server(*[waits] * 5, notes) as served, client(idle=2) as http:
            await asyncio.gather(*(http.post(served.url) for _ in range(5)))
            assert len(served.peers) == 5
            for _ in range(3):
                await served.left.get()
            for _ in range(4):
                await http.post(served.url)
            assert used == [used[0]] * 4
            assert served.left.empty()

    run(scene())


def test_a_connection_kept_for_too_long_is_not_used(run: Run) -> None:
    async def scene() -> None:
        async with server(says(HELLO)) as served, client(seconds=0) as http:
            await http.post(served.url)
            await http.post(served.url)
            assert len(served.peers) == 2

    run(scene())


@pytest.mark.parametrize("last_words", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_a_kept_connection_that_the_server_ends_costs_nothing(run: Run, last_words: bytes) -> None:
    async def scene() -> None:
        async with server(says(HELLO)) as served, client() as http:
            await http.post(served.url)
            await served.peers[0].says(last_words)
            served.peers[0].writer.close()
            await served.peers[0].writer.wait_closed()
            assert (await http.post(served.url)).content == b"hello"
            assert len(served.peers) == 2

    run(scene())


def test_an_answer_that_is_left_early_ends_its_connection(run: Run) -> None:
    async def scene() -> None:
        begun = says(CHUNKED + b"5\r\nhello\r\n")
        async with server(begun, says(HELLO)) as served, client(most=1) as http:
            async with http.stream("POST", served.url) as answer:
                assert await anext(answer.aiter_raw()) == b"hello"
            await served.left.get()
            assert (await http.post(served.url)).content == b"hello"

    run(scene())


@pytest.mark.parametrize("said", [b"", CHUNKED + b"5\r\nhello\r\n"], ids=["head", "body"])
def test_a_cancelled_request_gives_its_place_to_the_next(run: Run, said: bytes) -> None:
    async def scene() -> None:
        asked = asyncio.Event()

        async def stalls(peer: Peer) -> None:
            await peer.says(said)
            asked.set()

        async with server(stalls, says(HELLO)) as served, client(most=1) as http:
            first = asyncio.ensure_future(http.post(served.url))
            await asked.wait()
            second = asyncio.ensure_future(http.post(served.url))
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert (await second).content == b"hello"
            await served.left.get()

    run(scene())


def test_a_server_that_writes_faster_than_we_read_has_to_wait(run: Run) -> None:
    async def scene() -> None:
        most, waited = 64 * MAX_UNREAD_BYTES, asyncio.Event()

        async def floods(peer: Peer) -> None:
            await peer.says(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % most)
            for _ in range(64):
                peer.writer.write(b"t" * MAX_UNREAD_BYTES)
                try:
                    async with asyncio.timeout(0.5):
                        await peer.writer.drain()
                except TimeoutError:
                    waited.set()
                    await peer.writer.drain()

        async with server(floods) as served, client() as http:
            async with http.stream("POST", served.url) as answer:
                await waited.wait()
                sizes = [len(piece) async for piece in answer.aiter_raw()]
            assert sum(sizes) == most
            assert max(sizes) < 4 * MAX_UNREAD_BYTES
            # The same connection, its reading resumed:
            served.conducts[:] = [says(HELLO)]
            assert (await http.post(served.url)).content == b"hello"
            assert len(served.peers) == 1

    run(scene())


def test_a_connection_closed_while_the_server_waits_is_an_error(run: Run) -> None:
    async def scene() -> None:
        waited = asyncio.Event()

        async def floods(peer: Peer) -> None:
            await peer.says(b"HTTP/1.1 200 OK\r\n\r\n")
            peer.writer.write(b"t" * 64 * MAX_UNREAD_BYTES)
            try:
                async with asyncio.timeout(0.5):
                    await peer.writer.drain()
            except TimeoutError:
                waited.set()

        async with server(floods) as served:
            transport = HttpTransport(httpx2.Limits(max_connections=1))
            async with httpx2.AsyncClient(transport=transport, timeout=None) as http:
                async with http.stream("POST", served.url) as answer:
                    await waited.wait()
                    await transport.aclose()
                    with pytest.raises(httpx2.TransportError):
                        await answer.aread()

    run(scene())


def test_closing_the_client_closes_every_connection(run: Run) -> None:
    async def scene() -> None:
        async with server(says(CHUNKED), says(HELLO)) as served:
            async with client() as http:
                request = http.build_request("POST", served.url)
                await http.send(request, stream=True)
                await http.post(served.url)
            for _ in range(2):
                await served.left.get()

    run(scene())


# What stands around it.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One for 127.0.0.1, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = (folder / "certificate.pem", folder / "key.pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=tea", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, *name, *files],  # noqa: S607 - wherever it is
        check=True,
        capture_output=True,
    )
    return made


def test_tls_is_spoken_with_those_whom_we_trust(
    run: Run, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)
        async with server(says(HELLO), tls=tls) as served:
            async with client() as stranger:
                with pytest.raises(httpx2.ConnectError):
                    await stranger.post(served.url)
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
            async with client() as http:
                for _ in range(3):
                    assert (await http.post(served.url)).content == b"hello"
                assert len(served.peers) == 1
                served.conducts[:] = [says(ONCE["until the connection ends"], closes=True)]
                assert (await http.post(served.url)).content == b"hello"
                elsewhere = served.url.replace("127.0.0.1", "localhost")
                with pytest.raises(httpx2.ConnectError):  # the certificate is for another name
                    await http.post(elsewhere)

    run(scene())


@pytest.mark.parametrize(
    ("variables", "direct"),
    [
        ({}, True),
        ({"no_proxy": "127.0.0.1"}, True),
        ({"https_proxy": "http://127.0.0.1:9"}, False),
        ({"all_proxy": "http://127.0.0.1:9"}, False),
    ],
    ids=["nothing", "no_proxy", "https_proxy", "all_proxy"],
)
def test_where_there_is_a_proxy_the_way_is_not_direct(
    variables: dict[str, str], direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (direct_transport(httpx2.Limits(max_connections=1)) is not None) is direct


def test_the_events_of_a_request_are_told_as_httpcore_tells_them(run: Run) -> None:
    async def scene() -> None:
        told: list[tuple[str, int]] = []

        async def trace(event: str, info: dict[str, Any]) -> None:
            told.append((event, len(served.heads)))
            assert info["request"].method == "POST"

        async with server(says(HELLO)) as served, client() as http:
            await http.post(served.url, extensions={"trace": trace})
        assert told == [
            ("http11.send_request_headers.started", 0),
            ("http11.send_request_body.started", 0),
            ("http11.send_request_body.complete", 0),
        ]

    run(scene())
