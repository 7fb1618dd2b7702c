"""A model and a Graph API that cost next to nothing, and that write down when what happened.

Both run in the benchmark's own process, so that one clock times both ends of a bubble's way: the
delta that completed it as it left the model, and its request as it arrived at the Graph API.
"""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import cast

from app.adapters.redis_store import RedisStore
from app.core.cutting import PacedChunker
from app.core.model import Delivery, InboundMessage, Status
from app.pipeline.ports import Limits
from app.simulator.pieces import pieces

NUMBER = "100000000000001"
SLOTS = 25
SLOT_SECONDS = 0.001
"""25 slots of a millisecond: each stream has one of them, so it writes 40 deltas a second."""

SENTENCES = (
    "The kettle can be returned within thirty days, as long as it comes back in its own box. ",
    "Please put the slip that came with the parcel on top, so that the people in the storehouse "
    "know whose it is. ",
    "We send the money back on the day on which the parcel arrives. ",
    "It takes the bank two or three days more until you see it on your account. ",
    "If the lid is chipped, a picture is enough and you may keep the kettle. ",
    "There is nothing to pay for the way back. ",
)

Request = Callable[[bytes, float, asyncio.Transport], None]
"""Takes a request's body, when its first byte arrived, and where its answer goes."""


def answer_of(tokens: int) -> list[str]:
    """An answer in so many deltas."""
    cut = pieces("".join(SENTENCES))
    return [cut[number % len(cut)] for number in range(tokens)]


def needed_deltas(deltas: list[str], limits: Limits) -> list[int]:
    """For each bubble the delta that completes it; one past the last is the stream's end."""
    chunker = PacedChunker(
        limits.style,
        min_chars=limits.min_chars,
        max_chars=limits.max_chars,
        hard_chars=limits.hard_chars,
    )
    needed = [number for number, delta in enumerate(deltas) for _ in chunker.feed(delta)]
    return needed + [len(deltas) for _ in chunker.close()]


def chunk(content: bytes) -> bytes:
    """As HTTP/1.1 frames it."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def event(delta: object, reason: str | None = None) -> bytes:
    """One chunk of ``chat/completions``, with the fields that OpenAI sends."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    head = {
        "id": "chatcmpl-0123456789abcdefghijkl",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "scripted",
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": [choice],
    }
    return chunk(b"data: " + json.dumps(head).encode() + b"\n\n")


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    + event({"role": "assistant", "content": ""})
)
TAIL = event({}, "stop") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class HttpServer(asyncio.Protocol):
    """Just enough of HTTP/1.1: bodies with a length, one request after the other."""

    def __init__(self, on_request: Request) -> None:
        self._on_request = on_request
        self._gathered = b""
        self._arrived_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is of no such class

    def data_received(self, data: bytes) -> None:
        if not self._gathered:
            self._arrived_at = time.monotonic()
        self._gathered += data
        head, gap, body = self._gathered.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if gap and length and len(body) >= int(length[1]):
            self._gathered = b""
            self._on_request(body, self._arrived_at, self._transport)


@dataclass
class Stream:
    """One answer on its way; ``sent_at`` holds each delta's time, and the end's after the last."""

    transport: asyncio.Transport
    sent_at: list[float] = field(default_factory=list)


@dataclass
class World:
    """What happened, by the number of the person.

    Attributes:
        deltas: The answer to everything that is asked from now on.
        statuses: Whether bubbles are reported delivered, and where to.
        arrived_at: When each bubble's request came, by person and bubble.
    """

    deltas: list[str] = field(default_factory=list)
    statuses: RedisStore | None = None
    streams: dict[int, Stream] = field(default_factory=dict)
    arrived_at: defaultdict[int, dict[int, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    persons: int = 0
    _encoded: list[bytes] = field(default_factory=list)
    _wheel: list[list[Stream]] = field(default_factory=lambda: [[] for _ in range(SLOTS)])
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    def answer_with(self, tokens: int) -> None:
        """Answers of so many deltas, all encoded now."""
        self.deltas = answer_of(tokens)
        self._encoded = [event({"content": delta}) for delta in self.deltas]

    async def ask(self, store: RedisStore, count: int) -> range:
        """Messages of so many new persons, queued as the webhook queues them; their numbers."""
        asked = range(self.persons, self.persons + count)
        self.persons += count
        now = datetime.now(UTC).replace(microsecond=0)
        messages = [
            InboundMessage(
                wamid=f"wamid.bench{number}",
                phone_number_id=NUMBER,
                user_id=f"US.{number}",
                phone=f"1555{number:07d}",
                name=None,
                sent_at=now,
                kind="text",
                text=f"Person {number} asks: how do I return the kettle?",
            )
            for number in asked
        ]
        await store.take_in(messages)
        return asked

    def model(self, body: bytes, _: float, transport: asyncio.Transport) -> None:
        """Begin a stream, in the person's slot."""
        found = re.search(rb"Person (\d+) asks", body)
        stream = Stream(transport)
        number = int(found[1]) if found else -1
        self.streams[number] = stream
        transport.write(HEAD)
        self._wheel[number % SLOTS].append(stream)

    def graph(self, body: bytes, arrived_at: float, transport: asyncio.Transport) -> None:
        """Take a bubble, or word that a message was read."""
        sent = json.loads(body)
        if sent.get("status") == "read":
            answer: object = {"success": True}
        else:
            number, callback = int(sent["to"][-7:]), sent["biz_opaque_callback_data"]
            bubble = int(callback.split(":")[1])
            self.arrived_at[number][bubble] = arrived_at
            wamid = f"wamid.bubble{number}.{bubble}"
            answer = {"messaging_product": "whatsapp", "messages": [{"id": wamid}]}
            if self.statuses is not None:
                self._later(self._report(self.statuses, wamid, callback))
        raw = json.dumps(answer).encode()
        transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(raw), raw)
        )

    async def _report(self, store: RedisStore, wamid: str, callback: str) -> None:
        for delivery in (Delivery.SENT, Delivery.DELIVERED):
            await asyncio.sleep(0.05)
            now = datetime.now(UTC)
            await store.take_in([Status(wamid, NUMBER, delivery, now, callback)])

    async def close(self) -> None:
        """Report no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _later(self, work: Coroutine[object, object, object]) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def turn_wheel(self) -> None:
        """Write the deltas that are due, a slot each millisecond; late slots are caught up with."""
        began_at, turned = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began_at) / SLOT_SECONDS)
            for slot in range(turned, due):
                place = self._wheel[slot % SLOTS]
                self._wheel[slot % SLOTS] = [stream for stream in place if self._write(stream)]
            turned = due
            await asyncio.sleep(SLOT_SECONDS)

    def _write(self, stream: Stream) -> bool:
        """The next delta; whether there are more."""
        at = len(stream.sent_at)
        more = at < len(self._encoded)
        stream.sent_at.append(time.monotonic())
        if stream.transport.is_closing():  # the worker has left; the others' streams go on
            return False
        stream.transport.write(self._encoded[at] if more else TAIL)
        return more


@asynccontextmanager
async def open_world() -> AsyncIterator[tuple[World, str, str]]:
    """A world, and the addresses of its model and of its Graph API."""
    world = World()
    loop = asyncio.get_running_loop()
    wheel = asyncio.create_task(world.turn_wheel())
    model = await loop.create_server(partial(HttpServer, world.model), "127.0.0.1", 0)
    graph = await loop.create_server(partial(HttpServer, world.graph), "127.0.0.1", 0)
    try:
        yield world, url_of(model), url_of(graph)
    finally:
        wheel.cancel()
        for server in (model, graph):
            server.close()


def url_of(server: asyncio.Server) -> str:
    """Where it listens."""
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
