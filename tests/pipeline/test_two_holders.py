"""Two workers at one conversation, in any interleaving of their port calls, leases lost at will.

Both run the real journey. Each of their calls waits until the test lets it go on, so that one may
sleep in front of a send while the other takes its turn over; deaths and new words come in between.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.errors import RivuletError
from app.pipeline.reply import reply
from tests.contracts.conftest import Stage, fake_stage, redis_stage
from tests.fakes import FakeStore
from tests.pipeline.lives import QUESTION, SECOND_QUESTION, Life, mortal
from tests.pipeline.test_every_step import Play

A_WHILE = 0.05
"""Longer than every wait of ``LIMITS``, by the loop's clock."""

MOST_RUNS, MOST_STEPS = 40, 10_000
workers = st.integers(0, 1)


@dataclass
class HeldLife(Life):
    """One whose every step waits until it is let go."""

    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def open(self) -> None:
        """Hold nothing any more."""
        for _ in range(MOST_STEPS):
            self.gate.release()

    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Wait, then do it."""
        await self.gate.acquire()
        return await super().step(name, work)


@dataclass
class Worker:
    """One that runs a turn, or nothing."""

    life: HeldLife
    run: "asyncio.Task[str]"


class TwoHolders(RuleBasedStateMachine):
    """See the module. What raises ``NotImplementedError`` the subclass for each store says."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.workers: list[Worker | None] = [None, None]
        self.jobs: list[tuple[str, str]] = []

    def new_stage(self) -> Stage:
        """The store, empty."""
        raise NotImplementedError

    async def expire(self, conversation: str) -> None:
        """Let the lease run out, whoever holds it."""
        raise NotImplementedError

    async def is_leased(self, conversation: str) -> bool:
        """Whether somebody holds it."""
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self._do(self._begin())

    async def _begin(self) -> None:
        self.play = Play(self.new_stage(), starts_over=False)
        await self.play.says(QUESTION)

    @rule(worker=workers, which=st.integers(0, 3))
    def start(self, worker: int, which: int) -> None:
        """A worker that has nothing to do runs a job: a new one, or one that has run before."""
        self._do(self._start(worker, which))

    async def _start(self, worker: int, which: int) -> None:
        while job := await self.play.stage.take_job():
            self.jobs.append(job)
        turn_id, conversation = self.jobs[which % len(self.jobs)]
        if self.workers[worker] is not None or await self.is_leased(conversation):
            return
        life = HeldLife()
        services = mortal(self.play.services, self.play.meta, self.play.model, life)
        run = asyncio.create_task(reply(conversation, turn_id, services))
        self.workers[worker] = Worker(life, run)
        await self._settle()

    @rule(worker=workers, steps=st.integers(1, 8))
    def go_on(self, worker: int, steps: int) -> None:
        """One worker's next calls go through."""
        self._do(self._go_on(worker, steps))

    async def _go_on(self, worker: int, steps: int) -> None:
        for _ in range(steps):
            if (one := self.workers[worker]) is None:
                return
            one.life.gate.release()
            await self._settle()

    @rule()
    def wait(self) -> None:
        """Deadlines pass."""
        self._do(asyncio.sleep(A_WHILE))

    @rule()
    @precondition(lambda self: bool(self.jobs))
    def lose_lease(self) -> None:
        """Whoever holds the conversation has slept too long."""
        self._do(self.expire(self.jobs[0][1]))

    @rule(worker=workers)
    def die(self, worker: int) -> None:
        """SIGKILL."""
        self._do(self._die(worker))

    async def _die(self, worker: int) -> None:
        if (one := self.workers[worker]) is not None:
            one.life.over.set()
            one.life.open()
            one.run.cancel()
            await asyncio.wait({one.run})
            self.workers[worker] = None

    @rule()
    @precondition(lambda self: len(self.play.asked) == 1)
    def write_again(self) -> None:
        """The person writes on."""
        self._do(self.play.says(SECOND_QUESTION))

    @invariant()
    def nothing_is_said_twice(self) -> None:
        if hasattr(self, "play"):
            texts = self.play.meta.texts
            assert len(texts) == len(set(texts)), texts

    def teardown(self) -> None:
        try:
            if hasattr(self, "play"):
                self._do(self._end())
        finally:
            self._do(self.stack.aclose())
            self.loop.close()

    async def _end(self) -> None:
        """Nobody is held or dies any more: all is answered, by however many runs it takes."""
        for worker, one in enumerate(self.workers):
            if one is not None:
                one.life.open()
                await self._ended(one)
                self.workers[worker] = None
        for _ in range(MOST_RUNS):
            while job := await self.play.stage.take_job():
                self.jobs.append(job)
            if not self.jobs:
                break
            turn_id, conversation = self.jobs.pop(0)
            await self.expire(conversation)
            services = mortal(self.play.services, self.play.meta, self.play.model, Life())
            await reply(conversation, turn_id, services)
        await self.play.judge()

    async def _settle(self) -> None:
        """Until both workers wait: for leave, for a status, or for good."""
        for _ in range(30):
            await asyncio.sleep(0)
        await asyncio.sleep(0.002)
        for worker, one in enumerate(self.workers):
            if one is not None and one.run.done():
                await self._ended(one)
                self.workers[worker] = None

    async def _ended(self, one: Worker) -> None:
        try:
            await one.run
        except RivuletError:
            pass  # RQ runs the job again

    def _do(self, work: Any) -> None:
        self.loop.run_until_complete(work)


class OnTheFake(TwoHolders):
    """On the store in memory."""

    def new_stage(self) -> Stage:
        return fake_stage()

    @property
    def _store(self) -> FakeStore:
        return cast(FakeStore, self.play.stage.store)

    async def expire(self, conversation: str) -> None:
        self._store._conversations[conversation].lease = None

    async def is_leased(self, conversation: str) -> bool:
        return self._store._conversations[conversation].lease is not None


def test_two_holders_of_one_turn_say_everything_once() -> None:
    run_state_machine_as_test(
        OnTheFake, settings=settings(max_examples=40, stateful_step_count=40, deadline=None)
    )


def test_two_holders_of_one_turn_on_redis_say_everything_once(redis_url: str) -> None:
    class OnRedis(TwoHolders):
        def new_stage(self) -> Stage:
            return redis_stage(redis_url, self.stack)

        async def expire(self, conversation: str) -> None:
            await self._redis().delete(f"rv:lease:{conversation}")

        async def is_leased(self, conversation: str) -> bool:
            return bool(await self._redis().exists(f"rv:lease:{conversation}"))

        def _redis(self) -> Any:
            return cast(Any, self.play.stage.store)._redis

    run_state_machine_as_test(
        OnRedis, settings=settings(max_examples=10, stateful_step_count=40, deadline=None)
    )
