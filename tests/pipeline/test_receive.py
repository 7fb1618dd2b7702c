from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app import metrics
from app.core.model import Delivery, Ignored, Moved, Notice, Status
from app.pipeline.receive import receive
from app.pipeline.record import record
from tests.fakes import NOW, NUMBER, World, said


async def test_a_message_is_queued_and_counted() -> None:
    world = World()
    await receive([said("Hi")], world.services)
    assert len(world.store.queue) == 1
    assert world.meter.counts[(metrics.WEBHOOK_EVENTS, "InboundMessage", "queued")] == 1


async def test_the_second_delivery_is_counted_and_not_queued() -> None:
    world = World()
    message = said("Hi")
    await receive([message], world.services)
    await receive([message], world.services)
    assert len(world.store.queue) == 1
    assert world.meter.counts[(metrics.WEBHOOK_EVENTS, "InboundMessage", "duplicate")] == 1


async def test_a_message_at_the_age_limit_is_answered() -> None:
    world = World()
    await receive([said("Hi", at=NOW - timedelta(hours=24))], world.services)
    assert len(world.store.queue) == 1


async def test_a_message_past_the_age_limit_is_recorded_as_expired() -> None:
    world = World()
    late = said("Hi", at=NOW - timedelta(hours=24, seconds=1))
    await receive([late, late], world.services)
    assert world.store.queue == []
    assert world.meter.counts[(metrics.WEBHOOK_IGNORED, "expired")] == 2
    assert world.meter.counts[(metrics.WEBHOOK_EVENTS, "Ignored", "duplicate")] == 1


async def test_what_nobody_said_is_counted_by_its_reason() -> None:
    world = World()
    await receive(
        [Ignored("reaction", "wamid.1"), Moved(NUMBER, "A.1", None, "A.2", None)], world.services
    )
    assert world.store.queue == []
    assert world.meter.counts[(metrics.WEBHOOK_IGNORED, "reaction")] == 1


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
