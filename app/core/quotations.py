"""Does a sentence end with this quotation, parenthesis or emphasis?

Answers with the index right after it, with ``NO``, or with ``WAIT`` when the characters that
decide have not come yet.
"""

import re

from app.core.abbreviations import is_abbreviated
from app.core.graphemes import is_break
from app.core.openings import look_ahead, opens_with_small_word
from app.core.sentences import ANY_SURE, RUN, end_after_marks, is_east_asian, with_emoji
from app.core.spans import NO, WAIT

_CLOSING = frozenset("\"'”’»›«)]）」』】》〉〕］*_~“ \u00a0\u202f")
_ABBREVIATED = re.compile(r"(?<!\w)([\w.]+)\.$")
# Particles and words of saying that go on with the sentence after a quotation.
_GOES_ON = re.compile(
    "[とってはがをにでものへやかなだ，、,—：:；;）)的就又也便等「『“]|然[后後]|[这這那][句种種样樣话話]|字[样樣]"
    "|라고|고 |이라|하고|는 |은 |의 "
)
# The number of a Hungarian law, before the date in parentheses that belongs to it.
_LAW = re.compile(r"\d/\d+[.]$")
_MAY_GO_ON = "라고이하는은의然这這那字"
_KANA = re.compile("[ぁ-ヿ]")
# The same as words, in scripts without capitals: "and", "so", "that", "said", "asked".
_JOINING = frozenset(
    """और तथा एवं कहकर कहा कहते पूछा बोला बोली बोले लिखा असे असं असा अशी आणि म्हणून म्हणाला म्हणाली
    म्हणाले भनेर भनी भन्ने भन्दै भन्यो भने भनिन् र এবং আর ও বলে বলেই বললেন বলল জিজ্ঞেস লিখে
    અને એમ એવું એવો એવી કહ્યું કહીને પૂછ્યું ਅਤੇ ਤੇ ਕਹਿ ਕਿਹਾ ਪੁੱਛਿਆ
    என்று என்றும் என்ற என்றார் என்றான் என்றாள் என்றனர் என்பது என்பதுதான் என
    అని అంటూ అన్న అన్నారు అన్నాడు అంది అనే అనేది మరియు
    ಎಂದು ಎಂದೂ ಎಂದರು ಎಂದ ಎಂದನು ಎಂದಳು ಎಂಬ ಎಂಬುದು ಅಂತ ಮತ್ತು
    എന്ന് എന്നു എന്നും എന്ന എന്നാണ് എന്നത് എന്നതാണ് എന്നായിരുന്നു
    اور تو کہہ کہا کہتے پوچھا لکھا و گفت پرسید نوشت قال قالت قالوا ثم
    אמר אמרה אמרו שאל שאלה שאלו ענה ענתה כתב כתבה
    ብለዋል ብሎ ብላ ብለው አለ አለች አሉ በማለት የሚል የሚለው ሲል""".split()
)
_WORD = re.compile(rf"[^\s,،፣;؛:.!?۔।]{{0,{max(map(len, _JOINING)) + 1}}}")


def end_after_span(text: str, start: int, end: int, final: bool) -> int:
    """Whether a sentence ends with the stretch that stands from ``start`` to ``end``."""
    mark = text[start]
    first = _end_mark_inside(text, start, end)
    if first is None or mark in "`$\\[":
        return NO
    if end >= len(text):
        return end if final else WAIT
    if RUN.match(text, end):
        return NO  # its own end mark follows
    if text.startswith(" (", end):
        return NO  # a title, and what is told about it
    if mark in "*_~":
        return end_after_marks(text, first, end, final)
    if ANY_SURE.search(text, first, end) or is_east_asian(text[end]):
        return _end_of_wide(text, start, end, final)
    return _end_of_spaced(text, start, first, end, final)


def _end_mark_inside(text: str, start: int, end: int) -> int | None:
    """Where the end marks begin that stand last in the stretch."""
    inner = end - 1
    while inner > start and text[inner] in _CLOSING:
        inner -= 1
    if inner <= start or not RUN.match(text, inner):
        return None
    while inner - 1 > start and RUN.match(text[inner - 1]):
        inner -= 1
    return inner


def _stands_first(text: str, start: int) -> bool:
    """Whether what opens at ``start`` opens its sentence."""
    gap = text[max(0, start - 12) : start]
    before = gap.rstrip()
    if not before or "\n" in gap[len(before) :]:
        return True
    if not RUN.search(before[-2:]) or _LAW.search(before):
        return False
    word = _ABBREVIATED.search(before)  # "Gen. (ret.)"
    return not (word and is_abbreviated(word[1].lower()))


def _end_of_wide(text: str, start: int, end: int, final: bool) -> int:
    """「…。」 goes on when a particle or speaker follows; （…。） when it stands in a sentence."""
    mark = text[start]
    if not is_break(text, end):
        return NO
    if mark in "(（":
        return with_emoji(text, end, final) if _stands_first(text, start) else NO
    ahead = look_ahead(text, end, final)
    if ahead.at >= len(text):
        return end if ahead.kind == "end" else WAIT
    if text[ahead.at] in _MAY_GO_ON and ahead.at + 2 > len(text) - 1 and not final:
        return WAIT
    if _GOES_ON.match(text, ahead.at):
        return NO
    introduced = text[:start].rstrip()[-1:] in tuple("：:，,،፣፦")
    japanese = mark in "「『" and _KANA.search(text, 0, end)  # its particles tell
    if not introduced and not japanese and ahead.kind != "line":
        return NO
    answer = _unless_joined(text, end, ahead.at, final)
    return with_emoji(text, end, final) if answer == end else answer


def _unless_joined(text: str, end: int, at: int, final: bool) -> int:
    """``end``, unless the word at ``at`` goes on with the sentence; ``WAIT`` until that is told."""
    found = _WORD.match(text, at)
    word = found.group() if found else ""
    if final or at + len(word) < len(text):
        return NO if word in _JOINING else end
    return WAIT if any(joining.startswith(word) for joining in _JOINING) else end


def _end_of_spaced(text: str, start: int, first: int, end: int, final: bool) -> int:
    parenthesis = text[start] in "(（"
    if not text[end].isspace() or (parenthesis and not _stands_first(text, start)):
        return NO
    ahead = look_ahead(text, end, final)
    if ahead.kind in ("wait", "end"):
        return WAIT if ahead.kind == "wait" else end
    if ahead.kind in ("line", "lower", "other") or (parenthesis and ahead.kind == "digit"):
        return NO
    stop = text[first] == "."
    if ahead.kind == "caseless":
        return _unless_joined(text, end, ahead.at, final) if stop else NO
    if parenthesis or stop or text[:start].rstrip()[-1:] == ":":
        return end
    if ahead.kind == "digit":
        return NO
    answer = opens_with_small_word(text, end, ahead.letter, final)
    return end if answer > 0 else answer
