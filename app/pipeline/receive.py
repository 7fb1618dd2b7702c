"""The first journey: what Meta tells us, into the inbox and the queue.

The webhook route has checked the signature and parsed the body; after this it may answer 200.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from app import metrics
from app.core.model import Echo, Event, Ignored, InboundMessage, Moved, Notice, Status
from app.core.switches import switch_of
from app.pipeline.ports import Services
from app.pipeline.silence import fallen_silent
from app.pipeline.tracing import message_received, trace_name

log = structlog.get_logger()

KINDS = {
    InboundMessage: "message",
    Status: "status",
    Moved: "moved",
    Echo: "echo",
    Notice: "notice",
    Ignored: "ignored",
}


async def receive(events: Sequence[Event], services: Services) -> None:
    """Store all that is not a status; what nobody said to the business is counted, not answered.

    The second time changes nothing: every outcome is then ``duplicate``.

    Raises:
        Unavailable: Not all of it is stored. Meta delivers the whole body again.
    """
    started_at = services.clock.now()
    wanted = [_wanted(event, services) for event in events]
    for event, taken in zip(wanted, await services.store.take_in(wanted), strict=True):
        services.meter.count(
            metrics.WEBHOOK_EVENTS,
            kind=KINDS[type(event)],
            type=_type(event),
            outcome=taken.outcome,
        )
        match event:
            case InboundMessage():
                key = services.keys.message(event.wamid)
                log.info(
                    "message.received",
                    message_key=key,
                    conversation_key=taken.conversation,
                    turn_id=taken.turn_id,
                    type=event.kind,
                    outcome=taken.outcome,
                    **trace_name(services, key),
                )
                message_received(event, taken, started_at, services)
            case Echo():
                key = taken.conversation
                log.info("colleague.answered", conversation_key=key, outcome=taken.outcome)
                if taken.outcome == "paused":
                    fallen_silent(key, "colleague", services)
            case Notice():
                services.meter.count(metrics.NOTICES, effect=event.effect, code=event.code)
                write = log.warning if event.effect == "resume" else log.error
                write(
                    "meta.notice",
                    effect=event.effect,
                    scope=event.scope,
                    code=event.code,
                    outcome=taken.outcome,
                )
            case Ignored():
                key = services.keys.message(event.wamid) if event.wamid else ""
                log.info(
                    "event.ignored", message_key=key, reason=event.reason, outcome=taken.outcome
                )
            case _:
                log.info("person.moved", conversation_key=taken.conversation, outcome=taken.outcome)


def _type(event: Event) -> str:
    """Meta's type of a message, or our word for why something is none."""
    match event:
        case InboundMessage():
            return event.kind
        case Ignored():
            return event.reason
        case Notice():
            return event.effect
        case _:
            return ""


def _wanted(event: Event, services: Services) -> Event:
    """The event, or an ``Ignored`` in place of a message too old to be answered.

    Meta redelivers for days; an answer to last week's question is worse than none. A STOP counts
    however late it comes, and so does what a colleague said.
    """
    if isinstance(event, Echo):
        pause = services.for_number(event.phone_number_id).limits.handoff_pause
        return replace(event, silent_until=event.sent_at + pause)
    if not isinstance(event, InboundMessage):
        return event
    limits = services.for_number(event.phone_number_id).limits
    if services.clock.now() - event.sent_at <= limits.message_max_age:
        return event
    switch = switch_of(event.text)
    return event if switch and switch.way == "stop" else Ignored("expired", event.wamid)
