"""The job that our script writes is the one RQ itself would have written."""

import importlib
import inspect
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job, JobStatus, Retry
from rq.serializers import JSONSerializer

from app.adapters import rq_queue
from app.adapters.redis_store import RedisStore
from app.adapters.rq_queue import CALL_JOB, QUEUE, REPLY_JOB, turn_jobs
from app.core.model import Echo
from app.errors import LeaseLost
from app.pipeline.ports import Closing
from tests.contracts.conftest import KEYS, open_store
from tests.fakes import NUMBER, said

CONVERSATION = KEYS.user(NUMBER, "US.1001")
HOUR = timedelta(hours=1)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    async with AsyncExitStack() as stack:
        yield open_store(redis_url, stack)


def queue_of(redis: Redis) -> Queue:
    return Queue(QUEUE, connection=redis, serializer=JSONSerializer)


async def test_rq_reads_the_job_of_a_turn(store: RedisStore, redis_url: str) -> None:
    await store.take_in([said("Hi")])
    with Redis.from_url(redis_url) as redis:
        (job_id,) = queue_of(redis).job_ids
        job = Job.fetch(job_id, connection=redis, serializer=JSONSerializer)
        assert job.func_name == REPLY_JOB
        assert job.args == [CONVERSATION]
        assert job.kwargs == {}
        assert job.origin == QUEUE
        assert job.get_status() == JobStatus.QUEUED
        assert job.timeout == rq_queue.TIMEOUT_SECONDS
        assert job.result_ttl == rq_queue.RESULT_SECONDS
        assert job.failure_ttl == rq_queue.FAILURE_SECONDS
        assert job.retries_left == len(rq_queue.RETRY_SECONDS)
        assert job.retry_intervals == list(rq_queue.RETRY_SECONDS)
        assert job.created_at is not None
        assert job.enqueued_at == job.created_at
        assert job.description == "conversation turn"
        assert queue_of(redis) in Queue.all(redis, serializer=JSONSerializer)


async def test_the_script_writes_what_enqueue_would_have_written(
    store: RedisStore, redis_url: str
) -> None:
    await store.take_in([said("Hi")])
    with Redis.from_url(redis_url) as redis:
        queue = queue_of(redis)
        (ours,) = queue.job_ids
        theirs = queue.enqueue(
            REPLY_JOB,
            args=(CONVERSATION,),
            job_timeout=rq_queue.TIMEOUT_SECONDS,
            result_ttl=rq_queue.RESULT_SECONDS,
            failure_ttl=rq_queue.FAILURE_SECONDS,
            description="conversation turn",
            retry=Retry(max=3, interval=list(rq_queue.RETRY_SECONDS)),
        ).id
        written, wanted = redis.hgetall(f"rq:job:{ours}"), redis.hgetall(f"rq:job:{theirs}")
    times = {b"created_at", b"enqueued_at"}
    # RQ compresses; it reads both.
    wanted[b"data"] = zlib.decompress(wanted[b"data"])
    # RQ writes fields that it has nothing to say in, too; it reads a missing one the same way.
    said_something = {name: value for name, value in wanted.items() if value not in (b"", b"0")}
    assert written.keys() >= said_something.keys()
    assert {name: written[name] for name in written.keys() - times} == {
        name: wanted[name] for name in written.keys() - times
    }
    for name in times:  # 2026-11-20T12:00:00.000000Z
        assert len(written[name]) == len(wanted[name])
        assert written[name][-1:] == wanted[name][-1:]


async def test_nothing_of_the_person_is_in_the_job(store: RedisStore, redis_url: str) -> None:
    message = said("a pineapple", phone="15550190777", wamid="wamid.MARKED")
    await store.take_in([message])
    with Redis.from_url(redis_url) as redis:
        (job_id,) = queue_of(redis).job_ids
        job = repr(redis.hgetall(f"rq:job:{job_id}"))
    for personal in ("pineapple", "15550190777", "MARKED", "US.1001"):
        assert personal not in job


TAKES = {REPLY_JOB: [str], CALL_JOB: [str, str, int, int]}


def test_every_queued_name_is_a_coroutine_that_takes_what_the_scripts_write() -> None:
    names = [value for name, value in vars(rq_queue).items() if name.endswith("_JOB")]
    assert names == list(TAKES)
    for name in names:
        module, _, function = name.rpartition(".")
        assert module == "workers.jobs"
        job = getattr(importlib.import_module(module), function)
        assert inspect.iscoroutinefunction(job)
        parameters = inspect.signature(job).parameters.values()
        assert [parameter.annotation for parameter in parameters] == TAKES[name]


async def test_a_call_for_a_human_is_a_job_of_its_own(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        store = open_store(redis_url, stack, tells_operators=True)
        at = datetime.now(UTC).replace(microsecond=0)
        echo = Echo("wamid.E", NUMBER, "US.1", None, at, "Hello!", silent_until=at + HOUR)
        await store.take_in([echo, echo])
    with Redis.from_url(redis_url) as redis:
        (job_id,) = queue_of(redis).job_ids
        job = queue_of(redis).fetch_job(job_id)
        assert job is not None
        assert (job.func_name, job.retries_left) == (CALL_JOB, 4)
        conversation, reason, since, until = job.args
        assert (conversation, reason) == (KEYS.user(NUMBER, "US.1"), "colleague")
        assert at.timestamp() - 1 <= since <= at.timestamp() + 60
        assert until == (at + HOUR).timestamp()


async def test_a_turn_that_ends_in_a_call_for_a_human_queues_it_once(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        store = open_store(redis_url, stack, tells_operators=True)
        closing = Closing(pause="asked", until=datetime.now(UTC) + HOUR)
        await store.take_in([said("a human, please")])
        with Redis.from_url(redis_url) as redis:
            (turn_id,) = queue_of(redis).job_ids
            redis.delete(queue_of(redis).key)
            async with store.turn(CONVERSATION, turn_id) as hand:
                assert hand is not None
                await hand.finish("One moment.", ending="handed_over", closing=closing)
                with pytest.raises(LeaseLost):
                    await hand.finish("One moment.", ending="handed_over", closing=closing)
            (job,) = queue_of(redis).jobs
            assert (job.func_name, job.args[:2]) == (CALL_JOB, [CONVERSATION, "asked"])


def test_the_hole_of_the_data_is_where_the_key_goes() -> None:
    jobs = turn_jobs()
    data = (jobs.head + CONVERSATION + jobs.tail).encode()
    assert json.loads(data) == [REPLY_JOB, None, [CONVERSATION], {}]
    assert len(jobs.fields) % 2 == 0
