"""RQ's bookkeeping for a worker with many jobs at a time: all of it that waits for Redis.

RQ keeps one execution and one current job for each worker. Here each job has a context of its own,
in which RQ's methods find theirs and work unchanged. Nothing in this module knows of an event loop;
everything in it is called in threads.
"""

import asyncio
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import worker_registration
from rq.executions import Execution
from rq.group import Group
from rq.job import Job, JobStatus, Retry
from rq.queue import Queue
from rq.utils import now
from rq.worker import BaseWorker, WorkerStatus

from workers.admission import Admission
from workers.owned import OwnedPipeline
from workers.recovery import NoDeathPenalty, requeue_stranded, take_up_abandoned

SOCKET_SECONDS = 10.0
INSIST_SECONDS = 30.0
ENTRIES_PER_COMMAND = 500

_execution: ContextVar[Execution | None] = ContextVar("execution", default=None)
_books: ContextVar[OwnedPipeline | None] = ContextVar("books", default=None)
_stopped_job_id: ContextVar[str | None] = ContextVar("stopped_job_id", default=None)

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Running:
    """A job that has been started and whose end is not yet written down.

    Attributes:
        task: ``None`` until there is one.
        cancelled_for: Why we cancelled it; ``None`` while we did not.
        ending: Its end is being written down; too late to cancel.
    """

    job: Job
    execution: Execution
    task: "asyncio.Task[None] | None" = None
    cancelled_for: Literal["stop-job", "give back"] | None = None
    ending: bool = False


class Bookkeeping(BaseWorker):
    """An RQ worker but for the running of jobs: starts, ends, heartbeats, recovery.

    Attributes:
        running: By execution id, the oldest first.
        at_each_beat: Called without arguments after each heartbeat, in its thread; keep them quick.
        no_more_patience: Once set, nothing is tried again.
    """

    death_penalty_class = NoDeathPenalty

    beat_seconds = 2.0
    dead_after_seconds = 10
    """A worker silent for so long is dead for other workers of this kind …"""
    margin_seconds = 5
    """… and for everybody else so much later, so that it is we who take up its jobs."""
    stranded_after_seconds = 6.0
    recovery_seconds = 2.0
    listed_seconds = 60
    """How long a dead worker is still listed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.log_job_description = False
        for queue in self.queues:  # RQ's worker-pool makes them without the serializer
            queue.serializer = self.serializer
        self.running: dict[str, Running] = {}
        self.at_each_beat: list[Callable[[], None]] = []
        self.no_more_patience = threading.Event()
        self._suspended = False
        self._seconds_behind_redis = 0.0
        self._tidied_at = float("-inf")

    # --- from start to end

    def admit(self, job_ids: Sequence[str]) -> list[Running]:
        """Start jobs that stand in the intermediate list; from now on they get heartbeats.

        Raises:
            RedisError: Perhaps none was started; recovery will find them.
        """
        admission = Admission(
            self.queues[0],
            job_ids,
            worker_name=self.name,
            expires_at=self._next_expiry(),
            log=self.log,
        )
        was_idle = not self.running
        claimed = self.insist(admission.claim, seconds=self.dead_after_seconds)
        admitted = [Running(job, execution) for job, execution in claimed]
        # Here and not on the loop, which may be blocked before it comes to know of them.
        self.running.update((running.execution.id, running) for running in admitted)
        for running in admitted:
            with suppress(Exception):  # an import takes its time here; its error comes again
                _ = running.job.func
        if was_idle and admitted:
            with self.connection.pipeline(transaction=False) as pipeline:
                self._write_presence(pipeline)
                pipeline.execute()
        return admitted

    def write_end(self, running: Running, result: object, error: BaseException | None) -> None:
        """Write down how a job ended: result, failure or retry; waits for Redis if it is away.

        Raises:
            RedisError: It stayed away; others will find the job without a heartbeat.
        """
        _execution.set(running.execution)
        if error is None:
            try:
                return self.insist(partial(self._succeed, running, result))
            except RedisError:
                raise
            except Exception as exc:  # its callback failed
                error = exc
        return self.insist(partial(self._fail, running, error))

    def register_birth(self) -> None:
        """Sign on; also where an earlier try has, and its answer was lost.

        Raises:
            ValueError: Another worker of this name lives.
        """
        super()._set_ip_address(self.connection)
        sign_on: Callable[[], None] = super().register_birth
        try:
            sign_on()
        except ValueError:
            known = self.connection.hmget(self.key, ["pid", "hostname"])
            if known != [str(self.pid).encode(), str(self.hostname).encode()]:
                raise

    def _set_ip_address(self, connection: "Redis") -> None:
        # RQ asks Redis for it when a worker is made, but it may be away then.
        self.ip_address = "unknown"

    def give_back(self, several: Sequence[Running]) -> None:
        """Put jobs at the front of their queue, the oldest first; no retry is used up."""
        with self.connection.pipeline() as pipeline:
            for running in reversed(several):
                running.ending = True
                running.execution.delete(job=running.job, pipeline=pipeline)
                running.job.started_at = running.job.worker_name = None
                self.queues[0]._enqueue_job(running.job, pipeline=pipeline, at_front=True)
            pipeline.execute()

    def insist(self, write: Callable[[], T], *, seconds: float = INSIST_SECONDS) -> T:
        """``write()``, again and again while Redis is away, but not for ever."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return write()
            except (RedisConnectionError, RedisTimeoutError):
                if self.no_more_patience.wait(0.2) or time.monotonic() > deadline:
                    raise

    def _succeed(self, running: Running, result: object) -> None:
        job, queue = running.job, self.queues[0]
        registry = queue.started_job_registry
        job.ended_at = now()
        job._result = result
        if isinstance(result, Retry):
            with self._if_ours(running) as (job, queue):
                self.handle_job_retry(job, queue, result, registry, running.execution)
            return
        job._status = JobStatus.FINISHED
        job.execute_success_callback(self.death_penalty_class, result)
        self.handle_job_success(job, queue, registry)
        job.send_webhooks(JobStatus.FINISHED)

    def _fail(self, running: Running, error: BaseException) -> None:
        self.connection.ping()  # RQ says nothing of a connection lost below
        job, queue = running.job, self.queues[0]
        registry = queue.started_job_registry
        job.ended_at = now()
        if running.cancelled_for == "stop-job":
            _stopped_job_id.set(job.id)
            with suppress(Exception):  # RQ has logged it
                job.execute_stopped_callback(self.death_penalty_class)
            with self._if_ours(running) as (job, queue):
                self.handle_job_failure(job, queue, registry, exc_string="Job stopped by user.")
            return
        job._status = JobStatus.FAILED
        try:
            job.execute_failure_callback(
                self.death_penalty_class, type(error), error, error.__traceback__
            )
        except Exception as exc:
            error = exc
        self.handle_exception(job, type(error), error, error.__traceback__)
        reason = "".join(traceback.format_exception(error))
        with self._if_ours(running) as (job, queue):
            self.handle_job_failure(job, queue, registry, exc_string=reason)

    @contextmanager
    def _if_ours(self, running: Running) -> Iterator[tuple[Job, Queue]]:
        """The job and its queue, for RQ to write down its end: all of it, or nothing where another
        worker has taken the job over.

        Raises:
            RedisError: Perhaps nothing was written; do it again, which changes nothing twice.
        """
        queue = self.queues[0]
        queue.get_redis_server_version()  # it is asked once and kept: not through the pipeline
        owned = OwnedPipeline(
            self.connection,
            running_key=queue.started_job_registry.key,
            entry=running.execution.composite_key,
        )
        # Copies: a second try counts the job's tries down from where they stood before the first.
        job, queue = copy(running.job), copy(queue)
        job.connection = queue.connection = owned
        was = _books.set(owned)
        try:
            yield job, queue
        finally:
            _books.reset(was)
            owned.reset()
        if owned.failure is not None:
            raise owned.failure
        if owned.ours is False:
            self.log.warning("Worker %s: job %s is another worker's by now", self.name, job.id)

    # --- signs of life

    def beat(self) -> None:
        """Say that the worker and all its jobs live."""
        entries = [one.execution.composite_key for one in list(self.running.values())]
        expires_at = self._next_expiry()
        with self.connection.pipeline(transaction=False) as pipeline:
            self.heartbeat(self.listed_seconds, pipeline=pipeline)
            pipeline.time()
            self._write_presence(pipeline)
            for start in range(0, len(entries), ENTRIES_PER_COMMAND):
                batch = dict.fromkeys(entries[start : start + ENTRIES_PER_COMMAND], expires_at)
                # Only those still there: a job may have ended since, or been declared dead.
                pipeline.zadd(self.queues[0].started_job_registry.key, batch, xx=True)
            is_first_sign, _, (redis_seconds, _), *_ = pipeline.execute()
            self._seconds_behind_redis = redis_seconds - time.time()
            if is_first_sign:  # Redis has lost our record
                pipeline.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, pipeline)
                pipeline.execute()
        for call in self.at_each_beat:
            call()

    def _next_expiry(self) -> int:
        # By Redis's clock: a machine whose own is wrong must not look dead to the others.
        redis_now = time.time() + self._seconds_behind_redis
        return int(redis_now) + self.dead_after_seconds + self.margin_seconds

    def _write_presence(self, pipeline: Pipeline) -> None:
        """State and current job (the oldest), as ``rq info`` and dashboards show them."""
        alive = (one.job.id for one in list(self.running.values()) if not one.ending)
        oldest = next(alive, None)
        idle = WorkerStatus.SUSPENDED if self._suspended else WorkerStatus.IDLE
        self.set_state(WorkerStatus.BUSY if oldest else idle, pipeline=pipeline)
        self.set_current_job_id(oldest, pipeline=pipeline)

    def teardown(self) -> None:
        """Sign off; without Redis, the worker's record expires by itself."""
        steps: list[Callable[[], None]] = [self.register_death, self.unsubscribe]
        for sign_off in steps:
            try:
                sign_off()
            except RedisError as exc:
                self.log.warning("Worker %s: cannot sign off: %s", self.name, type(exc).__name__)

    # --- recovery

    def recover(self) -> None:
        """Take up what dead workers left; now and then, tidy up."""
        self._take_up()
        if time.monotonic() > self._tidied_at + self.maintenance_interval:
            self._tidied_at = time.monotonic()
            worker_registration.clean_worker_registry(self.queues[0])
            Group.clean_registries(self.connection)

    def clean_registries(self) -> None:
        """Take up what dead workers left, and forget them."""
        self._take_up()
        worker_registration.clean_worker_registry(self.queues[0])

    def _take_up(self) -> None:
        queue = self.queues[0]
        moved = requeue_stranded(queue, older_than_seconds=self.stranded_after_seconds)
        if moved:
            self.log.warning("Worker %s: %d stranded jobs queued again", self.name, len(moved))
        take_up_abandoned(
            queue, early_seconds=self.margin_seconds, exception_handlers=self._exc_handlers
        )

    # --- what RQ asks of a worker with one job, answered for the job of this context

    @property
    def connection(self) -> "Redis":
        """Where RQ writes in this context."""
        return _books.get() or self._connection

    @connection.setter
    def connection(self, connection: "Redis") -> None:
        self._connection = connection

    @property
    def execution(self) -> Execution | None:
        """The execution that this context is about."""
        return _execution.get()

    @execution.setter
    def execution(self, execution: Execution | None) -> None:
        _execution.set(execution)

    @property
    def _stopped_job_id(self) -> str | None:
        return _stopped_job_id.get()

    @_stopped_job_id.setter
    def _stopped_job_id(self, job_id: str | None) -> None:
        _stopped_job_id.set(job_id)

    @property
    def connection_timeout(self) -> int:
        """How long RQ lets one Redis command take, in seconds."""
        return int(SOCKET_SECONDS)

    def get_heartbeat_ttl(self, job: Job) -> int:
        """How long a job stands as running without a heartbeat, in seconds."""
        return self.dead_after_seconds + self.margin_seconds

    def cleanup_execution(self, job: Job, pipeline: Pipeline) -> None:
        """Remove the record of the execution that this context is about."""
        execution = _execution.get()
        if execution is not None:
            # Not forgotten here, as RQ does: it comes again when dependents changed meanwhile.
            execution.delete(job=job, pipeline=pipeline)
        self._write_presence(pipeline)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log why a job failed, without its arguments, and tell RQ's exception handlers."""
        self.log.error(
            "Worker %s: job %s failed\n%s",
            self.name,
            job.id,
            "".join(traceback.format_exception(*exc_info)),
            extra={"queue": job.origin, "job_id": job.id},
        )
        for handler in self._exc_handlers:
            if handler(job, *exc_info) is False:
                break

    def unsubscribe(self) -> None:
        """Take no more commands."""
        if self.pubsub is not None and self.pubsub_thread is not None:
            self.pubsub_thread.stop()  # before the message that wakes it, or it sleeps again
            self.pubsub.unsubscribe()
            self.pubsub_thread.join(timeout=1)

    def _pubsub_exception_handler(self, exc: Exception, *_: object) -> None:
        # Whatever it is, commands must get through again afterwards.
        self.log.warning("Worker %s: subscription: %s", self.name, type(exc).__name__)
        self.no_more_patience.wait(1.0)
