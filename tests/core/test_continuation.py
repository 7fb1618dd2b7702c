import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.continuation import Continuation

FIRST = "You can send it back within thirty days. "
SECOND = "The label is on our page. "
REST = "Your money is back within a week."


def through(said: list[str], answer: str, size: int = 1) -> str:
    rest = Continuation(said)
    new = "".join(rest.feed(answer[i : i + size]) for i in range(0, len(answer), size))
    return new + rest.close()


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("answer", "new"),
    [
        pytest.param(REST, REST, id="goes on as asked"),
        pytest.param(FIRST + SECOND + REST, REST, id="starts over"),
        pytest.param(SECOND + REST, REST, id="repeats the last bubble"),
        pytest.param(FIRST + "\n\n" + SECOND + "\n" + REST, REST, id="starts over in other lines"),
        pytest.param(
            FIRST + "It is free. " + REST, "It is free. " + REST, id="starts over, differs"
        ),
        pytest.param(FIRST + SECOND, "", id="only repeats"),
        pytest.param(
            "You can send it back to the shop, too.",
            "You can send it back to the shop, too.",
            id="a new sentence begins like one that was said",
        ),
        pytest.param(FIRST + SECOND + FIRST[:20], FIRST[:20], id="starts over twice"),
        pytest.param(FIRST[:20], "", id="breaks off in a repetition"),
        pytest.param("You are welcome.", "You are welcome.", id="begins with a word that was said"),
        pytest.param("You", "You", id="too short to be a repetition"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_was_said_is_not_said_again(answer: str, new: str, size: int) -> None:
    assert through([FIRST, SECOND], answer, size) == new


def test_without_a_beginning_everything_is_new() -> None:
    assert through([], FIRST) == FIRST


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=60), st.integers(1, 9))
def test_the_split_into_deltas_does_not_matter(said: list[str], answer: str, size: int) -> None:
    assert through(said, answer, size) == through(said, answer, 1000)


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=60))
def test_what_comes_through_is_an_end_of_the_answer(said: list[str], answer: str) -> None:
    assert answer.endswith(through(said, answer))
