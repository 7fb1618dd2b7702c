"""A primary dies, Sentinel names another: the worker follows."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from redis import Redis, Sentinel
from redis.exceptions import RedisError
from rq.job import Retry
from rq.queue import Queue
from rq.serializers import JSONSerializer

from app.simulator.valkey import _binary
from tests.ports import free_port
from tests.workers.conftest import JOBS, QUICK, until


class Cluster:
    """A primary, its replica and one sentinel."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.primary_port, replica_port, self.sentinel_port = (free_port() for _ in range(3))
        self.start("primary", self.primary_port)
        replica_of = ["--replicaof", "127.0.0.1", str(self.primary_port)]
        self.start("replica", replica_port, *replica_of)
        settings = folder / "sentinel.conf"
        settings.write_text(
            f"sentinel monitor main 127.0.0.1 {self.primary_port} 1\n"
            "sentinel down-after-milliseconds main 1000\n"
            "sentinel failover-timeout main 3000\n"
        )
        self.start("sentinel", self.sentinel_port, "--sentinel", settings=settings)
        asking: Any = Sentinel  # redis-py gives no types here
        self.sentinel = asking([("127.0.0.1", self.sentinel_port)], socket_timeout=2)
        until(holds(lambda: self.sentinel.discover_slaves("main")))
        self.redis: Redis = self.sentinel.master_for("main", socket_timeout=5)

    def start(self, name: str, port: int, *options: str, settings: Path | None = None) -> None:
        command = [_binary(), *([str(settings)] if settings else []), "--port", str(port)]
        command += ["--bind", "127.0.0.1", "--dir", str(self._folder), "--save", "", *options]
        with (self._folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def run_worker(self) -> None:
        words = f"-m rq.cli worker -c tests.workers.sentinel_settings -S json -w {QUICK} turns"
        with (self._folder / "worker.log").open("wb") as log:
            self.processes["worker"] = subprocess.Popen(
                [sys.executable, *words.split()],
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "TESTS_SENTINEL_PORT": str(self.sentinel_port),
                    "TESTS_REDIS_URL": f"redis://127.0.0.1:{self.primary_port}",
                },
            )

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.redis.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="rv-") as folder, ExitStack() as stack:
        cluster = Cluster(Path(folder))
        stack.callback(cluster.close)
        yield cluster


def holds(condition: Callable[[], object]) -> Callable[[], bool]:
    """The same, and not yet as long as there is no primary."""

    def now() -> bool:
        with suppress(RedisError):
            return bool(condition())
        return False

    return now


def test_after_a_failover_running_and_new_jobs_end(cluster: Cluster) -> None:
    queue = Queue("turns", connection=cluster.redis, serializer=JSONSerializer)
    # A sentinel on a busy machine may take a slow primary for a dead one at any time.
    until(holds(lambda: queue.enqueue(f"{JOBS}.rest", 5, job_id="through", retry=Retry(max=3))))
    cluster.run_worker()
    started = queue.started_job_registry
    until(holds(lambda: started.get_job_ids(cleanup=False) == ["through"]))
    until(holds(lambda: cluster.redis.wait(1, 500) == 1))  # the replica has all of it
    cluster.processes["primary"].kill()
    until(holds(lambda: queue.enqueue(f"{JOBS}.noop", job_id="new")))
    until(holds(lambda: {*queue.finished_job_registry.get_job_ids()} == {"new", "through"}))
