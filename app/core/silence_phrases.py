"""What a person reads when the bot steps back, or comes again; ``phrases.py`` says them."""

from typing import NamedTuple


class SilencePhrases(NamedTuple):
    """Polite address, and no word that tells the gender of either side."""

    handed_over: str
    stopped: str
    started: str
    too_fast: str
    too_much: str


SILENCE_PHRASES = {
    "en": SilencePhrases(
        "I'm passing this on to a colleague, who will answer you here. I'll keep quiet until then.",
        "You won't get any more messages from us here. If you change your mind, write START.",
        "Welcome back! How can I help?",
        "That was a lot of messages at once. Please wait a minute, then write again.",
        "That was all I can answer for today. Please write again tomorrow.",
    ),
    "es": SilencePhrases(
        "Paso su mensaje a una persona de nuestro equipo, que le responderá aquí. "
        "Hasta entonces no escribiré más.",
        "No recibirá más mensajes nuestros por aquí. Si cambia de opinión, escriba START.",
        "Le damos la bienvenida de nuevo. ¿En qué puedo ayudarle?",
        "Son muchos mensajes seguidos. Espere un minuto, por favor, y escríbame de nuevo.",
        "Por hoy no puedo responder más. Por favor, escríbame de nuevo mañana.",
    ),
    "pt": SilencePhrases(
        "Vou passar a sua mensagem a uma pessoa da equipe, que responderá aqui. "
        "Até lá, não escrevo mais.",
        "Você não receberá mais mensagens nossas por aqui. Se mudar de ideia, escreva START.",
        "É bom ter você de volta. Como posso ajudar?",
        "São muitas mensagens de uma vez. Por favor, espere um minuto e escreva de novo.",
        "Por hoje não consigo responder mais. Por favor, escreva de novo amanhã.",
    ),
    "fr": SilencePhrases(
        "Je transmets votre message à une personne de l'équipe, qui vous répondra ici. "
        "D'ici là, je n'écris plus.",
        "Vous ne recevrez plus de messages de notre part ici. Pour reprendre, écrivez START.",
        "Merci d'être de retour. Comment puis-je vous aider ?",
        "Cela fait beaucoup de messages à la fois. Merci d'attendre une minute et de réécrire.",
        "Je ne peux plus répondre aujourd'hui. Merci de m'écrire à nouveau demain.",
    ),
    "de": SilencePhrases(
        "Ich gebe das an einen Menschen aus dem Team weiter, der Ihnen hier antwortet. "
        "Bis dahin schreibe ich nichts mehr.",
        "Sie bekommen hier keine Nachrichten mehr von uns. "
        "Wenn Sie es sich anders überlegen, schreiben Sie START.",
        "Schön, dass Sie wieder da sind. Wie kann ich helfen?",
        "Das waren viele Nachrichten auf einmal. "
        "Bitte warten Sie eine Minute und schreiben Sie dann noch einmal.",
        "Mehr kann ich heute nicht beantworten. Bitte schreiben Sie morgen wieder.",
    ),
    "it": SilencePhrases(
        "Passo il suo messaggio a una persona del nostro team, che le risponderà qui. "
        "Fino ad allora non scriverò più.",
        "Non riceverà più messaggi da noi qui. Se cambia idea, scriva START.",
        "È un piacere ritrovarla. Come posso aiutarla?",
        "Sono molti messaggi in una volta. Aspetti un minuto, per favore, e mi scriva di nuovo.",
        "Per oggi non posso rispondere ad altro. Mi scriva di nuovo domani, per favore.",
    ),
    "nl": SilencePhrases(
        "Ik geef dit door aan een medewerker, die u hier antwoord geeft. "
        "Tot die tijd schrijf ik niets meer.",
        "U krijgt hier geen berichten meer van ons. Als u zich bedenkt, stuur dan START.",
        "Fijn dat u terug bent. Waarmee kan ik helpen?",
        "Dat waren veel berichten tegelijk. Wacht alstublieft een minuut en schrijf dan opnieuw.",
        "Meer kan ik vandaag niet beantwoorden. Schrijf alstublieft morgen weer.",
    ),
    "pl": SilencePhrases(
        "Przekazuję tę sprawę naszemu pracownikowi, który odpowie tutaj. "
        "Do tego czasu nie będę już pisać.",
        "Nie będziemy już wysyłać tu wiadomości. Aby wrócić do rozmowy, proszę napisać START.",
        "Dzień dobry ponownie. W czym mogę pomóc?",
        "To dużo wiadomości naraz. Proszę poczekać minutę i napisać ponownie.",
        "Na dziś to wszystko, na co mogę odpowiedzieć. Proszę napisać ponownie jutro.",
    ),
    "cs": SilencePhrases(
        "Předávám to člověku z našeho týmu, který vám odpoví zde. Do té doby už nic nenapíšu.",
        "Zde už od nás žádné zprávy nedostanete. Pokud si to rozmyslíte, napište START.",
        "Vítejte zpět. S čím mohu pomoci?",
        "To je hodně zpráv najednou. Počkejte prosím minutu a napište znovu.",
        "Pro dnešek už nemohu odpovídat. Napište mi prosím znovu zítra.",
    ),
    "ro": SilencePhrases(
        "Transmit mesajul unei persoane din echipa noastră, care vă va răspunde aici. "
        "Până atunci nu mai scriu.",
        "Nu veți mai primi mesaje de la noi aici. Dacă vă răzgândiți, scrieți START.",
        "Bine ați revenit. Cu ce vă pot ajuta?",
        "Sunt multe mesaje deodată. Vă rog să așteptați un minut și să scrieți din nou.",
        "Pentru astăzi nu mai pot răspunde. Vă rog să scrieți din nou mâine.",
    ),
    "sv": SilencePhrases(
        "Jag lämnar över till en kollega, som svarar dig här. Till dess är jag tyst.",
        "Du får inga fler meddelanden från oss här. Om du ändrar dig, skriv START.",
        "Välkommen tillbaka. Vad kan jag hjälpa till med?",
        "Det var många meddelanden på en gång. Vänta gärna en minut och skriv sedan igen.",
        "Mer kan jag inte svara på i dag. Skriv gärna igen i morgon.",
    ),
    "da": SilencePhrases(
        "Jeg giver det videre til en kollega, som svarer dig her. Indtil da skriver jeg ikke mere.",
        "Du får ikke flere beskeder fra os her. Hvis du skifter mening, så skriv START.",
        "Velkommen tilbage. Hvad kan jeg hjælpe med?",
        "Det var mange beskeder på én gang. Vent venligst et minut, og skriv så igen.",
        "Mere kan jeg ikke svare på i dag. Skriv gerne igen i morgen, hvis du mangler noget.",
    ),
    "nb": SilencePhrases(
        "Jeg gir dette videre til en kollega, som svarer deg her. Til da skriver jeg ikke mer.",
        "Du får ikke flere meldinger fra oss her. Hvis du ombestemmer deg, skriv START.",
        "Velkommen tilbake. Hva kan jeg hjelpe deg med?",
        "Det ble mange meldinger på én gang. Vent et minutt, og skriv så igjen.",
        "Mer kan jeg ikke svare på i dag. Skriv gjerne igjen i morgen hvis du trenger noe.",
    ),
    "tr": SilencePhrases(
        "Bunu bir ekip arkadaşımıza iletiyorum, size buradan yanıt verecek. "
        "O zamana kadar yazmayacağım.",
        "Buradan size artık mesaj göndermeyeceğiz. Fikriniz değişirse START yazın.",
        "Tekrar hoş geldiniz. Size nasıl yardımcı olabilirim?",
        "Bir anda çok mesaj geldi. Lütfen bir dakika bekleyip tekrar yazın.",
        "Bugün için daha fazla yanıt veremiyorum. Lütfen yarın tekrar yazın.",
    ),
    "id": SilencePhrases(
        "Saya teruskan ini kepada petugas kami, yang akan menjawab Anda di sini. "
        "Sampai saat itu saya diam dulu.",
        "Anda tidak akan menerima pesan dari kami lagi di sini. Jika berubah pikiran, tulis START.",
        "Selamat datang kembali. Ada yang bisa saya bantu?",
        "Pesannya banyak sekali sekaligus. Mohon tunggu satu menit, lalu tulis lagi.",
        "Untuk hari ini saya tidak bisa menjawab lagi. Silakan tulis lagi besok.",
    ),
    "vi": SilencePhrases(
        "Tôi chuyển tin nhắn này cho nhân viên, người sẽ trả lời quý khách tại đây. "
        "Từ giờ đến lúc đó tôi sẽ không nhắn nữa.",
        "Quý khách sẽ không nhận thêm tin nhắn nào từ chúng tôi tại đây. "
        "Nếu đổi ý, vui lòng nhắn START.",
        "Chào mừng quý khách quay lại. Tôi có thể giúp gì?",
        "Có quá nhiều tin nhắn cùng lúc. Vui lòng đợi một phút rồi nhắn lại.",
        "Hôm nay tôi không thể trả lời thêm. Vui lòng nhắn lại vào ngày mai.",
    ),
    "ru": SilencePhrases(
        "Передаю ваш вопрос сотруднику, ответ придёт сюда. До этого я больше не пишу.",
        "Мы больше не будем писать вам здесь. Если передумаете, напишите START.",
        "С возвращением! Чем можно помочь?",
        "Слишком много сообщений сразу. Пожалуйста, подождите минуту и напишите ещё раз.",
        "На сегодня это всё, на что можно ответить. Пожалуйста, напишите ещё раз завтра.",
    ),
    "uk": SilencePhrases(
        "Передаю ваше питання працівнику, відповідь надійде сюди. До того часу я більше не пишу.",
        "Ми більше не писатимемо вам тут. Якщо передумаєте, напишіть START.",
        "З поверненням! Чим можна допомогти?",
        "Забагато повідомлень одразу. Будь ласка, зачекайте хвилину й напишіть ще раз.",
        "На сьогодні це все, на що можна відповісти. Будь ласка, напишіть ще раз завтра.",
    ),
    "el": SilencePhrases(
        "Προωθώ το μήνυμά σας σε συνάδελφο, που θα σας απαντήσει εδώ. "
        "Μέχρι τότε δεν θα γράψω άλλο.",
        "Δεν θα λαμβάνετε πλέον μηνύματά μας εδώ. Αν αλλάξετε γνώμη, γράψτε START.",
        "Καλώς ήρθατε ξανά. Πώς μπορώ να βοηθήσω;",
        "Ήταν πολλά μηνύματα μαζί. Παρακαλώ περιμένετε ένα λεπτό και γράψτε ξανά.",
        "Για σήμερα δεν μπορώ να απαντήσω άλλο. Παρακαλώ γράψτε μου ξανά αύριο.",
    ),
    "ar": SilencePhrases(
        "سنحوّل رسالتكم إلى أحد أفراد فريقنا ليردّ عليكم هنا. لن نرسل شيئًا حتى ذلك الحين.",
        "لن تصلكم رسائل أخرى منا هنا. للعودة، يُرجى إرسال كلمة START.",
        "أهلًا بعودتكم. كيف يمكننا المساعدة؟",
        "وصلت رسائل كثيرة دفعة واحدة. يُرجى الانتظار دقيقة ثم الكتابة مرة أخرى.",
        "هذا كل ما يمكننا الرد عليه اليوم. يُرجى الكتابة مرة أخرى غدًا.",
    ),
    "fa": SilencePhrases(
        "پیام شما را به یکی از همکاران می‌سپارم تا همین‌جا پاسخ بدهد. تا آن زمان چیزی نمی‌نویسم.",
        "دیگر اینجا پیامی از ما دریافت نمی‌کنید. اگر نظرتان عوض شد، START را بفرستید.",
        "خوش برگشتید. چه کمکی از دستم برمی‌آید؟",
        "پیام‌های زیادی یک‌جا رسید. لطفاً یک دقیقه صبر کنید و دوباره بنویسید.",
        "برای امروز بیش از این نمی‌توانم پاسخ بدهم. لطفاً فردا دوباره پیام بدهید.",
    ),
    "ur": SilencePhrases(
        "آپ کا پیغام ہمارے نمائندے کو دیا جا رہا ہے، جو یہیں جواب دیں گے۔ "
        "تب تک یہاں سے کچھ نہیں لکھا جائے گا۔",
        "اب یہاں آپ کو ہماری طرف سے کوئی پیغام نہیں ملے گا۔ ارادہ بدلے تو START لکھیں۔",
        "دوبارہ خوش آمدید۔ آپ کی کیا مدد کی جا سکتی ہے؟",
        "ایک ساتھ بہت سے پیغامات آ گئے ہیں۔ براہِ کرم ایک منٹ بعد دوبارہ لکھیں۔",
        "آج کے لیے مزید جواب دینا ممکن نہیں۔ براہِ کرم کل دوبارہ لکھیں۔",
    ),
    "he": SilencePhrases(
        "הפנייה עוברת לאדם מהצוות, והתשובה תגיע לכאן. עד אז לא יישלחו הודעות נוספות.",
        "לא יישלחו לכאן עוד הודעות מאיתנו. כדי לחזור, אפשר לכתוב START.",
        "טוב שחזרת. במה אפשר לעזור?",
        "הגיעו הרבה הודעות בבת אחת. אפשר לחכות דקה ולכתוב שוב.",
        "להיום זה כל מה שאפשר לענות. נשמח לקבל הודעה שוב מחר.",
    ),
    "hi": SilencePhrases(
        "आपका संदेश हमारे एक साथी को दिया जा रहा है, जवाब यहीं मिलेगा। तब तक यहाँ से कुछ नहीं लिखा जाएगा।",
        "अब यहाँ हमारी ओर से कोई संदेश नहीं आएगा। मन बदले तो START लिखें।",
        "फिर से स्वागत है। क्या मदद चाहिए?",
        "एक साथ बहुत सारे संदेश आ गए हैं। कृपया एक मिनट रुककर दोबारा लिखें।",
        "आज के लिए और जवाब देना संभव नहीं है। कृपया कल फिर लिखें।",
    ),
    "bn": SilencePhrases(
        "আপনার বার্তা আমাদের একজন সহকর্মীকে দেওয়া হচ্ছে, উত্তর এখানেই আসবে। ততক্ষণ এখান থেকে কিছু লেখা হবে না।",
        "এখানে আমাদের কাছ থেকে আর কোনো বার্তা আসবে না। মত বদলালে START লিখুন।",
        "আবার স্বাগতম। কীভাবে সাহায্য করা যায়?",
        "একসঙ্গে অনেক বার্তা এসেছে। অনুগ্রহ করে এক মিনিট পর আবার লিখুন।",
        "আজ আর উত্তর দেওয়া সম্ভব হচ্ছে না। অনুগ্রহ করে আগামীকাল আবার লিখুন।",
    ),
    "th": SilencePhrases(  # without the polite particles, which tell the speaker's gender
        "จะส่งเรื่องนี้ต่อให้เจ้าหน้าที่ ซึ่งจะตอบที่นี่ ระหว่างนี้ระบบจะไม่ตอบข้อความ",
        "จะไม่มีข้อความจากเราที่นี่อีก หากเปลี่ยนใจ กรุณาพิมพ์ START",
        "ยินดีต้อนรับกลับมา มีอะไรให้ช่วยไหม",
        "มีข้อความเข้ามาพร้อมกันหลายข้อความ กรุณารอหนึ่งนาทีแล้วพิมพ์มาใหม่",
        "วันนี้ไม่สามารถตอบเพิ่มได้แล้ว กรุณาพิมพ์มาใหม่พรุ่งนี้",
    ),
    "zh": SilencePhrases(
        "我会把您的问题转给人工客服，他们会在这里回复您。在此之前我不再发言。",
        "我们不会再在这里给您发消息。如果改变主意，请发送 START。",
        "欢迎回来！请问有什么可以帮您？",
        "您一下子发来了很多消息。请等一分钟再发。",
        "今天我能回答的就到这里。请您明天再来。",
    ),
    "zh-Hant": SilencePhrases(
        "我會把您的問題轉給真人客服，他們會在這裡回覆您。在此之前我不再發言。",
        "我們不會再在這裡傳訊息給您。如果改變主意，請傳 START。",
        "歡迎回來！請問有什麼可以幫您？",
        "您一下子傳來了很多訊息。請等一分鐘再傳。",
        "今天我能回答的就到這裡。請您明天再來訊息。",
    ),
    "ja": SilencePhrases(
        "担当者に引き継ぎますので、こちらでの返信をお待ちください。それまで自動の返信は止まります。",
        "今後、こちらからメッセージはお送りしません。再開するには START とお送りください。",
        "またのご利用ありがとうございます。ご用件をお聞かせください。",
        "一度にたくさんのメッセージをいただきました。1分ほど待ってから、もう一度お送りください。",
        "本日お答えできるのはここまでです。明日もう一度お送りください。",
    ),
    "ko": SilencePhrases(
        "상담원에게 전달하겠습니다. 상담원이 여기서 답변드릴 때까지 자동 답변은 멈춥니다.",
        "앞으로 여기서 메시지를 보내지 않겠습니다. 다시 시작하시려면 START를 보내 주세요.",
        "다시 오신 것을 환영합니다. 무엇을 도와드릴까요?",
        "한꺼번에 많은 메시지를 보내셨습니다. 1분 뒤에 다시 보내 주세요.",
        "오늘은 더 답변드리기 어렵습니다. 내일 다시 메시지를 보내 주세요.",
    ),
}
