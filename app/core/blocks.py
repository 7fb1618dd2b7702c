"""What a line is: the block structure of Markdown as it streams, one line at a time."""

import re
from typing import Literal, NamedTuple, cast

from app.core.graphemes import size
from app.core.vocabulary import MONTHS

# What a line is part of; a ``label`` is text that an emoji opens, as lists without markers have it.
Kind = Literal["blank", "text", "label", "item", "heading", "table", "quote", "fence", "rule"]


class Fence(NamedTuple):
    """A code block that is open.

    Attributes:
        opening: Its first line, with the language tag.
        mark: The backticks or tildes that it opens with, and closes with.
    """

    opening: str
    mark: str

    def closes(self, line: str) -> bool:
        """Whether a line is the block's last one."""
        found = _FENCE_LINE.match(line)
        return found is not None and found[1].startswith(self.mark)


class Line(NamedTuple):
    """A line whose kind is known.

    Attributes:
        start: Its index.
        kind: What it is part of.
        indent: How far it stands in, in columns.
        item: How far the list item around it stands in; -1 outside lists.
        labelled: The line before it was opened by an emoji, too.
    """

    start: int
    kind: Kind
    indent: int = 0
    item: int = -1
    labelled: bool = False


EMOJI = (
    "\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299"
    "\u203c\u2049\u2122\u2139\u2194-\u21aa\U0001f000-\U0001faff"
)
EMOJI_RUN = re.compile(f"[{EMOJI}][{EMOJI}\ufe0f\u200d\u20e3\U000e0020-\U000e007f]*")

# Letters that number items before a bracket: Latin, Cyrillic, Hebrew, Arabic, Hindi, Bengali.
_LETTER = "[a-zA-Zа-яА-Яא-תأ-يअ-हঅ-হ]"
_MARKER = (
    rf"[-*+–—·✓✔✗☐☑]|\(?\d{{1,3}}[-.)۔।။፤]|\(?{_LETTER}\)|[أ-ي]-|[a-hA-Hא-ו][.]"
    r"|[ivxIVX]{1,4}[.)]|[（(][一二三四五六七八九十\d]{1,3}[）)]|[0-9]\ufe0f?\u20e3"
)
# Markers that East Asia sets no space behind.
_TOUCHING = (
    r"[①-⑳]|[一二三四五六七八九十]{1,3}、|（[一二三四五六七八九十\d]{1,3}）|\d{1,2}[、．）]"
    r"|\d{1,2}[.)](?=[“*]|[^\x00-\u3004])"
)
# A row of a table, the border of a drawn one, or the line below a head that no pipe opens.
_ROW_MARKS = "|│┌├└║╔╠╚"
_ROW = rf"[{_ROW_MARKS}]|[+][-=]{{2}}|:?-{{2,}}:?[ \t]*\|"
_LINE = re.compile(
    rf"""[ \t]*(?:
    (?P<blank>\r?\n)
    | (?P<fence>`{{3,}}|~{{3,}})
    | (?P<rule>(?:\*[ \t]*){{3,}}\r?\n|(?:-[ \t]*){{3,}}\r?\n|(?:_[ \t]*){{3,}}\r?\n)
    | (?P<heading>\#{{1,6}}[ \t])
    | (?P<item>(?:{_MARKER})(?=[ \t\u00a0])|[•◦▪▫‣⁃・･]|[●○■□](?![●○■□])|{_TOUCHING})
    | (?P<table>{_ROW})
    | (?P<quote>>)
    | (?P<label>[{EMOJI}])
    )""",
    re.X,
)
# The beginning of a line that may still become a marker, a rule or a fence.
_UNSETTLED = re.compile(
    r"[ \t]*(?:`{0,3}|~{0,3}|\#{1,6}|[*][*\s]*|-[-\s]*|_[_\s]*|[+–—·✓✔✗☐☑①-⑳●○■□\r>$\\]"
    rf"|[(（]?(?:\d{{0,3}}|{_LETTER}|[ivxIVX]{{2,4}}|[一二三四五六七八九十]{{1,3}})"
    r"[-.)）۔।။፤\ufe0f]?\u20e3?|:?-*:?[ \t]*|[+][-=])\Z"
)
_MOST_UNSETTLED = 80
# Letters that may open a marker although a letter follows.
_MAY_MARK = "ivxIVX一二三四五六七八九十ℹ"

# A number that opens a line, and the word after it: "17. mai" is a date, "1. Flour" an item.
_NUMBERED = re.compile(r"\d{1,2}[.] ([^\W\d_]{0,16})")
_MONTHS_SO_FAR = frozenset(month[:length] for month in MONTHS for length in range(len(month) + 1))

# Whole lines that head what comes below them: all bold, or a bold label with a number.
BOLD_LINE = re.compile(
    r"[ \t]*(?:[^\w\s]{1,4}[ \t]*)?(?:\d{1,3}[.)][ \t]*)?"
    r"(\*{1,3}|_{1,3})(?=\S)[^\n]{1,118}?\1[ \t]*:?\s*$"
)
_FENCE_LINE = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*\r?$")
# The most characters of a code block's opening line.
_MOST_INFO = 200
# A line of these many characters that ends without a mark is a title rather than a sentence.
TITLE = 60
# A line that introduces what comes below it.
LEAD_IN = re.compile(r"[:：]\s*[*_]{0,3}\s*$")


def kind_of_line(text: str, at: int, final: bool) -> Kind | None:
    """The kind of the line that starts at ``at``.

    ``None`` when the line has too few characters to tell (never when ``final``).
    """
    if text[at + 1 : at + 2].isalpha() and text[at].isalpha() and text[at] not in _MAY_MARK:
        return "text"  # most often; what follows says the same
    if not final and len(text) - at < _MOST_UNSETTLED and _UNSETTLED.match(text, at):
        return None
    found = _LINE.match(text, at)
    kind = cast("Kind", found.lastgroup) if found else "text"
    numbered = _NUMBERED.match(text, at) if kind == "item" else None
    if numbered is None:
        return kind
    word = numbered[1].lower()
    if numbered.end() == len(text) and not final and word in _MONTHS_SO_FAR:
        return None
    return "text" if word in MONTHS else kind


def fence_at(text: str, at: int, final: bool) -> Fence | Literal[False] | None:
    """The code block that opens with the line at ``at``.

    ``False`` when it is code inside a line after all, ``None`` before the line is whole.
    """
    newline = text.find("\n", at, at + _MOST_INFO)
    if newline < 0:
        return False if final or len(text) >= at + _MOST_INFO else None
    opening = text[at:newline].rstrip()
    info = opening.lstrip(" \t>")
    mark = info[: len(info) - len(info.lstrip(info[0]))]
    return False if "`" in mark and "`" in info[len(mark) :] else Fence(opening, mark)


def indentation(text: str, at: int) -> int:
    """How far the line at ``at`` stands in, in columns."""
    end = at
    while end < len(text) and text[end] in " \t":
        end += 1
    return len(text[at:end].expandtabs(4))


def next_line(text: str, newline: int, final: bool) -> tuple[int, bool] | None:
    """The start of the next line that is not blank, and whether blank ones stand before it.

    ``None`` when it has not begun to show yet; the end of the text when ``final``.
    """
    start, blank, at = newline + 1, False, newline + 1
    while at < len(text):
        if at - newline > _MOST_UNSETTLED:
            return at, True
        char = text[at]
        if char == "\n":
            start, blank = at + 1, True
        elif char not in " \t\r":
            return start, blank
        at += 1
    return (len(text), True) if final else None


def is_bare(row: str) -> bool:
    """Whether a table's row is of one whose rows no mark opens."""
    return row.lstrip(" \t")[:1] not in f"{_ROW_MARKS}+"


def has_bare_rows(text: str, table: int) -> bool:
    """Whether the table or code block that begins at ``table`` is a table without such marks."""
    return text[table : table + _MOST_UNSETTLED].lstrip(" \t")[:1] in tuple("-:")


def is_title(line: str) -> bool:
    """Whether a line without a closing mark is short enough to head what comes below it."""
    return size(line.strip()) < TITLE
