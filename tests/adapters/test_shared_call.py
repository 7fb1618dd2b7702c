"""Callers that wait at the same moment share one call, and harm each other in no way."""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from app.adapters.shared_call import SharedCall

MOST = 5


class Wrong(Exception):
    """One caller's item was at fault."""


class Server:
    """Doubles numbers, one call at a time, when it is let."""

    def __init__(self, *, seconds: float = 30.0) -> None:
        self.calls: list[list[int]] = []
        self.asked_once, self.open = asyncio.Event(), asyncio.Event()
        self.shared = SharedCall(
            self._double, most=MOST, seconds=seconds, call_seconds=30.0, alone_after=Wrong
        )

    async def _double(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        self.asked_once.set()
        await self.open.wait()
        if 13 in numbers:
            raise Wrong
        if 404 in numbers:
            raise ConnectionError
        return [2 * number for number in numbers]

    async def asked(self, *callers: list[int]) -> list["asyncio.Task[Sequence[int]]"]:
        """Callers that wait, while the first of them is under way."""
        tasks = [asyncio.create_task(self._ask(items)) for items in callers]
        await self.asked_once.wait()
        return tasks

    async def _ask(self, items: list[int]) -> Sequence[int]:
        return await self.shared(items)


async def test_who_waits_while_a_call_is_under_way_shares_the_next() -> None:
    server = Server()
    (first,) = await server.asked([1])
    others = await server.asked([2], [3, 4])
    await asyncio.sleep(0)
    server.open.set()
    assert [list(await one) for one in (first, *others)] == [[2], [4], [6, 8]]
    assert server.calls == [[1], [2, 3, 4]]


async def test_a_call_holds_no_more_than_it_may() -> None:
    server = Server()
    server.open.set()
    callers = await server.asked([1, 2, 3], [4, 5, 6], [7, 8], [9])
    assert [list(await one) for one in callers] == [[2, 4, 6], [8, 10, 12], [14, 16], [18]]
    assert server.calls == [[1, 2, 3], [4, 5, 6, 7, 8], [9]]


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    server = Server()
    under_way, stays = await server.asked([1], [2])
    waiting, also_stays = await server.asked([3], [4])
    await asyncio.sleep(0)
    under_way.cancel()
    waiting.cancel()
    await asyncio.wait({under_way, waiting})
    server.open.set()
    assert [list(await one) for one in (stays, also_stays)] == [[4], [8]]
    assert server.calls == [[1, 2], [4]]


async def test_when_all_have_left_nothing_is_called() -> None:
    server = Server()
    first, _ = await server.asked([1], [2])
    (waiting,) = await server.asked([3])
    await asyncio.sleep(0)
    waiting.cancel()
    server.open.set()
    await asyncio.wait({first, waiting})
    assert list(await server.shared([5])) == [10]
    assert server.calls == [[1, 2], [5]]


async def test_an_item_at_fault_is_its_own_callers_error_only() -> None:
    server = Server()
    server.open.set()
    good, bad, also_good = await server.asked([1], [13], [2])
    assert list(await good) == [2]
    assert list(await also_good) == [4]
    with pytest.raises(Wrong):
        await bad


async def test_a_server_that_is_away_is_everybodys_error_and_asked_once() -> None:
    server = Server()
    server.open.set()
    for caller in await server.asked([1], [404], [2]):
        with pytest.raises(ConnectionError):
            await caller
    assert server.calls == [[1, 404, 2]]


async def test_it_works_again_after_an_error() -> None:
    server = Server()
    server.open.set()
    with pytest.raises(Wrong):
        await server.shared([13])
    assert list(await server.shared([1])) == [2]


async def test_each_caller_waits_only_its_own_time_and_the_call_goes_on() -> None:
    server = Server(seconds=0.05)
    callers = await server.asked([1])
    callers += await server.asked([2])
    for caller in callers:
        with pytest.raises(TimeoutError):
            await caller
    server.open.set()
    assert list(await server.shared([3])) == [6]
    assert server.calls == [[1], [3]]


async def test_closing_breaks_off_the_call_that_is_under_way() -> None:
    server = Server()
    (caller,) = await server.asked([1])
    caller.cancel()
    await server.shared.close()
    await server.shared.close()
    server.open.set()
    assert list(await server.shared([2])) == [4]


async def test_a_call_that_cannot_be_ended_keeps_no_caller_waiting() -> None:
    opened = asyncio.Event()

    async def deaf(numbers: Sequence[int]) -> Sequence[int]:
        while not opened.is_set():  # redis-py swallows a cancellation while it connects
            with contextlib.suppress(asyncio.CancelledError):
                await opened.wait()
        return numbers

    shared = SharedCall(deaf, most=MOST, seconds=0.05, call_seconds=0.05, alone_after=Wrong)
    async with asyncio.timeout(30):
        for number in (1, 2):
            with pytest.raises(TimeoutError):
                await shared([number])
        opened.set()
        assert list(await shared([3])) == [3]
