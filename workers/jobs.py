"""The coroutines that RQ calls: one line of work each. They are queued by name, never imported."""

import asyncio
import math
from datetime import UTC, datetime

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Retry
from structlog.contextvars import bind_contextvars

from app.errors import Deadly, LeaseLost, Parked, RivuletError, Unavailable
from app.pipeline.ports import HumanCall
from app.pipeline.reply import give_up
from app.pipeline.reply import reply as reply_to
from workers.async_worker import current_job
from workers.services import services

log = structlog.get_logger()

MOST_PARKINGS = 10_000
LOST_SECONDS = 2


async def reply(conversation: str) -> str | Retry:
    """Answer one turn of a conversation; the word says how it ended.

    RQ may run it twice, even at the same time: then one of the runs does nothing.

    Args:
        conversation: Its opaque key.
    """
    turn_id = current_job.get().id
    # For good: RQ's own lines about the job's end come in the same task.
    bind_contextvars(conversation_key=conversation, turn_id=turn_id)
    try:
        return await _reply(conversation, turn_id)
    except Exception as exc:
        failure = _without_values(exc)
    # Not in the handler: a traceback that RQ keeps would quote what was being handled.
    raise failure from None  # into RQ's registries: tried again, or for the operator to see


async def _reply(conversation: str, turn_id: str) -> str | Retry:
    try:
        return await reply_to(conversation, turn_id, services())
    except Parked as parked:
        return _parked(parked)
    except LeaseLost:
        # Whoever took it answers, and the next run finds that out. If the lease only ran out
        # (a machine that slept), nobody would come: so there is a next run.
        log.warning("turn.lost")
        return Retry(max=MOST_PARKINGS, interval=LOST_SECONDS)
    except (RedisConnectionError, RedisTimeoutError):
        # Redis was away. That is no try of the turn's, and it need not wait long for the next.
        log.warning("turn.cut_off")
        return Retry(max=MOST_PARKINGS, interval=LOST_SECONDS)
    except asyncio.CancelledError:
        log.info("turn.cancelled")  # given back by a worker that ends, or stopped by somebody
        raise
    except Exception as exc:
        job = current_job.get()
        if isinstance(exc, Deadly):
            job.retries_left = 0
        left = job.retries_left or 0
        log.warning("turn.failed", error=str(_without_values(exc)), retries_left=left)
        if not left:
            try:
                await give_up(conversation, turn_id, services())
            except Parked as parked:  # nobody can be told now; by then it may work again
                return _parked(parked)
        raise


async def tell_operators(conversation: str, reason: str, since: int, until: int) -> str:
    """Tell whoever runs the business that a human is wanted; the word says whether they know.

    A job of its own, queued in the step in which the bot fell silent: an answer does not wait for
    it, and no crash loses it. RQ runs it again when they cannot be reached.

    Args:
        since: Unix seconds; as ``until``, 0 for without an end.
    """
    job = current_job.get()
    operators = services().operators
    if operators is None:  # they were to be told when it was queued
        return "nobody"
    until_at = datetime.fromtimestamp(until, UTC) if until else None
    since_at = datetime.fromtimestamp(since, UTC)
    try:
        await operators.tell(HumanCall(job.id, conversation, reason, since_at, until_at))
    except Unavailable as exc:
        left = job.retries_left or 0
        log.warning(
            "handoff.not_told", conversation_key=conversation, error=str(exc), retries_left=left
        )
        raise
    log.info("handoff.told", conversation_key=conversation, reason=reason)
    return "told"


def _parked(parked: Parked) -> Retry:
    """RQ's scheduled registry keeps the job meanwhile; no try is used up."""
    seconds = math.ceil(parked.after.total_seconds())
    log.info("turn.parked", seconds=seconds)
    return Retry(max=MOST_PARKINGS, interval=seconds)


class TurnFailed(Exception):
    """Something unforeseen, by its type: its own text may quote what came in."""


def _without_values(exc: Exception) -> Exception:
    """What RQ may write into Redis and its log."""
    if isinstance(exc, RivuletError):
        return exc
    return TurnFailed(type(exc).__name__).with_traceback(exc.__traceback__)
