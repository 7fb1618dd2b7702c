"""Sentences that end without an end mark, or with one that looks like something else.

Each function answers with the index right after the sentence's last character, ``NO`` or ``WAIT``.
It gets the index where the mark begins and where it ends, which is the text's end only if final.
"""

import re

from app.core.graphemes import is_break
from app.core.openings import look_ahead, opens_with_small_word
from app.core.sentences import POINTERS, with_emoji
from app.core.spans import NO, WAIT

# Thai and Lao have no end marks: the polite particles and question words that close sentences.
# Vietnamese chats leave the marks out after theirs.
PARTICLES = (
    *"ครับ ค่ะ คะ ค่า คับ จ้า จ้ะ จ๊ะ จ๋า ฮะ ฮับ นะ ครับผม คร้าบ ไหม มั้ย หรือไม่ หรือเปล่า หรือยัง "
    "ເດີ້ ເດີ ແດ່ ບໍ ນະ ຄ່ະ ຄັບ ຈ້າ ເນາະ".split(),
    *(" ạ", " nhé", " nha"),
)
# Words that end like a particle.
_NOT_PARTICLES = tuple("ชนะ ศนะ ธนะ ฒนะ ทนะ".split())
# Question words that may stand inside a sentence, and what goes on with it then.
_ASKING = tuple("ไหม มั้ย หรือไม่ หรือเปล่า หรือยัง".split())
_JOINING = tuple("แล้ว และ หรือ แต่ ก็ ก่อน เพื่อ ที่ ซึ่ง โดย ให้ จะ จาก ตาม เพราะ".split())
# Words that open a sentence there wherever they follow a space.
_OPENERS = tuple("นอกจากนี้ ทั้งนี้ อย่างไรก็ตาม ดังนั้น จากนั้น ขอบคุณ สวัสดี ຂອບໃຈ ສະບາຍດີ ນອກຈາກນີ້ ດັ່ງນັ້ນ".split())
_LONGEST_OPENER = max(map(len, _OPENERS))
_THAI_WORD = re.compile("[\u0e00-\u0eff]{1,24}$")
# Syllables that close sentences before a drawn-out tilde or an emoji.
_FINALS = re.compile(
    "(?:[了呢哦吧啦呀啊吗嗎哈嘛哟喔噢喽咯哒]|ます|です|ません|ました|でした|ください|さい|よ|ね"
    "|요|다|죠|까|네|니)$"
)
_LOCAL_MARK = re.compile("[\u0370-\u03ff\u1f00-\u1fff];|[\u0561-\u0587]:|፡፡")


def end_at_space(text: str, at: int, _stop: int, final: bool) -> int:
    """Whether a sentence of Thai or Lao ends before the space at ``at``."""
    ahead = look_ahead(text, at, final)
    if ahead.kind in ("wait", "end", "line"):
        return {"wait": WAIT, "end": at}.get(ahead.kind, NO)
    found = _THAI_WORD.search(text, max(0, at - 24), at)
    word = found.group() if found else ""
    if word.endswith(PARTICLES) and not word.endswith(_NOT_PARTICLES):
        joined = _opens_with(_JOINING, text, ahead.at, final) if word.endswith(_ASKING) else NO
        if joined != NO or ahead.kind == "other":
            return WAIT if joined == WAIT else NO
        return with_emoji(text, at, final)
    opened = _opens_with(_OPENERS, text, ahead.at, final)
    return at if opened > 0 else opened


def _opens_with(words: tuple[str, ...], text: str, at: int, final: bool) -> int:
    """Whether one of some words stands at ``at``: a positive number, ``NO`` or ``WAIT``."""
    if text.startswith(words, at):
        return 1
    if final or len(text) - at >= _LONGEST_OPENER:
        return NO
    rest = text[at:]
    return WAIT if any(word.startswith(rest) for word in words) else NO


def end_at_emoji(text: str, at: int, end: int, final: bool) -> int:
    """Whether a sentence without an end mark ends with the emoji from ``at`` to ``end``."""
    if end >= len(text):
        return end
    before = text[max(0, at - 24) : at].rstrip(" ")
    spoken = before[-1:].isalnum() or before.endswith(PARTICLES)
    if not spoken or POINTERS.match(text, at):
        return NO
    ahead = look_ahead(text, end, final)
    if ahead.kind in ("wait", "end", "line"):
        return {"wait": WAIT, "end": end}.get(ahead.kind, NO)
    if _FINALS.search(before) or before.endswith(PARTICLES):
        return end if ahead.kind != "other" and is_break(text, end) else NO
    if ahead.kind != "upper" or ahead.at == end:
        return NO
    answer = opens_with_small_word(text, at, ahead.letter, final)
    return end if answer > 0 else answer


def end_at_tilde(text: str, at: int, end: int, final: bool) -> int:
    """Whether drawn-out ``~`` end a sentence, as in Chinese, Japanese and Korean chats."""
    if end >= len(text):
        return end
    if not _FINALS.search(text, max(0, at - 4), at):
        return NO
    return _end_before_letter(text, end, final)


def end_at_look_alike(text: str, at: int, end: int, final: bool) -> int:
    """Whether a sentence ends at a mark that looks like another one in its alphabet.

    The Greek question mark looks like ``;``, the Armenian full stop like ``:``; two Ethiopic word
    dividers make a full stop.
    """
    if not _LOCAL_MARK.search(text, max(0, at - 1), at + 1):
        return NO
    if end < len(text) and not text[end].isspace():
        return NO
    return _end_before_letter(text, end, final)


def _end_before_letter(text: str, end: int, final: bool) -> int:
    ahead = look_ahead(text, end, final)
    if ahead.kind in ("wait", "end"):
        return WAIT if ahead.kind == "wait" else end
    return NO if ahead.kind in ("line", "other") else with_emoji(text, end, final)
