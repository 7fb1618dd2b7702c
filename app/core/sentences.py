"""Does a sentence end here? Told from the text before, and as little of the text after as will do.

Each function answers with the index right after the sentence's last character, with ``NO``, or
with ``WAIT`` when the characters that decide have not come yet. What is said about a text holds
for every text that begins with it: more text never changes an answer other than ``WAIT``.
"""

import re
from unicodedata import category

from app.core.abbreviations import Kind, is_two_part, kind_of, opens_two_parts
from app.core.blocks import EMOJI, EMOJI_RUN
from app.core.graphemes import is_break
from app.core.spans import NO, WAIT
from app.core.vocabulary import CALENDAR, LABELS, ORDINAL, guess, is_small

# Unicode's Sentence_Terminal characters that end a sentence by themselves, whatever follows.
# (Left out: U+104A and other marks that are commas in today's use.)
SURE = (
    "։؝؞۔܀܁܂߹࠷࠹࠽࠾।॥။።፧፨᙮᜵᜶។៕᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿⳹⳺⳻⸮⸼。"
    "꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫︒︕︖﹒﹖﹗！．？｡༎"
    "\U00010a56\U00010a57\U00011047\U00011048\U000110be-\U000110c1\U00011141-\U00011143"
    "\U000111c5\U000111c6\U000111cd\U000111de\U000111df\U00011238\U00011239\U0001123b\U0001123c"
    "\U000112a9\U0001144b\U0001144c\U000115c2\U000115c3\U000115c9-\U000115d7\U00011641\U00011642"
    "\U0001173c-\U0001173e\U00011944\U00011946\U00011a42\U00011a43\U00011a9b\U00011a9c\U00011c41"
    "\U00011c42\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44\U00016e98\U0001bc9f"
)
_STRONG = "!?؟‼⁇⁈⁉‽⸘"
_CLOSERS = "\"'”’»›)\\]）」』】》〉〕］*_~`“"
RUN = re.compile(
    rf"[.…‥{_STRONG}{SURE}]+\ufe0f?(?:[{_CLOSERS}]+|\[\^?\d{{1,3}}\]|[¹²³⁰-⁹]|【[^】\n]{{1,40}}】)*"
)
_CITATION_SO_FAR = re.compile(r"(?:\[\^?\d{0,3}|【[^】\n]{0,40})$")
_ANY_STRONG = re.compile(f"[{_STRONG}]")
_ANY_SURE = re.compile(f"[{SURE}]")
_OPENERS = frozenset("*_~\"'“”„‟«»‘‚‹›([（【「『《〈<`")
_SPACES = re.compile(r"[^\S\n]*")
_CJK = re.compile("[\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Emoji that point to what comes after them.
_POINTERS = re.compile("[👉➡▶🔹🔸▪📌📍☎📞📧✉🔗💡⚠ℹ✅☑✔❌🕐-🕧⏰🗓📅👇🔽⬇🟢🔵🔴🟠🟡⚫⭕▫◾◽•]")

# How much of a run of spaces, and of a word, is read before deciding without its end.
_MOST_SPACES = 40
_LONGEST_WORD = 24
# A common word is at least this long; a letter is more often an initial.
_SHORTEST_WORD = 2
# Marks that may stand before a sentence's first letter.
_MOST_OPENERS = 8
# Words before an ellipsis that make a sentence of their own.
_LONG_THOUGHT = 6

_TOKEN = re.compile(
    r"(?:(?<![\w.])(?:[^\W\d_]{1,4}[.][ \u00a0\u202f]?){0,3})"
    r"(?<!\w)(?:[\w'’ʼ/\-.·:\u0300-\u036f\u0900-\u0dff\u200d]|(?<=[א-ת])[\"״](?=[א-ת]))+$"
)
_NUMBER = re.compile(r"[\d٠-٩][\d.,:/'’\-–\u00a0\u202f]*$")
_SIGN = re.compile(r"[$€£¥₹₽#@+№§°%−]")
_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:[.!?…:][\"”’»)*_]*\s+|\n\s*)")
_LAST_WORD = re.compile(r"[\w.]+$")
_DATE_SO_FAR = re.compile(r"\d[.] ?$")
_ROMAN = re.compile(r"[IVX]{2,}$")
_NO_VOWEL = re.compile(r"[A-Z][bcdfghjklmnpqrstvwxz]{1,4}$")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,3}[.])+[^\W\d_]{1,4}$")
# Names that end in an exclamation mark.
_EXCLAIMING = re.compile(r"\b(?:Yahoo|Jeopardy|Joomla|Yum)$")
_QUOTING = re.compile("と(?!ても|ころ|なり|にかく|りあえず|はいえ)|って|など|とか")

# Scripts that write sentences without an end mark: the polite particles that close them.
_PARTICLES = (
    "ครับ ค่ะ คะ ค่า คับ จ้า จ้ะ จ๊ะ จ๋า ฮะ ฮับ นะ ครับผม คร้าบ ไหม มั้ย หรือไม่ หรือเปล่า หรือยัง "
    "ເດີ້ ເດີ ແດ່ ບໍ ນະ ຄ່ະ ຄັບ ຈ້າ ເນາະ"
).split()
_PARTICLE_ENDS = tuple(_PARTICLES)
_PARTICLE_PARTS = ("ชนะ", "ศนะ", "ธนะ", "ฒนะ", "ทนะ")
_THAI_STARTERS = (
    "นอกจากนี้",
    "ทั้งนี้",
    "อย่างไรก็ตาม",
    "ดังนั้น",
    "จากนั้น",
    "ขอบคุณ",
    "สวัสดี",
    "ຂອບໃຈ",
    "ສະບາຍດີ",
    "ນອກຈາກນີ້",
    "ດັ່ງນັ້ນ",
)
_THAI_WORD = re.compile("[\u0e00-\u0eff]+$")
# Sentence-final syllables before a drawn-out tilde or an emoji.
_CJK_FINALS = re.compile(
    "(?:[了呢哦吧啦呀啊吗嗎哈嘛哟喔噢喽咯哒]|ます|です|ません|ました|でした|ください|さい|よ|ね|요|다|죠|까|네|니)$"
)


def end_at_terminator(text: str, at: int, final: bool) -> int:
    """Whether a sentence ends with the run of end marks that starts at ``at``."""
    run = RUN.match(text, at)
    if run is None:
        return NO
    stop = run.end()
    if stop >= len(text):
        return stop if final else WAIT
    if text[stop] in "[【" and not final and _CITATION_SO_FAR.match(text, stop):
        return WAIT
    if _ANY_SURE.search(text, at, stop):
        return _after_sure(text, at, stop, final)
    return _after_latin(text, at, stop, final)


def _after_sure(text: str, at: int, stop: int, final: bool) -> int:
    """The end after a mark that ends a sentence by itself."""
    while text[stop - 1] in "“‘" and stop - 1 > at:
        stop -= 1  # opens what follows, in Chinese
    if text[at] == "．" and text[at - 1 : at].isdigit():
        return NO
    if text[at] in "！？" and text[stop] in "とっな":
        if stop + 4 > len(text) and not final:
            return WAIT
        if _QUOTING.match(text, stop):
            return NO
    if text[at] == "។" and (text[at - 1 : at] == "" or text.startswith("ល។", stop)):
        return NO
    if not is_break(text, stop):
        return NO
    return _with_emoji(text, stop, final)


def _with_emoji(text: str, stop: int, final: bool) -> int:
    """``stop``, or the end of the emoji that close the sentence after it."""
    at = skip_spaces(text, stop)
    if at >= len(text):
        return stop if final or at - stop > _MOST_SPACES else WAIT
    found = EMOJI_RUN.match(text, at)
    if not found or _POINTERS.match(text, at):
        return stop
    if found.end() >= len(text) and not final:
        return WAIT
    return found.end() if is_break(text, found.end()) else stop


def skip_spaces(text: str, at: int) -> int:
    """The index of the first character from ``at`` that is no space; line ends count as one."""
    found = _SPACES.match(text, at)
    return found.end() if found else at


def _after_latin(text: str, at: int, stop: int, final: bool) -> int:
    """The end after a mark that also has other uses: ``.``, ``…``, ``!``, ``?``."""
    follower = text[stop]
    if EMOJI_RUN.match(text, stop):
        return _after_emoji(text, at, stop, stop, final)
    if not follower.isspace():
        if _CJK.match(follower) and (
            _ANY_STRONG.search(text, at, stop) or _CJK.match(text[at - 1 : at])
        ):
            return NO if text[at] == "…" else stop
        return NO
    after = skip_spaces(text, stop)
    if after >= len(text):
        return stop if final or after - stop > _MOST_SPACES else WAIT
    if text[after] == "\n":
        return NO  # the line's end decides
    if EMOJI_RUN.match(text, after):
        return _after_emoji(text, at, stop, after, final)
    return _decide(text, at, stop, after, final)


def _after_emoji(text: str, at: int, stop: int, emoji: int, final: bool) -> int:
    """The end when an emoji stands after the end mark: it closes the sentence, or opens one."""
    found = EMOJI_RUN.match(text, emoji)
    end = found.end() if found else emoji
    if end >= len(text) and not final:
        return WAIT
    if _POINTERS.match(text, emoji):
        return stop
    after = skip_spaces(text, end)
    if after >= len(text):
        return end if final or after - end > _MOST_SPACES else WAIT
    if text[after] == "\n":
        return NO
    answer = _decide(text, at, stop, after, final)
    if answer < 0:
        return answer
    return end if after > end or _CJK.match(text[after]) else stop


def _decide(text: str, at: int, stop: int, after: int, final: bool) -> int:
    kind, letter = opening(text, after, final)
    if kind == "wait":
        return WAIT
    if kind == "other":
        return NO
    if _ANY_STRONG.search(text, at, stop):
        if kind == "upper" and _EXCLAIMING.search(text, max(0, at - 12), at):
            return NO
        ends = kind != "lower" or lowercase_style(text, at)
        return stop if ends else NO
    marks = text[at:stop]
    if marks.startswith("..") or marks[0] in "…‥":
        return _after_ellipsis(text, at, stop, letter, kind, final)
    answer = _after_dot(text, at, kind, after, letter, final)
    return stop if answer > 0 else answer


def opening(text: str, at: int, final: bool) -> tuple[str, int]:
    """What opens the next sentence, looking through quotation and markup marks.

    Returns:
        ``upper``, ``lower``, ``caseless``, ``digit``, ``other`` or ``wait``, and where it stands.
    """
    start = at
    while at < len(text) and at - start < _MOST_OPENERS and _opens(text, at, start):
        at += 1
    if at >= len(text) - (text[at:] in tuple("-–—,")):
        return ("other" if final else "wait"), at
    char = text[at]
    if char in "¿¡":
        return "upper", at
    if _SIGN.match(char) or char.isdigit():
        return "digit", at
    kind = category(char)
    if kind in ("Lu", "Lt"):
        return "upper", at
    if kind == "Ll" and not "\u10d0" <= char <= "\u10ff":
        return _lower(text, at, final)
    if kind[0] == "L":
        return "caseless", at
    return ("caseless" if EMOJI_RUN.match(text, at) else "other"), at


def _opens(text: str, at: int, start: int) -> bool:
    """Whether an opening mark stands at ``at``, or the space that belongs to one."""
    char = text[at]
    if char == ",":  # low quotation marks, typed as commas
        return text[at + 1 : at + 2] == "," or text[at - 1] == ","
    if char in "-–—":  # a speaker's turn
        return text[at + 1 : at + 2] == " "
    if char == " " and at > start and text[at - 1] in "-–—":
        return True
    return char in _OPENERS or (at > start and char in " \u00a0\u202f" and text[at - 1] in "«„,")


def _lower(text: str, at: int, final: bool) -> tuple[str, int]:
    """A small letter, unless the word is one like "iPhone", "macOS" or "'s Avonds"."""
    end = at + 1
    while end < len(text) and end - at < 6 and text[end].islower():
        end += 1
    if end >= len(text):
        return ("lower" if final else "wait"), at
    if text[end].isupper():
        return "upper", at
    if text[at - 1] in "'’" and text[end] == " " and end - at == 1:
        if end + 1 >= len(text):
            return ("lower" if final else "wait"), at
        return ("upper" if text[end + 1].isupper() else "lower"), at
    return "lower", at


def next_word(text: str, at: int, final: bool) -> str | None:
    """The word at ``at``; ``None`` before its end is here."""
    found = _WORD.match(text, at, at + _LONGEST_WORD)
    if not found:
        return ""
    if found.end() >= len(text) and not final:
        return None
    return found.group()


def _opens_sentence(text: str, at: int, letter: int, final: bool) -> int:
    """1 when the word at ``letter`` is a small one of the language of the text before ``at``."""
    if text[letter] in "¿¡":
        return 1
    word = next_word(text, letter, final)
    if word is None:
        return WAIT
    known = is_small(word) and word.lower() not in CALENDAR and not _ROMAN.match(word)
    if len(word) == 1:
        known = known and word != "I" and text[letter + 1 : letter + 2] == " "
    return 1 if known and is_small(word, guess(text[:at])) else NO


def _after_ellipsis(text: str, at: int, stop: int, letter: int, kind: str, final: bool) -> int:
    """A thought breaks off: it is a sentence when it was long, or when a small word opens next."""
    if kind != "upper":
        return NO
    if len(text[sentence_start(text, at) : at].split()) >= _LONG_THOUGHT:
        word = next_word(text, letter, final)
        return WAIT if word is None else (NO if word.startswith("I") else stop)
    answer = _opens_sentence(text, at, letter, final)
    return stop if answer > 0 else answer


def lowercase_style(text: str, at: int) -> bool:
    """Whether the writer opens sentences with small letters, as some do in chats."""
    return _opens_small(text, 0) and _opens_small(text, sentence_start(text, at))


def _opens_small(text: str, start: int) -> bool:
    return opening(text, skip_spaces(text, start), True)[0] == "lower"


def sentence_start(text: str, at: int) -> int:
    """Where the sentence around ``at`` seems to begin, at most 400 characters back."""
    start = max(0, at - 400)
    for found in _SENTENCE_START.finditer(text, start, at):
        word = _LAST_WORD.search(text, start, found.start())
        if text[found.start()] != "." or not word or not kind_of(word.group(), ""):
            start = found.end()
    return start


def _after_dot(text: str, at: int, kind: str, after: int, letter: int, final: bool) -> int:
    """Whether a single full stop, with a space after it, ends a sentence: positive when it does."""
    before = text[at - 1 : at]
    if not before or before.isspace():
        return 1 if kind == "upper" and text[max(0, at - 2) : at - 1].isalpha() else NO
    if before.isdigit():
        return _after_number(text, at, kind, letter, final)
    found = _TOKEN.search(text, max(0, at - 40), at)
    if not found:
        return NO if kind == "lower" else 1
    return _after_word(text, at, found.group(), kind, after, letter, final)


def _after_number(text: str, at: int, kind: str, letter: int, final: bool) -> int:
    if kind == "digit":
        return NO
    number = _NUMBER.search(text, max(0, at - 24), at)
    digits = number.group() if number else ""
    start = number.start() if number else at
    before = text[sentence_start(text, start) : start].strip(" *_(").lower()
    if digits.isdigit() and (not before or before in LABELS):
        return NO  # "2." and "Step 2." head what follows
    if not digits.isdigit() or len(digits) > 2 or _SIGN.match(text[start - 1 : start]):
        return 1 if kind != "lower" or lowercase_style(text, at) else NO
    if kind == "caseless":
        return NO if _DATE_SO_FAR.search(text, 0, start) else 1
    language = guess(text[:at])
    if kind == "lower":
        plain = language and language not in ORDINAL
        return 1 if plain and lowercase_style(text, at) else NO
    if language and language not in ORDINAL:
        return 1
    return _opens_sentence(text, at, letter, final)


def _after_word(
    text: str, at: int, token: str, kind: str, after: int, letter: int, final: bool
) -> int:
    word = re.sub(r"[ \u00a0\u202f]", "", token)
    start = at - len(token)
    if kind == "upper" and opens_two_parts(word):
        second = next_word(text, letter, final)
        if second is None:
            return WAIT
        if is_two_part(word, second):
            return NO
    abbreviation = _abbreviation(text, start, token, word)
    if abbreviation is not None:
        measured = bool(_MEASURE.search(text, max(0, start - 8), start))
        return _after_abbreviation(text, abbreviation, measured, kind, after, letter, final)
    word = _PARTS.split(token)[-1] if len(token) != len(word) else word
    letters = [char for char in word if char.isalpha()]
    if not letters:
        return NO if kind == "lower" else 1
    if _is_caseless(letters[-1]):
        return _after_caseless(word)
    if kind == "lower":
        return 1 if len(word) > 1 and lowercase_style(text, at) else NO
    if len(word) == 1:
        return _opens_sentence(text, at, letter, final) if start > sentence_start(text, at) else NO
    if _DOTTED.match(word) or _NO_VOWEL.match(word):
        return _opens_sentence(text, at, letter, final) if kind == "upper" else NO
    if _ROMAN.match(word) and kind == "upper":
        language = guess(text[:at])
        ordinal = not language or language in ORDINAL
        return _opens_sentence(text, at, letter, final) if ordinal else 1
    if kind == "digit":
        return 1 if len(word) > 3 or is_small(word) else NO
    return 1


def _abbreviation(text: str, start: int, token: str, word: str) -> Kind | None:
    """The kind of abbreviation that a token is, tried whole and by its last part."""
    if _STREET.search(word):
        return "number"
    parts = _PARTS.split(token)
    for candidate in dict.fromkeys((word, parts[-1], _LINKED.split(parts[-1])[-1])):
        kind = kind_of(candidate, text[: start + len(token)])
        if len(candidate) == 1 and candidate.isupper() and kind != "before":
            kind = None  # an initial
        if kind is not None and (kind == "before" or not _ACRONYM.match(candidate)):
            return kind
    return None


# "5 km", "300 руб": a number and its unit.
_MEASURE = re.compile(r"\d[ \u00a0\u202f]?$")
_PARTS = re.compile(r"[ \u00a0\u202f]")
_LINKED = re.compile(r"[-'’/]")
_ACRONYM = re.compile(r"[A-ZА-ЯΑ-Ω]{3,}$")
_STREET = re.compile(r"\w{3}(?:str|strasse|gatan|gade|utca)$")


def _after_abbreviation(
    text: str,
    abbreviation: Kind,
    measured: bool,
    kind: str,
    after: int,
    letter: int,
    final: bool,
) -> int:
    """What follows an abbreviation decides; ``measured`` when a number stands before it."""
    if abbreviation == "before" or kind != "upper" or text[after] in "([":
        return NO
    if abbreviation == "end" or (abbreviation == "number" and measured):
        word = next_word(text, letter, final)
        if word is None:
            return WAIT if letter + 1 >= len(text) or _may_be_calendar(text, letter) else 1
        initial = len(word) == 1 and text[letter + 1 : letter + 2] == "."
        return NO if initial or word.lower() in CALENDAR else 1
    if abbreviation == "number" and _is_common(text, after):
        return 1
    return _opens_sentence(text, after, letter, final)


def _is_common(text: str, after: int) -> bool:
    """Whether the abbreviation before ``after`` is a common word of the text's language too."""
    last = _LAST_WORD.search(text[max(0, after - 24) : after].rstrip(" ."))
    if last is None or len(last.group()) < _SHORTEST_WORD:
        return False
    return is_small(last.group(), guess(text[:after]))


def _may_be_calendar(text: str, letter: int) -> bool:
    so_far = text[letter : letter + _LONGEST_WORD].lower()
    return any(word.startswith(so_far) for word in CALENDAR)


def _is_caseless(char: str) -> bool:
    return category(char) in ("Lo", "Lm", "Mn", "Mc") or "\u10d0" <= char <= "\u10ff"


def _after_caseless(word: str) -> int:
    """Scripts without capitals: one sign before a stop is an initial or an abbreviation."""
    last = word.rsplit(".", 1)[-1]
    if "\u0e00" <= last[:1] <= "\u0e7f" and len(last) <= 5:
        return NO
    if "." in word and len(last) <= 3:
        return NO
    if last[0] == "و" and len(last) == 2:
        return NO  # "and" is written on to what follows it
    signs = sum(is_break(last, index) for index in range(len(last)))
    return NO if signs < (3 if "\u0e80" <= last[:1] <= "\u0eff" else 2) else 1


def end_at_space(text: str, at: int, final: bool) -> int:
    """Whether a sentence of Thai or Lao ends before the space at ``at``."""
    after = skip_spaces(text, at)
    if after >= len(text):
        return at if final or after - at > _MOST_SPACES else WAIT
    if text[after] == "\n":
        return NO
    found = _THAI_WORD.search(text, max(0, at - 24), at)
    so_far = found.group() if found else ""
    if so_far.endswith(_PARTICLE_ENDS) and not so_far.endswith(_PARTICLE_PARTS):
        kind, _ = opening(text, after, final)
        if kind == "wait":
            return WAIT
        return NO if kind == "other" else _with_emoji(text, at, final)
    if text.startswith(_THAI_STARTERS, after):
        return at
    rest = text[after : after + 12]
    if not final and len(rest) < 12 and any(word.startswith(rest) for word in _THAI_STARTERS):
        return WAIT
    return NO


def end_at_emoji(text: str, at: int, final: bool) -> int:
    """Whether a sentence without an end mark ends with the emoji at ``at``."""
    found = EMOJI_RUN.match(text, at)
    end = found.end() if found else at + 1
    if end >= len(text):
        return end if final else WAIT
    last = text[:at].rstrip()[-4:]
    if not last or text[:at].rstrip(" ").endswith("\n"):
        return NO
    if _POINTERS.match(text, at) or not (last[-1].isalnum() or last.endswith(_PARTICLE_ENDS)):
        return NO
    after = skip_spaces(text, end)
    if after >= len(text):
        return end if final or after - end > _MOST_SPACES else WAIT
    if text[after] == "\n":
        return NO
    if _CJK_FINALS.search(last) or last.endswith(_PARTICLE_ENDS):
        return end if is_break(text, end) and opening(text, after, True)[0] != "other" else NO
    if after == end:
        return NO
    kind, letter = opening(text, after, final)
    if kind != "upper":
        return WAIT if kind == "wait" else NO
    answer = _opens_sentence(text, at, letter, final)
    return end if answer > 0 else answer


def end_at_tilde(text: str, at: int, final: bool) -> int:
    """Whether a drawn-out ``~`` ends a sentence, as in Chinese, Japanese and Korean chats."""
    end = at
    while end < len(text) and text[end] in "~～〜":
        end += 1
    if end >= len(text):
        return end if final else WAIT
    if not _CJK_FINALS.search(text, max(0, at - 4), at):
        return NO
    after = skip_spaces(text, end)
    if after >= len(text):
        return end if final or after - end > _MOST_SPACES else WAIT
    if text[after] == "\n":
        return NO
    kind, _ = opening(text, after, final)
    if kind == "wait":
        return WAIT
    return _with_emoji(text, end, final) if kind in ("caseless", "upper", "lower") else NO


def end_at_colon(text: str, at: int, final: bool) -> int:
    """Whether a sentence ends at a mark that looks like another one in its alphabet.

    The Greek question mark looks like ``;``, the Armenian full stop like ``:``; two Ethiopic word
    dividers make a full stop.
    """
    if not _LOCAL_MARK.search(text, max(0, at - 1), at + 1):
        return NO
    after = skip_spaces(text, at + 1)
    if after >= len(text):
        return at + 1 if final or after - at > _MOST_SPACES else WAIT
    if text[after] == "\n" or after == at + 1:
        return NO
    kind, _ = opening(text, after, final)
    if kind == "wait":
        return WAIT
    return _with_emoji(text, at + 1, final) if kind in ("upper", "digit", "caseless") else NO


_LOCAL_MARK = re.compile("[\u0370-\u03ff\u1f00-\u1fff];|[\u0561-\u0587]:|፡፡")

_LINE_TAIL = re.compile(
    rf"(?:[.…‥{_STRONG}{SURE}]|(?<=[\u0370-\u03ff\u1f00-\u1fff]);|፡፡|[~～〜]|[{EMOJI}]\ufe0f?)"
    rf"(?:[{_CLOSERS}\s{EMOJI}\ufe0f\u200d\u20e3\U000e0020-\U000e007f]|\[\^?\d{{1,3}}\]|[¹²³⁰-⁹])*$"
)
_TITLE_TAIL = re.compile(
    r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|Sr|Sra|Dra|St|M|z\. ?B|e\.g|i\.e|ca|Nr|No)\.$"
)


def line_ends_sentence(line: str) -> bool:
    """Whether a whole line closes with an end mark, an emoji or a closing particle."""
    tail = line[-80:].rstrip()
    if _LINE_TAIL.search(tail):
        return not _TITLE_TAIL.search(tail)
    return tail.endswith(_PARTICLE_ENDS)


def end_after_span(text: str, start: int, end: int, final: bool) -> int:
    """Whether a sentence ends with the quotation, parenthesis or emphasis ``start`` to ``end``."""
    inner = end - 1
    while inner > start and (text[inner] in _CLOSING_MARKS or text[inner].isspace()):
        inner -= 1
    if inner <= start or not RUN.match(text, inner):
        return NO
    first = inner
    while first > start and RUN.match(text[first - 1]):
        first -= 1
    mark = text[start]
    if mark in "`$\\[":
        return NO
    if end >= len(text):
        return end if final else WAIT
    if RUN.match(text, end):
        return NO  # its own end mark follows
    if mark in "*_~":
        return _end_of_emphasis(text, first, end, final)
    opens = _stands_first(text, start)
    if _ANY_SURE.search(text, first, end) or _CJK.match(text[end]):
        return _end_of_wide_quotation(text, start, end, mark, opens, final)
    return _end_of_quotation(text, start, first, end, opens, final)


_CLOSING_MARKS = frozenset("\"'”’»›«)]）」』】》〉〕］*_~“")


def _end_of_emphasis(text: str, first: int, end: int, final: bool) -> int:
    if _ANY_SURE.search(text, first, end):
        return _after_sure(text, first, end, final)
    return _after_latin(text, first, end, final)


def _stands_first(text: str, start: int) -> bool:
    """Whether what opens at ``start`` opens its sentence."""
    before = text[max(0, start - 12) : start].rstrip()
    return not before or "\n" in text[len(before) : start] or bool(RUN.search(before[-2:]))


def _end_of_wide_quotation(
    text: str, start: int, end: int, mark: str, opens: bool, final: bool
) -> int:
    """「…。」 goes on when a particle or speaker follows; （…。） when it stands in a sentence."""
    if not is_break(text, end):
        return NO
    if mark in "(（":
        return _with_emoji(text, end, final) if opens else NO
    after = skip_spaces(text, end)
    if after >= len(text):
        return end if final or after - end > _MOST_SPACES else WAIT
    if text[after] in "라고이하는은의" and after + 3 > len(text) and not final:
        return WAIT
    if text[after] in "，、,—：:；;）)" or _PARTICLE_AFTER.match(text, after):
        return NO
    introduced = text[:start].rstrip()[-1:] in tuple("：:，,")
    chinese = mark in "“\"‘'"
    if chinese and not introduced and text[after] != "\n":
        return NO
    return _with_emoji(text, end, final)


_PARTICLE_AFTER = re.compile("[とってはがをにでものへやかなだ]|라고|고 |이라|하고|는 |은 |의 ")


def _end_of_quotation(text: str, start: int, first: int, end: int, opens: bool, final: bool) -> int:
    mark = text[start]
    if mark in "(（" and not opens:
        return NO
    if not text[end].isspace():
        return NO
    after = skip_spaces(text, end)
    if after >= len(text):
        return end if final or after - end > _MOST_SPACES else WAIT
    if text[after] == "\n":
        return NO
    kind, letter = opening(text, after, final)
    if kind == "wait":
        return WAIT
    if kind in ("lower", "other") or (mark in "(（" and kind == "digit"):
        return NO
    introduced = text[:start].rstrip()[-1:] == ":"
    dot = text[first] == "."
    if (mark in "(（" or dot or introduced) and kind != "caseless":
        return end
    if kind == "upper":
        answer = _opens_sentence(text, end, letter, final)
        return end if answer > 0 else answer
    return end if kind == "caseless" and dot else NO
