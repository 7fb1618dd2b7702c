"""Counters and histograms held in Redis, so that any number of processes tell one truth.

Each process adds up in memory and writes once a second. What a killed process had not written yet
is lost: metrics may miss a second, messages may not.

``rv:metrics`` is one hash. A counter's field is its series as Prometheus writes it; a histogram has
one field for each bucket that holds something, ``series|bound``, and ``series|sum``.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import accumulate

import structlog
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from app.metrics import METRICS, Counter, Gauge, Histogram, Metric
from app.pipeline.ports import Reading

log = structlog.get_logger()

METRICS_KEY = "rv:metrics"
KEPT = timedelta(days=30)
"""After the last write; Prometheus takes what begins again at 0 for a restart."""

WRITE_SECONDS = 1.0
READ_SECONDS = 2.0
"""Prometheus waits 10 s for all of it."""

MOST_SERIES = 2000
"""Fields that one process keeps while Redis is away."""

MOST_FIELDS = 10_000
"""Of the hash. Labels are words of ours; this is for the day when one is not."""

WRITE = """
for i = 3, #ARGV, 2 do
  if redis.call('HLEN', KEYS[1]) < tonumber(ARGV[1])
      or redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('HINCRBYFLOAT', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

RAISE = """
for i = 2, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""

Labels = tuple[tuple[str, str], ...]
Added = dict[str, float]


class RedisMeter:
    """The ``Meter`` port; ``render`` gives all processes' numbers as Prometheus text."""

    def __init__(self, redis: "AsyncRedis", *, most_fields: int = MOST_FIELDS) -> None:
        """
        Args:
            redis: Shared with others; not closed here.
            most_fields: Of the hash in Redis; past it new ones are dropped.
        """
        self._redis = redis
        self._most_fields = most_fields
        self._write_script = redis.register_script(WRITE)
        self._raise_script = redis.register_script(RAISE)
        self._shown: dict[str, float] = {}
        # By labels as they were given: series are written out once a second, not at each count.
        self._counts: dict[tuple[Counter, Labels], float] = {}
        self._histograms: dict[tuple[Histogram, Labels], _Histogram] = {}
        self._unwritten: Added = {}
        self._writing: asyncio.Task[None] | None = None
        self._in_write = asyncio.Lock()

    def count(self, metric: Counter, amount: float = 1, **labels: str) -> None:
        """See ``Meter.count``."""
        key = metric, tuple(labels.items())
        if key in self._counts:
            self._counts[key] += amount
        elif len(self._counts) < MOST_SERIES:
            self._counts[key] = amount
        if self._writing is None:
            self._start_writing()

    def observe(self, metric: Histogram, value: float, **labels: str) -> None:
        """See ``Meter.observe``."""
        key = metric, tuple(labels.items())
        histogram = self._histograms.get(key)
        if histogram is None:
            histogram = _Histogram(metric)
            if len(self._histograms) < MOST_SERIES:
                self._histograms[key] = histogram
        histogram.held[bisect_left(metric.buckets, value)] += 1
        histogram.sum += value
        if self._writing is None:
            self._start_writing()

    async def render(self, gauges: Iterable[Reading]) -> str:
        """Everything counted so far by all processes, and the gauges, as Prometheus text.

        While Redis does not answer: the gauges alone.
        """
        text = "".join(_exposed_gauges(gauges))
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self.write()
                held = await self._read()
        except (RedisError, OSError, TimeoutError) as exc:
            log.warning("metrics.not_read", error=type(exc).__name__)
            return text
        return "".join(_exposed(held)) + text

    async def _read(self) -> dict[str, float]:
        """The hash. What a failover has forgotten since we last told it is written down again: to
        Prometheus, a counter that steps back has begun anew, and all of it counts a second time.
        """
        raw = await self._redis.hgetall(METRICS_KEY)
        held = {_text(name): float(raw[name]) for name in raw}
        lost = {field: told for field, told in self._shown.items() if held.get(field, 0) < told}
        if lost:
            log.warning("metrics.forgotten", fields=len(lost))
            pairs = [part for pair in lost.items() for part in pair]
            await self._raise_script(keys=[METRICS_KEY], args=[int(KEPT.total_seconds()), *pairs])
        self._shown = held | lost
        return self._shown

    async def write(self) -> None:
        """Add to Redis what has come since the last time; kept for the next on failure."""
        async with self._in_write:
            await self._write()

    async def _write(self) -> None:
        added = self._take()
        if not added:
            return
        args: list[str | float] = [self._most_fields, int(KEPT.total_seconds())]
        for field, amount in added.items():
            args += [field, amount]
        self._unwritten = added
        try:
            await self._write_script(keys=[METRICS_KEY], args=args)
        except (RedisError, OSError) as exc:
            log.warning("metrics.not_written", error=type(exc).__name__)
        else:
            self._unwritten = {}

    def _take(self) -> Added:
        """All fields with what has come since they were last written."""
        added, self._unwritten = self._unwritten, {}
        counts, self._counts = self._counts, {}
        histograms, self._histograms = self._histograms, {}
        new = [(_series(metric, labels), amount) for (metric, labels), amount in counts.items()]
        for (metric, labels), histogram in histograms.items():
            series = _series(metric, labels)
            new += [(f"{series}|{part}", amount) for part, amount in histogram.parts()]
        for field, amount in new:
            if field in added or len(added) < MOST_SERIES:
                added[field] = added.get(field, 0) + amount
        return added

    async def close(self) -> None:
        """Write the rest. Nothing may be counted afterwards."""
        async with self._in_write:  # what is cancelled on its way may be counted twice
            if self._writing:
                self._writing.cancel()
                await asyncio.gather(self._writing, return_exceptions=True)
            await self._write()

    def _start_writing(self) -> None:
        self._writing = asyncio.get_running_loop().create_task(self._write_on(), name="metrics")

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()


class _Histogram:
    """What one series of a histogram has gained.

    Attributes:
        held: Values in each bucket and in none of those below; the last one has no upper bound.
    """

    def __init__(self, metric: Histogram) -> None:
        self._buckets = metric.buckets
        self.held = [0.0] * (len(metric.buckets) + 1)
        self.sum = 0.0

    def parts(self) -> Iterator[tuple[str, float]]:
        """Each bucket that holds something, by its bound, and the sum."""
        for bound, count in zip(_bounds(self._buckets), self.held, strict=True):
            if count:
                yield bound, count
        yield "sum", self.sum

    def add(self, part: str, amount: float) -> None:
        """The other way round.

        A bound that an older version wrote is counted in the first bucket that holds all of it.
        """
        if part == "sum":
            self.sum += amount
        else:
            self.held[bisect_left(self._buckets, float(part))] += amount

    def exposed(self, metric: Histogram, labels: str) -> Iterator[str]:
        """Its lines as Prometheus has them: a bucket counts all values up to its bound.

        Also the empty ones: a quantile is computed between two neighbours that are there.
        """
        before = f"{labels}," if labels else ""
        counts = list(accumulate(self.held))
        for bound, count in zip(_bounds(self._buckets), counts, strict=True):
            yield f'{metric.name}_bucket{{{before}le="{bound}"}} {_number(count)}\n'
        around = f"{{{labels}}}" if labels else ""
        yield f"{metric.name}_sum{around} {_number(self.sum)}\n"
        yield f"{metric.name}_count{around} {_number(counts[-1])}\n"


def _bounds(buckets: Iterable[float]) -> list[str]:
    return [*(str(float(bound)) for bound in buckets), "+Inf"]


def _exposed(stored: Mapping[str, float]) -> Iterator[str]:
    """What the hash holds, metric by metric; a field of a metric that is no more is passed over.

    A number without labels is there from the beginning: what shows up as 1 has never risen.
    """
    fields: dict[str, dict[str, float]] = defaultdict(dict)
    for field in sorted(stored):
        fields[field.partition("|")[0].partition("{")[0]][field] = stored[field]
    for metric in METRICS:
        found = fields[metric.name]
        match metric:
            case Counter():
                yield from _head(metric)
                if not metric.labels:
                    found.setdefault(metric.name, 0)
                yield from (f"{series} {_number(value)}\n" for series, value in found.items())
            case Histogram():
                yield from _head(metric)
                yield from _exposed_histogram(metric, found)


def _exposed_histogram(metric: Histogram, fields: Mapping[str, float]) -> Iterator[str]:
    by_labels = {} if metric.labels else {"": _Histogram(metric)}
    for field, value in fields.items():
        series, _, part = field.rpartition("|")
        labels = series[len(metric.name) + 1 : -1]
        by_labels.setdefault(labels, _Histogram(metric)).add(part, value)
    for labels, histogram in by_labels.items():
        yield from histogram.exposed(metric, labels)


def _exposed_gauges(gauges: Iterable[Reading]) -> Iterator[str]:
    told: set[Gauge] = set()
    for gauge, labels, value in gauges:
        if gauge not in told:
            yield from _head(gauge)
            told.add(gauge)
        yield f"{_series(gauge, tuple(labels.items()))} {_number(value)}\n"


def _head(metric: Metric) -> tuple[str, str]:
    return f"# HELP {metric.name} {metric.help}\n", f"# TYPE {metric.name} {metric.kind}\n"


def _series(metric: Metric, labels: Labels) -> str:
    if not labels:
        return metric.name
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels))
    return f"{metric.name}{{{inside}}}"


def _number(value: float) -> str:
    # 15 digits: with the usual six, a counter past a million would stand still and jump.
    return f"{value:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _text(raw: bytes | str) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
