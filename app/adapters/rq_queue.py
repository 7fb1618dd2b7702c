"""The shape of an RQ job of ours, for the scripts that queue turns.

Storing a message and queueing its turn is one atomic step inside Redis, so no ``Queue.enqueue`` is
called: the script writes the job's hash itself, from the fields that RQ gives here.
"""

from collections.abc import Sequence
from dataclasses import replace

from redis import Redis
from rq.job import Job, JobStatus, Retry

from app.pipeline.ports import TurnJobs

QUEUE = "turns"
REPLY_JOB = "workers.jobs.reply"

TIMEOUT_SECONDS = 600
"""A turn's most: the model's limit and the sends, with room; the worker cancels it then."""

RETRY_SECONDS = (2, 10, 30)
"""How long a turn waits before it is tried again."""

RESULT_SECONDS = 600
FAILURE_SECONDS = 7 * 24 * 3600

CALL_JOB = "workers.jobs.tell_operators"
CALL_TIMEOUT_SECONDS = 60
CALL_RETRY_SECONDS = (5, 30, 120, 600)
"""How long a call for a human waits before the operators are told again."""

_HOLE = "what the script writes here"


def turn_jobs(*, tells_operators: bool = False) -> TurnJobs:
    """What RQ itself would write for ``reply(conversation)``, taken from RQ.

    Args:
        tells_operators: Whether a call for a human is a job too.
    """
    # The default describes the call with its arguments, in every log line and dashboard.
    turn = _job(REPLY_JOB, "conversation turn", TIMEOUT_SECONDS, RETRY_SECONDS)
    head, _, tail = turn.data.decode().partition(_HOLE)
    jobs = TurnJobs(QUEUE, _fields(turn), head, tail)
    if not tells_operators:
        return jobs
    call = _job(CALL_JOB, "call for a human", CALL_TIMEOUT_SECONDS, CALL_RETRY_SECONDS)
    head, _, tail = call.data.decode().partition(f'"{_HOLE}"')  # several arguments, not one text
    return replace(jobs, call_fields=_fields(call), call_head=head, call_tail=tail)


def _job(name: str, description: str, timeout: int, retry_seconds: Sequence[int]) -> Job:
    return Job.create(
        name,
        (_HOLE,),
        connection=Redis(),  # never used: nothing is saved
        origin=QUEUE,
        serializer="json",
        status=JobStatus.QUEUED,
        description=description,
        timeout=timeout,
        result_ttl=RESULT_SECONDS,
        failure_ttl=FAILURE_SECONDS,
        retry=Retry(max=len(retry_seconds), interval=list(retry_seconds)),
    )


def _fields(job: Job) -> list[str]:
    written_by_script = {"data", "created_at", "enqueued_at"}
    fields: list[str] = []
    for name, value in job.to_dict(include_meta=False).items():
        if name not in written_by_script and value not in ("", None):
            fields += [name, str(value.value if isinstance(value, JobStatus) else value)]
    return fields
