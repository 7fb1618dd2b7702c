"""The job of a turn: what a run that could not end asks of RQ."""

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Retry
from structlog.testing import capture_logs

from app import metrics
from app.errors import Deadly, Unavailable
from app.pipeline.ports import ReplyServices, Store
from app.pipeline.reply import MOST_DEATHS
from tests.fakes import World, said
from workers.async_worker import AsyncWorker, current_job, current_worker
from workers.jobs import LOST_SECONDS, MOST_PARKINGS, reply
from workers.services import _opened


class AbsentStore:
    """A store whose Redis is away."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @asynccontextmanager
    async def turn(self, conversation: str, turn_id: str) -> AsyncIterator[None]:
        raise self._error
        yield


def begin_job_with(store: AbsentStore, *, retries_left: int) -> None:
    services = replace(World().services, store=cast(Store, store))
    begin_job(services, "a" * 32, retries_left=retries_left)


def begin_job(services: ReplyServices, turn_id: str, *, retries_left: int) -> SimpleNamespace:
    """As if RQ had given this turn to a worker with these services; its job."""
    worker = cast(AsyncWorker, type("Worker", (), {})())
    _opened[worker] = services
    current_worker.set(worker)
    job = SimpleNamespace(id=turn_id, retries_left=retries_left)
    current_job.set(cast(Any, job))
    return job


@pytest.mark.parametrize("error", [RedisConnectionError(), RedisTimeoutError()], ids=repr)
async def test_a_redis_that_is_away_costs_a_turn_no_try(error: Exception) -> None:
    begin_job_with(AbsentStore(error), retries_left=0)
    again = await reply("a conversation")
    assert isinstance(again, Retry)
    assert (again.max, again.intervals) == (MOST_PARKINGS, [LOST_SECONDS])


def failing_on(text: str) -> Exception:
    try:
        raise KeyError(text)
    except KeyError as exc:
        error = ValueError(f"cannot read {text}")
        error.__cause__ = exc
        return error


@pytest.mark.parametrize("retries_left", [1, 0], ids=["tried again", "given up"])
async def test_what_rq_writes_of_an_unforeseen_error_quotes_nothing(retries_left: int) -> None:
    begin_job_with(AbsentStore(failing_on("pineapple")), retries_left=retries_left)
    with pytest.raises(Exception, match="ValueError") as caught, capture_logs() as logs:
        await reply("a conversation")
    written = "".join(traceback.format_exception(caught.value))
    assert "in turn" in written  # where it happened
    assert "pineapple" not in written
    assert [(line["event"], line["error"]) for line in logs] == [("turn.failed", "ValueError")]


async def test_what_is_known_to_be_safe_is_told_in_full() -> None:
    begin_job_with(AbsentStore(Unavailable("Redis: TimeoutError")), retries_left=1)
    with pytest.raises(Unavailable, match="TimeoutError"):
        await reply("a conversation")


@pytest.mark.parametrize(
    ("deaths", "texts"), [(MOST_DEATHS + 1, 1), (MOST_DEATHS + 2, 0)], ids=["it", "its apology"]
)
async def test_a_turn_that_kills_its_workers_is_given_up_whatever_its_tries(
    deaths: int, texts: int
) -> None:
    world = World()
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]
    world.store.records[turn_id]["deaths"] = str(deaths)
    job = begin_job(world.services, turn_id, retries_left=3)
    with pytest.raises(Deadly):
        await reply(conversation)
    assert job.retries_left == 0
    assert len(world.channel.texts) == texts
    assert (await world.store.gauges())[metrics.GIVEN_UP] == 1
    job.retries_left = 3  # somebody has mended it, and queues it again
    assert await reply(conversation) == "answered"


async def test_a_turn_that_cannot_be_given_up_now_is_parked() -> None:
    world = World()
    await world.store.take_in([said("Open?")])
    turn_id, conversation = world.store.queue[0]

    def hold(_: int) -> None:
        world.store.hold("token", "another", timedelta(seconds=60), 1)
        raise ValueError("unforeseen")

    world.model.before_delta = hold
    begin_job(world.services, turn_id, retries_left=0)
    again = await reply(conversation)
    assert isinstance(again, Retry)
    assert again.intervals == [60]
