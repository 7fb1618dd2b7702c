"""The mark by which the model calls for a human: seen by us, never by the person."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.chunker import Chunker
from app.core.hand_over import HOW_TO, MARK, until_mark

WRITTEN = {
    "alone": (MARK, ""),
    "after an answer": (f"I cannot cancel it.\n\n{MARK}", "I cannot cancel it."),
    "in small letters": ("One moment. [[human]]", "One moment."),
    "with spaces": ("[[ Human ]]", ""),
    "bold": (f"**{MARK}**", ""),
    "as code": (f"One moment.\n`{MARK}`", "One moment."),
    "with more behind it": (f"{MARK} I have called a colleague.", ""),
}
UNMARKED = {
    "a link": "See [[1]](https://example.com/human).",
    "the word": "I am no human.",
    "one bracket": "[human]",
    "a wiki link": "[[human rights]]",
}


@pytest.mark.parametrize(("cut", "shown"), WRITTEN.values(), ids=WRITTEN)
def test_the_person_sees_what_stands_before_the_mark(cut: str, shown: str) -> None:
    assert until_mark([cut]) == ([shown], True)


@pytest.mark.parametrize("cut", UNMARKED.values(), ids=UNMARKED)
def test_what_is_no_mark_is_shown(cut: str) -> None:
    assert until_mark([cut]) == ([cut], False)


@settings(max_examples=150)
@given(
    st.text("ab .\n*-#|", max_size=300),
    st.sampled_from([MARK, "[[human]]", f"**{MARK}**", f"\n\n{MARK}"]),
    st.integers(1, 200),
    st.integers(1, 9),
)
def test_no_cut_goes_through_the_mark(before: str, mark: str, band: int, step: int) -> None:
    chunker = Chunker(min_chars=band, max_chars=band + 20, hard_chars=4000)
    answer = before + " " + mark
    cuts = [
        cut
        for start in range(0, len(answer), step)
        for cut in chunker.feed(answer[start : start + step])
    ]
    cuts += chunker.close()
    shown, calls = until_mark(cuts)
    assert calls
    assert len(shown) == len(cuts)
    assert not any("[[" in cut for cut in shown)


def test_the_model_is_told_of_the_mark() -> None:
    assert MARK in HOW_TO
