"""What strangers send to a real web process: it costs little memory and shuts nobody out."""

import asyncio
import hmac
import itertools
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from app.web.bodies import LARGE, MOST_BYTES, MOST_IN_FLIGHT, MOST_OF_LARGE
from tests.e2e.house import APP_SECRET, RIVULET_KEY, VERIFY_TOKEN, Process
from tests.ports import free_port

MEGABYTE = 1024 * 1024
WAIT_SECONDS = 40.0
BUFFERS = 24 * MEGABYTE
"""What sockets, the HTTP parser and Python's own lists may take on top of the bodies."""

_numbers = itertools.count()


class Web:
    """The process, and its memory."""

    def __init__(self, process: Process, port: int) -> None:
        self.process, self.port = process, port

    def most_memory(self) -> int:
        """The most bytes it ever held."""
        assert self.process.running
        status = Path(f"/proc/{self.process.running.pid}/status").read_text()
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        return int(kilobytes) * 1024

    async def send(self, *parts: bytes) -> "Sending":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        sending = Sending(reader, writer)
        with suppress(ConnectionError):  # it may be refused before it has all been sent
            for part in parts:
                writer.write(part)
                await writer.drain()
        return sending

    async def takes(self, body: bytes) -> int:
        """The status that a signed body gets."""
        sending = await self.send(head(len(body), signed(body)), body)
        async with aclosing(sending):
            return (await sending.answer())[0]


class Sending:
    """One request on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def answer(self) -> tuple[int, dict[str, str]]:
        """Status and headers; status 0 when the connection was cut instead."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                text = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0, {}
        first, *lines = text.strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return int(first.split()[1]), headers

    async def has_ended(self) -> bool:
        """Wait until the other side has closed the connection."""
        async with asyncio.timeout(WAIT_SECONDS):
            with suppress(ConnectionError):
                while await self._reader.read(65536):
                    pass
        return True

    async def aclose(self) -> None:
        self._writer.transport.abort()


def head(length: int, signature: str | None) -> bytes:
    signed_by = f"X-Hub-Signature-256: {signature}\r\n" if signature else ""
    return (
        "POST /webhook HTTP/1.1\r\nHost: rivulet\r\nContent-Type: application/json\r\n"
        f"{signed_by}Content-Length: {length}\r\n\r\n"
    ).encode()


def signed(body: bytes) -> str:
    return "sha256=" + hmac.digest(APP_SECRET.encode(), body, "sha256").hex()


WRONG = "sha256=" + "0" * 64


def message(size: int = 0) -> bytes:
    """A new person's message, blown up with white space to so many bytes."""
    number = next(_numbers)
    text = {
        "from": f"1555{number:07}",
        "id": f"wamid.JUNK{number}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": "Are you open?"},
    }
    value = {"metadata": {"phone_number_id": "390000000000001"}, "messages": [text]}
    changes = [{"field": "messages", "value": value}]
    tree = {"object": "whatsapp_business_account", "entry": [{"id": "7", "changes": changes}]}
    return json.dumps(tree).encode().ljust(size)


@pytest.fixture
def web(redis_url: str, tmp_path: Path) -> Iterator[Web]:
    """Ready, and warm: it has seen a large body."""
    port = free_port()
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "RIVULET_KEY": RIVULET_KEY,
        "WHATSAPP_ACCESS_TOKEN": "a token of the tests",
        "WHATSAPP_APP_SECRET": APP_SECRET,
        "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
        "OPENAI_API_KEY": "none",
    }
    command = ["-m", "app", "web", "--port", str(port)]
    process = Process("web", command, environment, tmp_path / "web.log")
    process.start()
    try:
        _until_ready(f"http://127.0.0.1:{port}/health/ready")
        yield Web(process, port)
    finally:
        process.stop()


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            httpx2.get(url).raise_for_status()
            return
        except httpx2.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # a process that starts tells nobody


async def test_bodies_in_flight_are_bounded_and_small_ones_are_still_taken(web: Web) -> None:
    assert await web.takes(message(MOST_BYTES)) == 200
    before = web.most_memory()
    most, too_many = MOST_OF_LARGE // MOST_BYTES, 24
    unfinished = [head(MOST_BYTES, WRONG), b" " * (MOST_BYTES - 1)]
    sent = await asyncio.gather(*(web.send(*unfinished) for _ in range(most + too_many)))
    answers = asyncio.as_completed([sending.answer() for sending in sent])
    for answer in itertools.islice(answers, too_many):
        status, headers = await answer
        assert status in (503, 0)  # 0: cut while it was still sending
        if status:
            assert int(headers["retry-after"]) > 0
            assert headers["connection"] == "close"
    assert await web.takes(message(LARGE)) == 200
    assert web.most_memory() - before < MOST_IN_FLIGHT + BUFFERS
    for sending in sent:
        await sending.aclose()
    for answer in answers:
        await answer
    async with asyncio.timeout(WAIT_SECONDS):
        while await web.takes(message(MOST_BYTES)) != 200:
            pass  # the process has yet to notice that they have gone


async def test_an_unsigned_body_is_neither_read_nor_waited_for(web: Web) -> None:
    before = web.most_memory()
    for _ in range(30):
        sending = await web.send(head(MOST_BYTES, None), b" " * (MOST_BYTES // 2))
        async with aclosing(sending):
            assert (await sending.answer())[0] in (401, 0)
            assert await sending.has_ended()
    assert web.most_memory() - before < BUFFERS


async def test_good_messages_are_stored_while_junk_flows(web: Web, redis_url: str) -> None:
    before = web.most_memory()

    async def flow(signature: str | None) -> None:
        while True:
            sending = await web.send(head(MOST_BYTES, signature), b" " * MOST_BYTES)
            async with aclosing(sending):
                assert (await sending.answer())[0] in (401, 503, 0)

    good = 100
    async with asyncio.timeout(WAIT_SECONDS):
        flows = [asyncio.create_task(flow(None if n % 2 else WRONG)) for n in range(10)]
        try:
            assert [await web.takes(message()) for _ in range(good)] == [200] * good
        finally:
            for task in flows:
                task.cancel()
            ended = await asyncio.gather(*flows, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    with Redis.from_url(redis_url) as redis:
        assert redis.llen("rq:queue:turns") == good
    assert web.most_memory() - before < MOST_IN_FLIGHT + BUFFERS
