"""Which version of our data Redis holds: told by ``rv:version``, a number.

A new version of us reads what the one before has written, and ignores fields that it does not know.
So most changes need no new number. One that an older process would misread or spoil does: then the
first new process to start raises it, and from then on older ones take nothing in and begin no turn
(the scripts ask); turns in hand are finished. Meta and the queue keep the rest for the new ones.
"""

from contextlib import closing, suppress

from redis.exceptions import RedisError

from app.adapters.redis_client import sync_redis
from app.errors import NewerLayout

LAYOUT = 1
"""The version that we write. Data without a number is of version 1."""

LAYOUT_KEY = "rv:version"


def claim_layout(url: str, layout: int = LAYOUT) -> None:
    """Say that the data is of our version from now on; twice changes nothing.

    A Redis that is away is no obstacle: the scripts do the same.

    Args:
        url: As ``async_redis`` takes it.

    Raises:
        NewerLayout: It is of a newer one; nothing has changed.
    """
    with suppress(RedisError, OSError), closing(sync_redis(url)) as redis:
        found = int(redis.eval(CLAIM, 1, LAYOUT_KEY, layout))
        if found > layout:
            raise NewerLayout(found, layout)


CLAIM = """
local found = tonumber(redis.call('GET', KEYS[1]) or 0)
if found < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return found
"""
