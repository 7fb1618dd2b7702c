"""May a bubble end where this line ends?"""

import re
from enum import StrEnum
from typing import Literal

from app.core.blocks import (
    BOLD_LINE,
    EMOJI,
    LEAD_IN,
    Line,
    indentation,
    is_bare,
    is_title,
    kind_of_line,
    next_line,
)
from app.core.sentences import line_ends_sentence
from app.core.unmarked import PARTICLES

# Items, headings and quotes longer than this give up being whole: then their sentences count.
WHOLE = 600

# Marks of items that head lists and paragraphs as well.
_HEADS = "●○■□"

_ANY_EMOJI = re.compile(f"[{EMOJI}]")
# A bold label and what it tells, as in "**Room:** 12".
_LABELLED = re.compile(r"([*_]{1,2})[^*_\n]{1,40}(?::\1|\1:) ?\S")
_EMOJI_TAIL = re.compile(f"[{EMOJI}\ufe0f]$")


class Why(StrEnum):
    """What a bubble ended with."""

    SENTENCE = "a sentence ends"
    ITEM = "a list item ends"
    TABLE = "a table ends"
    FENCE = "a code block ends"
    QUOTE = "a block quote ends"
    PARAGRAPH = "a paragraph ends"
    LINE = "a line ends, past the maximum"
    LIMIT = "the hard limit is reached"
    CLOSE = "the answer ends"


# ``False``: not here. ``None``: the text that decides has not come.
Judged = Why | Literal[False] | None


def judge_line(text: str, line: Line, end: int, newline: int, past: bool, final: bool) -> Judged:
    """Whether a bubble may end with a line, and why.

    Args:
        end: The index after the line's last visible character.
        newline: The index of its line end.
        past: The bubble is past its maximum, so that bearable places count.
    """
    if line.kind in ("heading", "rule"):
        return False
    if line.kind == "fence" and line.indent <= max(line.item, 0):
        return Why.FENCE
    if line.kind in ("item", "fence"):
        heads = text[line.start] in _HEADS
        return Why.LINE if past and not heads else _judge_item(text, line, end, newline, final)
    if line.kind in ("table", "quote"):
        return _judge_rows(text, line, newline, final)
    return _judge_text(text, line, end, newline, past, final)


def _judge_item(text: str, line: Line, end: int, newline: int, final: bool) -> Judged:
    """An item ends before its next sibling, not before the lines that belong to it."""
    words = text[line.start : end]
    if LEAD_IN.search(words):
        return False
    following = next_line(text, newline, final)
    if following is None:
        return None
    if indentation(text, following[0]) > line.item:
        return False
    if text[line.start] in _HEADS and not text.startswith(text[line.start], following[0]):
        return Why.ITEM if line_ends_sentence(words) else False
    if BOLD_LINE.match(words):  # it heads what comes, unless a sibling does
        kind = kind_of_line(text, following[0], final)
        return None if kind is None else (Why.ITEM if kind == "item" else False)
    return Why.ITEM


def _judge_rows(text: str, line: Line, newline: int, final: bool) -> Judged:
    """Tables and block quotes end before the first line that has not their mark.

    A table whose rows no pipe opens ends before a blank line.
    """
    after = newline + 1
    while after < len(text) and text[after] in " \t":
        after += 1
    if after >= len(text) and not final:
        return None
    if line.kind == "table":
        if is_bare(text[line.start : newline]):
            return Why.TABLE if text[after : after + 1] in ("", "\r", "\n") else False
        kind = kind_of_line(text, after, final) if after < len(text) else "blank"
        return None if kind is None else (False if kind == "table" else Why.TABLE)
    if text[after : after + 1] != ">":
        return Why.QUOTE
    return Why.LINE if newline > WHOLE else False


def _judge_text(text: str, line: Line, end: int, newline: int, past: bool, final: bool) -> Judged:
    words = text[line.start : end]
    if BOLD_LINE.match(words):
        return False
    emoji = bool(_EMOJI_TAIL.search(words))
    if words.endswith(PARTICLES) or (line_ends_sentence(words) and not emoji):
        return Why.SENTENCE
    if LEAD_IN.search(words):
        return Why.LINE if past else False
    following = next_line(text, newline, final)
    if following is None:
        return None
    start, blank = following
    title = blank and is_title(words) and not _is_last_of_block(text, line.start)
    if past and not title and "|" not in words:
        return Why.LINE
    kind = kind_of_line(text, start, final)
    if kind is None:
        return None
    if past and not title and kind != "table":  # whose head this would be
        return Why.LINE
    listed = line.kind == "label" and (line.labelled or kind == "label")
    listed = listed or (not blank and text[start] in "*_" and bool(_LABELLED.match(words)))
    chat = not blank and words[-1].isalnum() and _is_chat(text, line.start, start)
    whole = emoji or listed or chat or (blank and not title)
    return Why.PARAGRAPH if whole and kind not in ("item", "table") else False


def _is_chat(text: str, start: int, following: int) -> bool:
    """Whether a paragraph with emoji and two lines in it open with small letters, as in chats.

    The lines of a paragraph that is broken at a width do so as well, but not its first.
    """
    blank = text.rfind("\n\n", 0, start)
    first = blank + 2 if blank >= 0 else 0
    small = all(text[at : at + 1].islower() for at in (first, start, following))
    return small and _ANY_EMOJI.search(text, first, following) is not None


def _is_last_of_block(text: str, start: int) -> bool:
    """Whether the line at ``start`` is the third or a later one of an address, a verse or the like.

    The one above it ends no sentence, so that it heads nothing; a firm's name may end in a stop.
    """
    for nearer in (True, False):
        end = start - 1
        start = text.rfind("\n", 0, max(0, end)) + 1
        words = text[start : max(0, end)]
        if not words.strip() or kind_of_line(text, start, True) not in ("text", "label"):
            return False
        if BOLD_LINE.match(words) or (nearer and line_ends_sentence(words)):
            return False
    return True
