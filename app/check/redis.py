"""Is Redis there, does it keep what it is given, and has it room?"""

from datetime import timedelta

from app.adapters.redis_facts import RedisFacts, redis_facts
from app.check.line import Line
from app.errors import RivuletError
from app.settings import Settings

REDIS_SECONDS = 5.0
OLDEST_REDIS = (6, 2)

MOST_FULL = 0.9
"""Of its memory: past this, somebody should give it more before it takes nothing."""

MOST_SKEW = timedelta(seconds=5)
"""Waiting times, ages and ends are told by several clocks: from here on they mislead."""

REFUSALS = {
    "full": "its memory is full",
    "read_only": "it is a replica",
    "lacks_replicas": "too few replicas follow it",
    "disk": "it cannot write to its disk",
}


async def redis_lines(settings: Settings) -> list[Line]:
    """Takes ``REDIS_SECONDS`` at most."""
    try:
        facts = await redis_facts(settings.redis_url.get_secret_value(), within=REDIS_SECONDS)
    except RivuletError as exc:
        fix = "start it, or correct the address in REDIS_URL."
        if exc.code == "login":
            fix = "correct the user and password in REDIS_URL."
        return [
            Line(False, f"Redis does not answer ({exc}).", fix),
            Line(None, "Whether Redis keeps its data: it does not answer."),
        ]
    has_room = [room(facts)] if facts.is_primary else []
    return [serving(facts), durable(facts), *replicated(facts), *has_room, clock(facts)]


def serving(facts: RedisFacts) -> Line:
    """Whether it is one that we can use."""
    if facts.version < OLDEST_REDIS:
        return Line(False, f"{facts.name} is too old.", "install Redis 6.2, Valkey 7.2 or newer.")
    if not facts.is_primary:
        fix = "name the primary in REDIS_URL, or the sentinels (redis+sentinel://)."
        return Line(False, f"{facts.name} is a replica and takes no writes.", fix)
    return Line(True, f"Redis answers: {facts.name}.")


def durable(facts: RedisFacts) -> Line:
    """Whether it keeps what it has taken."""
    if not facts.appends:
        return Line(
            False,
            "Redis forgets in a crash what it has taken in (appendonly is off).",
            "CONFIG SET appendonly yes, and the same in its configuration file.",
        )
    if facts.policy != "noeviction":
        return Line(
            False,
            f"Redis drops messages when its memory is full (maxmemory-policy {facts.policy}).",
            "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file.",
        )
    if facts.fsync == "no":
        return Line(
            False,
            "Redis forgets up to half a minute when its machine dies (appendfsync no).",
            "CONFIG SET appendfsync always, and the same in its configuration file.",
        )
    if facts.fsync == "everysec":
        text = "Redis keeps its data, but for the last second if its machine dies"
        return Line(True, f"{text} (appendfsync everysec; always keeps that too).")
    return Line(True, "Redis keeps its data: it appends to a file and evicts nothing.")


def replicated(facts: RedisFacts) -> list[Line]:
    """A hint where a failover may lose what was acknowledged."""
    if not facts.replicas or facts.waits_for_replicas:
        return []
    return [
        Line(
            True,
            "Redis has replicas and does not mind when they fall behind: a failover loses what"
            " they lack. With min-replicas-to-write 1 and min-replicas-max-lag 1 it would refuse.",
            warns=True,
        )
    ]


def room(facts: RedisFacts) -> Line:
    """Whether it takes writes, and how near the end of its memory it is."""
    if facts.refuses:
        why = REFUSALS.get(facts.refuses, "it says why in its log")
        fix = "see Redis full in the README's runbook."
        return Line(False, f"Redis takes no writes: {why}.", fix)
    if facts.full is None:
        return Line(True, "Redis takes writes; its memory has no limit (maxmemory 0).")
    text = f"{facts.full:.0%} of its memory is used"
    if facts.full > MOST_FULL:
        return Line(False, f"Redis is nearly full: {text}.", "raise maxmemory.")
    return Line(True, f"Redis takes writes; {text}.")


def clock(facts: RedisFacts) -> Line:
    """Whether its clock and ours agree."""
    return agreeing(facts.ahead, "Redis's")


def agreeing(ahead: timedelta, whose: str) -> Line:
    """Whether our clock agrees with another."""
    if abs(ahead) <= MOST_SKEW:
        return Line(True, f"This machine's clock agrees with {whose}.")
    way = "ahead of" if ahead > timedelta() else "behind"
    text = f"This machine's clock is {abs(ahead.total_seconds()):.0f} s {way} {whose}."
    return Line(False, text, "set both by NTP.")
