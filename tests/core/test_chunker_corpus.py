"""Answers in sixty languages, each named for its trap, with the ends that a careful reader accepts.

``chunking_corpus/<language>.txt``: a line ``@ trap``, then an answer in which ``‖`` stands where a
bubble may end and ``¦`` where an end is bearable. Anywhere else a cut is wrong.
"""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

from app.core.chunker import Chunker

_CORPUS = Path(__file__).with_name("chunking_corpus")


class Answer(NamedTuple):
    """One answer without its marks, and where they stood."""

    text: str
    good: frozenset[int]
    bearable: frozenset[int]


def _answers() -> Iterator[tuple[str, Answer]]:
    for path in sorted(_CORPUS.glob("*.txt")):
        for part in ("\n" + path.read_text(encoding="utf-8")).split("\n@ ")[1:]:
            trap, _, marked = part.partition("\n")
            yield f"{path.stem}: {trap}", _unmark(marked.strip("\n"))


def _unmark(marked: str) -> Answer:
    text, good, bearable = "", set(), set()
    for char in marked:
        if char == "‖":
            good.add(len(text))
        elif char == "¦":
            bearable.add(len(text))
        else:
            text += char
    return Answer(text, frozenset(good), frozenset(bearable))


ANSWERS = dict(_answers())


def ends(answer: Answer, band: tuple[int, int], step: int = 3) -> set[int]:
    """Where the bubbles of an answer end, but for the last one."""
    chunker = Chunker(*band)
    bubbles: list[str] = []
    for at in range(0, len(answer.text), step):
        bubbles += chunker.feed(answer.text[at : at + step])
    found, at = set(), 0
    for bubble in (bubbles + chunker.close())[:-1]:
        at = answer.text.index(bubble, at) + len(bubble)
        found.add(at)
    return found


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_every_cut_is_one_that_a_reader_accepts(answer: Answer) -> None:
    for band in ((1, 10_000), (1, 1), (30, 60), (100, 200)):
        assert ends(answer, band) <= answer.good | answer.bearable


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_the_size_of_the_deltas_moves_no_cut(answer: Answer) -> None:
    assert ends(answer, (30, 60), 1) == ends(answer, (30, 60), 2) == ends(answer, (30, 60), 50)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_what_is_skipped_delays_no_bubble(answer: Answer) -> None:
    skipping, reading = Chunker(), Chunker()
    for delta in map("".join, zip_longest(*3 * [iter(answer.text)], fillvalue="")):
        assert skipping.feed(delta) == [cut.bubble for cut in reading.cuts(delta)]


def test_few_ends_are_missed() -> None:
    wanted = found = 0
    for answer in ANSWERS.values():
        inner = {end for end in answer.good if end < len(answer.text)}
        wanted += len(inner)
        found += len(inner & ends(answer, (1, 10_000)))
    assert found >= 0.95 * wanted


def test_the_corpus_is_large() -> None:
    assert len(ANSWERS) >= 150
    assert len(list(_CORPUS.glob("*.txt"))) >= 20
