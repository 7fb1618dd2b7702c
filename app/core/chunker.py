"""Cuts a streamed answer into bubbles: deltas in, bubble texts out.

What is held is one bubble and a little more. ``reading`` finds the places where it may end; here
it is cut, and kept under the hard limit.
"""

from typing import NamedTuple

from app.core.blocks import Fence, Line
from app.core.graphemes import size, units
from app.core.limits import best_place
from app.core.lines import Why
from app.core.reading import Place, Reader

# Leading white space that is kept: the indentation of a line, at most this much.
_MOST_INDENT = 64


class Cut(NamedTuple):
    """One bubble and why it ended where it did."""

    bubble: str
    why: Why


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
        self._reader = Reader(self._hard)
        self._fresh = True  # the bubble has only white space so far

    @property
    def band(self) -> tuple[int, int]:
        """Least and most characters of the bubbles after the one that is being gathered."""
        return self._next_band

    @band.setter
    def band(self, band: tuple[int, int]) -> None:
        self._next_band = band

    def feed(self, delta: str) -> list[str]:
        """The bubbles that are known to be whole now, often none."""
        if not self._fresh and self._reader.skips(delta):
            return []
        cuts = self.cuts(delta)
        return [cut.bubble for cut in cuts] if cuts else []

    def close(self) -> list[str]:
        """The rest, at the end of the answer; nothing when called again."""
        return [cut.bubble for cut in self.last_cuts()]

    def cuts(self, delta: str) -> list[Cut]:
        """Like ``feed``, with the reason of each cut."""
        reader = self._reader
        cuts: list[Cut] = []
        while delta:
            step = len(delta)
            if 2 * (len(reader.text) + step) > self._hard:
                # Never more than one unit past the limit: what is there then decides the cut.
                step = max(1, (self._hard + 1 - units(reader.text)) // 2)
            reader.text += delta[:step]
            delta = delta[step:]
            cuts += self._read(final=False)
        return cuts

    def last_cuts(self) -> list[Cut]:
        """Like ``close``, with the reason of each cut."""
        cuts = self._read(final=True)
        rest = self._reader.text.rstrip()
        if rest.strip():
            cuts.append(Cut(rest, Why.CLOSE))
        self._reader.start("")
        self._fresh = True
        return cuts

    def _read(self, *, final: bool) -> list[Cut]:
        reader, cuts = self._reader, []
        while not self._fresh or self._begin(final):
            small = 2 * len(reader.text) <= self._hard
            if reader.idle and reader.gathers(reader.text) and small and not final:
                break
            place = reader.next_place(final)
            if place is None:
                if small or units(reader.text) <= self._hard:
                    break
                place = self._place_at_limit()
            elif final and self._is_short(reader.text[place[0] :]):
                break
            cuts.append(self._cut(*place))
        return cuts

    def _is_short(self, rest: str) -> bool:
        """Whether what is left at the end is too little for a bubble of its own."""
        return 2 * size(rest.strip()) < self._band[0] and units(self._reader.text) <= self._hard

    def _place_at_limit(self) -> Place:
        reader = self._reader
        if reader.block > 0 and reader.text[: reader.block].strip():
            reader.fence = reader.line = None
            return reader.block, Why.LIMIT  # a table or code block goes whole into the next
        fence = reader.fence
        room = self._hard - (len(fence.mark) + 1 if fence else 0)
        return best_place(reader.text, room, len(fence.opening) + 1 if fence else 0), Why.LIMIT

    def _cut(self, end: int, why: Why) -> Cut:
        reader = self._reader
        bubble = reader.text[:end].rstrip()
        if reader.fence and why is Why.LIMIT:
            bubble += "\n" + reader.fence.mark
        reader.text = reader.text[end:]
        self._band = self._next_band
        self._fresh = True
        return Cut(bubble, why)

    def _begin(self, final: bool) -> bool:
        """Readies the text for a bubble's first character; False when that is not here yet."""
        reader = self._reader
        there = self._drop_space()
        if reader.fence and there:
            line, newline, _ = reader.text.partition("\n")
            start = line.lstrip(" \t>")[:1]
            if not newline and not final and start in ("", reader.fence.mark[0]):
                return False  # it may close the code block
            if reader.fence.closes(line):  # nothing is left inside
                reader.fence = reader.line = None
                reader.text = reader.text[len(line) :]
                there = self._drop_space()
        if not there:
            return False
        space = len(reader.text) - len(reader.text.lstrip())
        least, most = self._band
        if reader.fence:
            space = self._reopen(reader.fence) + space
        reader.least, reader.most = least + space, most + space
        self._fresh = False
        return True

    def _reopen(self, fence: Fence) -> int:
        """Puts a code block's opening line before the rest of it; returns what that adds."""
        reader = self._reader
        reader.start(fence.opening + "\n" + reader.text)
        reader.line = Line(0, "fence", item=reader.item)
        reader.at = len(fence.opening)
        return len(fence.opening) + 1

    def _drop_space(self) -> bool:
        """Drops leading white space but for a line's indentation; whether anything is left."""
        reader = self._reader
        rest = reader.text.lstrip()
        space = reader.text[: len(reader.text) - len(rest)]
        newline = space.rfind("\n")
        indent = space[newline + 1 :][:_MOST_INDENT]
        if not rest:
            reader.text = "\n" + indent if newline >= 0 else indent
            return False
        if newline >= 0:
            reader.line = None
        reader.start(rest if reader.line else indent + rest)
        return True
