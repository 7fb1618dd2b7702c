"""The POST that tells operators of a call for a human, and what may go wrong with it."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from app.adapters.operators import SIGNATURE_HEADER, OperatorsWebhook
from app.errors import Unavailable
from app.pipeline.ports import HumanCall, Operators
from app.simulator.serve import serving
from tests.fakes import NOW, World
from tests.ports import free_port
from workers.async_worker import AsyncWorker, current_job, current_worker
from workers.jobs import tell_operators
from workers.services import _opened

SECRET = "the operators' secret"
CALL = HumanCall("c" * 32, "a" * 32, "asked", NOW, NOW + timedelta(hours=12))


@dataclass
class Desk:
    """The operators' end: what came, and what it answers."""

    answer: Response = field(default_factory=Response)
    slow: bool = False
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        self.headers.append(dict(request.headers))
        if self.slow:
            await asyncio.sleep(60)
        return self.answer


@asynccontextmanager
async def telling(desk: Desk, *, secret: str = SECRET) -> AsyncIterator[OperatorsWebhook]:
    app = Starlette(routes=[Route("/{path:path}", desk.take, methods=["GET", "POST"])])
    async with serving(app) as url:
        webhook = OperatorsWebhook(
            url=SecretStr(f"{url}/hook?key=pineapple"),
            secret=SecretStr(secret),
            timeout=timedelta(seconds=5 if not desk.slow else 0.3),
        )
        yield webhook
        await webhook.close()


async def test_a_call_is_one_signed_post_without_a_word_of_the_person() -> None:
    desk = Desk()
    async with telling(desk) as operators:
        await operators.tell(CALL)
    (body,), (headers,) = desk.bodies, desk.headers
    assert orjson.loads(body) == {
        "event": "handoff",
        "call": "c" * 32,
        "conversation": "a" * 32,
        "reason": "asked",
        "since": "2026-11-20T12:00:00+00:00",
        "until": "2026-11-21T00:00:00+00:00",
    }
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE_HEADER.lower()] == f"sha256={signature}"


async def test_without_a_secret_nothing_is_signed() -> None:
    desk = Desk()
    async with telling(desk, secret="") as operators:
        await operators.tell(CALL)
    assert SIGNATURE_HEADER.lower() not in desk.headers[0]


@pytest.mark.parametrize(
    "desk",
    [
        pytest.param(Desk(Response(status_code=500)), id="broken"),
        pytest.param(Desk(Response(status_code=404)), id="not there"),
        pytest.param(Desk(RedirectResponse("/elsewhere")), id="elsewhere"),
        pytest.param(Desk(slow=True), id="slow"),
    ],
)
async def test_who_does_not_take_it_is_told_later_and_the_error_names_no_address(
    desk: Desk,
) -> None:
    async with telling(desk) as operators:
        with pytest.raises(Unavailable) as caught:
            await operators.tell(CALL)
    assert len(desk.bodies) == 1
    assert "pineapple" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://[broken/", "https://x\x7f/"])
async def test_an_address_where_nobody_is_or_that_is_none_is_unavailable(url: str) -> None:
    webhook = OperatorsWebhook(url=SecretStr(url.format(port=free_port())), secret=SecretStr(""))
    with pytest.raises(Unavailable):
        await webhook.tell(CALL)
    await webhook.close()
    await webhook.close()


# -- the job -----------------------------------------------------------------------------------


def begin_job(operators: Operators | None) -> None:
    worker = cast(AsyncWorker, type("Worker", (), {})())
    world = World(operators=operators)
    _opened[worker] = world.services
    current_worker.set(worker)
    current_job.set(cast(Any, SimpleNamespace(id="c" * 32, retries_left=2)))


async def run_job() -> str:
    since = int(NOW.timestamp())
    return await tell_operators("a" * 32, "asked", since, since + 12 * 3600)


async def test_the_job_tells_them_under_its_own_id() -> None:
    desk = Desk()
    async with telling(desk) as operators:
        begin_job(operators)
        assert await run_job() == "told"
        assert await run_job() == "told"
    first, second = map(orjson.loads, desk.bodies)
    assert first == second
    assert first["call"] == "c" * 32


async def test_a_job_that_fails_is_left_to_rq() -> None:
    async with telling(Desk(Response(status_code=503))) as operators:
        begin_job(operators)
        with capture_logs() as logs, pytest.raises(Unavailable):
            await run_job()
    assert [(line["event"], line["retries_left"]) for line in logs] == [("handoff.not_told", 2)]


async def test_where_nobody_is_to_be_told_any_more_the_job_ends() -> None:
    begin_job(None)
    assert await run_job() == "nobody"
