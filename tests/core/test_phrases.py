"""What people read when no model answers them."""

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.language import language_of
from app.core.phrases import Which, phrase

WHICH: tuple[Which, ...] = get_args(Which)

# What a person writes, and a word that the answer in that language has.
PEOPLE = {
    "English": ("where is my order", "Sorry"),
    "Spanish": ("hola, donde esta mi pedido", "Disculpe"),
    "Portuguese": ("oi, tudo bem?", "Desculpe"),
    "French": ("bonjour, où est mon colis", "Veuillez"),
    "German": ("wo ist mein paket", "Entschuldigung"),
    "Italian": ("ciao dove siete", "dispiace"),
    "Dutch": ("waar is mijn pakket", "Sorry"),
    "Polish": ("cześć, gdzie jest moja paczka", "Przepraszam"),
    "Czech": ("dobrý den, kde je můj balík", "Omlouvám"),
    "Romanian": ("bună ziua, unde este comanda mea", "rău"),
    "Swedish": ("hej, var är mitt paket", "Tyvärr"),
    "Danish": ("hvor er min pakke, hvad sker der", "Beklager"),
    "Norwegian": ("hei, hva skjer med pakken min", "Beklager"),
    "Turkish": ("merhaba siparişim nerede", "Üzgünüm"),
    "Indonesian": ("halo, dimana pesanan saya", "Maaf"),
    "Vietnamese": ("xin chào, đơn hàng của tôi đâu", "Xin lỗi"),
    "Russian": ("привет, где мой заказ", "Извините"),
    "Ukrainian": ("привіт, де моє замовлення", "Вибачте"),
    "Greek": ("πού είναι η παραγγελία μου", "Συγγνώμη"),
    "Arabic": ("مرحبا اين طلبي", "نعتذر"),
    "Persian": ("سفارش من کجاست", "متأسفانه"),
    "Urdu": ("میرا آرڈر کہاں ہے", "معذرت"),
    "Hebrew": ("איפה ההזמנה שלי", "מצטערים"),
    "Hindi": ("मेरा ऑर्डर कहाँ है", "क्षमा"),
    "Bengali": ("আমার অর্ডার কোথায়", "দুঃখিত"),
    "Thai": ("ของอยู่ไหน", "ขออภัย"),
    "Chinese": ("我的订单在哪里", "抱歉，我"),
    "traditional Chinese": ("請問訂單到哪裡了", "抱歉，我"),
    "Japanese": ("注文はどこですか", "申し訳"),
    "Korean": ("제 주문 어디 있어요", "죄송하지만"),
}
CONTACT = "+1 212 555 0134, Mo–Fr 9–17"
EACH_PERSON = pytest.mark.parametrize(("said", "word"), PEOPLE.values(), ids=PEOPLE.keys())
EACH_PHRASE = pytest.mark.parametrize("which", WHICH)


@EACH_PERSON
def test_a_person_is_answered_in_their_language(said: str, word: str) -> None:
    assert word in phrase("no_answer", like=said)


@EACH_PHRASE
@EACH_PERSON
def test_our_own_words_are_in_the_language_they_pass_for(
    said: str, word: str, which: Which
) -> None:
    assert language_of(phrase(which, like=said)) == language_of(said)


@EACH_PHRASE
@EACH_PERSON
def test_a_phrase_is_two_short_sentences_at_most(said: str, word: str, which: Which) -> None:
    text = phrase(which, like=said)
    assert len(text) <= 150
    assert len(re.findall(r"[.?!。।۔؟]", text)) <= 2
    assert not re.search(r"[*_~`\n]", text)


@EACH_PHRASE
@EACH_PERSON
def test_the_human_contact_follows_on_a_line_of_its_own(said: str, word: str, which: Which) -> None:
    bare = phrase(which, like=said)
    first, second = phrase(which, like=said, human_contact=f" {CONTACT}\n").split("\n")
    assert first == bare
    assert second.endswith(CONTACT)
    assert len(second) > len(CONTACT) + 3


@EACH_PHRASE
def test_every_phrase_of_a_language_is_its_own(which: Which) -> None:
    texts = [phrase(which, like=said) for said, _ in PEOPLE.values()]
    assert len(set(texts)) == len(PEOPLE)
    assert len({phrase(which, like="hola") for which in WHICH}) == len(WHICH)


@pytest.mark.parametrize("like", ["", "👍", "[voice message]", "12345"], ids=repr)
def test_english_is_said_to_who_has_not_shown_a_language(like: str) -> None:
    assert phrase("cannot_read", like=like).startswith("Sorry, I can only read text")


def test_a_blank_contact_is_no_contact() -> None:
    assert phrase("no_answer", like="hi", human_contact=" \n") == phrase("no_answer", like="hi")


@given(st.text(), st.sampled_from(WHICH), st.text())
def test_there_is_always_something_to_say(like: str, which: Which, contact: str) -> None:
    assert phrase(which, like=like, human_contact=contact).strip()
