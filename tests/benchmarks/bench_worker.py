"""Jobs per second and memory of one worker process, against RQ's own worker in the same run.

    python -m tests.benchmarks.bench_worker [--rounds 5] [--jobs 4000] [--stock-jobs 300]

Both are started by RQ's command line on the same Redis and run the same jobs, one after the other
in each round. A rate counts from the start of the first job to the end of the last, by RQ's record.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from app.simulator.valkey import redis_for
from tests.benchmarks import stage
from tests.workers.conftest import until

OURS, STOCK = "workers.async_worker.AsyncWorker", "rq.worker.Worker"
PATIENCE_SECONDS = 300.0
MANY = 500


class Bench:
    """A queue and the workers on it."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.redis = Redis.from_url(redis_url)
        self.queue = Queue("bench", connection=self.redis, serializer=JSONSerializer)
        self._arguments = ["-m", "rq.cli", "worker", "-u", redis_url, "-S", "json"]
        self._environment = stage.settings(redis_url, WORKER_MAX_CONCURRENCY=str(MANY))
        self._log = folder / "worker.log"

    @contextmanager
    def worker(self, worker_class: str, *options: str) -> Iterator[int]:
        arguments = [*self._arguments, "-w", worker_class, *options, "bench"]
        with stage.process(arguments, self._environment, self._log) as running:
            yield running.pid
            if "--burst" in options:
                running.wait(PATIENCE_SECONDS)

    def fill(self, name: str, *arguments: object, count: int) -> list[Job]:
        job = Queue.prepare_data(f"tests.workers.jobs.{name}", args=arguments, result_ttl=3600)
        return self.queue.enqueue_many([job] * count)

    def rate(self, worker_class: str, count: int) -> float:
        """No-op jobs per second."""
        self.redis.flushdb()
        jobs = self.fill("noop", count=count)
        with self.worker(worker_class, "--burst"):
            pass
        ids = [job.id for job in jobs]
        done = Job.fetch_many(ids, connection=self.redis, serializer=JSONSerializer)
        starts = [job.started_at for job in done if job and job.started_at]
        ends = [job.ended_at for job in done if job and job.ended_at]
        if len(ends) < count:
            raise SystemExit(f"{worker_class} ran {len(ends)} of {count} jobs: {self._log}")
        return count / (max(ends) - min(starts)).total_seconds()

    def memory_kb(self, worker_class: str, count: int) -> int:
        """What a worker and its children hold while ``count`` jobs rest, shared pages divided."""
        self.redis.flushdb()
        with self.worker(worker_class) as pid:
            self.fill("rest", 3600, count=count)
            started = self.queue.started_job_registry
            until(lambda: self.redis.scard("rq:workers") == 1)
            until(lambda: started.get_job_count(cleanup=False) == count)
            until(lambda: worker_class == OURS or children(pid))
            held = sum(stage.memory_kb(one)[1] for one in (pid, *children(pid)))
            for one in children(pid):
                os.kill(one, 9)
        return held


def children(pid: int) -> list[int]:
    """The processes that it has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--stock-jobs", type=int, default=300)
    given = parser.parse_args()
    stage.heading("Jobs of one worker process", "python -m tests.benchmarks.bench_worker")
    with (
        tempfile.TemporaryDirectory(prefix="rivulet-bench-") as folder,
        redis_for("tests") as redis_url,
    ):
        bench = Bench(redis_url, Path(folder))
        ours, stock = [], []
        for _ in range(given.rounds):
            stock.append(bench.rate(STOCK, given.stock_jobs))
            ours.append(bench.rate(OURS, given.jobs))
        one, idle, many = (
            bench.memory_kb(STOCK, 1),
            bench.memory_kb(OURS, 0),
            bench.memory_kb(OURS, MANY),
        )
    times = statistics.median(ours) / statistics.median(stock)
    each = (many - idle) / MANY
    stage.table(
        ("", "AsyncWorker", "`rq worker`", "ratio"),
        [
            ("no-op jobs/s", stage.spread(ours), stage.spread(stock), f"{times:.1f} ×"),
            (
                f"memory per resting job ({MANY}; 1)",
                f"{each:,.1f} KB",
                f"{one:,} KB",
                f"1/{one / each:,.0f}",
            ),
            (
                f"the same with the process itself ({MANY}; 1)",
                f"{many / MANY:,.1f} KB",
                f"{one:,} KB",
                f"1/{one / (many / MANY):,.0f}",
            ),
        ],
    )


if __name__ == "__main__":
    main()
