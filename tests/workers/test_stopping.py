"""A worker that is told to stop: what ends, what goes back, and when it is over."""

import signal
import subprocess

import pytest
from rq.command import send_shutdown_command
from rq.job import Job, JobStatus, Retry
from rq.worker import Worker

from tests.workers.conftest import PATIENCE_SECONDS, Lab, until

FAR_AWAY = str(10 * PATIENCE_SECONDS)  # a drain of this length would fail the test


def assert_given_back(lab: Lab, *jobs: Job) -> None:
    """They stand at the front of the queue in this order, and nothing of their run is left."""
    assert lab.queue.job_ids[: len(jobs)] == [job.id for job in jobs]
    for job in map(lab.fresh, jobs):
        assert job.get_status() is JobStatus.QUEUED
        assert job.started_at is None
        assert job.retries_left == 1
        assert job.get_executions() == []
    assert lab.running() == 0
    assert not lab.redis.exists(lab.queue.intermediate_queue_key)


def wait_jobs(lab: Lab, *names: str, seconds: float = 600) -> list[Job]:
    return [lab.enqueue("wait", name, seconds, retry=Retry(max=1)) for name in names]


def test_sigterm_lets_jobs_end_and_gives_the_rest_back_at_the_front(lab: Lab) -> None:
    [short], long = wait_jobs(lab, "short", seconds=1), wait_jobs(lab, "long 1", "long 2")
    process = lab.worker(WORKER_DRAIN_SECONDS="3", WORKER_MAX_CONCURRENCY="3")
    lab.hears("began short", "began long 1", "began long 2")
    [later] = wait_jobs(lab, "later")
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert short.get_status() is JobStatus.FINISHED
    assert_given_back(lab, *long)
    assert lab.queue.job_ids[-1] == later.id
    assert "began later" not in lab.said()
    assert lab.said()[-1] == "close w1"
    assert Worker.all(connection=lab.redis) == []


def test_after_sigterm_no_job_is_taken_though_others_still_run(lab: Lab) -> None:
    wait_jobs(lab, "running", seconds=2)
    process = lab.worker(WORKER_DRAIN_SECONDS=FAR_AWAY)
    lab.hears("began running")
    process.terminate()
    until(lambda: "stopping" in lab.log())
    [late] = wait_jobs(lab, "late")
    assert process.wait(PATIENCE_SECONDS) == 0
    assert "ended running" in lab.said()
    assert "began late" not in lab.said()
    assert_given_back(lab, late)


def test_a_job_given_back_is_run_by_the_next_worker(lab: Lab) -> None:
    [job] = wait_jobs(lab, "moved", seconds=3)
    process = lab.worker(WORKER_DRAIN_SECONDS="0")
    lab.hears("began moved")
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    lab.burst()
    assert job.get_status() is JobStatus.FINISHED
    assert lab.said().count("began moved") == 2


def test_a_second_sigint_stops_at_once_and_still_gives_back(lab: Lab) -> None:
    jobs = wait_jobs(lab, "one", "two")
    process = lab.worker(WORKER_DRAIN_SECONDS=FAR_AWAY)
    lab.hears("began one", "began two")
    process.send_signal(signal.SIGINT)
    until(lambda: "stopping" in lab.log())
    lab.wait_for_beats(2)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert "stopping at once" in lab.log()
    assert_given_back(lab, *jobs)


def test_ctrl_c_passed_on_as_two_signals_is_one_wish(lab: Lab) -> None:
    [job] = wait_jobs(lab, "short", seconds=2)
    process = lab.worker(WORKER_DRAIN_SECONDS=FAR_AWAY)
    lab.hears("began short")
    process.send_signal(signal.SIGINT)
    until(lambda: "stopping" in lab.log())
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert job.get_status() is JobStatus.FINISHED


def test_a_send_that_has_begun_ends_before_its_job_goes_back(lab: Lab) -> None:
    job = lab.enqueue("hold_send", "bubble", 2.5, retry=Retry(max=1))
    process = lab.worker(WORKER_DRAIN_SECONDS="0")
    lab.hears("began bubble")
    process.terminate()
    assert process.wait(PATIENCE_SECONDS) == 0
    assert lab.said()[-2:] == ["sent bubble", "close w1"]
    assert_given_back(lab, job)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        pytest.param("ignore_cancel", "stubborn", id="a coroutine that ignores it"),
        pytest.param("sleep_in_thread", 600, id="a thread that cannot hear it"),
    ],
)
def test_a_job_that_does_not_end_does_not_keep_the_worker(
    lab: Lab, name: str, argument: object
) -> None:
    job = lab.enqueue(name, argument, retry=Retry(max=1))
    process = lab.worker(WORKER_DRAIN_SECONDS="0")
    until(lambda: job.get_status() is JobStatus.STARTED)
    process.terminate()
    assert ends_within_patience(process)
    assert_given_back(lab, job)


def test_the_shutdown_command_drains_too(lab: Lab) -> None:
    [job] = wait_jobs(lab, "short", seconds=2)
    process = lab.worker(WORKER_DRAIN_SECONDS=FAR_AWAY)
    lab.hears("began short")
    send_shutdown_command(lab.redis, "w1")
    assert ends_within_patience(process)
    assert job.get_status() is JobStatus.FINISHED


def ends_within_patience(process: "subprocess.Popen[bytes]") -> bool:
    return process.wait(PATIENCE_SECONDS) == 0
