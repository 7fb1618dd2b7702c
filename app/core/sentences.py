"""Does a sentence end with these end marks? Told with as little of the text after them as will do.

Each function answers with the index right after the sentence's last character, with ``NO``, or
with ``WAIT`` when the characters that decide have not come yet.
"""

import re

from app.core.blocks import EMOJI, EMOJI_RUN
from app.core.graphemes import is_break, is_hangul, is_unspaced
from app.core.openings import (
    Ahead,
    is_caseless,
    look_ahead,
    lowercase_style,
    next_word,
    opens_with_small_word,
    sentence_start,
)
from app.core.spans import NO, WAIT
from app.core.stops import ends_at_stop, ends_at_urdu_stop

# Unicode's Sentence_Terminal characters that end a sentence by themselves, whatever follows.
# (Left out: U+104A and other marks that are commas in today's use.)
SURE = (
    "։؝؞۔܀܁܂߹࠷࠹࠽࠾।॥။።፧፨᙮᜵᜶។៕᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿⳹⳺⳻⸮⸼。"
    "꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫︒︕︖﹒﹖﹗！．？｡༎"
    "\U00010a56\U00010a57\U00011047\U00011048\U000110be-\U000110c1\U00011141-\U00011143"
    "\U000111c5\U000111c6\U000111cd\U000111de\U000111df\U00011238\U00011239\U0001123b\U0001123c"
    "\U000112a9\U0001144b\U0001144c\U000115c2\U000115c3\U000115c9-\U000115d7\U00011641\U00011642"
    "\U0001173c-\U0001173e\U00011944\U00011946\U00011a42\U00011a43\U00011a9b\U00011a9c\U00011c41"
    "\U00011c42\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44\U00016e98\U0001bc9f"
)
STRONG = "!?؟‼⁇⁈⁉‽⸘"
# Marks that may stand between an end mark and the space: quotation, brackets, markup, citations.
# Straight quotation marks, markup and “ open what follows when they touch it. A laugh closes, too.
_AFTER_MARK = (
    "(?:[”’»›)\\]）」』】》〉〕］]+|[\"'*_~`“]++(?![\\w「『《〈【（(“])|\\[\\^?\\d{1,3}\\]|[¹²³⁰-⁹]"
    "|【[^】\\n]{1,40}】|[（(][苦爆]?[笑汗泣涙怒照][)）])*"
)
RUN = re.compile(rf"[.…‥{STRONG}{SURE}]+\ufe0f?{_AFTER_MARK}")
_CLOSING_SO_FAR = re.compile(r"(?:\[\^?\d{0,3}|【[^】\n]{0,40}|[（(][苦爆]?[笑汗泣涙怒照]?)$")
_ANY_STRONG = re.compile(f"[{STRONG}]")
ANY_SURE = re.compile(f"[{SURE}]")
# Emoji, or the letters that stand for laughing and weeping in Korean chats.
_FIRST_EMOJI = "\u203c"
_MOOD = re.compile(f"{EMOJI_RUN.pattern}|[ㄱ-ㅣ]+")
# Emoji that point to what comes after them.
POINTERS = re.compile("[👉➡▶🔹🔸▪📌📍☎📞📧✉🔗💡⚠ℹ✅☑✔❌🕐-🕧⏰🗓📅👇🔽⬇🟢🔵🔴🟠🟡⚫⭕▫◾◽•]")
# What stands before a wide full stop that ends nothing.
_WIDE_INITIAL = re.compile("[\\dＡ-Ｚａ-ｚ]")
# Names that end in an exclamation mark.
_EXCLAIMING = re.compile(
    r"(?<![A-Za-z])(?:Yahoo|Jeopardy|Joomla|Yum|E|Kahoot|Shazam|Wham|Panic|Chips Ahoy|Westward Ho"
    r"|Mamma Mia|Moulin Rouge)$"
)
# Japanese goes on with a particle after an exclamation that it quotes without brackets.
_QUOTING = re.compile("と(?!ても|ころ|なり|にかく|りあえず|はいえ)|って|など|とか")
_LONGEST_QUOTING = 4
# Words before an ellipsis that make a sentence of their own.
_LONG_THOUGHT = 6

# An end mark and all that may stand behind it.
_LONGEST_TAIL = 24
_LINE_TAIL = re.compile(
    rf"(?:[.…‥{STRONG}{SURE}]|(?<=[\u0370-\u03ff\u1f00-\u1fff]);|፡፡|[~～〜]|[{EMOJI}]\ufe0f?|[ㄱ-ㅣ])"
    rf"(?:[\"'”’»›)\]）」』】》〉〕］*_~`“\sㄱ-ㅣ{EMOJI}\ufe0f\u200d\u20e3\U000e0020-\U000e007f]"
    r"|\[\^?\d{1,3}\]|[¹²³⁰-⁹])*$"
)
_TITLE_TAIL = re.compile(
    r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|Sr|Sra|Dra|St|M|z\. ?B|e\.g|i\.e|ca|Nr|No)\.$"
)


def end_at_terminator(text: str, at: int, stop: int, final: bool) -> int:
    """Whether a sentence ends with the run of end marks that stands from ``at`` to ``stop``."""
    if stop >= len(text):
        return stop
    if text[stop] in "[【(（" and not final and _CLOSING_SO_FAR.match(text, stop):
        return WAIT
    return end_after_marks(text, at, stop, final)


def end_after_marks(text: str, at: int, stop: int, final: bool) -> int:
    """Whether a sentence ends at ``stop``, after the marks that stand from ``at`` to there."""
    if not text[at:stop].isascii() and ANY_SURE.search(text, at, stop):
        return _after_sure(text, at, stop, final)
    ahead = look_ahead(text, stop, final)
    if text[ahead.at : ahead.at + 1] >= _FIRST_EMOJI and (emoji := _MOOD.match(text, ahead.at)):
        return _after_emoji(text, at, stop, emoji, final)
    follower = text[stop]
    if not follower.isspace():
        if not is_east_asian(follower) or text[at] == "…":
            return NO
        if _ANY_STRONG.search(text, at, stop):
            return NO if _EXCLAIMING.search(text, max(0, at - 12), at) else stop
        return stop if is_east_asian(text[at - 1 : at]) else NO
    answer = _decide(text, at, stop, ahead, final)
    return stop if answer > 0 else answer


def is_east_asian(char: str) -> bool:
    """Whether a character is of a script that an end mark may touch on both sides."""
    return is_unspaced(char) or is_hangul(char)


def _after_sure(text: str, at: int, stop: int, final: bool) -> int:
    """The end after a mark that ends a sentence by itself."""
    if text[at] == "．" and _WIDE_INITIAL.match(text[at - 1 : at]):
        return NO
    if text[at] in "！？" and text[stop] in "とっな":
        if stop + _LONGEST_QUOTING > len(text) and not final:
            return WAIT
        if _QUOTING.match(text, stop):
            return NO
    if text[at] == "۔":
        answer = ends_at_urdu_stop(text, at, look_ahead(text, stop, final), final)
        if answer < 0:
            return answer
    if text[at] == "។":
        if at == 0 or text.startswith("ល។", stop) or text.startswith("។ល", at - 2):
            return NO
        if not final and text[stop:] == "ល":
            return WAIT
    return with_emoji(text, stop, final) if is_break(text, stop) else NO


def with_emoji(text: str, stop: int, final: bool) -> int:
    """``stop``, or the end of the emoji that close the sentence after it."""
    ahead = look_ahead(text, stop, final)
    if ahead.at >= len(text):
        return stop if ahead.kind == "end" else WAIT
    found = EMOJI_RUN.match(text, ahead.at)
    if not found or POINTERS.match(text, ahead.at):
        return stop
    if found.end() >= len(text) and not final:
        return WAIT
    return found.end() if is_break(text, found.end()) else stop


def _after_emoji(text: str, at: int, stop: int, emoji: re.Match[str], final: bool) -> int:
    """The end when an emoji stands after the end mark: it closes the sentence, or opens one."""
    end = emoji.end()
    if end >= len(text) and not final:
        return WAIT
    if POINTERS.match(text, emoji.start()):
        return stop
    ahead = look_ahead(text, end, final)
    answer = _decide(text, at, end, ahead, final)
    if answer < 0:
        return answer
    return end if ahead.at > end or ahead.kind == "end" or is_east_asian(text[ahead.at]) else stop


def _decide(text: str, at: int, stop: int, ahead: Ahead, final: bool) -> int:
    """Whether the end marks from ``at`` end a sentence: positive, ``NO`` or ``WAIT``."""
    kind = ahead.kind
    if kind == "wait":
        return WAIT
    if kind in ("other", "line"):
        return NO  # a line's end is judged by itself
    if kind == "end":
        return 1
    if text[at] in STRONG or (stop > at + 1 and _ANY_STRONG.search(text, at, stop)):
        if kind == "upper" and _EXCLAIMING.search(text, max(0, at - 12), at):
            return NO
        goes_on = kind == "lower" and not (is_caseless(text[at - 1]) or lowercase_style(text, at))
        return NO if goes_on else 1
    if text[at] in "…‥" or text.startswith("..", at):
        return _after_ellipsis(text, at, ahead, final)
    return ends_at_stop(text, at, ahead, final)


def _after_ellipsis(text: str, at: int, ahead: Ahead, final: bool) -> int:
    """A thought breaks off: it is a sentence when it was long, or when a small word opens next."""
    if ahead.kind != "upper":
        return NO
    if len(text[sentence_start(text, at) : at].split()) < _LONG_THOUGHT:
        return opens_with_small_word(text, at, ahead.letter, final)
    word = next_word(text, ahead.letter, final)
    return WAIT if word is None else (NO if word.startswith("I") else 1)


def line_ends_sentence(line: str) -> bool:
    """Whether a whole line closes with an end mark or an emoji."""
    line = line.rstrip()
    tail = max(0, len(line) - _LONGEST_TAIL)
    return bool(_LINE_TAIL.search(line, tail)) and not _TITLE_TAIL.search(line, tail)
