"""The script: the right answer, in the right language, in pieces that join to it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.answers import ANSWERS, answer_to, language_of, topic_of
from app.simulator.pieces import pieces

ALL = [
    pytest.param(text, id=f"{language} {topic}")
    for language, answers in ANSWERS.items()
    for topic, text in answers.items()
]


@pytest.mark.parametrize(
    ("said", "language", "topic"),
    [
        ("When are you open on Sunday?", "en", "hours"),
        ("How do I return an order?", "en", "return"),
        ("Where is my parcel?", "en", "order"),
        ("Can you give me a recipe?", "en", "recipe"),
        ("Do you have a code snippet for your API?", "en", "code"),
        ("I want to talk to a human", "en", "person"),
        ("Thanks a lot", "en", "thanks"),
        ("Hello", "en", "other"),
        ("", "en", "other"),
        ("¿Cómo puedo devolver un pedido?", "es", "return"),
        ("¿A qué hora abren el domingo?", "es", "hours"),
        ("Onde está a minha encomenda?", "pt", "order"),
        ("Vocês estão abertos no domingo?", "pt", "hours"),
        ("Où est ma commande ?", "fr", "order"),
        ("Vous êtes ouverts le dimanche ?", "fr", "hours"),
        ("Wie kann ich meine Bestellung zurückgeben?", "de", "return"),
        ("Wann habt ihr am Sonntag geöffnet?", "de", "hours"),
        ("मेरा ऑर्डर कहाँ है?", "hi", "order"),
        ("आप कब खुले हैं?", "hi", "hours"),
        ("返品したいのですが", "ja", "return"),
        ("日曜日は営業していますか", "ja", "hours"),
    ],
)
def test_a_question_is_understood(said: str, language: str, topic: str) -> None:
    assert (language_of(said), topic_of(said)) == (language, topic)
    assert answer_to(said) == ANSWERS[language][topic]


def test_every_language_has_the_common_answers() -> None:
    assert len(ANSWERS) >= 6
    for answers in ANSWERS.values():
        assert {"hours", "order", "return", "other"} <= answers.keys()


@pytest.mark.parametrize("text", ALL)
def test_an_answer_is_worth_several_bubbles(text: str) -> None:
    assert 250 <= len(text) <= 900
    assert len(re.findall(r"[.!?।。？！](?:\s|$)|[。！？]|[?!](?=[^\x00-\x7f])", text)) >= 3
    assert "  " not in re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert text == text.strip()


@pytest.mark.parametrize("text", ALL)
def test_pieces_are_short_many_and_join_to_the_answer(text: str) -> None:
    parts = pieces(text)
    assert "".join(parts) == text
    assert max(map(len, parts)) <= 9
    assert len(parts) > len(text) / 8


@given(st.text())
def test_pieces_of_any_text_join_to_it(text: str) -> None:
    parts = pieces(text)
    assert "".join(parts) == text
    assert all(parts)
