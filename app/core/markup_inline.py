"""What stands within a paragraph: bold, code, links, HTML, formulas, as WhatsApp writes them.

Three steps. ``_Scanner`` cuts the text into pieces; ``_pair`` decides which runs of marks belong
together; ``_write`` puts down WhatsApp's marks, and only those that a phone will honour.
"""

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5
from typing import Literal, NamedTuple

from app.core.markup_math import LOOKS_LIKE_MATH, raise_text, read_math
from app.core.markup_reading import spans, word_after, word_before

Style = Literal["*", "_", "~"]


class Mark(NamedTuple):
    """Where a style begins or ends, in WhatsApp's own sign for it."""

    style: Style
    opens: bool


@dataclass(slots=True)
class _Run:
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

_SPECIAL = re.compile(
    r"""
      (?P<ticks>`+)
    | \\(?P<escape>[!-/:-@\[-`{-~])
    | (?P<run>\*+|_+|~+)
    | (?P<image>!\[|\[)
    | (?P<shut>\])
    | (?P<html><[!/a-zA-Z])
    | (?P<entity>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)
    | (?P<dollar>\$+)
    | (?P<url>(?:https?://|www\.)(?:[^\s<>"`\[\]*|，。、；！？）】」]|\*(?!\*))+)
    """,
    re.VERBOSE,
)
_HARD_BREAK = re.compile(r"\\(?=\n)|(?<=\S)[ ]{2,}(?=\n)")
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]{0,15})(?=[\s/>])[^<>]*>")
_AUTOLINK = re.compile(
    r"<(?:mailto:|tel:)?((?:https?://)[^\s<>]+|[^\s<>@:/]{1,64}@[^\s<>@]{1,190})>"
)
_HREF = re.compile(r"""\bhref\s?=\s?["']?([^\s"'<>]{1,2000})""", re.IGNORECASE)
_CODE_TAG = re.compile(r"<(code|kbd|tt|samp)>([^<>\n`]+)</\1>", re.IGNORECASE)
_RAISED_TAG = re.compile(r"<su([pb])>([^<>\n]{1,20})</su\1>", re.IGNORECASE)
_TARGET = re.compile(r"""\s*(?:<([^<>\n]*)>|(\S*?))(?:\s+(?:"[^"]*"|'[^']*'))?\s*""")
_FOOTNOTE = re.compile(r"\[\^([^\s\[\]^]{1,40})\]")
_PARENS = re.compile(r"\\.|[()\n]")
_DOLLARS = re.compile(r"\$(?=[^\s$])([^$\n]{1,200})(?<=[\w)}\]|'!%])\$(?![\w$])")
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?")
_URL_TAIL = ".,;:!?'\"*_~)}»”’"
_PAUSES = tuple(":.,;!?)»”、。：")
_OPENING, _SHUTTING = "([{¿¡", ")]}"
_KEYCAP = ("\ufe0f", "\u20e3")
_FILE_NAME = re.compile(r"[./@-]\w")
_MOST_TARGET = 2000  # a longer address would be cut by WhatsApp anyway

_STYLE_TAGS: dict[str, Style] = {
    "b": "*", "strong": "*", "i": "_", "em": "_", "cite": "_", "s": "~", "del": "~", "strike": "~",
}  # fmt: skip
_LINE_TAGS = frozenset("br p div ul ol tr h1 h2 h3 h4 h5 h6 hr table blockquote pre".split())
_SILENT_TAGS = frozenset(
    "span u ins font small big mark sub sup center tbody thead tfoot details summary section "
    "article header footer main nav label caption abbr q code kbd tt samp dl dt dd a img".split()
)

# Scripts that put no blanks between words, so that a mark between two letters is still a mark.
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


def convert_inline(text: str, *, heading: bool = False) -> str:
    """One paragraph's Markdown as WhatsApp's markup, line by line.

    Args:
        heading: Show the whole of it in bold.
    """
    pieces = _pair(_Scanner(text).scan())
    if heading:
        pieces = [Mark("*", True), *pieces, Mark("*", False)]
    return "\n".join(_write(line) for line in _lines(pieces))


def read_inline(text: str) -> str:
    """The words of one table cell, on one line and without any marks."""
    pieces = _pair(_Scanner(text).scan())
    plain = "".join(piece for piece in pieces if isinstance(piece, str)).replace("`", "")
    return " ".join(plain.split())


class _Bracket(NamedTuple):
    place: int
    image: bool
    href: str


class _Scanner:
    """Cuts a paragraph into words, runs of marks, and what is settled at once."""

    def __init__(self, text: str) -> None:
        self._text = _HARD_BREAK.sub("", text)
        self._pieces: list[Piece | _Run] = []
        self._brackets: list[_Bracket] = []
        self._anchors: list[_Bracket] = []
        self._open_tags: Counter[Style] = Counter()
        self._ticks: dict[int, list[int]] | None = None
        self._parens: dict[int, int] | None = None
        self._missing: set[str] = set()
        self._line = 0
        self._worded = 0

    def scan(self) -> list[Piece | _Run]:
        text, at = self._text, 0
        for_kind = {
            "ticks": self._code, "escape": self._escape, "run": self._run, "image": self._bracket,
            "shut": self._shut, "html": self._html, "entity": self._entity,
            "dollar": self._dollar, "url": self._url,
        }  # fmt: skip
        while match := _SPECIAL.search(text, at):
            if match.start() > at:
                self._put(text[at : match.start()])
            at = for_kind[str(match.lastgroup)](match)
        if at < len(text):
            self._put(text[at:])
        return self._pieces

    def _put(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            self._line += text.count("\n")
            self._worded += not text.isspace()

    def _find(self, closer: str, at: int) -> int:
        """Where ``closer`` comes next, or -1. A closer found missing is not looked for again."""
        if closer in self._missing:
            return -1
        place = self._text.find(closer, at)
        if place < 0:
            self._missing.add(closer)
        return place

    # Code, escapes, formulas, addresses: settled at once.

    def _code(self, match: re.Match[str]) -> int:
        if self._ticks is None:
            self._ticks = {}
            for run in re.finditer("`+", self._text):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
        start, end = match.span()
        same = self._ticks.get(end - start, [])
        place = bisect_left(same, end)
        if place == len(same):
            if end - start != 3:  # a fence that never closed is no use to anybody
                self._put(match[0])
            return end
        closer = same[place]
        self._put(self._coded(self._text[end:closer], start, closer + end - start, match[0]))
        return closer + end - start

    def _coded(self, code: str, start: int, end: int, ticks: str) -> str:
        code = code.replace("\n", " ")
        if code[:1] == code[-1:] == " " and code.strip():
            code = code[1:-1]
        if not code.strip():
            return code
        if "`" in code:
            return f"```{code}```" if "```" not in code and code[-1] != "`" else code
        edges = word_before(self._text, start) or word_after(self._text, end)
        if edges and not re.search(r"[*_~]", code):
            return code
        ticks = "```" if ticks == "```" else "`"
        return f"{ticks}{code}{ticks}"

    def _escape(self, match: re.Match[str]) -> int:
        sign = match["escape"]
        if sign in "([":
            closer = self._find("\\)" if sign == "(" else "\\]", match.end())
            formula = self._text[match.end() : closer] if closer >= 0 else ""
            if LOOKS_LIKE_MATH.search(formula) or (sign == "(" and len(formula.strip()) == 1):
                self._put(read_math(formula))
                return closer + 2
        self._put(sign)
        return match.end()

    def _dollar(self, match: re.Match[str]) -> int:
        start, end = match.span()
        if end - start == 2 and (closer := self._find("$$", end)) > end:
            formula = self._text[end:closer]
            if LOOKS_LIKE_MATH.search(formula) or len(formula.strip()) <= 2:
                self._put(read_math(formula))
                return closer + 2
        formulas = _DOLLARS.match(self._text, start) if end - start == 1 else None
        if formulas and not word_before(self._text, start) and _is_formula(formulas[1]):
            self._put(read_math(formulas[1]))
            return formulas.end()
        self._put(match[0])
        return end

    def _url(self, match: re.Match[str]) -> int:
        url = match[0].rstrip(_URL_TAIL)
        tail = match[0][len(url) :]
        if tail.startswith(")") and url.count("(") > url.count(")"):
            url += ")"
        self._put(url)
        return match.start() + max(1, len(url))

    def _entity(self, match: re.Match[str]) -> int:
        name = match[0][1:]
        known = name[0] == "#" or name in html5
        self._put(unescape(match[0]).replace("\xa0", " ") if known else match[0])
        return match.end()

    # Brackets: links, images, footnotes.

    def _bracket(self, match: re.Match[str]) -> int:
        if match[0] == "[" and (note := _FOOTNOTE.match(self._text, match.start())):
            self._put(f"[{note[1]}]")
            return note.end()
        self._brackets.append(_Bracket(len(self._pieces), match[0] == "![", ""))
        self._pieces.append(match[0])
        return match.end()

    def _shut(self, match: re.Match[str]) -> int:
        if not self._brackets:
            self._put("]")
            return match.end()
        bracket = self._brackets.pop()
        target, end = self._target(match.end())
        if target is None:
            self._put("]")
            return match.end()
        self._link(bracket, target)
        return end

    def _target(self, at: int) -> tuple[str | None, int]:
        """The address in the parentheses that open at ``at``, and where they end."""
        if not self._text.startswith("(", at):
            return None, at
        if self._parens is None:
            self._parens = _matching_parens(self._text)
        closer = self._parens.get(at, -1)
        if not at < closer <= at + _MOST_TARGET:
            return None, at
        match = _TARGET.fullmatch(self._text, at + 1, closer)
        return (match[1] or match[2] or "", closer + 1) if match else (None, at)

    def _link(self, bracket: _Bracket, target: str) -> None:
        """Turn the pieces since the bracket into ``text (address)``, or the address alone."""
        start = bracket.place + (self._pieces[bracket.place : bracket.place + 1] in (["["], ["!["]))
        inner = _pair(self._pieces[start:])
        del self._pieces[bracket.place :]
        address = unescape(target.replace("\\", "")) if "\\" in target or "&" in target else target
        shown = address.split(":", 1)[1] if address.startswith(("mailto:", "tel:")) else address
        words = "".join(piece for piece in inner if isinstance(piece, str)).strip()
        if not shown or shown.startswith("#"):
            self._pieces += inner
        elif not words or _same_address(words, shown):
            self._put(shown)
        elif _same_number(words, shown):
            self._pieces += inner
        else:
            self._pieces += [*inner, f" ({shown})"]
        self._worded += 1

    # HTML: the tags that people know; anything else in angle brackets is text.

    def _html(self, match: re.Match[str]) -> int:
        text, start = self._text, match.start()
        if text.startswith("<!--", start) and (end := self._find("-->", start)) >= 0:
            return end + 3
        if link := _AUTOLINK.match(text, start):
            self._put(link[1])
            return link.end()
        if code := _CODE_TAG.match(text, start):
            self._put(f"`{unescape(code[2])}`" if code[2].strip() else code[2])
            return code.end()
        if raised := _RAISED_TAG.match(text, start):
            self._put(raise_text(raised[2], down=raised[1].lower() == "b"))
            return raised.end()
        tag = _TAG.match(text, start)
        if tag is None or not self._tag(tag[1].lower(), tag[0]):
            self._put("<")
            return start + 1
        return tag.end()

    def _tag(self, name: str, tag: str) -> bool:
        """Act on a tag; False when it is none of HTML's, so that ``<name>`` stays."""
        closing = tag.startswith("</")
        if style := _STYLE_TAGS.get(name):
            self._style(style, closing=closing)
        elif name == "a" and not closing:
            href = _HREF.search(tag)
            self._anchors.append(_Bracket(len(self._pieces), False, href[1] if href else "#"))
        elif name == "a" and self._anchors:
            anchor = self._anchors.pop()
            if anchor.place <= len(self._pieces):
                self._link(anchor, anchor.href)
        elif name == "li":
            self._put("" if closing else "\n- " if self._line_begun() else "- ")
        elif name in ("td", "th"):
            self._put(" | " if self._line_begun() and not closing else "")
        elif name in _LINE_TAGS:
            self._put("\n" if name == "br" or self._line_begun() else "")
        else:
            # <code> may stand for a code to type in; with an end or an attribute it is HTML.
            ended = closing or "=" in tag or self._find(f"</{name}", 0) >= 0
            return name in _SILENT_TAGS and ended
        return True

    def _style(self, style: Style, *, closing: bool) -> None:
        if closing and self._open_tags[style]:
            self._open_tags[style] -= 1
            self._pieces.append(Mark(style, False))
        elif not closing:
            self._open_tags[style] += 1
            self._pieces.append(Mark(style, True))

    def _line_begun(self) -> bool:
        last = next((piece for piece in reversed(self._pieces) if isinstance(piece, str)), "\n")
        return not last.endswith("\n")

    # Runs of marks.

    def _run(self, match: re.Match[str]) -> int:
        text, run, (start, end) = self._text, match[0], match.span()
        keycap = text.startswith(_KEYCAP, end)
        if len(run) > 3 or (run[0] == "~" and len(run) != 2) or keycap:
            self._put(run)
            return end
        opens, closes = _sides(text, start, end)
        piece = _Run(run, opens, closes, self._line, self._worded, left=len(run))
        piece.debris = opens != closes and _is_debris(text, start, end, opens=opens)
        piece.leans = not closes and text[max(0, start - 2) : start - 1].endswith(_PAUSES)
        self._pieces.append(piece)
        return end


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
    return not text[end if opens else start - 1].isdigit()


def _is_formula(text: str) -> bool:
    """Whether what stands between two dollar signs is a formula, and not text between prices."""
    if re.search(r"\\[A-Za-z]|[\^_]", text):
        return True
    if text[0].isdigit() and not re.fullmatch(r"[\d\s.,+*/=<>()-]*[a-z]?", text):
        return False
    return "=" in text or (len(text) == 1 and text.isalpha()) or bool(re.search(r"[+*/<>]", text))


def _matching_parens(text: str) -> dict[int, int]:
    closers: dict[int, int] = {}
    opened: list[int] = []
    for match in _PARENS.finditer(text):
        if match[0] == "(":
            opened.append(match.start())
        elif match[0] == "\n":
            opened.clear()
        elif match[0] == ")" and opened:
            closers[opened.pop()] = match.start()
    return closers


def _same_address(words: str, address: str) -> bool:
    bare = [_SCHEME.sub("", part.lower()).removesuffix("/") for part in (words, address)]
    return bare[0] == bare[1]


def _same_number(words: str, address: str) -> bool:
    """Whether the text of a telephone link is the number, perhaps with blanks in it."""
    shown, dialled = ("".join(ch for ch in part if ch.isdigit()) for part in (words, address))
    return len(shown) >= 3 and shown == dialled and not any(ch.isalpha() for ch in words + address)


# Pairing.

_STYLES: dict[int, tuple[Style, ...]] = {1: ("_",), 2: ("*",), 3: ("*", "_")}
_FITS = {1: (1, 3), 2: (2, 3), 3: (3, 2, 1)}


def _pair(pieces: list[Piece | _Run]) -> list[Piece]:
    """The pieces with every run of marks turned into styles, text, or nothing."""
    runs = [piece for piece in pieces if isinstance(piece, _Run)]
    _lean(runs)
    opened: list[_Run] = []
    waiting: Counter[tuple[str, int]] = Counter()
    for run in runs:
        if run.closes:
            _close(run, opened, waiting)
        if run.opens and run.left:
            opened.append(run)
            waiting[run.text[0], run.left] += 1
    settled: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, _Run):
            whole = piece.left == len(piece.text) and not piece.debris
            settled += [*piece.ends, piece.text if whole else "", *piece.begins]
        else:
            settled.append(piece)
    return settled


def _lean(runs: list[_Run]) -> None:
    """Let ``**Note: **text`` close where it was meant to, unless a better pair follows."""
    opener: _Run | None = None
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


def _close(run: _Run, opened: list[_Run], waiting: Counter[tuple[str, int]]) -> None:
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


# Writing.


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


_MOST_LOST = 8  # after that many, a line is read once more and goes without any


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
