"""What an older version left is read; what a newer one left is not touched, and nothing is lost."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from app.adapters.redis_layout import LAYOUT, LAYOUT_KEY, claim_layout
from app.core.model import Bubble, Delivery, Status, Utterance
from app.errors import NewerLayout, Parked, Unavailable
from tests.adapters import layouts
from tests.contracts.conftest import KEYS, Stage, redis_stage
from tests.fakes import NOW, NUMBER, outcomes, said

HALF_ANSWERED = KEYS.user(NUMBER, layouts.HALF_ANSWERED)
WAITING = KEYS.user(NUMBER, layouts.WAITING)
NEWER = str(LAYOUT + 1)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    async with Redis.from_url(redis_url, decode_responses=True) as opened:
        yield opened


@pytest.fixture
async def stage(redis_url: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield redis_stage(redis_url, stack)


@pytest.fixture(params=range(1, LAYOUT + 1), ids=lambda layout: f"layout {layout}")
async def left(request: pytest.FixtureRequest, redis: "Redis", redis_url: str) -> None:
    """Redis as a process of that version has left it."""
    await layouts.restore(redis, json.loads(layouts.path_of(request.param).read_text()))
    claim_layout(redis_url)


# -- an older version's data -----------------------------------------------------------------------


@pytest.mark.usefixtures("left")
async def test_a_half_sent_answer_goes_on_where_it_stood(stage: Stage, redis: "Redis") -> None:
    turn_id = await redis.hget(f"rv:conversation:{HALF_ANSWERED}", "turn")
    assert isinstance(turn_id, str)
    async with stage.store.turn(HALF_ANSWERED, turn_id) as hand:
        assert hand
        turn = hand.turn
        assert [one.text for one in turn.messages] == [layouts.ASKED]
        assert [(one.role, one.text) for one in turn.history] == [
            ("user", layouts.ASKED_BEFORE),
            ("assistant", layouts.ANSWERED_BEFORE),
        ]
        assert [one.bubble for one in turn.standing] == [
            Bubble(turn_id, number, text, source)
            for number, (text, source) in enumerate(
                zip(layouts.TEXTS, layouts.SOURCES, strict=True)
            )
        ]
        assert [one.state for one in turn.standing] == ["sent", "sending", "planned"]
        assert turn.whole
        assert turn.standing[1].deadline_at is not None
        await hand.finish(" ".join(layouts.SOURCES), ending="answered")
    assert await redis.llen(f"rv:history:{HALF_ANSWERED}") == 4
    assert not await redis.exists(f"rv:inbox:{HALF_ANSWERED}")


@pytest.mark.usefixtures("left")
async def test_a_waiting_message_is_answered_by_its_old_job(stage: Stage) -> None:
    job = await stage.take_job()
    assert job
    assert job[1] == WAITING
    async with stage.store.turn(WAITING, job[0]) as hand:
        assert hand
        assert [one.text for one in hand.turn.messages] == [layouts.ASKED_LATE]
        await hand.finish("Yes.", ending="answered")
    assert await stage.store.take_in([said("?", user_id=layouts.WAITING)])
    job = await stage.take_job()
    assert job
    async with stage.store.turn(WAITING, job[0]) as hand:
        assert hand
        assert hand.turn.history[-1] == Utterance("assistant", "Yes.")


@pytest.mark.usefixtures("left")
async def test_redeliveries_and_late_statuses_find_what_they_are_about(stage: Stage) -> None:
    again = said(layouts.ASKED_LATE, user_id=layouts.WAITING, wamid="wamid.ASKED3")
    read = Status(layouts.SENT, NUMBER, Delivery.READ, NOW)
    assert outcomes(await stage.store.take_in([again, read])) == ["duplicate", "news"]


# -- a newer version's data ------------------------------------------------------------------------


async def test_fields_of_a_newer_document_are_left_out(stage: Stage, redis: "Redis") -> None:
    await stage.store.take_in([said("Hello?", user_id=layouts.WAITING)])
    inbox = f"rv:inbox:{WAITING}"
    waiting: Any = await redis.zrange(inbox, 0, -1, withscores=True)
    ((document, score),) = waiting
    await redis.delete(inbox)
    newer = json.dumps({**json.loads(document), "mood": "curious", "about": {"id": 7}})
    await redis.zadd(inbox, {newer: score})
    job = await stage.take_job()
    assert job
    async with stage.store.turn(WAITING, job[0]) as hand:
        assert hand
        assert [one.text for one in hand.turn.messages] == ["Hello?"]
        await hand.finish("Hello!", ending="answered")
    assert not await redis.exists(inbox)


async def test_beside_a_newer_version_nothing_new_begins_and_nothing_is_lost(
    stage: Stage, redis: "Redis"
) -> None:
    store = stage.store
    await store.take_in([said("One?", user_id=layouts.WAITING)])
    await store.take_in([said("Two?", user_id=layouts.HALF_ANSWERED, phone=None)])
    job = await stage.take_job()
    assert job
    async with store.turn(WAITING, job[0]) as in_hand:
        assert in_hand
        await redis.set(LAYOUT_KEY, NEWER)
        late = said("Three?", user_id="US.2003", phone=None)
        with pytest.raises(Unavailable, match="newer"):
            await store.take_in([late])
        with pytest.raises(Unavailable, match="newer"):
            await store.ping()
        with pytest.raises(Parked):
            async with store.turn(HALF_ANSWERED, "any"):
                raise AssertionError("a turn has begun")
        await redis.delete("rq:queue:turns")
        assert await store.sweep() == 0
        await in_hand.finish("Yes.", ending="answered")
    assert await redis.llen(f"rv:history:{WAITING}") == 2
    await redis.set(LAYOUT_KEY, str(LAYOUT))  # as if this process were the new version
    assert outcomes(await store.take_in([late])) == ["queued"]
    assert await redis.zcard(f"rv:inbox:{HALF_ANSWERED}") == 1


# -- who says which version it is ------------------------------------------------------------------


@pytest.mark.parametrize("before", [None, "1"], ids=["no number", "the first"])
async def test_the_first_new_process_raises_the_number(
    redis: "Redis", redis_url: str, before: str | None
) -> None:
    if before:
        await redis.set(LAYOUT_KEY, before)
    for _ in range(2):
        claim_layout(redis_url, 2)
        assert await redis.get(LAYOUT_KEY) == "2"
    with pytest.raises(NewerLayout, match=r"version 2; this one knows 1"):
        claim_layout(redis_url, 1)
    assert await redis.get(LAYOUT_KEY) == "2"


async def test_a_process_that_started_without_redis_says_it_later(
    stage: Stage, redis: "Redis"
) -> None:
    await stage.store.take_in([said("Hello?", user_id=layouts.WAITING)])
    assert await redis.get(LAYOUT_KEY) == str(LAYOUT)


def test_without_a_redis_the_process_starts_and_the_scripts_ask_later() -> None:
    claim_layout("unix:///nowhere/valkey.sock")


@pytest.mark.parametrize("command", [["-m", "app", "web", "--port", "0"], ["-m", "workers.main"]])
def test_a_process_older_than_the_data_does_not_start(
    redis_url: str, tmp_path: Path, command: list[str]
) -> None:
    claim_layout(redis_url, LAYOUT + 1)
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "RIVULET_KEY": "a key for the ids of the tests",
        "WHATSAPP_ACCESS_TOKEN": "a token of the tests",
        "WHATSAPP_APP_SECRET": "an app secret of the tests",
        "WHATSAPP_VERIFY_TOKEN": "a word of the tests",
        "OPENAI_API_KEY": "none",
    }
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=tmp_path, capture_output=True, timeout=60
    )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"REDIS_URL: a newer Rivulet keeps its data there (version {NEWER};")
