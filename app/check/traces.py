"""Does the collector take spans?"""

import asyncio
from datetime import timedelta

from app.bootstrap import collector_takes_spans
from app.check.line import Line
from app.settings import Installation

WAIT = timedelta(seconds=4)


async def traces_lines(settings: Installation) -> list[Line]:
    """One line where there is a collector."""
    if not settings.otel_exporter_otlp_endpoint:
        return []
    if await asyncio.to_thread(collector_takes_spans, settings, timeout=WAIT):
        return [Line(True, "The collector takes spans.")]
    fix = "correct OTEL_EXPORTER_OTLP_ENDPOINT (OTLP over HTTP, port 4318 of most), or unset it."
    return [Line(False, "The collector takes no spans.", fix)]
