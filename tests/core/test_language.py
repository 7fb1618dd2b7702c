"""The language of what people really write: short, without accents, with names and numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.language import language_of

MESSAGES = {
    "en": [
        "hello", "hi there", "where is my order", "Where's my parcel?", "thanks!", "yes please",
        "I need help with my order 4471", "how much is it", "do you have this in blue?", "ok thx",
        "good morning", "can i talk to a person", "not working", "when do you open",
    ],
    "es": [
        "hola", "Hola!", "buenas", "buenos dias", "donde esta mi pedido", "¿Dónde está mi pedido?",
        "cuanto cuesta", "gracias", "no me llega el pedido", "quiero hablar con una persona",
        "tienen esto en azul?", "precio por favor", "q precio tiene", "muchas gracias",
        "aun no llega",
    ],
    "pt": [
        "oi", "oi, tudo bem?", "Olá", "bom dia", "boa tarde", "cade meu pedido", "quanto custa?",
        "obrigada", "vc tem em azul?", "não chegou ainda", "qual o preço", "quero falar com alguem",
        "meu pedido nao chegou",
    ],
    "fr": [
        "bonjour", "Bonsoir", "salut", "où est mon colis", "ou est ma commande svp", "merci",
        "c'est combien ?", "je voudrais parler à quelqu'un", "j'ai un problème", "ça marche pas",
        "avez vous ce modèle en bleu",
    ],
    "de": [
        "hallo", "Guten Tag", "wo ist mein paket", "was kostet das?", "danke", "moin",
        "ich habe eine frage", "Können Sie mir helfen?", "wann kommt meine bestellung",
        "nein danke",
        "funktioniert nicht", "Servus, ist das noch da?",
    ],
    "it": [
        "ciao", "ciao dove siete", "buongiorno", "dov'è il mio ordine", "quanto costa",
        "grazie mille",
        "vorrei parlare con una persona", "non è arrivato", "avete questo in blu?", "salve",
    ],
    "nl": [
        "hoi", "goedemorgen", "waar is mijn pakket", "hoeveel kost dit?", "dank je wel", "bedankt",
        "ik heb een vraag", "kunt u mij helpen", "het werkt niet", "wanneer zijn jullie open",
    ],
    "pl": [
        "cześć", "czesc", "dzień dobry", "gdzie jest moja paczka", "ile to kosztuje", "dziękuję",
        "proszę o pomoc", "nie działa", "czy macie to w niebieskim?",
    ],
    "cs": [
        "ahoj", "dobrý den", "kde je můj balík", "kolik to stojí", "děkuji",
        "nefunguje to, prosím",
    ],
    "ro": ["bună", "buna ziua", "unde este comanda mea", "cât costă", "mulțumesc", "va rog"],
    "sv": ["hej", "tack", "var är mitt paket", "vad kostar det", "jag vill ha hjälp", "god morgon"],
    "da": ["hvor er min pakke", "hvad koster det", "jeg vil gerne have hjælp", "mange tak, goddag"],
    "nb": [
        "hei", "hva skjer med pakken min", "hva koster det", "takk",
        "jeg vil gjerne ha hjelp, takk",
    ],
    "tr": [
        "merhaba", "merhaba siparişim nerede", "siparisim nerede", "selam", "fiyatı ne kadar",
        "teşekkürler", "iyi günler", "yardım lazım", "kargom hala gelmedi", "bu var mı",
    ],
    "id": [
        "halo", "selamat pagi", "dimana pesanan saya", "berapa harganya", "terima kasih",
        "makasih kak",
        "apa masih ada?", "barang belum sampai", "mau tanya",
    ],
    "vi": [
        "xin chào", "đơn hàng của tôi đâu", "bao nhiêu tiền", "cảm ơn", "chao ban",
        "gia bao nhieu",
    ],
    "ru": ["привет", "здравствуйте", "где мой заказ", "сколько стоит", "спасибо", "не работает"],
    "uk": [
        "привіт", "добрий день", "де моє замовлення", "скільки коштує", "дякую",
        "не працює це, дякую",
    ],
    "el": ["γεια", "πού είναι η παραγγελία μου", "ευχαριστώ"],
    "ar": ["مرحبا", "السلام عليكم", "اين طلبي", "كم السعر؟", "شكرا", "وين الطلب", "بكم هذا"],
    "fa": ["سلام", "سفارش من کجاست", "قیمت چنده؟", "ممنون", "سلام خسته نباشید"],
    "ur": ["شکریہ", "میرا آرڈر کہاں ہے", "قیمت کیا ہے", "السلام علیکم، مجھے مدد چاہیے"],
    "he": ["שלום", "איפה ההזמנה שלי", "כמה זה עולה?", "תודה"],
    "hi": ["नमस्ते", "मेरा ऑर्डर कहाँ है", "कितने का है?", "धन्यवाद"],
    "bn": ["হ্যালো", "আমার অর্ডার কোথায়"],
    "th": ["สวัสดี", "ของอยู่ไหน", "ราคาเท่าไหร่"],
    "zh": ["你好", "我的订单在哪里", "多少钱", "谢谢", "iPhone 15 多少钱"],
    "zh-Hant": ["請問訂單到哪裡了", "謝謝", "多少錢", "你哋有冇貨"],
    "ja": ["こんにちは", "注文はどこですか", "いくらですか？", "ありがとう", "返品したいのですが"],
    "ko": ["안녕하세요", "제 주문 어디 있어요", "얼마예요?", "감사합니다"],
}  # fmt: skip

CASES = [(text, tag) for tag, texts in MESSAGES.items() for text in texts]


@pytest.mark.parametrize(("text", "tag"), CASES, ids=[f"{tag}: {text}" for text, tag in CASES])
def test_a_short_message_shows_its_language(text: str, tag: str) -> None:
    assert language_of(text) == tag
    assert language_of(f"😀 {text}!! 123") == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("kwijtgeraakt", "nl"), ("layarnya retak", "id"), ("atención, condiciones", "es"),
        ("regulamentação", "pt"), ("Verspätung", "de"), ("pracowaliśmy szybko", "pl"),
        ("öğrenmek", "tr"), ("wondering", "en"),
    ],
    ids=lambda value: str(value),
)  # fmt: skip
def test_a_word_in_no_list_is_told_by_its_looks(text: str, tag: str) -> None:
    assert language_of(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "😀👍",
        "123",
        "?",
        "[voice message]",
        "https://tienda.example/pedido",
        "ok",
        "👍 ok",
    ],
    ids=repr,
)
def test_english_stands_for_what_cannot_be_told(text: str) -> None:
    assert language_of(text) == "en"


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("[voice message]\nhola, donde estan", "es"),
        ("[from an ad: Summer sale on all of the bikes]\nwas kostet das?", "de"),
        ("Where can I buy 東京ばな奈 near the station?", "en"),
        ("привет, есть iPhone 15 Pro Max?", "ru"),
        ("hola@correo.example my order please", "en"),
        ("عندي iPhone", "ar"),
        ("hola " * 10_000, "es"),
    ],
    ids=[
        "a placeholder before words", "an ad before words", "a foreign name", "a brand",
        "a mail address", "a brand in Arabic", "very long",
    ],
)  # fmt: skip
def test_the_persons_own_words_decide(text: str, tag: str) -> None:
    assert language_of(text) == tag


@given(st.one_of(st.text(), st.text("\ud800\udfff\x00\u0301[]@áß字あ한कعя ")))
def test_any_text_has_a_language(text: str) -> None:
    assert language_of(text) in MESSAGES
