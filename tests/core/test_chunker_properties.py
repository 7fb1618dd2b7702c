"""What holds for every text: nothing is lost, deltas do not matter, limits are kept."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.chunker import Chunker
from app.core.graphemes import units

_PIECES = [
    *"abzABZ019 éßŞıÀ.,;:!?…()[]{}<>\"'“”„«»‘’*_`~#|-+$\\/=&\t\n\r",
    *"абвАБВґαβΑΩ;אבـعربیदिন্தமிழ்ไทยครับລາວខ្មែរမြန်မာአማርኛհայքართ",
    *"中文日本語한국어。！？、，「」『』（）～…।॥۔؟։።",
    *"😀👍🏽👨👩👧🇧🇷1️⃣❤️\u200d\u200b\ufe0f\u0301\u0323\u200e\u202e\x00\ud800\udc00\u00a0\u2028",
    " ", " ", " ", "\n", "\n\n", "\r\n", "  ", "\n- ", "\n  - ", "\n1. ", "\n## ", "\n> ",
    "\n| a | b |", "\n```py\n", "\n```\n", "**", "__", "~~", "$$", "\\(", "\\)", "![", "](",
    "http://a.b/c?d=e.f", "a@b.co", "Dr. ", "etc. ", "z. B. ", "p.m. ", "3.50", "am 3. ", "Nr. ",
    "J. R. ", "e.g. ", "U.S. ", "т. е. ", "Hello there. ", "Is it so? ", "ครับ ", "你好。",
    "ですか？", "This is a sentence of some length, and it goes on. ", "करते हैं। ",
    "\n---\n", "\n\n\n", "word ", "Word ", "long" * 20, "と", "って", "とても", "라고",
    "[1]", "[^2]", "'s ", "'tis ", "նա: ", "፡፡ ", "και; ", "①", "（一）", "J. ",
    "iPhone ", "Step 2. ", "Mr.", "2. ", "etc. Monday ",
]  # fmt: skip
texts = st.lists(st.sampled_from(_PIECES) | st.characters(), max_size=120).map("".join)
splits = st.lists(st.integers(min_value=0, max_value=60), min_size=1, max_size=8)
bands = st.sampled_from([(1, 1), (5, 10), (20, 40), (100, 200)])
hards = st.sampled_from([8, 12, 40, 300, 4000])


def cut(text: str, sizes: list[int], band: tuple[int, int], hard: int) -> list[str]:
    """The bubbles of a text that comes in deltas of these sizes, over and over."""
    chunker = Chunker(*band, hard)
    bubbles, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)] if any(sizes) else 1
        bubbles += chunker.feed(text[at : at + size])
        at, turn = at + size, turn + 1
    return bubbles + chunker.close()


def squash(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=250, deadline=None)
@given(texts, splits, splits, bands, hards)
def test_the_split_into_deltas_does_not_matter(
    text: str, one: list[int], two: list[int], band: tuple[int, int], hard: int
) -> None:
    bubbles = cut(text, [1], band, hard)
    assert cut(text, one, band, hard) == bubbles
    assert cut(text, two, band, hard) == bubbles
    assert cut(text, [len(text)], band, hard) == bubbles


@settings(max_examples=250, deadline=None)
@given(texts, splits, bands, hards)
def test_what_is_skipped_delays_no_bubble(
    text: str, sizes: list[int], band: tuple[int, int], hard: int
) -> None:
    skipping, reading = Chunker(*band, hard), Chunker(*band, hard)
    at = 0
    for size in sizes * (1 + len(text) // max(1, sum(sizes))):
        delta = text[at : at + size]
        assert skipping.feed(delta) == [cut.bubble for cut in reading.cuts(delta)]
        at += size
    assert skipping.close() == reading.close()


@settings(max_examples=250, deadline=None)
@given(texts, splits, bands, hards)
def test_nothing_is_lost_but_white_space_at_cuts(
    text: str, sizes: list[int], band: tuple[int, int], hard: int
) -> None:
    if hard < 4000:  # a code block would be closed and opened again
        text = text.replace("```", "").replace("~~~", "")
    assert squash("".join(cut(text, sizes, band, hard))) == squash(text)


@settings(max_examples=250, deadline=None)
@given(texts, splits, bands, hards)
def test_no_bubble_is_empty_or_over_the_limit(
    text: str, sizes: list[int], band: tuple[int, int], hard: int
) -> None:
    for bubble in cut(text, sizes, band, hard):
        assert bubble.strip()
        assert bubble == bubble.rstrip()
        assert units(bubble) <= hard


@settings(max_examples=150, deadline=None)
@given(texts, splits)
def test_no_bubble_but_the_last_is_shorter_than_the_band(text: str, sizes: list[int]) -> None:
    bubbles = cut(text, sizes, (20, 40), 4000)
    assert all(2 * len(bubble) >= 20 for bubble in bubbles[:-1])
