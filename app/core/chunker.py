"""Cuts a streamed answer into bubbles: deltas in, bubble texts out.

The text held is one bubble and a little more. It is read once, from event to event (an end mark,
an opening mark, a line's end), and each place where a bubble might end is judged as soon as the
characters after it allow. A place whose judgement must wait holds back all that follows, so the
size of the deltas cannot change a cut.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from app.core.blocks import (
    BOLD_LINE,
    EMOJI,
    EMOJI_RUN,
    LEAD_IN,
    Kind,
    indentation,
    is_title,
    kind_of_line,
    next_line,
)
from app.core.graphemes import is_break, size, units
from app.core.sentences import (
    RUN,
    SURE,
    end_after_span,
    end_at_colon,
    end_at_emoji,
    end_at_space,
    end_at_terminator,
    end_at_tilde,
    line_ends_sentence,
)
from app.core.spans import NO, WAIT, end_of_span


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


@dataclass(frozen=True, slots=True)
class Cut:
    """One bubble and why it ended where it did."""

    bubble: str
    why: Why


_EVENT = re.compile(
    r"\n"
    rf"|[.](?!\w)|[…‥؟‼⁇⁈⁉‽⸘{SURE}]|[!?](?![0-9A-Za-z\u00c0-\u1fff])"
    r"|(?<!\w)['_]|[`*~\"“„‟”«»‹›‘‚(\[（「『《〈【〔［〝$\\]"
    r"|:(?=/|$)|(?<=[\u0370-\u03ff\u1f00-\u1fff]);|(?<=[\u0e00-\u0eff])[ \u00a0]|[～〜]"
    rf"|(?<=፡)፡|(?<=[\u0561-\u0587]):(?=\s)|[{EMOJI}]"
)
_TERMINATORS = re.compile(f"[.…‥!?؟‼⁇⁈⁉‽⸘{SURE}]")
_EMOJI = re.compile(f"[{EMOJI}]")

# Items, headings and quotes longer than this give up being whole: then their sentences count.
_WHOLE = 600

# Leading white space that is kept: the indentation of a line, at most this much.
_MOST_INDENT = 64

_CLAUSE = re.compile(r"[,;:،؛、，；：—–](?=\s|[\u3040-\u9fff])")
_FENCE_LINE = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*\r?$")

# The most characters of a code block's opening line.
_MOST_INFO = 200
# How far a sentence's end may stand behind its end mark: closing marks and emoji.
_NEAR = 24

# Where a bubble may end, and why.
Place = tuple[int, Why]
# A place, ``False`` for none, ``None`` when the text that decides has not come.
Judged = Place | Literal[False] | None
# A place, ``True`` to read on, ``None`` when there is no more to read yet.
Step = Place | Literal[True] | None

_RULES = {
    ";": end_at_colon,
    "፡": end_at_colon,
    " ": end_at_space,
    "\u00a0": end_at_space,
    "~": end_at_tilde,
    "～": end_at_tilde,
    "〜": end_at_tilde,
}


class Chunker:
    """Cuts one answer. Lossless apart from white space at the cuts; never an error, whatever comes.

    Args:
        min_chars: A bubble ends at the first good place at or past this many characters.
        max_chars: Past this many, bearable places count as well: between lines, after a lead-in.
        hard_chars: The most that a bubble may hold, in UTF-16 units. A code block that must be
            cut there is closed and opened again, all within the limit.

    Wide characters (Chinese, Japanese, Korean) count double towards the first two.
    """

    def __init__(self, min_chars: int = 100, max_chars: int = 200, hard_chars: int = 4000) -> None:
        self._band = self._next_band = (min_chars, max_chars)
        self._hard = max(hard_chars, 1)
        self._text = ""
        self._at = 0  # all before it has been read
        self._enough = min_chars  # nothing can be decided about a text shorter than this
        self._fresh = True  # the bubble has only white space so far
        self._kind = Kind.TEXT
        self._line = 0  # start of the line that is being read
        self._line_open = False  # its kind is known
        self._item = -1  # indentation of the list item around, -1 outside lists
        self._labels = False  # the line before was opened by an emoji
        self._fence = ""  # opening line of the code block around
        self._indent = 0
        self._block = -1  # start of the table or code block that is being read

    @property
    def band(self) -> tuple[int, int]:
        """Least and most characters of the bubbles after the one that is being gathered."""
        return self._next_band

    @band.setter
    def band(self, band: tuple[int, int]) -> None:
        self._next_band = band

    def feed(self, delta: str) -> list[str]:
        """The bubbles that are known to be whole now, often none."""
        return [cut.bubble for cut in self.cuts(delta)]

    def close(self) -> list[str]:
        """The rest, at the end of the answer; nothing when called again."""
        return [cut.bubble for cut in self.last_cuts()]

    def cuts(self, delta: str) -> list[Cut]:
        """Like ``feed``, with the reason of each cut."""
        text = self._text + delta
        length = len(text)
        if (
            length < self._enough
            and 2 * length <= self._hard
            and not self._fresh
            and text.isascii()
        ):
            self._text = text
            return []
        if 2 * length <= self._hard:
            self._text = text
            return self._read(final=False)
        return self._read_in_steps(delta)

    def last_cuts(self) -> list[Cut]:
        """Like ``close``, with the reason of each cut."""
        cuts = self._read(final=True)
        rest = self._text.rstrip()
        if rest.strip():
            cuts.append(Cut(rest, Why.CLOSE))
        self._text = ""
        return cuts

    def _read_in_steps(self, delta: str) -> list[Cut]:
        """Reads a delta that may go past the hard limit, never more than one character past it."""
        cuts: list[Cut] = []
        while delta:
            step = max(1, (self._hard + 1 - units(self._text)) // 2)
            self._text += delta[:step]
            delta = delta[step:]
            cuts += self._read(final=False)
        return cuts

    def _read(self, *, final: bool) -> list[Cut]:
        cuts: list[Cut] = []
        while not self._fresh or self._begin(final):
            place = self._next_place(final)
            if place is None:
                if 2 * len(self._text) <= self._hard or units(self._text) <= self._hard:
                    break
                place = self._place_at_limit()
            elif final and self._is_short(self._text[place[0] :]):
                break
            cuts.append(self._cut(*place))
        return cuts

    def _is_short(self, rest: str) -> bool:
        """Whether what is left at the end is too little for a bubble of its own."""
        return 2 * size(rest.strip()) < self._band[0] and units(self._text) <= self._hard

    def _cut(self, end: int, why: Why) -> Cut:
        bubble = self._text[:end].rstrip()
        if why is Why.LIMIT and self._fence:
            bubble += "\n" + self._closing_fence()
        self._text = self._text[end:]
        self._at = self._line = 0
        self._block = -1
        self._fresh = True
        self._band = self._next_band
        self._enough = self._band[0]
        return Cut(bubble, why)

    def _begin(self, final: bool) -> bool:
        """Readies the text for a bubble's first character; False when that is not here yet."""
        indented = self._drop_space()
        if self._fence and indented:
            if not final and self._may_close_fence():
                return False
            line = self._text.partition("\n")[0]
            if self._closes_fence(line):  # nothing is left inside
                self._fence, self._line_open = "", False
                self._text = self._text[len(line) :]
                indented = self._drop_space()
        if not indented:
            return False
        space = len(self._text) - len(self._text.lstrip())
        if self._fence:
            self._text = self._fence + "\n" + self._text
            self._kind, self._line_open = Kind.FENCE, True
            self._at = len(self._fence)
            space += self._at + 1
        self._fresh = False
        self._enough = self._band[0] + space
        return True

    def _drop_space(self) -> bool:
        """Drops leading white space but for a line's indentation; whether anything is left."""
        rest = self._text.lstrip()
        space = self._text[: len(self._text) - len(rest)]
        newline = space.rfind("\n")
        indent = space[newline + 1 :][:_MOST_INDENT]
        self._at = self._line = 0
        if not rest:
            self._text = "\n" + indent if newline >= 0 else indent
            return False
        if newline >= 0:
            self._line_open = False
        self._text = rest if self._line_open else indent + rest
        return True

    def _may_close_fence(self) -> bool:
        """Whether the text is a line, still unfinished, that may close the code block."""
        start = self._text.lstrip(" \t>")
        return "\n" not in self._text and (not start or start[0] == self._closing_fence()[0])

    def _closes_fence(self, line: str) -> bool:
        found = _FENCE_LINE.match(line)
        return found is not None and found[1].startswith(self._closing_fence())

    def _closing_fence(self) -> str:
        opened = self._fence.lstrip(" \t>")
        return opened[0] * (len(opened) - len(opened.lstrip(opened[0])))

    def _next_place(self, final: bool) -> Place | None:
        """The next place where the bubble ends; ``None`` when more text is needed."""
        while True:
            if not self._line_open and not self._open_line(final):
                return None
            step = self._step(final)
            if step is not True:
                return step

    def _step(self, final: bool) -> Step:
        if self._kind is Kind.FENCE and self._fence:
            return self._read_fence()
        if self._kind in (Kind.TEXT, Kind.LABEL):
            return self._read_text(final)
        return self._read_line(final)

    def _open_line(self, final: bool) -> bool:
        """Finds out what the line at hand is; False when too little of it is here."""
        text, at = self._text, self._at
        if at >= len(text):
            return False
        told = kind_of_line(text, at, final)
        if told is None:
            return False
        kind, indent, _ = told
        if kind is Kind.FENCE and not self._open_fence(at, final):
            if self._fence == "?":
                self._fence = ""
                return False
            kind = Kind.TEXT
        if kind is Kind.ITEM:
            self._item = indent
        elif kind is not Kind.BLANK and indent <= self._item:
            self._item = -1
        elif self._item >= 0 and kind in (Kind.TEXT, Kind.LABEL):
            kind = Kind.ITEM
        self._labels = self._labels and kind is Kind.LABEL
        if kind not in (Kind.FENCE, Kind.TABLE):
            self._block = -1
        elif kind is Kind.FENCE or self._kind is not Kind.TABLE:
            self._block = at
        self._kind, self._indent, self._line, self._line_open = kind, indent, at, True
        return True

    def _open_fence(self, at: int, final: bool) -> bool:
        """Whether a code block opens at ``at``; leaves ``"?"`` when its line is not whole yet."""
        newline = self._text.find("\n", at, at + _MOST_INFO)
        if newline < 0:
            if not final and len(self._text) < at + _MOST_INFO:
                self._fence = "?"
            return False
        line = self._text[at:newline].rstrip()
        if line.lstrip(" \t>")[0] == "`" and "`" in line.lstrip(" \t>`"):
            return False
        if 3 * units(line) > self._hard:
            return False  # no room to open it again in every bubble
        self._fence, self._at = line, newline
        return True

    def _read_fence(self) -> Step:
        """Reads on to the closing line; the rest of the line after it is a plain line's end."""
        text = self._text
        while True:
            newline = text.find("\n", self._at + 1)
            if newline < 0:
                return None
            line = text[self._at + 1 : newline]
            self._at = newline
            if self._closes_fence(line):
                self._fence = ""
                return True

    def _read_line(self, final: bool) -> Step:
        """Reads a line that is kept whole."""
        newline = self._text.find("\n", self._at)
        reached = newline if newline >= 0 else len(self._text)
        if reached - self._line > _WHOLE and self._kind not in (Kind.TABLE, Kind.FENCE):
            self._kind, self._at = Kind.TEXT, self._line
            return True
        self._at = reached
        return self._end_line(newline, final) if newline >= 0 else None

    def _end_line(self, newline: int, final: bool) -> Step:
        text = self._text
        end = len(text[:newline].rstrip())
        if self._kind is not Kind.BLANK and end > self._line and self._reaches(end, 0):
            judged = self._judge_line(end, newline, final)
            if judged is None or judged is not False:
                return judged
        self._labels = self._kind is Kind.LABEL
        self._at = self._line = newline + 1
        self._line_open = False
        return True

    def _reaches(self, end: int, which: int, more: int = 0) -> bool:
        """Whether the text up to ``end`` holds the band's least (0) or most (1) characters.

        ``more`` is added to what it holds.
        """
        wanted = self._band[which] + self._enough - self._band[0] - more
        return end >= wanted or (2 * end >= wanted and size(self._text[:end]) >= wanted)

    def _judge_line(self, end: int, newline: int, final: bool) -> Judged:
        """The line's end as a place; ``False`` when it is none, ``None`` before that is known."""
        kind = self._kind
        if kind in (Kind.HEADING, Kind.RULE):
            return False
        if kind is Kind.FENCE and self._indent <= max(self._item, 0):
            return end, Why.FENCE
        if kind in (Kind.ITEM, Kind.FENCE):
            return self._judge_item(end, newline, final)
        if kind in (Kind.TABLE, Kind.QUOTE):
            return self._judge_rows(end, newline, final)
        return self._judge_text_line(end, newline, final)

    def _judge_item(self, end: int, newline: int, final: bool) -> Judged:
        text = self._text
        past = self._reaches(end, 1)
        if past:
            return end, Why.LINE
        line = text[self._line : end]
        if LEAD_IN.search(line):
            return False
        following = next_line(text, newline, final)
        if following is None:
            return None
        start, _ = following
        if indentation(text, start) > self._item:
            return False
        if BOLD_LINE.match(line):
            told = kind_of_line(text, start, final)
            if told is None:
                return None
            if told[0] is not Kind.ITEM:
                return False
        return end, Why.ITEM

    def _judge_rows(self, end: int, newline: int, final: bool) -> Judged:
        text = self._text
        after = newline + 1
        while after < len(text) and text[after] in " \t":
            after += 1
        if after >= len(text) and not final:
            return None
        mark = "|" if self._kind is Kind.TABLE else ">"
        if text[after : after + 1] == mark:
            long = self._kind is Kind.QUOTE and end > _WHOLE
            return (end, Why.LINE) if long else False
        return end, Why.TABLE if self._kind is Kind.TABLE else Why.QUOTE

    def _judge_text_line(self, end: int, newline: int, final: bool) -> Judged:
        text = self._text
        line = text[self._line : end]
        if BOLD_LINE.match(line):
            return False
        emoji = bool(_EMOJI.match(line[-1]) or line[-1] == "\ufe0f")
        if line_ends_sentence(line) and not emoji:
            return end, Why.SENTENCE
        past = self._reaches(end, 1)
        if LEAD_IN.search(line):
            return (end, Why.LINE) if past else False
        following = next_line(text, newline, final)
        if following is None:
            return None
        start, blank = following
        if past and not (blank and is_title(line)):
            return end, Why.LINE
        told = kind_of_line(text, start, final)
        if told is None:
            return None
        heads = told[0] in (Kind.ITEM, Kind.TABLE)
        whole = emoji or (blank and not is_title(line))
        if self._kind is Kind.LABEL and (self._labels or told[0] is Kind.LABEL):
            whole = True
        return (end, Why.PARAGRAPH) if whole and not heads else False

    def _read_text(self, final: bool) -> Step:
        """Reads a paragraph up to its next event."""
        text = self._text
        event = _EVENT.search(text, self._at)
        if event is None:
            self._at = len(text)
            return None
        at = event.start()
        self._at = at
        char = text[at]
        if char == "\n":
            return self._end_line(at, final)
        if self._labels and self._kind is Kind.LABEL:
            self._at = at + 1  # items without markers are whole
            return True
        near = self._reaches(at, 0, _NEAR)
        judged = self._judge_event(char, at, near, final)
        if judged is None:
            return None
        end, resume = judged
        if end > 0 and self._reaches(end, 0):
            return end, Why.SENTENCE
        self._at = resume
        return True

    def _judge_event(self, char: str, at: int, near: bool, final: bool) -> tuple[int, int] | None:
        """What an event means: where a sentence ends (or ``NO``), and where to read on."""
        text = self._text
        run = RUN.match(text, at) if _TERMINATORS.match(char) else None
        if run is None and _EMOJI.match(char):
            run = EMOJI_RUN.match(text, at)
            rule = end_at_emoji
        elif run is not None:
            rule = end_at_terminator
        elif char in _RULES or (char == ":" and at and "\u0561" <= text[at - 1] <= "\u0587"):
            rule = _RULES.get(char, end_at_colon)
            run = re.compile(re.escape(char) + "+").match(text, at)
        else:
            return self._judge_span(at, near, final)
        stop = run.end() if run else at + 1
        if stop >= len(text) and not final:
            return None
        answer = rule(text, at, final) if near else NO
        return None if answer == WAIT else (answer, max(stop, at + 1))

    def _judge_span(self, at: int, near: bool, final: bool) -> tuple[int, int] | None:
        text = self._text
        end = end_of_span(text, at, final)
        if end == WAIT:
            return None
        if end == NO:
            stop = at + 1
            while stop < len(text) and text[stop] == text[at] and text[at] in "*_`~$":
                stop += 1
            return NO, stop
        if not self._reaches(end, 0, _NEAR):
            return NO, end
        answer = end_after_span(text, at, end, final)
        return None if answer == WAIT else (answer, end)

    def _place_at_limit(self) -> Place:
        """The best place to part a text that fills the hard limit: line, clause, word, cluster."""
        text = self._text
        if self._block > 0 and text[: self._block].strip():
            self._fence = ""
            self._line_open = False
            return self._block, Why.LIMIT
        most = self._most_characters()
        least = max(most // 2, len(self._fence) + 1 if self._fence else 0)
        newline = text.rfind("\n", least, most + 1)
        if newline > 0 and text[:newline].strip():
            return newline, Why.LIMIT
        if not self._fence:
            clauses = [found.end() for found in _CLAUSE.finditer(text, least, most)]
            if clauses:
                return clauses[-1], Why.LIMIT
        for at in range(most, least, -1):
            if text[at].isspace():
                return at, Why.LIMIT
        for at in range(most, len(self._fence) + 1 if self._fence else 0, -1):
            if is_break(text, at):
                return at, Why.LIMIT
        return most, Why.LIMIT

    def _most_characters(self) -> int:
        """How many characters fit under the hard limit, with a code block's closing line."""
        text = self._text
        room = self._hard - (len(self._closing_fence()) + 1 if self._fence else 0)
        most = min(len(text) - 1, room)
        while units(text[:most]) > room:
            most -= max(1, (units(text[:most]) - room) // 2)
        return max(most, 1)
