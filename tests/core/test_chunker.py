"""The chunker on texts of one trait each: what stays whole, what goes out, and when."""

import sys
from types import FrameType
from unicodedata import normalize

import pytest

from app.core.chunker import Chunker
from app.core.explain import explain
from app.core.graphemes import size, units
from app.core.lines import Why

SENTENCE = "This sentence is plain and has about sixty characters in it. "
LONG = (SENTENCE * 2).strip()


def cut(
    text: str, band: tuple[int, int] = (100, 200), hard: int = 4000, step: int = 1
) -> list[str]:
    chunker = Chunker(*band, hard)
    bubbles: list[str] = []
    for at in range(0, len(text), step):
        bubbles += chunker.feed(text[at : at + step])
    return bubbles + chunker.close()


def fed_when_first(text: str) -> int:
    """How many characters had come when the first bubble went out."""
    chunker = Chunker()
    for count, char in enumerate(text, start=1):
        if chunker.feed(char):
            return count
    return len(text)


STRUCTURE = {
    "a heading stays with what it heads": (
        f"{LONG}\n\n## Next\n\nShort. {LONG}",
        [LONG, f"## Next\n\nShort. {LONG}"],
    ),
    "a bold line heads what comes": (
        f"{LONG}\n\n**Next**\n\n{LONG}",
        [LONG, f"**Next**\n\n{LONG}"],
    ),
    "an item is whole": (
        f"- One. {SENTENCE}{SENTENCE}Two.\n- Three. Four.",
        [f"- One. {SENTENCE}{SENTENCE}Two.", "- Three. Four."],
    ),
    "an item keeps its nested items": (
        f"- {LONG}\n  - one\n  - two\n- three",
        [f"- {LONG}\n  - one", "  - two\n- three"],
    ),
    "a lead-in stays with its list": (
        f"{LONG} You need:\n- one\n- two",
        [LONG, "You need:\n- one\n- two"],
    ),
    "a table is whole": (
        "| a | b |\n|---|---|\n" + "| Row. One! | x |\n" * 20 + "\nAfter.",
        ["| a | b |\n|---|---|\n" + "| Row. One! | x |\n" * 19 + "| Row. One! | x |", "After."],
    ),
    "a code block is whole": (
        "```py\n" + "a = 1. # Stop.\n\n" * 20 + "```\nAfter it.",
        ["```py\n" + "a = 1. # Stop.\n\n" * 20 + "```", "After it."],
    ),
    "a code block in tildes may hold backticks": (
        "~~~\n```\n" + "b. c\n" * 30 + "```\n~~~\nAfter it.",
        ["~~~\n```\n" + "b. c\n" * 30 + "```\n~~~", "After it."],
    ),
    "a block quote is whole": (
        f"> {SENTENCE}\n> {SENTENCE}\n> Third. Fourth.\n\nAfter it.",
        [f"> {SENTENCE}\n> {SENTENCE}\n> Third. Fourth.", "After it."],
    ),
    "a display formula is whole": (
        f"$$\n{SENTENCE}\n{SENTENCE}\n$$\n\n{LONG} Ok.",
        [f"$$\n{SENTENCE}\n{SENTENCE}\n$$", LONG, "Ok."],
    ),
    "emphasis is whole": (
        f"So **{SENTENCE}{SENTENCE}Really?** it went. Next one.",
        [f"So **{SENTENCE}{SENTENCE}Really?** it went.", "Next one."],
    ),
    "a link is whole": (
        f"See [{SENTENCE}{SENTENCE}Yes!](https://x.example/a. b) there. Next one.",
        [f"See [{SENTENCE}{SENTENCE}Yes!](https://x.example/a. b) there.", "Next one."],
    ),
    "a quotation is whole": (
        f"He said “{SENTENCE}{SENTENCE}Yes!” and left. Next one.",
        [f"He said “{SENTENCE}{SENTENCE}Yes!” and left.", "Next one."],
    ),
    "a parenthesis is whole": (
        f"It (see (a. b) {SENTENCE}{SENTENCE}c) works. Next one.",
        [f"It (see (a. b) {SENTENCE}{SENTENCE}c) works.", "Next one."],
    ),
}


@pytest.mark.parametrize(("text", "bubbles"), STRUCTURE.values(), ids=STRUCTURE.keys())
@pytest.mark.parametrize("step", [1, 2, 4, 1000])
def test_structure_stays_whole(text: str, bubbles: list[str], step: int) -> None:
    got = cut(text, step=step)
    assert "\n".join(got).split() == "\n".join(bubbles).split()
    assert got[0] == bubbles[0]


PROMPT = {
    "after a full stop and the next letter": ("", " Next", 2),
    "after a line's end": ("", "\n", 1),
    "after an item and the next line's first character": ("- ", "\n- b", 2),
    "after closing marks": ("**", "** Next", 4),
    "after emoji": ("", " 😊 Next", 4),
}


@pytest.mark.parametrize(("before", "after", "wait"), PROMPT.values(), ids=PROMPT.keys())
def test_a_bubble_leaves_as_soon_as_it_is_known(before: str, after: str, wait: int) -> None:
    text = before + LONG
    assert fed_when_first(text + after + " and more. Much more.") <= len(text) + wait


def test_a_whole_word_is_read_after_an_abbreviation_that_may_end_a_sentence() -> None:
    start = f"{SENTENCE}Bring towels, a hat, and come to the gate at about 7 p.m."
    assert cut(f"{start} Monday is fine. Next one is here.")[0] == f"{start} Monday is fine."
    assert cut(f"{start} Mind the step.")[0] == start


def test_an_accent_of_its_own_makes_no_script_without_capitals() -> None:
    decomposed = normalize("NFD", "Quel beau café! et merci à tous.")
    assert cut(decomposed, (1, 10_000)) == [decomposed]


def test_a_sentence_ends_with_an_ordinal_of_spain() -> None:
    first, second = "Est al carrer Bruc, 88, 4.º 2.ª.", "Es pot veure demà."
    assert cut(f"{first} {second}", (1, 10_000)) == [first, second]


def test_past_the_maximum_lines_count() -> None:
    lines = "\n".join(f"line {number} of a long poem without any stops" for number in range(12))
    bubbles = cut(lines)
    assert len(bubbles) > 1
    assert all(200 <= len(bubble) < 250 for bubble in bubbles[:-1])
    assert "\n".join(bubbles) == lines


def test_a_sentence_is_never_cut_in_its_middle_below_the_hard_limit() -> None:
    text = "word, " * 600 + "end. Next one."
    assert cut(text) == ["word, " * 600 + "end.", "Next one."]


def test_a_short_last_sentence_joins_while_it_is_held() -> None:
    text = f"{SENTENCE}{SENTENCE}Meet at 7 p.m."
    assert cut(f"{text} Ok.") == [LONG, "Meet at 7 p.m. Ok."]
    unclosed = f"“{SENTENCE}{SENTENCE}Bye."
    assert cut(unclosed) == [unclosed]


def test_wide_characters_count_double() -> None:
    text = "今天天气很好。" * 20
    bubbles = cut(text)
    assert bubbles[0] == "今天天气很好。" * 8
    assert size(bubbles[0]) == 112


@pytest.mark.parametrize("at", range(0, 60, 6))
def test_wide_characters_count_wherever_they_stand(at: int) -> None:
    letters = "narrow letters that wait for an end which comes at last now"
    text = f"{letters[:at]}{'宽' * 20}{letters[at:]} and here. Bye."
    assert cut(text)[0].endswith("and here.")


def test_the_band_is_fixed_when_the_bubble_before_is_cut() -> None:
    chunker = Chunker(50, 100)
    chunker.band = (150, 300)
    bubbles = chunker.feed(SENTENCE * 6 + "End")
    assert [len(bubble) for bubble in bubbles] == [60, 182]
    assert chunker.band == (150, 300)


STRAY = ["*", "**", "“", '"', "(", "[", "`", "„", "«", "「", "_", "~~", "$$", "\\("]


@pytest.mark.parametrize("mark", STRAY)
def test_a_stray_mark_is_forgotten(mark: str) -> None:
    assert fed_when_first(f"So {mark}it goes. " + SENTENCE * 20) < 450
    blank = f"So {mark}it goes on and on. {SENTENCE * 4}\n\n"
    assert fed_when_first(blank + SENTENCE * 3) <= len(blank)


FOUND = {
    "a brand that opens small": "It is out today.| iPhone users get it first.",
    "a pointing emoji opens the next sentence": "It is out today!| 👉 Tap here.",
    "a closing emoji belongs to the sentence": "It is out today! 🎉| Tap here.",
    "a polite particle closes": "ส่งสินค้าแล้วนะคะ| จะถึงพรุ่งนี้ค่ะ",
    "an asterisk that answers a footnote's": "Low price*, no fee; *it has no tax.| Call us.",
    "a closed parenthesis is no burden": "It (all of it, I mean) is out.| Tap here.",
    "an initial before a small word": "Try vitamin C.| It helps you.",
    "an unfinished sentence in small letters": "hey you.| it is out.| tap here.",
    "an Armenian colon": "Նա եկավ: |Մենք գնացինք:".replace(": |", ":| "),
    "two Ethiopic dividers": "ሰላም ነው፡፡| ደህና ሁን፡፡",
    "a speaker's turn": "Is it far?| – Not at all.",
    "a spaced stop": "It is here .| Take it .",
    "low quotation marks typed as commas": "Hij kwam.| ,,Dag'', zei hij.",
}


@pytest.mark.parametrize("marked", FOUND.values(), ids=FOUND.keys())
def test_an_end_is_found_while_the_answer_streams(marked: str) -> None:
    parts = marked.split("|")
    chunker = Chunker(1, 10_000)
    bubbles: list[str] = []
    for char in "".join(parts):
        bubbles += chunker.feed(char)
    assert bubbles == [part.strip() for part in parts[:-1]]


_LENGTHY = "so many words that it may pass for a sentence of its own "
HEADS = {
    "a long bold line": f"**With {_LENGTHY}here**\n\nText.",
    "an item that leads in": "- You need:\n* an egg\n",
    "a line that leads in": f"With {_LENGTHY}here:\n\nText.",
    "a title before a list": f"With {_LENGTHY}here\n\n- an egg",
    "a heading": "## Is it?\n\nText.",
}


@pytest.mark.parametrize("text", HEADS.values(), ids=HEADS.keys())
def test_what_heads_other_lines_is_no_end(text: str) -> None:
    chunker = Chunker(1, 10_000)
    assert [bubble for char in text for bubble in chunker.feed(char)] == []


LIMITS = {
    "words": ("word " * 3000, 4000),
    "one word": ("a" * 20_000, 4000),
    "emoji of several characters": ("👨‍👩‍👧‍👦" * 2000, 4000),
    "flags": ("🇧🇷🇺🇦" * 3000, 4002),
    "marks on every letter": ("e\u0301\u0323" * 4000, 4000),
    "Hangul in parts": ("\u1112\u1161\u11ab" * 4000, 4000),
    "Devanagari conjuncts": ("क्ष" * 4000, 4000),
    "astral letters": ("\U00020000" * 5000, 4000),
    "a small limit": ("Some words, and more. " * 50, 20),
}


@pytest.mark.parametrize(("text", "hard"), LIMITS.values(), ids=LIMITS.keys())
def test_the_hard_limit_is_kept_without_cutting_a_visible_character(text: str, hard: int) -> None:
    bubbles = cut(text, hard=hard, step=7)
    assert all(units(bubble) <= hard for bubble in bubbles)
    assert "".join("".join(bubbles).split()) == "".join(text.split())
    whole = {"👨‍👩‍👧‍👦": 11, "🇧🇷": 4, "e\u0301\u0323": 3, "\u1112\u1161\u11ab": 3, "क्ष": 3}
    for cluster, length in whole.items():
        if text.startswith(cluster):
            assert all(units(bubble) % length == 0 for bubble in bubbles)


def test_at_the_hard_limit_the_best_place_is_taken() -> None:
    assert cut("one two, three four " * 100, hard=100)[0].endswith("two,")
    assert cut("one two three four " * 100, hard=100)[0].endswith(("two", "three", "four", "one"))
    line = "x y z, and so on"
    assert cut(f"- {line}\n" + f"{line}\n" * 10, hard=100)[0].endswith(f"\n{line}")


def test_a_code_block_over_the_limit_is_closed_and_opened_again() -> None:
    code = "".join(f"line {number}\n" for number in range(40))
    bubbles = cut(f"Look:\n```py\n{code}```\nDone.", hard=120)
    assert bubbles[0] == "Look:"
    assert all(len(bubble) <= 120 for bubble in bubbles)
    inner = [bubble.removesuffix("\nDone.") for bubble in bubbles[1:]]
    assert len(inner) > 2
    assert all(bubble.startswith("```py\n") and bubble.endswith("\n```") for bubble in inner)
    joined = "\n".join(bubble.removeprefix("```py\n").removesuffix("\n```") for bubble in inner)
    assert joined.split() == code.split()


BAD = {
    "nothing": "",
    "white space": " \n" * 500,
    "an endless fence": "```py\n" + "code. More.\n" * 2000,
    "an endless table": "| a | b |\n" * 2000,
    "an endless list": "- item. More.\n" * 2000,
    "everything unclosed": '**a [b (c "d `e $f „g ' * 400,
    "ten thousand marks on one letter": "e" + "\u0301" * 10_000,
    "CRLF": "One line.\r\n\r\n" * 500,
    "NUL": "a\x00b. C" * 1000,
    "lone surrogates": "a\ud800 b. \udc00C" * 500,
    "zero width and bidi": "a\u200b\u202e. \u200fB\u2066!" * 500,
    "tabs": "\ta\t.\tB" * 500,
    "dots": ". " * 3000,
    "only marks": "*_~`" * 1000,
    "open brackets": "([{" * 1000,
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("step", [3, 100_000])
def test_bad_input_is_cut_like_any_other(text: str, step: int) -> None:
    bubbles = cut(text, step=step)
    kept = "".join("".join(bubbles).split())
    assert kept.replace("```py", "").replace("```", "") == "".join(
        text.replace("```py", "").split()
    ).replace("```", "")
    assert all(bubble.strip() and units(bubble) <= 4000 for bubble in bubbles)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_no_more_than_one_bubble_is_held(text: str) -> None:
    chunker = Chunker()
    held = 0
    for at in range(0, len(text), 50):
        delta = text[at : at + 50]
        out = "".join(chunker.feed(delta)).replace("```py", "").replace("```", "")
        held += len("".join(delta.split())) - len("".join(out.split()))
        assert held <= 4001


def calls(text: str) -> int:
    """How many functions are called to cut a text that comes in deltas of four characters."""
    count = 0

    def tick(_frame: FrameType, event: str, _what: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    chunker = Chunker()
    sys.setprofile(tick)
    try:
        for at in range(0, len(text), 4):
            chunker.feed(text[at : at + 4])
    finally:
        sys.setprofile(None)
    return count


PATIENT = {
    "prose": f"{SENTENCE}It costs 3.50 (see p. 5), e.g. in “the shop”. ",
    "wide": "今天天气很好，我们去公园玩吧。",
    "code": "value = compute(1, 'a. b')  # Step. Done.\n",
    "no spaces": "abcdefgh",
    "open marks": "( [ “ * ",
    "dots": "....",
    "line ends": "a\n",
    "spaces": "    ",
}


@pytest.mark.parametrize("part", PATIENT.values(), ids=PATIENT.keys())
def test_the_work_per_character_does_not_grow(part: str) -> None:
    start = "```\n" if part.startswith("value") else ""
    short = start + part * (10_000 // len(part))
    long = start + part * (40_000 // len(part))
    assert calls(long) <= 4 * 1.2 * calls(short)


def test_empty_deltas_change_nothing() -> None:
    chunker = Chunker()
    bubbles: list[str] = []
    for char in LONG + " Next one.":
        bubbles += chunker.feed("") + chunker.feed(char)
    assert bubbles + chunker.close() + chunker.close() == cut(LONG + " Next one.")


def test_each_bubble_is_explained() -> None:
    table = "| a | b |\n|---|---|\n" + "| row | cell |\n" * 10
    answer = f"{LONG} Then:\n\n{table}\n- {LONG}\n- b\n\n```\n{LONG}\n```\nBye."
    explained = explain(answer)
    assert [part.why for part in explained] == [
        Why.SENTENCE,
        Why.TABLE,
        Why.ITEM,
        Why.FENCE,
        Why.CLOSE,
    ]
    assert "".join("".join(part.bubble for part in explained).split()) == "".join(answer.split())
    assert explained[0].size == len(LONG)
    assert all(part.looked_ahead <= 3 for part in explained)
