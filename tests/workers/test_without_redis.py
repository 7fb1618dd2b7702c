"""A real worker process that is started before its Redis."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis

from app.simulator.valkey import _server
from tests.workers.conftest import PATIENCE_SECONDS, until
from workers.async_worker import AsyncWorker

WAITS = "waiting for Redis"


class Worker:
    """The process, and what it has said."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._log = log
        settings = {
            "REDIS_URL": f"unix://{folder / 'valkey.sock'}",
            "RIVULET_KEY": "a key of the tests",
            "WHATSAPP_ACCESS_TOKEN": "a token of the tests",
            "WHATSAPP_APP_SECRET": "a secret of the tests",
            "WHATSAPP_VERIFY_TOKEN": "a word of the tests",
            "OPENAI_API_KEY": "scripted",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.main"],
                env={**os.environ, **settings},
                cwd=folder,  # no .env of a developer there
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def waits(self) -> None:
        """Return once it does."""
        until(lambda: WAITS in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said

    def ends(self) -> None:
        """Return once it has ended as asked."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECONDS) == 0, self.said

    @property
    def said(self) -> str:
        return self._log.read_text()


@contextmanager
def worker(folder: Path, log: Path) -> Iterator[Worker]:
    started = Worker(folder, log)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 characters."""
    with TemporaryDirectory(prefix="rv-") as path:
        yield Path(path)


def test_a_worker_started_without_redis_waits_for_it(folder: Path, tmp_path: Path) -> None:
    with worker(folder, tmp_path / "log") as started:
        started.waits()
        with _server(folder) as url, Redis.from_url(url) as redis:
            until(lambda: redis.scard("rq:workers") == 1)
            started.ends()
        assert started.said.count(WAITS) == 1


def test_a_worker_that_waits_for_redis_can_be_stopped(folder: Path, tmp_path: Path) -> None:
    with worker(folder, tmp_path / "log") as started:
        started.waits()
        started.ends()


def test_signing_on_twice_is_once_but_two_workers_of_one_name_are_refused(redis_url: str) -> None:
    """The answer to the first try may have been lost."""
    with Redis.from_url(redis_url) as redis:
        worker = AsyncWorker(["turns"], connection=redis, name="w1")
        worker.register_birth()
        worker.register_birth()
        redis.hset("rq:worker:w1", "pid", "1")
        with pytest.raises(ValueError, match="w1"):
            worker.register_birth()
