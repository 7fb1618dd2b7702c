"""Runs of a worker whose every port call can be held, or be its last; and a Meta that tells all.

Every call of a port passes a ``Life``. Once that is over, nothing of its run gets through any more,
as after a SIGKILL: no clean-up, no last word.
"""

import asyncio
import math
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Literal, cast

from app.adapters.clock import SystemClock
from app.core.continuation import GO_ON
from app.core.model import Address, Delivery, PromptMessage, Status
from app.errors import Unavailable, Uncertain
from app.pipeline.ports import Channel, Clock, Finish, Limits, Model, ReplyServices, Store
from tests.fakes import NUMBER, FakeChannel, FakeStore, World, said

SOON = timedelta(seconds=0.02)
# A busy machine takes longer than that between leave and send.
LIMITS = Limits(
    min_chars=20, max_chars=60, order_wait=SOON, send_within=4 * SOON, uncertain_wait=SOON
)
DELTA_SECONDS = 0.003

QUESTION, SECOND_QUESTION = "What about the lamp?", "And the shade?"
ANSWER = (
    "The lamp can go back within thirty days. Please print the label from our page. "
    "The post office takes it from there."
)
SECOND_ANSWER = "Yes, the shade can go back too. It needs no box of its own."

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
    squashed, position = squash(beginning), 0
    for character in squashed:
        position = text.index(character, position) + 1
    return text[position:]


def squash(text: str) -> str:
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

    async def send(
        self, address: Address, text: str, *, callback: str, leave_by: float = math.inf
    ) -> str:
        if asyncio.get_running_loop().time() > leave_by:
            raise Unavailable("too late to leave")
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


def services_in(stage_store: Store) -> ReplyServices:
    """Fakes of all that is not the store; the clock is the one by which its deadlines go."""
    clock = stage_store.clock if isinstance(stage_store, FakeStore) else SystemClock()
    return replace(World(limits=LIMITS).services, store=stage_store, clock=clock)


def mortal(services: ReplyServices, meta: Meta, model: Writer, life: Life) -> ReplyServices:
    """The same services, each call of which is a step of this life."""
    return replace(
        services,
        store=cast(Store, MortalStore(services.store, life)),
        channel=cast(Channel, Mortal(meta, life)),
        model=cast(Model, MortalModel(model, life)),
        clock=cast(Clock, Mortal(services.clock, life)),
    )
