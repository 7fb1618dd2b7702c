"""What the sender does for every error code of the reference, by a clock that only moves when it
waits: tried again or not, when, and for whom sending stops meanwhile.
"""

from datetime import datetime
from itertools import pairwise

import pytest

from app.core.graph_errors import error_for
from app.errors import Parked, Refused, Unavailable
from app.pipeline.reply import reply
from app.pipeline.sender import JITTER, MOST_WAIT
from tests.core.test_graph_errors import CODES, Row
from tests.fakes import NOW, World, said

MOST_RUNS = 10


class Failing(World):
    """A Graph API that answers so many sends with one error, and a worker that runs what is queued.

    Attributes:
        sent_at: When each send left.
        parked: How often the turn gave its place back.
    """

    def fail(self, error: Exception, times: int) -> None:
        self.channel.faults = [error] * times
        self.sent_at: list[datetime] = []
        self.parked = 0
        self.channel.on_send = lambda _: self.sent_at.append(self.clock.time)

    async def answer(self) -> str:
        """How the turn ends, however often it is parked before."""
        await self.store.take_in([said("Are you open?")])
        turn_id, conversation = self.store.queue[0]
        for _ in range(MOST_RUNS):
            try:
                return await reply(conversation, turn_id, self.services)
            except Parked as parked:
                self.parked += parked.after > MOST_WAIT
                self.clock.time += parked.after
        raise AssertionError("it never ends")

    @property
    def waits(self) -> list[float]:
        """Seconds from each send to the next."""
        return [(later - at).total_seconds() for at, later in pairwise(self.sent_at)]


def rows(*kinds: str) -> list[object]:
    return [
        pytest.param(code, row, id=f"{code} {row[0]}")
        for code, row in CODES.items()
        if row[0] in kinds
    ]


@pytest.mark.parametrize(("code", "row"), rows("refused"))
async def test_a_refused_bubble_is_not_tried_again_and_holds_nobody_back(
    code: int, row: Row
) -> None:
    world = Failing()
    error = error_for(code, http_status=400)
    assert isinstance(error, Refused)
    world.fail(error, 1)
    assert await world.answer() == "refused"
    assert world.sent_at == [NOW]
    assert world.store.holds == {}
    assert await world.store.troubles() == {}


@pytest.mark.parametrize(("code", "row"), rows("retry"))
async def test_a_passing_fault_is_tried_again_so_often_and_after_such_waits(
    code: int, row: Row
) -> None:
    tries = row[3]
    assert tries is not None
    passing = Failing()
    passing.fail(error_for(code, http_status=500), tries)
    assert await passing.answer() == "answered"
    lasting = Failing()
    lasting.fail(error_for(code, http_status=500), tries + 1)
    with pytest.raises(Unavailable):  # back to the queue, which has tries of its own
        await lasting.answer()
    for world in (passing, lasting):
        assert world.waits == list(row[2][:tries])
        assert world.parked == 0
        assert world.store.holds == {}


@pytest.mark.parametrize(("code", "row"), rows("throttled", "stopped"))
async def test_what_holds_a_scope_back_is_tried_until_it_works_after_such_waits(
    code: int, row: Row
) -> None:
    _, scope, waits, tries = row
    assert tries is None
    world = Failing()
    world.fail(error_for(code, http_status=400), len(waits))
    held: list[set[str]] = []
    told: list[dict[str, str]] = []

    def look(_: str) -> None:
        world.sent_at.append(world.clock.time)
        held.append(set(world.store.holds))
        told.append(dict(world.store._troubles))

    world.channel.on_send = look
    assert await world.answer() == "answered"
    assert held == [set(), {scope}, {scope}, {scope}]
    assert told == [{}] + 3 * [{} if scope == "pair" else {scope: str(code)}]
    assert (world.store.holds, world.store._troubles) == ({}, {})  # the probe got through
    for waited, least in zip(world.waits, waits, strict=True):
        if least <= MOST_WAIT.total_seconds():
            assert waited == least
        else:
            assert least <= waited <= least * (1 + JITTER)
    assert world.parked == sum(least > MOST_WAIT.total_seconds() for least in waits)


@pytest.mark.parametrize(
    ("http_status", "code", "transient", "sends"),
    [
        pytest.param(429, 999_999, False, 2, id="an unknown code with 429 slows the number down"),
        pytest.param(400, 999_999, True, 2, id="an unknown code that passes is tried again"),
        pytest.param(400, 999_999, False, 1, id="an unknown code is refused"),
    ],
)
async def test_codes_that_nobody_has_documented(
    http_status: int, code: int, transient: bool, sends: int
) -> None:
    world = Failing()
    world.fail(error_for(code, http_status=http_status, is_transient=transient), 1)
    assert await world.answer() == ("answered" if sends > 1 else "refused")
    assert len(world.sent_at) == sends
    assert world.waits == [1.0 if http_status == 429 else 0.5][: sends - 1]
