"""Bodies as an ASGI server hands them over: how much, how long, and what is kept of them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from app.web.bodies import LARGE, MOST_BYTES, MOST_IN_FLIGHT, MOST_OF_LARGE, Bodies, Refused

Receive = Callable[[], Any]


def parts(*texts: bytes, last: bytes | None = b"") -> Receive:
    """A body that comes in these parts and ends; ``last=None``: the client goes away instead."""
    messages = [{"type": "http.request", "body": text, "more_body": True} for text in texts]
    end: dict[str, Any] = {"type": "http.disconnect"}
    if last is not None:
        end = {"type": "http.request", "body": last, "more_body": False}
    incoming = iter([*messages, end])

    async def receive() -> dict[str, Any]:
        return next(incoming)

    return receive


def silent_after(*texts: bytes) -> Receive:
    """A body that never ends."""
    incoming = iter(texts)

    async def receive() -> dict[str, Any]:
        text = next(incoming, None)
        if text is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": text, "more_body": True}

    return receive


async def refusal(bodies: Bodies, receive: Receive) -> tuple[int, str]:
    with pytest.raises(Refused) as raised:
        await bodies.read({}, receive)
    return raised.value.status, raised.value.reason


async def test_a_body_is_in_flight_until_it_is_let_go_of() -> None:
    bodies = Bodies()
    assert await bodies.read({}, parts(b"one ", b"two")) == b"one two"
    assert bodies.in_flight == 7
    bodies.let_go(7)
    assert bodies.in_flight == 0


@pytest.mark.parametrize(
    ("receive", "expected"),
    [
        pytest.param(parts(b"x" * MOST_BYTES, b"x"), (413, "too_large"), id="too large"),
        pytest.param(parts(b"x" * 9, last=None), (400, "broken_off"), id="broken off"),
        pytest.param(silent_after(b"x" * 9), (408, "too_slow"), id="too slow"),
    ],
)
async def test_of_a_refused_body_nothing_is_in_flight(
    receive: Receive, expected: tuple[int, str]
) -> None:
    bodies = Bodies(seconds=0.02)
    assert await refusal(bodies, receive) == expected
    assert bodies.in_flight == 0


@pytest.mark.parametrize(
    ("held", "size", "taken"),
    [
        pytest.param(MOST_OF_LARGE - LARGE - 1, LARGE + 1, True, id="a large one that just fits"),
        pytest.param(MOST_OF_LARGE - LARGE, LARGE + 1, False, id="a large one that does not"),
        pytest.param(MOST_IN_FLIGHT - LARGE, LARGE, True, id="a small one that just fits"),
        pytest.param(MOST_IN_FLIGHT - LARGE + 1, LARGE, False, id="a small one that does not"),
    ],
)
async def test_small_bodies_have_room_that_large_ones_cannot_take(
    held: int, size: int, taken: bool
) -> None:
    bodies = Bodies()
    bodies.in_flight = held
    if taken:
        assert len(await bodies.read({}, parts(last=b"x" * size))) == size
        assert bodies.in_flight == held + size
    else:
        assert await refusal(bodies, parts(last=b"x" * size)) == (503, "too_many")
        assert bodies.in_flight == held


async def test_each_slow_body_ends_in_its_own_time_and_the_others_go_on() -> None:
    bodies = Bodies(seconds=0.05)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def ends_after(pause: float) -> float:
        await asyncio.sleep(pause)
        assert await refusal(bodies, silent_after(b"x")) == (408, "too_slow")
        return loop.time() - began - pause

    async with asyncio.timeout(10):
        lasted = await asyncio.gather(ends_after(0), ends_after(0.02), ends_after(0.2))
    assert min(lasted) >= 0.045
    assert await bodies.read({}, parts(b"quick")) == b"quick"


@pytest.mark.parametrize("reads", [1, 3])
async def test_a_request_that_somebody_else_cancels_is_not_called_slow(reads: int) -> None:
    bodies = Bodies(seconds=30)
    began: Sequence[asyncio.Event] = [asyncio.Event() for _ in range(reads)]

    def waiting(event: asyncio.Event) -> Receive:
        async def receive() -> Any:
            event.set()
            await asyncio.Event().wait()

        return receive

    tasks = [asyncio.create_task(bodies.read({}, waiting(event))) for event in began]
    for event, task in zip(began, tasks, strict=True):
        await event.wait()
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    assert bodies.in_flight == 0
