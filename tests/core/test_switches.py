"""STOP and START, in the words of many languages, and nothing that only looks like them."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.phrases import Which, phrase
from app.core.silence_phrases import SILENCE_PHRASES
from app.core.switches import _START, _STOP, MOST_CHARS, switch_of

STOPS = {
    "": "STOP!",
    "en": "Stop texting me.",
    "es": "BAJA",
    "pt": "Sair",
    "fr": "ARRÊT",
    "de": "Abmelden",
    "it": "Disiscrivimi",
    "nl": "afmelden",
    "pl": "Wypisz mnie!",
    "cs": "Odhlásit",
    "ro": "Dezabonare",
    "sv": "avregistrera",
    "da": "Afmeld",
    "nb": "Meld meg av",
    "tr": "DURDUR",
    "id": "Berhenti",
    "vi": "Dừng lại",
    "ru": "Стоп 🙏",
    "uk": "Відпишіть мене",
    "el": "ΣΤΟΠ",
    "ar": "إلغاء الاشتراك",
    "fa": "لغو عضویت",
    "ur": "بند کریں۔",
    "he": "הסר",
    "hi": "बंद करें",
    "bn": "বন্ধ করুন",
    "th": "หยุดส่งข้อความ",
    "zh": "退订",
    "zh-Hant": "取消訂閱",
    "ja": "配信停止",
    "ko": "수신 거부",
}
STARTS = {
    "": " start ",
    "es": "Alta",
    "fr": "Démarrer",
    "de": "Weiter",
    "vi": "bắt đầu",
    "ru": "СТАРТ",
    "hi": "शुरू करें",
    "zh": "开始",
    "ko": "시작",
}
NO_SWITCHES = {
    "a sentence with it": "Where is the bus stop?",
    "a question": "Stop?",
    "cancel an order": "cancel",
    "the end of a list": "end",
    "Vietnamese for right": "đúng",
    "without accents, the same": "dung",
    "French for hard": "dur",
    "a size in Spanish": "alto",
    "thanks, enough": "basta",
    "a wish with an object": "stop the delivery of my order",
    "yes": "ok",
    "an emoji": "🛑",
    "nothing": "",
    "Bengali for closed": "বন্ধ",
    "much of it": "stop " * 20,
}


@pytest.mark.parametrize(("language", "text"), STOPS.items(), ids=STOPS)
def test_a_word_for_stop_is_known_with_its_language(language: str, text: str) -> None:
    assert switch_of(text) == ("stop", language)


@pytest.mark.parametrize(("language", "text"), STARTS.items(), ids=STARTS)
def test_a_word_for_start_is_known_with_its_language(language: str, text: str) -> None:
    assert switch_of(text) == ("start", language)


@pytest.mark.parametrize("text", NO_SWITCHES.values(), ids=NO_SWITCHES)
def test_what_may_be_an_answer_is_no_switch(text: str) -> None:
    assert switch_of(text) is None


def test_every_language_that_we_speak_can_be_stopped_and_started() -> None:
    assert _STOP.keys() - {""} == SILENCE_PHRASES.keys()
    assert _START.keys() - {"", "en"} == SILENCE_PHRASES.keys() - {"en"}


def test_a_word_as_a_phone_writes_it_at_a_sentences_beginning_is_the_same() -> None:
    for way, table in (("stop", _STOP), ("start", _START)):
        for line in table.values():
            for word in line.split("|"):
                assert len(word) <= MOST_CHARS
                found = switch_of(f"  {word.strip().capitalize()}. ")
                assert found is not None
                assert found.way == way, word


@given(st.text())
def test_any_text_is_a_switch_or_none(text: str) -> None:
    found = switch_of(text)
    assert found is None or found.way in ("stop", "start")


@pytest.mark.parametrize("language", SILENCE_PHRASES)
def test_a_known_language_needs_no_words_to_be_told_by(language: str) -> None:
    for which in get_args(Which):
        text = phrase(which, like="STOP", language=language)
        assert (text == phrase(which, like="STOP")) is (language == "en")
