"""The third journey: what became of a bubble, into its record."""

from collections.abc import Mapping, Sequence

import structlog

from app import metrics
from app.core.graph_errors import code_label
from app.core.model import Delivery, Status
from app.metrics import Histogram
from app.pipeline.ports import Services, Taken
from app.pipeline.tracing import status_came, trace_name

log = structlog.get_logger()

DELAYS: Mapping[Delivery, Histogram] = {
    Delivery.DELIVERED: metrics.DELIVERED_SECONDS,
    Delivery.READ: metrics.READ_SECONDS,
}


async def record(statuses: Sequence[Status], services: Services) -> None:
    """Store statuses on their bubbles. Late, doubled or reordered ones change nothing.

    Raises:
        Unavailable: Not all of it is stored. Meta delivers the whole body again.
    """
    started_at = services.clock.now()
    for status, taken in zip(statuses, await services.store.take_in(statuses), strict=True):
        delivery = status.delivery.name.lower()
        services.meter.count(
            metrics.WEBHOOK_EVENTS, kind="status", type=delivery, outcome=taken.outcome
        )
        if taken.outcome not in ("news", "landed"):
            continue
        services.meter.count(metrics.STATUSES, status=delivery, code=code_label(status.error_code))
        _time(status, taken, services)
        if taken.outcome == "landed":
            _charge(status, services)
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


def _time(status: Status, taken: Taken, services: Services) -> None:
    """How long the bubble took, where we know when it was sent."""
    delay = DELAYS.get(status.delivery)
    if delay and taken.sent_at:
        seconds = status.at.timestamp() - float(taken.sent_at)
        services.meter.observe(delay, max(0.0, seconds))  # Meta cuts its seconds off


def _charge(status: Status, services: Services) -> None:
    """Count a bubble that has reached the person, and what it costs as far as we know."""
    services.meter.count(metrics.BUBBLES_DELIVERED)
    if not status.billable:
        return
    prices = services.prices
    country = status.country if status.country in prices else "other"
    services.meter.count(metrics.BILLABLE_BUBBLES, category=status.category, country=country)
    if price := prices.get(status.country, prices.get("*", 0.0)):
        services.meter.count(metrics.ESTIMATED_COST, price)
