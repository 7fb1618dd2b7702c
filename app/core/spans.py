"""Stretches inside a paragraph that are not to be parted: where one that opens here ends.

Code, emphasis, links, formulas, addresses, quotations and parentheses. A mark that stays open is
a stray one: it is taken for a plain character once its paragraph ends or ``REACH`` characters
have come after it.
"""

import re
from functools import cache, lru_cache

from app.core.graphemes import is_hangul, is_unspaced

# What a look ahead says when it has no position to give.
NO = -1
WAIT = -2

# Characters after which an open mark is forgotten.
REACH = 400
# A quotation may hold a blank line when it is still young there.
YOUNG = 200

# Ends the paragraph: a blank line, or a line that opens a block of another kind.
PARAGRAPH_END = re.compile(
    r"\n[ \t]*(?:\r?\n|#{1,6} |[-*+•] |\d{1,3}[.)] |`{3}|~{3}|\||>|[-*_]{3,}[ \t]*\r?\n)"
)
_BLANK_LINE = re.compile(r"\n[ \t]*\r?\n")

# Not before a word; those of Chinese, Japanese and Korean touch a closing mark.
_NO_WORD = r"(?!(?=\w)[0-\u2fff])"

# A closing mark per opening one, as the languages pair them. (First the mark, for which a search is
# fast, and then what must stand before it.)
_QUOTES = {
    "“": "”",
    "„": '[“”‟"]',
    "‟": '[”"]',
    "”": "[”“]",
    "«": "»",
    "»": "[«»]",
    "‹": "›",
    "›": "[‹›]",
    "‘": rf"’(?<=\S’){_NO_WORD}",
    "‚": r"[‘’](?!\w)",
    "'": rf"'(?<=\S'){_NO_WORD}",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    "【": "】",
    "〔": "〕",
    "［": "］",
    "〝": "[〞〟]",
}
_STRAIGHT = re.compile(r'"(?<=\S")(?!\w)')
_STRAIGHT_CJK = re.compile('"')
# Not quotations: "'s avonds", "'n", "'tis", "'90s", "'yan" of Hausa, "'ਤੇ" and "'ਚ" of Punjabi.
_ELIDED = re.compile(
    r"'(?:[stnmk]\b|\d|tis\b|twas\b|cause\b|em\b|til\b|ya[nr]?\b|(?:ਤੇ|ਤੋਂ|ਚ)(?![਀-੿]))", re.I
)

_LONGEST_ELISION = 7
# Runs up to this length are searched for faster when they are spelt out.
_SPELT_OUT = 3
# After these, a straight or a pointed quotation mark closes.
_BEFORE_CLOSING = frozenset(".,!?…)]}%€$°")

_PARENTHESES = {
    mark: re.compile(
        r"O(?:[^OC]|O(?:[^OC]|O[^OC]*+C)*+C)*+C".replace("O", re.escape(mark)).replace(
            "C", re.escape(end)
        )
    )
    for mark, end in (("(", ")"), ("（", "）"), ("[", "]"))
}
_TARGET = re.compile(r"\((?:[^()\n]|\([^()\n]*+\))*+\)")
_EMOTICON = re.compile(r"[:;=8xX][-'^]?$")
# Printable ASCII without the marks that enclose an address or that Markdown puts around it.
_IN_ADDRESS = r"!#-&*-;=?-Z\\^-z|~("
_ADDRESS = re.compile(f"[{_IN_ADDRESS}]+")
ADDRESS_END = re.compile(f"[^{_IN_ADDRESS}]")
_ADDRESS_TAIL = re.compile(r"[.,;:!?*_~'(]+$")
# A formula opens with what no price and no shell variable has after the sign.
_FORMULA = re.compile(r"\$(?=[^\s$\d])(?![A-Z_]{2,})[^$\n]{1,200}?(?<=\S)\$(?!\d)")
_DISPLAY = re.compile(r"\$\$.+?\$\$", re.S)
_TEX = {"(": re.compile(r"\\\(.+?\\\)", re.S), "[": re.compile(r"\\\[.+?\\\]", re.S)}
_STAR_OPENS = re.compile(r"(?<![\w*])\*(?=[^\s*])")
_STAR_CLOSES = re.compile(r"(?<=[^\s*])\*(?![\w*])")
# A code to dial: "*123#", "*737*1*4000#".
_DIALLED = re.compile(r"\*\d+(?:#|\*\w)")


def end_of_span(text: str, at: int, final: bool) -> int:
    """Where the stretch that opens at ``at`` ends.

    Returns:
        The index after its last character; ``NO`` when the mark there opens nothing; ``WAIT``
        when that cannot be known before more text comes (never when ``final``).
    """
    char = text[at]
    if at + 1 >= len(text):
        return NO if final else WAIT
    if char in "`*_~":
        return _markup(text, at, char, final)
    if char in "([（":
        return _enclosed(text, at, char, final)
    if char == ":":
        return _address(text, at, final)
    if char in "$\\":
        return _formula(text, at, char, final)
    return _quotation(text, at, char, final)


def _bounds(text: str, at: int, final: bool, reach: int = REACH) -> tuple[int, bool]:
    """How far a closing mark may stand, and whether all of that stretch is here."""
    limit = at + reach
    end = PARAGRAPH_END.search(text, at, limit)
    if end:
        return end.start(), True
    return min(limit, len(text)), final or len(text) >= limit


def _settle(text: str, end: int, whole: bool, final: bool) -> int:
    """``end`` once a character after it proves that the closing mark does not grow."""
    if end < 0:
        return NO if whole else WAIT
    return end if final or end < len(text) else WAIT


def _search(pattern: re.Pattern[str], text: str, start: int, limit: int) -> int:
    # A match bounded by endpos would take the bound for the end of the text in its look-ahead.
    found = pattern.search(text, start, len(text))
    return found.end() if found and found.end() <= limit else NO


@cache
def _closing_quote(mark: str) -> re.Pattern[str]:
    return re.compile(_QUOTES[mark])


@lru_cache(64)
def _closing_run(mark: str, length: int) -> re.Pattern[str]:
    escaped = re.escape(mark)
    run = escaped * length if length <= _SPELT_OUT else f"{escaped}{{{length}}}"
    solid = rf"(?<!`{run})" if mark == "`" else rf"(?<=[^\s{mark}]{run})"
    outside = _NO_WORD if mark == "_" or (mark == "*" and length == 1) else ""
    return re.compile(rf"{run}{solid}(?!{escaped}){outside}")


def _markup(text: str, at: int, mark: str, final: bool) -> int:
    opened = at + 1
    while opened < len(text) and text[opened] == mark:
        opened += 1
    if opened >= len(text):
        return NO if final else WAIT
    length = opened - at
    before, after = text[at - 1 : at], text[opened]
    if mark != "`":
        flanked = not after.isspace() and (length > 1 or not before.isalnum())
        if not flanked or length > 3 or (mark == "~" and length != 2):
            return NO
        if mark == "*" and length == 1 and (_DIALLED.match(text, at) or _is_footnote(text, at)):
            return NO
    limit, whole = _bounds(text, at, final, REACH // 2 if length == 1 else REACH)
    return _settle(text, _search(_closing_run(mark, length), text, opened, limit), whole, final)


def _is_footnote(text: str, at: int) -> bool:
    """Whether the asterisk at ``at`` answers one that stands behind a word before it: "price*"."""
    start = max(0, at - REACH)
    closing = len(_STAR_CLOSES.findall(text, start, at))
    return closing > 0 and closing > len(_STAR_OPENS.findall(text, start, at))


def _enclosed(text: str, at: int, mark: str, final: bool) -> int:
    if mark == "(" and _EMOTICON.search(text, max(0, at - 2), at):
        return NO
    limit, whole = _bounds(text, at, final)
    found = _PARENTHESES[mark].match(text, at, limit)
    if mark != "[" or not found:
        return _settle(text, found.end() if found else NO, whole, final)
    end = found.end()
    if end >= len(text):
        return end if final else WAIT
    if text[end] != "(":
        return end
    target = _TARGET.match(text, end, limit)
    if target:
        return target.end()
    return end if whole or "\n" in text[end:limit] else WAIT


def _address(text: str, at: int, final: bool) -> int:
    if text[at : at + 3] != "://":
        return WAIT if not final and "://".startswith(text[at : at + 3]) else NO
    found = _ADDRESS.match(text, at)
    end = found.end() if found else at + 3
    if end >= len(text) and not final and end - at < 4 * REACH:
        return WAIT
    tail = _ADDRESS_TAIL.search(text, at, end)
    return max(tail.start() if tail else end, at + 3)


def _formula(text: str, at: int, mark: str, final: bool) -> int:
    if mark == "\\":
        tex = _TEX.get(text[at + 1])
        return at + 2 if tex is None else _display(tex, text, at, final)
    if text[at + 1] == "$":
        return _display(_DISPLAY, text, at, final)
    if text[at + 1].isspace() or text[at + 1].isdigit() or text[at - 1 : at].isdigit():
        return NO
    if text[at + 1].isupper() or text[at + 1] == "_":
        if at + 2 >= len(text):
            return NO if final else WAIT
        if text[at + 2].isupper() or text[at + 2] == "_":
            return NO
    limit, whole = _bounds(text, at, final, 200)
    line = text.find("\n", at, limit)
    if line >= 0:
        limit, whole = line, True
    found = _FORMULA.match(text, at)
    end = found.end() if found and found.end() <= limit else NO
    return _settle(text, end, whole, final)


def _display(pattern: re.Pattern[str], text: str, at: int, final: bool) -> int:
    limit = at + REACH
    blank = _BLANK_LINE.search(text, at, limit)
    found = pattern.match(text, at, blank.start() if blank else limit)
    if found:
        return found.end()
    return NO if final or blank or len(text) >= limit else WAIT


def _quotation(text: str, at: int, mark: str, final: bool) -> int:
    before, after = text[at - 1 : at], text[at + 1]
    cjk = _is_east_asian(before) or _is_east_asian(after)
    if mark in "\"'”»›‘‚«" and (after.isspace() and mark != "«"):
        return NO
    if mark in "\"'”›»" and (before.isalnum() or before in _BEFORE_CLOSING) and not cjk:
        return NO
    if mark in "»›" and not (after.isalnum() or after in "¿¡"):
        return NO
    if mark == "'" and not final and len(text) < at + _LONGEST_ELISION:
        return WAIT
    if mark == "'" and (cjk or not (after.isalpha() or after in "¿¡") or _ELIDED.match(text, at)):
        return NO
    attached = cjk or is_hangul(after)
    straight = _STRAIGHT_CJK if attached else _STRAIGHT
    closing = _closing_quote(mark) if mark in _QUOTES else straight
    limit, whole = _quotation_bounds(text, at, final)
    return _settle(text, _search(closing, text, at + 1, limit), whole, final)


def _is_east_asian(char: str) -> bool:
    return char > "\u3004" and (is_unspaced(char) or "\uff00" <= char <= "\uffef")


def _quotation_bounds(text: str, at: int, final: bool) -> tuple[int, bool]:
    limit = at + REACH
    blank = _BLANK_LINE.search(text, at + YOUNG, limit)
    if blank:
        return blank.start(), True
    return min(limit, len(text)), final or len(text) >= limit
