"""A paragraph's Markdown cut into words, runs of marks, and what is settled at once."""

import re
from bisect import bisect_left
from collections import Counter
from html import unescape
from html.entities import html5

from app.core.markup_math import LOOKS_LIKE_MATH, raise_text, read_math
from app.core.markup_pieces import Mark, Piece, Run, Style, pair, run_at
from app.core.markup_reading import word_after, word_before

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
# Each attribute needs its "=": "a<b and c>d" holds no tag.
_TAG = re.compile(
    r"""</?([a-zA-Z][a-zA-Z0-9]{0,15})(?:\s+[\w:-]+\s?=\s?(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))*\s*/?>"""
)
_END_TAG = re.compile(r"</([a-zA-Z]+)")
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
_MOST_TARGET = 2000  # a longer address would be cut by WhatsApp anyway

_STYLE_TAGS: dict[str, Style] = {
    "b": "*", "strong": "*", "i": "_", "em": "_", "cite": "_", "s": "~", "del": "~", "strike": "~",
}  # fmt: skip
_LINE_TAGS = frozenset("br p div ul ol tr h1 h2 h3 h4 h5 h6 hr table blockquote pre".split())
_SILENT_TAGS = frozenset(
    "span u ins font small big mark sub sup center tbody thead tfoot details summary section "
    "article header footer main nav label caption abbr q code kbd tt samp dl dt dd a img".split()
)


class Scanner:
    """Goes through one paragraph once; ``scan`` gives its pieces."""

    def __init__(self, text: str) -> None:
        self._text = _HARD_BREAK.sub("", text)
        self._pieces: list[Piece | Run] = []
        self._brackets: list[int] = []
        self._anchors: list[tuple[int, str]] = []
        self._open_tags: Counter[Style] = Counter()
        self._ticks: dict[int, list[int]] | None = None
        self._parens: dict[int, int] | None = None
        self._ends: set[str] | None = None
        self._missing: set[str] = set()
        self._line = 0
        self._worded = 0

    def scan(self) -> list[Piece | Run]:
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
        self._brackets.append(len(self._pieces))
        self._pieces.append(match[0])
        return match.end()

    def _shut(self, match: re.Match[str]) -> int:
        if not self._brackets:
            self._put("]")
            return match.end()
        place = self._brackets.pop()
        target, end = self._target(match.end())
        if target is None:
            self._put("]")
            return match.end()
        if self._pieces[place : place + 1] in (["["], ["!["]):
            self._pieces[place] = ""
        self._link(place, target)
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

    def _link(self, place: int, target: str) -> None:
        """Turn the pieces since ``place`` into ``text (address)``, or the address alone."""
        inner = pair(self._pieces[place:])
        del self._pieces[place:]
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
            self._anchors.append((len(self._pieces), href[1] if href else "#"))
        elif name == "a" and self._anchors:
            self._link(*self._anchors.pop())
        elif name == "li":
            self._put("" if closing else "\n- " if self._line_begun() else "- ")
        elif name in ("td", "th"):
            self._put(" | " if self._line_begun() and not closing else "")
        elif name in _LINE_TAGS:
            self._put("\n" if name == "br" or self._line_begun() else "")
        else:
            # <code> may stand for a code to type in; with an end or an attribute it is HTML.
            return name in _SILENT_TAGS and (closing or "=" in tag or name in self._ended())
        return True

    def _ended(self) -> set[str]:
        """The names of the tags that end somewhere in the paragraph."""
        if self._ends is None:
            self._ends = {name.lower() for name in _END_TAG.findall(self._text)}
        return self._ends

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

    def _run(self, match: re.Match[str]) -> int:
        run = run_at(self._text, *match.span(), line=self._line, worded=self._worded)
        if run:
            self._pieces.append(run)
        else:
            self._put(match[0])
        return match.end()


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
