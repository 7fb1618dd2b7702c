"""The job of a turn: what a run that could not end asks of RQ."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Retry

from app.pipeline.ports import Store
from tests.fakes import World
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


@pytest.mark.parametrize("error", [RedisConnectionError(), RedisTimeoutError()], ids=repr)
async def test_a_redis_that_is_away_costs_a_turn_no_try(error: Exception) -> None:
    worker = cast(AsyncWorker, type("Worker", (), {})())
    _opened[worker] = replace(World().services, store=cast(Store, AbsentStore(error)))
    current_worker.set(worker)
    current_job.set(cast(Any, SimpleNamespace(id="a" * 32, retries_left=0)))
    again = await reply("a conversation")
    assert isinstance(again, Retry)
    assert (again.max, again.intervals) == (MOST_PARKINGS, [LOST_SECONDS])
