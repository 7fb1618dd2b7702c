"""From the intermediate list into work: each job once, a whole batch in one round trip."""

import logging
from collections.abc import Sequence
from itertools import chain
from typing import Any

from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue

# How long the record of an execution may outlive it when its worker dies.
KEPT_AFTER_TIMEOUT_SECONDS = 3600
KEPT_WITHOUT_TIMEOUT_SECONDS = 7 * 24 * 3600

# RQ's own commands for a job, run only if the job is still in the list: a worker that was held up
# between taking a job and starting it may find that another one has it by now. A job whose entry
# stands already is one that we have claimed before, and whose answer was lost.
CLAIM = """
local intermediate, wip = KEYS[1], KEYS[2]
local claimed, i = {}, 1
while i <= #ARGV do
  local id, entry, commands = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  i = i + 3
  local ours = redis.call('LREM', intermediate, 1, id) == 1 or redis.call('ZSCORE', wip, entry)
  for _ = 1, commands do
    local words = tonumber(ARGV[i])
    if ours then
      redis.call(unpack(ARGV, i + 1, i + words))
    end
    i = i + 1 + words
  end
  claimed[#claimed + 1] = ours and 1 or 0
end
return claimed
"""


class Admission:
    """A batch of job ids from the intermediate list, about to be started.

    Ids without a job are dropped from the list, as RQ does.

    Args:
        ids: At most a few hundred; one script runs them all.
        worker_name: Who starts them; RQ sends stop-job to this worker.
        expires_at: When they count as dead without a heartbeat; Unix seconds.

    Raises:
        RedisError: The jobs could not be read; nothing has changed.
    """

    def __init__(
        self,
        queue: Queue,
        ids: Sequence[str],
        *,
        worker_name: str,
        expires_at: int,
        log: logging.Logger,
    ) -> None:
        self._queue = queue
        self._log = log
        self._started: list[tuple[Job, Execution] | None] = []
        self._words: list[list[Any]] = []
        for job_id, job in zip(ids, self._fetch(ids), strict=True):
            if job is None:
                self._started.append(None)
                self._words.append([job_id, "", 0])
                continue
            with queue.connection.pipeline() as recorder:
                execution = self._start(job, worker_name, expires_at, recorder)
                commands = [arguments for arguments, _ in recorder.command_stack]
            self._started.append((job, execution))
            self._words.append([job_id, execution.composite_key, len(commands)])
            self._words[-1] += chain.from_iterable([len(words), *words] for words in commands)

    def claim(self) -> list[tuple[Job, Execution]]:
        """Start those that are still ours to start; the second time says the same.

        Raises:
            RedisError: It may have happened or not; call again.
        """
        script = self._queue.connection.register_script(CLAIM)
        claimed = script(
            keys=[self._queue.intermediate_queue_key, self._queue.started_job_registry.key],
            args=list(chain.from_iterable(self._words)),
        )
        return [
            started
            for started, ours in zip(self._started, claimed, strict=True)
            if started is not None and ours
        ]

    def _fetch(self, ids: Sequence[str]) -> list[Job | None]:
        queue = self._queue
        try:
            return queue.job_class.fetch_many(
                ids, connection=queue.connection, serializer=queue.serializer
            )
        except RedisError:
            raise
        except Exception as exc:  # one unreadable job must not hold up the others
            if len(ids) == 1:
                self._log.error("job %s cannot be read: %s", ids[0], type(exc).__name__)
                return [None]
            return [self._fetch([job_id])[0] for job_id in ids]

    @staticmethod
    def _start(job: Job, worker_name: str, expires_at: int, recorder: "Pipeline") -> Execution:
        timeout = int(job.timeout) if job.timeout and job.timeout > 0 else None
        kept = timeout + KEPT_AFTER_TIMEOUT_SECONDS if timeout else KEPT_WITHOUT_TIMEOUT_SECONDS
        execution = Execution.create(job, kept, pipeline=recorder, worker_name=worker_name)
        # After this, only the entry that tells the living from the dead needs a heartbeat.
        recorder.zadd(job.started_job_registry.key, {execution.composite_key: expires_at})
        job.prepare_for_execution(worker_name, pipeline=recorder)
        recorder.persist(job.key)
        return execution
