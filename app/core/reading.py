"""Reads a bubble's text from event to event and finds the first place where it may end.

An event is a character that can matter: an end mark, an opening mark, a line's end, an emoji. Each
is judged as soon as the characters after it allow; one whose judgement must wait holds back all
that follows, so the size of the deltas cannot change a place.
"""

import re
from collections.abc import Callable
from typing import Literal

from app.core.blocks import (
    EMOJI,
    EMOJI_RUN,
    Fence,
    Line,
    fence_at,
    has_bare_rows,
    indentation,
    kind_of_line,
)
from app.core.graphemes import size, units
from app.core.lines import WHOLE, Why, judge_line
from app.core.quotations import end_after_span
from app.core.sentences import RUN, STRONG, SURE, end_at_terminator
from app.core.spans import ADDRESS_END, NO, WAIT, end_of_span
from app.core.unmarked import end_at_emoji, end_at_look_alike, end_at_space, end_at_tilde

# How much a sentence's end may stand behind its end mark: closing marks and emoji.
_NEAR = 24
# A code block whose opening line takes more of the limit than one part in this is read as text.
_FENCE_PART = 3

# While a stretch is open: what may close it, after how many characters it is known to be one, and
# how many must come before it is given up.
_CLOSING = {
    ":": ADDRESS_END,
    "$": re.compile("[\n$]"),
    "": re.compile("[\n\"'”’“»«›‹)）\\]」』】》〉〕］〞〟*_`~$\\\\]"),
}
_OPENED = 3
_LATE_OPENED = {"'": 8, "*": 8}  # "'cause", "*123#"
_YOUNGEST = 150


def _characters(ranges: str) -> list[str]:
    """The characters that a regular expression's set stands for."""
    chars: list[str] = []
    for found in re.finditer("(.)-(.)|(.)", ranges):
        first, last, single = found.groups()
        chars += single or map(chr, range(ord(first), ord(last) + 1))
    return chars


_FLAT_EMOJI = [char for char in _characters(EMOJI) if char <= "\uffff"]
_ASTRAL = "".join(char for char in _characters(SURE) if char > "\uffff")
# Characters that are events wherever they stand, whatever comes after them.
_ALWAYS = r"\n`*~\"“„‟”«»‹›‘‚(\[（「『《〈【〔［〝\\…‥～〜؟‼⁇⁈⁉‽⸘" + "".join(
    char for char in (*_characters(SURE), *_FLAT_EMOJI) if char <= "\uffff"
)
# The search runs to the first set without trying branches, which makes it three times as fast. Most
# spaces leave at the first branch; astral characters, which make a set slow, are tried last.
EVENT = re.compile(
    rf"[.!?'_:;$ \u00a0፡{_ALWAYS}\U00010a56-\U0001faff]"
    r"(?:(?<=[\u0e00-\u0eff][ \u00a0])|(?<![ \u00a0])(?:"
    r"(?<=[^.!?'_:;$፡\U00010a56-\U0001faff])|(?<=[.])(?!\w)|(?<=[!?])(?![0-9A-Za-z\u00c0-\u1fff])"
    r"|(?<=['_])(?<!\w['_])|(?<=:)(?=/|$)|(?<=[$])(?![\s\d])|(?<=[\u0561-\u0587]:)(?=\s)"
    rf"|(?<=[\u0370-\u03ff\u1f00-\u1fff];)|(?<=፡፡)|(?<=[{_ASTRAL}\U0001f000-\U0001faff])))"
)
_Rule = Callable[[str, int, int, bool], int]


# What may end a sentence: as far as it runs on, and the rule that decides.
_Event = tuple[re.Pattern[str], _Rule]

_LOOK_ALIKE: _Event = re.compile("."), end_at_look_alike
_EMOJI: _Event = EMOJI_RUN, end_at_emoji
_TILDE: _Event = re.compile("[~～〜]+"), end_at_tilde
_EVENTS: dict[str, _Event] = {
    **dict.fromkeys(_FLAT_EMOJI, _EMOJI),
    **dict.fromkeys(_characters(f".…‥{STRONG}{SURE}"), (RUN, end_at_terminator)),
    **dict.fromkeys(" \u00a0", (re.compile("[ \u00a0]+"), end_at_space)),
    **dict.fromkeys("～〜", _TILDE),
    **dict.fromkeys(";፡", _LOOK_ALIKE),
}
_REPEATED = frozenset("*_`~$")
# Lines that are read for sentences.
_PROSE = ("text", "label")

Place = tuple[int, Why]
# A place, ``True`` to read on, ``None`` when there is no more to read yet.
_Step = Place | Literal[True] | None


class Reader:
    """Reads one bubble after the other of one answer.

    Attributes:
        text: What is held: the bubble so far, and perhaps more.
        at: All before it has been read.
        line: The line that is being read, ``None`` before its kind is known.
        fence: The code block that is open.
        block: Where the table or code block begins that is being read, -1 outside.
        least: A place counts from this size of the text on.
        most: From this size on, bearable places count as well.
        idle: Below this length, the text cannot have the least size; 0 once it has it.
    """

    __slots__ = (
        "_closing",
        "_gathered",
        "_hard",
        "_quiet",
        "_sized",
        "at",
        "block",
        "fence",
        "idle",
        "item",
        "labelled",
        "least",
        "line",
        "most",
        "text",
    )

    def __init__(self, hard: int) -> None:
        self._hard = hard
        self.idle = 1
        self._gathered = (0, 0)  # how much was gathered when that was asked last, and its size
        self._sized = (0, 0)  # where a place was judged last, and the size of the text before it
        self._quiet = 0  # up to this length, only one of these can end the waiting
        self._closing = _CLOSING[""]
        self.text = ""
        self.at = 0
        self.line: Line | None = None
        self.fence: Fence | None = None
        self.block = -1
        self.item = -1
        self.labelled = False
        self.least = self.most = 0

    def start(self, text: str) -> None:
        """Begins a bubble, in the middle of the line that was read if that is known."""
        self.text, self.at, self.block = text, 0, -1
        self.idle = 1
        self._quiet, self._gathered, self._sized = 0, (0, 0), (0, 0)
        if self.line is not None:
            _, kind, indent, _, labelled = self.line
            self.line = Line(0, kind, indent, self.item, labelled)

    def skips(self, delta: str) -> bool:
        """Takes a delta that can decide nothing; False leaves it alone."""
        text = self.text + delta
        length = len(text)
        if length >= self.idle:
            if 2 * length > self._hard:
                return False
            if not (self.gathers(text) if self.idle else self._reads_past(text, delta)):
                return False
        self.text = text
        return True

    def gathers(self, text: str) -> bool:
        """Whether a text, which begins with the held one, is too small for a bubble.

        Notes from which length on that must be asked again.
        """
        if 2 * len(text) < self.least:  # even if all of it is wide
            missing = self.least - 2 * len(text)
        else:
            length, known = self._gathered
            known += size(text[length:])
            self._gathered = len(text), known
            missing = self.least - known
        # What comes may be wide and count double.
        self.idle = min(len(text) + (missing + 1) // 2, self._hard // 2) if missing > 0 else 0
        return missing > 0

    def _reads_past(self, text: str, delta: str) -> bool:
        """Whether a delta holds no event, or none that could end the waiting."""
        line = self.line
        if line is None:
            return False
        if self.at + len(delta) == len(text):
            if line.kind in _PROSE:
                found = EVENT.search(text, self.at)
                # But for a line's end, no event is judged before something follows it.
                quiet = not found or (text[found.end() :] in ("", " ") and found[0] != "\n")
                reached = found.start() if found else len(text)
            else:
                quiet = "\n" not in delta and len(text) - line.start <= WHOLE
                reached = len(text)
            if quiet:
                self.at = reached
            return quiet
        if self.fence:
            return "\n" not in delta
        return len(text) < self._quiet and not self._closing.search(delta)

    def next_place(self, final: bool) -> Place | None:
        """The next place where the bubble may end; ``None`` when more text is needed."""
        while True:
            line = self.line or self._open_line(final)
            if line is None:
                return None
            if self.fence:
                step = self._read_fence(self.fence)
            elif line.kind in _PROSE:
                step = self._read_text(line, final)
            else:
                step = self._read_line(line, final)
            if step is not True:
                return step

    def _open_line(self, final: bool) -> Line | None:
        """Finds out what the line at hand is; ``None`` when too little of it is here."""
        text, at = self.text, self.at
        kind = kind_of_line(text, at, final) if at < len(text) else None
        if kind == "fence":
            fence = fence_at(text, at, final)
            if fence is None:
                return None
            if fence and _FENCE_PART * units(fence.opening) <= self._hard:
                self.fence = fence
            else:
                kind = "text"
        if kind is None:
            return None
        indent = indentation(text, at)
        if self.block >= 0 and kind in _PROSE and has_bare_rows(text, self.block):
            kind = "table"
        if kind == "item":
            self.item = indent
        elif kind != "blank" and indent <= self.item:
            self.item = -1
        elif self.item >= 0 and kind in _PROSE:
            kind = "item"
        if kind == "fence" or (kind == "table" and self.block < 0):
            self.block = at
        elif kind != "table":
            self.block = -1
        self.line = Line(at, kind, indent, self.item, self.labelled)
        if self.fence:
            self.at = text.index("\n", at)
        return self.line

    def _read_fence(self, fence: Fence) -> _Step:
        """Reads on to the closing line, whose end is a line's end like others."""
        while True:
            newline = self.text.find("\n", self.at + 1)
            if newline < 0:
                return None
            line = self.text[self.at + 1 : newline]
            self.at = newline
            if fence.closes(line):
                self.fence = None
                return True

    def _read_line(self, line: Line, final: bool) -> _Step:
        """Reads a line that is kept whole."""
        newline = self.text.find("\n", self.at)
        reached = newline if newline >= 0 else len(self.text)
        if reached - line.start > WHOLE and line.kind not in ("table", "fence"):
            self.line = Line(line.start, "text", line.indent, line.item)
            self.at = line.start
            return True
        self.at = reached
        return self._end_line(line, newline, final) if newline >= 0 else None

    def _end_line(self, line: Line, newline: int, final: bool) -> _Step:
        end = len(self.text[:newline].rstrip())
        self.labelled = line.kind == "label"
        if line.kind != "blank" and end > line.start and self._holds(end, self.least):
            past = self._holds(end, self.most)
            why = judge_line(self.text, line, end, newline, past, final)
            if why is None:
                return None
            if why:
                return end, why
        self.at = newline + 1
        self.line = None
        return True

    def _holds(self, end: int, wanted: int) -> bool:
        """Whether the text up to ``end`` is of a size."""
        if end >= wanted or 2 * end < wanted:
            return end >= wanted
        length, known = self._gathered
        if end <= length == known:
            return False  # nothing is wide so far
        at, known = self._sized
        if end < at:
            at = known = 0
        known += size(self.text[at:end])
        self._sized = (end, known)
        return known >= wanted

    def _read_text(self, line: Line, final: bool) -> _Step:
        """Reads a paragraph from event to event."""
        text = self.text
        while found := EVENT.search(text, self.at):
            at = self.at = found.start()
            char = text[at]
            if char == "\n":
                return self._end_line(line, at, final)
            if line.labelled and line.kind == "label":
                self.at = at + 1  # items without markers are whole
                continue
            event = _EVENTS.get(char)
            if not event and (char in ":~" or char > "\uffff"):
                event = _event_at(text, at)
            end = self._judge(event, at, final) if event else self._judge_span(at, final)
            if end == WAIT:
                return None
            if end > 0 and self._holds(end, self.least):
                return end, Why.SENTENCE
        self.at = len(text)
        return None

    def _judge(self, event: _Event, at: int, final: bool) -> int:
        """Where a sentence ends with the event at ``at``, or ``NO``. ``WAIT`` reads nothing."""
        text = self.text
        run, rule = event
        stop = at + 1
        if not text.startswith(" ", stop) and (found := run.match(text, at)):
            stop = found.end()
        if stop >= len(text) and not final:
            return WAIT
        end = rule(text, at, stop, final) if self._holds(at, self.least - _NEAR) else NO
        if end != WAIT:
            self.at = stop
        return end

    def _judge_span(self, at: int, final: bool) -> int:
        """The same for a stretch that opens at ``at``, or for a mark that opens none."""
        text = self.text
        self._quiet = 0
        stop = end_of_span(text, at, final)
        if stop == WAIT:
            opened = len(text) > at + _LATE_OPENED.get(text[at], _OPENED)
            self._closing = _CLOSING.get(text[at]) or _CLOSING[""]
            if opened and not self._closing.search(text, at + _OPENED):
                self._quiet = at + _YOUNGEST
            return WAIT
        end = NO
        if stop == NO:
            stop = at + 1
            while stop < len(text) and text[stop] == text[at] and text[at] in _REPEATED:
                stop += 1
        elif self._holds(stop, self.least - _NEAR):
            end = end_after_span(text, at, stop, final)
        if end != WAIT:
            self.at = stop
        return end


def _event_at(text: str, at: int) -> _Event | None:
    """The rule for a character that has more than one; ``None`` when it opens a stretch."""
    char = text[at]
    if char == "~":
        return None if text.startswith("~~", at) else _TILDE
    if char == ":" and "\u0561" <= text[at - 1 : at] <= "\u0587":
        return _LOOK_ALIKE
    return _EMOJI if char >= "\U0001f000" else None
