"""A turn's record, read for an operator."""

from collections.abc import Mapping

import pytest

from app.core.timeline import Failure, timeline

BUBBLE = {"state:0": "sent", "text:0": "Yes.", "attempt:0": "2"}


def test_an_empty_record_is_a_turn_of_which_nothing_is_known() -> None:
    way = timeline("t", {})
    assert (way.turn_id, way.conversation, way.messages) == ("t", "", 0)
    assert (way.said_at, way.started_at, way.ended_at, way.ending) == (None, None, None, None)
    assert way.bubbles == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("12.5", 12.5, id="seconds"),
        pytest.param("2026-11-20T12:00:00.250000Z", 1795176000.25, id="as RQ writes it"),
        pytest.param("0.0", None, id="not yet"),
        pytest.param("", None, id="empty"),
        pytest.param("yesterday", None, id="not a number"),
        pytest.param("Tuesday", None, id="not a time"),
        pytest.param("nan", None, id="nan"),
        pytest.param("inf", None, id="inf"),
        pytest.param("-1", None, id="before all times"),
    ],
)
def test_a_time_is_unix_seconds_or_nothing(text: str, seconds: float | None) -> None:
    assert timeline("t", {"queued_at": text}).queued_at == seconds


@pytest.mark.parametrize(
    ("more", "state"),
    [
        pytest.param({}, "sent", id="as we know it"),
        pytest.param({"delivery:0": "3"}, "delivered", id="as Meta says"),
        pytest.param({"state:0": "uncertain", "delivery:0": "1"}, "sent", id="a lost answer"),
        pytest.param({"delivery:0": "2"}, "failed", id="failed"),
        pytest.param({"state:0": "planned"}, "planned", id="not begun"),
    ],
)
def test_a_bubble_is_as_far_as_its_statuses_say(more: Mapping[str, str], state: str) -> None:
    (bubble,) = timeline("t", {**BUBBLE, **more}).bubbles
    assert bubble.state == state


def test_bubbles_keep_their_own_fields_apart() -> None:
    fields: dict[str, str] = {}
    for number in range(12):
        fields |= {f"state:{number}": "planned", f"text:{number}": "x" * number}
    assert [line.chars for line in timeline("t", fields).bubbles] == list(range(12))


def test_a_trail_that_was_cut_off_in_front_is_read_from_its_first_whole_entry() -> None:
    trail = "31000:12.5 2:uncertain::13.5 3:unsent:cancelled:14"
    (bubble,) = timeline("t", {**BUBBLE, "trail:0": trail}).bubbles
    assert bubble.failures == (
        Failure(2, "uncertain", "", 13.5),
        Failure(3, "unsent", "cancelled", 14.0),
    )
