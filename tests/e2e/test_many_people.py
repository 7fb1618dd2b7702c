"""Many people write at the same moment, and one worker answers them all."""

from dataclasses import dataclass

import pytest

from app.core.markup import to_whatsapp
from tests.e2e.house import House

PEOPLE = 60
TOKENS_PER_SECOND = 40
PATIENCE_SECONDS = 10.0  # two noisy cores; tests.benchmarks.bench_people has the real figure


@dataclass
class Crowd:
    """Everybody's turn, by person, and what the worker logged meanwhile."""

    turns: dict[str, dict[str, str]]
    log: str


@pytest.fixture(scope="module")
def crowd(house: House) -> Crowd:
    """All of them asked at once, and all are answered."""
    log = house.processes["worker"].log
    before = len(log.read_text())
    people = [house.person(name=f"Guest {n}", phone=f"155508{n:02}") for n in range(PEOPLE)]
    with house.model_that(tokens_per_second=TOKENS_PER_SECOND):
        wamids = {person: house.say(person, "How do I return an order?") for person in people}
        turns = {person: house.answered(wamid) for person, wamid in wamids.items()}
    return Crowd(turns, log.read_text()[before:])


def test_all_are_answered_and_no_turn_runs_twice(house: House, crowd: Crowd) -> None:
    assert [turn["ending"] for turn in crowd.turns.values()] == ["answered"] * PEOPLE
    assert [turn["runs"] for turn in crowd.turns.values()] == ["1"] * PEOPLE
    for person, turn in crowd.turns.items():
        texts = [to_whatsapp(source) for source in house.sources(turn)]
        landed = [one for one in house.events(person, "send") if one["status"] == 200]
        assert [one["text"] for one in landed] == texts
        bubbles = [one["callback"].rpartition(":")[0] for one in landed]
        assert bubbles == [f"{turn['turn_id']}:{number}" for number in range(len(texts))]


def test_the_last_bubble_leaves_soon_after_the_model_has_ended(crowd: Crowd) -> None:
    for turn in crowd.turns.values():
        last = max(float(at) for name, at in turn.items() if name.startswith("sending_at:"))
        assert last - float(turn["model_ended_at"]) < PATIENCE_SECONDS


def test_the_worker_never_looked_dead(house: House, crowd: Crowd) -> None:
    for trouble in ("heartbeat failed", "stranded", "turn.lost", "turn.parked"):
        assert trouble not in crowd.log
    assert int(house.redis.scard("rq:workers")) == 1
