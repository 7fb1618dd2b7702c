"""A colleague takes over: who is told."""

import structlog

from app import metrics
from app.core.model import PauseReason
from app.pipeline.ports import Services

log = structlog.get_logger()


def fallen_silent(conversation: str, reason: PauseReason, services: Services) -> None:
    """Tell the operators, by a log line and a number."""
    services.meter.count(metrics.HANDOFFS, reason=reason)
    log.warning("handoff.called", conversation_key=conversation, reason=reason)
