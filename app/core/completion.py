"""What a ``chat/completions`` server says: its answer as the bytes come in, and its ways of no.

Source: OpenAI API reference, "Chat Completions"; the oddities are those of gateways and of vLLM,
llama.cpp, Ollama, OpenRouter, Mistral, DeepSeek and Azure.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from app.core.sse import EventReader, EventTooLarge, ServerEvent
from app.errors import NO_TEXT, Refused, RivuletError, Scope, Unavailable

MAX_EVENT_BYTES = 1_000_000
MAX_TEXT_CHARS = 100_000
"""Past this an answer ends as if the model had reached its own limit."""

MAX_TOKENS = 100_000_000
"""No model reads or writes as many at once; a server that says so has miscounted."""

REFUSING_WORDS = frozenset(
    {
        "authentication_error",
        "badrequesterror",
        "content_filter",
        "content_policy_violation",
        "context_length_exceeded",
        "deploymentnotfound",
        "invalid_api_key",
        "invalid_request_error",
        "model_not_found",
        "not_found_error",
        "permission_denied",
        "permission_error",
        "request_too_large",
        "string_above_max_length",
        "unsupported_parameter",
        "unsupported_value",
    }
)
"""Providers' names for a request that will fail again. Words that are in no table here are never
repeated: they come from outside, and may hold anything."""

DELAYING_WORDS = frozenset(
    {
        "api_error",
        "billing_hard_limit_reached",
        "engine_overloaded",
        "insufficient_quota",
        "internal_error",
        "overloaded_error",
        "rate_limit_error",
        "rate_limit_exceeded",
        "server_error",
        "service_unavailable",
    }
)

STATUS_WORDS = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    413: "request_too_large",
    422: "unprocessable",
    429: "throttled",
}

PASSING_STATUSES = frozenset({402, 408, 409, 425, 429})
"""Below 500, but answered otherwise later without a change of ours."""

PROMPT_STATUSES = frozenset({400, 413, 422})
"""Refusals of this prompt: the next one may pass."""

FAILED_REASONS = frozenset({"error", "abort", "insufficient_system_resource"})
"""Finish reasons with which OpenRouter, vLLM and DeepSeek say that the answer broke off."""


def unavailable(what: str, *, code: str, retry_after: timedelta | None = None) -> Unavailable:
    """The error for an answer that did not come, or not to its end."""
    return Unavailable(f"model: {what}", code=code, scope="model", retry_after=retry_after)


def said_no(
    status: int | None, error: object, *, retry_after: timedelta | None = None
) -> RivuletError:
    """The error of ours for an error of the server's.

    Args:
        status: Of the HTTP answer; ``None`` for an error inside a stream.
        error: Its ``error`` object, whatever that holds.
        retry_after: How long the server asked us to wait.
    """
    fields = error if isinstance(error, dict) else {}
    words = [str(fields.get(name)).lower() for name in ("code", "type")]
    word = next((word for word in words if word in REFUSING_WORDS | DELAYING_WORDS), None)
    status = status or _status_in(fields.get("code"))
    if status is None:
        refused, code = word in REFUSING_WORDS, word or "error_event"
    else:
        refused = status < 500 and status not in PASSING_STATUSES
        code = word or STATUS_WORDS.get(status) or f"http_{status}"
    if not refused:
        return unavailable(f"said {code}", code=code, retry_after=retry_after)
    scope: Scope = "call" if status is None or status in PROMPT_STATUSES else "model"
    return Refused(f"model: said {code}", code=code, scope=scope)


def _status_in(code: object) -> int | None:
    """Several gateways put the status of the server behind them into ``code``."""
    if isinstance(code, str) and len(code) == 3 and code.isdecimal():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code <= 599 else None


class Completion:
    """An answer, as its body comes in.

    A trouble ends it (``is_over``) and is told by ``conclude``, so that text before it in the same
    bytes is not lost. After the finish reason trouble does not count: the answer was whole.

    Attributes:
        is_over: There is nothing more to read.
        reason: Why the server says that the answer ended; ``None`` so far.
        pieces: How many pieces of text or of reasoning there have been.
        prompt_tokens: As counted by the server; ``None`` when it did not say.
        completion_tokens: Likewise.

    Args:
        is_stream: Whether the body is an event stream; else it is one JSON object.
    """

    def __init__(self, *, is_stream: bool) -> None:
        self.is_over = False
        self.reason: str | None = None
        self.pieces = 0
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self._is_stream = is_stream
        self._reader = EventReader(max_bytes=MAX_EVENT_BYTES)
        self._body = bytearray()
        self._failure: RivuletError | None = None
        self._chars = 0
        self._has_said = False
        self._has_halves = False
        self._half = ""

    def feed(self, body: bytes) -> str:
        """The text that these bytes complete, often ``""``; ``b""`` is the end of the body."""
        texts: list[str] = []
        try:
            if self._is_stream:
                self._read_events(self._reader.feed(body) if body else self._reader.close(), texts)
            else:
                self._read_whole(body, texts)
        except EventTooLarge:
            self.fail(unavailable("sent too large an event", code="too_large"))
        except RivuletError as exc:
            self.fail(exc)
        if not body:
            self.is_over = True
        return self._bounded(self._mended("".join(texts)))

    def fail(self, error: RivuletError) -> None:
        """End here, because of ``error`` unless the answer is whole already."""
        self.is_over = True
        if self.reason is None:
            self._failure = error

    def conclude(self) -> str:
        """The finish reason of an answer that ended as it should.

        Raises:
            Unavailable: It broke off, or has no text.
            Refused: The server will not answer this.
        """
        if self._failure is not None:
            raise self._failure
        if self.reason is None:
            raise unavailable("ended without a finish reason", code="no_finish")
        if self._has_said:
            return self.reason
        if self.reason == "content_filter":
            raise Refused("model: said content_filter", code="content_filter")
        raise unavailable("ended without a text", code=NO_TEXT)

    def _read_events(self, events: Sequence[ServerEvent], texts: list[str]) -> None:
        for name, data in events:
            if name == b"error":
                raise said_no(None, _error_in(self._parsed(data)))
            if data.startswith(b"[DONE]"):
                self.is_over = True
                return
            if data and not data.isspace():
                self._read(self._parsed(data), "delta", texts)

    def _read_whole(self, body: bytes, texts: list[str]) -> None:
        self._body += body
        if len(self._body) > MAX_EVENT_BYTES:
            raise EventTooLarge
        if not body:
            self._read(self._parsed(bytes(self._body)), "message", texts)

    def _parsed(self, data: bytes) -> Any:
        try:
            return orjson.loads(data)
        except ValueError:
            pass
        try:
            # Servers that count in UTF-16 send the halves of an emoji in two chunks, as escapes.
            parsed = json.loads(data)
        except (ValueError, RecursionError):
            raise _bad_event() from None
        self._has_halves = True
        return parsed

    def _read(self, chunk: Any, part: str, texts: list[str]) -> None:
        if not isinstance(chunk, dict):
            raise _bad_event()
        if chunk.get("error") or chunk.get("object") == "error":
            raise said_no(None, _error_in(chunk))
        if usage := chunk.get("usage"):
            self._count(usage)
        choices = chunk.get("choices")
        if not choices:
            return
        if not isinstance(choices, list) or not isinstance(choices[0], dict):
            raise _bad_event()
        texts.append(self._text_in(choices[0].get(part)))
        if reason := choices[0].get("finish_reason"):
            self._end(reason)

    def _text_in(self, said: Any) -> str:
        if said is None:
            return ""
        if not isinstance(said, dict):
            raise _bad_event()
        text, refusal = said.get("content") or "", said.get("refusal")
        if isinstance(text, list):
            text = "".join(_text_of(piece) for piece in text)
        if not isinstance(text, str):
            raise _bad_event()
        if isinstance(refusal, str):
            text += refusal
        if text or said.get("reasoning_content") or said.get("reasoning"):
            self.pieces += 1
        return text

    def _end(self, reason: Any) -> None:
        if not isinstance(reason, str):
            raise _bad_event()
        if reason in FAILED_REASONS:
            raise unavailable("broke off", code="broke_off")
        self.reason = reason[:40]

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self.prompt_tokens = _count_in(usage.get("prompt_tokens"))
            self.completion_tokens = _count_in(usage.get("completion_tokens"))

    def _mended(self, text: str) -> str:
        """The text with halves of characters put together; the last one waits for its other."""
        if not self._has_halves:
            return text
        text = self._half + text
        self._half = ""
        if text and "\ud800" <= text[-1] <= "\udbff" and not self.is_over:
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _bounded(self, text: str) -> str:
        room = MAX_TEXT_CHARS - self._chars
        if len(text) > room:
            text = text[:room]
            self._failure, self.reason, self.is_over = None, "length", True
        self._chars += len(text)
        self._has_said = self._has_said or not (text.isspace() or not text)
        return text


def _bad_event() -> Unavailable:
    return unavailable("sent an event that cannot be read", code="bad_event")


def _error_in(chunk: Any) -> object:
    return chunk.get("error") or chunk if isinstance(chunk, dict) else None


def _text_of(piece: Any) -> str:
    """The text of one content part; parts of other kinds (Mistral's ``thinking``) have none."""
    text = piece.get("text") if isinstance(piece, dict) else piece
    return text if isinstance(text, str) else ""


def _count_in(count: object) -> int | None:
    return count if type(count) is int and 0 <= count <= MAX_TOKENS else None
