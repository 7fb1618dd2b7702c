"""The model's Markdown → WhatsApp's markup, one bubble at a time.

A bubble is a fragment: a list may start at "3.", a fence may be the second half of one. So this is
no Markdown parser with a tree, but a walk over lines that keeps every line where it is, and every
word. Source of what WhatsApp renders: cloud-api notes, section 6.
"""

import re
from collections.abc import Callable

from app.core.markup_inline import convert_inline
from app.core.markup_math import LOOKS_LIKE_MATH, read_math
from app.core.markup_size import split_to_fit
from app.core.markup_tables import convert_rows, convert_table, is_delimiter_row, is_row

__all__ = ["split_to_fit", "to_whatsapp"]

_UNSENDABLE = re.compile("\r\n?|[\x0b\x0c\x85]|[\x00-\x08\x0e-\x1f\x7f]|[\ud800-\udfff]")
_MARKED = re.compile(
    r"[*_~`|\[\]<&\\$]|^[ \t]*(?:[#>]|\+[ \t]|[-=]{3})"
    r"|^(?:[ \t]+(?:-|\d{1,9}\.))[ \t]|^(?:-|\d{1,9}[.)])[ \t]+#",
    re.MULTILINE,
)
_HEADING = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+(.*))?$")
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})([^`~]*)$")
_LANGUAGE = re.compile(r"[\w+#.-]{1,20}(?:[ \t]*\{.*\}|[ \t]+\w+=.*)?")
_ITEM = re.compile(r"([ \t]*)(?:([-*+])|(\d{1,9}[.)]))(?:[ \t]+(.*))?$")
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_QUOTE = re.compile(r"[ \t]{0,3}>(?!\d|_<|:)")
_QUOTE_MARKS = re.compile(r"[> \t]+")
_ENDS_PARAGRAPH = re.compile(
    r"\s*$|[ \t]*(?:#{1,6}[ \t]|```|~~~|>|(?:[-*+]|\d{1,9}[.)])[ \t]|\$\$|\\\[)"
)
_MOST_FORMULA_LINES = 40
_TASK_SIGNS = {" ": "☐ ", "x": "☑ ", "X": "☑ "}


def to_whatsapp(text: str) -> str:
    """A bubble's Markdown as WhatsApp renders it; plain text comes back as it is.

    Returns ``""`` when nothing is left to read, as of a lone rule or comment. May be longer than
    ``text`` (a table becomes ``key: value`` lines): see ``split_to_fit``. Line ends become ``\\n``;
    NUL and other control characters go, lone surrogates become U+FFFD. Never raises.
    """
    if _UNSENDABLE.search(text):
        text = _UNSENDABLE.sub(_sendable, text)
    if not _MARKED.search(text):
        return text
    return "\n".join(_Page(text.split("\n")).convert()).strip("\n")


def _sendable(match: re.Match[str]) -> str:
    sign = match[0]
    if sign[0] in "\r\x0b\x0c\x85":
        return "\n"
    return "\ufffd" if sign >= "\ud800" else ""


class _Page:
    """A walk down the lines of one bubble, or of one quotation within it."""

    def __init__(self, lines: list[str], *, quoted: bool = False) -> None:
        self._lines = lines
        self._quoted = quoted
        self._out: list[str] = []
        self._at = 0
        self._levels = [0]
        self._blocks: dict[str, Callable[[str], bool]] = {
            "#": self._heading, ">": self._quote, "`": self._fence, "~": self._fence,
            "-": self._rule, "*": self._rule, "_": self._rule,
            "$": self._formula, "\\": self._formula,
        }  # fmt: skip

    def convert(self) -> list[str]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            block = self._blocks.get(line.lstrip()[:1])
            if not (block and block(line)) and not ("|" in line and self._table(line)):
                self._paragraph(line)
        return self._out

    def _heading(self, line: str) -> bool:
        match = _HEADING.match(line)
        if match is None:
            return False
        title = _title(match[1] or "")
        if title:
            self._out.append(convert_inline(title, heading=True))
        self._at += 1
        return True

    def _fence(self, line: str) -> bool:
        match = _FENCE.match(line)
        if match is None:
            return False
        indent, fence, tag = len(match[1].expandtabs(4)), match[2], match[3].strip()
        code = [] if not tag or _LANGUAGE.fullmatch(tag) else [tag]
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            bare = line.strip()
            if bare.endswith(fence) and (fence[0] == "`" or not bare.strip("~")):
                code += [line.rstrip()[: -len(fence)]] if bare.strip(fence[0]) else []
                break
            code.append(line)
        self._code([_dedented(row, indent).replace("```", "'''") for row in code])
        return True

    def _code(self, code: list[str]) -> None:
        if self._quoted:  # a block over several quoted lines would not be read as one
            self._out += [f"`{row}`" if row.strip() and "`" not in row else row for row in code]
        elif any(row.strip() for row in code):
            self._out += ["```", *code, "```"]

    def _quote(self, line: str) -> bool:
        if not _QUOTE.match(line):
            return False
        inner: list[str] = []
        while self._at < len(self._lines) and _QUOTE.match(line := self._lines[self._at]):
            marks = _QUOTE_MARKS.match(line)
            start = marks.end() if marks else 0
            depth = line.rfind(">", 0, start) + 1
            inner.append(line[depth:].removeprefix(" "))
            self._at += 1
        page = _Page(inner, quoted=True).convert()
        self._out += [f"> {row}" if row.strip() else "" for row in page]
        return True

    def _rule(self, line: str) -> bool:
        """A rule becomes one empty line, and nothing at the edges."""
        if not _is_rule(line):
            return False
        self._at += 1
        while self._at < len(self._lines) and not self._lines[self._at].strip():
            self._at += 1
        if any(line.strip() for line in self._out[-1:]) and self._at < len(self._lines):
            self._out.append("")
        return True

    def _formula(self, line: str) -> bool:
        closer = {"$$": "$$", "\\[": "\\]"}.get(line.strip()[:2])
        if closer is None:
            return False
        rest = "\n".join(self._lines[self._at : self._at + _MOST_FORMULA_LINES]).lstrip()[2:]
        formula, found, tail = rest.partition(closer)
        if not found or tail.partition("\n")[0].strip() not in ("", ".", ",", ";"):
            return False
        if closer == "\\]" and not LOOKS_LIKE_MATH.search(formula):
            return False  # escaped brackets
        self._at += formula.count("\n") + 1
        text = read_math(formula.replace("\n", " "))
        self._out += [row for row in (text + tail.partition("\n")[0].strip()).split("\n") if row]
        return True

    def _table(self, line: str) -> bool:
        start = self._at
        below = self._lines[start + 1] if start + 1 < len(self._lines) else ""
        headed = is_delimiter_row(below) and not is_delimiter_row(line)
        if not headed and not is_row(line):
            return False
        end = start + (2 if headed else 1)
        while end < len(self._lines) and (
            is_row(self._lines[end]) or (headed and "|" in self._lines[end])
        ):
            end += 1
        rows = self._lines[start:end]
        self._at = end
        if headed and not self._quoted:
            self._out += convert_table(rows[0], rows[1], rows[2:])
        else:
            self._out += convert_rows([row for row in rows if not is_delimiter_row(row)])
        return True

    def _paragraph(self, line: str) -> None:
        """Lines up to the next block: together, since bold may go on in the next line."""
        self._at += 1
        prefix, heading = "", False
        item = _ITEM.match(line)
        if item and _is_item(item):
            prefix, line, heading = self._item(item)
            if _FENCE.match(line):
                self._out.append(prefix.rstrip())
                self._at -= 1
                self._lines[self._at] = " " * item.start(4) + line
                return
        elif line[:1] not in ("", " ", "\t"):
            self._levels = [0]
        lines = [line]
        while line.strip() and self._at < len(self._lines) and not heading:
            following = self._lines[self._at]
            if _ENDS_PARAGRAPH.match(following) or "|" in following or _is_rule(following):
                break
            self._at += 1
            if following.strip("= \t"):
                lines.append(following)
            elif heading := len(following.strip()) > 2:
                self._out += _converted(lines[:-1], prefix if len(lines) > 1 else "")
                prefix, lines = "" if len(lines) > 1 else prefix, lines[-1:]
            else:
                lines.append(following)
        self._out += _converted(lines, prefix, heading=heading)

    def _item(self, item: re.Match[str]) -> tuple[str, str, bool]:
        """A list item's flat prefix, its text, and whether that is a heading."""
        indent, bullet, number, text = item.groups(default="")
        column = len(indent.expandtabs(4))
        while len(self._levels) > 1 and column < self._levels[-1]:
            self._levels.pop()
        if column >= self._levels[-1] + 2:
            self._levels.append(column)
        prefix = "  " * (len(self._levels) - 1) + ("- " if bullet else f"{number} ")
        if task := _TASK.match(text):
            return prefix + _TASK_SIGNS[task[1]], text[task.end() :], False
        if title := _HEADING.match(text):
            return prefix, _title(title[1] or ""), True
        return prefix, text, False


def _is_item(item: re.Match[str]) -> bool:
    """Whether it is an item and not a lone star, a sum, or a telephone number (``+ 34 …``)."""
    bullet, text = item[2], item[4]
    return bullet == "-" or not bullet or bool(text and not (bullet == "+" and text[0].isdigit()))


def _is_rule(line: str) -> bool:
    signs = "".join(line.split())
    return len(signs) > 2 and signs[0] in "-*_" and not signs.strip(signs[0])


def _title(text: str) -> str:
    """A heading's text without the number signs that may close it; ``C#`` keeps its own."""
    text = text.strip()
    bare = text.rstrip("#")
    return bare.rstrip() if bare[-1:] in ("", " ", "\t") else text


def _converted(lines: list[str], prefix: str, *, heading: bool = False) -> list[str]:
    if not lines:
        return []
    return (prefix + convert_inline("\n".join(lines), heading=heading)).rstrip(" ").split("\n")


def _dedented(line: str, columns: int) -> str:
    indent = len(line) - len(line.lstrip(" \t"))
    return line if not columns else line[:indent].expandtabs(4)[columns:] + line[indent:]
