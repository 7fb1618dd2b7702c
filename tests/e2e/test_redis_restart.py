"""Redis stops in the middle of turns and comes back with what it had written to its file."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.core.markup import to_whatsapp
from app.simulator.answers import answer_to
from tests.adapters.servers import Server, server_in
from tests.e2e.house import House, open_house

ANSWER = answer_to("How do I return an order?")
OUTAGE_SECONDS = 1.5
PEOPLE, LATE_PEOPLE = 6, 2


@dataclass
class Site:
    """A house, and the Redis that it alone uses."""

    house: House
    server: Server

    def ask(self, count: int, first_phone: int) -> dict[str, str]:
        """So many new people write; each one's message, by person."""
        house = self.house
        people = [house.person(name=f"Iris {n}", phone=str(first_phone + n)) for n in range(count)]
        return {person: house.say(person, "Good morning!") for person in people}

    def wait_for_first_bubbles(self, asked: dict[str, str]) -> None:
        def begun() -> bool:
            return {*asked} <= {event["person"] for event in self.house.events(None, "send")}

        self.house.until(lambda: begun() or None, "first bubbles")

    def wait_for_refusals(self, asked: dict[str, str]) -> None:
        def refused() -> bool:
            tried = [one for one in self.house.events(None, "webhook") if one["status"] == 503]
            return {*asked.values()} <= {wamid for one in tried for wamid in one["wamids"]}

        self.house.until(lambda: refused() or None, "refusals")

    def everybody_read_the_answer_once(self, asked: dict[str, str]) -> None:
        house = self.house
        turns = {person: house.answered(wamid) for person, wamid in asked.items()}
        names = ("queue:turns", "queue:turns:intermediate", "wip:turns", "scheduled:turns")
        keys = [f"rq:{name}" for name in names]
        house.until(lambda: not house.redis.exists(*keys) or None, "quiet")
        for person, turn in turns.items():
            sources = house.sources(turn)
            assert turn["ending"] == "answered"
            assert squashed("".join(sources)) == squashed(ANSWER)
            landed = [one for one in house.events(person, "send") if one["status"] == 200]
            assert [one["text"] for one in landed] == [to_whatsapp(source) for source in sources]


def squashed(text: str) -> str:
    return "".join(text.split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    quick = {"sent_delay": 0.01, "delivered_delay": 0.02, "redelivery_first": 0.2}
    pace = {"tokens_per_second": 100, "answer": json.dumps(ANSWER)}
    meta = [word for name, value in quick.items() for word in ("--set", f"{name}={value}")]
    model = [word for name, value in pace.items() for word in ("--set", f"{name}={value}")]
    with (
        TemporaryDirectory(prefix="rv-") as folder,
        server_in(Path(folder)) as server,
        open_house(server.url, tmp_path_factory.mktemp("restart"), meta=meta, model=model) as house,
    ):
        yield Site(house, server)


@pytest.mark.parametrize(
    ("end", "first_phone"),
    [
        pytest.param(Server.stop, 15550410, id="stopped"),
        pytest.param(Server.kill, 15550430, id="killed"),
    ],
)
def test_everybody_is_answered_once_through_a_restart_of_redis(
    site: Site, end: Callable[[Server], None], first_phone: int
) -> None:
    asked = site.ask(PEOPLE, first_phone)
    site.wait_for_first_bubbles(asked)
    end(site.server)
    asked |= site.ask(LATE_PEOPLE, first_phone + PEOPLE)
    site.wait_for_refusals({person: asked[person] for person in [*asked][PEOPLE:]})
    time.sleep(OUTAGE_SECONDS)  # the outage itself
    site.server.start()
    site.everybody_read_the_answer_once(asked)
