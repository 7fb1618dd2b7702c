"""The admin page in a real browser: over conversations in every state, and over the whole house."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.adapters.clock import SystemClock
from app.adapters.redis_admin import RedisAdmin
from app.adapters.redis_client import async_redis
from app.adapters.redis_store import RedisStore
from app.adapters.rq_queue import QUEUE, turn_jobs
from app.core.model import Bubble, Delivery, Status
from app.main import create_app
from app.pipeline.ports import Limits, Reading, Services
from app.simulator.serve import serving
from tests.contracts.conftest import KEYS, open_store
from tests.e2e.house import ADMIN_TOKEN, House
from tests.e2e.window import Window
from tests.fakes import NUMBER, FakeMeter, said

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OTHER_NUMBER = "200000000000002"
SECRET = "marzipan-8203"
SECOND = timedelta(seconds=1)
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Office:
    """A web process without a worker, over a Redis of its own; the test plays the worker."""

    url: str
    store: RedisStore
    redis: "Redis"

    async def says(self, user_id: str, *texts: str, ago: float = 0.0, number: str = NUMBER) -> str:
        """Somebody has written; the conversation's key."""
        at = datetime.now(UTC) - timedelta(seconds=ago)
        phone = f"1555{user_id[3:]}"
        taken = await self.store.take_in(
            [said(text, user_id=user_id, phone=phone, number=number, at=at) for text in texts]
        )
        return taken[0].conversation

    async def job(self) -> tuple[str, str]:
        """Take the oldest turn as a worker does: (turn id, conversation)."""
        turn_id = str(await self.redis.lpop(f"rq:queue:{QUEUE}"))
        data = str(await self.redis.hget(f"rq:job:{turn_id}", "data"))
        jobs = turn_jobs()
        return turn_id, data.removeprefix(jobs.head).removesuffix(jobs.tail)

    async def answer(self, *texts: str, fails: int | None = None) -> str:
        """Answer the oldest turn, each bubble read; the turn's id.

        Args:
            fails: The number of a bubble whose first attempt Meta does not take.
        """
        turn_id, conversation = await self.job()
        async with self.store.turn(conversation, turn_id) as hand:
            assert hand is not None
            now = datetime.now(UTC).timestamp()
            await hand.note(model_asked_at=now, first_token_at=now + 0.002, deltas=87)
            bubbles = [Bubble(turn_id, number, text, text) for number, text in enumerate(texts)]
            for bubble in bubbles:
                await hand.plan([bubble], whole=bubble is bubbles[-1])
                attempt = 1
                if bubble.number == fails:
                    await hand.begin_send(bubble, attempt=1, within=SECOND)
                    await hand.settle_send(bubble, code=131000)
                    attempt = 2
                await hand.begin_send(bubble, attempt=attempt, within=SECOND)
                wamid = f"wamid.{turn_id}{bubble.number}"
                await hand.settle_send(bubble, wamid=wamid)
                for step in (Delivery.DELIVERED, Delivery.READ):
                    at = datetime.now(UTC) + int(step) * SECOND
                    await self.store.take_in([Status(wamid, NUMBER, step, at)])
            await hand.note(model_ended_at=datetime.now(UTC).timestamp(), finish="stop")
            await hand.finish("\n\n".join(texts), ending="answered")
        await self.redis.delete(f"rq:job:{turn_id}")
        return turn_id

    async def give_up(self) -> str:
        """Fail for good with the oldest turn; its id."""
        turn_id, conversation = await self.job()
        async with self.store.turn(conversation, turn_id) as hand:
            assert hand is not None
            bubble = Bubble(turn_id, 0, "Sorry.", "Sorry.")
            await hand.note(apology=0)
            await hand.begin_send(bubble, attempt=1, within=SECOND)
            await hand.settle_send(bubble, code=131000)
            await hand.give_up()
        await self.redis.hset(f"rq:job:{turn_id}", "status", "failed")
        await self.redis.zadd(f"rq:failed:{QUEUE}", {turn_id: 1})
        return turn_id


@asynccontextmanager
async def open_office(redis_url: str, *, shows_texts: bool = False) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        store = open_store(redis_url, stack)
        admin = RedisAdmin(async_redis(redis_url), turn_jobs())
        stack.push_async_callback(admin.close)

        async def render(_: Sequence[Reading]) -> str:
            return ""

        services = Services(
            store=store, meter=FakeMeter(), clock=SystemClock(), keys=KEYS, limits=Limits()
        )
        app = create_app(
            services,
            render,
            app_secrets=["s"],
            verify_token="v",
            admin_token=ADMIN_TOKEN,
            admin=admin,
            admin_shows_texts=shows_texts,
        )
        redis = Redis.from_url(redis_url, decode_responses=True)
        stack.push_async_callback(redis.aclose)
        yield Office(await stack.enter_async_context(serving(app)), store, redis)


@pytest_asyncio.fixture(loop_scope="session")
async def office(redis_url: str) -> AsyncIterator[Office]:
    async with open_office(redis_url) as opened:
        yield opened


async def opened(window: Window, url: str, *, size: dict[str, int] = WIDE) -> "Page":
    """The page, let in by its form."""
    page = await window.open(f"{url}/admin")
    await page.set_viewport_size(size)  # type: ignore[arg-type] # a TypedDict
    await page.get_by_test_id("token").fill(ADMIN_TOKEN)
    await page.get_by_test_id("enter").click()
    await page.locator("[data-line=live]").wait_for()
    return page


def row(page: "Page", key: str, among: str) -> "Locator":
    return page.get_by_test_id(f"list-{among}").locator(f"[data-testid=row][data-key='{key}']")


async def each(found: "Locator", name: str) -> list[str]:
    """This ``data-`` attribute of all that was found, in order."""
    values: list[str] = await found.evaluate_all(f"nodes => nodes.map(one => one.dataset.{name})")
    return values


async def a_night(office: Office) -> dict[str, str]:
    """Conversations in every state, by its name."""
    keys = {}
    keys["quiet"] = await office.says("US.1001", "How do I return an order?")
    await office.answer(
        "You can return an order within 30 days.",
        "Put it back into its box, and the paper slip on top.",
        f"Then bring it to any of our shops. {SECRET}",
        fails=1,
    )
    keys["given_up"] = await office.says("US.1002", "Hello?", ago=2700)
    await office.give_up()
    keys["held"] = await office.says("US.1003", "Are you there?", "Hello?", ago=640)
    turn_id, conversation = await office.job()
    async with office.store.turn(conversation, turn_id) as hand:
        assert hand is not None
        await hand.hold("pair", code=131056, wait=timedelta(minutes=9), growth=1)
    keys["queued"] = await office.says("US.1004", "Hi", ago=95, number=OTHER_NUMBER)
    keys["paused"] = await office.says("US.1005", "A human, please", ago=4000)
    until = datetime.now(UTC) + timedelta(hours=11)
    await office.store.pause(keys["paused"], reason="asked", until=until)
    await office.store.report_trouble("model", "first_token")
    return keys


# -- getting in --------------------------------------------------------------------------------


async def test_a_wrong_token_opens_nothing_and_the_right_one_stays_for_the_tab(
    office: Office, window: Window
) -> None:
    page = await window.open(f"{office.url}/admin")
    await page.get_by_test_id("token").fill("a guess")
    await page.get_by_test_id("enter").click()
    await page.get_by_test_id("gate-problem").get_by_text("not the token").wait_for()
    assert not await page.get_by_test_id("lists").is_visible()
    await page.get_by_test_id("token").fill(ADMIN_TOKEN)
    await page.keyboard.press("Enter")
    await page.get_by_test_id("lists").wait_for()
    await page.reload()
    await page.get_by_test_id("list-waiting").wait_for()
    assert ADMIN_TOKEN not in page.url
    await page.get_by_test_id("lock").click()
    assert await page.get_by_test_id("lists").inner_text() == ""
    await page.reload()
    await page.get_by_test_id("token").wait_for()
    # The browser itself notes the answers that let nobody in.
    assert {"401" in line for line in window.complaints} == {True}
    window.complaints.clear()


# -- at a glance -------------------------------------------------------------------------------


async def test_an_operator_sees_at_a_glance_who_is_not_answered(
    office: Office, window: Window, tmp_path: Path
) -> None:
    keys = await a_night(office)
    page = await opened(window, office.url)
    waiting = page.get_by_test_id("list-waiting").get_by_test_id("row")
    await waiting.nth(1).wait_for()
    assert await each(waiting, "key") == [keys["held"], keys["queued"]]
    assert await each(waiting, "state") == ["held", "queued"]
    for state, among in [("given_up", "given_up"), ("paused", "paused"), ("quiet", "answered")]:
        assert await row(page, keys[state], among).get_attribute("data-state") == state
    assert "131056" in await row(page, keys["held"], "waiting").inner_text()
    assert "the person asked for a human" in await row(page, keys["paused"], "paused").inner_text()
    figure = page.get_by_test_id("figure-rivulet_given_up_conversations")
    assert await figure.get_attribute("data-bad") == "true"
    assert "model: first_token" in await page.get_by_test_id("troubles").inner_text()
    await page.screenshot(path=tmp_path / "lists-wide.png", full_page=True)
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type] # a TypedDict
    await page.screenshot(path=tmp_path / "lists-narrow.png", full_page=True)
    wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide


async def test_a_turns_way_is_told_step_by_step(
    office: Office, window: Window, tmp_path: Path
) -> None:
    keys = await a_night(office)
    page = await opened(window, office.url)
    await row(page, keys["quiet"], "answered").click()
    turn = page.get_by_test_id("turn")
    await turn.wait_for()
    for name in ("said", "queued", "started", "first-token", "model-ended", "ended"):
        assert await turn.get_by_test_id(f"step-{name}").count() == 1
    steps = await each(turn.locator("[data-at]"), "at")
    assert steps == sorted(steps, key=float)
    bubbles = turn.get_by_test_id("bubble")
    assert await each(bubbles, "state") == ["read", "read", "read"]
    assert "Attempt 1: not sent 131000" in await bubbles.nth(1).inner_text()
    assert SECRET not in await page.content()
    await page.screenshot(path=tmp_path / "turn-wide.png", full_page=True)
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type] # a TypedDict
    await page.screenshot(path=tmp_path / "turn-narrow.png", full_page=True)
    assert not await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    await page.get_by_test_id("back").click()
    await row(page, keys["quiet"], "answered").wait_for()


async def test_words_are_shown_where_the_operator_wants_them_and_do_nothing(
    redis_url: str, window: Window, tmp_path: Path
) -> None:
    harmful = "<img src=x onerror=alert(1)><script>alert(2)</script> https://elsewhere.test/"
    async with open_office(redis_url, shows_texts=True) as office:
        key = await office.says("US.1001", "Can I bring it back?")
        await office.answer("*Yes*, within 30 days.", "With the slip.")
        await office.says("US.1001", harmful)
        page = await opened(window, office.url)
        await row(page, key, "waiting").click()
        said = page.get_by_test_id("texts").locator("li")
        await said.nth(2).wait_for()
        assert await each(said, "role") == ["user", "assistant", "waiting"]
        assert await said.nth(2).inner_text() == harmful
        assert "*Yes*" in await page.get_by_test_id("bubble").first.inner_text()
        await page.screenshot(path=tmp_path / "texts.png", full_page=True)


async def test_a_key_from_a_log_line_opens_its_turn(office: Office, window: Window) -> None:
    await office.says("US.1001", "Hi")
    turn_id = await office.answer("Yes.")
    page = await opened(window, office.url)
    await page.get_by_test_id("key").fill(KEYS.message(f"wamid.{turn_id}0"))
    await page.keyboard.press("Enter")
    await page.locator(f"[data-testid=turn][data-turn='{turn_id}']").wait_for()
    assert page.url.endswith(f"#{turn_id}")
    await page.reload()
    await page.locator(f"[data-testid=turn][data-turn='{turn_id}']").wait_for()


async def test_a_long_list_comes_in_parts(office: Office, window: Window) -> None:
    for number in range(30):
        await office.says(f"US.2{number:03}", "Hi", ago=number)
    page = await opened(window, office.url)
    rows = page.get_by_test_id("list-waiting").get_by_test_id("row")
    await rows.nth(24).wait_for()
    assert await rows.count() == 25
    await page.get_by_test_id("list-waiting").get_by_test_id("more").click()
    await rows.nth(29).wait_for()
    assert await page.get_by_test_id("more").count() == 0


# -- what an operator does ---------------------------------------------------------------------


async def test_a_turn_that_was_given_up_is_queued_again(office: Office, window: Window) -> None:
    keys = await a_night(office)
    page = await opened(window, office.url)
    await row(page, keys["given_up"], "given_up").click()
    failed = await page.get_by_test_id("turn").get_attribute("data-turn")
    await page.get_by_test_id("requeue").click()
    await row(page, keys["given_up"], "waiting").wait_for()
    assert await page.get_by_test_id("requeue").count() == 0
    assert await office.redis.lindex(f"rq:queue:{QUEUE}", -1) == failed
    assert await office.redis.zcard(f"rq:failed:{QUEUE}") == 0


async def test_the_bot_is_silenced_and_heard_again(
    office: Office, window: Window, tmp_path: Path
) -> None:
    key = await office.says("US.1001", "Hi")
    page = await opened(window, office.url)
    await row(page, key, "waiting").click()
    await page.get_by_test_id("pause").click()
    await page.screenshot(path=tmp_path / "pause.png")
    await page.get_by_test_id("pause-confirm").click()
    await page.get_by_test_id("resume").wait_for()
    pause = await office.store.pause_of(key)
    assert pause is not None
    assert pause.until is not None
    hours = (pause.until - datetime.now(UTC)).total_seconds() / 3600
    assert hours == pytest.approx(12, abs=0.1)
    await page.get_by_test_id("resume").click()
    await page.get_by_test_id("pause").wait_for()
    assert await office.store.pause_of(key) is None


async def test_a_whole_number_is_silenced_and_heard_again(office: Office, window: Window) -> None:
    await office.says("US.1001", "Hi")
    page = await opened(window, office.url)
    await page.get_by_test_id("number-pause").click()
    await page.get_by_label("Until somebody ends it").check()
    await page.get_by_test_id("pause-confirm").click()
    await page.get_by_test_id("number-resume").wait_for()
    pause = await office.store.pause_of_number(NUMBER)
    assert pause is not None
    assert pause.until is None
    await page.get_by_test_id("number-resume").click()
    await page.get_by_test_id("number-pause").wait_for()
    assert await office.store.pause_of_number(NUMBER) is None


async def test_a_person_is_found_exported_and_erased(
    office: Office, window: Window, tmp_path: Path
) -> None:
    key = await office.says("US.1001", SECRET)
    page = await opened(window, office.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.get_by_test_id("person-open").click()
    await page.get_by_test_id("person").fill("+1 555 1001")
    await page.keyboard.press("Enter")
    result = page.get_by_test_id("person-result")
    await result.locator(f"[data-key='{key}']").wait_for()
    await page.screenshot(path=tmp_path / "person.png")
    async with page.expect_download() as downloading:
        await page.get_by_test_id("person-export").click()
    download = await downloading.value
    assert download.suggested_filename == "person.json"
    await download.save_as(tmp_path / "person.json")
    whole = json.loads((tmp_path / "person.json").read_text())
    assert whole["conversations"][0]["waiting"][0]["text"] == SECRET
    await page.get_by_test_id("person-find").click()
    await page.get_by_test_id("person-erase").click()
    assert await page.get_by_test_id("person-erase-confirm").is_disabled()
    await page.get_by_test_id("consent").fill("erase")
    await page.screenshot(path=tmp_path / "erase.png")
    await page.get_by_test_id("person-erase-confirm").click()
    await result.get_by_text("Erased: 1 conversation").wait_for()
    await row(page, key, "waiting").wait_for(state="detached")
    assert not [url for url in asked if "1001" in url]


async def test_a_number_of_several_people_asks_back(office: Office, window: Window) -> None:
    await office.says("US.1001", "Hi")
    await office.store.take_in(
        [said("Hi", user_id="US.2002", phone="15551001", number=OTHER_NUMBER)]
    )
    page = await opened(window, office.url)
    await page.get_by_test_id("person-open").click()
    await page.get_by_test_id("person").fill("15551001")
    await page.get_by_test_id("person-find").click()
    await page.get_by_test_id("user-id").get_by_text("US.2002").click()
    key = KEYS.user(OTHER_NUMBER, "US.2002")
    await page.get_by_test_id("person-result").locator(f"[data-key='{key}']").wait_for()
    assert {"409" in line for line in window.complaints} == {True}
    window.complaints.clear()


# -- the whole house ---------------------------------------------------------------------------


async def test_an_answer_of_the_whole_house_is_seen_with_its_statuses(
    house: House, window: Window
) -> None:
    person = house.person(name="Nobody's Business")
    wamid = house.say(person, "How do I return an order?")
    turn = await asyncio.to_thread(house.answered, wamid)
    page = await opened(window, house.web_url)
    await page.get_by_test_id("key").fill(house.keys.message(wamid))
    await page.keyboard.press("Enter")
    shown = page.locator(f"[data-testid=turn][data-turn='{turn['turn_id']}']")
    await shown.wait_for()
    count = len(house.sources(turn))
    landed = shown.locator("[data-testid=bubble]:is([data-state=delivered], [data-state=read])")
    await landed.nth(count - 1).wait_for()
    assert await shown.get_by_test_id("step-first-token").count() == 1
    assert house.sources(turn)[0] not in await page.content()
