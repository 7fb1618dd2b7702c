"""Everything that happened, with times: what tests judge from and the phone page shows."""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

Event = dict[str, Any]
"""``seq`` (from 1, without gaps), ``at`` (Unix seconds), ``kind``, and what that kind tells."""


class Record:
    """A ring of events: the oldest leave when it is full."""

    def __init__(self, size: int, now: Callable[[], float]) -> None:
        self._events: deque[Event] = deque(maxlen=size)
        self._now = now
        self._last = 0
        self._waiting = 0
        self._news = asyncio.Event()

    @property
    def last(self) -> int:
        """The newest event's ``seq``; 0 when nothing has happened."""
        return self._last

    def add(self, kind: str, **fields: object) -> None:
        """Write one event down, and wake who waits for it."""
        self._last += 1
        self._events.append({"seq": self._last, "at": self._now(), "kind": kind, **fields})
        if self._waiting:
            self._news.set()
            self._news = asyncio.Event()

    def after(self, seq: int, limit: int | None = None) -> list[Event]:
        """The events after ``seq``, oldest first; at most ``limit``, from the oldest on.

        A first ``seq`` above ``seq + 1`` means that the ring has lost some.
        """
        count = min(self._last - seq, len(self._events))
        if count <= 0:
            return []
        # From the right: a reader who keeps up needs only the newest few of a long ring.
        events = list(islice(reversed(self._events), count))
        events.reverse()
        return events[:limit]

    async def wait(self, seq: int) -> None:
        """Return as soon as there is an event after ``seq``."""
        self._waiting += 1
        try:
            while self._last <= seq:
                await self._news.wait()
        finally:
            self._waiting -= 1
