"""Who asks for a human, in many languages; and who only speaks of humans."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.human_wishes import _TABLES, asks_for_human
from app.core.silence_phrases import SILENCE_PHRASES

WISHES = {
    "en": [
        "I want to talk to a human",
        "can i speak to someone please",
        "HUMAN!!",
        "Could you please connect me to a real person?",
        "This is useless. Get me a human.",
        "How do I contact customer service?",
        "Why can't I talk to a person?",
        "I don't want to talk to a bot, I want to speak with an agent",
        "Is there anyone I can talk to?",
    ],
    "es": ["Quiero hablar con una persona", "¿me puede atender una persona?", "Asesor por favor, "
           "necesito hablar con alguien", "operador"],
    "pt": ["quero falar com um atendente", "Posso falar com uma pessoa?", "ATENDENTE"],
    "fr": ["Je voudrais parler à un humain", "je peux parler à quelqu'un ?", "un conseiller"],
    "de": [
        "Ich möchte mit einem Menschen sprechen",
        "Kann ich bitte mit jemandem reden?",
        "Verbinden Sie mich mit einem Mitarbeiter",
        "Mitarbeiter bitte",
    ],
    "it": ["Vorrei parlare con un operatore", "posso parlare con una persona?", "operatore"],
    "nl": ["Ik wil met een medewerker praten", "kan ik iemand spreken? ik wil praten met een mens"],
    "pl": ["Chcę porozmawiać z człowiekiem", "Proszę połączyć mnie z konsultantem", "konsultant"],
    "cs": ["Chci mluvit s člověkem", "Můžete mě spojit s operátorem?"],
    "ro": ["Vreau să vorbesc cu o persoană", "pot vorbi cu un operator?"],
    "sv": ["Jag vill prata med en människa", "kan jag få tala med någon?"],
    "da": ["Jeg vil gerne tale med et menneske", "kan jeg snakke med en medarbejder"],
    "nb": ["Jeg vil snakke med et menneske", "kan jeg få prate med noen?"],
    "tr": ["Bir insanla konuşmak istiyorum", "Beni müşteri temsilcisine bağlayın", "temsilci"],
    "id": ["Saya mau bicara dengan orang", "tolong hubungkan saya dengan petugas", "admin"],
    "vi": ["Tôi muốn nói chuyện với nhân viên", "cho tôi gặp tư vấn viên", "người thật"],
    "ru": ["Хочу поговорить с человеком", "Соедините меня с оператором", "оператор!"],
    "uk": ["Хочу поговорити з людиною", "З'єднайте мене з оператором", "оператор"],
    "el": ["Θέλω να μιλήσω με έναν άνθρωπο", "Μπορώ να μιλήσω με κάποιον;"],
    "ar": ["أريد التحدث مع شخص", "ممكن اتكلم مع موظف؟", "خدمة العملاء", "حولني إلى موظف"],
    "fa": ["می‌خواهم با یک انسان صحبت کنم", "با اپراتور می‌خوام حرف بزنم", "اپراتور"],
    "ur": ["مجھے کسی انسان سے بات کرنی ہے", "نمائندے سے رابطہ کروائیں"],
    "he": ["אני רוצה לדבר עם נציג", "אפשר לדבר עם בן אדם?", "נציג אנושי"],
    "hi": ["मुझे किसी इंसान से बात करनी है", "mujhe agent se baat karni hai", "एजेंट"],
    "bn": ["আমি একজন মানুষের সাথে কথা বলতে চাই", "প্রতিনিধির সঙ্গে কথা বলব"],
    "th": ["ขอคุยกับเจ้าหน้าที่", "อยากคุยกับคนจริง", "ติดต่อเจ้าหน้าที่", "แอดมิน"],
    "zh": ["转人工", "我想和真人聊", "我要找客服", "人工客服"],
    "zh-Hant": ["轉人工", "我想跟真人說話", "可以找專員嗎"],
    "ja": ["人と話したいです", "担当者につないでください", "オペレーター"],
    "ko": ["상담원과 통화하고 싶어요", "사람이랑 얘기하고 싶어요", "상담원 연결해 주세요"],
}  # fmt: skip

OTHER_WORDS = {
    "en": [
        "Are you a human?",
        "Am I talking to a human or a bot?",
        "I need to talk to my manager first",
        "I don't want to talk to a human",
        "Do I have to talk to an agent to return it?",
        "I spoke to an agent yesterday and he said ten days",
        "Do you sell human hair wigs? I need human hair",
        "Is the lamp for one person or two?",
        "someone told me to talk about the price",
        "Can I talk to you about a present for a person?",
        "Is your travel agent open on Monday?",
        "I want a table for four people",
    ],
    "es": ["¿Eres una persona?", "una mesa para dos personas", "No quiero hablar con una persona",
           "quiero un regalo para una persona mayor"],
    "pt": ["mesa para duas pessoas", "não quero falar com um atendente", "você é humano?"],
    "fr": ["Je ne veux pas parler à un humain", "une table pour deux personnes"],
    "de": [
        "Ich möchte nicht mit einem Menschen sprechen",
        "Bist du ein Mensch?",
        "Wie viele Personen passen an den Tisch?",
        "Können wir über die Lieferung sprechen?",
        "Ich brauche ein Geschenk für Mitarbeiter",
    ],
    "it": ["un tavolo per due persone", "Non voglio parlare con un operatore"],
    "nl": ["een tafel voor twee personen", "Ik wil niet met een medewerker praten"],
    "pl": ["stolik dla dwóch osób", "nie chcę rozmawiać z konsultantem"],
    "cs": ["stůl pro dvě osoby", "nechci mluvit s člověkem"],
    "ro": ["o masă pentru două persoane", "nu vreau să vorbesc cu un operator"],
    "sv": ["ett bord för två personer", "jag vill inte prata med en människa"],
    "da": ["et bord til to personer", "jeg vil ikke tale med et menneske"],
    "nb": ["et bord til to personer", "jeg vil ikke snakke med et menneske"],
    "tr": ["iki kişilik masa", "Bir insanla konuşmak istemiyorum"],
    "id": ["meja untuk dua orang", "saya tidak mau bicara dengan orang"],
    "vi": ["bàn cho hai người", "tôi không muốn nói chuyện với nhân viên"],
    "ru": ["стол на двух человек", "не хочу говорить с оператором"],
    "uk": ["стіл на двох людей", "не хочу говорити з оператором"],
    "el": ["τραπέζι για δύο άτομα", "δεν θέλω να μιλήσω με άνθρωπο"],
    "ar": ["طاولة لشخصين", "لا أريد التحدث مع موظف"],
    "fa": ["میز برای دو نفر", "با اپراتور صحبت نمی‌کنم"],
    "ur": ["دو افراد کے لیے میز", "کسی سے بات نہیں کرنی"],
    "he": ["שולחן לשני אנשים", "אני לא רוצה לדבר עם נציג"],
    "hi": ["दो लोगों के लिए मेज", "किसी से बात नहीं करनी"],
    "bn": ["দুইজনের জন্য টেবিল", "মানুষের সাথে কথা বলতে চাই না"],
    "th": ["โต๊ะสำหรับสองคน", "ไม่อยากคุยกับเจ้าหน้าที่"],
    "zh": ["两个人的桌子", "我不想找客服", "我想要人工智能的书"],
    "zh-Hant": ["兩個人的桌子", "不用轉人工"],
    "ja": ["二人のテーブル", "友人と話し合います", "担当者と話したくない"],
    "ko": ["두 사람 자리", "상담원과 통화하고 싶지 않아요"],
}  # fmt: skip


def each(texts: dict[str, list[str]]) -> list[object]:
    return [
        pytest.param(text, id=f"{language}-{text[:30]}")
        for language, lines in texts.items()
        for text in lines
    ]


@pytest.mark.parametrize("text", each(WISHES))
def test_a_wish_for_a_human_is_heard(text: str) -> None:
    assert asks_for_human(text)
    assert asks_for_human(f"  {text.upper()} 🙏")


@pytest.mark.parametrize("text", each(OTHER_WORDS))
def test_other_words_about_humans_are_no_wish(text: str) -> None:
    assert not asks_for_human(text)


def test_every_language_that_we_speak_has_wishes() -> None:
    assert SILENCE_PHRASES.keys() - {"zh-Hant"} == _TABLES.keys()
    assert WISHES.keys() == OTHER_WORDS.keys() == SILENCE_PHRASES.keys()


@given(st.text())
def test_any_text_is_a_wish_or_none(text: str) -> None:
    assert asks_for_human(text) in (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk about the lamp and the person who ",
        "不要找人工",
        "don't talk to a human ",
        "bir ",
    ],
)
def test_no_text_keeps_it_busy(text: str) -> None:
    before = time.process_time()
    assert not asks_for_human(text * 400)
    assert time.process_time() - before < 1.0  # some ms; a pattern that explodes takes minutes
