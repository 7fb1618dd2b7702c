"""A job's end is written down only by whoever still runs it.

A worker that was held up for too long is dead to the others: one of them has the job by then, and
may have finished it. RQ would write the late end over that. Its commands are the same here, but
one script runs them, and only while the execution stands among the running ones.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError

IF_OURS = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local i = 2
while i <= #ARGV do
  local words = tonumber(ARGV[i])
  redis.call(unpack(ARGV, i + 1, i + words))
  i = i + 1 + words
end
return 1
"""


class OwnedPipeline(Pipeline):
    """Stands in for a connection and for each of its transactions, while one end is written down.

    Args:
        running_key: The sorted set in which the execution stands while it is ours.
        entry: Its name there.

    Attributes:
        ours: Whether the commands were run; ``None`` before.
        failure: Why it is not known; RQ keeps that to itself.
    """

    def __init__(self, redis: "Redis", *, running_key: str, entry: str) -> None:
        super().__init__(redis.connection_pool, redis.response_callbacks, True, None)
        self._script = redis.register_script(IF_OURS)
        self._running_key, self._entry = running_key, entry
        self.ours: bool | None = None
        self.failure: RedisError | None = None

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> "OwnedPipeline":
        """Itself: all of RQ's transactions for one end are one."""
        return self

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run what has been gathered, if it is ours to run; a failed try can be made again."""
        stack: Sequence[Any] = self.command_stack
        if not stack or self.ours is False:
            self.reset()
            return []
        if self.ours:  # the entry went with the first part
            return list(super().execute(raise_on_error))
        words = [arguments for arguments, _ in stack]
        arguments = chain.from_iterable([len(one), *one] for one in words)
        try:
            done = self._script(keys=[self._running_key], args=[self._entry, *arguments])
        except RedisError as exc:
            self.failure = exc
            raise
        self.failure, self.ours = None, bool(done)
        self.reset()
        return []

    def __exit__(self, *exc_info: object) -> None:
        """Keep what has been gathered: RQ opens several transactions, one after the other."""
