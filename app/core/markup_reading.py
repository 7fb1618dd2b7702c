"""How a phone reads WhatsApp's marks: which of the characters in a text are markup to it.

Source: cloud-api notes, section 6. Meta documents the marks and not their edges; what is taken for
granted here is the careful reading: a pair opens and closes at a word's edge, within one line.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from unicodedata import category

BLOCK = re.compile(r"```(?:[^`]|`(?!``))+```")
_ATOM = re.compile(r"```.+?```|`[^`]+`|(?:https?://|www\.)[^\s<>\"`]+")
_LINK_TAIL = ".,;:!?'\"*_~)]}»”’。，！？"
_MARK = re.compile(r"[*_~]")
_FAR = 8  # combining marks looked through to find the letter they sit on


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch that the phone shows in another style.

    Attributes:
        start: Where the opening mark begins.
        end: Right after the closing mark.
        mark: ``*``, ``_``, ``~``, a backtick or three of them.
    """

    start: int
    end: int
    mark: str


def word_before(text: str, at: int) -> bool:
    """Whether the character before ``at`` is part of a word: a letter, a digit or their accents."""
    for place in range(at - 1, max(-1, at - 1 - _FAR), -1):
        if text[place].isalnum():
            return True
        if text[place] < "\u0300" or category(text[place])[0] != "M":
            return False
    return at > _FAR


def word_after(text: str, at: int) -> bool:
    """Whether the character at ``at`` is part of a word, or an accent on what is before it."""
    if at >= len(text):
        return False
    return text[at].isalnum() or (text[at] >= "\u0300" and category(text[at])[0] == "M")


def spans(line: str) -> list[Span]:
    """The spans of one line that holds no multi-line block, outer ones before inner ones."""
    found, links = _atoms(line)
    marks = _Marks(line, found, links)
    marks.read(0, len(line), "")
    return [*found, *marks.found]


def _atoms(line: str) -> tuple[list[Span], list[Span]]:
    """Code and links, wherein marks are only characters."""
    code: list[Span] = []
    links: list[Span] = []
    for match in _ATOM.finditer(line):
        start, end = match.span()
        if line[start] == "`":
            size = 3 if line.startswith("```", start) else 1
            if line[start + size : end - size].strip():
                code.append(Span(start, end, "`" * size))
        elif not word_before(line, start):
            links.append(Span(start, start + len(match[0].rstrip(_LINK_TAIL)), ""))
    return code, links


class _Marks:
    """Pairs up the marks of one line, in time that grows with the line."""

    def __init__(self, line: str, code: list[Span], links: list[Span]) -> None:
        self.found: list[Span] = []
        self._openers: list[int] = []
        self._closers: dict[str, list[int]] = {"*": [], "_": [], "~": []}
        self._line = line
        atoms = sorted([*code, *links], key=lambda span: span.start)
        starts = [atom.start for atom in atoms]
        link_ends = {link.end for link in links}
        for match in _MARK.finditer(line):
            at = match.start()
            atom = bisect_right(starts, at) - 1
            if atom >= 0 and at < atoms[atom].end:
                continue
            if self._opens(at):
                self._openers.append(at)
            # A phone may take a mark right behind an address for a part of the address.
            if self._closes(at) and at not in link_ends:
                self._closers[line[at]].append(at)

    def _opens(self, at: int) -> bool:
        mark, following = self._line[at], self._line[at + 1 : at + 2]
        if mark == following or (at and mark == self._line[at - 1]):
            return False
        return bool(following.strip()) and not word_before(self._line, at)

    def _closes(self, at: int) -> bool:
        if at == 0 or self._line[at - 1].isspace() or self._line.startswith(self._line[at], at + 1):
            return False
        return not word_after(self._line, at + 1)

    def read(self, start: int, end: int, inside: str) -> None:
        """Find the pairs between two places, apart from styles that already hold there."""
        place = bisect_right(self._openers, start - 1)
        while place < len(self._openers) and (at := self._openers[place]) < end:
            mark = self._line[at]
            closer = -1 if mark in inside else self._closer(at, end)
            if closer < 0:
                place += 1
                continue
            self.found.append(Span(at, closer + 1, mark))
            self.read(at + 1, closer, inside + mark)
            place = bisect_right(self._openers, closer)

    def _closer(self, at: int, end: int) -> int:
        closers = self._closers[self._line[at]]
        place = bisect_right(closers, at + 1)
        return closers[place] if place < len(closers) and closers[place] < end else -1
