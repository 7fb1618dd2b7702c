"""Spans to a collector, by OTLP over HTTP: the ``Tracer`` port on OpenTelemetry's SDK.

What the SDK reads from the environment (``OTEL_*``: headers, sampler, batch sizes, the service's
name …) holds. A thread of the SDK's sends; a collector that is away or slow costs spans, no time.
"""

import asyncio
import logging
import threading
from datetime import datetime, timedelta

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from app.core.trace import Span, message_span_id

CLOSE_SECONDS = 3.0
"""How long the last spans may take as a process ends."""

KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "consumer": SpanKind.CONSUMER}


class OtelTracer:
    """The ``Tracer`` port. For one thread: the loop's."""

    def __init__(self, service_name: str) -> None:
        """
        Args:
            service_name: Where the environment names none.
        """
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: service_name}))
        self._ids = _GivenIds()
        self._provider = TracerProvider(
            resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("rivulet")

    def ended(self, span: Span) -> None:
        """See ``Tracer.ended``."""
        trace_id = int(span.trace_id, 16)
        self._ids.next_trace_id, self._ids.next_span_id = trace_id, int(span.span_id, 16)
        error = {"error.type": span.error} if span.error else {}
        told = self._tracer.start_span(
            span.name,
            context=self._below(trace_id, span.parent_id),
            kind=KINDS[span.kind],
            attributes={**span.attributes, **error},
            links=[Link(_there(int(key, 16), message_span_id(key))) for key in span.links],
            start_time=_nanoseconds(span.started_at),
        )
        if span.error:
            told.set_status(Status(StatusCode.ERROR))
        told.end(_nanoseconds(span.ended_at))

    def _below(self, trace_id: int, parent_id: str) -> Context:
        if not parent_id:
            return Context()
        # Another process made the parent; by the trace's id it decided as this one does.
        decision = self._provider.sampler.should_sample(Context(), trace_id, "").decision
        parent = _there(trace_id, parent_id, sampled=decision is Decision.RECORD_AND_SAMPLE)
        return set_span_in_context(NonRecordingSpan(parent), Context())

    async def close(self) -> None:
        """Send the rest, as far as that can be done in time. No span may come afterwards."""
        closing = threading.Thread(
            target=self._provider.shutdown, name="last spans", daemon=True
        )  # it waits for half a minute, and nobody else shall
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SECONDS)


def takes_spans(endpoint: str, *, timeout: timedelta) -> bool:
    """Whether a collector takes an empty batch now. Blocks the thread, for the time-out at most."""
    # What it would say of a failure, the caller says.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    url = f"{endpoint.rstrip('/')}/v1/traces"
    exporter: SpanExporter = OTLPSpanExporter(endpoint=url, timeout=timeout.total_seconds())
    try:
        return exporter.export([]) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()


class _GivenIds(IdGenerator):
    """Ids that are told beforehand."""

    next_trace_id = next_span_id = 0

    def generate_trace_id(self) -> int:
        return self.next_trace_id

    def generate_span_id(self) -> int:
        return self.next_span_id

    def is_trace_id_random(self) -> bool:
        return True  # a keyed hash: for a sampler as good as chance


def _there(trace_id: int, span_id: str, *, sampled: bool = True) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id, int(span_id, 16), is_remote=True, trace_flags=flags)


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
