"""A stream of ``chat.completion.chunk`` events, at a pace, and the ways in which it breaks."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.simulator.connections import NoConnection, connection_of, left
from app.simulator.faults import Fault
from app.simulator.pieces import pieces

CREATED = 1767225600
TICK_SECONDS = 0.01
"""Deltas due within one tick leave in one write: a machine that streams to hundreds needs it."""

PING_SECONDS = 0.5
SILENCE_MOST = 600.0
BURST = 200
"""Deltas in one write when there is no pace."""

HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Script:
    """One answer to be given.

    Attributes:
        number: Makes the completion's id.
        prompt_tokens: By our estimate, for ``usage``.
    """

    number: int
    model: str
    text: str
    prompt_tokens: int

    @property
    def tokens(self) -> int:
        """How many deltas it has."""
        return len(encoded(self.text))

    @property
    def usage(self) -> dict[str, int]:
        """OpenAI's ``usage``."""
        written = self.tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        }

    def events(self) -> list[bytes]:
        """The deltas, encoded, without the role delta and without the end."""
        head = f'data: {_head(self)},"choices":[{{"index":0,"delta":{{"content":'.encode()
        return [head + tail for tail in encoded(self.text)]

    def event(self, delta: dict[str, object], finish_reason: str | None) -> bytes:
        """One chunk."""
        choice = json.dumps({"index": 0, "delta": delta, "finish_reason": finish_reason})
        return f'data: {_head(self)},"choices":[{choice}]}}\n\n'.encode()

    def usage_event(self) -> bytes:
        """The last chunk when usage was asked for: no choices."""
        return f'data: {_head(self)},"choices":[],"usage":{json.dumps(self.usage)}}}\n\n'.encode()


@lru_cache(maxsize=256)
def encoded(text: str) -> tuple[bytes, ...]:
    """The text's pieces as the ends of their chunks: made once for each text."""
    tail = '},"finish_reason":null}]}\n\n'
    return tuple(f"{json.dumps(piece)}{tail}".encode() for piece in pieces(text))


def as_completion(script: Script) -> dict[str, Any]:
    """The whole answer in one JSON."""
    message = {"role": "assistant", "content": script.text}
    return {
        "id": f"chatcmpl-{script.number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": script.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": script.usage,
    }


class Stream(Response):
    """Server-sent events, one delta each."""

    def __init__(
        self,
        script: Script,
        first_seconds: float,
        tokens_per_second: float,
        fault: Fault | None,
        *,
        usage: bool,
        told: Callable[..., None],
    ) -> None:
        super().__init__()
        self._script = script
        self._first_seconds, self._rate = first_seconds, tokens_per_second
        self._fault, self._usage, self._told = fault, usage, told
        self._broken = fault.stream if fault else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(left(receive))
        try:
            await self._answer(scope, send, gone)
        finally:
            gone.cancel()

    async def _answer(self, scope: Scope, send: Send, gone: "asyncio.Task[bool]") -> None:
        whole = self._broken in ("html", "whole_json")
        kind = {"html": b"text/html", "whole_json": b"application/json"}.get(
            self._broken or "", b"text/event-stream"
        )
        headers = [(b"content-type", kind), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if whole:
            body = HTML
            if self._broken == "whole_json":
                body = json.dumps(as_completion(self._script)).encode()
            await send({"type": "http.response.body", "body": body})
            return
        if self._broken == "empty":
            await send({"type": "http.response.body", "body": b""})
            return
        written = await self._write(send, gone)
        if gone.done():
            self._told("left", tokens=written)
            return
        if self._broken is None or self._broken in ("silence", "stall"):
            await send({"type": "http.response.body", "body": self._end()})
            self._told("ended", tokens=written)
            return
        self._told("failed", tokens=written)
        await self._break(scope, send, gone)

    async def _write(self, send: Send, gone: "asyncio.Task[bool]") -> int:
        """Write deltas at their pace, up to the fault or the end; how many."""
        events = self._script.events()
        stop = len(events)
        if self._broken is not None and self._fault is not None:
            stop = min(stop, self._fault.after_deltas)
        await _body(send, self._script.event({"role": "assistant", "content": ""}, None))
        written = await self._pace(send, gone, events, 0, stop)
        if self._broken in ("silence", "stall") and not gone.done():
            await self._be_silent(send, gone)
            written = await self._pace(send, gone, events, written, len(events))
        return written

    async def _pace(
        self, send: Send, gone: "asyncio.Task[bool]", events: list[bytes], at: int, stop: int
    ) -> int:
        loop = asyncio.get_running_loop()
        first_due = loop.time() + (self._first_seconds if at == 0 else 0.0)
        begin = at
        while at < stop and not gone.done():
            if self._rate:
                due = first_due + (at - begin) / self._rate
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                ahead = loop.time() + TICK_SECONDS - first_due
                upto = min(stop, max(at + 1, begin + int(ahead * self._rate) + 1))
            else:
                if at == begin == 0:
                    await asyncio.sleep(self._first_seconds)
                upto = min(stop, at + BURST)
            await _body(send, b"".join(events[at:upto]))
            if at == 0:
                self._told("first_delta")
            at = upto
        return at

    async def _be_silent(self, send: Send, gone: "asyncio.Task[bool]") -> None:
        """Say nothing for a while: pings only, or not even those."""
        assert self._fault is not None  # noqa: S101 only a fault brings us here
        seconds = min(self._fault.silence_seconds, SILENCE_MOST)
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0 and not gone.done():
            await asyncio.wait({gone}, timeout=min(left, PING_SECONDS))
            if self._broken == "silence":
                await _body(send, b": ping\n\n")

    async def _break(self, scope: Scope, send: Send, gone: "asyncio.Task[bool]") -> None:
        if self._broken == "cut":
            connection = connection_of(scope)
            if connection is None:
                raise NoConnection
            connection.close()
            await gone  # else the server complains of an answer that does not end
            return
        wrong = {
            "no_finish": b"",
            "error_event": b'data: {"error":{"message":"The server had an error","type":'
            b'"server_error","param":null,"code":"server_error"}}\n\n',
            "bad_event": b'event: error\ndata: {"message":"overloaded"}\n\n',
            "broken_json": b'data: {"id":"chatcmpl-1","choices":[{"delta":{"conte\n\n',
        }[self._broken or ""]
        await send({"type": "http.response.body", "body": wrong})

    def _end(self) -> bytes:
        reason = (self._fault.finish_reason if self._fault else None) or "stop"
        end = self._script.event({}, reason)
        if self._usage:
            end += self._script.usage_event()
        return end + b"data: [DONE]\n\n"


def _head(script: Script) -> str:
    return (
        f'{{"id":"chatcmpl-{script.number}","object":"chat.completion.chunk",'
        f'"created":{CREATED},"model":{json.dumps(script.model)}'
    )


async def _body(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
