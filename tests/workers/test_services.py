"""What a worker's jobs are given to work with."""

import math

from redis import Redis

from app.settings import load_settings
from workers.async_worker import AsyncWorker, current_worker
from workers.services import services

ENVIRONMENT = {
    "REDIS_URL": "redis://localhost:1",  # nothing connects before its first use
    "RIVULET_KEY": "a key of the tests",
    "WHATSAPP_ACCESS_TOKEN": "a token of the tests",
    "WHATSAPP_APP_SECRET": "a secret of the tests",
    "WHATSAPP_VERIFY_TOKEN": "a word of the tests",
    "OPENAI_API_KEY": "scripted",
}
DRAIN_SECONDS = 25.0


async def test_jobs_know_when_their_worker_will_end() -> None:
    redis = Redis.from_url(ENVIRONMENT["REDIS_URL"])
    worker = AsyncWorker(["turns"], connection=redis, drain_seconds=DRAIN_SECONDS)
    current_worker.set(worker)
    try:
        opened = services(load_settings(ENVIRONMENT, env_file=None, numbers_file=None))
        assert services() is opened
        assert opened.ends_at() == math.inf
        worker._stop_at = 100.0  # SIGTERM came then, by the loop's time
        assert opened.ends_at() == 100.0 + DRAIN_SECONDS
    finally:
        await worker.exit_stack.aclose()
