"""The shape of an RQ job of ours, for the scripts that queue turns.

Storing a message and queueing its turn is one atomic step inside Redis, so no ``Queue.enqueue`` is
called: the script writes the job's hash itself, from the fields that RQ gives here.
"""

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

_PLACEHOLDER = "conversation"


def turn_jobs() -> TurnJobs:
    """What RQ itself would write for ``reply(conversation)``, taken from RQ."""
    job = Job.create(
        REPLY_JOB,
        (_PLACEHOLDER,),
        connection=Redis(),  # never used: nothing is saved
        origin=QUEUE,
        serializer="json",
        status=JobStatus.QUEUED,
        # The default describes the call with its arguments, in every log line and dashboard.
        description="conversation turn",
        timeout=TIMEOUT_SECONDS,
        result_ttl=RESULT_SECONDS,
        failure_ttl=FAILURE_SECONDS,
        retry=Retry(max=len(RETRY_SECONDS), interval=list(RETRY_SECONDS)),
    )
    written_by_script = {"data", "created_at", "enqueued_at"}
    fields: list[str] = []
    for name, value in job.to_dict(include_meta=False).items():
        if name not in written_by_script and value not in ("", None):
            fields += [name, str(value.value if isinstance(value, JobStatus) else value)]
    head, _, tail = job.data.decode().partition(_PLACEHOLDER)
    return TurnJobs(QUEUE, fields, head, tail)
