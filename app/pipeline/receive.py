"""The first journey: what Meta tells us, into the inbox and the queue.

The webhook route has checked the signature and parsed the body; after this it may answer 200.
"""

from collections.abc import Sequence

import structlog

from app import metrics
from app.core.model import Event, Ignored, InboundMessage
from app.pipeline.ports import Services

log = structlog.get_logger()


async def receive(events: Sequence[Event], services: Services) -> None:
    """Store all that is not a status; what nobody said to the business is counted, not answered.

    The second time changes nothing: every outcome is then ``duplicate``.

    Raises:
        Unavailable: Not all of it is stored. Meta delivers the whole body again.
    """
    taken = [_unless_expired(event, services) for event in events]
    outcomes = await services.store.take_in(taken)
    for event, outcome in zip(taken, outcomes, strict=True):
        kind = type(event).__name__
        services.meter.count(metrics.WEBHOOK_EVENTS, kind=kind, outcome=outcome)
        match event:
            case InboundMessage():
                log.info(
                    "message.received",
                    message_key=services.keys.message(event.wamid),
                    type=event.kind,
                    outcome=outcome,
                )
            case Ignored():
                services.meter.count(metrics.WEBHOOK_IGNORED, reason=event.reason)
                log.info("event.ignored", reason=event.reason, outcome=outcome)
            case _:
                log.info("person.moved", outcome=outcome)


def _unless_expired(event: Event, services: Services) -> Event:
    """The event, or an ``Ignored`` in place of a message too old to be answered.

    Meta redelivers for days; an answer to last week's question is worse than none.
    """
    if not isinstance(event, InboundMessage):
        return event
    if services.clock.now() - event.sent_at <= services.limits.message_max_age:
        return event
    return Ignored("expired", event.wamid)
