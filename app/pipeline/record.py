"""The third journey: what became of a bubble, into its record."""

from collections.abc import Sequence

import structlog

from app import metrics
from app.core.model import Status
from app.pipeline.ports import Services
from app.pipeline.tracing import status_came, trace_name

log = structlog.get_logger()


async def record(statuses: Sequence[Status], services: Services) -> None:
    """Store statuses on their bubbles. Late, doubled or reordered ones change nothing.

    Raises:
        Unavailable: Not all of it is stored. Meta delivers the whole body again.
    """
    started_at = services.clock.now()
    for status, taken in zip(statuses, await services.store.take_in(statuses), strict=True):
        services.meter.count(metrics.WEBHOOK_EVENTS, kind="Status", outcome=taken.outcome)
        if taken.outcome != "news":
            continue
        delivery = status.delivery.name.lower()
        services.meter.count(metrics.STATUSES, status=delivery, code=str(status.error_code or ""))
        log.info(
            "bubble.status",
            bubble_key=services.keys.message(status.wamid),
            conversation_key=taken.conversation,
            turn_id=taken.turn_id,
            message_key=taken.first,
            number=int(taken.number) if taken.number else None,
            status=delivery,
            code=status.error_code,
            **trace_name(services, taken.first),
        )
        status_came(status, taken, started_at, services)
