"""Where an answer would be cut, and why: for people who judge the cuts or report a bad one."""

from typing import NamedTuple

from app.core.chunker import Chunker
from app.core.graphemes import size


class Explained(NamedTuple):
    """One bubble of an answer that came character by character.

    Attributes:
        bubble: Its text.
        why: What it ended with, in words.
        size: Its characters, wide ones counted double, as the band counts them.
        looked_ahead: How many characters had come after its end when it was known to end there.
    """

    bubble: str
    why: str
    size: int
    looked_ahead: int


def explain(
    text: str, *, min_chars: int = 100, max_chars: int = 200, hard_chars: int = 4000
) -> list[Explained]:
    """The bubbles of a whole answer, each with the reason of its cut."""
    chunker = Chunker(min_chars, max_chars, hard_chars)
    explained: list[Explained] = []
    place = 0
    for came, char in enumerate((*text, ""), start=1):
        for cut in chunker.cuts(char) if char else chunker.last_cuts():
            end = _end_of(text, cut.bubble, place)
            ahead = max(0, min(came, len(text)) - end)
            explained.append(Explained(cut.bubble, str(cut.why), size(cut.bubble), ahead))
            place = end
    return explained


def as_text(explained: list[Explained]) -> str:
    """For a terminal: each bubble, then a line with its size and why it ends there."""
    return "\n".join(
        f"{one.bubble}\n── bubble {number}: {_measured(one)}; {one.why}\n"
        for number, one in enumerate(explained, 1)
    )


def _measured(one: Explained) -> str:
    characters = f"{len(one.bubble)} characters"
    if one.size != len(one.bubble):  # a short-looking bubble may be long enough
        characters += f", counted as {one.size}"
    return characters + (f", known {one.looked_ahead} later" if one.looked_ahead else "")


def _end_of(text: str, bubble: str, start: int) -> int:
    """Where a bubble ends in its text, the lines of a code block opened again left aside."""
    found = text.find(bubble, start)
    if found >= 0:
        return found + len(bubble)
    last = bubble.split("\n")[-2:-1]
    found = text.find(last[0], start) if last else -1
    return found + len(last[0]) if found >= 0 else start
