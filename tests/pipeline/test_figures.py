"""What a turn's figures say: how fast the model was, what it wrote, what sending waited for."""

from contextlib import suppress
from datetime import timedelta

import pytest

from app import metrics
from app.core.model import Delivery, Status
from app.errors import Parked, Unavailable, Uncertain
from app.pipeline.ports import Finish, Limits
from app.pipeline.reply import reply
from tests.fakes import NUMBER, FakeModel, World, said

SECOND = timedelta(seconds=1)
LONG = " ".join(f"This is sentence number {n}, of about fifty characters." for n in range(8))


class PacedModel(FakeModel):
    """Takes a second to begin and a tenth for each delta; says how many tokens it counted."""

    def __init__(self, world: World, deltas: list[str | Exception], finish: Finish) -> None:
        super().__init__([deltas], finish=finish)
        self.before_delta = lambda number: self._pass(world, 1.0 if number == 0 else 0.1)

    @staticmethod
    def _pass(world: World, seconds: float) -> None:
        world.clock.time += seconds * SECOND


async def answered(world: World) -> str:
    turn_id, conversation = world.store.queue[0]
    return await reply(conversation, turn_id, world.services)


def paced(deltas: list[str | Exception], finish: Finish) -> World:
    world = World()
    world.model = PacedModel(world, deltas, finish)
    return world


async def test_a_streams_figures_are_those_the_field_expects() -> None:
    world = paced(["Yes, ", "we are ", "open. "] * 5, Finish("stop", 40, 30))
    await world.store.take_in([said("Open?")])
    assert await answered(world) == "answered"
    seen, counts = world.meter.seen, world.meter.counts
    assert seen[metrics.FIRST_TOKEN_SECONDS] == [pytest.approx(1.0)]
    assert seen[metrics.STREAM_SECONDS] == [pytest.approx(2.4)]
    assert seen[metrics.STREAM_TOKENS_PER_SECOND] == [pytest.approx(30 / 1.4)]
    assert seen[metrics.STREAM_DELTAS] == [15]
    assert seen[metrics.REPLY_BUBBLES] == [1]
    assert counts[(metrics.MODEL_TOKENS, "provider", "prompt")] == 40
    assert counts[(metrics.MODEL_TOKENS, "provider", "completion")] == 30


async def test_tokens_that_nobody_counted_are_estimated_and_marked_so() -> None:
    world = paced(["1234567 "] * 10, Finish("stop"))
    await world.store.take_in([said("x" * 400)])
    await answered(world)
    counts = world.meter.counts
    assert counts[(metrics.MODEL_TOKENS, "estimate", "completion")] == pytest.approx(20, abs=1)
    assert counts[(metrics.MODEL_TOKENS, "estimate", "prompt")] >= 100


async def test_an_answer_that_came_at_once_has_no_pace() -> None:
    world = paced(["Yes."], Finish("stop", 4, 2))
    await world.store.take_in([said("Open?")])
    await answered(world)
    assert world.meter.seen[metrics.STREAM_TOKENS_PER_SECOND] == []
    assert world.meter.seen[metrics.STREAM_DELTAS] == [1]


async def test_a_model_that_says_nothing_has_used_no_tokens_but_time() -> None:
    world = paced([Unavailable("down", code="http_503", scope="model")], Finish("stop"))
    await world.store.take_in([said("Open?")])
    assert await answered(world) == "no_answer"
    seen, counts = world.meter.seen, world.meter.counts
    assert len(seen[metrics.STREAM_SECONDS]) == 2
    assert seen[metrics.FIRST_TOKEN_SECONDS] == seen[metrics.STREAM_DELTAS] == []
    assert counts[(metrics.MODEL_ERRORS, "http_503")] == 2
    assert not any(key[0] is metrics.MODEL_TOKENS for key in counts)
    assert seen[metrics.REPLY_BUBBLES] == [1]  # the apology


async def test_the_wait_for_the_first_bubble_counts_from_the_persons_first_words() -> None:
    world = World()
    now = world.clock.now()
    await world.store.take_in([said("Hi", at=now - 9 * SECOND), said("Open?", at=now - 2 * SECOND)])
    await answered(world)
    assert world.meter.seen[metrics.FIRST_BUBBLE_WAIT_SECONDS] == [9]
    assert len(world.meter.seen[metrics.FIRST_BUBBLE_SECONDS]) == 1


# -- what sending waits for


def waits(world: World) -> dict[str, list[float]]:
    """By cause, in seconds, to one digit."""
    found = world.meter.labelled[metrics.SEND_WAIT_SECONDS]
    return {cause: [round(value, 1) for value in values] for (cause,), values in found.items()}


async def test_a_retry_is_a_wait() -> None:
    world = World()
    world.channel.faults = [Unavailable("down"), None]
    await world.store.take_in([said("Open?")])
    await answered(world)
    assert waits(world) == {"retry": [0.5]}
    assert len(world.meter.seen[metrics.SEND_SECONDS]) == 2


@pytest.mark.parametrize(
    ("code", "scope"), [(131056, "pair"), (130429, "number"), (80007, "account"), (190, "token")]
)
async def test_a_throttle_or_stop_is_a_wait_of_its_scope(code: int, scope: str) -> None:
    world = World()
    world.channel.faults = [Unavailable("no", code=code, scope=scope)]  # type: ignore[arg-type]
    await world.store.take_in([said("Open?")])
    with suppress(Parked):
        await answered(world)
    assert list(waits(world)) == [scope]


async def test_a_burst_that_is_used_up_is_a_wait_of_the_pair() -> None:
    world = World(
        model=FakeModel([[LONG]]), limits=Limits(min_chars=20, max_chars=60, order="none")
    )
    await world.store.take_in([said("Open?")])
    _, conversation = world.store.queue[0]
    for _ in range(9):
        world.store.take_burst(conversation)
    await answered(world)
    assert set(waits(world)) == {"pair"}
    assert all(0 < seconds <= 6 for seconds in waits(world)["pair"])


async def test_the_numbers_rate_is_a_wait() -> None:
    world = World()
    world.store.number_wait = 0.3 * SECOND
    await world.store.take_in([said("Open?")])
    await answered(world)
    assert waits(world) == {"rate": [0.3]}


async def test_waiting_for_the_order_and_for_a_lost_answer_are_waits() -> None:
    quick = timedelta(milliseconds=1)
    limits = Limits(order="delivered", order_wait=quick, uncertain_wait=quick)
    world = World(model=FakeModel([[LONG]]), limits=limits)
    world.channel.faults = [Uncertain("lost")]
    await world.store.take_in([said("Open?")])
    await answered(world)
    assert waits(world) == {"uncertain": [0.0], "order": [0.0]}
    assert world.meter.counts[(metrics.ORDER_WAITS_RUN_OUT,)] == 1
    assert world.meter.counts[(metrics.RESENDS,)] == 1


async def test_a_status_that_is_there_makes_the_order_cost_nothing() -> None:
    world = World(model=FakeModel([[LONG]]), limits=Limits(order="delivered"))
    await world.store.take_in([said("Open?")])
    send = world.channel.send

    async def sent(*args: object, callback: str, **more: object) -> str:
        wamid = await send(*args, callback=callback, **more)  # type: ignore[arg-type]
        now = world.clock.now()
        await world.store.take_in([Status(wamid, NUMBER, Delivery.DELIVERED, now, callback)])
        return wamid

    world.channel.send = sent  # type: ignore[method-assign]
    await answered(world)
    bubbles = len(world.channel.texts)
    assert bubbles > 1
    assert waits(world) == {"order": [0.0] * (bubbles - 1)}
