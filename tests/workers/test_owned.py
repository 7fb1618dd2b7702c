"""A worker that comes too late to write down the end of a job that another one has."""

import pytest
from redis import Redis
from rq.job import JobStatus, Retry
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry

from tests.workers.conftest import Lab
from workers.async_worker import AsyncWorker
from workers.bookkeeping import Running
from workers.recovery import take_up_abandoned

FAR_AHEAD = 3600

LATE_ENDS = [
    pytest.param(None, ValueError("no luck"), id="failed"),
    pytest.param(Retry(max=9, interval=60), None, id="to run again later"),
    pytest.param(Retry(max=9), None, id="to run again at once"),
]


def worker(lab: Lab, name: str) -> AsyncWorker:
    made = AsyncWorker([lab.queue], connection=Redis.from_url(lab.redis_url), name=name)
    made.register_birth()
    return made


def begun_by(one: AsyncWorker, lab: Lab) -> Running:
    """It takes the oldest job, as ``work`` does."""
    (job_id,) = lab.queue.get_job_ids()
    lab.redis.lmove(lab.queue.key, lab.queue.intermediate_queue_key)
    (running,) = one.admit([job_id])
    return running


def where(lab: Lab, job_id: str) -> list[str]:
    """Everywhere that RQ lists the job."""
    registries = (FinishedJobRegistry, FailedJobRegistry, ScheduledJobRegistry)
    places = [one.__name__ for one in registries if job_id in one(queue=lab.queue).get_job_ids()]
    return places + ["queue"] * lab.queue.get_job_ids().count(job_id)


@pytest.mark.parametrize(("result", "error"), LATE_ENDS)
def test_a_job_that_another_worker_has_finished_stays_finished(
    lab: Lab, result: object, error: Exception | None
) -> None:
    job = lab.enqueue("noop", retry=Retry(max=3))
    late, quick = worker(lab, "late"), worker(lab, "quick")
    held_up = begun_by(late, lab)
    take_up_abandoned(lab.queue, early_seconds=FAR_AHEAD, exception_handlers=[])
    quick.write_end(begun_by(quick, lab), "done", None)
    late.write_end(held_up, result, error)
    assert lab.fresh(job).get_status() is JobStatus.FINISHED
    assert where(lab, job.id) == ["FinishedJobRegistry"]


@pytest.mark.parametrize(("result", "error"), LATE_ENDS)
def test_a_job_that_another_worker_has_begun_is_left_to_it(
    lab: Lab, result: object, error: Exception | None
) -> None:
    job = lab.enqueue("noop", retry=Retry(max=3))
    late, quick = worker(lab, "late"), worker(lab, "quick")
    held_up = begun_by(late, lab)
    take_up_abandoned(lab.queue, early_seconds=FAR_AHEAD, exception_handlers=[])
    running = begun_by(quick, lab)
    late.write_end(held_up, result, error)
    assert lab.fresh(job).get_status() is JobStatus.STARTED
    assert where(lab, job.id) == []
    quick.write_end(running, "done", None)
    assert where(lab, job.id) == ["FinishedJobRegistry"]


def test_a_failure_whose_answer_was_lost_is_written_once(lab: Lab) -> None:
    job = lab.enqueue("noop", retry=Retry(max=3, interval=60))
    one = worker(lab, "w1")
    running = begun_by(one, lab)
    for _ in range(2):
        one.write_end(running, None, ValueError("no luck"))
    again = lab.fresh(job)
    assert (again.get_status(), again.retries_left) == (JobStatus.SCHEDULED, 2)
    assert where(lab, job.id) == ["ScheduledJobRegistry"]
