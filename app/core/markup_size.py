"""How long WhatsApp takes a text to be, and how to cut one that is too long."""

import re
from bisect import bisect_left

from app.core.graphemes import is_break, units
from app.core.markup_reading import BLOCK, Span, spans

MOST_UNITS = 4000
"""UTF-16 units in a bubble. Meta takes 4,096 characters and does not say how it counts them."""

_ENDS = (  # the best places first
    re.compile(r"\n[ \t]*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?…][\"'»”’)*_~]{0,4}[ \t]|[。！？｡।॥؟۔]"),
    re.compile(r"[ \t\u3000，、；]"),
)
_ROOM = 16  # units kept free for the marks that a cut makes us close and open again
_FAR = 64  # code points looked back through for the edge of a cluster


def split_to_fit(text: str, limit: int = MOST_UNITS) -> list[str]:
    """A text in WhatsApp's markup as parts of at most ``limit`` UTF-16 units; mostly just one.

    Cut between paragraphs, lines, sentences or words, in this order, in the later half of what
    fits. Marks that a cut would part are closed and opened again. White space at a cut goes. A
    grapheme cluster stays whole unless it alone is too long. No part is blank.

    Args:
        limit: At least 64.
    """
    if units(text) <= limit:
        return [text] if text.strip() else []
    cutter = _Cutter(text, limit - _ROOM)
    parts: list[str] = []
    start, opened = 0, ""
    while start < len(text):
        end = cutter.end(start)
        crossed = cutter.crossed(end)
        part = text[start:end].rstrip()
        part = part.strip("\n") if opened.startswith("```") else part.strip()
        if part.strip():
            parts.append(opened + part + "".join(_closing(text, span) for span in crossed[::-1]))
        opened = "".join(_opening(text, span) for span in crossed)
        start = end
    return parts


class _Cutter:
    """Finds the places to cut at; knows where the text's marks stand."""

    def __init__(self, text: str, room: int) -> None:
        self._text = text
        self._room = room
        self._spans: dict[str, list[Span]] = {}
        for span in _all_spans(text):
            self._spans.setdefault(span.mark, []).append(span)
        self._starts = {mark: [span.start for span in found] for mark, found in self._spans.items()}

    def crossed(self, at: int) -> list[Span]:
        """The spans that a cut at ``at`` parts, outer ones first."""
        # Spans of one mark never lie in one another: at most one of each can be parted.
        found = []
        for mark, starts in self._starts.items():
            place = bisect_left(starts, at) - 1
            if place >= 0 and at < self._spans[mark][place].end:
                found.append(self._spans[mark][place])
        return sorted(found, key=lambda span: span.start)

    def end(self, start: int) -> int:
        """Where the part that starts at ``start`` best ends."""
        furthest = self._furthest(start)
        if furthest == len(self._text):
            return furthest
        half = start + (furthest - start) // 2
        for inside in (False, True):
            for pattern in _ENDS:
                places = [match.end() for match in pattern.finditer(self._text, half, furthest)]
                for place in reversed(places):
                    if inside or not self._parts_a_line(place):
                        return self._beside_marks(start, place)
        edges = range(furthest, max(start, furthest - _FAR), -1)
        edge = next((at for at in edges if is_break(self._text, at)), furthest)
        return self._beside_marks(start, edge)

    def _furthest(self, start: int) -> int:
        length = min(self._room, len(self._text) - start)
        while (over := units(self._text[start : start + length]) - self._room) > 0:
            length -= (over + 1) // 2
        return start + length

    def _parts_a_line(self, at: int) -> bool:
        return any("\n" not in self._text[span.start : at] for span in self.crossed(at))

    def _beside_marks(self, start: int, at: int) -> int:
        """Move a cut that would leave marks around nothing to their other side."""
        for span in self.crossed(at):
            if not self._text[at : span.end].strip(_SIGNS):
                at = span.end
            elif not self._text[span.start : at].strip(_SIGNS) and span.start > start:
                return span.start
        return at


_SIGNS = "*_~` \t\n"


def _all_spans(text: str) -> list[Span]:
    found: list[Span] = []
    done = 0
    for block in [*BLOCK.finditer(text), None]:
        until = block.start() if block else len(text)
        at = done
        for line in text[done:until].split("\n"):
            found += [Span(at + span.start, at + span.end, span.mark) for span in spans(line)]
            at += len(line) + 1
        if block:
            found.append(Span(*block.span(), "```"))
            done = block.end()
    return sorted(found, key=lambda span: span.start)


def _is_block(text: str, span: Span) -> bool:
    return span.mark == "```" and text.startswith("\n", span.start + 3)


def _opening(text: str, span: Span) -> str:
    return "```\n" if _is_block(text, span) else span.mark


def _closing(text: str, span: Span) -> str:
    return "\n```" if _is_block(text, span) else span.mark
