"""Does a sentence end with this full stop? It also ends abbreviations, ordinals and initials."""

import re
from collections.abc import Iterable

from app.core.abbreviations import (
    Kind,
    is_abbreviated,
    is_everywhere,
    is_two_part,
    kind_of,
    second_part,
)
from app.core.graphemes import is_break
from app.core.openings import (
    Ahead,
    is_caseless,
    lowercase_style,
    near_start,
    next_word,
    opens_with_date,
    opens_with_small_word,
)
from app.core.ordinals import YES, ends_after_number, heads, unless
from app.core.spans import NO, WAIT
from app.core.vocabulary import CALENDAR, ORDINAL, guess, is_small

# How far back the word or number before a stop is looked for.
_BACK = 40
# With no more words before a year's or an hour's abbreviation, the sentence has just begun.
_MOST_DATE = 3
# Before a number, a shorter word that nobody knows may be an abbreviation.
_PLAIN_WORD = 4
# The letters that words end in; another one before a number tells an abbreviation: "scaff. 14".
_FINALS = {
    "es": "aeiouáéíóúdjlnrsxyz",
    "pt": "aeiouáâàãéêíóôõúlmnrsxz",
    "it": "aeiouàèéìòùlnr",
}
# Elsewhere, one up to this length may be one when a consonant is its last letter: "tört. 3.".
_LONGEST_DOUBTFUL = 5
_CONSONANTS = frozenset("bcdfghjklmnpqrstvwxzčšžćłńśźżřťňβγδζθκλμνξπρστφχψбвгджзклмнпрстфхцчшщј")

_TOKEN = re.compile(
    r"(?:(?<![\w.])(?:[^\W\d_]{1,4}[.][ \u00a0\u202f]?){0,3})(?<!\w)"
    r"(?:[\w'’ʼ/\-.·:\u0300-\u036f\u0900-\u0dff\u0eb0-\u0ece\u200d]|(?<=[א-ת])[\"״](?=[א-ת]))+$"
)
# Initials in an alphabet of capitals; Latin ones may stand for anything: "U.S.", "P.M.".
_INITIALS = re.compile(r"(?:[Α-ΩА-ЯЁІЇЄҐЈЉЊЋЂЏ][.])+[Α-ΩА-ЯЁІЇЄҐЈЉЊЋЂЏ]$")
_NO_CHINESE = "\u3004"  # nor Korean; those come after it
_TOUCHED = re.compile("[A-Za-z][!-~]*$")  # Chinese sets no space before them
_GOES_ON = ".\u00a0\u202f "
_DEGREES = ("°C", "°F", "ºC", "ºF")
# Units that are titles and words in some languages: "à 200 m. M. Petit"; after a year, the Greek
# "π.χ." (e.g.) with a capital is B.C.
_UNITS = frozenset(("m", "g", "l", "π.Χ"))
_YEAR = re.compile(r"(?<!\d)[12]\d{3}[ \u00a0\u202f]?$")
_MEASURE = re.compile(r"\d[ \u00a0\u202f]?$")
# "At 5 p.m. Dr. Lee calls": what follows the hour is the sentence.
_HOUR_FIRST = re.compile(
    r"(?:At|By|Until|Till|From|After|Before|Around|A las|Desde las|Hasta las|Às) +[\d.:]+ ?"
)
# What a number may look like: "claim no. CL-20418".
_CODE = re.compile(r"[A-Z]{1,5}[-/]?\d")
_CODE_SO_FAR = re.compile(r"[A-Z]{1,5}[-/]?$")
_ORDINAL_DAY = re.compile(r"\d[.][ \u00a0\u202f]?$")
# Words of one sign that close sentences: "to be" in the languages of India, the polite "ạ".
_ONE_SIGN_WORDS = frozenset("છે છો છું છીએ है हैं हो हूँ था थे थी छ छु ਹੈ ਸੀ ạ".split())
# What Urdu calls the letters of initials; some of these are words that close sentences as well.
_URDU_LETTERS = frozenset(
    "اے بی ڈی ای ایف ایچ جے کے ایل ایم این او کیو آر ایس ٹی یو وی ڈبلیو ایکس وائی زیڈ".split()
)
_URDU_WORDS = frozenset("سی جی آئی پی".split())
_URDU_WORD = re.compile(r"(?<!\w)[^\W\d_]{1,5}$")
_LONGEST_URDU_WORD = 6
# Lao writes them on to the word before them; others have no vowels.
_LAO_SHORT = ("ດຣ", "ໂທ", "ສຈ", "ຮສ")
_LAO_VOWEL = re.compile("[\u0eb0-\u0ebd\u0ec0-\u0ecd]")
_INNER_SPACE = re.compile(r"[ \u00a0\u202f]")
# What is linked to a word as its ending: "Tom's", "PDV-a", "TL'dir".
_ENDING = re.compile(r"['’]s$|[A-ZÀ-ÞΑ-ΩА-Я]{2}[-'’][^\W\d_A-ZÀ-Þ]{1,4}$")
_LINK = re.compile(r"[-'’/]")
# Words that are written out, of letters that have no small ones; and linked ones with their last.
_WITHOUT_CASE = re.compile("[\u05d0-\u05ea\u0620-\u064a\u0671-\u06d3\uac00-\ud7a3]{3,}")
_LINKED = re.compile(r"(?:[^\W\d_]+[-'’])+([^\W\d_]{2,})")
_ACRONYM = re.compile(r"[A-ZА-ЯΑ-Ω]{3,}$")
# Compounds that only a number or a street's name ends in: "Hauptstr. 5", "Kundennr. 4711".
_COMPOUNDS = ("str", "strasse", "gatan", "gade", "utca", "nr")
_COMPOUND = re.compile(rf"\w{{3}}(?:{'|'.join(_COMPOUNDS)})$")
# How no German word ends that is written out: "schriftl. Antrag", "beschr. Haftung".
_CLIPPED = ("bl", "dl", "gl", "kl", "pl", "tl", "zl", "br", "chr", "gr", "kr", "pr", "tr")
_SHORTENED = (*_COMPOUNDS, *_CLIPPED)
_ROMAN = re.compile(r"[IVX]{2,}$")
# What numbers "Option B." and "Chapter IV.".
_LETTERING = re.compile(r"(?:[A-Z]|[IVX]{2,})$")
_NO_VOWEL = re.compile(
    r"(?!(?:Uhr|Ort|Amt|Arzt|Angst|Obst|Ernst)$)[A-Z][bcdfghjklmnpqrstvwxz]{1,4}$"
)
_DOTTED = re.compile(r"(?:[^\W\d_]{1,3}[.]-?)+[^\W\d_]{1,4}$")


def ends_at_stop(text: str, at: int, ahead: Ahead, final: bool) -> int:
    """Whether a sentence ends with the full stop at ``at``, given what follows its space.

    Returns:
        A positive number, ``NO`` or ``WAIT``.
    """
    before = text[at - 1 : at]
    if not before or before.isspace():
        stands_off = ahead.kind == "upper" and text[max(0, at - 2) : at - 1].isalpha()
        return YES if stands_off else NO
    if ahead.kind == "lower" and not (is_caseless(before) or lowercase_style(text, at)):
        return NO
    if before.isdecimal():  # no superscript: that is a unit's, or a footnote's
        return ends_after_number(text, at, ahead, final)
    token = _token_before(text, at)
    degrees = before in "CF" and text.endswith(_DEGREES, 0, at)
    if not token or degrees:  # else a bracket, a quotation mark, a percent sign
        return YES if ahead.kind != "lower" or lowercase_style(text, at) else NO
    if token[-1].isascii() and not token.isascii() and max(token) > _NO_CHINESE:
        token = _without_touching(token)
    return _after_token(text, at, token, ahead, final)


def _without_touching(token: str) -> str:
    """A token that ends in Latin letters, without the Chinese or Korean that they touch."""
    found = _TOUCHED.search(token)
    touching = found is not None and token[found.start() - 1 : found.start()] > _NO_CHINESE
    return found.group() if found and touching else token


def ends_at_urdu_stop(text: str, at: int, ahead: Ahead, final: bool) -> int:
    """The same for the stop of Urdu, which ends page marks and initials too: "ص۔ 5", "ایم۔ اے۔"."""
    found = _URDU_WORD.search(text, max(0, at - _LONGEST_URDU_WORD), at)
    word = found.group() if found else ""
    if len(word) == 1 or word in _URDU_LETTERS:
        return NO
    if word not in _URDU_WORDS:
        return YES
    following = None if ahead.kind == "wait" else next_word(text, ahead.letter, final)
    if following is None:
        return WAIT
    return NO if following in _URDU_LETTERS or following in _URDU_WORDS else YES


def _token_before(text: str, at: int) -> str:
    """The word before a stop, with the short ones before it that end in stops; may be ""."""
    least = max(1, at - _BACK)
    space = text.rfind(" ", least, at)
    word = text[space + 1 : at]
    solid = word.isalnum() or _LINK.sub("", word).isalnum()
    if space > 0 and solid and text[space - 1] not in _GOES_ON:
        return word  # what the expression finds as well, in ten times the time
    while space > 0 and text[space - 1] in _GOES_ON:
        space = text.rfind(" ", least, space)
    found = _TOKEN.search(text, space + 1 if space > 0 else max(0, at - _BACK), at)
    return found.group() if found else ""


def _after_token(text: str, at: int, token: str, ahead: Ahead, final: bool) -> int:
    """``token``: the word before the stop, with the short ones before it that end in stops."""
    if ahead.kind != "digit" and _is_plain(token):
        return YES  # most often; what follows says the same
    joined = token if token.isalnum() else _INNER_SPACE.sub("", token)
    if ahead.kind == "upper" and (most := second_part(joined)):
        second = next_word(text, ahead.letter, final)
        if second is None and len(text) - ahead.letter <= most:
            return WAIT
        if second and is_two_part(joined, second):
            return NO
    initial = ahead.kind == "upper" and len(joined) == 1 and joined.isupper()
    if initial and opens_with_small_word(text, at, ahead.letter, final) == NO:
        return NO  # "J. Smith": in fewer steps than below
    if ahead.kind != "upper" and is_everywhere(joined) and not _ACRONYM.match(joined):
        return NO  # "Nr. 5": the same
    kind = _abbreviation(text, at, token, joined)
    if kind is not None:
        return _after_abbreviation(text, at, kind, len(token), ahead, final)
    word = _INNER_SPACE.split(token)[-1] if len(token) != len(joined) else joined
    letters = word if word.isalpha() else "".join(filter(str.isalpha, word))
    if not letters:
        return NO if ahead.kind == "lower" else YES
    if "\u0561" <= letters[-1] <= "\u0587" and ahead.letter > ahead.at:
        return NO  # Armenian opens a quotation with it, as others with a colon
    if is_caseless(letters[-1]):
        short = ahead.kind == "digit" and len(letters) <= _PLAIN_WORD
        return NO if short else _after_caseless(word)
    return _after_word(text, at, word, at - len(token), ahead, final)


def _is_plain(token: str) -> bool:
    """Whether a token is a word in small letters that no abbreviation looks or ends like.

    In Latin, Greek or Cyrillic: Armenian and Georgian small letters have rules of their own. Or one
    of three and more Hebrew or Arabic letters, or Korean syllables.
    """
    if token[-1:] > "\u0590" and _WITHOUT_CASE.fullmatch(token):
        return not is_abbreviated(token)
    if not token.isalpha():
        linked = _LINKED.fullmatch(token)
        if not linked or is_abbreviated(linked[1]):
            return False
    return (
        len(token) > 1
        and token.islower()
        and not "\u0531" <= token[-1] < "\u1e00"
        and not is_abbreviated(token)
        and not token.endswith(_SHORTENED)
    )


def _abbreviation(text: str, at: int, token: str, joined: str) -> Kind | None:
    """The kind of abbreviation that a token is, tried whole and by its last part."""
    if joined.endswith(_COMPOUNDS) and _COMPOUND.search(joined):
        return "number"
    if "." in joined and _INITIALS.match(joined):
        return None
    for word in (token,) if token.isalnum() else _parts(token, joined):
        kind = kind_of(word, text[:at])
        if len(word) == 1 and word.isupper() and not (kind == "before" and guess(text[:at])):
            continue  # an initial
        if kind == "before" or (kind and not _ACRONYM.match(word)):
            return kind
    clipped = joined.endswith(_CLIPPED) and joined.islower() and guess(text[:at]) == "de"
    return "before" if clipped else None


def _parts(token: str, joined: str) -> Iterable[str]:
    """What of a token may be an abbreviation: all of it, its last word, what is linked to that."""
    last = _INNER_SPACE.split(token)[-1]
    linked = "" if _ENDING.search(last) else _LINK.split(last)[-1]
    return dict.fromkeys((joined, last, linked))


def _after_abbreviation(
    text: str, at: int, kind: Kind, length: int, ahead: Ahead, final: bool
) -> int:
    start = at - length
    word = text[start:at]
    small = kind == "number" and length > 1 and is_small(word)
    if small and is_small(word, guess(text[:at])):
        doubtful = ahead.kind == "lower" or word[0].isupper()  # "the model no. and", "Item No. Six"
        if ahead.kind == "digit" or (doubtful and start > near_start(text, at)):
            return NO
        coded = unless(_CODE, _CODE_SO_FAR, text, ahead.letter, final)
        return _after_word(text, at, word, start, ahead, final) if coded == YES else coded
    if ahead.kind != "upper" or text[ahead.at] in "([":
        return NO
    measure = _MEASURE.search(text, max(0, start - 2), start)
    measured = (kind == "number" or word in _UNITS) and (
        measure or _is_month(text, start, word, at)
    )
    if kind == "before" and not measured:
        return NO
    initials = "." in word and word.isupper() and not measure  # "A. M. Gómez", but "9 A.M."
    if (kind == "end" and not initials) or measured:
        begin = near_start(text, start)
        if begin >= 0 and _HOUR_FIRST.fullmatch(text, begin, start):
            return NO
        if begin < 0 or not _is_date(text, begin, start):
            answer = opens_with_date(text, ahead.letter, final)
            return answer if answer == WAIT else (YES if answer == NO else NO)
    return opens_with_small_word(text, at, ahead.letter, final)


def _is_date(text: str, begin: int, end: int) -> bool:
    """Whether a sentence has told no more than a time so far, as in "В 1937 г. Сталин …"."""
    words = text[begin:end].split()
    if not words or len(words) > _MOST_DATE or words[0][0].islower():
        return False
    timed = len(words) > 1 and (is_small(words[0]) or words[0].isdigit())
    return timed or bool(_YEAR.search(text, end - 6, end))


def _is_month(text: str, start: int, word: str, at: int) -> bool:
    """Whether a month stands behind its day, as in "3. dec.", where capitals tell a sentence."""
    return (
        word.lower() in CALENDAR
        and _ORDINAL_DAY.search(text, max(0, start - 3), start) is not None
        and guess(text[:at]) != "de"  # it writes every noun with a capital
    )


def _after_caseless(word: str) -> int:
    """Scripts without capitals: one sign before a stop is an initial or an abbreviation."""
    first, _, last = word.rpartition(".")
    if last in _ONE_SIGN_WORDS:
        return YES
    if "\u0e00" <= last[:1] <= "\u0e7f" and len(last) <= 5:
        return NO  # Thai ends no sentence with a stop
    if first and not first[-1].isdigit() and len(last) <= 3:
        return NO
    if last[:1] == "و" and len(last) == 2:
        return NO  # Arabic writes "and" on to what follows it
    if "\u0e80" <= last[:1] <= "\u0eff":
        return YES if _LAO_VOWEL.search(last) and not last.endswith(_LAO_SHORT) else NO
    return YES if any(is_break(last, index) for index in range(1, len(last))) else NO


def _after_word(text: str, at: int, word: str, start: int, ahead: Ahead, final: bool) -> int:
    if ahead.kind == "lower":
        return YES if len(word) > 1 else NO
    if word in _ONE_SIGN_WORDS:
        return YES
    if word.isupper() and _LETTERING.match(word) and heads(text, start, len(word)):
        return NO
    if len(word) == 1:
        inside = ahead.kind == "upper" and start > near_start(text, start)
        return opens_with_small_word(text, at, ahead.letter, final) if inside else NO
    dotted = "." in word and _DOTTED.match(word)
    if ahead.kind == "upper" and (
        dotted
        or _NO_VOWEL.match(word)
        or (_ROMAN.match(word) and guess(text[:at]) in {*ORDINAL, ""})
    ):
        return opens_with_small_word(text, at, ahead.letter, final)
    if dotted:
        return NO
    if ahead.kind == "digit":
        unit = word.isupper() and _MEASURE.search(text, max(0, start - 2), start)
        if unit:
            return YES
        language = guess(text[:at])
        if len(word) >= _PLAIN_WORD:
            return NO if _looks_short(word, language) else YES
        return YES if language and is_small(word, language) else NO
    return YES


def _looks_short(word: str, language: str) -> bool:
    """Whether the last letter of a word before a number is one that abbreviations end in."""
    last = word[-1].lower()
    if language in _FINALS:
        return last not in _FINALS[language]
    return language != "en" and len(word) <= _LONGEST_DOUBTFUL and last in _CONSONANTS
