"""Where to part a text that fills the hard limit: after a line, a clause, a word, a character."""

import re

from app.core.graphemes import is_break, units

_CLAUSE = re.compile("[,;:،؛、，；：—–]")


def best_place(text: str, room: int, start: int) -> int:
    """The index at which to cut, so that at most ``room`` UTF-16 units stand before it.

    Looks in the second half of the room for a line's end, then for a clause's, then a word's, and
    cuts between two visible characters otherwise. Never at or before ``start``, which is past the
    opening line of a code block, 0 outside.
    """
    most = _characters(text, room)
    least = max(most // 2, start)
    line = text.rfind("\n", least, most + 1)
    if line > least and text[:line].strip():
        return line
    clauses = [] if start else [found.end() for found in _CLAUSE.finditer(text, least, most)]
    for end in reversed(clauses):
        if text[end].isspace() or text[end] > "\u303f":
            return end
    for at in range(most, least, -1):
        if text[at].isspace():
            return at
    for at in range(most, start, -1):
        if is_break(text, at):
            return at
    return most  # one character of thousands of marks


def _characters(text: str, room: int) -> int:
    """How many characters of a text fit in a room of UTF-16 units; at least one."""
    most = min(len(text) - 1, room)
    while units(text[:most]) > room:
        most -= max(1, (units(text[:most]) - room) // 2)
    return max(most, 1)
