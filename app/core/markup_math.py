"""LaTeX made readable: ``\\frac{a}{b}`` as a/b, Greek letters and signs as characters."""

import re

_SIGNS = dict(
    pair.split("=", 1)
    for pair in (
        "times=× cdot=· div=÷ pm=± mp=∓ ast=* star=⋆ circ=° degree=° bullet=• "
        "le=≤ leq=≤ leqslant=≤ ge=≥ geq=≥ geqslant=≥ ne=≠ neq=≠ lt=< gt=> ll=≪ gg=≫ "
        "approx=≈ sim=∼ simeq=≃ equiv=≡ cong=≅ propto=∝ "
        "to=→ rightarrow=→ longrightarrow=→ leftarrow=← gets=← leftrightarrow=↔ mapsto=↦ "
        "Rightarrow=⇒ implies=⇒ Leftarrow=⇐ Leftrightarrow=⇔ iff=⇔ uparrow=↑ downarrow=↓ "
        "infty=∞ partial=∂ nabla=∇ sum=∑ prod=∏ int=∫ iint=∬ oint=∮ "
        "in=∈ notin=∉ ni=∋ subset=⊂ subseteq=⊆ supset=⊃ supseteq=⊇ cup=∪ cap=∩ "
        "emptyset=∅ varnothing=∅ setminus=∖ forall=∀ exists=∃ neg=¬ lnot=¬ land=∧ wedge=∧ "
        "lor=∨ vee=∨ oplus=⊕ otimes=⊗ perp=⊥ parallel=∥ mid=| angle=∠ triangle=△ "
        "therefore=∴ because=∵ ldots=… cdots=⋯ dots=… vdots=⋮ prime=′ "
        "langle=⟨ rangle=⟩ lfloor=⌊ rfloor=⌋ lceil=⌈ rceil=⌉ vert=| Vert=‖ hbar=ℏ ell=ℓ "
        "euro=€ pounds=£ checkmark=✓ "
        "alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε zeta=ζ eta=η theta=θ vartheta=ϑ "
        "iota=ι kappa=κ lambda=λ mu=μ nu=ν xi=ξ pi=π rho=ρ sigma=σ tau=τ upsilon=υ phi=φ "
        "varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Xi=Ξ Pi=Π Sigma=Σ "
        "Upsilon=Υ Phi=Φ Psi=Ψ Omega=Ω"
    ).split()
)
# Commands that only say how something looks, or how large.
_LOOKS = frozenset(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits nolimits "
    "text textbf textit textrm textsf texttt mathrm mathbf mathit mathsf mathcal mathbb mathfrak "
    "operatorname boxed hline nonumber notag hat bar vec overline underline tilde dot "
    "begin end label tag mbox rm bf".split()
)
_SPACES = frozenset(["quad", "qquad", "thinspace", "enspace", "space"])
_SUPER = dict(zip("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", strict=True))
_SUB = dict(zip("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))

_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[A-Za-z]{1,20}\*?\}(?:\{[clr|]{1,20}\})?")
_FRACTION = re.compile(r"\\[dtc]?frac\s?\{([^{}]*)\}\s?\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s?(\w)\s?(\w)")
_ROOT = re.compile(r"\\sqrt(?:\[([^\[\]{}]{1,9})\])?\{([^{}]*)\}")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\\[A-Za-z]{1,20}|[^\s\\{}]))")
_LOOK_GROUP = re.compile(
    r"\\(?:text\w{0,2}|math\w{2,4}|operatorname|boxed|mbox|overline)\{([^{}]*)\}"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)[ ]?")
_SYMBOL = re.compile(r"\\([^A-Za-z\n])")
_LINE_END = re.compile(r"\\\\(?:\[\d[^\]\n]{0,9}\])?\s?")
_BRACE = re.compile(r"(?<!\\)[{}]")
_GAPS = re.compile(r"[ \t]{2,}")
_DEPTH = 6  # fractions in fractions; deeper ones keep their braces as brackets

LOOKS_LIKE_MATH = re.compile(r"[\\^_=<>+*/\d{}|-]")


def read_math(latex: str) -> str:
    """A formula as a line (or, with ``\\\\`` in it, some lines) of plain text.

    Unknown commands become their own name; no letter or digit is lost.
    """
    text = _ENVIRONMENT.sub("", latex).replace("&", "")
    for _ in range(_DEPTH):
        before = text
        text = _LOOK_GROUP.sub(r"\1", text)
        text = _SCRIPT.sub(_raised, text)
        text = _ROOT.sub(_root, text)
        text = _FRACTION.sub(_fraction, text)
        if text == before:
            break
    text = _SHORT_FRACTION.sub(r"\1/\2", text)
    text = _LINE_END.sub("\n", text)
    braces = "()" if "frac" in text else ("", "")
    text = _BRACE.sub(lambda brace: braces[brace[0] == "}"], text)
    text = _SYMBOL.sub(_symbol, _COMMAND.sub(_command, text))
    return "\n".join(_GAPS.sub(" ", line).strip() for line in text.split("\n")).strip()


def raise_text(text: str, *, down: bool = False) -> str:
    """Digits and signs as superscript (or subscript) characters; other text comes back as it is."""
    table = _SUB if down else _SUPER
    return "".join(table[ch] for ch in text) if all(ch in table for ch in text) else text


def _raised(match: re.Match[str]) -> str:
    mark, group, single = match.groups()
    text = (group if group is not None else single).strip()
    if text in ("\\circ", "\\degree"):
        return "°"
    if text == "\\prime":
        return "′"
    small = raise_text(text, down=mark == "_")
    if small != text:
        return small
    return f"{mark}{text}" if single or len(text) <= 1 or text.isalnum() else f"{mark}({text})"


def _root(match: re.Match[str]) -> str:
    degree, text = match.groups()
    sign = {"3": "∛", "4": "∜"}.get(degree or "2", "√")
    extra = "" if degree in (None, "2", "3", "4") else raise_text(degree)
    return f"{extra}{sign}{text}" if text.isalnum() else f"{extra}{sign}({text})"


def _fraction(match: re.Match[str]) -> str:
    return "/".join(_bracketed(part.strip()) for part in match.groups())


def _bracketed(text: str) -> str:
    simple = all(ch.isalnum() or ch in ".,%°′" for ch in text)
    whole = text.startswith("\\") and text[1:].isalpha()
    return text if simple or whole or not text else f"({text})"


def _command(match: re.Match[str]) -> str:
    name = match[1]
    if name in _SIGNS:
        # "2 \times 3" keeps its blank, "2\pi r" needs none between sign and letter.
        return _SIGNS[name] + (" " if match[0].endswith(" ") else "")
    if name in _SPACES:
        return " "
    return "" if name in _LOOKS else match[0][1:]


def _symbol(match: re.Match[str]) -> str:
    sign = match[1]
    if sign in ",;: ":
        return " "
    if sign in "!":
        return ""
    return "‖" if sign == "|" else sign
