"""Markdown tables for a narrow screen: aligned in monospace, or ``key: value`` lines."""

import re
from unicodedata import category, east_asian_width

from app.core.markup_inline import convert_inline, read_inline

_DELIMITERS = re.compile(r"[ \t|:-]+")
_BARS = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"\s?<br\s?/?>\s?", re.IGNORECASE)
_TAPPED = re.compile(r"://|www\.|@\w|mailto:|tel:")
# Characters that phones take from fonts which are not monospaced.
_UNEVEN = re.compile("[^ -\u058f\u2010-\u2052\u20a0-\u22ff]")
_NARROW = 30  # monospace columns that fit into a bubble on a small phone
_GAP = "  "
_MOST_KEYS = 300  # characters of a header that may be said again for each row

Row = list[str]


def is_delimiter_row(line: str) -> bool:
    """Whether this is the line of dashes under a table's header."""
    return "-" in line and "|" in line and _DELIMITERS.fullmatch(line) is not None


def is_row(line: str) -> bool:
    """Whether a line stands between bars, as a row of a table does, with or without a header."""
    stripped = line.strip()
    return len(stripped) > 2 and stripped[0] == stripped[-1] == "|"


def convert_table(header: str, delimiters: str, rows: list[str]) -> list[str]:
    """A whole table as lines of WhatsApp's markup."""
    table = [_cells(line) for line in [header, *rows]]
    width = max(map(len, table))
    if width <= _NARROW:
        table = [row + [""] * (width - len(row)) for row in table]
    plain = [[read_inline(cell) for cell in row] for row in table]
    if _is_alignable(table, plain):
        right = [cell.endswith(":") and not cell.startswith(":") for cell in _cells(delimiters)]
        return _aligned(plain, right)
    if any(map(any, table[1:])) and sum(map(len, plain[0])) <= _MOST_KEYS:
        return _keyed(table)
    return convert_rows([header, *rows])


def convert_rows(rows: list[str]) -> list[str]:
    """Rows that have lost their header: their cells, one row a line."""
    cells = ([cell for cell in _cells(row) if cell] for row in rows)
    return [convert_inline(" | ".join(row)) for row in cells if row]


def _cells(line: str) -> Row:
    line = line.strip()
    line = line.removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    cells = _BARS.split(line)
    return [_BREAK.sub(" / ", cell).strip().replace("\\|", "|") for cell in cells]


def _is_alignable(table: list[Row], plain: list[Row]) -> bool:
    """Whether it is narrow, has nothing to tap, and its letters are all equally wide."""
    if len(table) < 2 or len(table[0]) < 2 or len({len(row) for row in table}) > 1:
        return False
    width = sum(max(map(_width, column)) for column in zip(*plain, strict=True))
    if width + len(_GAP) * (len(table[0]) - 1) > _NARROW:
        return False
    if any(_TAPPED.search(cell) for row in table for cell in row):
        return False
    return not any(_UNEVEN.search(cell) for row in plain for cell in row[:-1])


def _aligned(plain: list[Row], right: list[bool]) -> list[str]:
    widths = [max(map(_width, column)) for column in zip(*plain, strict=True)]
    right += [False] * (len(widths) - len(right))
    lines = [
        _GAP.join(
            " " * (width - _width(cell)) + cell if to_right else cell + " " * (width - _width(cell))
            for cell, width, to_right in zip(row, widths, right, strict=False)
        ).rstrip()
        for row in plain
        if any(row)
    ]
    if any(plain[0]):
        lines.insert(1, _GAP.join("-" * width for width in widths))
    return ["```", *lines, "```"]


def _keyed(table: list[Row]) -> list[str]:
    keys = [_one_line(cell).removesuffix(":") for cell in table[0]]
    lines: list[str] = []
    for row in table[1:]:
        if not any(row):
            continue
        lines += [""] if lines else []
        for place, (key, cell) in enumerate(zip(keys, row, strict=False)):
            if key:
                lines.append(f"{key}: {_one_line(cell) or '–'}")
            elif cell:
                lines.append(_one_line(cell, heading=place == 0))
    return lines


def _one_line(cell: str, *, heading: bool = False) -> str:
    return convert_inline(cell, heading=heading).replace("\n", " ")


def _width(cell: str) -> int:
    """Columns in monospace: two for a wide character, none for an accent."""
    if cell.isascii():
        return len(cell)
    return sum(
        2 if east_asian_width(sign) in "WF" else category(sign)[0] not in "MC" for sign in cell
    )
