"""The Graph API adapter against a server that misbehaves as told, and against the simulator."""

import asyncio
import json
import re
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from app.adapters import whatsapp
from app.adapters.whatsapp import WhatsApp
from app.core.model import Address
from app.errors import Refused, RivuletError, Unavailable, Uncertain
from tests.simulator.business import NUMBER as SIMULATED_NUMBER
from tests.simulator.business import TOKEN as SIMULATED_TOKEN
from tests.simulator.business import Meta, running_meta

TOKEN = "token-that-nobody-may-see"
PHONE = "15550101234"
USER_ID = "DE.48210597336120845517"
WAMID = "wamid.IN0001"
TEXT = "Your parcel left on Friday."
LENA = Address("390000000000001", PHONE, USER_ID)
SENT = b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.OUT0001"}]}'

Conduct = Callable[["Call"], Awaitable[None]]


@dataclass
class Call:
    """One request, and the connection it came on."""

    head: str
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Graph:
    """A server on loopback. Each request meets the next conduct; the last one stays."""

    conducts: list[Conduct]
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                conduct = self.conducts.pop(0) if len(self.conducts) > 1 else self.conducts[0]
                self.calls.append(call := Call(head, body, reader, writer))
                await conduct(call)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def graph(*conducts: Conduct) -> AsyncIterator[Graph]:
    served = Graph(list(conducts))
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(served.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def channel(
    url: str, *, seconds: float = 20, token: str = TOKEN, version: str = "v26.0"
) -> AsyncIterator[WhatsApp]:
    adapter = WhatsApp(
        base_url=url,
        version=version,
        access_token=SecretStr(token),
        send_timeout=timedelta(seconds=seconds),
    )
    try:
        yield adapter
    finally:
        await adapter.close()


# Conducts.


def answers(
    status: int = 200, body: bytes = SENT, headers: str = "", *, length: int | None = None
) -> Conduct:
    async def conduct(call: Call) -> None:
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status} Whatever\r\ncontent-length: {size}\r\n{headers}\r\n"
        call.writer.write(head.encode() + body)
        await call.writer.drain()
        if length is not None:
            call.writer.close()

    return conduct


def error(status: int, code: object, headers: str = "", **more: object) -> Conduct:
    body = json.dumps({"error": {"message": f"(#{code}) {TEXT} {PHONE}", "code": code, **more}})
    return answers(status, body.encode(), headers)


async def closes(call: Call) -> None:
    call.writer.close()


async def resets(call: Call) -> None:
    handle = call.writer.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    call.writer.transport.abort()


async def says_nothing(call: Call) -> None:
    await call.reader.read()


async def drips(call: Call) -> None:
    """A byte now and then: no single read is slow, the whole never ends."""
    call.writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not call.reader.at_eof():
        call.writer.write(b".")
        await call.writer.drain()
        await asyncio.sleep(0.01)


async def talks_forever(call: Call) -> None:
    call.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        call.writer.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        await call.writer.drain()


async def babbles(call: Call) -> None:
    call.writer.write(f"{TEXT} {TOKEN} {PHONE}\r\n\r\n".encode())
    await call.writer.drain()
    call.writer.close()


# What is asked of Meta.


async def test_a_bubble_goes_out_as_meta_documents_it() -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        assert await adapter.send(LENA, "Grüße 🙂", callback="turn:0:1") == "wamid.OUT0001"
        (call,) = meta.calls
    assert call.head.startswith("POST /v26.0/390000000000001/messages HTTP/1.1\r\n")
    assert f"authorization: bearer {TOKEN}\r\n" in call.head.lower()
    assert "content-type: application/json\r\n" in call.head.lower()
    assert call.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": f"+{PHONE}",
        "type": "text",
        "text": {"body": "Grüße 🙂", "preview_url": False},
        "biz_opaque_callback_data": "turn:0:1",
    }


async def test_a_person_without_a_number_is_reached_by_user_id() -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        await adapter.send(Address("390000000000001", None, USER_ID), TEXT, callback="c")
        (call,) = meta.calls
    assert call.json["recipient"] == USER_ID
    assert "to" not in call.json


async def test_a_person_without_any_address_is_refused() -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        with pytest.raises(Refused):
            await adapter.send(Address("390000000000001", None, None), TEXT, callback="c")
        assert not meta.calls


@pytest.mark.parametrize(
    ("text", "preview"),
    [("See https://shop.example.com", True), ("See http://a.example", True), ("No link", False)],
)
async def test_a_link_gets_a_preview(text: str, preview: bool) -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        await adapter.send(LENA, text, callback="c")
        assert meta.calls[0].json["text"]["preview_url"] is preview


async def test_typing_is_one_call_with_the_read_receipt() -> None:
    async with graph(answers(body=b'{"success":true}')) as meta, channel(meta.url) as adapter:
        await adapter.show_typing("390000000000001", WAMID)
        (call,) = meta.calls
    assert call.head.startswith("POST /v26.0/390000000000001/messages HTTP/1.1\r\n")
    assert call.json == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": WAMID,
        "typing_indicator": {"type": "text"},
    }


async def test_typing_tells_when_it_has_left_before_it_is_answered() -> None:
    left = asyncio.Event()
    told = []

    def on_written() -> None:
        told.append(True)
        left.set()

    async def answers_once_told(call: Call) -> None:
        await left.wait()
        await answers(body=b'{"success":true}')(call)

    async with graph(answers_once_told) as meta, channel(meta.url) as adapter:
        await adapter.show_typing("390000000000001", WAMID, on_written=on_written)
    assert told == [True]


async def test_typing_that_did_not_leave_does_not_tell_that_it_has() -> None:
    told: list[bool] = []
    async with channel(f"http://127.0.0.1:{closed_port()}") as adapter:
        with pytest.raises(Unavailable):
            await adapter.show_typing("1", WAMID, on_written=lambda: told.append(True))
    assert not told


@pytest.mark.parametrize("number", ["1/../2", "1?x=2", "1#", "1 2"])
async def test_a_number_id_stays_one_part_of_the_address(number: str) -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        await adapter.send(Address(number, PHONE, None), TEXT, callback="c")
        path = meta.calls[0].head.split()[1]
    assert path.count("/") == 3
    assert path.startswith("/v26.0/")
    assert path.endswith("/messages")


async def test_a_slash_at_the_end_of_the_base_url_changes_nothing() -> None:
    async with graph(answers()) as meta, channel(f"{meta.url}/") as adapter:
        await adapter.send(LENA, TEXT, callback="c")
        assert meta.calls[0].head.startswith("POST /v26.0/390000000000001/messages ")


# What Meta answers.

ANSWERS: Mapping[str, tuple[Conduct, type[RivuletError], object, str]] = {
    "window closed": (error(400, 131047), Refused, 131047, "pair"),
    "wrong parameter": (error(400, 100), Refused, 100, "call"),
    "unknown code": (error(400, 999_999), Refused, 999_999, "call"),
    "unknown code with 500": (error(500, 999_999), Refused, 999_999, "call"),
    "transient": (error(400, 999_999, is_transient=True), Unavailable, 999_999, "call"),
    "transient of another type": (error(400, 100, is_transient="yes"), Refused, 100, "call"),
    "throttled pair": (error(400, 131056), Unavailable, 131056, "pair"),
    "throttled number as 429": (error(429, 130429), Unavailable, 130429, "number"),
    "token expired": (error(401, 190), Unavailable, 190, "token"),
    "account locked": (error(403, 131031), Unavailable, 131031, "account"),
    "fault with Meta's body": (error(500, 131000), Unavailable, 131000, "call"),
    "error with status 200": (error(200, 131047), Refused, 131047, "pair"),
    "gateway's page": (answers(502, b"<html>Bad Gateway"), Uncertain, "http_502", "call"),
    "503 without a body": (answers(503, b""), Uncertain, "http_503", "call"),
    "500 with another JSON": (answers(500, b'{"oops":1}'), Uncertain, "http_500", "call"),
    "500 with an error without code": (error(500, None), Uncertain, "http_500", "call"),
    "500 with a code of another type": (error(500, "131000"), Uncertain, "http_500", "call"),
    "429 of something before Meta": (answers(429, b"slow"), Unavailable, "http_429", "call"),
    "403 of something before Meta": (answers(403, b"<html>"), Unavailable, "http_403", "call"),
    "413 without a body": (answers(413, b""), Unavailable, "http_413", "call"),
    "error page cut off": (answers(400, b'{"err', length=900), Unavailable, "http_400", "call"),
    "200 that is a page": (answers(200, b"<html>Welcome"), Uncertain, "http_200", "call"),
    "200 without a body": (answers(200, b""), Uncertain, "http_200", "call"),
    "200 cut off": (answers(200, SENT[:-9], length=len(SENT)), Uncertain, "http_200", "call"),
    "200 that is a list": (answers(200, b"[]"), Uncertain, "http_200", "call"),
    "200 not UTF-8": (answers(200, b'"\xff"'), Uncertain, "http_200", "call"),
    "200 without an id": (answers(200, b'{"messages":[]}'), Uncertain, "unreadable", "call"),
    "200 with an empty id": (
        answers(200, b'{"messages":[{"id":""}]}'),
        Uncertain,
        "unreadable",
        "call",
    ),
    "200 with an id of another type": (
        answers(200, b'{"messages":[{"id":7}]}'),
        Uncertain,
        "unreadable",
        "call",
    ),
    "200 with messages of another type": (
        answers(200, b'{"messages":{"id":"x"}}'),
        Uncertain,
        "unreadable",
        "call",
    ),
    "200 without end": (talks_forever, Uncertain, "http_200", "call"),
    "no HTTP": (babbles, Uncertain, "lost", "call"),
    "closed without an answer": (closes, Uncertain, "lost", "call"),
    "reset without an answer": (resets, Uncertain, "lost", "call"),
}


async def test_nothing_leaves_after_its_time() -> None:
    """Whoever slept past it may have a successor that sends the same bubble."""
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        now = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await adapter.send(LENA, TEXT, callback="c", leave_by=now - 0.001)
        assert meta.calls == []
        assert await adapter.send(LENA, TEXT, callback="c", leave_by=now + 60)


@pytest.mark.parametrize(("conduct", "kind", "code", "scope"), ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_says_whether_it_was_sent(
    conduct: Conduct, kind: type[RivuletError], code: object, scope: str
) -> None:
    async with graph(conduct) as meta, channel(meta.url) as adapter:
        with pytest.raises(RivuletError) as caught:
            await adapter.send(LENA, TEXT, callback="c")
        assert len(meta.calls) == 1, "a send is never repeated here"
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.scope) == (code, scope)


@pytest.mark.parametrize("conduct", [row[0] for row in ANSWERS.values()], ids=ANSWERS)
async def test_no_error_shows_what_must_not_be_seen(conduct: Conduct) -> None:
    async with graph(conduct) as meta, channel(meta.url) as adapter:
        with pytest.raises(RivuletError) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert_discreet(caught.value)


def assert_discreet(shown: RivuletError) -> None:
    trace = "".join(traceback.format_exception(shown, chain=True))
    for secret in (TOKEN, PHONE, USER_ID, WAMID, TEXT, "wamid."):
        assert secret not in f"{shown} {shown!r}"
        assert secret not in trace.replace(__file__, "")


async def test_meta_s_trace_id_is_noted_for_its_support() -> None:
    async with graph(error(400, 100, fbtrace_id="AbC_1-x")) as meta, channel(meta.url) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert caught.value.__notes__ == ["fbtrace_id AbC_1-x"]


@pytest.mark.parametrize("trace_id", ["a\nlevel=error", "x" * 65, "", 7, None], ids=repr)
async def test_what_is_no_trace_id_is_not_noted(trace_id: object) -> None:
    async with graph(error(400, 100, fbtrace_id=trace_id)) as meta, channel(meta.url) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert not hasattr(caught.value, "__notes__")


WAITS: Mapping[str, tuple[str, timedelta | None]] = {
    "seconds": ("40", timedelta(seconds=40)),
    "none": ("", None),
    "word": ("soon", None),
    "negative": ("-5", None),
    "past date": ("Fri, 20 Nov 2020 09:30:00 GMT", timedelta()),
    "a century": ("3153600000", timedelta(days=1)),
    "date without a zone": ("Fri, 20 Nov 2020 09:30:00 -0000", None),
}


@pytest.mark.parametrize(("header", "expected"), WAITS.values(), ids=WAITS)
async def test_retry_after_is_passed_on(header: str, expected: timedelta | None) -> None:
    conduct = error(400, 130429, f"retry-after: {header}\r\n")
    async with graph(conduct) as meta, channel(meta.url) as adapter:
        with pytest.raises(Unavailable) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert caught.value.retry_after == expected


async def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    conduct = answers(429, b"", f"retry-after: {later}\r\n")
    async with graph(conduct) as meta, channel(meta.url) as adapter:
        with pytest.raises(Unavailable) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert caught.value.retry_after is not None
    assert timedelta(minutes=50) < caught.value.retry_after <= timedelta(hours=1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with graph(answers()) as elsewhere:
        conduct = answers(status, b"", f"location: {elsewhere.url}/\r\n")
        async with graph(conduct) as meta, channel(meta.url) as adapter:
            with pytest.raises(Unavailable):
                await adapter.send(LENA, TEXT, callback="c")
            assert len(meta.calls) == 1
        assert not elsewhere.calls


# Whether it left.


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_refused_connection_sent_nothing() -> None:
    async with channel(f"http://127.0.0.1:{closed_port()}") as adapter:
        with pytest.raises(Unavailable) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert caught.value.code == "unreachable"
    assert_discreet(caught.value)


async def test_a_connection_that_is_never_taken_sent_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        async with AsyncExitStack() as stack:
            for _ in range(3):  # fill the queue of connections that nobody takes
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            adapter = await stack.enter_async_context(channel(url, seconds=0.3))
            with pytest.raises(Unavailable) as caught:
                await adapter.send(LENA, TEXT, callback="c")
    assert caught.value.code == "unreachable"


async def test_a_server_that_cannot_speak_tls_got_nothing() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server, channel(f"https://127.0.0.1:{port_of(server)}") as adapter:
        with pytest.raises(Unavailable):
            await adapter.send(LENA, TEXT, callback="c")


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


async def test_a_proxy_that_does_not_connect_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CONNECT request was written, but it holds no message."""
    async with graph(closes) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        told: list[bool] = []
        async with channel("https://graph.example") as adapter:
            with pytest.raises(Unavailable):
                await adapter.send(LENA, TEXT, callback="c")
            with pytest.raises(Unavailable):
                await adapter.show_typing("1", WAMID, on_written=lambda: told.append(True))
        assert [call.head.split()[0] for call in proxy.calls] == ["CONNECT", "CONNECT"]
        assert not told


@pytest.mark.parametrize("conduct", [says_nothing, drips])
async def test_silence_after_it_left_is_uncertain(conduct: Conduct) -> None:
    async with graph(conduct) as meta, channel(meta.url, seconds=0.3) as adapter:
        with pytest.raises(Uncertain) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert caught.value.code == "lost"
    assert_discreet(caught.value)


async def test_who_waited_for_a_free_connection_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whatsapp, "MAX_CONNECTIONS", 1)
    asked = asyncio.Event()

    async def stalls(call: Call) -> None:
        asked.set()
        await call.reader.read()

    async with graph(stalls) as meta, channel(meta.url) as adapter:
        first = asyncio.create_task(adapter.send(LENA, TEXT, callback="a"))
        await asked.wait()
        monkeypatch.setattr(adapter, "_send_timeout", 0.3)
        with pytest.raises(Unavailable):
            await adapter.send(LENA, TEXT, callback="b")
        assert [call.json["biz_opaque_callback_data"] for call in meta.calls] == ["a"]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_a_kept_connection_that_meta_closed_costs_nothing() -> None:
    async def answers_and_closes(call: Call) -> None:
        await answers()(call)
        call.writer.close()

    async with graph(answers_and_closes) as meta, channel(meta.url) as adapter:
        await adapter.send(LENA, TEXT, callback="a")
        await meta.calls[0].writer.wait_closed()
        await adapter.send(LENA, TEXT, callback="b")
        assert len(meta.calls) == 2


async def test_a_kept_connection_that_breaks_as_we_write_is_uncertain_and_not_tried_again() -> None:
    async with graph(answers(), closes, answers()) as meta, channel(meta.url) as adapter:
        await adapter.send(LENA, TEXT, callback="a")
        with pytest.raises(Uncertain):
            await adapter.send(LENA, TEXT, callback="b")
        assert meta.connections == 1
        await adapter.send(LENA, TEXT, callback="c")
        assert [call.json["biz_opaque_callback_data"] for call in meta.calls] == ["a", "b", "c"]


async def test_a_write_that_fails_before_the_body_sent_nothing() -> None:
    """Headers that cannot be written: h11 refuses them, in words that quote the token."""
    async with graph(answers()) as meta, channel(meta.url, token=f"{TOKEN}\n") as adapter:
        with pytest.raises(Unavailable) as caught:
            await adapter.send(LENA, TEXT, callback="c")
        assert not meta.calls
    assert_discreet(caught.value)


async def test_a_token_of_other_letters_is_not_shown_either() -> None:
    async with graph(error(401, 190)) as meta, channel(meta.url, token=f"{TOKEN}ü") as adapter:
        with pytest.raises(Unavailable) as caught:
            await adapter.send(LENA, TEXT, callback="c")
    assert_discreet(caught.value)


async def test_a_text_that_fits_no_json_is_refused() -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.send(LENA, f"{TEXT} \ud83d", callback="c")
        assert not meta.calls
    assert_discreet(caught.value)


# Many at once, and the end.


async def test_two_hundred_sends_are_on_their_way_at_once() -> None:
    everybody = asyncio.Barrier(200)

    async def waits_for_the_others(call: Call) -> None:
        await everybody.wait()
        await answers()(call)

    async with graph(waits_for_the_others) as meta, channel(meta.url, seconds=60) as adapter:
        sends = (adapter.send(LENA, TEXT, callback=f"{n}") for n in range(200))
        assert await asyncio.gather(*sends) == ["wamid.OUT0001"] * 200


async def test_one_connection_serves_one_send_after_the_other() -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        for n in range(5):
            await adapter.send(LENA, TEXT, callback=f"{n}")
        assert meta.connections == 1


async def test_a_cancelled_send_leaves_the_channel_working(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whatsapp, "MAX_CONNECTIONS", 1)
    asked = asyncio.Event()

    async def stalls(call: Call) -> None:
        asked.set()
        await call.reader.read()

    async with graph(stalls, answers()) as meta, channel(meta.url) as adapter:
        task = asyncio.create_task(adapter.send(LENA, TEXT, callback="a"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await adapter.send(LENA, TEXT, callback="b") == "wamid.OUT0001"


async def test_closing_twice_is_closing_once() -> None:
    async with graph(answers()) as meta, channel(meta.url) as adapter:
        await adapter.send(LENA, TEXT, callback="c")
        await adapter.close()
        await adapter.close()


# The simulator, which knows Meta's limits and error bodies.


@pytest.fixture
async def meta() -> AsyncIterator[Meta]:
    async with running_meta() as running:
        yield running


@asynccontextmanager
async def business(meta: Meta, token: str = SIMULATED_TOKEN) -> AsyncIterator[WhatsApp]:
    async with channel(str(meta.http.base_url), token=token) as adapter:
        yield adapter


async def simulated(meta: Meta, *, with_phone: bool) -> tuple[str, Address]:
    """A person who has just written to us: our name for them, and where they are reached."""
    persons = (await meta.http.get("/simulator/persons")).json()
    person = next(one for one in persons if bool(one["phone"]) is with_phone)
    await meta.says(person["id"])
    return person["id"], Address(SIMULATED_NUMBER, person["phone"], person["user_id"])


@pytest.mark.parametrize("with_phone", [True, False], ids=["phone", "user id"])
async def test_a_person_of_the_simulator_gets_the_bubble(meta: Meta, with_phone: bool) -> None:
    person, address = await simulated(meta, with_phone=with_phone)
    async with business(meta) as adapter:
        wamid = await adapter.send(address, TEXT, callback="turn:0:1")
    (bubble,) = await meta.recorded("bubble")
    assert (bubble["person"], bubble["wamid"], bubble["text"]) == (person, wamid, TEXT)
    (send,) = await meta.record("send")
    assert send["via"] == ("to" if with_phone else "recipient")
    assert send["callback"] == "turn:0:1"


async def test_a_person_of_the_simulator_sees_typing(meta: Meta) -> None:
    persons = (await meta.http.get("/simulator/persons")).json()
    wamid = await meta.says(persons[0]["id"])
    async with business(meta) as adapter:
        await adapter.show_typing(SIMULATED_NUMBER, wamid)
    assert (await meta.recorded("typing"))[0]["person"] == persons[0]["id"]


@pytest.mark.parametrize(
    ("code", "kind", "scope"),
    [
        (131056, Unavailable, "pair"),
        (130429, Unavailable, "number"),
        (131031, Unavailable, "account"),
        (131000, Unavailable, "call"),
        (131026, Refused, "pair"),
    ],
)
async def test_an_error_of_the_simulator_is_meta_s(
    meta: Meta, code: int, kind: type[RivuletError], scope: str
) -> None:
    _, address = await simulated(meta, with_phone=True)
    await meta.fault(on="send", error=code)
    async with business(meta) as adapter:
        with pytest.raises(kind) as caught:
            await adapter.send(address, TEXT, callback="c")
    assert isinstance(caught.value, RivuletError)
    assert (caught.value.code, caught.value.scope) == (code, scope)


async def test_a_wrong_token_holds_back_whatever_uses_it(meta: Meta) -> None:
    _, address = await simulated(meta, with_phone=True)
    async with business(meta, token="not-this-one") as adapter:
        with pytest.raises(Unavailable) as caught:
            await adapter.send(address, TEXT, callback="c")
    assert (caught.value.code, caught.value.scope) == (190, "token")


async def test_a_text_over_meta_s_limit_is_refused(meta: Meta) -> None:
    _, address = await simulated(meta, with_phone=True)
    async with business(meta) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.send(address, "x" * 5_000, callback="c")
    assert caught.value.code == 100


async def test_a_send_whose_answer_is_lost_is_uncertain_and_did_happen(meta: Meta) -> None:
    _, address = await simulated(meta, with_phone=True)
    await meta.fault(on="send", lose_answer=True)
    async with business(meta) as adapter:
        with pytest.raises(Uncertain):
            await adapter.send(address, TEXT, callback="turn:0:1")
    (bubble,) = await meta.recorded("bubble")
    assert bubble["text"] == TEXT


async def test_a_page_of_a_gateway_is_uncertain(meta: Meta) -> None:
    _, address = await simulated(meta, with_phone=True)
    await meta.fault(on="send", http=502, body="<html>Bad Gateway</html>")
    async with business(meta) as adapter:
        with pytest.raises(Uncertain) as caught:
            await adapter.send(address, TEXT, callback="c")
    assert caught.value.code == "http_502"
