"""Web, worker and Redis on hosts of their own, and the cable between two of them pulled."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.adapters.leases import LEASE_SECONDS
from app.adapters.redis_store import STORE_SECONDS
from app.core.markup import to_whatsapp
from app.simulator.answers import answer_to
from app.simulator.valkey import _binary
from tests.e2e.hosts import Hosts, open_hosts
from tests.e2e.house import House, Process, open_house

ANSWER = answer_to("How do I return an order?")
REDIS_PORT = 6379


@dataclass
class Site:
    """The house on its hosts."""

    house: House
    hosts: Hosts

    @contextmanager
    def second_worker(self) -> Iterator[None]:
        first = self.house.processes["worker"]
        second = Process(
            "worker2",
            first.arguments,
            first.environment,
            self.house.folder / "worker2.log",
            self.hosts.place("spare"),
        )
        self.house.processes["worker2"] = second
        second.start()
        try:
            self.house.until(lambda: self.workers() == 2 or None, "second worker")
            yield
        finally:
            second.stop()

    def workers(self) -> int:
        return int(self.house.redis.scard("rq:workers"))

    def first_worker_beats(self) -> bool:
        log = self.house.processes["worker"].log.read_text()
        return "heartbeat works again" in log.rpartition("heartbeat failed")[2]

    def ask_all(self, count: int, first_phone: int) -> dict[str, str]:
        """So many new people ask; each one's message, by person."""
        house = self.house
        people = [house.person(name=f"Ada {n}", phone=str(first_phone + n)) for n in range(count)]
        return {person: house.say(person, "Hello!") for person in people}

    def wait_for_first_bubbles(self, asked: dict[str, str]) -> None:
        sends = self.house.events
        self.house.until(
            lambda: all(sends(person, "send") for person in asked) or None, "first bubbles"
        )

    def wait_for_quiet(self) -> None:
        """Return once no turn is queued, runs, or is to run again later."""
        redis = self.house.redis
        names = ("queue:turns", "queue:turns:intermediate", "wip:turns", "scheduled:turns")
        keys = [f"rq:{name}" for name in names]
        self.house.until(lambda: not redis.exists(*keys) or None, "quiet")

    def everybody_read_the_answer_once(self, asked: dict[str, str]) -> None:
        house = self.house
        turns = {person: house.answered(wamid) for person, wamid in asked.items()}
        self.wait_for_quiet()
        for person, turn in turns.items():
            sources = house.sources(turn)
            assert turn["ending"] == "answered"
            assert squashed("".join(sources)) == squashed(ANSWER)
            landed = [one for one in house.events(person, "send") if one["status"] == 200]
            assert [one["text"] for one in landed] == [to_whatsapp(source) for source in sources]
            bubbles = [one["callback"].rpartition(":")[0] for one in landed]
            assert bubbles == [f"{turn['turn_id']}:{n}" for n in range(len(sources))]


def squashed(text: str) -> str:
    return "".join(text.split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("hosts")
    with open_hosts("redis", "web", "worker", "spare") as hosts, ExitStack() as stack:
        url = stack.enter_context(redis_on(hosts, folder))
        house = stack.enter_context(
            open_house(
                url,
                folder,
                meta=["--set", "sent_delay=0.01", "--set", "delivered_delay=0.02"],
                # The same again when a turn is taken up: what was said already is dropped.
                model=["--set", "tokens_per_second=40", "--set", f"answer={json.dumps(ANSWER)}"],
                places={
                    "meta": hosts.place(None),
                    "model": hosts.place(None),
                    "web": hosts.place("web"),
                    "worker": hosts.place("worker"),
                },
            )
        )
        yield Site(house, hosts)


@contextmanager
def redis_on(hosts: Hosts, folder: Path) -> Iterator[str]:
    """A Redis on its host; its URL."""
    address = hosts.address("data", "redis")
    options = {
        "--bind": address,
        "--port": str(REDIS_PORT),
        "--protected-mode": "no",
        "--dir": str(folder),
        "--save": "",
    }
    command = [*hosts.enter("redis"), _binary(), *(one for pair in options.items() for one in pair)]
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"redis://{address}:{REDIS_PORT}/0"
    try:
        with Redis.from_url(url) as redis:
            while not answers(redis):
                assert server.poll() is None, (folder / "redis.log").read_text()
                time.sleep(0.05)  # a server that starts tells nobody
        yield url
    finally:
        server.kill()
        server.wait()


def answers(redis: "Redis") -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def test_webhooks_that_find_no_redis_are_delivered_again_and_answered(site: Site) -> None:
    with site.hosts.unplugged("web", "data"):
        asked = site.ask_all(3, 15550300)

        def refused() -> bool | None:
            tried = site.house.events(None, "webhook")
            return {one for event in tried for one in event["wamids"]} >= {*asked.values()} or None

        site.house.until(refused, "refusal")
        delivered = [
            one
            for one in site.house.events(None, "webhook")
            if {*one["wamids"]} & {*asked.values()}
        ]
        assert {one["status"] for one in delivered} == {503}
        assert max(one["seconds"] for one in delivered) < STORE_SECONDS + 2  # two noisy cores
    site.everybody_read_the_answer_once(asked)


def test_a_worker_cut_off_for_less_than_its_leases_goes_on(site: Site) -> None:
    asked = site.ask_all(8, 15550310)
    site.wait_for_first_bubbles(asked)
    with site.hosts.unplugged("worker", "data"):
        time.sleep(LEASE_SECONDS / 3)  # the cut itself
    site.everybody_read_the_answer_once(asked)


def test_a_worker_cut_off_for_longer_loses_its_turns_to_another_one(site: Site) -> None:
    """Its streams go on all the while, and come to nothing."""
    with ExitStack() as stack:
        with site.house.model_that(tokens_per_second=12):
            asked = site.ask_all(8, 15550320)
            site.wait_for_first_bubbles(asked)
            stack.enter_context(site.second_worker())
        with site.hosts.unplugged("worker", "data"):
            turns = [site.house.answered(wamid) for wamid in asked.values()]
            assert {turn["ending"] for turn in turns} == {"answered"}
            assert {turn["runs"] for turn in turns} == {"2"}
        site.house.until(lambda: site.first_worker_beats() or None, "heartbeat")
        site.everybody_read_the_answer_once(asked)
        site.everybody_read_the_answer_once(site.ask_all(4, 15550330))
