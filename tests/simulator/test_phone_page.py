"""The phone page in a real browser, against the simulator and a small made-up business."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.simulator.knobs import Knobs
from app.simulator.meta import create_meta
from app.simulator.serve import serving
from app.simulator.world import MetaSettings
from tests.browser import open_browser

if TYPE_CHECKING:
    from playwright.async_api import Browser, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TOKEN = "token-of-the-page-tests"
AMELIA, JOAO, MEI = "amelia", "joao", "mei"
KITCHEN, WORKSHOP = "106015550100001", "106015550100002"
ANSWERS: dict[str, list[Any]] = {
    "Is the oven back?": ["The oven is back since *Monday*.", "Bread comes out at `7:30`."],
    "And the cellar?": [
        "The cellar is dry.",
        "We keep 40 wheels of cheese there.",
        "Come and see!",
    ],
    "هل المخبز مفتوح؟": ["نعم، المخبز مفتوح:\n1. من الإثنين إلى الجمعة\n2. يوم السبت"],
    "Let me choose": [
        {
            "type": "button",
            "body": {"text": "Which loaf?"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "rye", "title": "Rye"}},
                    {"type": "reply", "reply": {"id": "oat", "title": "Oat"}},
                ]
            },
        }
    ],
    "Rye": ["Rye it is."],
}


@dataclass
class Business:
    """Reads each message, shows that it types, and says what it knows once it may.

    Attributes:
        may_answer: Cleared by a test that wants to look at a phone before the answer.
        graph_url: Where sends go.
        heard: The messages of all webhooks, as Meta gives them.
    """

    graph_url: str = ""
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[dict[str, Any]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def webhook(self, request: Request) -> Response:
        """Take one webhook; answers are given on their own."""
        for entry in (await request.json())["entry"]:
            for change in entry["changes"]:
                value = change["value"]
                for message in value.get("messages", []):
                    self.heard.append(message)
                    sender = value["contacts"][0]
                    number = value["metadata"]["phone_number_id"]
                    task = asyncio.create_task(self.answer(number, sender, message))
                    self.tasks.add(task)
                    task.add_done_callback(self.tasks.discard)
        return Response()

    async def answer(self, number: str, sender: Mapping[str, str], message: dict[str, Any]) -> None:
        """Mark as read with typing, wait for leave, and send bubble after bubble."""
        url = f"{self.graph_url}/v26.0/{number}/messages"
        common = {"messaging_product": "whatsapp"}
        typing = {
            "status": "read",
            "message_id": message["id"],
            "typing_indicator": {"type": "text"},
        }
        to = {"to": sender["wa_id"]} if "wa_id" in sender else {"recipient": sender["user_id"]}
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            await client.post(url, json={**common, **typing})
            await self.may_answer.wait()
            for said in ANSWERS.get(said_in(message), ["We will see."]):
                kind = "text" if isinstance(said, str) else "interactive"
                content = {"body": said} if isinstance(said, str) else said
                sent = await client.post(url, json={**common, **to, "type": kind, kind: content})
                sent.raise_for_status()


def said_in(message: Mapping[str, Any]) -> str:
    """The text of a message, or the title of what was pressed."""
    if message["type"] == "interactive":
        return str(message["interactive"]["button_reply"]["title"])
    return str(message["text"]["body"])


@dataclass
class Stage:
    """One simulator with its business, and a browser to look at it."""

    url: str
    business: Business
    browser: "Browser"
    pages: list["Page"] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self, width: int = 1280, height: int = 800, **more: Any) -> "Page":
        """The page in a window of its own; what its console complains of is kept."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, locale="en-GB", **more
        )
        page = await context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda line: self.complaints.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.look_at(request.url))
        self.pages.append(page)
        await page.goto(self.url)
        await page.locator("[data-line=live]").wait_for()
        return page

    def look_at(self, url: str) -> None:
        """Nothing may be asked of any other machine."""
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"asked elsewhere: {urlsplit(url).netloc}")

    async def tell(self, path: str, body: object) -> None:
        """POST to the simulator's control."""
        async with httpx2.AsyncClient() as client:
            (await client.post(f"{self.url}/simulator/{path}", json=body)).raise_for_status()

    async def ask(self, path: str) -> Any:
        """GET from the simulator's control."""
        async with httpx2.AsyncClient() as client:
            return (await client.get(f"{self.url}/simulator/{path}")).json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator["Browser"]:
    async with open_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def stage(browser: "Browser") -> AsyncIterator[Stage]:
    business = Business()
    business.may_answer.set()
    door = Starlette(routes=[Route("/webhook", business.webhook, methods=["POST"])])
    async with serving(door) as business_url:
        knobs = Knobs(
            webhook_url=f"{business_url}/webhook",
            sent_delay=(0.01, 0.01),
            delivered_delay=(0.01, 0.01),
        )
        meta = create_meta(
            MetaSettings(
                app_secret="secret-of-the-page-tests",
                access_token=TOKEN,
                verify_token="word-of-the-page-tests",
                knobs=knobs,
            )
        )
        async with serving(meta) as url:
            business.graph_url = url
            stage = Stage(url, business, browser)
            yield stage
            for page in stage.pages:
                await page.context.close()
            business.may_answer.set()
            await asyncio.gather(*business.tasks)
    assert stage.complaints == []


def phone(page: "Page", person: str) -> "Locator":
    return page.locator(f"[data-testid=phone][data-person={person}]")


def tab(page: "Page", person: str) -> "Locator":
    return page.locator(f"[data-testid=person-tab][data-person={person}]")


async def say(page: "Page", person: str, text: str) -> None:
    box = phone(page, person).get_by_test_id("message-input")
    await box.fill(text)
    await box.press("Enter")


async def bubbles(page: "Page", person: str, count: int) -> list[str]:
    """The bodies of the bubbles once there are ``count``."""
    shown = phone(page, person).get_by_test_id("bubble")
    await shown.nth(count - 1).wait_for()
    return [text.strip() for text in await shown.locator(".body").all_inner_texts()]


async def settled(page: "Page", person: str, status: str, count: int) -> None:
    """Wait until ``count`` bubbles of this phone have the status."""
    marked = phone(page, person).locator(f"[data-testid=bubble][data-status={status}]")
    await marked.nth(count - 1).wait_for()


async def test_a_message_is_read_typed_at_and_answered_in_bubbles(stage: Stage) -> None:
    stage.business.may_answer.clear()
    page = await stage.open()
    await say(page, AMELIA, "Is the oven back?")
    mine = phone(page, AMELIA).locator("[data-testid=own-message][data-status=read]")
    await mine.get_by_text("Is the oven back?").wait_for()
    await phone(page, AMELIA).get_by_test_id("typing").wait_for(state="visible")
    assert await phone(page, AMELIA).get_by_test_id("state").inner_text() == "typing…"
    assert await phone(page, AMELIA).get_by_test_id("bubble").count() == 0
    stage.business.may_answer.set()
    assert await bubbles(page, AMELIA, 2) == [
        "The oven is back since Monday.",
        "Bread comes out at 7:30.",
    ]
    await settled(page, AMELIA, "read", 2)
    await phone(page, AMELIA).get_by_test_id("typing").wait_for(state="hidden")
    first = phone(page, AMELIA).get_by_test_id("bubble").first
    assert await first.locator("strong").inner_text() == "Monday"
    assert await first.locator(".tick").inner_text() == "The business knows: read"
    assert re.match(r"\d\d:\d\d$", await first.locator("time").inner_text())


async def test_persons_side_by_side_are_served_at_the_same_time(stage: Stage) -> None:
    stage.business.may_answer.clear()
    page = await stage.open()
    asked = {AMELIA: "Is the oven back?", JOAO: "And the cellar?", MEI: "Anything else?"}
    for person, text in asked.items():
        await say(page, person, text)
    for person in asked:
        await phone(page, person).get_by_test_id("typing").wait_for(state="visible")
        await page.locator(f"#tab-{person}[data-typing=true]").wait_for()
    stage.business.may_answer.set()
    assert len(await bubbles(page, AMELIA, 2)) == 2
    assert (await bubbles(page, JOAO, 3))[-1] == "Come and see!"
    assert await bubbles(page, MEI, 1) == ["We will see."]


@pytest.mark.parametrize(
    ("width", "count"), [(1280, 3), (800, 2), (390, 1)], ids=["wide", "tablet", "phone"]
)
async def test_as_many_phones_are_shown_as_fit(stage: Stage, width: int, count: int) -> None:
    page = await stage.open(width)
    assert await page.locator("[data-testid=phone]:visible").count() == count
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await tab(page, MEI).click()
    assert await phone(page, MEI).is_visible()
    assert await page.locator("[data-testid=phone]:visible").count() == count


async def test_only_a_phone_that_is_looked_at_reads(stage: Stage) -> None:
    page = await stage.open(390)
    await stage.tell(f"persons/{JOAO}/messages", {"text": "Is the oven back?"})
    badge = tab(page, JOAO).locator(".badge")
    await badge.get_by_text("2", exact=True).wait_for()
    statuses = [event["status"] for event in await stage.ask("record") if event["kind"] == "status"]
    assert "read" not in statuses
    await tab(page, JOAO).click()
    await settled(page, JOAO, "read", 2)
    await badge.wait_for(state="hidden")


async def test_enter_sends_and_shift_enter_begins_a_line(stage: Stage) -> None:
    page = await stage.open()
    box = phone(page, AMELIA).get_by_test_id("message-input")
    button = phone(page, AMELIA).get_by_test_id("send-button")
    await box.press("Enter")
    assert await button.is_disabled()
    await box.press_sequentially("one")
    assert await button.is_enabled()
    await box.press("Shift+Enter")
    await box.press_sequentially("two")
    assert await box.input_value() == "one\ntwo"
    await box.press("Enter")
    await phone(page, AMELIA).get_by_test_id("own-message").wait_for()
    assert [said_in(message) for message in stage.business.heard] == ["one\ntwo"]
    assert await box.input_value() == ""


async def test_an_input_method_that_composes_keeps_its_enter(stage: Stage) -> None:
    page = await stage.open()
    box = phone(page, AMELIA).get_by_test_id("message-input")
    await box.fill("にほん")
    await box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    assert await box.input_value() == "にほん"


async def test_digits_and_arrows_change_the_person(stage: Stage) -> None:
    page = await stage.open(390)
    await page.keyboard.press("Alt+2")
    assert await phone(page, JOAO).get_by_test_id("message-input").evaluate(IS_FOCUSED)
    await page.keyboard.press("Control+3")
    assert await phone(page, MEI).get_by_test_id("message-input").evaluate(IS_FOCUSED)
    await page.keyboard.press("Control+Alt+1")  # AltGr: a letter on many keyboards
    assert await phone(page, MEI).is_visible()
    await tab(page, MEI).focus()
    await page.keyboard.press("ArrowRight")
    assert await tab(page, AMELIA).evaluate(IS_FOCUSED)
    assert await phone(page, AMELIA).is_visible()
    await page.keyboard.press("End")
    assert await tab(page, MEI).get_attribute("aria-selected") == "true"


async def test_the_tab_key_walks_from_the_persons_to_the_composer(stage: Stage) -> None:
    page = await stage.open(390)
    wanted = ["person-tab", "new-person", "faults-toggle", "number", "message-input"]
    seen: list[str] = []
    while "message-input" not in seen and len(seen) < 20:
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("document.activeElement.dataset.testid ?? ''"))
    assert [name for name in seen if name in wanted] == wanted
    outline = await page.locator(":focus").evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline != "none"


async def test_a_reload_brings_the_chat_back(stage: Stage) -> None:
    page = await stage.open()
    await say(page, AMELIA, "Is the oven back?")
    before = await bubbles(page, AMELIA, 2)
    await settled(page, AMELIA, "read", 2)
    await page.reload()
    assert await bubbles(page, AMELIA, 2) == before
    await settled(page, AMELIA, "read", 2)
    own = phone(page, AMELIA).get_by_test_id("own-message")
    assert await own.get_attribute("data-status") == "read"


async def test_events_that_came_while_the_line_was_cut_are_shown(stage: Stage) -> None:
    page = await stage.open()
    await page.route("**/simulator/events*", lambda route: route.abort())
    await page.reload()
    await page.locator("[data-line=lost]").wait_for()
    await stage.tell(f"persons/{AMELIA}/messages", {"text": "Is the oven back?"})
    await page.unroute("**/simulator/events*")
    assert len(await bubbles(page, AMELIA, 2)) == 2
    await page.locator("[data-line=live]").wait_for()
    assert any("ERR_FAILED" in complaint for complaint in stage.complaints)
    stage.complaints.clear()


async def test_a_message_that_could_not_be_sent_stays_in_the_composer(stage: Stage) -> None:
    page = await stage.open()
    await page.route("**/messages", lambda route: route.abort())
    await say(page, AMELIA, "Is the oven back?")
    problem = phone(page, AMELIA).get_by_test_id("send-problem")
    await problem.get_by_text("Not sent.").wait_for()
    box = phone(page, AMELIA).get_by_test_id("message-input")
    assert await box.input_value() == "Is the oven back?"
    stage.complaints.clear()


async def test_a_simulator_that_began_anew_is_shown_as_it_is(browser: "Browser") -> None:
    settings = MetaSettings(app_secret="s", access_token=TOKEN, verify_token="v")
    async with serving(create_meta(settings)) as first:
        stage = Stage(first, Business(), browser)
        page = await stage.open()
        await stage.tell(f"persons/{AMELIA}/messages", {"text": "before"})
        own = phone(page, AMELIA).get_by_test_id("own-message")
        await own.get_by_text("before").wait_for()
    await page.locator("[data-line=lost]").wait_for()
    async with serving(create_meta(settings)) as second:
        for text in ("after", "and later"):
            await Stage(second, Business(), browser).tell(
                f"persons/{AMELIA}/messages", {"text": text}
            )
        await page.route(
            f"{first}/simulator/**",
            lambda route: route.continue_(url=route.request.url.replace(first, second)),
        )
        await own.get_by_text("and later").wait_for()
        assert await own.locator(".body").all_inner_texts() == ["after", "and later"]
        await page.context.close()


async def test_who_reads_older_messages_is_not_pulled_away(stage: Stage) -> None:
    page = await stage.open(390, 600)
    await say(page, AMELIA, "old\n" * 60)
    await bubbles(page, AMELIA, 1)
    scroll = phone(page, AMELIA).locator(".scroll")
    await scroll.evaluate("node => { node.scrollTop = 0; }")
    jump = phone(page, AMELIA).get_by_test_id("jump")
    await jump.wait_for()
    await stage.tell(f"persons/{AMELIA}/messages", {"text": "Is the oven back?"})
    await bubbles(page, AMELIA, 3)
    assert await scroll.evaluate("node => node.scrollTop") == 0
    await jump.click()
    await jump.wait_for(state="hidden")
    await say(page, AMELIA, "newest")
    newest = phone(page, AMELIA).get_by_test_id("own-message").get_by_text("newest")
    await newest.wait_for()
    assert await newest.evaluate(
        "node => node.getBoundingClientRect().bottom <= "
        "node.closest('.scroll').getBoundingClientRect().bottom"
    )


async def test_typing_ends_by_itself_after_25_seconds(stage: Stage) -> None:
    stage.business.may_answer.clear()
    page = await stage.open()
    await page.clock.install()
    await say(page, AMELIA, "Is the oven back?")
    typing = phone(page, AMELIA).get_by_test_id("typing")
    await typing.wait_for(state="visible")
    await page.clock.fast_forward("00:15")
    assert await typing.is_visible()
    await page.clock.fast_forward("00:11")
    await typing.wait_for(state="hidden")


async def test_a_person_writes_to_both_numbers_in_two_chats(stage: Stage) -> None:
    page = await stage.open()
    await say(page, AMELIA, "Is the oven back?")
    await bubbles(page, AMELIA, 2)
    await phone(page, AMELIA).get_by_test_id("number").select_option(WORKSHOP)
    assert await phone(page, AMELIA).get_by_test_id("bubble").count() == 0
    await say(page, AMELIA, "And the cellar?")
    assert (await bubbles(page, AMELIA, 3))[0] == "The cellar is dry."
    await phone(page, AMELIA).get_by_test_id("number").select_option(KITCHEN)
    assert (await bubbles(page, AMELIA, 2))[0] == "The oven is back since Monday."
    numbers = [event["phone_number_id"] for event in await messages_of(stage)]
    assert numbers == [KITCHEN, WORKSHOP]


async def test_a_new_person_without_a_number_is_answered_by_user_id(stage: Stage) -> None:
    page = await stage.open()
    await page.get_by_test_id("new-person").click()
    await page.get_by_label("Name").fill("Noor")
    await page.get_by_label("User id only").check()
    await page.get_by_test_id("person-create").click()
    made = next(one for one in await stage.ask("persons") if one["name"] == "Noor")
    assert made["phone"] is None
    assert "number kept private" in await phone(page, made["id"]).locator(".owner").inner_text()
    await say(page, made["id"], "Is the oven back?")
    await bubbles(page, made["id"], 2)
    sends = [event for event in await stage.ask("record") if event["kind"] == "send"]
    assert {event["via"] for event in sends} == {"recipient"}


async def test_a_person_made_elsewhere_gets_a_tab(stage: Stage) -> None:
    page = await stage.open()
    await stage.tell("persons", {"id": "noor", "name": "Noor"})
    await stage.tell("persons/noor/messages", {"text": "Is the oven back?"})
    await tab(page, "noor").locator(".badge").get_by_text("2", exact=True).wait_for()


async def test_a_crowd_does_not_fill_the_bar(stage: Stage) -> None:
    await stage.tell("persons", [{"id": f"crowd-{number}"} for number in range(100)])
    page = await stage.open()
    await stage.tell("persons/crowd-99/messages", {"text": "Is the oven back?"})
    await say(page, AMELIA, "Is the oven back?")
    await bubbles(page, AMELIA, 2)
    assert await page.get_by_test_id("person-tab").count() == 60
    await page.get_by_test_id("new-person").click()
    await page.get_by_label("Name").fill("Noor")
    await page.get_by_test_id("person-create").click()
    await page.get_by_test_id("person-tab").nth(60).wait_for()
    await page.get_by_label("Message from Noor").wait_for()


async def test_a_suggestion_is_sent_as_it_stands(stage: Stage) -> None:
    page = await stage.open()
    chip = phone(page, AMELIA).get_by_test_id("suggestions").get_by_role("button").first
    text = await chip.inner_text()
    await chip.click()
    await bubbles(page, AMELIA, 1)
    assert [said_in(message) for message in stage.business.heard] == [text]
    assert await phone(page, AMELIA).get_by_test_id("suggestions").is_hidden()


async def test_a_reply_button_says_its_title(stage: Stage) -> None:
    page = await stage.open()
    await say(page, AMELIA, "Let me choose")
    await phone(page, AMELIA).get_by_role("button", name="Rye").click()
    assert (await bubbles(page, AMELIA, 2))[1] == "Rye it is."
    pressed = stage.business.heard[-1]
    assert pressed["interactive"]["button_reply"] == {"id": "rye", "title": "Rye"}
    assert pressed["context"]["id"].startswith("wamid.")


async def test_faults_are_put_and_taken_off(stage: Stage) -> None:
    page = await stage.open()
    await page.get_by_test_id("faults-toggle").click()
    await page.get_by_test_id("faults-person").select_option(JOAO)
    buttons = page.get_by_test_id("faults").get_by_test_id("fault")
    await buttons.filter(has_text="131056").click()
    await page.get_by_test_id("fault-list").get_by_text("error 131056").wait_for()
    [fault] = await stage.ask("faults")
    assert (fault["on"], fault["error"], fault["person"]) == ("send", 131056, JOAO)
    await page.get_by_test_id("faults-clear").click()
    await page.get_by_test_id("fault-list").locator("li").wait_for(state="detached")
    assert await stage.ask("faults") == []
    await page.keyboard.press("Escape")
    assert await page.get_by_test_id("faults").is_hidden()


async def test_the_panel_tells_what_streaming_was_worth(stage: Stage) -> None:
    stage.business.may_answer.clear()
    page = await stage.open()
    await say(page, AMELIA, "Is the oven back?")
    await phone(page, AMELIA).get_by_test_id("typing").wait_for(state="visible")
    [asked] = await messages_of(stage)
    stream = {"stream": 7, "said": "Is the oven back?"}
    for phase, after in (("started", 0.0), ("first_delta", 0.0), ("ended", 50.0)):
        told = {**stream, "phase": phase, "model_at": asked["at"] + after, "tokens": 1000}
        await stage.tell("model-events", told)
    stage.business.may_answer.set()
    await bubbles(page, AMELIA, 2)
    landed = [event["at"] for event in await stage.ask("record?kind=bubble")]
    figures = {
        "first-token": 0.0,
        "first-bubble": landed[0] - asked["at"],
        "tokens-per-second": 20.0,
        "bubbles": 2.0,
        "total": landed[1] - asked["at"],
        "without-streaming": 50.0,
    }
    for name, value in figures.items():
        shown = (
            await phone(page, AMELIA).get_by_test_id(f"figure-{name}").get_attribute("data-value")
        )
        assert float(shown or "nan") == pytest.approx(value, abs=1e-4), name
    speed = phone(page, AMELIA).get_by_test_id("figure-tokens-per-second")
    assert await speed.inner_text() == "20 tokens/s"
    note = await phone(page, AMELIA).get_by_test_id("figure-note").inner_text()
    assert "sooner than if the answer were sent whole" in note


async def test_the_panel_owns_up_to_what_it_does_not_know(stage: Stage) -> None:
    page = await stage.open()
    await say(page, AMELIA, "Is the oven back?")
    await bubbles(page, AMELIA, 2)
    token = phone(page, AMELIA).get_by_test_id("figure-first-token")
    assert await token.inner_text() == "–"
    note = phone(page, AMELIA).get_by_test_id("figure-note")
    assert await note.inner_text() == "The model has not told when it wrote."


async def test_the_panel_names_the_refusals_of_a_reply(stage: Stage) -> None:
    page = await stage.open()
    await say(page, AMELIA, "Is the oven back?")
    await bubbles(page, AMELIA, 2)
    wrong = {"messaging_product": "whatsapp", "to": "12125550131", "text": {"body": ""}}
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        await client.post(f"{stage.url}/v26.0/{KITCHEN}/messages", json=wrong)
    note = phone(page, AMELIA).get_by_test_id("figure-note")
    await note.get_by_text("Sends that went wrong: 100.").wait_for()


HERE = {"person": AMELIA, "phone_number_id": KITCHEN}
ASKED = {"kind": "message", **HERE, "wamid": "m1", "text": "one"}
ASKED_AGAIN = {"kind": "message", **HERE, "wamid": "m2", "text": "two"}
READ = {"kind": "read", **HERE, "wamid": "m1"}
LANDED = {"kind": "bubble", **HERE, "wamid": "b1", "type": "text", "text": "first"}
LANDED_NEXT = {**LANDED, "wamid": "b2", "text": "second"}
BECAME = {"kind": "status", **HERE, "wamid": "b1"}
STORIES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "a status comes before its bubble": (
        [ASKED, {**BECAME, "status": "delivered"}, LANDED],
        {"statuses": ["delivered"]},
    ),
    "a late status does not step back": (
        [ASKED, LANDED, {**BECAME, "status": "read"}, {**BECAME, "status": "sent"}],
        {"statuses": ["read"]},
    ),
    "a failure shows": (
        [ASKED, LANDED, {**BECAME, "status": "sent"}, {**BECAME, "status": "failed"}],
        {"statuses": ["failed"]},
    ),
    "a message in the middle waits for its own reply": (
        [ASKED, READ, LANDED, ASKED_AGAIN, LANDED_NEXT],
        {"asked": ["one"], "bubbles": 2},
    ),
    "once read, it begins its reply": (
        [ASKED, READ, LANDED, ASKED_AGAIN, {**READ, "wamid": "m2"}, LANDED_NEXT],
        {"asked": ["two"], "bubbles": 1},
    ),
    "reading a message reads all before it": (
        [ASKED, ASKED_AGAIN, {**READ, "wamid": "m2"}],
        {"own": ["read", "read"]},
    ),
    "a webhook that was refused is tried again": (
        [ASKED, {"kind": "webhook", "status": 503, "wamids": ["m1"]}],
        {"own": ["waiting"]},
    ),
    "a webhook that was taken is handed over": (
        [
            ASKED,
            {"kind": "webhook", "status": None, "wamids": ["m1"]},
            {"kind": "webhook", "status": 200, "wamids": ["m1"]},
        ],
        {"own": ["delivered"]},
    ),
    "a reaction sits on the message": (
        [ASKED, {**LANDED, "type": "reaction", "content": {"message_id": "m1", "emoji": "🍞"}}],
        {"statuses": [], "reaction": "🍞"},
    ),
    "an event seen before changes nothing": (
        [ASKED, LANDED, {**LANDED, "seq": 2}],
        {"bubbles": 1},
    ),
    "an event of an unknown kind changes nothing": (
        [ASKED, {"kind": "eclipse"}, LANDED],
        {"bubbles": 1},
    ),
}


async def test_the_record_becomes_these_chats(stage: Stage) -> None:
    page = await stage.open()
    stories = {
        name: [{"seq": number, "at": 100 + number, **event} for number, event in enumerate(told, 1)]
        for name, (told, _) in STORIES.items()
    }
    seen = await page.evaluate(TELL, stories)
    assert {
        name: {key: seen[name][key] for key in wanted} for name, (_, wanted) in STORIES.items()
    } == {name: wanted for name, (_, wanted) in STORIES.items()}


TELL = """async stories => {
  const { Chats } = await import("/static/chats.js");
  const seen = {};
  for (const [name, events] of Object.entries(stories)) {
    const chats = new Chats();
    for (const event of events) chats.apply(event);
    const chat = chats.chat("amelia", "106015550100001");
    seen[name] = {
      own: chat.items.filter((item) => item.own).map((item) => item.state),
      statuses: chat.items.filter((item) => !item.own).map((item) => item.status),
      reaction: chat.items[0].reaction,
      asked: chat.reply?.asked,
      bubbles: chat.reply?.bubbles.length,
    };
  }
  return seen;
}"""


async def test_right_to_left_text_stands_right_to_left(stage: Stage) -> None:
    page = await stage.open()
    await say(page, AMELIA, "هل المخبز مفتوح؟")
    await bubbles(page, AMELIA, 1)
    listed = phone(page, AMELIA).get_by_test_id("bubble").locator("ol")
    assert await listed.evaluate("node => getComputedStyle(node).direction") == "rtl"
    own = phone(page, AMELIA).get_by_test_id("own-message").locator("p").first
    assert await own.evaluate("node => getComputedStyle(node).direction") == "rtl"


async def test_long_words_do_not_widen_the_phone(stage: Stage) -> None:
    page = await stage.open(390)
    await say(page, AMELIA, "Donaudampfschifffahrt" * 40)
    own = phone(page, AMELIA).get_by_test_id("own-message")
    await own.wait_for()
    scroll = phone(page, AMELIA).locator(".scroll")
    assert await scroll.evaluate("node => node.scrollWidth <= node.clientWidth")


async def test_no_motion_for_those_who_want_none(stage: Stage) -> None:
    page = await stage.open(reduced_motion="reduce")
    await say(page, AMELIA, "Is the oven back?")
    await bubbles(page, AMELIA, 1)
    bubble = phone(page, AMELIA).get_by_test_id("bubble").first
    assert await bubble.evaluate("node => getComputedStyle(node).animationName") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_the_contrast_that_wcag_asks_for(stage: Stage, scheme: str) -> None:
    page = await stage.open(color_scheme=scheme)
    await say(page, AMELIA, "Is the oven back?")
    await settled(page, AMELIA, "read", 2)
    ratios = await page.evaluate(CONTRASTS, WRITTEN_ON)
    assert len(ratios) == len(WRITTEN_ON)
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


MARKUP = {
    "plain text": ("Hello there", "<p>Hello there</p>"),
    "bold": ("a *bold* word", "<p>a <strong>bold</strong> word</p>"),
    "italics": ("an _italic_ word", "<p>an <em>italic</em> word</p>"),
    "strike": ("a ~gone~ word", "<p>a <s>gone</s> word</p>"),
    "nested": ("*_both_*", "<p><strong><em>both</em></strong></p>"),
    "bold beside punctuation": ("(*now*)!", "<p>(<strong>now</strong>)!</p>"),
    "bold inside a word": ("a*b*c", "<p>a*b*c</p>"),
    "a mark after a letter opens nothing": ("a*b* c", "<p>a*b* c</p>"),
    "a mark before a letter closes nothing": ("*a*b c", "<p>*a*b c</p>"),
    "underscores of a name": ("read snake_case_name", "<p>read snake_case_name</p>"),
    "a product": ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
    "a mark without its partner": ("*half", "<p>*half</p>"),
    "space before the end": ("*half *", "<p>*half *</p>"),
    "a pair over two lines": ("*one\ntwo*", "<p>*one\ntwo*</p>"),
    "crossing pairs": ("*a _b* c_", "<p><strong>a _b</strong> c_</p>"),
    "two marks alike": ("**x**", "<p>*<strong>x</strong>*</p>"),
    "inline code": ("run `a *b*`", "<p>run <code>a *b*</code></p>"),
    "empty code": ("a `` b", "<p>a `` b</p>"),
    "monospace in a line": ("use ```x``` here", "<p>use <code>x</code> here</p>"),
    "monospace block": ("```\nif a:\n  b\n```", "<pre><code>if a:\n  b</code></pre>"),
    "block between lines": ("a\n```x```\nb", "<p>a</p><pre><code>x</code></pre><p>b</p>"),
    "an open fence": ("```\nnever closed", "<p>```\nnever closed</p>"),
    "bullets": ("- one\n* two", "<ul><li>one</li><li>two</li></ul>"),
    "bullets with marks": ("- *one*", "<ul><li><strong>one</strong></li></ul>"),
    "numbers": ("1. a\n2. b", '<ol><li value="1">a</li><li value="2">b</li></ol>'),
    "numbers that go on": ("3. c", '<ol><li value="3">c</li></ol>'),
    "a year is no list": ("2024.5 was fine", "<p>2024.5 was fine</p>"),
    "nested list stays text": ("- a\n  - b", "<ul><li>a</li></ul><p>  - b</p>"),
    "quote": ("> one\n> *two*", "<blockquote>one\n<strong>two</strong></blockquote>"),
    "heading is text": ("# Title", "<p># Title</p>"),
    "empty lines around a list": ("a\n\n- b\n\nc", "<p>a</p><ul><li>b</li></ul><p>c</p>"),
    "empty line in a text": ("a\n\nb", "<p>a\n\nb</p>"),
    "link": (
        "see https://a.example/x_y_z, ok",
        '<p>see <a href="https://a.example/x_y_z">https://a.example/x_y_z</a>, ok</p>',
    ),
    "link in bold": (
        "*https://a.example*",
        '<p><strong><a href="https://a.example">https://a.example</a></strong></p>',
    ),
    "link with brackets": (
        "(https://a.example/b_(c))",
        '<p>(<a href="https://a.example/b_(c)">https://a.example/b_(c)</a>)</p>',
    ),
    "www": ("www.a.example", '<p><a href="https://www.a.example">www.a.example</a></p>'),
    "no other schemes": ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
    "named link is text": ("[a](b)", "<p>[a](b)</p>"),
    "html is text": (
        "<img src=x onerror=alert(1)>",
        "<p>&lt;img src=x onerror=alert(1)&gt;</p>",
    ),
    "html in code": ("```\n</code><b>\n```", "<pre><code>&lt;/code&gt;&lt;b&gt;</code></pre>"),
    "nothing": ("", ""),
}


async def test_whatsapp_markup_becomes_these_nodes(stage: Stage) -> None:
    page = await stage.open()
    rendered = await page.evaluate(RENDER, {name: text for name, (text, _) in MARKUP.items()})
    assert rendered == {name: html for name, (_, html) in MARKUP.items()}


async def test_links_open_beside_the_page_and_tell_it_nothing(stage: Stage) -> None:
    page = await stage.open()
    await say(page, AMELIA, "see https://loaf.example/rye")
    link = phone(page, AMELIA).get_by_test_id("own-message").locator("a")
    assert await link.get_attribute("rel") == "noopener noreferrer"
    assert await link.get_attribute("target") == "_blank"


async def test_a_long_run_of_marks_is_rendered_soon(stage: Stage) -> None:
    page = await stage.open()
    texts = {"open": "*a _b ~c " * 450, "ticks": "`" * 4096, "nested": "*_~" * 1300}
    rendered = await page.evaluate(RENDER, texts)
    assert rendered["open"].startswith("<p>*a _b")


RENDER = """async texts => {
  const { render } = await import("/static/markup.js");
  const shown = {};
  for (const [name, text] of Object.entries(texts)) {
    const box = document.createElement("div");
    box.append(render(text));
    for (const node of box.querySelectorAll("*")) {
      for (const extra of ["dir", "target", "rel"]) node.removeAttribute(extra);
    }
    shown[name] = box.innerHTML;
  }
  return shown;
}"""


async def messages_of(stage: Stage) -> list[dict[str, Any]]:
    return [event for event in await stage.ask("record") if event["kind"] == "message"]


IS_FOCUSED = "node => node === document.activeElement"

WRITTEN_ON = [
    (".own .body p", ".own"),
    (".own time", ".own"),
    (".bubble .body p", ".bubble"),
    (".bubble time", ".bubble"),
    (".bubble .after", ".bubble"),
    (".state", ".screen"),
    (".owner-number", "body"),
    (".tab[data-active=false]", ".bar"),
    (".line", ".bar"),
    (".figures dt", ".figures"),
    (".figures-note", ".figures"),
    (".send:disabled", ".send:disabled"),
    (".avatar", ".avatar"),
]
"""Text, and what lies behind it."""

CONTRASTS = """pairs => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => {
      const share = one / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratios = {};
  for (const [text, ground] of pairs) {
    const one = light(getComputedStyle(document.querySelector(text)).color);
    const other = light(getComputedStyle(document.querySelector(ground)).backgroundColor);
    ratios[text] = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  }
  return ratios;
}"""
