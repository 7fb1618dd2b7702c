"""The small HTTP client, against servers that answer as they like."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from app.simulator.posting import NoAnswer, Poster


class Server:
    """Answers each request on a connection with the next of ``answers``; ``b""`` hangs up."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.bodies: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            self.bodies.append(await reader.readexactly(length))
            answer = self.answers.pop(0)
            writer.write(answer)
            if not answer:
                break
        writer.close()


@asynccontextmanager
async def posting_to(server: Server) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    poster = Poster()

    async def post() -> int:
        url = f"http://127.0.0.1:{port}/webhook?a=1"
        return await poster.post(url, b'{"a":1}', {"x-test": "yes"}, seconds=10)

    try:
        yield post
    finally:
        await poster.close()
        listening.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_a_connection_is_used_again() -> None:
    server = Server(OK, OK.replace(b"200 OK", b"503 Away"), OK)
    async with posting_to(server) as post:
        assert [await post(), await post(), await post()] == [200, 503, 200]
    assert server.connections == 1
    assert server.bodies == [b'{"a":1}'] * 3


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nabc\r\n2\r\n\r\n\r\n0\r\n\r\n",
            1,
            id="chunks",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", 2, id="close"
        ),
        pytest.param(b"HTTP/1.0 200\r\n\r\nhello", 2, id="no length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n", 2, id="too long a body"
        ),
    ],
)
async def test_the_next_answer_is_read_right(answer: bytes, connections: int) -> None:
    server = Server(answer, OK.replace(b"200", b"202"))
    async with posting_to(server) as post:
        assert [await post(), await post()] == [200, 202]
    assert server.connections == connections


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(b"", "IncompleteReadError", id="hung up"),
        pytest.param(b"hello\r\n\r\n", "ValueError", id="not HTTP"),
        pytest.param(b"HTTP/1.1 what\r\n\r\n", "ValueError", id="no status"),
        pytest.param(b"x" * 70_000 + b"\r\n\r\n", "LimitOverrunError", id="an endless head"),
    ],
)
async def test_what_is_no_answer_says_why(answer: bytes, why: str) -> None:
    server = Server(answer, OK)
    async with posting_to(server) as post:
        with pytest.raises(NoAnswer, match=why):
            await post()
        assert await post() == 200
    assert server.connections == 2


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    server, poster = Server(OK), Poster()
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    assert await poster.post(url, b"", {}, seconds=10) == 200
    ((line,),) = poster._idle.values()
    await line.reader.read()
    server.answers.append(OK)
    assert await poster.post(url, b"", {}, seconds=10) == 200
    assert server.connections == 2
    await poster.close()
    listening.close()


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    held = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    listening = await asyncio.start_server(hold, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    with pytest.raises(NoAnswer, match="TimeoutError"):
        await Poster().post(url, b"", {}, seconds=0.05)
    held.set()
    listening.close()
    with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
        await Poster().post(url, b"", {}, seconds=10)
