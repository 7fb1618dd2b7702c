"""The scripted model, as the OpenAI SDK and a plain client see it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import openai
import pytest

from app.simulator.knobs import Knobs
from app.simulator.meta import create_meta
from app.simulator.model import create_model
from app.simulator.scripted import Pace
from app.simulator.serve import serving
from app.simulator.world import MetaSettings
from tests.simulator.business import NO_TLS, SECRET, TOKEN, WORD, Told, running_meta

FAST = Pace(tokens_per_second=0, first_token_seconds=0)
RETURN = "How do I return an order?"


@dataclass
class Model:
    """A running model."""

    url: str
    http: httpx2.AsyncClient

    async def lines(self, said: str = RETURN, **more: object) -> list[str]:
        """The lines of one stream that are not empty."""
        path = "/v1/chat/completions"
        async with self.http.stream("POST", path, json=asked(said, **more)) as answer:
            return [line async for line in answer.aiter_lines() if line]

    async def break_by(self, stream: str, **more: object) -> None:
        wish = {"stream": stream, **more}
        assert (await self.http.post("/simulator/faults", json=wish)).status_code == 201


def asked(said: str = RETURN, **more: object) -> Told:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": said}]
    return {"model": "any", "stream": True, "messages": messages, **more}


def text_in(lines: list[str]) -> str:
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


@asynccontextmanager
async def running_model(
    pace: Pace | None = None, events_url: str | None = None
) -> AsyncIterator[Model]:
    async with serving(create_model(pace or FAST, events_url=events_url)) as url:
        async with httpx2.AsyncClient(
            base_url=url, trust_env=False, verify=NO_TLS, timeout=30
        ) as http:
            yield Model(url, http)


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    async with running_model(Pace(tokens_per_second=0, first_token_seconds=0)) as running:
        yield running


async def test_the_openai_sdk_reads_the_stream(model: Model) -> None:
    async with openai.AsyncOpenAI(base_url=f"{model.url}/v1", api_key="any") as client:
        stream = await client.chat.completions.create(
            model="any",
            stream=True,
            stream_options={"include_usage": True},
            messages=[{"role": "user", "content": RETURN}],
        )
        chunks = [chunk async for chunk in stream]
        models = [one.id async for one in client.models.list()]
        whole = await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": RETURN}]
        )
    assert chunks[0].choices[0].delta.role == "assistant"
    deltas = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    text = "".join(delta for delta in deltas if delta)
    assert text.startswith("Of course, a return is no trouble at all.")
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    usage = chunks[-1].usage
    assert chunks[-1].choices == []
    assert usage is not None
    assert usage.completion_tokens == len([delta for delta in deltas if delta])
    assert models == ["saltmarsh-1"]


async def test_the_same_question_has_the_same_deltas(model: Model) -> None:
    first, second = await model.lines(), await model.lines()
    assert [line.partition(',"object"')[2] for line in first] == [
        line.partition(',"object"')[2] for line in second
    ]
    assert first[-1] == "data: [DONE]"
    assert not any('"usage"' in line for line in first)


async def test_it_writes_at_its_pace() -> None:
    answer = "word " * 50
    async with running_model(Pace(100, 0.2, answer=answer)) as model:
        async with model.http.stream("POST", "/v1/chat/completions", json=asked()) as reply:
            pieces = [piece async for piece in reply.aiter_raw()]
    # 50 deltas at 100 in a second: they cannot have come in a few writes, nor at once.
    assert len(pieces) > 10
    assert reply.elapsed.total_seconds() > 0.5


async def test_its_pace_can_be_changed_and_its_words_given(model: Model) -> None:
    await model.http.post("/simulator/model", json={"answer": "Short.", "tokens_per_second": 900})
    assert text_in(await model.lines()) == "Short."
    shown = (await model.http.get("/simulator/model")).json()
    assert (shown["answer"], shown["tokens_per_second"], shown["calls"]) == ("Short.", 900, 1)
    bad = await model.http.post("/simulator/model", json={"tokens_per_second": -1})
    assert bad.status_code == 400


async def test_a_key_can_be_asked_for() -> None:
    async with running_model(Pace(0, 0, api_key="right")) as model:
        refused = await model.http.post("/v1/chat/completions", json=asked())
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
        headers = {"authorization": "Bearer right"}
        taken = await model.http.post("/v1/chat/completions", json=asked(), headers=headers)
        assert taken.status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"messages":[]}', b'{"messages":[1]}'])
async def test_a_request_that_is_none_is_a_400(model: Model, body: bytes) -> None:
    answer = await model.http.post("/v1/chat/completions", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request_error")


async def test_a_stream_can_be_cut(model: Model) -> None:
    await model.break_by("cut", after_deltas=7)
    with pytest.raises(httpx2.RemoteProtocolError):
        await model.lines()
    assert (await model.lines())[-1] == "data: [DONE]"


@pytest.mark.parametrize(
    ("stream", "last"),
    [
        pytest.param("error_event", "server_error", id="an error event"),
        pytest.param("bad_event", "overloaded", id="an error event of another kind"),
        pytest.param("broken_json", "conte", id="broken JSON"),
        pytest.param("no_finish", "delta", id="a clean end without an end"),
    ],
)
async def test_a_stream_can_end_badly(model: Model, stream: str, last: str) -> None:
    await model.break_by(stream, after_deltas=3)
    lines = await model.lines()
    assert last in lines[-1]
    assert len([line for line in lines if '"finish_reason":null' in line]) == 3
    assert not any("[DONE]" in line or '"stop"' in line for line in lines)


@pytest.mark.parametrize(
    ("stream", "kind", "begin"),
    [
        pytest.param("html", "text/html", "<!doctype html>", id="a page"),
        pytest.param("whole_json", "application/json", '{"id"', id="a whole answer"),
        pytest.param("empty", "text/event-stream", "", id="nothing"),
    ],
)
async def test_a_200_can_hold_something_else(
    model: Model, stream: str, kind: str, begin: str
) -> None:
    await model.break_by(stream)
    answer = await model.http.post("/v1/chat/completions", json=asked())
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.text.startswith(begin)
    assert bool(answer.text) == bool(begin)


@pytest.mark.parametrize(("stream", "pings"), [("silence", True), ("stall", False)])
async def test_a_stream_can_fall_silent_and_go_on(model: Model, stream: str, pings: bool) -> None:
    await model.break_by(stream, after_deltas=2, silence_seconds=0.05)
    lines = await model.lines()
    assert (": ping" in lines) == pings
    assert lines[-1] == "data: [DONE]"
    assert text_in(lines) == text_in(await model.lines())


async def test_it_can_say_that_it_stopped_for_another_reason(model: Model) -> None:
    await model.http.post("/simulator/faults", json={"finish_reason": "length"})
    lines = await model.lines()
    assert '"finish_reason": "length"' in lines[-2]


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_exceeded"), (503, "server_error")])
async def test_it_can_refuse(model: Model, status: int, kind: str) -> None:
    wish = {"http": status, "retry_after": 3}
    await model.http.post("/simulator/model", json={"faults": [wish]})
    answer = await model.http.post("/v1/chat/completions", json=asked())
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "3")
    assert answer.json()["error"]["code"] == kind


async def test_it_can_be_slow_and_leave_the_client_waiting(model: Model) -> None:
    await model.http.post("/simulator/faults", json={"delay": 30})
    with pytest.raises(httpx2.ReadTimeout):
        await model.http.post("/v1/chat/completions", json=asked(), timeout=0.1)


async def test_a_fault_can_be_for_one_question_only(model: Model) -> None:
    await model.break_by("empty", match="order", times=None)
    assert await model.lines(RETURN) == []
    assert len(await model.lines("When do you open?")) > 10
    await model.http.delete("/simulator/faults")
    assert len(await model.lines(RETURN)) > 10


async def test_its_streams_are_told_with_the_person_they_are_for() -> None:
    async with running_meta() as meta:
        url = f"{meta.http.base_url}/simulator/model-events"
        async with running_model(events_url=url) as model:
            await meta.says("mei", RETURN)
            await meta.says("amelia", "Something else")
            lines = await model.lines(f"Earlier: hello\n{RETURN}")
            events = await meta.recorded("model", 3)
    assert [event["phase"] for event in events] == ["started", "first_delta", "ended"]
    assert {event["person"] for event in events} == {"mei"}
    ended = next(event for event in events if event["phase"] == "ended")
    assert ended["tokens"] == len([line for line in lines if '"finish_reason":null' in line])


async def test_faults_of_the_model_can_be_asked_of_meta() -> None:
    async with running_model() as model:
        settings = MetaSettings(SECRET, TOKEN, WORD, Knobs(), model_url=model.url)
        async with serving(create_meta(settings)) as url:
            async with httpx2.AsyncClient(base_url=url, trust_env=False, verify=NO_TLS) as http:
                wish = {"on": "model", "stream": "empty", "times": None}
                made = await http.post("/simulator/faults", json=wish)
                assert made.status_code == 201
                assert await model.lines() == []
                await http.delete(f"/simulator/faults/{made.json()['id']}")
                assert len(await model.lines()) > 10
                await http.post("/simulator/faults", json=wish)
                await http.delete("/simulator/faults")
                assert len(await model.lines()) > 10
