"""What stands within a paragraph: bold, code, links, HTML, formulas, as WhatsApp writes them.

``Scanner`` cuts the text into pieces, ``pair`` decides which runs of marks belong together, and
here WhatsApp's marks are put down: only those that a phone will honour.
"""

from collections import Counter

from app.core.markup_pieces import Mark, Piece, Style, pair
from app.core.markup_reading import spans
from app.core.markup_scan import Scanner

_MOST_LOST = 8  # marks; after that many, a line is read once more and goes without any


def convert_inline(text: str, *, heading: bool = False) -> str:
    """One paragraph's Markdown as WhatsApp's markup, line by line.

    Args:
        heading: Show the whole of it in bold.
    """
    pieces = pair(Scanner(text).scan())
    if heading:
        pieces = [Mark("*", True), *pieces, Mark("*", False)]
    return "\n".join(_write(line) for line in _lines(pieces))


def read_inline(text: str) -> str:
    """The words of one table cell, on one line and without any marks."""
    pieces = pair(Scanner(text).scan())
    plain = "".join(piece for piece in pieces if isinstance(piece, str)).replace("`", "")
    return " ".join(plain.split())


def _lines(pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces line by line; a style that spans lines is ended and begun again."""
    lines: list[list[Piece]] = [[]]
    open_styles: list[Style] = []
    for piece in _balanced(pieces):
        if isinstance(piece, Mark):
            lines[-1].append(piece)
            if piece.opens:
                open_styles.append(piece.style)
            else:
                open_styles.remove(piece.style)
            continue
        first, *others = piece.split("\n")
        lines[-1].append(first)
        for other in others:
            lines[-1] += [Mark(style, False) for style in reversed(open_styles)]
            lines.append([*(Mark(style, True) for style in open_styles), other])
    return lines


def _balanced(pieces: list[Piece]) -> list[Piece]:
    """Without styles inside of the same style, and without those that never end."""
    depth: Counter[Style] = Counter()
    begun: dict[Style, int] = {}
    kept: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Mark):
            depth[piece.style] += 1 if piece.opens else -1
            if depth[piece.style] != (1 if piece.opens else 0):
                continue
            begun[piece.style] = len(kept)
        kept.append(piece)
    unended = {begun[style] for style, open_now in depth.items() if open_now > 0}
    return [piece for place, piece in enumerate(kept) if place not in unended]


def _write(pieces: list[Piece]) -> str:
    """One line with the marks that a phone will honour: it is read back as a phone would."""
    dropped: set[int] = set()
    marks = [place for place, piece in enumerate(pieces) if isinstance(piece, Mark) and piece.opens]
    while True:
        line, pairs = _place_marks(pieces, dropped)
        if not pairs:
            return line
        honoured = {(span.start, span.end) for span in spans(line)}
        lost = {place for place, pair in pairs.items() if pair not in honoured}
        if not lost:
            return line
        dropped |= lost if len(dropped) < _MOST_LOST else set(marks)


def _place_marks(pieces: list[Piece], dropped: set[int]) -> tuple[str, dict[int, tuple[int, int]]]:
    """The line, and where each of its pairs stands, by the place of its opening piece."""
    written: list[str] = []
    length, blank = 0, ""
    waiting: dict[Style, int] = {}
    begun: dict[Style, tuple[int, int]] = {}
    pairs: dict[int, tuple[int, int]] = {}
    for place, piece in enumerate(pieces):
        if isinstance(piece, str):
            words = piece.strip()
            if not words:
                blank += piece
                continue
            core = piece.rstrip()
            lead = blank + core[: len(core) - len(core.lstrip())]
            signs = "".join(waiting)
            for number, style in enumerate(waiting):
                begun[style] = (waiting[style], length + len(lead) + number)
            waiting.clear()
            written += [lead, signs, words]
            length += len(lead) + len(signs) + len(words)
            blank = piece[len(core) :]
        elif piece.opens:
            if place not in dropped:
                waiting[piece.style] = place
        elif piece.style in waiting:
            del waiting[piece.style]
        elif piece.style in begun:
            opener, start = begun.pop(piece.style)
            written.append(piece.style)
            length += 1
            pairs[opener] = (start, length)
    return "".join(written) + blank, pairs
