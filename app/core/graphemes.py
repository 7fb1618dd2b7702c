"""Where a text may be parted without breaking a visible character, and how long it is.

The rules are those of Unicode Standard Annex 29 (extended grapheme clusters), told from general
categories, with the exceptions that categories do not show spelt out below.
"""

import re
from unicodedata import category

# Letters of category Lo that Annex 29 joins to what stands before them (Thai and Lao AM).
_SPACING = "\u0e33\u0eb3"
# Format characters that belong to what stands before them: joiners, emoji tags, half-width marks.
_EXTENDING = re.compile("[\u200c\u200d\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
# Marks of category Mc that stand alone in Annex 29.
_ALONE = frozenset("\u102b\u102c\u1038\u1062\u1063\u1064\u1067\u1068\u1069\u106a\u106b\u106c\u106d")
# Number signs and the like that are drawn over what comes after them.
_PREPENDED = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3]"
)
_PICTOGRAPH = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2934\u2935\u2b05-\u2b55"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]+")
# Consonants that a virama joins into one sign, in the scripts where Annex 29 says so.
_VIRAMAS = "\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d\u1039\u17d2"
_JOINED = re.compile("[" + _VIRAMAS + "][\u0300-\u036f\u093c\u09bc\u0abc\u0b3c\u0c3c\u200d]*$")
_INDIC = re.compile("[\u0900-\u0d7f\u1000-\u109f\u1780-\u17b3]")
_LEAD, _VOWEL, _TAIL = (
    re.compile("[\u1100-\u115f\ua960-\ua97c]"),
    re.compile("[\u1160-\u11a7\ud7b0-\ud7c6]"),
    re.compile("[\u11a8-\u11ff\ud7cb-\ud7fb]"),
)

# How far back a joining sign is looked for; Annex 29 sets no limit, a text of only marks would.
_REACH = 64

_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f"
    "\uff01-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]+"
)
# Most of what is not wide: few ranges, the first of which nearly all characters are in.
_NARROW = re.compile("[\x00-\u10ff\u1160-\u2e7f\U00010000-\U0001ffff]*")


def size(text: str) -> int:
    """How much a text says: its characters, the wide ones of East Asia counted double."""
    if text.isascii() or _NARROW.fullmatch(text):
        return len(text)
    return len(text) + sum(map(len, _WIDE.findall(text)))


def units(text: str) -> int:
    """The length in UTF-16 units, which is how WhatsApp's limits are counted."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_hangul(char: str) -> bool:
    """Whether a character is a Korean syllable."""
    return "\uac00" <= char <= "\ud7a3"


def is_unspaced(char: str) -> bool:
    """Whether a character is of Chinese or Japanese, which set no spaces between words."""
    return "\u3005" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff"


def is_break(text: str, at: int) -> bool:
    """Whether ``text`` may be parted before the character at ``at`` (0 and the end always)."""
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return not (before == "\r" and after == "\n")
    if before in "\r\n" or after in "\r\n" or (_is_alone(before) and _is_alone(after)):
        return True
    if after.isascii():
        return not _PREPENDED.match(before)
    return not (_extends(after) or _PREPENDED.match(before) or _joins(text, at, before, after))


def _is_alone(char: str) -> bool:
    """Whether a character joins no other of its kind: Chinese and its marks, Korean syllables."""
    return "\u3400" <= char <= "\u9fff" or "\u3001" <= char <= "\u3029" or is_hangul(char)


def _extends(char: str) -> bool:
    """Whether a character is drawn on the one before it."""
    kind = category(char)
    if kind in ("Mn", "Me") or (kind == "Mc" and char not in _ALONE):
        return True
    return char in _SPACING or _EXTENDING.match(char) is not None


def _joins(text: str, at: int, before: str, after: str) -> bool:
    if before == "\u200d" and _PICTOGRAPH.match(after):
        return True
    if _FLAG.match(after) and _FLAG.match(before):
        start = at
        while start > 0 and _FLAG.match(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    if _INDIC.match(after) and _JOINED.search(text[max(0, at - _REACH) : at]):
        return True
    return _hangul(before, after)


def _hangul(before: str, after: str) -> bool:
    if _LEAD.match(before):
        return bool(_LEAD.match(after) or _VOWEL.match(after)) or is_hangul(after)
    whole = is_hangul(before)
    open_syllable = whole and (ord(before) - 0xAC00) % 28 == 0
    if _VOWEL.match(before) or open_syllable:
        return bool(_VOWEL.match(after) or _TAIL.match(after))
    return bool((whole or _TAIL.match(before)) and _TAIL.match(after))
