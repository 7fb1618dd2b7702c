import asyncio
import gc
import gzip
import json
import logging
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from app.adapters.openai_model import OpenAIModel
from app.core.completion import MAX_EVENT_BYTES, MAX_TEXT_CHARS
from app.core.model import PromptMessage
from app.errors import Refused, RivuletError, Unavailable
from app.pipeline.ports import Finish
from tests.adapters.model_server import (
    DONE,
    EVENTS,
    Asked,
    Script,
    Wire,
    delta,
    event,
    model_server,
)

KEY = "sk-not-a-real-key-1234567890"
PROMPT = [PromptMessage("system", "You sell tea."), PromptMessage("user", "Where is my parcel?")]
FAR = timedelta(seconds=60)
SOON = timedelta(milliseconds=150)

Items = list[str | Finish]


@asynccontextmanager
async def model_at(
    url: str,
    *,
    first_token: timedelta = FAR,
    idle: timedelta = FAR,
    total: timedelta = FAR,
    key: str = KEY,
) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel(
        api_key=SecretStr(key),
        base_url=url,
        model="tea-1",
        first_token=first_token,
        idle=idle,
        total=total,
    )
    try:
        yield model
    finally:
        await model.close()


async def told(model: OpenAIModel, prompt: Sequence[PromptMessage] = PROMPT) -> Items:
    async with aclosing(model.stream(prompt)) as stream:
        return [item async for item in stream]


async def told_until_error(model: OpenAIModel) -> tuple[str, RivuletError]:
    text = ""
    async with aclosing(model.stream(PROMPT)) as stream:
        try:
            async for item in stream:
                assert isinstance(item, str), "finished although it should not have"
                text += item
        except RivuletError as error:
            return text, error
    pytest.fail("ended without an error")


def in_pieces(*pieces: bytes) -> Script:
    async def answer(_: Asked, wire: Wire) -> None:
        await wire.stream(*pieces)

    return answer


def at_once(body: bytes, *lines: str, status: str = "200 OK") -> Script:
    async def answer(_: Asked, wire: Wire) -> None:
        await wire.whole(body, *lines, status=status)

    return answer


def said(items: Items) -> tuple[str, Finish]:
    *texts, finish = items
    assert isinstance(finish, Finish)
    assert all(isinstance(text, str) and text for text in texts)
    return "".join(str(text) for text in texts), finish


STOP = delta({}, "stop")
USAGE = event({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}})
EMOJI = delta("Tee 🍵 für dich")

WELL = {
    "plain": ([delta("Hello, "), delta("you."), STOP, DONE], "Hello, you."),
    "all in one read": ([delta("Hello, ") + delta("you.") + STOP + DONE], "Hello, you."),
    "finish reason with the last text": (
        [delta("Hello."), delta(" Bye.", "stop"), DONE],
        "Hello. Bye.",
    ),
    "role first": ([delta({"role": "assistant", "content": ""}), delta("Hi."), STOP, DONE], "Hi."),
    "null delta": (
        [event({"choices": [{"index": 0, "delta": None}]}), delta("Hi."), STOP, DONE],
        "Hi.",
    ),
    "null content": ([delta({"content": None}), delta("Hi."), STOP, DONE], "Hi."),
    "no choices": ([event({"choices": []}), event({"id": "x"}), delta("Hi."), STOP, DONE], "Hi."),
    "null error": ([event({"error": None, "choices": []}), delta("Hi."), STOP, DONE], "Hi."),
    "no space after the colon": (
        [piece.replace(b"data: ", b"data:") for piece in (delta("Hi."), STOP, DONE)],
        "Hi.",
    ),
    "CRLF": ([piece.replace(b"\n", b"\r\n") for piece in (delta("Hi."), STOP, DONE)], "Hi."),
    "CR": ([piece.replace(b"\n", b"\r") for piece in (delta("Hi."), STOP, DONE)], "Hi."),
    "byte order mark": ([b"\xef\xbb\xbf" + delta("Hi."), STOP, DONE], "Hi."),
    "several data lines": (
        [delta("Hi.").replace(b', "', b',\ndata: "'), STOP, DONE],
        "Hi.",
    ),
    "pings between": ([b": ping\n\n", delta("Hi."), b": ping\n\n", STOP, DONE], "Hi."),
    "blank data": ([b"data:\n\n", b"data:  \n\n", delta("Hi."), STOP, DONE], "Hi."),
    "cut inside a character": ([EMOJI[:50], EMOJI[50:], STOP, DONE], "Tee 🍵 für dich"),
    "byte by byte": (
        [bytes([byte]) for byte in EMOJI + STOP + DONE],
        "Tee 🍵 für dich",
    ),
    "an emoji in two halves": (
        [
            rb'data: {"choices":[{"delta":{"content":"Tee \ud83c"}}]}' + b"\n\n",
            rb'data: {"choices":[{"delta":{"content":"\udf75!"}}]}' + b"\n\n",
            STOP,
            DONE,
        ],
        "Tee 🍵!",
    ),
    "half an emoji": (
        [
            rb'data: {"choices":[{"delta":{"content":"Tee \ud83c"},"finish_reason":"stop"}]}',
            b"\n\n",
        ],
        "Tee \ufffd",
    ),
    "reasoning is not the answer": (
        [
            delta({"reasoning_content": "They want tea."}),
            delta({"reasoning": "Tea it is."}),
            delta("Tea."),
            STOP,
            DONE,
        ],
        "Tea.",
    ),
    "a refusal is text": (
        [delta({"refusal": "I cannot "}), delta({"refusal": "help."}), STOP, DONE],
        "I cannot help.",
    ),
    "content in parts": (
        [
            delta({"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}]}),
            delta({"content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "."}]}),
            STOP,
            DONE,
        ],
        "Hi.",
    ),
    "no [DONE]": ([delta("Hi."), STOP], "Hi."),
    "no empty line at the end": ([delta("Hi."), STOP.rstrip()], "Hi."),
    "events of other names": ([b"event: message\n" + delta("Hi."), STOP, DONE], "Hi."),
    "trouble after the finish reason": ([delta("Hi."), STOP, b"data: {\n\n"], "Hi."),
}


@pytest.mark.parametrize(("pieces", "text"), WELL.values(), ids=WELL.keys())
async def test_a_stream_with_a_finish_reason_is_an_answer(pieces: list[bytes], text: str) -> None:
    async with model_server(in_pieces(*pieces)) as server, model_at(server.url) as model:
        assert said(await told(model)) == (text, Finish("stop"))


FINISHES = {
    "stop": ([delta("Hi."), STOP, DONE], Finish("stop")),
    "length": ([delta("Hi."), delta({}, "length"), DONE], Finish("length")),
    "content filter": ([delta("Hi."), delta({}, "content_filter"), DONE], Finish("content_filter")),
    "tool calls after text": ([delta("Hi."), delta({}, "tool_calls"), DONE], Finish("tool_calls")),
    "usage last": ([delta("Hi."), STOP, USAGE, DONE], Finish("stop", 12, 3)),
    "usage with the finish reason": (
        [
            event(
                {
                    "choices": [{"delta": {"content": "Hi."}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 12, "completion_tokens": 3},
                }
            )
        ],
        Finish("stop", 12, 3),
    ),
    "usage of another shape": (
        [delta("Hi."), STOP, event({"choices": [], "usage": {"prompt_tokens": "many"}}), DONE],
        Finish("stop"),
    ),
    "usage beyond belief": (
        [delta("Hi."), STOP, event({"choices": [], "usage": {"prompt_tokens": 1 << 62}}), DONE],
        Finish("stop"),
    ),
    "a reason as long as a novel": ([delta("Hi.", "n" * 5000), DONE], Finish("n" * 40)),
}


@pytest.mark.parametrize(("pieces", "finish"), FINISHES.values(), ids=FINISHES.keys())
async def test_the_finish_tells_why_and_how_much(pieces: list[bytes], finish: Finish) -> None:
    async with model_server(in_pieces(*pieces)) as server, model_at(server.url) as model:
        assert said(await told(model)) == ("Hi.", finish)


BAD_REQUEST = {"message": f"no, {KEY}", "type": "invalid_request_error", "code": None}
OVERLOADED = {"message": "busy", "type": "overloaded_error"}

BROKEN = {
    "no finish reason": ([delta("Hi.")], "Hi.", Unavailable, "no_finish"),
    "no finish reason but [DONE]": ([delta("Hi."), DONE], "Hi.", Unavailable, "no_finish"),
    "an empty stream": ([], "", Unavailable, "no_finish"),
    "only pings": ([b": ping\n\n"], "", Unavailable, "no_finish"),
    "broken JSON": ([delta("Hi."), b'data: {"cho\n\n', STOP], "Hi.", Unavailable, "bad_event"),
    "broken JSON in the same read": (
        [delta("Hi.") + b"data: {\n\n" + STOP],
        "Hi.",
        Unavailable,
        "bad_event",
    ),
    "not UTF-8": ([b'data: {"choices": "\xff"}\n\n'], "", Unavailable, "bad_event"),
    "deeply nested": ([b"data: " + b"[" * 50_000 + b"\n\n"], "", Unavailable, "bad_event"),
    "an event that is a list": ([event([1])], "", Unavailable, "bad_event"),
    "choices that are none": ([event({"choices": {"a": 1}})], "", Unavailable, "bad_event"),
    "a choice that is a number": ([event({"choices": [7]})], "", Unavailable, "bad_event"),
    "a delta that is text": (
        [event({"choices": [{"delta": "Hi."}]})],
        "",
        Unavailable,
        "bad_event",
    ),
    "content that is a number": ([delta({"content": 7})], "", Unavailable, "bad_event"),
    "a reason that is a number": (
        [event({"choices": [{"delta": {}, "finish_reason": 7}]})],
        "",
        Unavailable,
        "bad_event",
    ),
    "error event": (
        [delta("Hi."), event({"error": OVERLOADED})],
        "Hi.",
        Unavailable,
        "overloaded_error",
    ),
    "error event, unknown word": (
        [event({"error": {"code": KEY}})],
        "",
        Unavailable,
        "error_event",
    ),
    "error event, text only": ([event({"error": "busy"})], "", Unavailable, "error_event"),
    "error event, status 503": ([event({"error": {"code": 503}})], "", Unavailable, "http_503"),
    "error event, status 429": ([event({"error": {"code": "429"}})], "", Unavailable, "throttled"),
    "named error event": (
        [delta("Hi."), b"event: error\n" + event({"message": "x"})],
        "Hi.",
        Unavailable,
        "error_event",
    ),
    "named error event, no JSON": ([b"event: error\ndata: busy\n\n"], "", Unavailable, "bad_event"),
    "error object of vLLM": (
        [event({"object": "error", "message": "x", "type": "BadRequestError", "code": 400})],
        "",
        Refused,
        "badrequesterror",
    ),
    "error event, bad request": (
        [event({"error": BAD_REQUEST})],
        "",
        Refused,
        "invalid_request_error",
    ),
    "error event, status 400": ([event({"error": {"code": 400}})], "", Refused, "bad_request"),
    "finish reason error": (
        [delta("Hi."), delta({}, "error"), DONE],
        "Hi.",
        Unavailable,
        "broke_off",
    ),
    "finish reason abort": ([delta("Hi.", "abort"), DONE], "Hi.", Unavailable, "broke_off"),
    "tool calls only": (
        [delta({"tool_calls": [{"index": 0, "id": "a"}]}), delta({}, "tool_calls"), DONE],
        "",
        Unavailable,
        "no_text",
    ),
    "nothing said": ([STOP, DONE], "", Unavailable, "no_text"),
    "white space said": ([delta(" \n"), STOP, DONE], " \n", Unavailable, "no_text"),
    "only reasoning": (
        [delta({"reasoning_content": "hm"}), delta({}, "length"), DONE],
        "",
        Unavailable,
        "no_text",
    ),
    "filtered whole": ([delta({}, "content_filter"), DONE], "", Refused, "content_filter"),
    "an event too large": (
        [delta("Hi."), *[b"x" * 50_000] * (MAX_EVENT_BYTES // 50_000 + 1)],
        "Hi.",
        Unavailable,
        "too_large",
    ),
}


@pytest.mark.parametrize(("pieces", "text", "kind", "code"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_stream_says_so_after_what_it_said(
    pieces: list[bytes], text: str, kind: type[RivuletError], code: str
) -> None:
    async with model_server(in_pieces(*pieces)) as server, model_at(server.url) as model:
        before, error = await told_until_error(model)
    assert before == text
    assert (type(error), error.code) == (kind, code)
    assert KEY not in str(error)
    if isinstance(error, Unavailable):
        assert error.scope == "model"


WHOLE = {
    "choices": [{"message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3},
}


async def test_a_whole_completion_instead_of_a_stream_is_one_delta() -> None:
    answer = at_once(json.dumps(WHOLE).encode(), "Content-Type: application/json; charset=utf-8")
    async with model_server(answer) as server, model_at(server.url) as model:
        assert await told(model) == ["Hi.", Finish("stop", 12, 3)]


JSON = "Content-Type: application/json"
HTML = b"<!doctype html><title>Sign in</title>"

NO_STREAM = {
    "HTML": (HTML, "Content-Type: text/html", Unavailable, "not_a_stream"),
    "HTML under another name": (HTML, EVENTS, Unavailable, "no_finish"),
    "text": (b"ok", "Content-Type: text/plain", Unavailable, "not_a_stream"),
    "no body and no type": (b"", "X-Nothing: 1", Unavailable, "no_finish"),
    "JSON of another shape": (b'{"detail": "x"}', JSON, Unavailable, "no_finish"),
    "JSON error": (
        json.dumps({"error": OVERLOADED}).encode(),
        JSON,
        Unavailable,
        "overloaded_error",
    ),
    "JSON that is broken": (b'{"choices": [', JSON, Unavailable, "bad_event"),
    "JSON that is empty": (b"", JSON, Unavailable, "bad_event"),
    "JSON that is too large": (b" " * (MAX_EVENT_BYTES + 1), JSON, Unavailable, "too_large"),
}


@pytest.mark.parametrize(("body", "line", "kind", "code"), NO_STREAM.values(), ids=NO_STREAM.keys())
async def test_what_is_no_stream_is_no_answer(
    body: bytes, line: str, kind: type[RivuletError], code: str
) -> None:
    async with model_server(at_once(body, line)) as server, model_at(server.url) as model:
        text, error = await told_until_error(model)
    assert (text, type(error), error.code) == ("", kind, code)


async def test_what_is_no_stream_is_not_read_to_its_end() -> None:
    left = asyncio.Event()

    async def page_without_end(_: Asked, wire: Wire) -> None:
        await wire.head("Content-Type: text/html")
        await wire.body(HTML)
        await wire.left()
        left.set()

    async with model_server(page_without_end) as server, model_at(server.url) as model:
        assert (await told_until_error(model))[1].code == "not_a_stream"
        async with asyncio.timeout(30):
            await left.wait()


async def test_a_stream_that_is_compressed_all_the_same_is_read() -> None:
    body = gzip.compress(delta("Hi.") + STOP + DONE)
    answer = at_once(body, EVENTS, "Content-Encoding: gzip")
    async with model_server(answer) as server, model_at(server.url) as model:
        assert said(await told(model)) == ("Hi.", Finish("stop"))
        assert "accept-encoding: identity" in [line.lower() for line in server.asked[0].head]


async def test_what_is_not_gzip_though_it_says_so_is_no_answer() -> None:
    answer = at_once(delta("Hi.") + STOP, EVENTS, "Content-Encoding: gzip")
    async with model_server(answer) as server, model_at(server.url) as model:
        assert (await told_until_error(model))[1].code == "cut"


async def test_the_request_is_what_the_settings_say() -> None:
    async with model_server(in_pieces(delta("Hi."), STOP, DONE)) as server:
        async with model_at(server.url) as model:
            await told(model)
        asked = server.asked[0]
    assert asked.head[0] == "POST /v1/chat/completions HTTP/1.1"
    assert f"authorization: bearer {KEY}" in [line.lower() for line in asked.head]
    assert asked.body == {
        "model": "tea-1",
        "messages": [
            {"role": "system", "content": "You sell tea."},
            {"role": "user", "content": "Where is my parcel?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def error_body(code: object = None, kind: str = "x", message: str = f"{KEY} Where is") -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "code": code}}).encode()


ANSWERS = {
    "wrong key": (401, error_body("invalid_api_key"), Refused, "invalid_api_key"),
    "forbidden": (403, error_body(), Refused, "forbidden"),
    "no such model": (404, error_body("model_not_found"), Refused, "model_not_found"),
    "no such path": (404, HTML, Refused, "not_found"),
    "Azure's words": (404, error_body("DeploymentNotFound"), Refused, "deploymentnotfound"),
    "bad request": (
        400,
        error_body(kind="invalid_request_error"),
        Refused,
        "invalid_request_error",
    ),
    "too long a prompt": (
        400,
        error_body("context_length_exceeded"),
        Refused,
        "context_length_exceeded",
    ),
    "a word that may be anything": (400, error_body(KEY, KEY), Refused, "bad_request"),
    "unprocessable": (422, b'{"detail": "x"}', Refused, "unprocessable"),
    "too large": (413, HTML, Refused, "request_too_large"),
    "redirect": (307, b"", Refused, "http_307"),
    "teapot": (418, b"", Refused, "http_418"),
    "no money": (402, b"", Unavailable, "payment_required"),
    "request timeout": (408, b"", Unavailable, "http_408"),
    "throttled": (429, error_body(), Unavailable, "throttled"),
    "no quota": (429, error_body("insufficient_quota"), Unavailable, "insufficient_quota"),
    "server error": (500, error_body(kind="server_error"), Unavailable, "server_error"),
    "server error, HTML": (502, HTML, Unavailable, "http_502"),
    "error that is a list": (503, b"[1]", Unavailable, "http_503"),
    "error that is text": (503, b'{"error": "busy"}', Unavailable, "http_503"),
    "error that is not UTF-8": (503, b"\xff\xfe", Unavailable, "http_503"),
}


@pytest.mark.parametrize(("status", "body", "kind", "code"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_an_error_answer_is_in_our_words_and_asked_for_once(
    status: int, body: bytes, kind: type[RivuletError], code: str
) -> None:
    answer = at_once(body, JSON, "Location: http://127.0.0.1:9/", status=f"{status} No")
    async with model_server(answer) as server, model_at(server.url) as model:
        text, error = await told_until_error(model)
        assert len(server.asked) == 1
    assert (text, type(error), error.code) == ("", kind, code)
    shown = "".join(traceback.format_exception(error))
    assert KEY not in shown
    assert "Where is" not in shown


@pytest.mark.parametrize(("status", "scope"), [(400, "call"), (422, "call"), (401, "model")])
async def test_a_refusal_of_one_prompt_does_not_hold_back_the_next(status: int, scope: str) -> None:
    answer = at_once(error_body(), JSON, status=f"{status} No")
    async with model_server(answer) as server, model_at(server.url) as model:
        assert (await told_until_error(model))[1].scope == scope


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


RETRY_AFTER = {
    "seconds": ("300", 300.0),
    "parts of a second": ("0.5", 0.5),
    "a date": (in_an_hour(), 3600.0),
    "a date gone by": ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    "below zero": ("-5", 0.0),
    "for ever": ("1e300", 86_400.0),
    "not a number": ("nan", None),
    "words": ("soon", None),
    "a date without a zone": ("Wed, 21 Oct 2015 07:28:00 -0000", None),
}


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Busy"])
@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER.values(), ids=RETRY_AFTER.keys())
async def test_retry_after_is_handed_on(status: str, value: str, seconds: float | None) -> None:
    answer = at_once(b"", f"Retry-After: {value}", status=status)
    async with model_server(answer) as server, model_at(server.url) as model:
        _, error = await told_until_error(model)
    assert isinstance(error, Unavailable)
    if seconds is None:
        assert error.retry_after is None
    else:
        assert error.retry_after is not None
        assert error.retry_after.total_seconds() == pytest.approx(seconds, rel=0.25, abs=1)


async def test_an_error_body_without_end_is_not_read_to_its_end() -> None:
    async def endless(_: Asked, wire: Wire) -> None:
        await wire.head(JSON, status="500 Oops")
        while True:
            await wire.body(b"x" * 60_000)

    async with model_server(endless) as server, model_at(server.url) as model:
        assert (await told_until_error(model))[1].code == "http_500"


REFUSALS_OF_USAGE = {
    "Mistral": ("422 Unprocessable", {"detail": [{"loc": ["body", "stream_options"]}]}),
    "OpenAI's words": ("400 Bad Request", {"error": {"param": "stream_options", "message": "x"}}),
    "in the message": ("400 Bad Request", {"error": {"message": "Unknown stream_options"}}),
}


@pytest.mark.parametrize(
    ("status", "body"), REFUSALS_OF_USAGE.values(), ids=REFUSALS_OF_USAGE.keys()
)
async def test_a_server_that_refuses_stream_options_is_not_sent_them_again(
    status: str, body: object
) -> None:
    async def answer(asked: Asked, wire: Wire) -> None:
        if "stream_options" in asked.body:
            await wire.whole(json.dumps(body).encode(), JSON, status=status)
        else:
            await wire.stream(delta("Hi."), STOP, DONE)

    async with model_server(answer) as server, model_at(server.url) as model:
        assert said(await told(model)) == ("Hi.", Finish("stop"))
        assert said(await told(model)) == ("Hi.", Finish("stop"))
        assert ["stream_options" in asked.body for asked in server.asked] == [True, False, False]


async def test_an_answer_is_cut_at_its_largest_size() -> None:
    long = delta("a" * 30_000)
    async with model_server(in_pieces(*[long] * 10)) as server, model_at(server.url) as model:
        text, finish = said(await told(model))
    assert (len(text), finish) == (MAX_TEXT_CHARS, Finish("length"))


async def test_a_delta_comes_before_the_next_is_written() -> None:
    read = asyncio.Event()

    async def answer(_: Asked, wire: Wire) -> None:
        await wire.head(EVENTS)
        await wire.body(delta("Hi. "))
        await read.wait()
        await wire.body(delta("Bye.") + STOP + DONE)
        await wire.end()

    async with (
        model_server(answer) as server,
        model_at(server.url) as model,
        aclosing(model.stream(PROMPT)) as stream,
    ):
        assert await anext(stream) == "Hi. "
        read.set()
        assert [item async for item in stream] == ["Bye.", Finish("stop")]


async def ping(wire: Wire) -> None:
    while True:
        await wire.body(b": ping\n\n" + delta({"role": "assistant", "content": ""}))
        await asyncio.sleep(0.01)


async def pings_only(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    await ping(wire)


async def pings_after_text(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    await wire.body(delta("Hi."))
    await ping(wire)


async def text_without_end(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    while True:
        await wire.body(delta("Hi. "))
        await asyncio.sleep(0.01)


async def reasoning_without_end(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    while True:
        await wire.body(delta({"reasoning_content": "hm"}))
        await asyncio.sleep(0.01)


async def no_head(_: Asked, wire: Wire) -> None:
    await wire.left()


async def error_without_end(_: Asked, wire: Wire) -> None:
    await wire.head(JSON, status="500 Oops")
    await wire.left()


async def text_that_stops(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    for _turn in range(3):
        await wire.body(delta("Hi."))
        await asyncio.sleep(0.05)
    await wire.left()


SILENCES = {
    "no answer at all": (no_head, "first_token"),
    "an error that does not end": (error_without_end, "first_token"),
    "only pings": (pings_only, "first_token"),
    "pings after text": (pings_after_text, "idle"),
    "silence after a while": (text_that_stops, "idle"),
    "text without end": (text_without_end, "total"),
    "reasoning without end": (reasoning_without_end, "total"),
    "no answer at all, in total": (no_head, "total"),
}


@pytest.mark.parametrize(("answer", "code"), SILENCES.values(), ids=SILENCES.keys())
async def test_each_silence_has_an_end(answer: Script, code: str) -> None:
    first_token, idle, total = (
        SOON if code == it else FAR for it in ("first_token", "idle", "total")
    )
    async with (
        model_server(answer) as server,
        model_at(server.url, first_token=first_token, idle=idle, total=total) as model,
    ):
        async with asyncio.timeout(30):
            _, error = await told_until_error(model)
    assert (type(error), error.code) == (Unavailable, code)


async def test_reasoning_is_a_sign_of_life() -> None:
    async def answer(_: Asked, wire: Wire) -> None:
        await wire.head(EVENTS)
        for _turn in range(20):
            await wire.body(delta({"reasoning_content": "hm"}))
            await asyncio.sleep(0.05)
        await wire.body(delta("Hi.") + STOP + DONE)
        await wire.end()

    limit = timedelta(seconds=0.6)
    async with (
        model_server(answer) as server,
        model_at(server.url, first_token=limit, idle=limit) as model,
    ):
        assert said(await told(model)) == ("Hi.", Finish("stop"))


async def test_the_callers_own_time_is_not_the_servers() -> None:
    go_on = asyncio.Event()

    async def slow(_: Asked, wire: Wire) -> None:
        await wire.head(EVENTS)
        await wire.body(delta("Hi. "))
        await go_on.wait()
        await wire.body(delta("Bye.") + STOP + DONE)
        await wire.end()

    limit = timedelta(seconds=0.5)
    async with (
        model_server(slow) as server,
        model_at(server.url, first_token=limit, idle=limit, total=limit) as model,
        aclosing(model.stream(PROMPT)) as stream,
    ):
        assert await anext(stream) == "Hi. "
        go_on.set()
        await asyncio.sleep(0.7)  # longer than all three limits, in the caller's hands
        assert [item async for item in stream] == ["Bye.", Finish("stop")]


@pytest.mark.parametrize(
    "last", [[STOP], [STOP, DONE], [STOP, USAGE]], ids=["finish reason", "[DONE]", "usage"]
)
async def test_a_body_that_stays_open_after_the_finish_reason_does_not_hold_us(
    last: list[bytes],
) -> None:
    async def answer(_: Asked, wire: Wire) -> None:
        await wire.head(EVENTS)
        await wire.body(delta("Hi."))
        for piece in last:
            await wire.body(piece)
        await wire.left()

    async with model_server(answer) as server, model_at(server.url) as model:
        async with asyncio.timeout(30):
            assert said(await told(model))[0] == "Hi."


async def test_pings_after_the_finish_reason_do_not_hold_us() -> None:
    async def answer(_: Asked, wire: Wire) -> None:
        await wire.head(EVENTS)
        await wire.body(delta("Hi.") + STOP)
        await ping(wire)

    async with model_server(answer) as server, model_at(server.url) as model:
        async with asyncio.timeout(30):
            assert said(await told(model)) == ("Hi.", Finish("stop"))


async def reset(_: Asked, wire: Wire) -> None:
    wire.abort()


async def shut(_: Asked, wire: Wire) -> None:
    wire.shut()


async def cut_by_reset(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    await wire.body(delta("Hi."))
    wire.abort()


async def cut_inside_the_body(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    await wire.body(delta("Hi."))
    await wire.raw(b"ff\r\ndata: ")
    wire.shut()


async def cut_after_the_finish_reason(_: Asked, wire: Wire) -> None:
    await wire.head(EVENTS)
    await wire.body(delta("Hi.") + STOP)
    wire.shut()


async def no_http(_: Asked, wire: Wire) -> None:
    await wire.raw(b"+PONG\r\n")
    wire.shut()


@pytest.mark.parametrize("answer", [cut_by_reset, cut_inside_the_body])
async def test_a_connection_cut_in_mid_stream_is_not_tried_again(answer: Script) -> None:
    async with model_server(answer) as server, model_at(server.url) as model:
        _, error = await told_until_error(model)
        assert len(server.asked) == 1
    assert (type(error), error.code) == (Unavailable, "cut")


async def test_a_connection_cut_after_the_finish_reason_does_not_matter() -> None:
    async with (
        model_server(cut_after_the_finish_reason) as server,
        model_at(server.url) as model,
    ):
        assert said(await told(model)) == ("Hi.", Finish("stop"))


@pytest.mark.parametrize("answer", [reset, shut, no_http])
async def test_a_connection_lost_before_the_answer_is_tried_once_more(answer: Script) -> None:
    well = in_pieces(delta("Hi."), STOP, DONE)
    async with model_server(answer, well) as server, model_at(server.url) as model:
        assert said(await told(model)) == ("Hi.", Finish("stop"))
        assert len(server.asked) == 2


async def test_a_connection_lost_twice_is_not_tried_a_third_time() -> None:
    async with model_server(reset) as server, model_at(server.url) as model:
        _, error = await told_until_error(model)
        assert len(server.asked) == 2
    assert (type(error), error.code, error.scope) == (Unavailable, "unreachable", "model")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with model_server(shut) as server:
        url = server.url
    async with model_at(url) as model:
        _, error = await told_until_error(model)
    assert (type(error), error.code) == (Unavailable, "unreachable")


async def test_a_kept_connection_that_the_server_closes_costs_no_answer() -> None:
    async def closing(_: Asked, wire: Wire) -> None:
        await wire.stream(delta("Hi."), STOP, DONE)
        wire.shut()

    async with model_server(closing) as server, model_at(server.url) as model:
        for _ in range(30):
            assert said(await told(model)) == ("Hi.", Finish("stop"))


async def test_a_connection_is_used_again() -> None:
    well = in_pieces(delta("Hi."), STOP, DONE)
    async with model_server(well) as server, model_at(server.url) as model:
        for _ in range(3):
            await told(model)
        assert (len(server.asked), server.connections) == (3, 1)


async def test_a_proxy_that_the_environment_names_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    well = in_pieces(delta("Hello, "), delta("you."), STOP, DONE)
    async with model_server(well) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        async with model_at("http://model.example/v1") as model:
            assert said(await told(model)) == ("Hello, you.", Finish("stop"))
        assert proxy.asked[0].head[0].startswith("POST http://model.example/v1/chat/completions ")


@pytest.mark.parametrize("key", ["sk-line\nbreak", "sk-ключ"])
async def test_a_key_that_no_header_can_hold_is_refused_without_being_told(key: str) -> None:
    async with model_server(no_head) as server, model_at(server.url, key=key) as model:
        _, error = await told_until_error(model)
    assert (type(error), error.code) == (Refused, "unsendable")
    assert "sk-" not in "".join(traceback.format_exception(error))


async def test_leaving_early_ends_the_request() -> None:
    left = asyncio.Event()

    async def answer(_: Asked, wire: Wire) -> None:
        await wire.head(EVENTS)
        await wire.body(delta("Hi."))
        await wire.left()
        left.set()

    async with model_server(answer) as server, model_at(server.url) as model:
        async with aclosing(model.stream(PROMPT)) as stream:
            assert await anext(stream) == "Hi."
        async with asyncio.timeout(30):
            await left.wait()
    gc.collect()  # what is not closed would warn here, and warnings are errors


@pytest.mark.parametrize("answer", [no_head, pings_only], ids=["before the head", "in the stream"])
async def test_a_cancelled_turn_ends_its_request(answer: Script) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def watched(request: Asked, wire: Wire) -> None:
        asked.set()
        writing = asyncio.ensure_future(answer(request, wire))
        await wire.left()
        left.set()
        writing.cancel()

    async with model_server(watched) as server, model_at(server.url) as model:
        turn = asyncio.ensure_future(told(model))
        await asked.wait()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        async with asyncio.timeout(30):
            await left.wait()


async def test_a_stream_that_nobody_reads_asks_nothing() -> None:
    async with model_server(no_head) as server, model_at(server.url) as model:
        async with aclosing(model.stream(PROMPT)):
            pass
        assert server.asked == []


async def test_hundreds_of_streams_share_the_client() -> None:
    everybody, count = asyncio.Event(), 0

    async def answer(_: Asked, wire: Wire) -> None:
        nonlocal count
        await wire.head(EVENTS)
        await wire.body(delta("Hi. "))
        count += 1
        if count == 300:
            everybody.set()
        await everybody.wait()
        await wire.body(delta("Bye.") + STOP + DONE)
        await wire.end()

    async with model_server(answer) as server, model_at(server.url) as model:
        answers = await asyncio.gather(*(told(model) for _ in range(300)))
    assert [said(answer)[0] for answer in answers] == ["Hi. Bye."] * 300


async def test_nothing_personal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answer = at_once(error_body("invalid_api_key"), JSON, status="401 Unauthorized")
    async with model_server(answer) as server, model_at(server.url) as model:
        await told_until_error(model)
    assert KEY not in caplog.text
    assert "parcel" not in caplog.text
