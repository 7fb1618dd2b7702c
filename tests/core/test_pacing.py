"""How large bubbles may grow, for every burst that is left."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.pacing import LOW_ROOM, Band, band_of

HARD = 4000
sizes = st.integers(1, HARD)
numbers = st.integers(0, 50)


def band(number: int, room: int = LOW_ROOM, low: int = 100, high: int = 200) -> Band:
    return band_of(
        number, style="stream", min_chars=low, max_chars=high, hard_chars=HARD, room=room
    )


@given(numbers, st.integers(-1000, 1000), sizes, sizes)
def test_no_band_is_past_the_hard_limit_or_upside_down(
    number: int, room: int, one: int, other: int
) -> None:
    low, high = band(number, room, min(one, other), max(one, other))
    assert 1 <= low <= high <= HARD


@given(numbers, st.integers(-20, 20))
def test_less_room_never_makes_smaller_bubbles(number: int, room: int) -> None:
    assert band(number, room - 1) >= band(number, room)


@given(numbers, st.integers(LOW_ROOM, 1000))
def test_with_room_enough_bubbles_keep_their_band(number: int, room: int) -> None:
    assert band(number, room) == (100, 200)


@given(numbers)
def test_one_missing_bubble_doubles_the_band(number: int) -> None:
    assert band(number, LOW_ROOM - 1) == (200, 400)
