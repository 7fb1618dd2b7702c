"""The phone page of the whole house, in a real browser: what a newcomer sees."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.house import Event, House
from tests.e2e.window import Window

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RETURN = "How do I return an order?"
HOURS = "When are you open?"


async def phones(house: House, window: Window) -> "Page":
    page = await window.open(house.phone_url)
    await page.locator("[data-line=live]").wait_for()
    return page


async def newcomer(page: "Page", house: House, name: str, *, has_number: bool = True) -> str:
    """Somebody added on the page, by keyboard alone; the cursor is in their message box."""
    await page.get_by_test_id("new-person").press("Enter")
    await page.keyboard.type(name)
    if not has_number:
        await page.keyboard.press("Tab")
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("person-dialog").wait_for(state="hidden")
    known = {one["name"]: one for one in house.meta.get("/simulator/persons").json()}
    assert bool(known[name]["phone"]) is has_number
    return str(known[name]["id"])


def phone(page: "Page", person: str) -> "Locator":
    return page.locator(f"[data-testid=phone][data-person={person}]")


async def shown(page: "Page", person: str) -> list[str]:
    """The wamids of the bubbles on this phone, from top to bottom."""
    found = phone(page, person).get_by_test_id("bubble")
    wamids: list[str] = await found.evaluate_all("nodes => nodes.map(node => node.dataset.wamid)")
    return wamids


async def settled(page: "Page", house: House, person: str, said: str) -> list[Event]:
    """The bubbles of the reply to ``said``, all of them landed on the page and read."""

    def asked() -> str | None:
        found = (one["wamid"] for one in house.events(person, "message") if one["text"] == said)
        return next(found, None)

    wamid = await asyncio.to_thread(house.until, asked, "message")
    turn = await asyncio.to_thread(house.answered, wamid)
    count = len(house.sources(turn))
    read = phone(page, person).locator("[data-testid=bubble][data-status=read]")
    await read.nth(count - 1).wait_for()
    landed = house.events(person, "bubble")
    assert len(landed) == count
    return landed


async def figure(page: "Page", person: str, name: str) -> float:
    node = phone(page, person).get_by_test_id(f"figure-{name}")
    return float(await node.get_attribute("data-value") or "nan")


async def test_a_person_writes_and_reads_while_the_model_still_writes(
    house: House, window: Window, tmp_path: Path
) -> None:
    page = await phones(house, window)
    person = await newcomer(page, house, "Lena Larsson")
    with house.model_that(first_token_seconds=2.5, tokens_per_second=60):
        await page.keyboard.type(RETURN)
        await page.keyboard.press("Enter")
        own = phone(page, person).locator("[data-testid=own-message][data-status=read]")
        await own.get_by_text(RETURN).wait_for()
        await phone(page, person).get_by_test_id("typing").wait_for(state="visible")
        assert await shown(page, person) == []
        await phone(page, person).get_by_test_id("bubble").first.wait_for()
        await page.screenshot(path=tmp_path / "while-it-writes.png")
        landed = await settled(page, house, person, RETURN)
    assert len(landed) >= 2
    assert await shown(page, person) == [event["wamid"] for event in landed]
    tick = phone(page, person).get_by_test_id("bubble").first.locator(".tick")
    assert await tick.inner_text() == "The business knows: read"
    await phone(page, person).get_by_test_id("typing").wait_for(state="hidden")
    await page.screenshot(path=tmp_path / "answered.png")


async def test_the_panel_tells_when_the_model_wrote_and_what_the_person_saw(
    house: House, window: Window
) -> None:
    page = await phones(house, window)
    person = await newcomer(page, house, "Mats Moller")
    await page.keyboard.type(RETURN)
    await page.keyboard.press("Enter")
    landed = await settled(page, house, person, RETURN)
    (asked,) = house.events(person, "message")
    wrote = {event["phase"]: event["model_at"] for event in house.events(person, "model")}
    figures = {
        "first-token": wrote["first_delta"] - asked["at"],
        "first-bubble": landed[0]["at"] - asked["at"],
        "without-streaming": wrote["ended"] - asked["at"],
        "total": landed[-1]["at"] - asked["at"],
        "bubbles": len(landed),
    }
    for name, value in figures.items():
        assert await figure(page, person, name) == pytest.approx(value, abs=1e-4), name
    assert figures["first-token"] < figures["first-bubble"] < figures["without-streaming"]


async def test_two_persons_are_served_at_the_same_time_each_in_their_own_chat(
    house: House, window: Window, tmp_path: Path
) -> None:
    page = await phones(house, window)
    asked = {
        await newcomer(page, house, "Nora Nilsen"): RETURN,
        await newcomer(page, house, "Otto Olsen", has_number=False): HOURS,
    }
    with house.model_that(tokens_per_second=60):
        for person, text in asked.items():
            await phone(page, person).get_by_test_id("message-input").press_sequentially(text)
        for person in asked:
            await phone(page, person).get_by_test_id("message-input").press("Enter")
        for person in asked:
            await phone(page, person).get_by_test_id("bubble").first.wait_for()
        await page.screenshot(path=tmp_path / "two-at-once.png")
        landed = {
            person: await settled(page, house, person, said) for person, said in asked.items()
        }
    for person, bubbles in landed.items():
        assert await shown(page, person) == [event["wamid"] for event in bubbles]
    firsts, lasts = zip(*((one[0]["at"], one[-1]["at"]) for one in landed.values()), strict=True)
    assert max(firsts) < min(lasts)
    one, other = asked
    assert {event["via"] for event in house.events(one, "send")} == {"to"}
    assert {event["via"] for event in house.events(other, "send")} == {"recipient"}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("متى تفتحون؟", "نفتح كل يوم من التاسعة صباحا. أهلا وسهلا بكم!"),
        ("מתי אתם פתוחים?", "אנחנו פתוחים כל יום מתשע בבוקר. נשמח לראותכם!"),
    ],
    ids=["Arabic", "Hebrew"],
)
async def test_who_writes_from_right_to_left_reads_from_right_to_left(
    house: House, window: Window, tmp_path: Path, said: str, answer: str
) -> None:
    page = await phones(house, window)
    person = await newcomer(page, house, f"From the right {answer[0]}")
    with house.model_that(answer=answer):
        box = phone(page, person).get_by_test_id("message-input")
        await box.fill(said)
        assert await box.evaluate(DIRECTION) == "rtl"
        await box.press("Enter")
        await settled(page, house, person, said)
    for kind, text in (("own-message", said), ("bubble", answer)):
        line = phone(page, person).get_by_test_id(kind).locator("p").get_by_text(text)
        assert await line.evaluate(DIRECTION) == "rtl", kind
    await page.screenshot(path=tmp_path / "right-to-left.png")


DIRECTION = "node => getComputedStyle(node).direction"
