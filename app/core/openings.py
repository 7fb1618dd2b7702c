"""What comes after a place where a sentence may end, and what the sentence before it looks like.

More text never changes an answer other than "wait": what is said about a text holds for every
text that begins with it.
"""

import re
from typing import Literal, NamedTuple
from unicodedata import category

from app.core.abbreviations import is_abbreviated
from app.core.blocks import EMOJI_RUN
from app.core.spans import NO, WAIT
from app.core.vocabulary import CALENDAR, guess, is_small, may_be_small

# How much of a run of spaces, and of a word, is read before deciding without its end.
_MOST_SPACES = 40
_LONGEST_WORD = 24
# Marks that may stand before a sentence's first letter.
_MOST_MARKS = 8
# How far back a sentence's beginning is looked for.
_BACK = 400
# Further back, it is no label or date that stands between there and a number.
_NEAR = 60

_SPACES = re.compile(r"[^\S\n]*")
_MARKS = frozenset("*_~\"'“”„‟«»‘‚‹›([（【「『《〈<`")
_SIGN = re.compile(r"[$€£¥₹₽#@+№§°%−©]")
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ][^\W\d_]+)*")
_LAST_START = re.compile(r"[\s\S]*([.!?…:\n])(?:(?<=\n)\s*|[\"”’»)*_]*\s+)")
_LAST_WORD = re.compile(r"[\w.\u0900-\u0dff]+$")
# Names that are small words of languages other than the one at hand.
_NAMES = frozenset("ali an le may van will".split())
_ALL_NAMES = f" {' '.join(CALENDAR)}"
_ROMAN = re.compile(r"[IVX]{2,}$")


class Ahead(NamedTuple):
    """What stands after a place.

    Attributes:
        kind: What opens there, looked at through quotation and markup marks: a letter that is
            ``upper``, ``lower`` or ``caseless``, a ``digit`` or a sign before one, something
            ``other``; or a ``line`` end, the ``end`` of the text, or ``wait``: not known yet.
        at: The first character that is no space.
        letter: The character that ``kind`` tells of.
    """

    kind: Literal["upper", "lower", "caseless", "digit", "other", "line", "end", "wait"]
    at: int
    letter: int


def look_ahead(text: str, stop: int, final: bool) -> Ahead:
    """What comes at ``stop`` and after the spaces there."""
    at = stop + 1 if text.startswith(" ", stop) else stop
    if text[at : at + 1].isalnum():  # most often; what follows says the same
        return Ahead("upper" if text[at].isupper() else _kind_of_letter(text, at, final), at, at)
    found = _SPACES.match(text, stop)
    at = found.end() if found else stop
    if at >= len(text):
        return Ahead("end" if final or at - stop > _MOST_SPACES else "wait", at, at)
    if text[at] == "\n":
        return Ahead("line", at, at)
    letter = at
    while letter < len(text) and letter - at < _MOST_MARKS and _is_mark(text, letter, at):
        letter += 1
    if letter >= len(text) or (letter + 1 == len(text) and text[letter] in "-–—,"):
        return Ahead("other" if final else "wait", at, letter)
    return Ahead(_kind_of_letter(text, letter, final), at, letter)


def _is_mark(text: str, at: int, start: int) -> bool:
    """Whether an opening mark stands at ``at``, or the space that belongs to one."""
    char = text[at]
    if char == ",":  # low quotation marks, typed as commas
        return text[at + 1 : at + 2] == "," or text[at - 1] == ","
    if char in "-–—":  # a speaker's turn
        return text[at + 1 : at + 2] == " "
    if char in " \u00a0\u202f":
        return at > start and text[at - 1] in "«„,-–—"
    return char in _MARKS


def _kind_of_letter(
    text: str, at: int, final: bool
) -> Literal["upper", "lower", "caseless", "digit", "other", "wait"]:
    char = text[at]
    if char in "¿¡":
        return "upper"
    kind = category(char)
    if kind in ("Lu", "Lt"):
        return "upper"
    if kind == "Ll" and not is_caseless(char):
        return _kind_of_small(text, at, final)
    if kind[0] == "L":
        return "caseless"
    if char.isdigit() or _SIGN.match(char):
        return "digit"
    return "caseless" if EMOJI_RUN.match(text, at) else "other"


def _kind_of_small(text: str, at: int, final: bool) -> Literal["upper", "lower", "wait"]:
    """A small letter, unless the word is one like "iPhone", "macOS" or "'s Avonds"."""
    end = at + 1
    while end < len(text) and end - at < 6 and text[end].islower():
        end += 1
    if end >= len(text):
        return "lower" if final else "wait"
    if text[end].isupper():
        return "upper"
    if text[at - 1] in "'’" and text[end] == " " and end - at == 1:
        if end + 1 >= len(text):
            return "lower" if final else "wait"
        return "upper" if text[end + 1].isupper() else "lower"
    return "lower"


def is_caseless(char: str) -> bool:
    """Whether a letter's script has no capitals; Georgian has them and opens no sentence so."""
    if char < "\u0370":  # accents, too
        return False
    return category(char) in ("Lo", "Lm", "Mn", "Mc") or "\u10d0" <= char <= "\u10ff"


def next_word(text: str, at: int, final: bool) -> str | None:
    """The word at ``at``, ``""`` when there is none; ``None`` before its end is here."""
    found = _WORD.match(text, at, at + _LONGEST_WORD)
    if not found:
        return ""
    end = found.end()
    if not final and end >= len(text) - 1 and text[end:] in ("", "'", "’", "ʼ"):
        return None  # "I'" may become "I've"
    return found.group()


def opens_with_small_word(text: str, at: int, letter: int, final: bool) -> int:
    """Whether the capitalised word at ``letter`` names nothing and so opens a sentence.

    Returns:
        A positive number, ``NO`` or ``WAIT``. The text before ``at`` tells the language.
    """
    if text[letter] in "¿¡":
        return 1
    word = next_word(text, letter, final)
    if word is None:
        return WAIT if may_be_small(text[letter:]) else NO
    if not is_small(word) or word.lower() in CALENDAR or _ROMAN.match(word):
        return NO
    if len(word) == 1 and (word == "I" or text[letter + 1 : letter + 2] != " "):
        return NO
    language = guess(text[:at])
    if not language and word.lower() in _NAMES:
        return NO
    return 1 if is_small(word, language) else NO


def opens_with_date(text: str, letter: int, final: bool) -> int:
    """Whether a month, a day, a time zone or an initial stands at ``letter``, as a number or hour
    wants it: a positive number, ``NO`` or ``WAIT``."""
    word = next_word(text, letter, final)
    if word is None:
        so_far = text[letter : letter + _LONGEST_WORD].lower()
        return WAIT if letter + 1 >= len(text) or f" {so_far}" in _ALL_NAMES else NO
    initial = len(word) == 1 and text[letter + 1 : letter + 2] == "."
    return 1 if initial or word.lower() in CALENDAR else NO


def lowercase_style(text: str, at: int) -> bool:
    """Whether the paragraph and the sentence around ``at`` open with small letters, as in chats."""
    paragraph = text.rfind("\n", 0, at) + 1
    return _is_small_at(text, paragraph) and _is_small_at(text, sentence_start(text, at))


def _is_small_at(text: str, start: int) -> bool:
    emoji = None if text[start : start + 1].isascii() else EMOJI_RUN.match(text, start)
    return look_ahead(text, emoji.end() if emoji else start, True).kind == "lower"


def sentence_start(text: str, at: int) -> int:
    """Where the sentence around ``at`` seems to begin."""
    return _last_start(text, max(0, at - _BACK), at)


def near_start(text: str, at: int) -> int:
    """The same when that is not far before ``at``, else ``NO``, in less time."""
    least = max(0, at - _NEAR)
    start = _last_start(text, least, at)
    return NO if start == least > 0 else start


def _last_start(text: str, start: int, at: int) -> int:
    end = at
    while found := _LAST_START.match(text, start, end):
        mark = found.start(1)
        if text[mark] != ".":
            return found.end()
        least = max(0, mark - _LONGEST_WORD)
        word = _LAST_WORD.search(text, max(least, text.rfind(" ", least, mark)), mark)
        if not word or not is_abbreviated(word[0].lower()):
            return found.end()
        end = mark
    return start
