"""Workers die, hang and lose Redis; every job is still run, and none at two places."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis
from rq.command import send_stop_job_command
from rq.job import Job, JobStatus, Retry
from rq.queue import Queue
from rq.worker import Worker

from app.simulator.valkey import _server
from tests.workers.conftest import JOBS, PATIENCE_SECONDS, Lab, until
from tests.workers.jobs import QuickWorker
from workers.admission import Admission
from workers.async_worker import AsyncWorker
from workers.recovery import MOST_DEATHS, requeue_stranded, take_up_abandoned

IN_AN_HOUR = int(time.time()) + 3600


def test_the_jobs_of_a_killed_worker_are_run_by_another(lab: Lab) -> None:
    jobs = [lab.enqueue("wait", str(n), 600, retry=Retry(max=1)) for n in range(20)]
    without_retry = lab.enqueue("wait", "once", 600)
    killed = lab.worker(name="w1")
    until(lambda: lab.running() == 21)
    lab.worker(name="w2")
    lab.hears("open w2")
    killed.kill()
    until(lambda: all(lab.said().count(f"began {n}") == 2 for n in range(20)))
    assert lab.running() == 20
    assert {job.get_status() for job in jobs} == {JobStatus.STARTED}
    assert without_retry.get_status() is JobStatus.FAILED  # RQ's rule
    assert "AbandonedJobError" in lab.failure_of(without_retry)


def test_the_job_of_a_dead_worker_does_not_wait_for_its_next_try(lab: Lab) -> None:
    lab.enqueue("wait", "1", 600, retry=Retry(max=1, interval=3600))
    killed = lab.worker(name="w1")
    lab.hears("began 1")
    lab.worker(name="w2")
    lab.hears("open w2")
    killed.kill()
    until(lambda: lab.said().count("began 1") == 2)


def test_deaths_of_workers_use_up_no_try_but_not_for_ever(lab: Lab) -> None:
    job = lab.enqueue("noop", retry=Retry(max=1))
    for _ in range(MOST_DEATHS):
        die_with(lab, job)
        again = lab.fresh(job)
        assert (again.get_status(), again.retries_left) == (JobStatus.QUEUED, 1)
    die_with(lab, job)
    assert lab.fresh(job).retries_left == 0
    die_with(lab, job)
    assert lab.fresh(job).get_status() is JobStatus.FAILED


def die_with(lab: Lab, job: Job) -> None:
    """As if a worker had taken it, begun, and died; then it is taken up."""
    lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    log = logging.getLogger()
    admission = Admission(lab.queue, [job.id], worker_name="dead", expires_at=1, log=log)
    assert admission.claim()
    assert take_up_abandoned(lab.queue, early_seconds=0, exception_handlers=[])


def test_a_dead_workers_jobs_are_taken_up_within_15_seconds() -> None:
    """What the real worker's figures add up to; the test above is in a hurry."""
    worker = AsyncWorker
    assert worker.dead_after_seconds + worker.recovery_seconds <= 15
    assert worker.stranded_after_seconds + 2 * worker.recovery_seconds <= 12
    assert worker.dead_after_seconds >= 4 * worker.beat_seconds


def test_a_job_caught_between_queue_and_start_goes_back_without_using_a_retry(lab: Lab) -> None:
    jobs = [lab.enqueue("greet", name, retry=Retry(max=1)) for name in ("Ada", "Grace")]
    lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    lab.worker(WORKER_MAX_CONCURRENCY="1")
    until(lambda: all(job.get_status() is JobStatus.FINISHED for job in jobs))
    assert [lab.fresh(job).retries_left for job in jobs] == [1, 1]
    assert lab.said() == ["open w1", "ran Ada", "ran Grace"]
    assert not lab.redis.exists(lab.queue.intermediate_queue_key)


def test_a_job_that_was_just_taken_stays_with_who_took_it(lab: Lab) -> None:
    lab.enqueue("noop")
    lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    assert requeue_stranded(lab.queue, older_than_seconds=60) == []
    assert requeue_stranded(lab.queue, older_than_seconds=60) == []
    assert lab.queue.count == 0


def test_a_job_that_runs_is_not_queued_again_though_its_id_still_stands_there(lab: Lab) -> None:
    """RQ's own workers register a job before they take its id out of the list."""
    job = lab.enqueue("noop")
    lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    admission(lab, job).claim()
    lab.redis.rpush(lab.queue.intermediate_queue_key, job.id)
    assert requeue_stranded(lab.queue, older_than_seconds=0) == []
    assert lab.queue.count == 0


@pytest.fixture
def taken(lab: Lab) -> Job:
    """A job in the intermediate list."""
    job = lab.enqueue("noop")
    lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    return job


def admission(lab: Lab, *jobs: Job) -> Admission:
    ids = [job.id for job in jobs]
    return Admission(
        lab.queue, ids, worker_name="w1", expires_at=IN_AN_HOUR, log=logging.getLogger("tests")
    )


def test_a_worker_held_up_before_the_start_finds_its_job_gone(lab: Lab, taken: Job) -> None:
    held_up = admission(lab, taken)
    assert requeue_stranded(lab.queue, older_than_seconds=0) == [taken.id]
    assert held_up.claim() == []
    assert taken.get_status() is JobStatus.QUEUED
    assert lab.running() == 0


def test_a_claim_whose_answer_was_lost_can_be_made_again(lab: Lab, taken: Job) -> None:
    first = admission(lab, taken)
    [(_, execution)] = first.claim()
    assert [execution for _, execution in first.claim()] == [execution]
    assert lab.running() == 1
    assert taken.get_status() is JobStatus.STARTED


def test_three_clean_ups_at_once_queue_each_abandoned_job_once(lab: Lab) -> None:
    jobs = lab.queue.enqueue_many(
        [Queue.prepare_data(f"{JOBS}.noop", retry=Retry(max=3)) for _ in range(200)]
    )
    for _ in jobs:
        lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    admission(lab, *jobs).claim()
    wip = lab.queue.started_job_registry.key
    for job in jobs:
        [execution] = job.get_executions()
        lab.redis.zadd(wip, {execution.composite_key: 1})  # expired long ago
    start = threading.Barrier(3)

    def clean_up() -> None:
        with Redis.from_url(lab.redis_url) as redis:
            queue = Queue(lab.queue.name, connection=redis, serializer=lab.queue.serializer)
            start.wait(PATIENCE_SECONDS)
            take_up_abandoned(queue, early_seconds=0, exception_handlers=[])

    threads = [threading.Thread(target=clean_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert sorted(lab.queue.job_ids) == sorted(job.id for job in jobs)
    assert lab.running() == 0


def test_a_clean_up_that_died_halfway_does_not_block_the_next_for_long(lab: Lab) -> None:
    lock = lab.redis.lock(f"{lab.queue.key}:recovery", timeout=10)
    assert lock.acquire(blocking=False)
    assert not take_up_abandoned(lab.queue, early_seconds=0, exception_handlers=[])
    assert 0 < lab.redis.pttl(f"{lab.queue.key}:recovery") <= 10_000
    lock.release()
    assert take_up_abandoned(lab.queue, early_seconds=0, exception_handlers=[])
    assert not lab.redis.exists(f"{lab.queue.key}:recovery")


def test_a_blocked_loop_loses_no_job_and_the_log_names_the_culprit(lab: Lab) -> None:
    """Blocked for longer than a dead worker's jobs wait, with another worker looking."""
    for n in range(5):
        lab.enqueue("wait", str(n), 1, retry=Retry(max=3))
    seconds = QuickWorker.dead_after_seconds + QuickWorker.margin_seconds + 2
    culprit = lab.enqueue("block_loop", seconds, retry=Retry(max=3))
    lab.worker(name="w1")
    lab.hears("blocking")
    lab.worker(name="w2")
    until(lambda: lab.queue.finished_job_registry.count == 6)
    said = lab.said()
    assert [said.count(f"began {n}") for n in range(5)] == [1] * 5
    assert said.count("blocking") == 1
    log = lab.log("w1")
    assert f"by job {culprit.id}" in log
    assert "in block_loop" in log
    until(lambda: "turns again" in lab.log("w1"))
    assert "in block_loop" not in lab.log("w2")


def test_a_worker_whose_record_was_lost_is_listed_again(lab: Lab) -> None:
    lab.worker()
    lab.hears("open w1")
    until(lambda: Worker.all(connection=lab.redis))
    lab.redis.delete("rq:worker:w1", "rq:workers", f"rq:workers:{lab.queue.name}")
    until(lambda: [one.name for one in Worker.all(queue=lab.queue)] == ["w1"])
    assert 0 < lab.redis.ttl("rq:worker:w1") <= AsyncWorker.listed_seconds


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 characters."""
    with TemporaryDirectory(prefix="rv-") as path:
        yield Path(path)


def test_a_restart_of_redis_loses_nothing(folder: Path, tmp_path: Path) -> None:
    with ExitStack() as after:
        with _server(folder) as url:
            lab = Lab(url, tmp_path)
            after.callback(lab.close)
            running = lab.enqueue("rest", 4, retry=Retry(max=3))
            ends_meanwhile = lab.enqueue("rest", 0.5, retry=Retry(max=3))
            lab.worker()
            until(lambda: lab.running() == 2)
        with _server(folder):
            new = lab.enqueue("greet", "Ada")
            jobs = (running, ends_meanwhile, new)
            until(lambda: {job.get_status() for job in jobs} == {JobStatus.FINISHED})
            assert [len(job.results()) for job in jobs] == [1, 1, 1]
            assert [one.name for one in Worker.all(connection=lab.redis)] == ["w1"]
            stopped = lab.enqueue("wait", "stop me", 600)
            lab.hears("began stop me")
            send_stop_job_command(lab.redis, stopped.id, serializer=lab.queue.serializer)
            until(lambda: stopped.get_status() is JobStatus.STOPPED)
