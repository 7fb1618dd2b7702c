"""Texts that are too long for one bubble."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.graphemes import is_break, units
from app.core.markup_size import split_to_fit

WORDS = " ".join(["lorem"] * 30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 2),
        ("字", 1),
        ("😀", 2),
        ("👨‍👩‍👧", 8),
        ("\ud83d", 1),
    ],
    ids=["nothing", "letters", "accent", "two code points", "Chinese", "emoji", "family", "half"],
)
def test_length_is_told_in_utf16_units(text: str, expected: int) -> None:
    assert units(text) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\n"], ids=repr)
def test_a_blank_text_has_no_parts(text: str) -> None:
    assert split_to_fit(text) == []


def test_a_text_that_fits_is_its_only_part() -> None:
    assert split_to_fit("a" * 4000) == ["a" * 4000]
    assert split_to_fit(" a\n", 64) == [" a\n"]


def test_a_paragraph_is_cut_between_paragraphs_before_lines() -> None:
    first, second = "one\n" * 16, "two\n" * 8
    assert split_to_fit(first + "\n" + second, 90) == [first.strip(), second.strip()]


def test_a_line_is_cut_between_sentences_before_words() -> None:
    first = "x " * 20 + "end."
    assert split_to_fit(f"{first} {'y ' * 30}", 80)[0] == first


def test_words_are_whole() -> None:
    parts = split_to_fit(WORDS, 64)
    assert " ".join(parts) == WORDS
    assert len(parts) == 4


def test_a_block_of_code_is_closed_and_opened_again() -> None:
    code = "\n".join(f"    line({number})" for number in range(12))
    parts = split_to_fit(f"```\n{code}\n```", 100)
    assert len(parts) == 2
    assert all(part.startswith("```\n    line(") and part.endswith(")\n```") for part in parts)
    assert "\n".join(part[4:-4] for part in parts) == code


def test_bold_words_move_whole_to_the_next_part() -> None:
    text = "word " * 10 + "*bold words that start before the cut*"
    assert split_to_fit(text, 80) == [text[:49], text[50:]]


def test_a_long_bold_line_is_bold_in_each_part() -> None:
    parts = split_to_fit(f"*_{WORDS}_*", 80)
    assert len(parts) > 1
    assert all(part.startswith("*_lorem") and part.endswith("lorem_*") for part in parts)


def test_an_address_is_cut_nowhere() -> None:
    address = "https://a.example/" + "x" * 40
    assert address in split_to_fit("word " * 10 + address, 80)


CLUSTERS = {
    "accent": "e\u0301",
    "family": "👨\u200d👩\u200d👧",
    "skin tone": "👍🏽",
    "flag": "🇧🇷",
    "keycap": "1\ufe0f\u20e3",
    "Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "Hindi conjunct": "क्षि",
    "Hangul in parts": "\u1112\u1161\u11ab",
    "Thai": "กำ",
    "line end": "\r\n",
}


@pytest.mark.parametrize("cluster", CLUSTERS.values(), ids=CLUSTERS.keys())
def test_a_cluster_is_never_cut(cluster: str) -> None:
    assert not any(is_break(cluster, at) for at in range(1, len(cluster)))
    assert is_break(cluster * 2, len(cluster))
    if cluster.strip():
        parts = split_to_fit("z" + cluster * 200, 64)
        assert "".join(parts) == "z" + cluster * 200
        assert all(part.strip("z").replace(cluster, "") == "" for part in parts)


def test_a_cluster_without_end_is_cut_at_the_limit() -> None:
    text = "a" + "\u0301" * 10_000
    parts = split_to_fit(text)
    assert "".join(parts) == text
    assert max(map(units, parts)) <= 4000


@settings(max_examples=300, deadline=None)
@given(st.text("ab .\n*_~`字😀\u0301\u200d👍🏽🇧🇷"), st.integers(64, 90))
def test_every_part_fits_whatever_the_text(text: str, limit: int) -> None:
    parts = split_to_fit(text * 4, limit)
    assert all(0 < units(part) <= limit for part in parts)
    marks = str.maketrans("", "", "*_~` \n")
    assert "".join(parts).translate(marks) == (text * 4).translate(marks)
