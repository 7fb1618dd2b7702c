"""An RQ worker that runs many coroutine jobs on one event loop.

It is a true RQ worker: registries, results, retries, ``rq info``, rq-dashboard and stop-job work as
with RQ's own. RQ's bookkeeping is called as it is, in a few threads, with one context for each job.
Written for RQ 2.11 and 2.12; RQ 3 is to bring a worker of this kind, which may then replace it.
"""

import asyncio
import contextvars
import inspect
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from redis.asyncio import Redis as AsyncRedis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import worker_registration
from rq.command import parse_payload
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.executions import Execution
from rq.group import Group
from rq.job import Job, JobStatus, Retry
from rq.scheduler import RQScheduler
from rq.suspension import WORKERS_SUSPENDED
from rq.timeouts import JobTimeoutException
from rq.utils import as_text, current_timestamp, now
from rq.worker import BaseWorker, DequeueStrategy, WorkerStatus

from workers.admission import Admission
from workers.heartbeat import Heartbeat
from workers.recovery import NoDeathPenalty, requeue_stranded, take_up_abandoned
from workers.twin import async_twin

current_worker: ContextVar["AsyncWorker"] = ContextVar("current_worker")
"""The worker that runs this code; set in its lifespan and in coroutine jobs."""

current_job: ContextVar[Job] = ContextVar("current_job")
"""The job that runs this code; ``rq.get_current_job`` knows it in plain functions only."""

_execution: ContextVar[Execution | None] = ContextVar("execution", default=None)
_stopped_job_id: ContextVar[str | None] = ContextVar("stopped_job_id", default=None)

T = TypeVar("T")

IO_THREADS = 4
LARGEST_BATCH = 64
POP_SECONDS = 1  # short: nothing to cancel when the worker is to stop
SOCKET_SECONDS = 10.0
ENTRIES_PER_COMMAND = 500
INSIST_SECONDS = 30.0
SCHEDULER_LOCK_SECONDS = 15
SAME_SIGNAL_SECONDS = 0.1  # a terminal and a parent process pass on one Ctrl-C twice


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


class AsyncWorker(BaseWorker):
    """Runs up to ``max_concurrency`` jobs of one queue at a time, for as long as ``work`` runs.

    Coroutine functions share the loop; plain functions get a thread each. Of RQ's options it takes
    no notice of ``worker_ttl`` and ``job_monitoring_interval`` (the class attributes below stand in
    their place), nor of ``dequeue_strategy``, and it never logs descriptions.

    Args:
        max_concurrency: ``None`` (as under RQ's own command line) reads ``WORKER_MAX_CONCURRENCY``,
            else 200.
        drain_seconds: How long running jobs may go on after SIGTERM before they are given back;
            ``None`` reads ``WORKER_DRAIN_SECONDS``, else 25.
        lifespan: Makes the context manager that is entered on the loop before the first job is
            taken and left after the last has ended. Jobs see the context variables it sets.

    Attributes:
        at_each_beat: Called without arguments from the heartbeat's thread; keep them quick.
        exit_stack: What jobs enter here is left after the last job has ended.
    """

    death_penalty_class = NoDeathPenalty

    beat_seconds = 2.0
    dead_after_seconds = 10
    """A worker silent for so long is dead for other workers of this kind …"""
    margin_seconds = 5
    """… and for everybody else so much later. Clocks of machines may differ by less than this."""
    stranded_after_seconds = 6.0
    recovery_seconds = 2.0
    blocked_seconds = 1.0
    cancel_seconds = 10.0
    """How long a cancelled job may take to end (a send that has begun goes on to its end)."""
    hash_seconds = 60
    """How long a dead worker is still listed."""

    def __init__(
        self,
        *args: Any,
        max_concurrency: int | None = None,
        drain_seconds: float | None = None,
        lifespan: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.log_job_description = False
        self.max_concurrency = max_concurrency or int(os.getenv("WORKER_MAX_CONCURRENCY", "200"))
        if drain_seconds is None:
            drain_seconds = float(os.getenv("WORKER_DRAIN_SECONDS", "25"))
        self.drain_seconds = drain_seconds
        self.lifespan = lifespan
        self.at_each_beat: list[Callable[[], None]] = []
        self.exit_stack = AsyncExitStack()
        self._running: dict[str, Running] = {}
        self._suspended = False
        self._suspension_read_at = 0.0
        self._tidied_at = float("-inf")
        self._stop_at = 0.0

    def work(
        self,
        burst: bool = False,
        logging_level: str | None = None,
        date_format: str = DEFAULT_LOGGING_DATE_FORMAT,
        log_format: str = DEFAULT_LOGGING_FORMAT,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,
        dequeue_strategy: DequeueStrategy = DequeueStrategy.DEFAULT,
    ) -> bool:
        """Run jobs until told to stop; whether there were any.

        Raises:
            ValueError: There is not exactly one queue, or a worker of this name lives.
        """
        if len(self.queues) != 1:
            raise ValueError("AsyncWorker serves one queue: with several, RQ loses jobs in a crash")
        runner = asyncio.Runner(loop_factory=_loop_factory())
        bootstrap = partial(self.bootstrap, logging_level, date_format, log_format)
        worked = runner.run(self._main(bootstrap, burst, max_jobs, max_idle_time, with_scheduler))
        if not self._running:  # else closing would wait for a job that will not end
            runner.close()
        return worked

    async def _main(
        self,
        bootstrap: Callable[[], None],
        burst: bool,
        max_jobs: int | None,
        max_idle_time: int | None,
        with_scheduler: bool,
    ) -> bool:
        self._loop = asyncio.get_running_loop()
        self._stop, self._stop_at_once, self._slot_freed = (asyncio.Event() for _ in range(3))
        self._threads = ThreadPoolExecutor(IO_THREADS, thread_name_prefix="rq")
        self._loop.add_signal_handler(signal.SIGTERM, self._request_stop)
        self._loop.add_signal_handler(
            signal.SIGINT, partial(self._request_stop, at_once_if_again=True)
        )
        current_worker.set(self)
        async with AsyncExitStack() as stack:
            stack.callback(self._threads.shutdown, wait=False)
            await stack.enter_async_context(self.lifespan())
            await stack.enter_async_context(self.exit_stack)
            await self._in_pool(bootstrap)
            stack.push_async_callback(self._in_pool, self.teardown)
            heartbeat = Heartbeat(
                self._loop,
                self._beat,
                beat_seconds=self.beat_seconds,
                blocked_seconds=self.blocked_seconds,
                log=self.log,
            )
            heartbeat.start()
            stack.push_async_callback(self._in_pool, heartbeat.stop)
            tasks = [asyncio.create_task(self._recover(), name="recovery")]
            if with_scheduler:
                tasks.append(asyncio.create_task(self._schedule(), name="scheduler"))
            try:
                started = await self._take_jobs(burst, max_jobs, max_idle_time)
            finally:
                await self._drain()
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks, timeout=self.cancel_seconds)
            return started > 0

    # --- taking jobs

    async def _take_jobs(self, burst: bool, max_jobs: int | None, max_idle_time: int | None) -> int:
        """Take and start jobs until told to stop, or for a reason given; how many were started."""
        started, batch, busy_at = 0, 1, time.monotonic()
        async with async_twin(self.connection, socket_timeout=SOCKET_SECONDS) as redis:
            while not self._stop.is_set():
                room = self.max_concurrency - len(self._running)
                if max_jobs is not None:
                    room = min(room, max_jobs - started)
                if room > 0:
                    try:
                        if await self._look_for_suspension(redis):
                            if burst:
                                break
                            continue
                        ids = await self._pop(redis, min(room, batch), wait=not burst)
                        started += await self._start(ids) if ids else 0
                    except (RedisError, OSError) as exc:
                        await self._wait_for_redis(redis, exc)
                        continue
                    batch = min(2 * len(ids), LARGEST_BATCH) or 1
                    if ids or self._running:
                        busy_at = time.monotonic()
                    elif max_idle_time is not None and time.monotonic() - busy_at > max_idle_time:
                        break
                    if ids or not burst:
                        continue
                if not self._running:  # nothing left to come: burst, or max_jobs
                    break
                await self._slot()
        return started

    async def _pop(self, redis: AsyncRedis, limit: int, *, wait: bool) -> list[str]:
        """Move up to ``limit`` job ids to the intermediate list; ``[]`` after a while without."""
        source, target = self.queues[0].key, self.queues[0].intermediate_queue_key
        if wait:
            first = await redis.blmove(source, target, POP_SECONDS)
        else:
            first = await redis.lmove(source, target)
        if first is None or limit == 1:
            return [] if first is None else [as_text(first)]
        pipeline = redis.pipeline(transaction=False)
        for _ in range(limit - 1):
            pipeline.lmove(source, target)
        return [as_text(job_id) for job_id in (first, *await pipeline.execute()) if job_id]

    async def _start(self, job_ids: list[str]) -> int:
        admitted = await self._in_pool(self._admit, job_ids)
        if self._stop.is_set():
            return 0  # they came in at the last moment; the drain gives them back
        for running in admitted:
            running.task = asyncio.create_task(self._run(running), name=f"job {running.job.id}")
        return len(admitted)

    def _admit(self, job_ids: list[str]) -> list[Running]:
        admission = Admission(
            self.queues[0],
            job_ids,
            worker_name=self.name,
            beat_ttl=self._beat_ttl,
            log=self.log,
        )
        was_idle = not self._running
        claimed = self._insist(admission.claim, seconds=self.dead_after_seconds)
        admitted = [Running(job, execution) for job, execution in claimed]
        # Here and not on the loop: from now on they need heartbeats, even if the loop is blocked.
        self._running.update((running.execution.id, running) for running in admitted)
        for running in admitted:
            with suppress(Exception):  # the import must not block the loop; its error comes again
                _ = running.job.func
        if was_idle and admitted:
            with self.connection.pipeline(transaction=False) as pipeline:
                self._write_presence(pipeline)
                pipeline.execute()
        return admitted

    async def _look_for_suspension(self, redis: AsyncRedis) -> bool:
        """Whether ``rq suspend`` holds, as of the last second; then it has lasted for another."""
        if not self._suspended and time.monotonic() < self._suspension_read_at + 1:
            return False
        suspended = bool(await redis.exists(WORKERS_SUSPENDED))
        self._suspension_read_at = time.monotonic()
        if suspended != self._suspended:
            self.log.info("Worker %s: %s", self.name, "suspended" if suspended else "resumed")
        self._suspended = suspended
        if suspended:
            await self._pause(1.0)
        return suspended

    async def _wait_for_redis(self, redis: AsyncRedis, exc: Exception) -> None:
        self.log.warning("Worker %s: cannot take jobs: %s", self.name, type(exc).__name__)
        while not self._stop.is_set():
            await self._pause(0.5)
            with suppress(RedisError, OSError):
                await redis.ping()
                return

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _slot(self, until: float | None = None) -> None:
        """Return when a job has ended, the worker is told to stop (once more), or time is up."""
        self._slot_freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._slot_freed.wait()

    # --- running one

    async def _run(self, running: Running) -> None:
        job, result, error = running.job, None, None
        _execution.set(running.execution)
        current_job.set(job)
        try:
            result = await self._perform(job)
        except BaseException as exc:  # also what would end the process: here it ends the job
            if running.cancelled_for == "give back":
                return
            error = exc
        running.ending = True
        try:
            await self._in_pool(self._write_end, running, result, error)
        except Exception as exc:
            # The next to take it up is whoever finds it without a heartbeat.
            self.log.error("the end of job %s is not recorded: %s", job.id, type(exc).__name__)
        finally:
            del self._running[running.execution.id]
            self._slot_freed.set()

    async def _perform(self, job: Job) -> object:
        seconds = job.timeout or self.queue_class.DEFAULT_TIMEOUT
        limit = asyncio.timeout(seconds if seconds > 0 else None)
        try:
            async with limit:
                function = job.func
                if inspect.iscoroutinefunction(function):
                    return await function(*job.args, **job.kwargs)
                return await _in_thread_of_its_own(job.perform, name=f"job {job.id}")
        except TimeoutError as exc:
            if limit.expired():
                message = f"Task exceeded maximum timeout value ({seconds} seconds)"
                raise JobTimeoutException(message) from exc
            raise

    def _write_end(self, running: Running, result: object, error: BaseException | None) -> None:
        if error is None:
            try:
                return self._insist(partial(self._succeed, running, result))
            except RedisError:
                raise
            except Exception as exc:  # its callback failed, or the result cannot be stored
                error = exc
        return self._insist(partial(self._fail, running, error))

    def _succeed(self, running: Running, result: object) -> None:
        job, queue = running.job, self.queues[0]
        registry = queue.started_job_registry
        job.ended_at = now()
        job._result = result
        if isinstance(result, Retry):
            self.handle_job_retry(job, queue, result, registry, running.execution)
            return
        job._status = JobStatus.FINISHED
        job.execute_success_callback(self.death_penalty_class, result)
        self.handle_job_success(job, queue, registry)
        job.send_webhooks(JobStatus.FINISHED)

    def _fail(self, running: Running, error: BaseException) -> None:
        self.connection.ping()  # RQ says nothing of a connection lost below
        job, queue = running.job, self.queues[0]
        job.ended_at = now()
        if running.cancelled_for == "stop-job":
            _stopped_job_id.set(job.id)
            with suppress(Exception):  # RQ has logged it
                job.execute_stopped_callback(self.death_penalty_class)
            reason = "Job stopped by user."
            self.handle_job_failure(job, queue, queue.started_job_registry, exc_string=reason)
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
        self.handle_job_failure(job, queue, queue.started_job_registry, exc_string=reason)

    def _insist(self, write: Callable[[], T], *, seconds: float = INSIST_SECONDS) -> T:
        """``write()``, again and again while Redis is away, but not for ever."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return write()
            except (RedisConnectionError, RedisTimeoutError):
                if self._stop_at_once.is_set() or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    async def _in_pool(self, call: Callable[..., T], *args: Any) -> T:
        """``call(*args)`` in a thread, with the caller's context: RQ speaks to Redis and waits."""
        run = contextvars.copy_context().run
        return await self._loop.run_in_executor(self._threads, run, call, *args)

    # --- stopping

    def _request_stop(self, *, at_once_if_again: bool = False) -> None:
        if not self._stop.is_set():
            self._shutdown_requested_date, self._stop_at = now(), self._loop.time()
            self._stop.set()
            self.log.info("Worker %s: stopping, %d jobs run", self.name, len(self._running))
        elif at_once_if_again and self._loop.time() > self._stop_at + SAME_SIGNAL_SECONDS:
            self.log.warning("Worker %s: stopping at once", self.name)
            self._stop_at_once.set()
        self._slot_freed.set()

    async def _drain(self) -> None:
        """Let running jobs end; at the deadline, cancel the rest and give them back."""
        deadline = (self._stop_at or self._loop.time()) + self.drain_seconds
        while self._tasks() and self._loop.time() < deadline and not self._stop_at_once.is_set():
            await self._slot(until=deadline)
        for running in list(self._running.values()):
            self._cancel(running, "give back")
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=self.cancel_seconds)
        rest = [running for running in self._running.values() if not running.ending]
        if rest:
            self.log.info("Worker %s: giving back %d jobs", self.name, len(rest))
            await self._in_pool(self._insist, partial(self._give_back, rest))
            for running in rest:
                if running.task is None or running.task.done():
                    del self._running[running.execution.id]

    def _tasks(self) -> "list[asyncio.Task[None]]":
        return [one.task for one in self._running.values() if one.task and not one.task.done()]

    def _cancel(self, running: Running, why: Literal["stop-job", "give back"]) -> None:
        if running.task and not running.ending and not running.cancelled_for:
            running.cancelled_for = why
            # A step later: a task cancelled before its first step never knows.
            self._loop.call_soon(running.task.cancel)

    def _give_back(self, several: list[Running]) -> None:
        """Put jobs at the front of their queue, the oldest first; no retry is used up."""
        with self.connection.pipeline() as pipeline:
            for running in reversed(several):
                running.ending = True
                running.execution.delete(job=running.job, pipeline=pipeline)
                running.job.started_at = running.job.worker_name = None
                self.queues[0]._enqueue_job(running.job, pipeline=pipeline, at_front=True)
            pipeline.execute()

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Obey a command from RQ or rq-dashboard; called on the subscription's thread."""
        payload = parse_payload(message)
        if payload["command"] == "stop-job":
            self._loop.call_soon_threadsafe(self._stop_job, payload.get("job_id"))
        elif payload["command"] == "shutdown":
            self._loop.call_soon_threadsafe(self._request_stop)
        else:
            self.log.info("Worker %s: no such command here: %s", self.name, payload["command"])

    def _stop_job(self, job_id: str | None) -> None:
        for running in list(self._running.values()):
            if running.job.id == job_id:
                self._cancel(running, "stop-job")

    # --- signs of life

    @property
    def _beat_ttl(self) -> int:
        return self.dead_after_seconds + self.margin_seconds

    def _beat(self) -> None:
        """Say that the worker and all its jobs live; on the heartbeat's thread."""
        entries = [one.execution.composite_key for one in list(self._running.values())]
        expires_at = current_timestamp() + self._beat_ttl
        with self.connection.pipeline(transaction=False) as pipeline:
            self.heartbeat(self.hash_seconds, pipeline=pipeline)
            self._write_presence(pipeline)
            for start in range(0, len(entries), ENTRIES_PER_COMMAND):
                batch = entries[start : start + ENTRIES_PER_COMMAND]
                # Only those still there: a job may have ended since, or been declared dead.
                pipeline.zadd(
                    self.queues[0].started_job_registry.key,
                    dict.fromkeys(batch, expires_at),
                    xx=True,
                )
            first_sign = pipeline.execute()[0]
            if first_sign:  # Redis has lost our record
                pipeline.hset(self.key, mapping=self.serialize())
                worker_registration.register(self, pipeline)
                pipeline.execute()
        for call in self.at_each_beat:
            call()

    def _write_presence(self, pipeline: Pipeline) -> None:
        """State and current job (the oldest), as ``rq info`` and dashboards show them."""
        alive = (one.job.id for one in list(self._running.values()) if not one.ending)
        oldest = next(alive, None)
        idle = WorkerStatus.SUSPENDED if self._suspended else WorkerStatus.IDLE
        self.set_state(WorkerStatus.BUSY if oldest else idle, pipeline=pipeline)
        self.set_current_job_id(oldest, pipeline=pipeline)

    # --- tasks beside the jobs

    async def _recover(self) -> None:
        """Take up what dead workers left, every ``recovery_seconds``."""
        await self._repeat(self._recover_once, every_seconds=self.recovery_seconds)

    def _recover_once(self) -> None:
        self._take_up()
        if time.monotonic() > self._tidied_at + self.maintenance_interval:
            self._tidied_at = time.monotonic()
            self.clean_registries()
            Group.clean_registries(self.connection)

    def _take_up(self) -> None:
        queue = self.queues[0]
        moved = requeue_stranded(queue, older_than_seconds=self.stranded_after_seconds)
        if moved:
            self.log.warning("Worker %s: %d stranded jobs queued again", self.name, len(moved))
        take_up_abandoned(
            queue, early_seconds=self.margin_seconds, exception_handlers=self._exc_handlers
        )

    async def _schedule(self) -> None:
        """Queue what is due (delayed retries, scheduled jobs), unless another worker does."""
        scheduler: Any = RQScheduler(
            self.queues,
            connection=self.connection,
            interval=SCHEDULER_LOCK_SECONDS - 60,  # RQ holds its lock for 60 s more
            logging_level=self.log.level,
            serializer=self.serializer,
        )
        scheduler._connection = self.connection  # else it makes one, which fails behind Sentinel

        def tick() -> None:
            if not scheduler.acquired_locks:
                scheduler.acquire_locks()
            if scheduler.acquired_locks:
                scheduler.heartbeat()
                scheduler.enqueue_scheduled_jobs()

        try:
            await self._repeat(scheduler.register_birth, tick, every_seconds=1.0)
        finally:
            with suppress(RedisError):
                await self._in_pool(scheduler.stop)

    async def _repeat(self, *calls: Callable[[], object], every_seconds: float) -> None:
        """Make the calls in the pool, again and again; log errors, once while they last."""
        trouble: type[Exception] | None = None
        while True:
            try:
                for call in calls:
                    await self._in_pool(call)
                trouble = None
            except Exception as exc:
                if type(exc) is not trouble:
                    self.log.warning("Worker %s: %r failed", self.name, call, exc_info=True)
                trouble = type(exc)
            await asyncio.sleep(every_seconds)

    # --- what RQ asks of a worker with one job at a time, answered for many

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
        return self._beat_ttl

    def cleanup_execution(self, job: Job, pipeline: Pipeline) -> None:
        """Remove the record of the execution that this context is about."""
        execution = _execution.get()
        if execution is not None:
            # Not forgotten here, as RQ does: it comes again when dependents changed meanwhile.
            execution.delete(job=job, pipeline=pipeline)
        self._write_presence(pipeline)

    def clean_registries(self) -> None:
        """Take up what dead workers left, and forget them."""
        self._take_up()
        worker_registration.clean_worker_registry(self.queues[0])

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

    def _pubsub_exception_handler(self, exc: Exception, *_: object) -> None:
        # Whatever it is, commands must get through again afterwards.
        self.log.warning("Worker %s: subscription: %s", self.name, type(exc).__name__)
        time.sleep(1.0)

    def teardown(self) -> None:
        """Sign off; without Redis, the worker's record expires by itself."""
        steps: list[Callable[[], None]] = [self.register_death, self.unsubscribe]
        for sign_off in steps:
            try:
                sign_off()
            except RedisError as exc:
                self.log.warning("Worker %s: cannot sign off: %s", self.name, type(exc).__name__)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


async def _in_thread_of_its_own(call: Callable[[], T], *, name: str) -> T:
    """``call()`` in a new thread, which does not keep the process alive.

    Cancelled, it goes on unobserved to its end: a thread cannot be stopped.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as exc:
            outcome.set_exception(exc)
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=[run], name=name, daemon=True).start()
    await ended.wait()
    return outcome.result()
