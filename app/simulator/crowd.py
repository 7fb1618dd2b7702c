"""Many people write to the business, with faults or without, and what became of it on their phones.

For whoever tries an installation before its first real customer (README, "Runbook").
"""

import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from app import metrics

QUESTIONS = (
    ("How do I return an order?", "And when do you open on Sunday?"),
    ("Where is my parcel?", "Can I speak to a person, please?"),
    ("¿Cómo puedo devolver un pedido?", "¿A qué hora abren el domingo?"),
    ("Où est mon colis ?", "Vous êtes ouverts le dimanche ?"),
    ("Wie kann ich eine Bestellung umtauschen?", "Habt ihr am Sonntag auf?"),
    ("注文を返品したいです", "日曜日は何時から営業していますか"),
)
"""What people say, and what some of them add."""

FAULTS: Sequence[Mapping[str, object]] = (
    {"on": "webhook", "probability": 0.1, "duplicate": 1},
    {"on": "send", "probability": 0.03, "lose_answer": True},
    {"on": "send", "probability": 0.03, "http": 502, "body": "<html>Bad Gateway</html>"},
    {"on": "send", "probability": 0.02, "error": 130429},
    {"on": "send", "probability": 0.02, "reset": True},
    {"on": "send", "probability": 0.05, "delay": 1.5},
    {"on": "status", "probability": 0.02, "drop": True},
    {"on": "status", "probability": 0.1, "duplicate": 1},
    {"on": "status", "probability": 0.05, "reorder": True},
    {"on": "model", "probability": 0.05, "http": 503},
    {"on": "model", "probability": 0.04, "stream": "cut", "after_deltas": 30},
    {"on": "model", "probability": 0.03, "stream": "error_event"},
    {"on": "model", "probability": 0.02, "stream": "stall", "after_deltas": 10},
)
"""Each strikes so often, in the same order in every run with the same timing. No message is held
back, as ``reorder`` does until the next one: nobody would overtake the last."""

ADDS_SOMETHING = 1 / 3
ADDS_AFTER_SECONDS = 2.0
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 300.0
CALL_SECONDS = 10.0

Event = Mapping[str, Any]


async def crowd(
    people: int, seconds: float, *, meta_url: str, web_url: str, token: str, faults: bool
) -> int:
    """Let them write, wait until nobody waits for an answer, and print how it went.

    Args:
        seconds: Over which their first messages are spread.
        web_url: Whose ``/metrics`` says who waits.
        token: For ``/metrics`` on another machine; else ``""``.

    Returns:
        0; 1 when somebody still waits after five minutes, or has read nothing at all.

    Raises:
        httpx2.HTTPError: One of the two does not answer, or refuses.
    """
    dice = random.Random(people)  # noqa: S311 - the same people say the same things each time
    async with (
        httpx2.AsyncClient(base_url=meta_url, timeout=CALL_SECONDS) as meta,
        httpx2.AsyncClient(base_url=web_url, timeout=CALL_SECONDS) as web,
        _faults(meta, FAULTS if faults else ()) as strikes,
    ):
        if token:
            web.headers["authorization"] = f"Bearer {token}"
        await _waiting(web)
        last = await _last(meta)
        made = (await meta.post("/simulator/persons", json=[{}] * people)).raise_for_status()
        began_at = time.time()
        async with asyncio.TaskGroup() as group:
            for person in made.json():
                group.create_task(_writes(meta, person["id"], dice, seconds))
        events: list[Event] = []
        while waiting := await _waiting(web) or _on_the_way(events):
            if time.time() - began_at > PATIENCE_SECONDS:
                break
            await asyncio.sleep(LOOK_SECONDS)
            events += await _events(meta, events[-1]["seq"] if events else last)
        _print(await strikes())
    persons = [person["id"] for person in made.json()]
    text, silent = summary(events, persons)
    _print(f"{text}\nAfter {time.time() - began_at:.0f} s {waiting} wait for an answer.")
    return 1 if waiting or silent else 0


def summary(events: Sequence[Event], persons: Sequence[str]) -> tuple[str, int]:
    """What these people's phones and Meta saw, and how many of them read nothing."""
    theirs = [event for event in events if event.get("person") in set(persons)]
    wrote = [event for event in theirs if event["kind"] == "message"]
    bubbles = [event for event in theirs if event["kind"] == "bubble"]
    sends = Counter(str(one["error"] or one["status"]) for one in theirs if one["kind"] == "send")
    webhooks = Counter(str(one["status"]) for one in events if one["kind"] == "webhook")
    twice = sum(n - 1 for n in Counter((one["person"], one["text"]) for one in bubbles).values())
    first = {}
    for one in reversed(bubbles):
        first[one["person"]] = one["at"]
    began = {}
    for one in reversed(wrote):
        began[one["person"]] = one["at"]
    waits = sorted(first[person] - began[person] for person in first if person in began)
    lines = [
        f"{len(persons)} people wrote {len(wrote)} messages.",
        f"Webhooks by answer: {_counted(webhooks)}.",
        f"Sends by answer or error code: {_counted(sends)}.",
        f"{len(bubbles)} bubbles landed, {twice} of them said before.",
        f"{len(persons) - len(first)} people read nothing.",
    ]
    if waits:
        p50, p99 = (waits[int(len(waits) * share)] for share in (0.5, 0.99))
        lines.append(f"First bubble on the phone after {p50:.1f} s (p50), {p99:.1f} s (p99).")
    return "\n".join(lines), len(persons) - len(first)


async def _writes(
    meta: httpx2.AsyncClient, person: str, dice: random.Random, seconds: float
) -> None:
    question, more = dice.choice(QUESTIONS)
    adds = dice.random() < ADDS_SOMETHING
    await asyncio.sleep(dice.uniform(0, seconds))
    for text in (question, more) if adds else (question,):
        said = await meta.post(f"/simulator/persons/{person}/messages", json={"text": text})
        said.raise_for_status()
        await asyncio.sleep(ADDS_AFTER_SECONDS)


def _on_the_way(events: Sequence[Event]) -> int:
    """How many messages the business has not yet taken; 1 when nothing has been said at all."""
    said = {one["wamid"] for one in events if one["kind"] == "message"}
    taken = {
        wamid
        for one in events
        if one["kind"] == "webhook" and one["status"] == 200
        for wamid in one["wamids"]
    }
    return len(said - taken) if said else 1


async def _waiting(web: httpx2.AsyncClient) -> int:
    text = (await web.get("/metrics")).raise_for_status().text
    found = re.search(rf"^{metrics.UNANSWERED.name} (\S+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 1  # Redis did not say: somebody may


@asynccontextmanager
async def _faults(
    meta: httpx2.AsyncClient, wishes: Sequence[Mapping[str, object]]
) -> AsyncIterator[Any]:
    """These go wrong while the block runs; gives what tells how often each of Meta's has."""
    asked = [
        (await meta.post("/simulator/faults", json=wish)).raise_for_status().json()["id"]
        for wish in wishes
    ]

    async def strikes() -> str:
        used = {one["id"]: one["used"] for one in (await meta.get("/simulator/faults")).json()}
        return "\n".join(
            f"{used[fault]:5} × {wish}"
            for fault, wish in zip(asked, wishes, strict=True)
            if fault in used
        )

    try:
        yield strikes
    finally:
        for fault in asked:
            await meta.delete(f"/simulator/faults/{fault}")


async def _last(meta: httpx2.AsyncClient) -> int:
    record = (await meta.get("/simulator/record")).raise_for_status().json()
    return int(record[-1]["seq"]) if record else 0


async def _events(meta: httpx2.AsyncClient, last: int) -> list[Event]:
    answer = await meta.get("/simulator/record", params={"after": last})
    events: list[Event] = answer.raise_for_status().json()
    return events


def _counted(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n" if text else "")
    sys.stdout.flush()
