"""An RQ worker that runs many coroutine jobs on one event loop.

It is a true RQ worker: registries, results, retries, ``rq info``, rq-dashboard and stop-job work as
with RQ's own. Written for RQ 2.11 and 2.12; RQ 3 is to bring a worker of this kind, which may then
replace it.
"""

import asyncio
import contextvars
import inspect
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, Literal, TypeVar

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError
from rq.command import parse_payload
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.job import Job
from rq.scheduler import RQScheduler
from rq.suspension import WORKERS_SUSPENDED
from rq.timeouts import JobTimeoutException
from rq.utils import as_text, now
from rq.worker import DequeueStrategy

from workers.bookkeeping import SOCKET_SECONDS, Bookkeeping, Running
from workers.heartbeat import Heartbeat
from workers.twin import async_twin

current_worker: ContextVar["AsyncWorker"] = ContextVar("current_worker")
"""The worker that runs this code; set in its lifespan and in its jobs."""

current_job: ContextVar[Job] = ContextVar("current_job")
"""The job that runs this code; ``rq.get_current_job`` knows it in plain functions only."""

T = TypeVar("T")

IO_THREADS = 4
LARGEST_BATCH = 64
POP_SECONDS = 1  # short: nothing to cancel when the worker is to stop
SCHEDULER_LOCK_SECONDS = 5  # a dead holder keeps every delayed job waiting for so long
SAME_SIGNAL_SECONDS = 0.1  # a terminal and a parent process pass on one Ctrl-C twice


class AsyncWorker(Bookkeeping):
    """Runs up to ``max_concurrency`` jobs of one queue at a time, for as long as ``work`` runs.

    Coroutine functions share the loop; plain functions get a thread each. Of RQ's options it takes
    no notice of ``worker_ttl`` and ``job_monitoring_interval`` (class attributes stand in their
    place), nor of ``dequeue_strategy``, and it never logs descriptions.

    Args:
        max_concurrency: ``None`` (as under RQ's own command line) reads ``WORKER_MAX_CONCURRENCY``,
            else 200.
        drain_seconds: How long running jobs may go on after SIGTERM before they are given back;
            ``None`` reads ``WORKER_DRAIN_SECONDS``, else 25.
        lifespan: Makes the context manager that is entered on the loop before the first job is
            taken and left after the last has ended. Jobs see the context variables it sets.

    Attributes:
        exit_stack: What jobs enter here is left after the last job has ended.
        beating: Its heartbeat; ``None`` until it has begun.
    """

    blocked_seconds = 1.0
    """A loop that has not turned for so long is reported."""
    cancel_seconds = 10.0
    """How long a cancelled job may take to end (a send that has begun goes on to its end)."""

    def __init__(
        self,
        *args: Any,
        max_concurrency: int | None = None,
        drain_seconds: float | None = None,
        lifespan: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.max_concurrency = max_concurrency or int(os.getenv("WORKER_MAX_CONCURRENCY", "200"))
        if drain_seconds is None:
            drain_seconds = float(os.getenv("WORKER_DRAIN_SECONDS", "25"))
        self.drain_seconds = drain_seconds
        self.lifespan = lifespan
        self.exit_stack = AsyncExitStack()
        self.beating: Heartbeat | None = None
        self._suspension_read_at = 0.0
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
        sign_on = partial(self.bootstrap, logging_level, date_format, log_format)
        worked = runner.run(self._main(sign_on, burst, max_jobs, max_idle_time, with_scheduler))
        if not self.running:  # else closing would wait for a job that will not end
            runner.close()
        return worked

    async def _main(
        self,
        sign_on: Callable[[], None],
        burst: bool,
        max_jobs: int | None,
        max_idle_time: int | None,
        with_scheduler: bool,
    ) -> bool:
        self._loop = asyncio.get_running_loop()
        self._stop, self._slot_freed = asyncio.Event(), asyncio.Event()
        self._threads = ThreadPoolExecutor(IO_THREADS, thread_name_prefix="rq")
        self._loop.add_signal_handler(signal.SIGTERM, self._request_stop)
        self._loop.add_signal_handler(signal.SIGINT, partial(self._request_stop, may_hurry=True))
        current_worker.set(self)
        async with AsyncExitStack() as stack:
            stack.callback(self._threads.shutdown, wait=False)
            await stack.enter_async_context(self.lifespan())
            await stack.enter_async_context(self.exit_stack)
            if not await self._signed_on(sign_on):
                return False
            stack.push_async_callback(self._in_pool, self.teardown)
            await self._in_pool(self.beat)
            self.beating = heartbeat = Heartbeat(
                self._loop,
                self.beat,
                beat_seconds=self.beat_seconds,
                blocked_seconds=self.blocked_seconds,
                log=self.log,
            )
            heartbeat.start()
            stack.push_async_callback(self._in_pool, heartbeat.stop)
            recovering = self._repeat(self.recover, every_seconds=self.recovery_seconds)
            tasks = [asyncio.create_task(recovering, name="recovery")]
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

    async def _signed_on(self, sign_on: Callable[[], None]) -> bool:
        """Sign on, as soon as Redis is there; ``False`` when told to stop before that."""
        is_told = False
        while not self._stop.is_set():
            try:
                await self._in_pool(sign_on)
                return True
            except AuthenticationError:
                raise  # no patience brings the right password
            except (RedisError, OSError) as exc:
                if not is_told:
                    name = type(exc).__name__
                    self.log.warning("Worker %s: waiting for Redis: %s", self.name, name)
                is_told = True
            await self._pause(0.5)
        return False

    # --- taking jobs

    async def _take_jobs(self, burst: bool, max_jobs: int | None, max_idle_time: int | None) -> int:
        """Take and start jobs until told to stop, or for a reason given; how many were started."""
        started, batch, busy_at = 0, 1, time.monotonic()
        patience = math.inf if max_idle_time is None else max_idle_time
        async with async_twin(self.connection, socket_timeout=SOCKET_SECONDS) as redis:
            while not self._stop.is_set():
                room = self.max_concurrency - len(self.running)
                if max_jobs is not None:
                    room = min(room, max_jobs - started)
                if room <= 0:
                    if not self.running:
                        break
                    await self._slot()
                    continue
                try:
                    if await self._is_suspended(redis):
                        if burst:
                            break
                        continue
                    job_ids = await self._pop(redis, min(room, batch), wait=not burst)
                    started += await self._start(job_ids) if job_ids else 0
                except (RedisError, OSError) as exc:
                    await self._wait_for_redis(redis, exc)
                    continue
                batch = min(2 * len(job_ids), LARGEST_BATCH) or 1
                if job_ids or self.running:
                    busy_at = time.monotonic()
                if burst and self.running and not job_ids:
                    await self._slot()
                elif not job_ids and (burst or time.monotonic() - busy_at > patience):
                    break
        return started

    async def _pop(self, redis: Redis, limit: int, *, wait: bool) -> list[str]:
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
        admitted = await self._in_pool(self.admit, job_ids)
        if self._stop.is_set():
            return 0  # they came in at the last moment; the drain gives them back
        for running in admitted:
            running.task = asyncio.create_task(self._run(running), name=f"job {running.job.id}")
        return len(admitted)

    async def _is_suspended(self, redis: Redis) -> bool:
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

    async def _wait_for_redis(self, redis: Redis, exc: Exception) -> None:
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
        result, error = None, None
        current_job.set(running.job)
        try:
            result = await self._perform(running.job)
        except BaseException as exc:  # also what would end the process: here it ends the job
            if running.cancelled_for == "give back":
                return
            error = exc
        running.ending = True
        try:
            await self._in_pool(self.write_end, running, result, error)
        except Exception as exc:
            name = type(exc).__name__
            self.log.error("the end of job %s is not written down: %s", running.job.id, name)
        finally:
            del self.running[running.execution.id]
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

    async def _in_pool(self, call: Callable[..., T], *args: Any) -> T:
        """``call(*args)`` in a thread, with a copy of the caller's context."""
        run = contextvars.copy_context().run
        return await self._loop.run_in_executor(self._threads, run, call, *args)

    # --- stopping

    def _request_stop(self, *, may_hurry: bool = False) -> None:
        if not self._stop.is_set():
            self._shutdown_requested_date, self._stop_at = now(), self._loop.time()
            self._stop.set()
            self.log.info("Worker %s: stopping, %d jobs run", self.name, len(self.running))
        elif may_hurry and self._loop.time() > self._stop_at + SAME_SIGNAL_SECONDS:
            self.log.warning("Worker %s: stopping at once", self.name)
            self.no_more_patience.set()
        self._slot_freed.set()

    def ends_at(self) -> float:
        """The loop's time at which running jobs are cancelled; infinite before a stop."""
        return self._stop_at + self.drain_seconds if self._stop_at else math.inf

    async def _drain(self) -> None:
        """Let running jobs end; at the deadline, cancel the rest and give them back."""
        deadline = (self._stop_at or self._loop.time()) + self.drain_seconds
        while self._tasks() and self._loop.time() < deadline and not self.no_more_patience.is_set():
            await self._slot(until=deadline)
        for running in list(self.running.values()):
            self._cancel(running, "give back")
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=self.cancel_seconds)
        rest = [running for running in self.running.values() if not running.ending]
        if not rest:
            return
        self.log.info("Worker %s: giving back %d jobs", self.name, len(rest))
        try:
            await self._in_pool(self.insist, partial(self.give_back, rest))
        except RedisError as exc:  # others will find them without a heartbeat
            self.log.error("Worker %s: cannot give back: %s", self.name, type(exc).__name__)
        for running in rest:
            if running.task is None or running.task.done():
                del self.running[running.execution.id]

    def _tasks(self) -> "list[asyncio.Task[None]]":
        return [one.task for one in self.running.values() if one.task and not one.task.done()]

    def _cancel(self, running: Running, why: Literal["stop-job", "give back"]) -> None:
        if running.task and not running.ending and not running.cancelled_for:
            running.cancelled_for = why
            # A step later: a task cancelled before its first step never knows.
            self._loop.call_soon(running.task.cancel)

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
        for running in list(self.running.values()):
            if running.job.id == job_id:
                self._cancel(running, "stop-job")

    # --- beside the jobs

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
                    name = getattr(call, "__name__", "task")
                    stack = not isinstance(exc, RedisError)  # whose reason is plain
                    reason = type(exc).__name__
                    self.log.warning("Worker %s: %s: %s", self.name, name, reason, exc_info=stack)
                trouble = type(exc)
            await asyncio.sleep(every_seconds)


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
