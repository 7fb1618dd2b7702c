"""A scripted model that looks like OpenAI's: it streams, and it fails when asked to."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator.answers import answer_to
from app.simulator.bodies import NOBODY, body_of
from app.simulator.connections import Cut, pause
from app.simulator.faults import BadFault, Fault
from app.simulator.scripted import Pace, Scripted
from app.simulator.streams import Script, Stream, as_completion

BODY_MOST = 3_000_000
MODEL_NAME = "saltmarsh-1"


def create_model(pace: Pace | None = None, *, events_url: str | None = None) -> Starlette:
    """The model as an app; its state is ``app.state.scripted``."""
    scripted = Scripted(pace or Pace(), events_url)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await scripted.close()

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/models", models),
            Route("/simulator/model", settings, methods=["GET", "POST"]),
            Route("/simulator/faults", faults, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/faults/{id}", fault, methods=["DELETE"]),
        ],
        lifespan=lifespan,
        exception_handlers=NOBODY,
    )
    app.state.scripted = scripted
    return app


async def completions(request: Request) -> Response:
    """``chat/completions``: a stream, or the whole answer at once."""
    scripted = _scripted(request)
    if not _allowed(request, scripted):
        return _error(401, "Incorrect API key provided.", "invalid_api_key")
    try:
        body = await _json_of(request)
        said = last_said(body)
    except ValueError as error:
        return _error(400, str(error), "invalid_request_error")
    scripted.calls += 1
    number = scripted.calls
    started_at = time.time()
    fault = scripted.faults.take("model", text=said)
    scripted.tell(phase="started", stream=number, said=said[-2000:], model_at=started_at)
    if fault is not None and (answer := await _refused(fault, request)) is not None:
        scripted.tell(phase="failed", stream=number, said=said[-2000:], model_at=time.time())
        return answer
    text = scripted.pace.answer if scripted.pace.answer is not None else answer_to(said)
    script = Script(number, str(body.get("model") or MODEL_NAME), text, _words_in(body))
    if not body.get("stream"):
        await asyncio.sleep(_whole_seconds(scripted.pace, script))
        return JSONResponse(as_completion(script))

    def told(phase: str, **more: object) -> None:
        scripted.tell(phase=phase, stream=number, said=said[-2000:], model_at=time.time(), **more)

    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    pace = scripted.pace
    return Stream(
        script, pace.first_token_seconds, pace.tokens_per_second, fault, usage=usage, told=told
    )


async def models(request: Request) -> Response:
    """The one model there is."""
    if not _allowed(request, _scripted(request)):
        return _error(401, "Incorrect API key provided.", "invalid_api_key")
    one = {"id": MODEL_NAME, "object": "model", "created": 1767225600, "owned_by": "simulator"}
    return JSONResponse({"object": "list", "data": [one]})


async def settings(request: Request) -> Response:
    """How the model writes; with POST, some of it otherwise, and ``faults`` to ask for."""
    scripted = _scripted(request)
    if request.method == "POST":
        try:
            body = await _json_of(request)
            wishes = body.pop("faults", [])
            scripted.pace.turn(body)
            for wish in wishes:
                scripted.faults.ask({"on": "model", **wish})
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({**scripted.pace.as_json(), "calls": scripted.calls})


async def faults(request: Request) -> Response:
    """All faults, one more, or none any more."""
    scripted = _scripted(request)
    if request.method == "DELETE":
        for one in list(scripted.faults):
            scripted.faults.forget(one.id)
        return Response(status_code=204)
    if request.method == "POST":
        try:
            made = scripted.faults.ask({"on": "model", **await _json_of(request)})
        except (BadFault, ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(made.as_json(), 201)
    return JSONResponse([one.as_json() for one in scripted.faults])


async def fault(request: Request) -> Response:
    """Take one fault back."""
    gone = _scripted(request).faults.forget(request.path_params["id"])
    return Response(status_code=204 if gone else 404)


def last_said(body: Mapping[str, Any]) -> str:
    """The text of the prompt's last user message.

    Raises:
        ValueError: There are no messages, or not in OpenAI's shape.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages: at least one is needed")
    for message in reversed(messages):
        if not isinstance(message, dict):
            raise ValueError("messages: not an object")
        if message.get("role") == "user":
            return _text_of(message.get("content"))
    return ""


def _text_of(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


async def _refused(fault: Fault, request: Request) -> Response | None:
    if fault.delay:
        await pause(request.scope, request.receive, fault.delay)
    if fault.reset or fault.lose_answer:
        return Cut(reset=fault.reset)
    if fault.http is None:
        return None
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    if fault.body:
        return Response(fault.body, fault.http, headers, "text/html")
    kind = "rate_limit_exceeded" if fault.http == 429 else "server_error"
    return _error(fault.http, "The model cannot answer now.", kind, headers)


def _words_in(body: Mapping[str, Any]) -> int:
    return sum(len(str(message.get("content", ""))) for message in body["messages"]) // 4


def _whole_seconds(pace: Pace, script: Script) -> float:
    rate = pace.tokens_per_second
    return pace.first_token_seconds + (script.tokens / rate if rate else 0.0)


def _scripted(request: Request) -> Scripted:
    scripted = request.app.state.scripted
    assert isinstance(scripted, Scripted)  # noqa: S101 for the types
    return scripted


def _allowed(request: Request, scripted: Scripted) -> bool:
    key = scripted.pace.api_key
    return key is None or request.headers.get("authorization") == f"Bearer {key}"


def _error(
    status: int, message: str, code: str, headers: Mapping[str, str] | None = None
) -> Response:
    error = {"message": message, "type": code, "param": None, "code": code}
    return JSONResponse({"error": error}, status, headers)


async def _json_of(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await body_of(request, BODY_MOST))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")
    return body
