from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app import metrics
from app.core.model import Delivery, Echo, Ignored, Moved, Notice, Status
from app.pipeline.receive import receive
from app.pipeline.record import record
from tests.fakes import NOW, NUMBER, World, said


async def test_a_message_is_queued_and_counted() -> None:
    world = World()
    await receive([said("Hi")], world.services)
    assert len(world.store.queue) == 1
    assert world.meter.counts[(metrics.WEBHOOK_EVENTS, "message", "queued", "text")] == 1


async def test_the_second_delivery_is_counted_and_not_queued() -> None:
    world = World()
    message = said("Hi")
    await receive([message], world.services)
    await receive([message], world.services)
    assert len(world.store.queue) == 1
    assert world.meter.counts[(metrics.WEBHOOK_EVENTS, "message", "duplicate", "text")] == 1


async def test_a_message_at_the_age_limit_is_answered() -> None:
    world = World()
    await receive([said("Hi", at=NOW - timedelta(hours=24))], world.services)
    assert len(world.store.queue) == 1


async def test_a_message_past_the_age_limit_is_recorded_as_expired() -> None:
    world = World()
    late = said("Hi", at=NOW - timedelta(hours=24, seconds=1))
    await receive([late, late], world.services)
    assert world.store.queue == []
    for outcome in ("ignored", "duplicate"):
        assert world.meter.counts[(metrics.WEBHOOK_EVENTS, "ignored", outcome, "expired")] == 1


async def test_what_nobody_said_is_counted_by_its_reason() -> None:
    world = World()
    await receive(
        [Ignored("reaction", "wamid.1"), Moved(NUMBER, "A.1", None, "A.2", None)], world.services
    )
    assert world.store.queue == []
    assert world.meter.counts[(metrics.WEBHOOK_EVENTS, "ignored", "ignored", "reaction")] == 1


@pytest.mark.parametrize("effect", ["stop", "slow", "resume", "tell"])
async def test_what_meta_tells_of_an_account_is_counted_and_logged(effect: Any) -> None:
    world = World()
    with capture_logs() as logs:
        await receive([Notice(effect, "account", "disabled", "701", at=NOW)], world.services)
    assert world.meter.counts[(metrics.NOTICES, "disabled", effect)] == 1
    assert [line["log_level"] for line in logs] == ["warning" if effect == "resume" else "error"]


async def test_only_a_status_that_is_news_is_counted_as_one() -> None:
    world = World()
    read = Status("wamid.1", NUMBER, Delivery.READ, NOW)
    sent = Status("wamid.1", NUMBER, Delivery.SENT, NOW)
    failed = Status("wamid.2", NUMBER, Delivery.FAILED, NOW, error_code=131047)
    await record([read, sent, failed], world.services)
    assert world.meter.counts[(metrics.STATUSES, "", "read")] == 1
    assert world.meter.counts[(metrics.STATUSES, "131047", "failed")] == 1
    assert world.meter.counts[(metrics.STATUSES, "", "sent")] == 0


TURN = "0123456789abcdef0123456789abcdef"
SECOND = timedelta(seconds=1)


def world_that_sent(**fields: Any) -> World:
    """One bubble, at ``NOW``."""
    world = World(**fields)
    world.store.records[TURN]["sending_at:0"] = str(NOW.timestamp())
    return world


def status(delivery: Delivery, after: float = 0, **more: Any) -> Status:
    """Of that bubble, so many seconds later."""
    told = Status("wamid.1", NUMBER, delivery, NOW + after * SECOND, f"{TURN}:0:1")
    return replace(told, **more)


async def test_how_long_a_bubble_took_is_measured_from_its_send() -> None:
    world = world_that_sent()
    await record([status(Delivery.SENT), status(Delivery.DELIVERED, 3)], world.services)
    await record([status(Delivery.READ, 65), status(Delivery.READ, 70)], world.services)
    assert world.meter.seen[metrics.DELIVERED_SECONDS] == [3]
    assert world.meter.seen[metrics.READ_SECONDS] == [65]


async def test_metas_whole_second_may_lie_before_the_send() -> None:
    world = world_that_sent()
    await record([status(Delivery.DELIVERED, -0.9)], world.services)
    assert world.meter.seen[metrics.DELIVERED_SECONDS] == [0]


@pytest.mark.parametrize("callback", [None, "another's", f"{'f' * 32}:0:1"])
async def test_without_the_sends_time_nothing_is_measured(callback: str | None) -> None:
    world = world_that_sent()
    await record([status(Delivery.DELIVERED, 3, callback=callback)], world.services)
    assert world.meter.seen[metrics.DELIVERED_SECONDS] == []
    assert world.meter.counts[(metrics.BUBBLES_DELIVERED,)] == 1


async def test_a_bubble_is_charged_once_when_it_lands() -> None:
    world = World(prices={"US": 0.0034, "*": 0.03})
    charged: Any = {"billable": True, "category": "service", "country": "US"}
    told = [Delivery.SENT, Delivery.DELIVERED, Delivery.DELIVERED, Delivery.READ]
    await record([status(one, **charged) for one in told], world.services)
    counts = world.meter.counts
    assert counts[(metrics.BUBBLES_DELIVERED,)] == 1
    assert counts[(metrics.BILLABLE_BUBBLES, "service", "US")] == 1
    assert counts[(metrics.ESTIMATED_COST,)] == 0.0034


@pytest.mark.parametrize(
    ("country", "prices", "label", "cost"),
    [
        pytest.param("BR", {"US": 0.1, "*": 0.03}, "other", 0.03, id="the price of all others"),
        pytest.param("", {"US": 0.1, "*": 0.03}, "other", 0.03, id="no user id"),
        pytest.param("BR", {"US": 0.1}, "other", 0, id="no price for it"),
        pytest.param("BR", {}, "other", 0, id="no prices"),
        pytest.param("US", {"US": 0, "*": 0.03}, "US", 0, id="free"),
    ],
)
async def test_a_country_without_a_price_is_one_of_the_others(
    country: str, prices: dict[str, float], label: str, cost: float
) -> None:
    world = World(prices=prices)
    told = status(Delivery.READ, billable=True, category="service", country=country)
    await record([told], world.services)
    assert world.meter.counts[(metrics.BILLABLE_BUBBLES, "service", label)] == 1
    assert world.meter.counts[(metrics.ESTIMATED_COST,)] == cost


@pytest.mark.parametrize("billable", [False, None])
async def test_what_meta_does_not_charge_costs_nothing(billable: bool | None) -> None:
    world = World(prices={"*": 0.03})
    await record([status(Delivery.DELIVERED, billable=billable)], world.services)
    assert {key[0] for key in world.meter.counts}.isdisjoint(
        {metrics.BILLABLE_BUBBLES, metrics.ESTIMATED_COST}
    )


async def test_an_error_code_from_outside_makes_no_label_of_its_own() -> None:
    world = World()
    told = [
        Status(f"wamid.{code}", NUMBER, Delivery.FAILED, NOW, error_code=code)
        for code in (7_700_001, 7_700_002)
    ]
    await record(told, world.services)
    assert world.meter.counts[(metrics.STATUSES, "other", "failed")] == 2


async def test_a_colleagues_answer_silences_the_bot_and_is_counted_once() -> None:
    world = World()
    echo = Echo("wamid.E", NUMBER, "US.1001", None, NOW, "I take over.")
    with capture_logs() as logs:
        await receive([said("Hi"), echo, echo, replace(echo, wamid="wamid.F")], world.services)
    pause = await world.store.pause_of(world.keys.user(NUMBER, "US.1001"))
    assert pause is not None
    assert (pause.reason, pause.until) == ("colleague", NOW + timedelta(hours=12))
    assert world.meter.counts[(metrics.HANDOFFS, "colleague")] == 1
    assert [line["event"] for line in logs].count("handoff.called") == 1
    assert "take over" not in repr(logs)


async def test_a_stop_counts_however_late_it_comes() -> None:
    world = World()
    await receive([said("STOP", at=NOW - timedelta(days=6))], world.services)
    pause = await world.store.pause_of(world.keys.user(NUMBER, "US.1001"))
    assert pause is not None
    assert pause.reason == "stop"
