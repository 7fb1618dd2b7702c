"""Counters and histograms held in Redis, so that any number of processes tell one truth.

Each process adds up in memory and writes once a second. What a killed process had not written yet
is lost: metrics may miss a second, messages may not.
"""

import asyncio
from collections import defaultdict

import structlog
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from app.errors import Unavailable

log = structlog.get_logger()

METRICS_KEY = "rv:metrics"
WRITE_SECONDS = 1.0
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
MOST_SERIES = 2000
"""Series of one process; past it new ones are dropped, so that labels cannot fill Redis."""


class RedisMeter:
    """The ``Meter`` port; ``render`` gives all processes' numbers as Prometheus text."""

    def __init__(self, redis: "AsyncRedis") -> None:
        """
        Args:
            redis: Shared with others; not closed here.
        """
        self._redis = redis
        self._added: defaultdict[str, float] = defaultdict(float)
        self._writing: asyncio.Task[None] | None = None
        self._in_write = asyncio.Lock()

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """See ``Meter.count``."""
        self._add(_series(name, labels), amount)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """See ``Meter.observe``."""
        for bound in BUCKETS:
            # Also the empty ones: a quantile is computed between two neighbours that are there.
            self._add(_series(f"{name}_bucket", {**labels, "le": str(bound)}), value <= bound)
        self._add(_series(f"{name}_bucket", {**labels, "le": "+Inf"}), 1)
        self._add(_series(f"{name}_sum", labels), value)
        self._add(_series(f"{name}_count", labels), 1)

    async def render(self) -> str:
        """Everything counted so far by all processes, in Prometheus' text format.

        Raises:
            Unavailable: Redis does not answer.
        """
        await self.write()
        try:
            raw = await self._redis.hgetall(METRICS_KEY)
        except (RedisError, OSError) as exc:
            raise Unavailable(f"Redis: {type(exc).__name__}", scope="store") from exc
        series = sorted((_text(name), float(value)) for name, value in raw.items())
        # 15 digits: with the usual six, a counter past a million would stand still and jump.
        return "".join(f"{name} {value:.15g}\n" for name, value in series)

    async def write(self) -> None:
        """Add to Redis what has come since the last time; kept for the next on failure."""
        async with self._in_write:
            await self._write()

    async def _write(self) -> None:
        added, self._added = self._added, defaultdict(float)
        if not added:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for series, amount in added.items():
                    pipe.hincrbyfloat(METRICS_KEY, series, amount)
                await pipe.execute()
        except (RedisError, OSError) as exc:
            log.warning("metrics.not_written", error=type(exc).__name__)
            for series, amount in added.items():
                self._added[series] += amount

    async def close(self) -> None:
        """Write the rest. Nothing may be counted afterwards."""
        async with self._in_write:  # a write that is cancelled on its way takes its numbers along
            if self._writing:
                self._writing.cancel()
                await asyncio.gather(self._writing, return_exceptions=True)
            await self._write()

    def _add(self, series: str, amount: float) -> None:
        if len(self._added) < MOST_SERIES or series in self._added:
            self._added[series] += amount
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_on(), name="metrics")

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()


def _series(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return name
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
