"""A model behind ``chat/completions``: OpenAI, a gateway, vLLM, Ollama, llama.cpp …

The ``openai`` SDK makes the request, shows the key and reads error answers. The stream we read
ourselves (``core/completion.py``): the SDK builds objects for each chunk, and takes several kinds
of broken stream for an answer that ended well.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx2
import openai
from pydantic import SecretStr

from app.adapters.http_transport import direct_transport
from app.core.completion import Completion, said_no, unavailable
from app.core.model import PromptMessage
from app.errors import Refused, Unavailable
from app.pipeline.ports import Finish

Read = Callable[[], Awaitable[bytes]]

OPENAI_URL = "https://api.openai.com/v1"

NO_KEY = "none"
"""Sent where no key is set: a server of one's own needs none, but the SDK insists."""

CONNECT_SECONDS = 5.0
MAX_CONNECTIONS = 4000
MAX_IDLE_CONNECTIONS = 100
"""Not more: each request asks the system about every idle one, 10 µs each."""
KEEP_ALIVE_SECONDS = 30.0

AFTER_FINISH_SECONDS = 1.0
"""How long usage and ``[DONE]`` may come after the finish reason; some servers send neither."""

DRAIN_SECONDS = 0.1
"""How long the end of the body may come after ``[DONE]``: then the connection can be kept."""

MAX_ERROR_BYTES = 64_000
MAX_RETRY_AFTER = timedelta(days=1)


class OpenAIModel:
    """The ``Model`` port through one OpenAI-compatible server. Shared by all turns of a process.

    Only the time spent waiting for the server counts against the three limits; a caller that takes
    its time between two deltas uses up none of it. Pings, empty deltas and the announcement of a
    role are not deltas. A piece of the model's reasoning is a sign of life like a delta, but never
    part of the answer.

    Args:
        api_key: May be empty for a server of one's own.
        base_url: As far as ``/chat/completions``; ``None`` for OpenAI itself.
        model: As the server calls it, and ``name``; the deployment's name with Azure.
        first_token: How long the first delta may take, connecting included.
        idle: How long each further one may take.
        total: How long all of them together may take.
    """

    provider = "openai"

    def __init__(
        self,
        *,
        api_key: SecretStr,
        base_url: str | None,
        model: str,
        first_token: timedelta,
        idle: timedelta,
        total: timedelta,
    ) -> None:
        self.name = model
        self._first_token = first_token.total_seconds()
        self._idle = idle.total_seconds()
        self._total = total.total_seconds()
        self._asks_usage = True
        limits = httpx2.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
        )
        self._client = openai.AsyncOpenAI(
            api_key=api_key.get_secret_value() or NO_KEY,
            base_url=base_url or OPENAI_URL,
            # The SDK would repeat timeouts and 429s too, and wait half a second before each.
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                # A redirect would take the prompt to a server that nobody has named.
                follow_redirects=False,
                # Each read is under our own limits; a read timeout is renewed by every ping.
                timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
                limits=limits,
                transport=direct_transport(limits),
                event_hooks={"response": [_bound_error]},
            ),
        )

    async def close(self) -> None:
        """Close all connections; the second time does nothing."""
        await self._client.close()

    async def stream(self, prompt: Sequence[PromptMessage]) -> AsyncGenerator[str | Finish, None]:
        """The answer's deltas (never empty), then one ``Finish``: see ``ports.Model``.

        A delta is what one read brought, so it may hold several of the server's chunks. An answer
        of more than 100,000 characters ends there with ``length``.
        """
        with closing(_Patience(self._first_token, self._idle, self._total)) as patience:
            with patience:
                response = await self._open(prompt)
            async with aclosing(response), aclosing(response.aiter_bytes()) as decoded:
                read = _reader(response, decoded)
                answer = Completion(is_stream=_is_event_stream(response))
                while not answer.is_over:
                    pieces = answer.pieces
                    try:
                        with patience:
                            body = await read()
                        text = answer.feed(body)
                    except Unavailable as exc:
                        answer.fail(exc)
                    except httpx2.HTTPError:
                        answer.fail(unavailable("the connection broke", code="cut"))
                    else:
                        patience.heard(more=answer.pieces > pieces, finished=bool(answer.reason))
                        if text:
                            yield text
                yield Finish(answer.conclude(), answer.prompt_tokens, answer.completion_tokens)
                await _drain(read)

    async def _open(self, prompt: Sequence[PromptMessage]) -> httpx2.Response:
        """The answer's head, its body unread."""
        # The SDK's errors quote the server, and servers quote the key and the prompt: these texts
        # must not come into a traceback either, hence "from None".
        try:
            return await self._ask(prompt)
        except openai.APIStatusError as exc:
            retry_after = _retry_after(exc.response.headers)
            raise said_no(exc.status_code, exc.body, retry_after=retry_after) from None
        except openai.APIConnectionError as exc:
            if not isinstance(
                exc.__cause__, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol
            ):
                raise unavailable("cannot be reached", code="unreachable") from None
        except (UnicodeError, httpx2.InvalidURL):
            pass
        raise Refused("model: the request cannot be written", code="unsendable", scope="model")

    async def _ask(self, prompt: Sequence[PromptMessage]) -> httpx2.Response:
        asks_usage = self._asks_usage
        try:
            return await self._post(prompt, asks_usage=asks_usage)
        except openai.APIConnectionError:
            # A kept connection may have been closed by the server at this very moment.
            pass
        except (openai.BadRequestError, openai.UnprocessableEntityError) as exc:
            # Mistral, Databricks and Azure with data sources refuse the field.
            if not asks_usage or "stream_options" not in exc.response.text:
                raise
            asks_usage = self._asks_usage = False
        return await self._post(prompt, asks_usage=asks_usage)

    async def _post(self, prompt: Sequence[PromptMessage], *, asks_usage: bool) -> httpx2.Response:
        body: dict[str, object] = {
            "model": self.name,
            "messages": [{"role": said.role, "content": said.content} for said in prompt],
            "stream": True,
        }
        if asks_usage:
            body["stream_options"] = {"include_usage": True}
        # Not chat.completions.create(): it walks every message by its type, 4 ms for 25 of them.
        response: object = await self._client.post(
            "/chat/completions",
            cast_to=httpx2.Response,
            body=body,
            options={"headers": {"Accept-Encoding": "identity"}},  # compression holds chunks back
            stream=True,
            stream_cls=openai.AsyncStream[object],  # for the types only: cast_to wins
        )
        return cast(httpx2.Response, response)


class _Patience:
    """How much longer we wait for the server.

    Entered for each wait; raises ``Unavailable`` when that takes too long. One timer stands until
    its time, and then looks how much is left: ``asyncio.timeout`` would set one for each wait.
    """

    def __init__(self, first_token: float, idle: float, total: float) -> None:
        self._left = first_token
        self._code = "first_token"
        self._idle = idle
        self._total_left = total
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._task: asyncio.Task[Any] | None = None  # who waits
        self._until = math.inf
        self._has_ended = False

    def __enter__(self) -> None:
        self._began = self._loop.time()
        self._until = self._began + min(self._left, self._total_left)
        self._task = task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._cancelled_before = task.cancelling()
        if self._until < self._timer_at:
            self._set_timer()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        task, self._task = self._task, None
        waited = self._loop.time() - self._began
        self._left -= waited
        self._total_left -= waited
        if kind is asyncio.CancelledError and self._has_ended and task is not None:
            if task.uncancel() <= self._cancelled_before:
                code = self._code if self._left <= self._total_left else "total"
                raise unavailable("silent for too long", code=code) from None

    def _set_timer(self) -> None:
        self.close()
        self._timer_at = self._until
        self._timer = self._loop.call_at(self._until, self._ring)

    def _ring(self) -> None:
        self._timer_at = math.inf
        if self._task is None:
            return  # nobody waits for the server: the next wait sets the timer
        if self._until > self._loop.time():
            self._set_timer()
        else:
            self._has_ended = True
            self._task.cancel()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def heard(self, *, more: bool, finished: bool) -> None:
        """Wait anew after a piece of the answer; once and shortly after its finish reason."""
        if finished:
            if self._code != "finish":
                self._left, self._code = AFTER_FINISH_SECONDS, "finish"
        elif more:
            self._left, self._code = self._idle, "idle"


def _is_event_stream(response: httpx2.Response) -> bool:
    """Whether the body is a stream of events; if not, it is one JSON object.

    Raises:
        Unavailable: It is neither: the page of a proxy, say.
    """
    media_type = response.headers.get("content-type", "text/event-stream").partition(";")[0]
    if media_type.strip().lower() == "text/event-stream":
        return True
    if media_type.strip().lower() == "application/json":
        return False
    raise unavailable("answered with something else than a stream", code="not_a_stream")


def _reader(response: httpx2.Response, decoded: AsyncGenerator[bytes, None]) -> Read:
    """Gives the body as it comes in, then ``b""``; decoded if the server has encoded it all the
    same.
    """
    if "content-encoding" not in response.headers and "read" in response.extensions:
        return cast(Read, response.extensions["read"])
    return lambda: anext(decoded, b"")


async def _drain(read: Read) -> None:
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await read()


class _Beginning(httpx2.AsyncByteStream):
    """The first bytes of a body."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ERROR_BYTES
        async for piece in self._body:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._body.aclose()


async def _bound_error(response: httpx2.Response) -> None:
    """Let the SDK read only the beginning of an error: it reads all there is."""
    if response.status_code >= 300 and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Beginning(response.stream)


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long the server asks us to wait: seconds or a date; ``None`` when it does not say.

    Source: RFC 9110, 10.2.3.
    """
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    if not math.isfinite(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), MAX_RETRY_AFTER.total_seconds()))
