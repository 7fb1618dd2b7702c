"""The third journey: what became of a bubble, into its record."""

from collections.abc import Sequence

import structlog

from app import metrics
from app.core.model import Status
from app.pipeline.ports import Services

log = structlog.get_logger()


async def record(statuses: Sequence[Status], services: Services) -> None:
    """Store statuses on their bubbles. Late, doubled or reordered ones change nothing.

    Raises:
        Unavailable: Not all of it is stored. Meta delivers the whole body again.
    """
    outcomes = await services.store.take_in(statuses)
    for status, outcome in zip(statuses, outcomes, strict=True):
        services.meter.count(metrics.WEBHOOK_EVENTS, kind="Status", outcome=outcome)
        if outcome != "news":
            continue
        delivery = status.delivery.name.lower()
        services.meter.count(metrics.STATUSES, status=delivery, code=str(status.error_code or ""))
        log.info(
            "bubble.status",
            bubble_key=services.keys.message(status.wamid),
            status=delivery,
            code=status.error_code,
        )
