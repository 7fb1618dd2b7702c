"""Jobs that a dead worker left behind go back to the queue, each of them once."""

from contextlib import suppress
from typing import Any

from redis.exceptions import LockError
from rq.job import Job
from rq.queue import Queue
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.timeouts import BaseDeathPenalty
from rq.utils import as_text

LOCK_SECONDS = 10.0
STRANDED_AT_ONCE = 1000
MOST_DEATHS = 10

# Redis's own clock, so that workers on several machines agree about what is old. The registry of
# running jobs may be long; it is read only when something is.
REQUEUE_STRANDED = """
local intermediate, queue, wip, seen = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ids = redis.call('LRANGE', intermediate, 0, ARGV[2] - 1)
if #ids == 0 then
  redis.call('DEL', seen)
  return {}
end
local now = tonumber(redis.call('TIME')[1])
local running
local function runs(id)
  if not running then
    running = {}
    for _, entry in ipairs(redis.call('ZRANGE', wip, 0, -1)) do
      running[string.match(entry, '^[^:]*')] = true
    end
  end
  return running[id]
end
local first_seen, moved = {}, {}
for i = #ids, 1, -1 do
  local id = ids[i]
  local since = tonumber(redis.call('HGET', seen, id)) or now
  if now - since < tonumber(ARGV[1]) or runs(id) then
    first_seen[id] = since
  elseif redis.call('LREM', intermediate, 1, id) == 1 then
    redis.call('LPUSH', queue, id)
    moved[#moved + 1] = id
  end
end
redis.call('DEL', seen)
for id, since in pairs(first_seen) do
  redis.call('HSET', seen, id, since)
end
redis.call('EXPIRE', seen, 600)
return moved
"""


class NoDeathPenalty(BaseDeathPenalty):
    """RQ's time limit by signal works on the main thread only; ours is ``asyncio.timeout``."""

    def setup_death_penalty(self) -> None:
        """Set no alarm."""

    def cancel_death_penalty(self) -> None:
        """Clear none."""


def abandoned(job_class: type[Job]) -> type[Job]:
    """The same, whose worker has died: that is no failure of the job's, so its next try does not
    wait, and only after ``MOST_DEATHS`` is a try used up. A job without tries has none here either.
    """

    class Abandoned(job_class):  # type: ignore[misc, valid-type] # a class that RQ was given
        def restore(self, raw_data: Any) -> None:
            super().restore(raw_data)
            self.meta["deaths"] = deaths = self.meta.get("deaths", 0) + 1
            if self.retries_left is not None and deaths <= MOST_DEATHS:
                self.retries_left += 1  # RQ takes one

        def get_retry_interval(self) -> int:
            return 0

    return Abandoned


def requeue_stranded(queue: Queue, *, older_than_seconds: float) -> list[str]:
    """Move jobs whose worker died between taking and starting them to the front of their queue.

    No retry is used up. Safe to run anywhere at any time: a worker that was merely slow finds its
    claim gone when it comes to start the job, and lets it be.

    Args:
        older_than_seconds: Counted from the first call that saw the job there, whoever called.

    Returns:
        The ids moved.
    """
    script = queue.connection.register_script(REQUEUE_STRANDED)
    moved = script(
        keys=[
            queue.intermediate_queue_key,
            queue.key,
            queue.started_job_registry.key,
            f"{queue.intermediate_queue_key}:seen",
        ],
        args=[older_than_seconds, STRANDED_AT_ONCE],
    )
    return [as_text(job_id) for job_id in moved]


def take_up_abandoned(queue: Queue, *, early_seconds: int, exception_handlers: list[Any]) -> bool:
    """Queue (or fail, without retries left) the jobs of workers that stopped beating; tidy up.

    RQ's own clean-up takes no lock: three at once queue one job three times. So it runs here under
    a lock with an owner and a short life. ``rq info`` and dashboards clean up too, without a lock;
    ``early_seconds`` lets us be first.

    Args:
        early_seconds: Take up what would expire within this time.

    Returns:
        Whether it was done; ``False`` when another worker is at it.
    """
    lock = queue.connection.lock(f"{queue.key}:recovery", timeout=LOCK_SECONDS, blocking=False)
    if not lock.acquire():
        return False
    try:
        redis_now, _ = queue.connection.time()
        for registry in (FinishedJobRegistry, FailedJobRegistry):
            registry(queue=queue).cleanup()
        StartedJobRegistry(
            queue=queue, job_class=abandoned(queue.job_class), death_penalty_class=NoDeathPenalty
        ).cleanup(timestamp=redis_now + early_seconds, exception_handlers=exception_handlers)
    finally:
        with suppress(LockError):  # it took longer than the lock lives
            lock.release()
    return True
