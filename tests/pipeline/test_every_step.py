"""A worker that dies before or after any one of its steps: the next run ends what it began."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline.reply import reply
from tests.contracts.conftest import Stage, fake_stage, stage
from tests.fakes import said
from tests.pipeline.lives import (
    ANSWER,
    QUESTION,
    SECOND_ANSWER,
    SECOND_QUESTION,
    Life,
    Meta,
    News,
    Writer,
    mortal,
    services_in,
    squash,
)

MOST_RUNS = 12

__all__ = ["stage"]  # the fixture: the fake and the real store in turn


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
        self.services = services_in(store)

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
        await self.judge()

    async def _run(self, turn_id: str, conversation: str) -> bool:
        """One run of a turn; whether it came to its end."""
        assert len(self.lives) < MOST_RUNS
        number = len(self.lives)
        life = Life(self.ends[number] if number < len(self.ends) else None)
        if number == 0:
            life.before = self._before_step
        self.lives.append(life)
        services = mortal(self.services, self.meta, self.model, life)
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

    async def judge(self) -> None:
        """Every question answered, every bubble once, in order, and the history says the same."""
        texts, asked = self.meta.texts, list(self.asked.items())
        assert len(texts) == len(set(texts)), texts
        fine = [ANSWER] if len(asked) == 1 else [SECOND_ANSWER, ANSWER + SECOND_ANSWER]
        assert squash("".join(texts)) in map(squash, fine), texts
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
        assert squash("".join(seen)) == squash("".join(texts))
        assert "\n".join(heard) == "\n".join(text for _, text in asked)


async def calls_of_a_quiet_run(stage: Stage) -> list[str]:
    play = Play(stage)
    await play.play()
    return play.lives[0].calls


async def test_a_quiet_run_calls_every_port(stage: Stage) -> None:
    calls = await calls_of_a_quiet_run(stage)
    assert {"turn", "show_typing", "delta", "plan", "begin_send", "send", "settle_send"} < {*calls}
    assert {"delivery", "note", "finish"} < {*calls}
    assert calls.count("send") >= 3  # on a busy machine one may be too late, and go again


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
