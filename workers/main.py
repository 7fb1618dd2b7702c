"""Start one worker: settings, logs, clients, then jobs until SIGTERM."""

import argparse
import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import structlog
from rq.serializers import JSONSerializer

import workers.jobs  # noqa: F401 - RQ would import them with the first job, which would wait
from app.adapters.clock import SystemClock
from app.adapters.redis_client import sync_redis
from app.adapters.redis_layout import claim_layout
from app.adapters.rq_queue import QUEUE
from app.bootstrap import open_accounts
from app.errors import NewerLayout, Unavailable
from app.logs import set_up_logs
from app.pipeline.ports import Account, Store
from app.pipeline.watch import watch
from app.settings import Installation, SettingsError, load_settings
from workers.async_worker import AsyncWorker
from workers.services import services

log = structlog.get_logger()

SWEEP_SECONDS = 5.0
GRAPH_TIMEOUT = timedelta(seconds=10)


def run(settings: Installation, *, max_concurrency: int | None = None) -> None:
    """Work until told to stop. SIGTERM: see ``AsyncWorker``."""

    @asynccontextmanager
    async def clients() -> AsyncIterator[None]:
        store = services(settings).store  # before the first job: the SDK's import takes its time
        async with AsyncExitStack() as stack:
            accounts = open_accounts(settings, stack, timeout=GRAPH_TIMEOUT)
            gc.collect()
            gc.freeze()  # else each full collection stops all streams for 50 ms to look at the SDK
            beside = [
                asyncio.create_task(_sweep(store), name="sweeper"),
                asyncio.create_task(_watch([*accounts.values()], store), name="watch"),
            ]
            log.info("worker.started")
            yield
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
        log.info("worker.stopped")

    worker = AsyncWorker(
        [QUEUE],
        connection=sync_redis(settings.redis_url.get_secret_value()),
        serializer=JSONSerializer,
        max_concurrency=max_concurrency or settings.worker_max_concurrency,
        drain_seconds=settings.worker_drain_seconds.total_seconds(),
        lifespan=clients,
    )
    worker.work(logging_level=None, with_scheduler=True)


async def _sweep(store: Store) -> None:
    """Look for people whom nobody answers, again and again; workers share the work."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            if queued := await store.sweep():
                log.warning("turns.swept", count=queued)
        except Unavailable as exc:
            log.warning("turns.not_swept", error=str(exc))


async def _watch(accounts: Sequence[Account], store: Store) -> None:
    """Look at Meta whenever it is this worker's turn."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await watch(accounts, store, SystemClock())
        except Unavailable as exc:
            log.warning("watch.failed", error=str(exc))


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m workers.main [--max-concurrency N]``; the exit status."""
    parser = argparse.ArgumentParser(prog="rivulet worker")
    parser.add_argument("--max-concurrency", type=int, metavar="N")
    given = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    set_up_logs(settings.log_level, settings.log_format)
    try:
        claim_layout(settings.redis_url.get_secret_value())
    except NewerLayout as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    run(settings, max_concurrency=given.max_concurrency)
    return 0


if __name__ == "__main__":
    sys.exit(main())
