"""Start one worker: settings, logs, clients, then jobs until SIGTERM."""

import argparse
import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from rq.serializers import JSONSerializer

import workers.jobs  # noqa: F401 - RQ would import them with the first job, which would wait
from app.adapters.redis_client import sync_redis
from app.adapters.rq_queue import QUEUE
from app.errors import Unavailable
from app.logs import set_up_logs
from app.pipeline.ports import Store
from app.settings import Installation, SettingsError, load_settings
from workers.async_worker import AsyncWorker
from workers.services import services

log = structlog.get_logger()

SWEEP_SECONDS = 5.0


def run(settings: Installation, *, max_concurrency: int | None = None) -> None:
    """Work until told to stop. SIGTERM: see ``AsyncWorker``."""

    @asynccontextmanager
    async def clients() -> AsyncIterator[None]:
        store = services(settings).store  # before the first job: the SDK's import takes its time
        gc.collect()
        gc.freeze()  # else each full collection stops all streams for 50 ms to look at the SDK
        sweeping = asyncio.create_task(_sweep(store), name="sweeper")
        log.info("worker.started")
        yield
        sweeping.cancel()
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
    run(settings, max_concurrency=given.max_concurrency)
    return 0


if __name__ == "__main__":
    sys.exit(main())
