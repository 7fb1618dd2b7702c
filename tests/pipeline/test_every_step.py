"""A worker that dies before or after any one of its steps: the next run ends what it began.

Every call of a port passes a ``Life``, which ends at a chosen one. From then on nothing of that run
gets through any more, as after a SIGKILL: no clean-up, no last word.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Literal, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.clock import SystemClock
from app.core.continuation import GO_ON
from app.core.model import Address, Delivery, PromptMessage, Status
from app.errors import Uncertain
from app.pipeline.ports import Channel, Clock, Finish, Limits, Model, Store
from app.pipeline.reply import reply
from tests.contracts.conftest import Stage, fake_stage, stage
from tests.fakes import NUMBER, FakeChannel, FakeStore, World, said

SOON = timedelta(seconds=0.02)
LIMITS = Limits(min_chars=20, max_chars=60, order_wait=SOON, send_within=SOON, uncertain_wait=SOON)
ANSWER = (
    "The lamp can go back within thirty days. Please print the label from our page. "
    "The post office takes it from there."
)
SECOND_ANSWER = "Yes, the shade can go back too. It needs no box of its own."
QUESTION, SECOND_QUESTION = "What about the lamp?", "And the shade?"
MOST_RUNS = 12
DELTA_SECONDS = 0.003

__all__ = ["stage"]  # the fixture: the fake and the real store in turn

News = Literal["at once", "before the next run"]


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Life:
    """One run of a worker, until it is killed at one of its calls.

    Attributes:
        ends_at: The number of that call, and whether it still has its effect; ``None``: never.
        calls: Their names, in order.
        before: Awaited before each, with its number.
    """

    ends_at: tuple[int, bool] | None = None
    calls: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    before: Callable[[int], Awaitable[None]] | None = None

    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do it, unless the process is dead by then."""
        self._check()
        number = len(self.calls)
        self.calls.append(name)
        if self.before:
            await self.before(number)
        if self.ends_at == (number, False):
            self.over.set()
        self._check()
        result = await work()
        if self.ends_at == (number, True):
            self.over.set()
        self._check()
        return result

    def _check(self) -> None:
        if self.over.is_set():
            raise Killed


class Mortal:
    """A port whose every coroutine method is a step of a life."""

    def __init__(self, port: object, life: Life) -> None:
        self._port, self._life = port, life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(method):
            return method
        return lambda *args, **more: self._life.step(name, partial(method, *args, **more))


class MortalStore(Mortal):
    @asynccontextmanager
    async def turn(self, conversation: str, turn_id: str) -> AsyncIterator[object]:
        # The lease that a dead run leaves behind has run out by the next one: it is given back.
        async with self._port.turn(conversation, turn_id) as hand:  # type: ignore[attr-defined]

            async def taken() -> object:
                return hand and Mortal(hand, self._life)

            yield await self._life.step("turn", taken)


class MortalModel(Mortal):
    async def stream(self, prompt: Sequence[PromptMessage]) -> AsyncGenerator[str | Finish, None]:
        async with aclosing(cast(Model, self._port).stream(prompt)) as stream:
            while True:
                delta = await self._life.step("delta", partial(anext, stream, None))
                if delta is None:
                    return
                yield delta


@dataclass
class Writer:
    """A model that answers the last question, and goes on where its answer broke off.

    Attributes:
        answers: By the question's last words.
        starts_over: Whether it begins again from the top when asked to go on.
    """

    answers: Mapping[str, str]
    starts_over: bool

    async def stream(self, prompt: Sequence[PromptMessage]) -> AsyncGenerator[str | Finish, None]:
        going_on = prompt[-1].content == GO_ON
        question = prompt[-3 if going_on else -1].content
        text = next(self.answers[end] for end in self.answers if question.endswith(end))
        if going_on and not self.starts_over:
            text = _after(prompt[-2].content, text)
        for start in range(0, len(text), 25):
            await asyncio.sleep(DELTA_SECONDS)  # else all is planned before anything has left
            yield text[start : start + 25]
        yield Finish("stop")


def _after(beginning: str, text: str) -> str:
    squashed, position = _squash(beginning), 0
    for character in squashed:
        position = text.index(character, position) + 1
    return text[position:]


def _squash(text: str) -> str:
    return "".join(text.split())


@dataclass
class Meta(FakeChannel):
    """Takes every send; its statuses reach the web process, which does not die here.

    Attributes:
        lost: The numbers of the sends, from 0, whose answer is lost on the way.
        news: When the statuses come.
    """

    store: Store | None = None
    lost: Sequence[int] = ()
    news: News = "at once"
    kept: list[Status] = field(default_factory=list)

    async def send(self, address: Address, text: str, *, callback: str, **more: Any) -> str:
        number = len(self.sent)
        await super().send(address, text, callback=callback)
        wamid = f"wamid.{uuid.uuid4().hex}"
        self.kept += [
            Status(wamid, NUMBER, delivery, said("").sent_at, callback)
            for delivery in (Delivery.SENT, Delivery.DELIVERED)
        ]
        if self.news == "at once" or number in self.lost:
            await self.tell()
        if number in self.lost:
            raise Uncertain("the answer was lost")
        return wamid

    async def tell(self) -> None:
        """What Meta has to say of the bubbles so far."""
        assert self.store is not None
        told, self.kept = self.kept, []
        await self.store.take_in(told)


@dataclass
class Play:
    """A person who wrote, and what happens at which call of the runs that answer them.

    Attributes:
        ends: Where the first runs end, one each; the later ones live.
        writes_at: Before which call of the first run the person writes again.
        writes_when_dead: Whether they do so after the first death, if not before.
    """

    stage: Stage
    ends: Sequence[tuple[int, bool]] = ()
    news: News = "at once"
    starts_over: bool = False
    lost: Sequence[int] = ()
    writes_at: int | None = None
    writes_when_dead: bool = False
    lives: list[Life] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        store = self.stage.store
        self.user_id = f"US.{uuid.uuid4().hex}"
        self.meta = Meta(store=store, lost=self.lost, news=self.news)
        self.model = Writer({"lamp?": ANSWER, "shade?": SECOND_ANSWER}, self.starts_over)
        # The fake's deadlines go by its own clock, the real one's by the server's.
        clock = store.clock if isinstance(store, FakeStore) else SystemClock()
        self.services = replace(World(limits=LIMITS).services, clock=clock)

    async def says(self, text: str) -> None:
        """The person writes."""
        wamid = f"wamid.{uuid.uuid4().hex}"
        self.asked[wamid] = text
        at = self.services.clock.now()
        message = said(text, wamid=wamid, user_id=self.user_id, phone=None, at=at)
        await self.stage.store.take_in([message])

    async def play(self) -> None:
        """The person writes, workers run what is queued until all is answered, and we judge."""
        await self.says(QUESTION)
        abandoned: list[tuple[str, str]] = []
        while job := await self.stage.take_job() or (abandoned.pop(0) if abandoned else None):
            if not await self._run(*job):
                abandoned.append(job)
                if self.writes_when_dead and len(self.asked) == 1:
                    await self.says(SECOND_QUESTION)
            await self.meta.tell()
        await self._judge()

    async def _run(self, turn_id: str, conversation: str) -> bool:
        """One run of a turn; whether it came to its end."""
        assert len(self.lives) < MOST_RUNS
        number = len(self.lives)
        life = Life(self.ends[number] if number < len(self.ends) else None)
        if number == 0:
            life.before = self._before_step
        self.lives.append(life)
        services = replace(
            self.services,
            store=cast(Store, MortalStore(self.stage.store, life)),
            channel=cast(Channel, Mortal(self.meta, life)),
            model=cast(Model, MortalModel(self.model, life)),
            clock=cast(Clock, Mortal(self.services.clock, life)),
        )
        run = asyncio.create_task(reply(conversation, turn_id, services))
        over = asyncio.create_task(life.over.wait())
        await asyncio.wait({run, over}, return_when=asyncio.FIRST_COMPLETED)
        if life.over.is_set():
            run.cancel()
            await asyncio.wait({run})
            return False
        over.cancel()
        await run
        return True

    async def _before_step(self, number: int) -> None:
        if number == self.writes_at:
            await self.says(SECOND_QUESTION)

    async def _judge(self) -> None:
        """Every question answered, every bubble once, in order, and the history says the same."""
        texts, asked = self.meta.texts, list(self.asked.items())
        assert len(texts) == len(set(texts)), texts
        fine = [ANSWER] if len(asked) == 1 else [SECOND_ANSWER, ANSWER + SECOND_ANSWER]
        assert _squash("".join(texts)) in map(_squash, fine), texts
        for wamid, _ in asked:
            assert await self.stage.store.record_of(wamid), "not acknowledged"
        await self.says("Thank you.")
        turn_id, conversation = cast("tuple[str, str]", await self.stage.take_job())
        async with self.stage.store.turn(conversation, turn_id) as hand:
            assert hand is not None
            assert [message.text for message in hand.turn.messages] == ["Thank you."]
            seen = [entry.text for entry in hand.turn.history if entry.role == "assistant"]
            heard = [entry.text for entry in hand.turn.history if entry.role == "user"]
            await hand.finish("", ending="answered")
        assert _squash("".join(seen)) == _squash("".join(texts))
        assert "\n".join(heard) == "\n".join(text for _, text in asked)


async def calls_of_a_quiet_run(stage: Stage) -> list[str]:
    play = Play(stage)
    await play.play()
    return play.lives[0].calls


async def test_a_quiet_run_calls_every_port(stage: Stage) -> None:
    calls = await calls_of_a_quiet_run(stage)
    assert {"turn", "show_typing", "delta", "plan", "begin_send", "send", "settle_send"} < {*calls}
    assert {"delivery", "note", "finish"} < {*calls}
    assert calls.count("send") == 3


@pytest.mark.parametrize("starts_over", [False, True], ids=["goes on", "starts over"])
@pytest.mark.parametrize("news", ["at once", "before the next run"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_death_at_any_call_loses_nothing_and_doubles_nothing(
    stage: Stage, after: bool, news: News, starts_over: bool
) -> None:
    for number, name in enumerate(await calls_of_a_quiet_run(stage)):
        try:
            await Play(stage, [(number, after)], news, starts_over).play()
        except AssertionError as exc:
            when = "after" if after else "before"
            raise AssertionError(f"killed {when} call {number}, {name}") from exc


calls = st.integers(0, 40)


@settings(deadline=None, max_examples=80)
@given(
    ends=st.lists(st.tuples(calls, st.booleans()), max_size=4),
    news=st.sampled_from(["at once", "before the next run"]),
    starts_over=st.booleans(),
    lost=st.lists(st.integers(0, 5), max_size=2),
    writes_at=st.none() | calls,
    writes_when_dead=st.booleans(),
)
def test_deaths_in_a_row_lost_answers_and_new_words_do_no_more_harm(
    ends: list[tuple[int, bool]],
    news: News,
    starts_over: bool,
    lost: list[int],
    writes_at: int | None,
    writes_when_dead: bool,
) -> None:
    play = Play(fake_stage(), ends, news, starts_over, lost, writes_at, writes_when_dead)
    asyncio.run(play.play())
