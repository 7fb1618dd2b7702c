"""The record: in order, bounded, and live."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx2
import pytest

from app.simulator.control import as_stream
from app.simulator.record import Record
from tests.simulator.business import NO_TLS, Meta, Told, running_meta


async def told(lines: AsyncIterator[str]) -> AsyncIterator[Told]:
    """The events of a stream; each ``id`` is its event's ``seq``."""
    last_id = None
    async for line in lines:
        if line.startswith("id: "):
            last_id = int(line[4:])
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            assert event["seq"] == last_id
            yield event


async def test_events_come_live_and_in_order(meta: Meta) -> None:
    await meta.says("amelia", "before")
    async with meta.http.stream("GET", "/simulator/events", params={"after": 0}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = told(answer.aiter_lines())
        assert (await anext(events))["text"] == "before"
        await meta.says("mei", "ñandú")
        seen = [await anext(events)]
        while seen[-1]["kind"] != "message":
            seen.append(await anext(events))
        assert (seen[-1]["person"], seen[-1]["text"]) == ("mei", "ñandú")
        assert [event["seq"] for event in seen] == list(range(2, 2 + len(seen)))


async def test_a_reader_who_comes_back_goes_on_where_it_was(meta: Meta) -> None:
    for text in ("one", "two", "three"):
        await meta.says("amelia", text)
    first = next(event for event in await meta.record("message") if event["text"] == "two")
    headers = {"last-event-id": str(first["seq"])}
    async with meta.http.stream("GET", "/simulator/events", headers=headers) as answer:
        events = told(answer.aiter_lines())
        event = await anext(events)
        while event["kind"] != "message":
            event = await anext(events)
        assert event["text"] == "three"


async def test_an_open_stream_ends_with_the_server() -> None:
    async with asyncio.timeout(10):
        async with httpx2.AsyncClient(trust_env=False, verify=NO_TLS) as reader:
            async with running_meta() as meta:
                url = f"{meta.http.base_url}/simulator/events"
                stream = reader.stream("GET", url)
                answer = await stream.__aenter__()
            assert [line async for line in answer.aiter_lines()] == [": here", ""]
            await stream.__aexit__(None, None, None)


async def test_the_record_is_bounded_and_its_numbers_show_what_is_gone() -> None:
    async with running_meta(record_size=5) as meta:
        for number in range(10):
            await meta.says("amelia", str(number))
        await meta.business.until(lambda: len(meta.business.messages) == 10)
        await meta.recorded("webhook")
        events = await meta.record()
        assert len(events) == 5
        assert events[0]["seq"] > 1
        assert [event["seq"] for event in events] == list(
            range(events[0]["seq"], events[0]["seq"] + 5)
        )


async def test_asking_can_wait_for_the_next_event(meta: Meta) -> None:
    path = "/simulator/record"
    waiting = asyncio.create_task(meta.http.get(path, params={"after": 0, "wait": 30}))
    await asyncio.sleep(0)
    await meta.says("amelia", "at last")
    assert (await waiting).json()[0]["text"] == "at last"
    nothing = await meta.http.get(path, params={"after": 1000, "wait": 0.01})
    assert nothing.json() == []


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        pytest.param(0, None, [4, 5, 6], id="more than there is"),
        pytest.param(3, None, [4, 5, 6], id="all"),
        pytest.param(4, 1, [5], id="one"),
        pytest.param(6, None, [], id="none"),
        pytest.param(99, None, [], id="from the future"),
    ],
)
def test_after_gives_what_is_still_there(
    after: int, limit: int | None, expected: list[int]
) -> None:
    record = Record(3, lambda: 0.0)
    for _ in range(6):
        record.add("x")
    assert [event["seq"] for event in record.after(after, limit)] == expected


async def test_a_quiet_stream_shows_that_it_lives() -> None:
    record = Record(10, lambda: 0.0)
    async with aclosing(as_stream(record, 0, None, quiet_seconds=0.01)) as stream:
        assert [await anext(stream) for _ in range(3)] == [": here\n\n"] + [": quiet\n\n"] * 2
        record.add("message")
        while (line := await anext(stream)).startswith(":"):
            pass
        assert line.startswith("id: 1\ndata: {")
