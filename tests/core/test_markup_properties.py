"""What holds for every text: no word is lost, no mark of ours is shown, no input breaks it."""

import re
from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.core.graphemes import units
from app.core.markup import split_to_fit, to_whatsapp

EXAMPLES = settings(max_examples=400, deadline=None)

# Words that no rule may take away: letters of several scripts, each told apart by its number.
STEMS = ("wort", "mot", "слово", "शब्द", "كلمة", "言葉", "단어", "คำ", "x", "É")
MARKUP = (
    "*", "**", "***", "_", "__", "~~", "`", "``", "[", "]", "(", ")", "](", "![", "|", ">", "> ",
    "- ", "* ", "1. ", "# ", "\n", "\n\n", " ", "  ", "\n  ", ":", ".", ", ", "\\", "$", "$$",
    "&", "---\n", "|---|\n", "<b>", "</b>", "<b ", "<i>", "<br>", "<", "\\(", "\\)", "😀",
    "\u200d", "\u0301",
)  # fmt: skip


@st.composite
def soups(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Markup in any order with words in it, and the words in the order of the text."""
    bits = draw(st.lists(st.one_of(st.sampled_from(MARKUP), st.integers(0, 9)), max_size=40))
    words = [f"{STEMS[bit]}{place}q" for place, bit in enumerate(bits) if isinstance(bit, int)]
    left = iter(words)
    text = "".join(bit if isinstance(bit, str) else next(left) for bit in bits)
    assume(not re.search(r"(?:`{3}|~{3})[ \t]*\w", text))  # the tag of a fence is not for people
    return text, words


TAKEN = "\x01"  # stands for a mark that the phone has taken, so that words stay apart


def seen_on_a_phone(text: str) -> str:
    """The text without the marks that a phone takes away. A slow, separate reading of the rules."""
    shown: list[str] = []
    for place, block in enumerate(re.split(r"```\n(.*?)\n```", text, flags=re.DOTALL)):
        shown.append(block if place % 2 else "\n".join(map(_seen, block.split("\n"))))
    return "".join(shown).replace(TAKEN, "")


def _seen(line: str) -> str:
    for pattern in (r"```(.+?)```", r"`([^`]+)`"):
        if match := re.search(pattern, line):
            return _seen(line[: match.start()]) + match[1] + _seen(line[match.end() :])
    for mark in "*_~":
        sign = re.escape(mark)
        pair = rf"(?<![^\W_])(?<!{sign}){sign}(?=[^\s{sign}])(.*?\S){sign}(?!{sign})(?![^\W_])"
        if match := re.search(pair, line):
            within = f"{TAKEN}{match[1]}{TAKEN}"
            return _seen(line[: match.start()] + within + line[match.end() :])
    return line


@EXAMPLES
@given(soups())
def test_no_visible_word_is_lost_and_their_order_stays(soup: tuple[str, list[str]]) -> None:
    text, words = soup
    converted = to_whatsapp(text)
    place = 0
    for word in words:
        found = converted.find(word, place)
        assert found >= 0, (word, converted)
        place = found


STYLES = ("b", "i", "s", "strong", "em", "del")
PLAIN = st.text("abc é字का 12.,:;!?()«»\n😀-", max_size=12)


def tagged(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(STYLES), inner, PLAIN).map(
        lambda parts: f"<{parts[0]}>{parts[1]}</{parts[0]}>{parts[2]}"
    )


@EXAMPLES
@given(st.lists(st.recursive(PLAIN, tagged, max_leaves=6), max_size=6).map("".join))
def test_every_mark_that_we_put_down_is_taken_by_the_phone(text: str) -> None:
    assert not set(seen_on_a_phone(to_whatsapp(text))) & set("*_~")


WORDS = st.text("abcdéßя字", min_size=1, max_size=6)
SPACED = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


def styled(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    marks = st.sampled_from(["**", "*", "_", "__", "~~", "***"])
    return st.tuples(marks, inner).map(lambda parts: f"{parts[0]}{parts[1]}{parts[0]}")


@EXAMPLES
@given(st.lists(st.one_of(SPACED, styled(SPACED)), min_size=1, max_size=6))
def test_styled_words_read_as_the_words(phrases: list[str]) -> None:
    seen = seen_on_a_phone(to_whatsapp(" ".join(phrases)))
    assert seen == re.sub(r"[*_~]", "", " ".join(phrases))


@EXAMPLES
@given(st.text("abcé字 .,:;!?'\"()%€/@–…\n\t12#-+😀\u200c\u200f", max_size=80))
def test_plain_text_comes_back_as_it_is(text: str) -> None:
    # Apart from what starts a line: there, signs are markup.
    plain = "\n".join("a" + line.lstrip("=") for line in text.split("\n"))
    assert to_whatsapp(plain) == plain


@EXAMPLES
@given(st.one_of(st.text(), st.text("*_~`[]()!#>|-+.\\$&<> \n\r\x00\ud800\u202e\u200babc1")))
def test_no_text_is_too_odd(text: str) -> None:
    converted = to_whatsapp(text)
    converted.encode()
    assert "\x00" not in converted
    assert "\r" not in converted


@EXAMPLES
@given(soups(), st.integers(64, 120))
def test_parts_fit_and_hold_every_word(soup: tuple[str, list[str]], limit: int) -> None:
    text, words = soup
    parts = split_to_fit(to_whatsapp(text * 3), limit)
    assert all(part.strip() and units(part) <= limit for part in parts)
    # A word may be cut where no blank is near, and then marks stand in it too.
    joined = re.sub(r"[*_~`\s]", "", "".join(parts))
    assert all(joined.count(word) >= 3 for word in words)


UNITS = (
    "*", "**a ", "*a ", "a* ", "**_", "_", "_a ", "`", "`a ", "[", "[](", "![a](b) ", "(", "](",
    "|", "|a|b|\n", "|a|\n|-|\n", ">", "> *a*\n", "- ", "* a\n", "1. a\n", "# \n", "a\n===\n",
    "$a", "$$\n", "\\(", "\\[\n", "\\frac{", "<", "<b>", "<!--", "<a ", "<br>", "<span>", "&amp;",
    "```\n", "http://a ", " ", "\n", "\u0301", "*a _b ~~c ", " *a*", "*x **y** ",
)  # fmt: skip


def _seconds(work: Callable[[str], object], text: str) -> float:
    start = process_time()
    work(text)
    return process_time() - start


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_time_grows_with_the_text_and_no_faster(unit: str) -> None:
    # What would close the first of them comes last: looked for again and again, it costs most.
    small, large = (unit * (size // len(unit)) + "b*</span>\\)" for size in (5_000, 80_000))
    for work in (to_whatsapp, split_to_fit):
        # Sixteen times the text takes about sixteen times as long; quadratic would be 256.
        few = min(_seconds(work, small) for _ in range(2))
        assert _seconds(work, large) < 64 * few + 0.3


@pytest.mark.parametrize("unit", ["*", "[", "_", "`", "|", ">"])
def test_a_million_marks_are_read(unit: str) -> None:
    assert to_whatsapp(unit * 1_000_000).count(unit) in (0, 1_000_000)
