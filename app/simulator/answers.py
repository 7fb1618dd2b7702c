"""The script: which answer the pretend model gives to what a person said. Always the same one."""

import re
import unicodedata
from collections.abc import Mapping

from app.simulator.answers_asia import HINDI, JAPANESE
from app.simulator.answers_english import ENGLISH
from app.simulator.answers_europe import FRENCH, GERMAN, PORTUGUESE, SPANISH

ANSWERS: Mapping[str, Mapping[str, str]] = {
    "en": ENGLISH,
    "es": SPANISH,
    "pt": PORTUGUESE,
    "fr": FRENCH,
    "de": GERMAN,
    "hi": HINDI,
    "ja": JAPANESE,
}
"""By language, then by topic; each language has at least ``other``."""

TOPICS: Mapping[str, tuple[str, ...]] = {
    # The first that fits wins: "return an order" is about a return.
    "return": (
        "return", "refund", "exchange", "broken", "devol", "reembols", "cambi", "roto", "troca",
        "retour", "rembours", "cass", "zuruck", "ruckgabe", "umtausch", "kaputt",
        "वापस", "लौटा", "रिफंड", "返品", "返金", "交換",
    ),
    "order": (
        "order", "parcel", "deliver", "track", "shipping", "pedido", "envio", "paquete", "entrega",
        "encomenda", "commande", "colis", "livraison", "bestell", "paket", "liefer",
        "ऑर्डर", "पार्सल", "डिलीवरी", "注文", "配送", "荷物",
    ),
    "hours": (
        "open", "hours", "close", "sunday", "saturday", "abiert", "abre", "abren", "horario",
        "domingo", "sabado", "abert", "ouvert", "ferme", "horaire", "dimanche", "samedi",
        "offnung", "geoffnet", "sonntag", "samstag", "auf?", "समय", "खुल", "बंद", "रविवार",
        "営業", "時間", "何時", "日曜",
    ),
    "recipe": ("recipe", "cook", "soup", "ingredient", "bake", "dinner"),
    "code": ("code", "snippet", "api", "python", "developer", "webhook", "integrat"),
    "person": ("human", "person", "agent", "somebody", "someone", "phone number", "call me"),
    "thanks": ("thank", "thx", "cheers", "great"),
}  # fmt: skip

WORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset("the is are you my do how can what when i to and of a it have please".split()),
    "es": frozenset(
        "el la los las es esta estan mi como puedo que cuando y de un una tienen hola donde "
        "quiero por favor gracias".split()
    ),
    "pt": frozenset(
        "o a os as e esta estao meu minha como posso que quando de um uma voces tem ola onde "
        "quero por favor obrigado obrigada nao".split()
    ),
    "fr": frozenset(
        "le la les est vous mon ma comment puis je que quand et de un une avez bonjour ou "
        "voudrais s'il merci ete etes".split()
    ),
    "de": frozenset(
        "der die das ist sind ihr mein meine wie kann ich was wann und von ein eine haben hallo "
        "wo mochte bitte danke sie am".split()
    ),
}
"""Small words, without accents, by which a language in Latin letters is known."""


def answer_to(said: str) -> str:
    """The answer to the last thing a person said, in the language it was said in."""
    answers = ANSWERS[language_of(said)]
    return answers.get(topic_of(said), answers["other"])


def language_of(said: str) -> str:
    """``en`` … ``ja``; English when it cannot be told."""
    if re.search(r"[\u0900-\u097f]", said):
        return "hi"
    if re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", said):
        return "ja"
    words = re.findall(r"[a-z']+", _plain(said))
    score = {language: sum(word in known for word in words) for language, known in WORDS.items()}
    best = max(score, key=lambda language: score[language])
    if re.search(r"[¿¡ñ]", said):
        return "es"
    if re.search(r"[ãõ]", said):
        return "pt"
    if "ß" in said:
        return "de"
    return best


def topic_of(said: str) -> str:
    """What it is about: the first topic that has a word in it, else ``other``."""
    plain = _plain(said)
    for topic, words in TOPICS.items():
        if any(
            re.search(rf"\b{re.escape(word)}" if word.isascii() else word, plain) for word in words
        ):
            return topic
    return "other"


def _plain(text: str) -> str:
    """Lower case without accents; scripts that have none stay as they are."""
    if not re.search(r"[a-zA-Z]", text):
        return text
    parts = unicodedata.normalize("NFD", text.lower())
    return "".join(char for char in parts if not "\u0300" <= char <= "\u036f")
