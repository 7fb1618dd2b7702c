"""Say something as a person would, and show the reply as it lands, with times."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.pipeline.ports import Store, TurnRecord

FIRST_BUBBLE_SECONDS = 30.0
WHOLE_REPLY_SECONDS = 180.0
LOOK_SECONDS = 0.1


@dataclass
class _Seen:
    """What has happened so far; times in Unix seconds."""

    began_at: float
    bubbles: list[float] = field(default_factory=list)


async def say_and_show(texts: Sequence[str], *, phone_url: str, store: Store) -> int:
    """Send the texts in a row, print each bubble with its time; 0 once the reply is complete.

    That it is complete is read from the turns' own records, never from silence. 1 when there is no
    bubble within 30 s, or no end within 3 minutes.
    """
    async with httpx2.AsyncClient(base_url=phone_url) as client:
        person = (await client.get("/simulator/persons")).json()[0]["id"]
        record = (await client.get("/simulator/record")).json()
        last = record[-1]["seq"] if record else 0
        seen = _Seen(time.time())
        wamids = []
        for text in texts:
            _print(f"  You  {text}")
            answer = await client.post(f"/simulator/persons/{person}/messages", json={"text": text})
            wamids.append(answer.raise_for_status().json()["wamid"])
        watching = asyncio.create_task(_show_bubbles(client, person, last, seen))
        try:
            return await _until_complete(store, wamids, seen, watching)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _show_bubbles(client: httpx2.AsyncClient, person: str, last: int, seen: _Seen) -> None:
    async for event in _events(client, last):
        if event.get("kind") == "bubble" and event.get("person") == person:
            seen.bubbles.append(event["at"])
            lines = str(event["text"]).splitlines() or [""]
            _print(f"  {event['at'] - seen.began_at:5.2f} s  {lines[0]}")
            for line in lines[1:]:
                _print(f"           {line}")


async def _events(client: httpx2.AsyncClient, last: int) -> AsyncIterator[dict[str, Any]]:
    timeout = httpx2.Timeout(10.0, read=None)
    async with client.stream(
        "GET", "/simulator/events", params={"after": last}, timeout=timeout
    ) as response:
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                yield event


async def _until_complete(
    store: Store, wamids: Sequence[str], seen: _Seen, watching: "asyncio.Task[None]"
) -> int:
    while True:
        found = [await store.record_of(wamid) for wamid in wamids]
        ended = {record.turn_id: record for record in found if record and "ending" in record.fields}
        expected = sum(_bubbles_sent(record) for record in ended.values())
        if all(found) and len(seen.bubbles) >= expected:
            _print(_summary(list(ended.values()), seen))
            return 0
        waited = time.time() - seen.began_at
        limit = WHOLE_REPLY_SECONDS if seen.bubbles else FIRST_BUBBLE_SECONDS
        if waited > limit or watching.done():
            sys.stderr.write(f"No complete reply within {waited:.0f} s.\n")
            return 1
        await asyncio.sleep(LOOK_SECONDS)


def _bubbles_sent(record: TurnRecord) -> int:
    return sum(
        1
        for name, value in record.fields.items()
        if name.startswith("state:") and value in ("sent", "uncertain")
    )


def _summary(records: Sequence[TurnRecord], seen: _Seen) -> str:
    ends = [float(record.fields.get("model_ended_at", 0)) for record in records]
    parts = ["1 bubble" if len(seen.bubbles) == 1 else f"{len(seen.bubbles)} bubbles"]
    if seen.bubbles and any(ends):
        first, end = seen.bubbles[0] - seen.began_at, max(ends) - seen.began_at
        parts.append(f"first after {first:.2f} s")
        parts.append(f"the model had ended after {end:.2f} s")
    return "\n  " + "; ".join(parts) + "."


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
