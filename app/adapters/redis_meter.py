"""Counters and histograms held in Redis, so that any number of processes tell one truth.

Each process adds up in memory and writes once a second. What a killed process had not written yet
is lost: metrics may miss a second, messages may not.
"""

import asyncio
from bisect import bisect_left
from itertools import accumulate

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

SERIES_OF_ONE = len(BUCKETS) + 3
"""Of one histogram: its buckets with the unbounded one, sum and count."""

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
"""A name and its labels, as counted: series are written out once a second, not at each count."""


class RedisMeter:
    """The ``Meter`` port; ``render`` gives all processes' numbers as Prometheus text."""

    def __init__(self, redis: "AsyncRedis") -> None:
        """
        Args:
            redis: Shared with others; not closed here.
        """
        self._redis = redis
        self._counts: dict[Key, float] = {}
        self._histograms: dict[Key, _Histogram] = {}
        self._unwritten: dict[str, float] = {}
        self._writing: asyncio.Task[None] | None = None
        self._in_write = asyncio.Lock()

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """See ``Meter.count``."""
        key = name, tuple(labels.items())
        if key in self._counts:
            self._counts[key] += amount
        elif len(self._counts) < MOST_SERIES:
            self._counts[key] = amount
        self._write_soon()

    def observe(self, name: str, value: float, **labels: str) -> None:
        """See ``Meter.observe``."""
        key = name, tuple(labels.items())
        histogram = self._histograms.get(key)
        if histogram is None:
            histogram = _Histogram()
            if len(self._histograms) < MOST_SERIES // SERIES_OF_ONE:
                self._histograms[key] = histogram
        histogram.held[bisect_left(BUCKETS, value)] += 1
        histogram.sum += value
        self._write_soon()

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
        added = self._take()
        if not added:
            return
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for series, amount in added.items():
                    pipe.hincrbyfloat(METRICS_KEY, series, amount)
                await pipe.execute()
        except (RedisError, OSError) as exc:
            log.warning("metrics.not_written", error=type(exc).__name__)
            self._unwritten = added

    def _take(self) -> dict[str, float]:
        """All series with what has come since they were last written."""
        added, self._unwritten = self._unwritten, {}
        counts, self._counts = self._counts, {}
        histograms, self._histograms = self._histograms, {}
        new = [(_series(*key), amount) for key, amount in counts.items()]
        for key, histogram in histograms.items():
            new += histogram.series(*key)
        for series, amount in new:
            if series in added or len(added) < MOST_SERIES:
                added[series] = added.get(series, 0) + amount
        return added

    async def close(self) -> None:
        """Write the rest. Nothing may be counted afterwards."""
        async with self._in_write:  # a write that is cancelled on its way takes its numbers along
            if self._writing:
                self._writing.cancel()
                await asyncio.gather(self._writing, return_exceptions=True)
            await self._write()

    def _write_soon(self) -> None:
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_on(), name="metrics")

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()


class _Histogram:
    """What one histogram has gained.

    Attributes:
        held: Values in each bucket and in none of those below; the last one has no upper bound.
    """

    def __init__(self) -> None:
        self.held = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def series(self, name: str, labels: Labels) -> list[tuple[str, float]]:
        """As Prometheus has it: a bucket counts all values up to its bound.

        Also the empty ones: a quantile is computed between two neighbours that are there.
        """
        bounds = [*map(str, BUCKETS), "+Inf"]
        found: list[tuple[str, float]] = [
            (_series(f"{name}_bucket", (*labels, ("le", bound))), count)
            for bound, count in zip(bounds, accumulate(self.held), strict=True)
        ]
        found.append((_series(f"{name}_sum", labels), self.sum))
        found.append((_series(f"{name}_count", labels), sum(self.held)))
        return found


def _series(name: str, labels: Labels) -> str:
    if not labels:
        return name
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels))
    return f"{name}{{{inside}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
