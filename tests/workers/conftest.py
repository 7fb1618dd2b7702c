"""Worker processes on a real Redis, started by RQ's own command line."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import as_text

from tests.workers.jobs import BEATS, LOG

JOBS = "tests.workers.jobs"
QUICK = f"{JOBS}.QuickWorker"
PATIENCE_SECONDS = 40  # two shared cores


def until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once ``condition()`` holds; Redis has no event for most of what we wait for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


class Lab:
    """A queue, the worker processes on it, and what their jobs say."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.redis_url = redis_url
        self.redis = Redis.from_url(redis_url)
        self.queue = Queue("turns", connection=self.redis, serializer=JSONSerializer)
        self.processes: list[subprocess.Popen[bytes]] = []
        self._folder = folder

    def worker(
        self, *options: str, name: str = "w1", worker_class: str = QUICK, **settings: str
    ) -> "subprocess.Popen[bytes]":
        """Start one; ``settings`` join its environment."""
        command = [sys.executable, "-m", "rq.cli", "worker", "-u", self.redis_url, "-S", "json"]
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "-w", worker_class, "-n", name, *options, self.queue.name],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TESTS_REDIS_URL": self.redis_url, **settings},
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def burst(self, *options: str, worker_class: str = QUICK, **settings: str) -> str:
        """Let a worker run all that is queued; what it logged."""
        process = self.worker("--burst", *options, worker_class=worker_class, **settings)
        assert process.wait(PATIENCE_SECONDS) == 0, self.log()
        return self.log()

    def enqueue(self, name: str, *arguments: object, **options: object) -> Job:
        return self.queue.enqueue(f"{JOBS}.{name}", args=arguments, **options)

    def log(self, name: str = "w1") -> str:
        return (self._folder / f"{name}.log").read_text()

    def said(self) -> list[str]:
        """What jobs have said, in order."""
        return [as_text(word) for word in self.redis.lrange(LOG, 0, -1)]

    def hears(self, *words: str) -> None:
        """Return once jobs have said all of these."""
        until(lambda: set(words) <= set(self.said()))

    def fresh(self, job: Job) -> Job:
        """The job as it stands in Redis now."""
        return Job.fetch(job.id, connection=self.redis, serializer=self.queue.serializer)

    def result_of(self, job: Job) -> object:
        return self._result(job).return_value

    def failure_of(self, job: Job) -> str:
        return str(self._result(job).exc_string)

    def _result(self, job: Job) -> Result:
        result = job.latest_result(timeout=PATIENCE_SECONDS)
        assert result is not None
        return result

    def wait_for_beats(self, count: int, *, name: str = "w1") -> None:
        """Return after so many more heartbeats of a worker."""
        target = self._beats(name) + count
        until(lambda: self._beats(name) >= target)

    def _beats(self, name: str) -> int:
        return int(self.redis.hget(BEATS, name) or 0)

    def running(self) -> int:
        return int(self.redis.zcard(self.queue.started_job_registry.key))

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        self.redis.close()


@pytest.fixture
def lab(redis_url: str, tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(redis_url, tmp_path)
    yield lab
    lab.close()
