"""Request bodies: bounded in size, in time, and in how much one process holds of them at once."""

import asyncio
from collections.abc import Mapping
from math import inf
from typing import cast

from starlette.types import Receive

MOST_BYTES = 3 * 1024 * 1024  # "Webhooks overview": the body is at most 3 MB
BODY_SECONDS = 10.0
"""How long a body may take to arrive; Meta's come at once."""

MOST_IN_FLIGHT = 64 * 1024 * 1024
"""Of all bodies that have been read and not answered yet."""

LARGE = 64 * 1024
"""A body up to here is small. Nearly all of Meta's are, and junk must not shut them out: large ones
take up at most ``MOST_OF_LARGE``.
"""

MOST_OF_LARGE = 48 * 1024 * 1024

OVERDUE = -inf


class Refused(Exception):
    """A body that is not read to its end: status to answer with, and why in a word."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Bodies:
    """Reads bodies. What one gives must be let go of once it has been dealt with.

    Attributes:
        in_flight: Bytes read and not let go of.
    """

    def __init__(self, *, seconds: float = BODY_SECONDS) -> None:
        self.in_flight = 0
        self._seconds = seconds
        # One timer for all: an asyncio.timeout for each costs as much as all else here.
        self._deadlines: dict[asyncio.Task[object], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """The exact bytes.

        Raises:
            Refused: Too large, too slow, broken off, or more than the process has room for now.
        """
        announced = headers.get(b"content-length", b"")
        # [:20]: a longer number is too large as well, and int() refuses one of thousands of digits.
        if announced.isdigit() and int(announced[:20]) > MOST_BYTES:
            raise Refused(413, "too_large")
        task = cast("asyncio.Task[object]", asyncio.current_task())  # each request runs in one
        self._deadlines[task] = self._deadline(task.get_loop())
        parts: list[bytes] = []
        try:
            await self._collect(receive, parts)
        except BaseException as exc:
            self.let_go(sum(map(len, parts)))
            if isinstance(exc, asyncio.CancelledError) and self._is_ours(task):
                raise Refused(408, "too_slow") from None
            raise
        finally:
            del self._deadlines[task]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def let_go(self, size: int) -> None:
        """This many bytes have been dealt with."""
        self.in_flight -= size

    async def _collect(self, receive: Receive, parts: list[bytes]) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "broken_off")
            part = message.get("body", b"")
            more = message.get("more_body", False)
            parts.append(part)
            size += len(part)
            self.in_flight += len(part)
            if size > MOST_BYTES:
                raise Refused(413, "too_large")
            if self.in_flight > (MOST_IN_FLIGHT if size <= LARGE else MOST_OF_LARGE):
                raise Refused(503, "too_many")

    def _deadline(self, loop: asyncio.AbstractEventLoop) -> float:
        deadline = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._end_overdue, loop)
        return deadline

    def _end_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel those whose time is over; they stand in the order of their deadlines."""
        self._timer = None
        for task, deadline in self._deadlines.items():
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._end_overdue, loop)
                return
            if deadline != OVERDUE:
                self._deadlines[task] = OVERDUE
                task.cancel()

    def _is_ours(self, task: "asyncio.Task[object]") -> bool:
        """Whether it was cancelled by us, and by nobody else (see ``asyncio.timeout``)."""
        return self._deadlines[task] == OVERDUE and task.uncancel() == 0
