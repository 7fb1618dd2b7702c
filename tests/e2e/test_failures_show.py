"""Each failure of the runbook, made on real processes: it shows in ``/metrics``, in readiness and
in ``rivulet check``, and goes away again when it is mended.
"""

import asyncio
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from app.adapters.rq_queue import QUEUE
from app.check import check
from app.simulator.valkey import redis_for
from tests.e2e.house import House, open_house
from tests.e2e.stuck import GO_ON, stand_in_the_way

ROOT = Path(__file__).parents[2]
ACCOUNT = "/v26.0/102015550100009"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With a Redis of its own, which is to be filled."""
    with redis_for("tests") as url:
        with open_house(
            url, tmp_path_factory.mktemp("house"), settings={"PYTHONPATH": str(ROOT)}
        ) as h:
            yield h


@dataclass(frozen=True)
class Told:
    """What the three places tell at one moment."""

    metrics: set[str]
    ready: Mapping[str, str]
    check: str


def told(house: House) -> Told:
    metrics = {
        re.findall(r'scope="(\w+)"', line)[0]
        for line in httpx2.get(f"{house.web_url}/metrics").text.splitlines()
        if line.startswith("rivulet_trouble{") and line.endswith(" 1")
    }
    answer = httpx2.get(f"{house.web_url}/health/ready")
    ready = answer.json().get("reasons", {})
    if answer.status_code == 503:
        ready = {"store": answer.json()["reason"]}
    lines: list[str] = []
    asyncio.run(check(house.environment, lines.append))
    return Told(metrics, ready, "\n".join(line for line in lines if "✓" not in line))


@contextmanager
def mended_by(mend: Callable[[], object]) -> Iterator[None]:
    """Whatever happens in the block: the other tests use the same house."""
    try:
        yield
    finally:
        mend()


def sees(house: House, scopes: Mapping[str, str], *, check: Sequence[str]) -> None:
    """Return once these scopes are in trouble in all three places.

    Args:
        scopes: With a part of the code that readiness tells.
        check: Parts of the lines of ``rivulet check``.
    """
    seen: list[Told] = []

    def are_seen() -> bool:
        seen.append(now := told(house))
        return (
            scopes.keys() <= now.metrics
            and all(code in now.ready.get(scope, "") for scope, code in scopes.items())
            and all(words in now.check for words in check)
        )

    try:
        house.until(are_seen, f"sight of {', '.join(scopes)}")
    except AssertionError as exc:
        raise AssertionError(f"{exc}\n{seen[-1]}") from None


def sees_nothing(house: House) -> None:
    """Return once all is well again in all three places."""
    house.until(lambda: told(house) == Told(set(), {}, ""), "end of all trouble")


def fail(house: House, **fault: object) -> None:
    house.meta.post("/simulator/faults", json={"times": None, **fault}).raise_for_status()


def mend(house: House) -> None:
    house.meta.delete("/simulator/faults").raise_for_status()


def let_probes_go(house: House) -> None:
    """As if the minute were over for which nothing is sent."""
    for key in house.redis.scan_iter("rv:hold:*"):
        house.redis.hset(key, "until_ms", 0)


def look_at_meta(house: House) -> None:
    """As if the five minutes were over after which the watch looks again."""
    house.redis.delete("rv:watch")


def turn(house: House, **knobs: object) -> None:
    house.meta.patch("/simulator/knobs", json=knobs).raise_for_status()


def test_what_a_turn_meets_shows_until_a_turn_gets_through(house: House) -> None:
    first, second = house.numbers()[:2]
    revoked, restricted = (house.person(phone=f"1212555018{n}") for n in range(2))
    with mended_by(lambda: mend(house)):
        fail(house, on="send", person=revoked, error=190)
        fail(house, on="send", person=restricted, error=131048)
        house.say(restricted, "Hello?", phone_number_id=first)
        house.say(revoked, "Hello?", phone_number_id=second)
        scopes = {"token": "190", "number": "131048"}
        sees(house, scopes, check=["number (131048), token (190)"])
    let_probes_go(house)
    for number in (first, second):
        house.say(house.person(), "When are you open?", phone_number_id=number)
    sees_nothing(house)


def test_a_model_that_is_down_shows_and_is_asked_by_check_itself(house: House) -> None:
    with mended_by(lambda: mend(house)):
        fail(house, on="model", http=500)
        house.say(house.person(), "When are you open?")
        sees(house, {"model": "server_error"}, check=["The model scripted does not answer"])
    house.say(house.person(), "When are you open?")
    sees_nothing(house)


def test_what_only_the_watch_can_see_shows_until_it_looks_again(house: House) -> None:
    number = house.numbers()[1]

    def well() -> None:
        house.meta.post(f"{ACCOUNT}/subscribed_apps").raise_for_status()
        house.meta.patch(f"/simulator/numbers/{number}", json={"status": "CONNECTED"})
        turn(house, token_ends_after=None)
        look_at_meta(house)

    house.meta.headers["authorization"] = f"Bearer {house.environment['WHATSAPP_ACCESS_TOKEN']}"
    with mended_by(well):
        house.meta.delete(f"{ACCOUNT}/subscribed_apps").raise_for_status()
        house.meta.patch(f"/simulator/numbers/{number}", json={"status": "RESTRICTED"})
        turn(house, token_ends_after=86_400)
        look_at_meta(house)
        scopes = {"webhook": "unsubscribed", "number": "restricted", "token": "ends_soon"}
        lines = ["do not come to this app", f"{number} of account", "UTC only"]
        sees(house, scopes, check=lines)
    sees_nothing(house)


def test_a_redis_that_is_full_shows(house: House) -> None:
    with mended_by(lambda: house.redis.config_set("maxmemory", 0)):
        house.redis.config_set("maxmemory", 1)
        sees(house, {"store": "OutOfMemory"}, check=["Redis takes no writes"])
    sees_nothing(house)


def test_a_worker_that_stands_still_shows(house: House) -> None:
    """Stopped in its tracks: it holds its turns and beats no more."""
    process = house.processes["worker"].running
    assert process is not None
    with mended_by(lambda: os.kill(process.pid, signal.SIGCONT)):
        os.kill(process.pid, signal.SIGSTOP)
        wamid = house.say(house.person(), "When are you open?")
        sees(house, {"worker": "none"}, check=["No worker runs"])
    house.answered(wamid)
    sees_nothing(house)


def test_a_worker_whose_loop_is_blocked_shows(house: House) -> None:
    with Redis.from_url(house.redis_url) as redis:
        queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)
        with mended_by(lambda: redis.lpush(GO_ON, "")):
            queue.enqueue(f"{stand_in_the_way.__module__}.{stand_in_the_way.__name__}")
            sees(house, {"worker": "blocked"}, check=["loop is blocked"])
    sees_nothing(house)
