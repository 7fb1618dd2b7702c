"""The judge sees each kind of harm; one that sees nothing would prove nothing."""

from typing import Any

import pytest

from tests.chaos.judge import judge
from tests.chaos.world import REDIS_IS_BACK, Event, Kill, Plan, Run

PLAN = Plan(seed=1, order_wait=2.0)
TURN, NEXT_TURN = "a" * 32, "b" * 32


def part(token: str, number: int) -> str:
    return f"As to {token}, part {number}, the parcel leaves the house when the lamp is packed."


def bubble(
    at: float,
    text: str,
    callback: str,
    *,
    landed: float | None = 0.3,
    told: float | None = 0.4,
    seconds: float = 0.01,
) -> list[Event]:
    """One send, and how long after it the bubble landed and the business was told."""
    wamid = f"wamid.{callback}.{at}"
    send = {"kind": "send", "person": "p", "wamid": wamid, "callback": callback, "text": text}
    events: list[dict[str, Any]] = [{**send, "at": at, "received_at": at, "seconds": seconds}]
    if landed is not None:
        land = {"kind": "bubble", "person": "p", "wamid": wamid, "text": text}
        events.append({**land, "at": at + landed})
    if told is not None:
        status = {"wamid": wamid, "status": "delivered"}
        events.append({"kind": "webhook", "at": at + told, "status": 200, "statuses": [status]})
    return events


FIRST = bubble(1.0, part("c0m0", 1), f"{TURN}:0:1")
SECOND = bubble(2.0, part("c0m0", 2), f"{TURN}:1:1")
LATER = bubble(5.0, part("c0m1", 1) + " " + part("c0m1", 2), f"{NEXT_TURN}:0:1")


def verdict_on(
    events: list[Event], asked: tuple[str, ...] = ("c0m0",), **run: Any
) -> dict[str, Any]:
    record = [{"seq": seq, **event} for seq, event in enumerate(events, 1)]
    return judge(Run(PLAN, record, dict.fromkeys(asked, "p"), **run)).broken(PLAN)


def test_a_good_run_breaks_nothing() -> None:
    assert verdict_on([*FIRST, *SECOND, *LATER], ("c0m0", "c0m1")) == {}


@pytest.mark.parametrize(
    ("events", "seen"),
    [
        pytest.param([], {"lost", "unanswered"}, id="no answer"),
        pytest.param([*FIRST], {"cut_short", "unanswered"}, id="half an answer"),
        pytest.param(
            [*FIRST, *SECOND, *bubble(3.0, part("c0m0", 2), f"{TURN}:2:1")],
            {"doubled"},
            id="a sentence said twice",
        ),
        pytest.param(
            [*FIRST, *SECOND, *bubble(9.0, part("c0m0", 2), f"{TURN}:1:2")],
            {"doubled", "doubled_sends"},
            id="a bubble sent twice",
        ),
        pytest.param(
            [*FIRST, *bubble(1.1, part("c0m0", 2), f"{TURN}:1:1")],
            {"early"},
            id="a bubble that did not wait",
        ),
        pytest.param(
            [
                *bubble(1.0, part("c0m0", 1), f"{TURN}:0:1", landed=2.0),
                *bubble(1.1, part("c0m0", 2), f"{TURN}:1:1"),
            ],
            {"early", "landed_out_of_order"},
            id="a bubble that overtook",
        ),
        pytest.param(
            [*FIRST, *bubble(1.5, "Thank you.", f"{NEXT_TURN}:0:1"), *SECOND],
            {"interleaved"},
            id="another reply in between",
        ),
    ],
)
def test_each_harm_is_seen(events: list[Event], seen: set[str]) -> None:
    assert verdict_on(events).keys() == seen


def test_after_the_wait_the_next_bubble_may_leave_undelivered() -> None:
    silent = bubble(1.0, part("c0m0", 1), f"{TURN}:0:1", landed=9.0, told=None)
    assert verdict_on([*silent, *bubble(3.1, part("c0m0", 2), f"{TURN}:1:1")]) == {}


def test_a_wait_that_ran_out_counts_though_that_send_was_not_taken() -> None:
    silent = bubble(1.0, part("c0m0", 1), f"{TURN}:0:1", told=9.0)
    cut = bubble(3.1, part("c0m0", 2), f"{TURN}:1:1", landed=None, told=None)
    cut[0]["wamid"] = None
    again = bubble(9.0, part("c0m0", 2), f"{TURN}:1:2")
    assert verdict_on([*silent, *cut, *again, *bubble(9.1, "Bye.", f"{TURN}:2:1")]) == {}


@pytest.mark.parametrize(("after", "broken"), [(9.0, False), (20.0, True)], ids=["soon", "late"])
def test_a_turn_that_died_must_be_taken_up_soon(after: float, broken: bool) -> None:
    message = {"kind": "message", "person": "p", "at": 0.5, "text": "What about c0m0?"}
    rest = bubble(1.5 + after, part("c0m0", 2), f"{TURN}:1:1")
    kills = [Kill(1.5, "worker0", frozenset({"p"}))]
    assert bool(verdict_on([message, *FIRST, *rest], kills=kills)) == broken


def test_the_clock_starts_anew_when_who_had_taken_the_turn_dies_too() -> None:
    message = {"kind": "message", "person": "p", "at": 0.5, "text": "What about c0m0?"}
    rest = bubble(20.0, part("c0m0", 2), f"{TURN}:1:1")
    first = Kill(1.5, "worker0", frozenset({"p"}))
    then = Kill(9.0, "worker1", taken=frozenset({"p"}))
    assert verdict_on([message, *FIRST, *rest], kills=[first, then]) == {}
    assert verdict_on([message, *FIRST, *rest], kills=[first]) != {}


def test_the_clock_starts_anew_when_redis_is_back() -> None:
    message = {"kind": "message", "person": "p", "at": 0.5, "text": "What about c0m0?"}
    rest = bubble(20.0, part("c0m0", 2), f"{TURN}:1:1")
    kills = [Kill(1.5, "worker0", frozenset({"p"})), Kill(9.0, REDIS_IS_BACK)]
    assert verdict_on([message, *FIRST, *rest], kills=kills) == {}


def test_a_turn_that_had_said_all_need_not_be_taken_up() -> None:
    message = {"kind": "message", "person": "p", "at": 0.5, "text": "What about c0m0?"}
    kills = [Kill(3.0, "worker0", frozenset({"p"}))]
    much_later = bubble(99.0, "You are welcome.", f"{NEXT_TURN}:0:1")
    assert verdict_on([message, *FIRST, *SECOND, *much_later], kills=kills) == {}
