"""What becomes of jobs, as RQ's registries, ``rq info`` and dashboards show it."""

import subprocess
import sys

import pytest
from redis import Redis
from rq.command import send_stop_job_command
from rq.job import JobStatus, Retry
from rq.queue import Queue
from rq.suspension import resume, suspend
from rq.worker import Worker

from tests.workers.conftest import PATIENCE_SECONDS, Lab, until
from workers.async_worker import AsyncWorker


def test_coroutines_and_plain_functions_are_run_and_their_results_kept(lab: Lab) -> None:
    coroutine, plain = lab.enqueue("greet", "Ada"), lab.enqueue("greet_plainly", "Grace")
    lab.burst()
    assert lab.result_of(coroutine) == {"hello": "Ada", "job": coroutine.id, "worker": "w1"}
    assert lab.result_of(plain) == f"Grace {plain.id}"
    assert {coroutine.get_status(), plain.get_status()} == {JobStatus.FINISHED}
    assert lab.queue.finished_job_registry.count == 2
    assert lab.running() == 0
    assert not lab.redis.exists(lab.queue.intermediate_queue_key)


def test_the_lifespan_is_open_before_the_first_job_and_left_after_the_last(lab: Lab) -> None:
    lab.enqueue("open_late")
    lab.enqueue("greet", "Ada")
    lab.burst()
    assert lab.said() == ["open w1", "ran Ada", "closed what a job had opened", "close w1"]


def test_a_job_with_no_result_to_keep_leaves_nothing(lab: Lab) -> None:
    job = lab.enqueue("noop", result_ttl=0)
    lab.burst()
    assert lab.redis.keys(f"*{job.id}*") == []


def test_failed_jobs_are_shown_with_their_tracebacks(lab: Lab) -> None:
    reasons = {
        "fail": "ValueError: no luck",
        "end_process": "SystemExit: 3",
        "give_up": "CancelledError",
        "nowhere": "nowhere",
    }
    jobs = {name: lab.enqueue(name, "+15550100") for name in reasons}
    after = lab.enqueue("greet", "Ada")
    log = lab.burst()
    for name, job in jobs.items():
        assert reasons[name] in lab.failure_of(job)
        assert reasons[name] in log
        assert job.id in lab.queue.failed_job_registry
    assert after.get_status() is JobStatus.FINISHED
    assert "15550100" not in log  # arguments and descriptions stay out of it
    assert "Ada" not in log


def test_jobs_that_cannot_be_read_hold_up_no_others(lab: Lab) -> None:
    lab.redis.rpush(lab.queue.key, "gone")
    lab.redis.hset("rq:job:broken", mapping={"data": b"x", "created_at": "yesterday"})
    lab.redis.rpush(lab.queue.key, "broken")
    job = lab.enqueue("greet", "Ada")
    lab.burst()
    assert job.get_status() is JobStatus.FINISHED
    assert not lab.redis.exists(lab.queue.key, lab.queue.intermediate_queue_key)


def test_a_job_out_of_time_fails(lab: Lab) -> None:
    coroutine = lab.enqueue("wait", "long", 600, job_timeout=1)
    plain = lab.enqueue("sleep_in_thread", 600, job_timeout=1)
    lab.burst()
    reason = "JobTimeoutException: Task exceeded maximum timeout value (1 seconds)"
    assert reason in lab.failure_of(coroutine)
    assert reason in lab.failure_of(plain)


def test_retries_are_counted_down(lab: Lab) -> None:
    by_error = lab.enqueue("fail_once", "Ada", retry=Retry(max=1))
    by_result = lab.enqueue("ask_again")
    lab.burst()
    assert lab.result_of(by_error) == "at last"
    assert lab.result_of(by_result) == "second time"
    assert lab.said().count("try Ada") == 2


def test_a_delayed_retry_is_run_by_the_workers_own_scheduler(lab: Lab) -> None:
    job = lab.enqueue("fail_once", "Ada", retry=Retry(max=1, interval=1))
    worker = lab.worker("--with-scheduler")
    until(lambda: job.get_status() is JobStatus.FINISHED)
    assert lab.queue.scheduled_job_registry.count == 0
    worker.terminate()
    assert worker.wait(PATIENCE_SECONDS) == 0
    assert not lab.redis.exists(f"rq:scheduler-lock:{lab.queue.name}")


def test_hundreds_of_jobs_run_at_the_same_time_and_are_counted(lab: Lab) -> None:
    """Each waits for all the others, so a worker that runs one fewer would never end."""
    many = [Queue.prepare_data("tests.workers.jobs.wait_for_all", args=(250,)) for _ in range(249)]
    jobs = lab.queue.enqueue_many(many)
    lab.worker(WORKER_MAX_CONCURRENCY="250")
    until(lambda: lab.running() == 249)
    [shown] = Worker.all(connection=lab.redis)
    assert shown.get_state() == "busy"
    assert shown.get_current_job_id() == jobs[0].id
    info = rq_info(lab)
    assert "turns 0, 249 executing, 0 finished, 0 failed" in info
    assert "busy turns" in info
    lab.enqueue("wait_for_all", 250)
    until(lambda: lab.queue.finished_job_registry.count == 250)
    until(lambda: "idle turns" in rq_info(lab))
    assert shown.get_current_job_id() is None


def rq_info(lab: Lab) -> str:
    command = [sys.executable, "-m", "rq.cli", "info", "--raw", "-u", lab.redis_url]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def test_no_more_jobs_are_taken_than_can_run(lab: Lab) -> None:
    for number in range(5):
        lab.enqueue("wait", str(number), 60)
    lab.worker(WORKER_MAX_CONCURRENCY="2")
    lab.hears("began 0", "began 1")
    lab.wait_for_beats(3)
    assert lab.queue.count == 3
    assert not lab.redis.exists(lab.queue.intermediate_queue_key)


def test_stop_job_stops_that_job_only(lab: Lab) -> None:
    stopped = lab.enqueue("wait", "one", 60, retry=Retry(max=3))
    lab.enqueue("wait", "other", 60)
    lab.worker()
    lab.hears("began one", "began other")
    send_stop_job_command(lab.redis, stopped.id, serializer=lab.queue.serializer)
    until(lambda: stopped.get_status() is JobStatus.STOPPED)
    assert lab.failure_of(stopped) == "Job stopped by user."
    assert stopped.id in lab.queue.failed_job_registry
    assert lab.running() == 1


def test_a_failed_job_can_be_requeued(lab: Lab) -> None:
    job = lab.enqueue("fail", "+15550100")
    lab.burst()
    lab.queue.failed_job_registry.requeue(job.id)
    assert job.get_status() is JobStatus.QUEUED
    lab.burst()
    assert len(job.results()) == 2


def test_a_suspended_worker_takes_no_jobs_until_resumed(lab: Lab) -> None:
    lab.worker()
    lab.hears("open w1")
    suspend(lab.redis)
    until(lambda: [one.get_state() for one in Worker.all(connection=lab.redis)] == ["suspended"])
    job = lab.enqueue("greet", "Ada")
    lab.wait_for_beats(3)
    assert job.get_status() is JobStatus.QUEUED
    resume(lab.redis)
    assert lab.result_of(job) is not None


@pytest.mark.parametrize(
    ("options", "left"),
    [
        pytest.param(["--max-jobs", "2"], 1, id="after so many jobs"),
        pytest.param(["--max-idle-time", "1"], 0, id="after so long without any"),
    ],
)
def test_a_worker_ends_by_itself_as_rq_lets_it(lab: Lab, options: list[str], left: int) -> None:
    for number in range(3):
        lab.enqueue("greet", str(number))
    assert lab.worker(*options).wait(PATIENCE_SECONDS) == 0
    assert lab.queue.count == left
    assert lab.queue.finished_job_registry.count == 3 - left


def test_rqs_command_line_runs_the_bare_worker(lab: Lab) -> None:
    job = lab.enqueue("greet_plainly", "Grace")
    lab.burst(worker_class="workers.async_worker.AsyncWorker")
    assert lab.result_of(job) == f"Grace {job.id}"


def test_several_queues_are_refused(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        worker = AsyncWorker(["one", "two"], connection=redis)
        with pytest.raises(ValueError, match="serves one queue"):
            worker.work()
