"""Does somebody work, and is anybody waiting? As Redis knows it, and as readiness tells it."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from app import metrics
from app.bootstrap import open_services
from app.check.line import Line
from app.core.account import WARNINGS
from app.errors import RivuletError
from app.settings import Installation

LONG_SECONDS = 120.0
"""A person who has waited for longer is in trouble; a model may take this long for an answer."""

RUNBOOK = "see the README's runbook."
FIXES = {
    "none": "start one: rivulet worker.",
    "blocked": "its log names what stands in the way of its event loop; restart it.",
    "behind": "start more workers; rivulet dashboard shows the queue. See the README's runbook.",
}
WORKERS = {
    "none": "No worker runs",
    "blocked": "A worker's event loop is blocked",
    "behind": "Turns wait in the queue and no worker takes them",
}


async def house_lines(settings: Installation) -> list[Line]:
    """Each of its two calls to Redis is bounded by the store."""
    async with AsyncExitStack() as stack:
        services, _ = open_services(settings, stack)
        try:
            troubles = dict(await services.store.troubles())
            gauges = await services.store.gauges()
        except RivuletError:
            return [Line(None, "Who waits, and who works: Redis does not answer.")]
    waiting = gauges[metrics.UNANSWERED]
    if troubles.pop("store", None):  # told above
        working = Line(None, "Whether a worker lives: it could not write so.")
    else:
        working = _working(troubles.pop("worker", ""), somebody_waits=waiting > 0)
    return [
        working,
        _waiting(int(waiting), gauges[metrics.OLDEST_UNANSWERED_SECONDS]),
        *_given_up(int(gauges[metrics.GIVEN_UP])),
        *_troubled(troubles),
    ]


def _working(word: str, *, somebody_waits: bool) -> Line:
    if not word:
        return Line(True, "A worker lives.")
    text = WORKERS.get(word, f"The workers are in trouble ({word})")
    warns = word == "none" and not somebody_waits
    return Line(warns, f"{text}.", FIXES.get(word, RUNBOOK), warns=warns)


def _waiting(count: int, oldest_seconds: float) -> Line:
    if not count:
        return Line(True, "Nobody waits for an answer.")
    text = f"{count} wait for an answer, the longest for {oldest_seconds:.0f} s."
    return Line(
        oldest_seconds <= LONG_SECONDS, text, RUNBOOK if oldest_seconds > LONG_SECONDS else ""
    )


def _given_up(count: int) -> list[Line]:
    if not count:
        return []
    fix = "mend what they failed of, then queue them again in /admin."
    return [Line(False, f"{count} turns were given up; those people have no answer.", fix)]


def _troubled(troubles: Mapping[str, str]) -> list[Line]:
    if not troubles:
        return [Line(True, "Nothing else is in trouble, as /health/ready tells it.")]
    told = ", ".join(f"{scope} ({code})" for scope, code in sorted(troubles.items()))
    warns = set(troubles.values()) <= WARNINGS
    return [Line(warns, f"/health/ready tells of trouble: {told}.", RUNBOOK, warns=warns)]
