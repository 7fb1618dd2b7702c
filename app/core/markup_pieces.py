"""The pieces of a paragraph, and which of its runs of marks belong together."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from app.core.markup_reading import word_after, word_before

Style = Literal["*", "_", "~"]


class Mark(NamedTuple):
    """Where a style begins or ends, in WhatsApp's own sign for it."""

    style: Style
    opens: bool


@dataclass(slots=True)
class Run:
    """A run of ``*``, ``_`` or ``~`` that may be markup.

    Attributes:
        left: How many of its characters have found no partner yet.
        line: Which line of the paragraph it is on.
        worded: How many pieces with something to read came before it.
        debris: Whether it goes away when it finds no partner; else it is text.
        leans: Whether it comes right after a pause and a blank, as in ``**Note: **text``.
        ends, begins: The marks that it has become.
    """

    text: str
    opens: bool
    closes: bool
    line: int
    worded: int
    left: int
    debris: bool = False
    leans: bool = False
    ends: list[Mark] = field(default_factory=list)
    begins: list[Mark] = field(default_factory=list)


Piece = str | Mark

_PAUSES = tuple(":.,;!?)»”、。：")
_OPENING, _SHUTTING = "([{¿¡", ")]}"
_KEYCAP = ("\ufe0f", "\u20e3")
_FILE_NAME = re.compile(r"[./@-]\w")
# Scripts that put no blanks between words, so that a mark between two letters is still a mark.
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


def run_at(text: str, start: int, end: int, *, line: int, worded: int) -> Run | None:
    """The run of marks between two places of a paragraph; ``None`` when it is only text."""
    run = text[start:end]
    if len(run) > 3 or (run[0] == "~" and len(run) != 2) or text.startswith(_KEYCAP, end):
        return None
    opens, closes = _sides(text, start, end)
    return Run(
        run,
        opens,
        closes,
        line,
        worded,
        left=len(run),
        debris=opens != closes and _is_debris(text, start, end, opens=opens),
        leans=not closes and text[max(0, start - 2) : start - 1].endswith(_PAUSES),
    )


def _sides(text: str, start: int, end: int) -> tuple[bool, bool]:
    """Whether a run of marks may open and may close, by what stands on its two sides."""
    before = text[start - 1] if start else "\n"
    after = text[end] if end < len(text) else "\n"
    double = end - start > 1 and text[start] != "_"
    opens = not after.isspace() and after not in (_SHUTTING if double else _SHUTTING + ".,;:!?")
    closes = not before.isspace() and before not in _OPENING
    worded = word_before(text, start), word_after(text, end)
    if any(worded) and (_SPACELESS.match(before) or _SPACELESS.match(after)):
        return opens, closes
    if double:
        if before == "\n" and text[start] == "*" and text[end + 1 : end + 2].strip():
            return True, False
        if all(worded) and not (before.isalpha() and after.isalpha()):
            return False, False
        return opens, closes
    if text[start] == "_" and _FILE_NAME.match(text, end):
        closes = False
    return opens and not worded[0], closes and not worded[1]


def _is_debris(text: str, start: int, end: int, *, opens: bool) -> bool:
    """Whether a run without a partner is a broken mark, and not a masked digit or an f***."""
    if text[start] == "_" or end - start == 1 or (end - start == 3 and not opens):
        return False
    beside = text[end if opens else start - 1]
    return not beside.isdigit() and not beside.isspace()


_STYLES: dict[int, tuple[Style, ...]] = {1: ("_",), 2: ("*",), 3: ("*", "_")}
_FITS = {1: (1, 3), 2: (2, 3), 3: (3, 2, 1)}


def pair(pieces: list[Piece | Run]) -> list[Piece]:
    """The pieces with every run of marks turned into styles, text, or nothing."""
    runs = [piece for piece in pieces if isinstance(piece, Run)]
    _lean(runs)
    opened: list[Run] = []
    waiting: Counter[tuple[str, int]] = Counter()
    for run in runs:
        if run.closes:
            _close(run, opened, waiting)
        if run.opens and run.left:
            opened.append(run)
            waiting[run.text[0], run.left] += 1
    settled: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Run):
            whole = piece.left == len(piece.text) and not piece.debris
            settled += [*piece.ends, piece.text if whole else "", *piece.begins]
        else:
            settled.append(piece)
    return settled


def _lean(runs: list[Run]) -> None:
    """Let ``**Note: **text`` close where it was meant to, unless a better pair follows."""
    opener: Run | None = None
    for place, run in enumerate(runs):
        if run.text != "**":
            continue
        if opener and run.leans and run.opens and opener.line == run.line:
            following = next(
                (later for later in runs[place + 1 : place + 9] if later.text == "**"), None
            )
            if following is None or following.line != run.line or not following.closes:
                run.opens, run.closes = False, True
        opener = None if run.closes and opener else run if run.opens else opener


def _close(run: Run, opened: list[Run], waiting: Counter[tuple[str, int]]) -> None:
    mark = run.text[0]
    while run.left and any(waiting[mark, size] for size in _FITS[run.left]):
        opener = opened.pop()
        waiting[opener.text[0], opener.left] -= 1
        if opener.text[0] != mark or opener.left not in _FITS[run.left]:
            continue
        if opener.worded == run.worded:
            return
        size = min(opener.left, run.left)
        opener.left -= size
        run.left -= size
        styles = _STYLES[size] if mark != "~" else ("~",)
        opener.begins = [*(Mark(style, True) for style in styles), *opener.begins]
        run.ends += [Mark(style, False) for style in reversed(styles)]
        if opener.left:
            opened.append(opener)
            waiting[mark, opener.left] += 1
