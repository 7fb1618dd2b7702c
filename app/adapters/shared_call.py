"""Callers that wait at the same moment share one round trip (a database calls it group commit)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Caller = tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]


class SharedCall(Generic[Item, Result]):
    """Calls ``call`` with the items of many callers. While one call is under way, the next gather.

    A caller that leaves (cancelled, or out of time) takes nothing from the others.

    Args:
        call: Gives one result for each item, in their order.
        most: Items in one call; a caller brings no more than that.
        seconds: How long a caller waits.
        call_seconds: How long one call may take. Longer than its callers wait: if each were broken
            off with them, a connection that is slow to be made would never be there for the next.
        alone_after: Errors that may be one caller's fault: then each is called by itself.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        most: int,
        seconds: float,
        call_seconds: float,
        alone_after: type[Exception],
    ) -> None:
        self._call = call
        self._most = most
        self._seconds = seconds
        self._call_seconds = call_seconds
        self._alone_after = alone_after
        self._waiting: deque[Caller[Item, Result]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, items: Sequence[Item]) -> Sequence[Result]:
        """The results of these items.

        Raises:
            TimeoutError: They did not come in time; the call may have happened.
            Exception: What ``call`` raised.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[Result]] = loop.create_future()
        timer = loop.call_later(self._seconds, _give_up, answer)
        self._waiting.append((items, answer))
        if self._running is None:
            self._running = loop.create_task(self._run(), name="shared call")
        try:
            return await answer
        finally:
            timer.cancel()

    async def close(self) -> None:
        """Break off the call that is under way; twice is harmless."""
        if self._running:
            self._running.cancel()
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        try:
            while self._waiting:
                if callers := self._gather():
                    await self._answer(callers)
        finally:
            self._running = None

    def _gather(self) -> list[Caller[Item, Result]]:
        """Those who have waited longest, as many as fit."""
        gathered, room = [], self._most
        while self._waiting and len(self._waiting[0][0]) <= room:
            items, answer = self._waiting.popleft()
            if not answer.done():
                gathered.append((items, answer))
                room -= len(items)
        return gathered

    async def _answer(self, callers: list[Caller[Item, Result]]) -> None:
        try:
            async with asyncio.timeout(self._call_seconds):
                results = await self._call([item for items, _ in callers for item in items])
        except Exception as exc:
            if len(callers) > 1 and isinstance(exc, self._alone_after):
                for caller in callers:
                    if not caller[1].done():
                        await self._answer([caller])
                return
            for _, answer in callers:
                if not answer.done():
                    answer.set_exception(exc)
            return
        start = 0
        for items, answer in callers:
            if not answer.done():
                answer.set_result(results[start : start + len(items)])
            start += len(items)


def _give_up(answer: "asyncio.Future[Any]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
