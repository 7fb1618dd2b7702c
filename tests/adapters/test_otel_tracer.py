"""The tracer on OpenTelemetry's SDK, and a collector that takes, holds or is not there."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.exporter.otlp.common import http as exporting

from app.adapters.otel_tracer import CLOSE_SECONDS, OtelTracer
from app.core.trace import Span, SpanKind, message_span_id
from tests.collector import Collector, open_collector
from tests.fakes import NOW

TRACE, LATER = "5b" * 16, "c7" * 16

# The SDK's threads outlive their tests by half a minute and roll dice before each retry. With dice
# of their own, as Hypothesis fails when the shared ones are rolled in one of its tests.
vars(exporting)["random"] = random.Random()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with open_collector() as opened:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", opened.url)
        yield opened


def span(name: str = "turn", *, trace_id: str = TRACE, **more: Any) -> Span:
    kind: SpanKind = more.pop("kind", "consumer")
    return Span(
        name,
        kind,
        trace_id=trace_id,
        span_id=more.pop("span_id", "1122334455667788"),
        parent_id=more.pop("parent_id", ""),
        started_at=NOW,
        ended_at=NOW + timedelta(milliseconds=1500),
        **more,
    )


async def told(*spans: Span) -> None:
    tracer = OtelTracer("rivulet-tests")
    for one in spans:
        tracer.ended(one)
    await tracer.close()


async def test_a_span_arrives_as_it_was_told(collector: Collector) -> None:
    reasons = ["stop", "length"]
    attributes = {"turn_id": "ab", "number": 3, "share": 0.5, "stream": True, "reasons": reasons}
    await told(
        span(parent_id="8877665544332211", attributes=attributes, links=[LATER], error="131000")
    )
    (taken,) = collector.spans
    assert (taken.service, taken.name) == ("rivulet-tests", "turn")
    assert (taken.trace_id, taken.span_id) == (TRACE, "1122334455667788")
    assert taken.parent_id == "8877665544332211"
    assert taken.end_ns - taken.start_ns == 1_500_000_000
    assert taken.start_ns == NOW.timestamp() * 1e9
    assert taken.attributes == {**attributes, "error.type": "131000"}
    assert taken.links == [(LATER, message_span_id(LATER))]
    assert taken.failed


async def test_a_root_has_no_parent_and_no_error(collector: Collector) -> None:
    await told(span("message.received", kind="server"))
    (taken,) = collector.spans
    assert (taken.parent_id, taken.failed, taken.attributes) == ("", False, {})


async def test_what_the_environment_says_holds(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20word")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    await told(span())
    assert collector.headers[0]["x-key"] == "a word"
    assert collector.spans[0].service == "shop"


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
async def test_a_trace_is_sampled_as_a_whole(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    """Its spans come from several processes, which do not ask each other."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    ids = [f"{n * 0x9E3779B97F4A7C15 % 2**64:032x}" for n in range(1, 65)]
    await told(*(span(trace_id=one) for one in ids))
    roots = {taken.trace_id for taken in collector.spans}
    collector.spans.clear()
    await told(*(span(trace_id=one, parent_id="8877665544332211") for one in ids))
    assert {taken.trace_id for taken in collector.spans} == roots
    assert 16 < len(roots) < 48


@pytest.mark.parametrize("trouble", ["away", "silent"])
async def test_a_collector_in_trouble_holds_up_nobody(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    collector.open.clear()
    if trouble == "away":
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    tracer = OtelTracer("rivulet-tests")
    started = time.monotonic()
    for _ in range(5000):  # more than the SDK keeps
        tracer.ended(span())
    told_in = time.monotonic() - started
    await tracer.close()
    closed_in = time.monotonic() - started - told_in
    collector.open.set()
    assert told_in < 10  # 5,000 times a fraction of a millisecond, not one time-out of 10 s each
    assert closed_in < CLOSE_SECONDS + 5


def test_who_wants_no_traces_imports_nothing_of_it() -> None:
    program = """
import asyncio, sys
from contextlib import AsyncExitStack
from app.bootstrap import open_reply_services, open_services
from app.settings import load_settings

async def main():
    settings = load_settings({
        "REDIS_URL": "redis://127.0.0.1:1", "RIVULET_KEY": "a key for the ids of the tests",
        "WHATSAPP_ACCESS_TOKEN": "a", "WHATSAPP_APP_SECRET": "b", "WHATSAPP_VERIFY_TOKEN": "c",
        "OPENAI_API_KEY": "d",
    }, env_file=None)
    async with AsyncExitStack() as stack:
        assert open_services(settings, stack)[0].tracer is None
        assert open_reply_services(settings, stack).tracer is None
    ours = ("app.adapters.otel", "opentelemetry.exporter", "opentelemetry.sdk.trace", "requests")
    print([name for name in sys.modules if name.startswith(ours)])  # redis-py imports the rest

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
