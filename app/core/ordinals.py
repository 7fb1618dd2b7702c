"""Does a sentence end with the full stop after a number, which makes ordinals and dates as well?"""

import re

from app.core.openings import Ahead, near_start, opens_with_small_word
from app.core.spans import NO, WAIT
from app.core.vocabulary import LABELS, ORDINAL, guess

YES = 1

# How far back a number's beginning is looked for.
_BACK = 40
# A number with more digits is no ordinal.
_MOST_ORDINAL = 2
# After a colon, a number with more digits heads nothing.
_LONGEST_HEADING = 3
# How far back a label before a number is looked for.
_LABEL = 24

_NUMBER = re.compile(r"[\d٠-٩][\d.,:/'’\-–\u00a0\u202f]*$")
_CURRENCIES = frozenset("$€£¥₹₽₱₫฿₩#№")
# What may be a day and a month: "9.12.", which ends a sentence as seldom as "9.".
_DATE = re.compile(r"(?:0?[1-9]|[12]\d|3[01])[.](?:0?[1-9]|1[0-2])$")
# Before a short number that is no ordinal: a telephone number, the rest of a sum, a page.
_CARDINAL = re.compile(
    r"(?:\d{2}[ \u00a0]\d{2,3}|[=≈≤≥<>×÷·+−]|\b(?:s|S|str|стр|σελ)[.])[ \u00a0]?$"
)
# A street stands before the number of a house: "ul. Krupówki 8", "Hauptstraße 5".
_HOUSE = re.compile(
    r"(?:\b(?:(?:ul|al|pl|os|nám)[.]|ulic[aeyiu]) [^.,;:!?\d\n]{3,30}|straße|gasse) $"
)
_DATE_SO_FAR = re.compile(r"\d[.] ?$")
# A move of chess, and one that has not come whole.
_MOVE = re.compile(r"O-O|[KQRBN][a-h1-8]?x?[a-h][1-8]")
_MOVE_SO_FAR = re.compile(r"(?:O-?|[KQRBN][a-h1-8]?x?[a-h]?)$")


def ends_after_number(text: str, at: int, ahead: Ahead, final: bool) -> int:
    """Whether a sentence ends with the full stop at ``at``, which stands after a digit.

    Returns:
        A positive number, ``NO`` or ``WAIT``.
    """
    least = max(0, at - _BACK)
    found = _NUMBER.search(text, max(least, text.rfind(" ", least, at)), at)
    if ahead.kind == "digit" or found is None:
        return NO
    digits, start = found.group(), found.start()
    if digits.isdigit() and heads(text, start, len(digits)):
        return NO
    if "/" in digits and text[ahead.at] == "(":
        return NO  # a Hungarian law: "45/2014. (II. 26.)"
    before = text[max(0, start - 8) : start]
    last = before[-1:]
    named = last in _CURRENCIES or (last.isascii() and last.isalpha())  # "RM50", "code 45B79"
    cardinal = named or _CARDINAL.search(before)
    ordinal = digits.isdigit() and len(digits) <= _MOST_ORDINAL
    if cardinal or not (ordinal or _DATE.match(digits)):
        return YES
    if ahead.kind == "caseless":
        return NO if _DATE_SO_FAR.search(text, max(0, start - 3), start) else YES
    language = guess(text[:at])
    counts = language != "" and language not in ORDINAL
    if ahead.kind == "lower":
        return YES if counts else NO
    if not counts and not _HOUSE.search(text, max(0, start - _BACK), start):
        return opens_with_small_word(text, at, ahead.letter, final)
    return unless(_MOVE, _MOVE_SO_FAR, text, ahead.letter, final)


def unless(thing: re.Pattern[str], so_far: re.Pattern[str], text: str, at: int, final: bool) -> int:
    """``NO`` when a thing stands at ``at``, ``WAIT`` while it may come, else ``YES``."""
    if thing.match(text, at):
        return NO
    return WAIT if not final and so_far.match(text, at) else YES


def heads(text: str, start: int, length: int) -> bool:
    """Whether what numbers at ``start`` heads what follows: "2.", "A2.", "Step 2.", "Option B."."""
    space = text.rfind(" ", max(0, start - _LABEL), max(0, start - 1))
    before = text[space + 1 : start].strip(" *_(").lower()
    if len(before) > 1 and before.isalpha() and before not in LABELS:
        return False  # most often; what follows says the same
    opening = near_start(text, start)
    if opening < 0:
        return False
    if length > _LONGEST_HEADING and text[opening - 2 : opening] == ": ":
        return False  # "Your code: 48213."
    sentence = text[opening:start].strip(" *_(").lower()
    return len(sentence) < 2 or sentence in LABELS
