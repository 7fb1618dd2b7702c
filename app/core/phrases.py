"""What we say ourselves, without a model: short, in the language of the person we say it to."""

from typing import Literal, NamedTuple

from app.core.language import DEFAULT, language_of
from app.core.silence_phrases import SILENCE_PHRASES

Which = Literal[
    "no_answer",
    "broke_off",
    "cannot_read",
    "handed_over",
    "stopped",
    "started",
    "too_fast",
    "too_much",
]
"""No answer is to be had; the answer ended in its middle; only media came, which we cannot read.
A colleague takes over; STOP and START have been heard; a limit of this minute, or day, is reached.
"""


class _Phrases(NamedTuple):
    """Polite address, and no word that tells the gender of either side."""

    no_answer: str
    broke_off: str
    cannot_read: str
    contact: str


def phrase(which: Which, *, like: str, human_contact: str = "", language: str = "") -> str:
    """One or two short sentences in the language of ``like``; plain text, no markup.

    Args:
        like: What the person wrote. English where it does not show a language that we have.
        human_contact: How to reach a person, as the operator wrote it; on a line of its own. Left
            out when blank.
        language: Where it is known already: a tag as ``language_of`` gives it.
    """
    texts = _TEXTS.get(language or language_of(like)) or _TEXTS[DEFAULT]
    contact = human_contact.strip()
    return f"{texts[which]}\n{texts['contact']} {contact}" if contact else texts[which]


_PHRASES = {
    "en": _Phrases(
        "Sorry, I can't answer right now. Please try again in a few minutes.",
        "Sorry, my answer was cut short. If you need the rest, please write again.",
        "Sorry, I can only read text for now. Could you please send it in writing?",
        "You can reach a person here:",
    ),
    "es": _Phrases(
        "Disculpe, en este momento no puedo responder. "
        "Por favor, inténtelo de nuevo en unos minutos.",
        "Disculpe, la respuesta quedó incompleta. "
        "Si necesita el resto, escríbame de nuevo, por favor.",
        "Disculpe, por ahora solo puedo leer texto. ¿Podría enviármelo por escrito, por favor?",
        "Puede comunicarse con una persona aquí:",
    ),
    "pt": _Phrases(
        "Desculpe, não consigo responder neste momento. "
        "Por favor, tente novamente em alguns minutos.",
        "Desculpe, a resposta foi interrompida. "
        "Se precisar do restante, escreva novamente, por favor.",
        "Desculpe, por enquanto só consigo ler texto. Poderia enviar por escrito, por favor?",
        "Para falar com uma pessoa:",
    ),
    "fr": _Phrases(
        "Veuillez m'excuser, je ne peux pas répondre pour le moment. "
        "Merci de réessayer dans quelques minutes.",
        "Veuillez m'excuser, ma réponse a été interrompue. "
        "S'il vous manque la suite, merci de m'écrire à nouveau.",
        "Veuillez m'excuser, je ne peux lire que du texte pour l'instant. "
        "Pourriez-vous me l'envoyer par écrit ?",
        "Vous pouvez joindre une personne ici :",
    ),
    "de": _Phrases(
        "Entschuldigung, ich kann gerade nicht antworten. "
        "Bitte versuchen Sie es in ein paar Minuten noch einmal.",
        "Entschuldigung, die Antwort ist hier abgebrochen. "
        "Bitte schreiben Sie noch einmal, wenn Sie den Rest brauchen.",
        "Entschuldigung, ich kann bisher nur Text lesen. Könnten Sie mir das bitte schreiben?",
        "Einen Menschen erreichen Sie hier:",
    ),
    "it": _Phrases(
        "Mi dispiace, al momento non riesco a rispondere. "
        "La prego di riprovare tra qualche minuto.",
        "Mi dispiace, la risposta si è interrotta. Se le serve il resto, mi scriva di nuovo.",
        "Mi dispiace, per ora riesco a leggere solo testo. Potrebbe scrivermelo, per favore?",
        "Qui può parlare con una persona:",
    ),
    "nl": _Phrases(
        "Sorry, ik kan op dit moment niet antwoorden. Probeer het over een paar minuten nog eens.",
        "Sorry, mijn antwoord is afgebroken. "
        "Stuur gerust nog een bericht als u de rest nodig hebt.",
        "Sorry, ik kan voorlopig alleen tekst lezen. Kunt u het alstublieft typen?",
        "Hier kunt u een medewerker bereiken:",
    ),
    "pl": _Phrases(
        "Przepraszam, w tej chwili nie mogę odpowiedzieć. "
        "Proszę spróbować ponownie za kilka minut.",
        "Przepraszam, odpowiedź została przerwana. "
        "Jeśli potrzebna jest dalsza część, proszę napisać jeszcze raz.",
        "Przepraszam, na razie mogę czytać tylko tekst. Proszę opisać to w wiadomości tekstowej.",
        "Kontakt z naszym pracownikiem:",
    ),
    "cs": _Phrases(
        "Omlouvám se, teď nemohu odpovědět. Zkuste to prosím znovu za několik minut.",
        "Omlouvám se, odpověď se přerušila. Pokud potřebujete zbytek, napište mi prosím znovu.",
        "Omlouvám se, zatím umím číst jen text. Můžete mi to prosím napsat?",
        "Na člověka se můžete obrátit zde:",
    ),
    "ro": _Phrases(
        "Îmi pare rău, momentan nu pot răspunde. Vă rog să încercați din nou peste câteva minute.",
        "Îmi pare rău, răspunsul s-a întrerupt. "
        "Dacă aveți nevoie de rest, vă rog să-mi scrieți din nou.",
        "Îmi pare rău, deocamdată pot citi doar text. Îmi puteți scrie, vă rog?",
        "Puteți vorbi cu o persoană aici:",
    ),
    "sv": _Phrases(
        "Tyvärr kan jag inte svara just nu. Försök gärna igen om några minuter.",
        "Tyvärr bröts mitt svar här. Skriv gärna igen om du behöver resten.",
        "Tyvärr kan jag bara läsa text än så länge. Kan du skriva det i stället?",
        "Här kan du nå en person:",
    ),
    "da": _Phrases(
        "Beklager, jeg kan ikke svare lige nu. Prøv gerne igen om et par minutter.",
        "Beklager, mit svar blev afbrudt. Skriv gerne igen, hvis du mangler resten.",
        "Beklager, jeg kan kun læse tekst indtil videre. Kan du skrive det i stedet?",
        "Her kan du få fat i et menneske:",
    ),
    "nb": _Phrases(
        "Beklager, jeg kan ikke svare akkurat nå. Prøv gjerne igjen om noen minutter.",
        "Beklager, svaret mitt ble avbrutt. Skriv gjerne igjen hvis du trenger resten.",
        "Beklager, jeg kan bare lese tekst foreløpig. Kan du skrive det i stedet?",
        "Her kan du nå et menneske:",
    ),
    "tr": _Phrases(
        "Üzgünüm, şu anda yanıt veremiyorum. Lütfen birkaç dakika sonra tekrar deneyin.",
        "Üzgünüm, yanıtım yarıda kesildi. Devamına ihtiyacınız varsa lütfen tekrar yazın.",
        "Üzgünüm, şimdilik yalnızca yazılı mesajları okuyabiliyorum. "
        "Lütfen yazarak gönderir misiniz?",
        "Bir yetkiliye buradan ulaşabilirsiniz:",
    ),
    "id": _Phrases(
        "Maaf, saat ini saya belum bisa menjawab. Silakan coba lagi dalam beberapa menit.",
        "Maaf, jawaban saya terputus. Jika Anda memerlukan lanjutannya, silakan tulis lagi.",
        "Maaf, untuk saat ini saya hanya bisa membaca teks. Mohon kirimkan dalam bentuk tulisan.",
        "Anda dapat menghubungi petugas kami di sini:",
    ),
    "vi": _Phrases(
        "Xin lỗi, hiện tại tôi chưa thể trả lời. Vui lòng thử lại sau vài phút.",
        "Xin lỗi, câu trả lời đã bị gián đoạn. Nếu cần phần còn lại, vui lòng nhắn lại.",
        "Xin lỗi, hiện tại tôi chỉ đọc được tin nhắn văn bản. Vui lòng nhập nội dung bằng chữ.",
        "Quý khách có thể liên hệ với nhân viên tại đây:",
    ),
    "ru": _Phrases(
        "Извините, сейчас не получается ответить. "
        "Пожалуйста, попробуйте ещё раз через несколько минут.",
        "Извините, ответ прервался. Если нужно продолжение, напишите, пожалуйста, ещё раз.",
        "Извините, пока я могу читать только текст. Пожалуйста, напишите об этом сообщением.",
        "Связаться с сотрудником можно здесь:",
    ),
    "uk": _Phrases(
        "Вибачте, зараз не вдається відповісти. Будь ласка, спробуйте ще раз за кілька хвилин.",
        "Вибачте, відповідь перервалася. Якщо потрібне продовження, напишіть, будь ласка, ще раз.",
        "Вибачте, поки що я можу читати лише текст. Будь ласка, напишіть про це повідомленням.",
        "Зв’язатися з нашим працівником можна тут:",
    ),
    "el": _Phrases(
        "Συγγνώμη, αυτή τη στιγμή δεν μπορώ να απαντήσω. Παρακαλώ δοκιμάστε ξανά σε λίγα λεπτά.",
        "Συγγνώμη, η απάντηση διακόπηκε. Αν χρειάζεστε τη συνέχεια, παρακαλώ γράψτε μου ξανά.",
        "Συγγνώμη, προς το παρόν μπορώ να διαβάσω μόνο κείμενο. Μπορείτε να μου το γράψετε;",
        "Μπορείτε να επικοινωνήσετε με εκπρόσωπό μας εδώ:",
    ),
    "ar": _Phrases(
        "نعتذر، لا يمكننا الرد في هذه اللحظة. يُرجى المحاولة مرة أخرى بعد بضع دقائق.",
        "نعتذر، انقطعت الإجابة قبل أن تكتمل. يُرجى الكتابة مرة أخرى للحصول على بقيتها.",
        "نعتذر، يمكننا حاليًا قراءة الرسائل النصية فقط. يُرجى إرسال طلبكم مكتوبًا.",
        "للتواصل مع أحد أفراد فريقنا:",
    ),
    "fa": _Phrases(
        "متأسفانه در حال حاضر امکان پاسخ‌گویی نیست. لطفاً چند دقیقهٔ دیگر دوباره تلاش کنید.",
        "متأسفانه پاسخ نیمه‌کاره قطع شد. اگر به ادامهٔ آن نیاز دارید، لطفاً دوباره پیام بدهید.",
        "متأسفانه فعلاً فقط پیام‌های متنی را می‌توانم بخوانم. لطفاً پیام خود را بنویسید.",
        "برای گفت‌وگو با همکاران ما:",
    ),
    "ur": _Phrases(
        "معذرت، اس وقت جواب دینا ممکن نہیں۔ براہِ کرم چند منٹ بعد دوبارہ کوشش کریں۔",
        "معذرت، جواب درمیان میں رک گیا۔ اگر باقی جواب درکار ہو تو براہِ کرم دوبارہ لکھیں۔",
        "معذرت، فی الحال صرف تحریری پیغامات پڑھے جا سکتے ہیں۔ براہِ کرم اپنی بات لکھ کر بھیجیں۔",
        "ہمارے نمائندے سے یہاں رابطہ کریں:",
    ),
    "he": _Phrases(
        "מצטערים, לא ניתן לענות כרגע. אפשר לנסות שוב בעוד כמה דקות.",
        "מצטערים, התשובה נקטעה באמצע. אם דרוש ההמשך, אפשר לכתוב שוב.",
        "מצטערים, כרגע אפשר לקרוא רק הודעות טקסט. נשמח לקבל את הפנייה בכתב.",
        "אפשר לפנות לאדם מהצוות כאן:",
    ),
    "hi": _Phrases(
        "क्षमा करें, अभी जवाब देना संभव नहीं है। कृपया कुछ मिनट बाद फिर से कोशिश करें।",
        "क्षमा करें, जवाब बीच में ही रुक गया। अगर बाकी जवाब चाहिए, तो कृपया दोबारा लिखें।",
        "क्षमा करें, अभी केवल लिखे हुए संदेश पढ़े जा सकते हैं। कृपया अपनी बात लिखकर भेजें।",
        "हमारे प्रतिनिधि से यहाँ संपर्क करें:",
    ),
    "bn": _Phrases(
        "দুঃখিত, এই মুহূর্তে উত্তর দেওয়া সম্ভব হচ্ছে না। অনুগ্রহ করে কয়েক মিনিট পর আবার চেষ্টা করুন।",
        "দুঃখিত, উত্তরটি মাঝপথে থেমে গেছে। বাকি অংশ প্রয়োজন হলে অনুগ্রহ করে আবার লিখুন।",
        "দুঃখিত, আপাতত শুধু লেখা বার্তা পড়া যায়। অনুগ্রহ করে আপনার কথা লিখে পাঠান।",
        "আমাদের প্রতিনিধির সঙ্গে এখানে যোগাযোগ করুন:",
    ),
    "th": _Phrases(  # without the polite particles, which tell the speaker's gender
        "ขออภัย ขณะนี้ยังไม่สามารถตอบได้ กรุณาลองใหม่อีกครั้งในอีกไม่กี่นาที",
        "ขออภัย คำตอบขาดหายไปกลางคัน หากต้องการส่วนที่เหลือ กรุณาพิมพ์มาอีกครั้ง",
        "ขออภัย ขณะนี้อ่านได้เฉพาะข้อความตัวอักษร กรุณาพิมพ์เป็นข้อความ",
        "ติดต่อเจ้าหน้าที่ได้ที่นี่:",
    ),
    "zh": _Phrases(
        "抱歉，我现在暂时无法回答。请过几分钟再试一次。",
        "抱歉，刚才的回答中断了。如果需要后面的内容，请再发一条消息。",
        "抱歉，我目前只能阅读文字。麻烦您用文字描述一下。",
        "您可以在这里联系人工客服：",
    ),
    "zh-Hant": _Phrases(
        "抱歉，我現在暫時無法回答。請過幾分鐘再試一次。",
        "抱歉，剛才的回答中斷了。如果需要後面的內容，請再傳一則訊息。",
        "抱歉，我目前只能閱讀文字。麻煩您用文字描述一下。",
        "您可以在這裡聯絡真人客服：",
    ),
    "ja": _Phrases(
        "申し訳ありませんが、ただいまお答えできません。数分後にもう一度お試しください。",
        "申し訳ありませんが、回答が途中で切れてしまいました。続きが必要な場合は、もう一度お送りください。",
        "申し訳ありませんが、現在は文字のメッセージのみ対応しています。お手数ですが、文章でお送りください。",
        "担当者へのご連絡はこちら：",
    ),
    "ko": _Phrases(
        "죄송하지만 지금은 답변드리기 어렵습니다. 몇 분 뒤에 다시 시도해 주세요.",
        "죄송하지만 답변이 중간에 끊겼습니다. 나머지 내용이 필요하시면 다시 메시지를 보내 주세요.",
        "죄송하지만 지금은 글로 된 메시지만 읽을 수 있습니다. 내용을 글로 적어 보내 주세요.",
        "상담원에게는 여기로 연락하실 수 있습니다:",
    ),
}

_TEXTS: dict[str, dict[str, str]] = {
    tag: {**phrases._asdict(), **SILENCE_PHRASES[tag]._asdict()}
    for tag, phrases in _PHRASES.items()
}
