"""Which language a short message is written in: by its script, then by small common words.

A message of a few words without accents is the usual case ("donde esta mi pedido"), so words are
compared without accents, and greetings count. Lists collected for this module.
"""

import re
from unicodedata import category, normalize

DEFAULT = "en"

_MOST_CHARS = 1000  # enough to tell; the rest of a long message says the same
_NOT_WORDS = re.compile(r"\[[^\[\]]*\]|(?:https?://|www\.)\S+|@\S+")
_WORD = re.compile(r"[^\W\d_]+")

_SCRIPTS: dict[str, re.Pattern[str]] = {
    script: re.compile(f"[{ranges}]")
    for script, ranges in {
        "latin": "A-Za-zÀ-ɏḀ-ỿ",
        "cyrillic": "Ѐ-ԯ",
        "el": "Ͱ-Ͽἀ-῿",
        "he": "\u0590-\u05ff",
        "arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe",
        "hi": "\u0900-\u097f",
        "bn": "\u0980-\u09ff",
        "th": "\u0e00-\u0e7f",
        "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3",
        "ja": "\u3040-\u30ff\uff66-\uff9f",
        "han": "\u3400-\u9fff\U00020000-\U0003ffff",
    }.items()
}
# A Latin word in another script is mostly a name, and a sign there says more than a letter.
_WEIGHT = {"latin": 1, "han": 4, "ja": 3, "ko": 3}

_LETTERS = {
    "latin": {
        "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ß": "de", "œ": "fr",
        "ê": "fr pt vi", "ç": "fr pt tr", "è": "fr it", "ù": "fr it", "ò": "it", "ì": "it",
        "à": "fr it pt", "á": "es pt", "í": "es pt", "ó": "es pt", "ú": "es pt",
        "ä": "de sv", "ö": "de sv tr", "ü": "de tr", "å": "sv da nb", "æ": "da nb", "ø": "da nb",
        "ğ": "tr", "ş": "tr", "ı": "tr", "ł": "pl", "ą": "pl", "ę": "pl", "ż": "pl", "ź": "pl",
        "ś": "pl", "ć": "pl", "ř": "cs", "ě": "cs", "ů": "cs", "č": "cs", "š": "cs", "ž": "cs",
        "ý": "cs vi", "ț": "ro", "ţ": "ro", "ă": "ro vi", "ș": "ro", "â": "ro fr pt vi", "đ": "vi",
        "ơ": "vi", "ư": "vi", "ạ": "vi", "ả": "vi", "ế": "vi", "ề": "vi", "ệ": "vi", "ộ": "vi",
    },
    "cyrillic": {
        "і": "uk", "ї": "uk", "є": "uk", "ґ": "uk", "ы": "ru", "э": "ru", "ё": "ru", "ъ": "ru",
    },
    "arabic": {
        "ٹ": "ur", "ڈ": "ur", "ڑ": "ur", "ں": "ur", "ے": "ur", "ہ": "ur", "ھ": "ur", "پ": "fa ur",
        "چ": "fa ur", "ژ": "fa", "گ": "fa ur", "ک": "fa ur", "ی": "fa ur", "ة": "ar", "ى": "ar",
        "ك": "ar", "ي": "ar", "إ": "ar", "أ": "ar",
    },
}  # fmt: skip

_WORDS = {
    "latin": {
        "en": """
            the is are my you your i what where when how can could would please thanks thank
            hello hi hey good morning want need have has do does did not it this that and for
            with order still yes help there was will am im dont whats which any from but who
            why later today no a in on of be so me an at we our as if by up out again problem
            payment card delivered arrived number phone hows its ive were track refund return
            change cancel tomorrow because about anyone someone talk speak open week blue two
            three booking shop sunday perfect nope sure u near nearby get got too big bigger
            small only more less new old first last one some all they their he she us may
            should just like see know go give make take send bring left right here now then
            than also very much many few off safe free price size
        """,
        "es": """
            hola buenas buenos dias tardes noches gracias por favor donde esta estan mi el la
            los las un una que como cuando cuanto cuesta quiero necesito tengo tiene tienen
            puedo no si ya pedido aun todavia me se es soy y o con para hay del al cual precio
            ayuda vale porfa llega llego ha hace quisiera saber usted ustedes hablar muy bien
            estoy estas mucho envio envios tarjeta pago pagar devolucion reembolso direccion
            llegado llegara puedes pueden ayudar ayudarme informacion disculpe perdon buen
            nada hoy manana aqui sin pero porque tal esto eso ahi gustaria problema pregunta
            funciona semana pasada abren abre cancelar cambiar reserva azul rojo dos tres
            perfecto manda mandame hasta hora clave hice mas menos grande pequeno cerca lejos
            doble disponible listo lista dale claro nuevo nueva otro otra todo toda todos mal
            ser estar fue era han he hemos debo debe puede quiere tambien solo antes despues
            ahora luego entonces les nos te lo su sus este ese esa a en perdi talla pantalla
        """,
        "pt": """
            oi ola bom boa dia tarde noite tudo bem obrigado obrigada valeu por favor onde
            esta meu minha o a os as um uma que como quando quanto custa quero preciso tenho
            tem voce voces vc vcs posso nao sim ja pedido ainda me e com para pra pro do da no
            na qual preco ajuda chegou gostaria saber falar muito estou eu blz pq tbm ate
            queria cade isso entrega cartao pagamento pagar devolucao reembolso endereco
            informacao consegue ajudar comprei recebi nada hoje amanha aqui sem mas porque ta
            gostei isto problema pergunta alguem entao funciona semana passada abre cancelar
            mudar reserva azul dois tres perfeito manda hora em pelo pela fiz senha podem mais
            menos grande pequeno perto longe dobro disponivel pronto pronta beleza claro novo
            nova outro outra toda todos mal ser estar foi era fui sou tambem so antes depois
            agora lhe nos te seu sua seus este esse essa ao aos nas tamanho tela vezes
        """,
        "fr": """
            bonjour bonsoir salut merci svp s'il vous plait ou est sont mon ma mes le la les
            un une des que quoi comment quand combien je j'ai veux voudrais besoin avez tu
            peux pouvez ne pas oui non commande et avec pour du au quel quelle prix aide bien
            suis cest c'est ca toujours encore puis votre il elle nous colis recu cela sur
            dans ete mais livraison payer paiement carte remboursement adresse aujourd hui
            demain ici jamais pourquoi cette probleme question aider j d l s accord bonne
            journee quelqu marche semaine derniere ouvert annuler changer reservation bleu
            deux trois parfait heure plus moins grand grande petit pres loin disponible pret
            prete nouveau nouvelle autre tout toute tous mal etre fait aussi seulement avant
            apres maintenant alors leur lui te se son sa ses ce cet ces en y perdu taille
            ecran entendu aux deja
        """,
        "de": """
            hallo guten tag morgen abend moin servus danke bitte wo ist sind mein meine der
            die das ein eine was wie wann wieviel kostet ich mochte will brauche habe haben
            sie du kann konnen nicht ja nein bestellung paket und mit fur von zum zur welche
            preis hilfe gut bin noch schon immer aber auf es mir mich ihr wurde warum kein
            keine gerne bei nach lieferung zahlen zahlung karte adresse heute hier weil
            problem frage helfen angekommen rechnung termin funktioniert ihre euer offen liebe
            grusse dank vielen alles klar woche letzte stornieren blau blaue zwei drei super
            mal geht uhr mehr weniger gross grosser klein nahe weit neu alle sein war hat wird
            werden auch nur vor nachher jetzt dann ihm ihnen uns euch dir dich sich dem den
            des im am an in als wenn dass oder nun so sehr passt jo verloren doppelt dieser
            diese dieses ob aus uber unter einen einem einer
        """,
        "it": """
            ciao buongiorno buonasera salve grazie per favore dove dov'e e il la lo gli i un
            una che come quando quanto costa vorrei voglio ho bisogno avete hai posso puoi non
            si mio mia ordine ancora con di del della al quale prezzo aiuto bene sono sei
            siete mi pacco arrivato mai piu questo anche ma o oggi perche pronto spedizione
            pagare pagamento carta rimborso indirizzo domani qui problema domanda aiutare
            aiutarmi arriva arrivata dov c avrei mille sera giorno funziona settimana scorsa
            aperti annullare cambiare prenotare prenotazione blu due tre perfetto quello
            quella ora va meno grande piccolo vicino lontano disponibile nuovo nuova altro
            altra tutto tutta tutti male essere fatto stato solo prima dopo adesso allora loro
            lui lei te se suo sua questi nel nella alle agli ai dal dalla sul perso rotto
            taglia schermo posto d accordo volte spedite sia fa
        """,
        "nl": """
            hallo hoi goedemorgen goedemiddag goedenavond dag bedankt dank alsjeblieft
            alstublieft waar is zijn mijn de het een wat hoe wanneer hoeveel kost ik wil graag
            heb hebben jullie kan kunt kunnen niet ja nee bestelling pakket en met voor van
            welke prijs hulp goed ben nog al maar op u je mij aan wel geen weet bezorging
            betalen betaling kaart adres vandaag hier omdat probleem vraag helpen aangekomen
            terug werkt deze dit jou gaat week open annuleren afspraak blauw twee drie prima
            uur doet meer minder groot groter klein buurt ver nieuw alle alles was heeft
            worden wordt ook alleen na nu dan hem hun ons zich dat die der in als of dus zo
            heel maat scherm kwijt top te naar door over onder bij uit keer oke me we wij
        """,
        "pl": """
            czesc dzien dobry witam dziekuje dzieki prosze gdzie jest sa moj moja moje co jak
            kiedy ile kosztuje chce chcialbym chcialabym potrzebuje mam czy macie moge mozna
            nie tak zamowienie paczka jeszcze z i w na do sie o jaki jaka cena pomoc dobrze
            jestem prosic mojej to ale juz dla dostawa platnosc karta zwrot adres dzisiaj
            jutro tutaj problem pytanie dziala prosba dostane niebieski tydzien anulowac
            zmienic dwa trzy super godzina wiecej mniej duzy wiekszy maly blisko nowy wszystko
            byc byl bylo bedzie tez tylko przed po teraz potem jego jej ich nas was ze od
            przez lub ten ta rozmiar ekran zgubilam zgubilem ktory ktora
        """,
        "cs": """
            ahoj dobry den vecer dekuji diky prosim kde je jsou muj moje co jak kdy kolik
            stoji chci chtel chtela potrebuji mam mate muzu ne ano objednavka balik jeste a s
            v na do se o jaky jaka cena pomoc dobre jsem uz ale to zasilka nefunguje dotaz
        """,
        "ro": """
            buna salut ziua multumesc mersi va rog unde este sunt mea meu comanda coletul ce
            cum cand cat costa vreau as dori am aveti pot nu da inca si cu pentru de la in
            care pret ajutor bine un o mai imi imi-a spune problema intrebare azi astazi
        """,
        "sv": """
            hej tack snalla var ar min mitt mina den det en ett vad hur nar mycket kostar jag
            vill skulle behover har ni kan inte ja nej bestallning paket och med for fran
            vilken pris hjalp bra ska annu till pa om hejsan god morgon hjälp fungerar fråga
            idag mer mindre stor storre liten nara ny alla allt vara hade blir ocksa bara fore
            efter nu sedan honom dem oss er sig som att av i eller sa storlek skarmen finns
            inga nagon vi de han hon svar skriv igen du resten text lasa gar just tyvarr gick
        """,
        "da": """
            hej tak venligst hvor er min mit mine den det en et hvad hvordan hvornar meget
            koster jeg vil gerne skal har i kan ikke ja nej bestilling pakke og med for fra
            hvilken pris hjaelp godt endnu til pa om goddag mange mere mindre stor storre
            lille naer ny alle alt vaere havde bliver ogsaa kun efter nu dem os sig som at af
            paa eller saa vi de han hun findes skaermen svar blev afbrudt igen hvis du mangler
            resten skriv tekst laese sker
        """,
        "nb": """
            hei takk vennligst hvor er min mitt mine den det en et hva hvordan nar mye koster
            jeg vil gjerne skal har dere kan ikke ja nei bestilling pakke og med for fra
            hvilken pris hjelp bra enna til pa om heisann god mer mindre stor storre liten
            naer ny alle alt vaere hadde blir ogsa bare etter na dem oss seg som at av eller
            sa vi de han hun finnes skjermen svar svaret ble igjen hvis du trenger resten
            skriv tekst lese skjer
        """,
        "tr": """
            merhaba selam iyi gunler aksamlar gunaydin tesekkurler tesekkur sagol lutfen
            nerede nerde siparisim siparis kargom ne nasil zaman kadar istiyorum var yok mi mu
            bir bu icin ile ve degil evet hayir fiyat fiyati yardim hala gelmedi benim ben siz
            kac tamam acaba oldu kargo odeme kart iade bugun yarin burada ama cunku sorun soru
            yardimci olur musunuz gun saat nasilsiniz lazim bana beni mavi hafta iptal randevu
            iki uc super acik misiniz calismiyor olan daha az buyuk kucuk yakin uzak yeni
            hepsi olmak olacak da de sadece once sonra simdi onun bizim sizin bunu sunu gibi
            cok beden ekran kayip kere tmm sag ol geldi gelir
        """,
        "id": """
            halo hai selamat pagi siang sore malam terima kasih makasih tolong mohon di mana
            dimana pesanan paket saya aku apa bagaimana gimana kapan berapa harga harganya mau
            ingin butuh ada bisa boleh tidak nggak gak ya belum sudah dan dengan untuk ini itu
            yang kak min masih kok anda kami pengiriman bayar kartu alamat hari besok disini
            tapi karena masalah tanya bantu sampai barang kirim dong dulu sih juga minggu
            batal biru dua tiga buka jam oke nya lebih kurang besar kecil dekat jauh baru
            semua jadi akan cuma hanya sebelum sesudah sekarang lalu dia mereka kita kalau
            sama atau dari ke sini sana hilang rusak aman ga layar ukuran kali
        """,
        "vi": """
            chao xin cam on vui long don hang cua toi minh em anh chi o dau bao nhieu gia khi
            nao the muon can co duoc khong chua a va cho voi la nay hoi giao roi ban gui
        """,
    },
    "cyrillic": {
        "ru": """
            здравствуйте привет добрый день вечер утро спасибо пожалуйста где мой моя мое
            заказ посылка что как когда сколько стоит хочу нужно нужна есть у вас можно не да
            нет еще и с для какая цена помощь помогите хорошо я мне вы это был все уже почему
            здрасьте неделе неделю отменить работает работаете воскресенье синий больше меньше
            большой рядом новый быть была будет тоже также только до после сейчас потом его её
            их нас от через или этот эта размер чек потеряла дважды
        """,
        "uk": """
            вітаю привіт доброго дня день вечір ранок дякую будь ласка де мій моя моє
            замовлення посилка що як коли скільки коштує хочу потрібно потрібна є у вас можна
            не так ні ще і з для яка ціна допомога добре я мені ви це чи вже чому мене добрий
            тижня тиждень скасувати працює неділю допоможіть ранку синій більше менше великий
            поруч новий усе все бути був була буде також тільки до після зараз потім його її
            їх нас від через або цей ця розмір чек загубила двічі
        """,
    },
    "arabic": {
        "ar": """
            السلام عليكم مرحبا اهلا صباح الخير مساء شكرا من فضلك لو سمحت اين أين وين فين طلبي
            متى كم السعر سعر هل كيف ما هذا اريد أريد عايز ابغى ممكن لا نعم في على الى الطلب
            عندكم مساعدة
        """,
        "fa": """
            سلام درود خسته نباشید ممنون مرسی لطفا لطفاً کجاست کجا سفارش سفارشم من چند چقدر
            قیمت کی چطور است هست میخوام می خواهم دارید نه بله از به که را این برای شما هنوز
            نرسیده چی
        """,
        "ur": """
            سلام السلام علیکم شکریہ مہربانی کہاں ہے ہیں میرا میری آرڈر کب کیا کیسے کتنے کتنی
            قیمت چاہیے مجھے کا کی کے نہیں جی ہاں سے کو میں اور آپ ابھی تک
        """,
    },
}  # fmt: skip

# How words of a language look that stand in no list. Worth less than a word that is known.
_SHAPES = {
    tag: re.compile(shape)
    for tag, shape in {
        "en": r"(?:ing|ght|ould|ness|tion)$|^wh|^th",
        "es": r"(?:cion|ciones|amos|aron|iendo|ando|ll[aeo]s?)$|^ll",
        "pt": r"(?:cao|coes|ou|inho|inha|ndo|agem|eiro|eira)$|lh|nh[aeo]",
        "fr": r"(?:eau|eux|euse|ez|tion|oir|ment|elle)$|oux|qu[aei]",
        "de": r"(?:ung|cht|lich|isch|keit|en|er)$|sch|^ge.*t$|tz|ei",
        "it": r"(?:zione|zioni|ato|ata|ucci|gli[ao]|etto|mente|ello)$|zz|cch|gghi",
        "nl": r"(?:lijk|heid|tje|en)$|ij|aa|oo|uu|^ge.*[dt]$",
        "pl": r"(?:owac|esz|asz|ski|ska|nie|ow|scie)$|sz|cz|rz|dzi|prz",
        "cs": r"(?:ovat|ejte|ny|ou)$|^pr[eio]|^ne[^aeiou]",
        "ro": r"(?:ului|eaza|eti|ati|este|ele)$",
        "sv": r"(?:ning|igt|orna|arna|ade)$|^bj|sjuk",
        "tr": r"(?:lar|ler|yor|yorum|mak|mek|iyor|uyor|dim|siniz|miyor|lik)$",
        "id": r"(?:nya|kan|lah|annya)$|^(?:meng|mem|ber|peng|di)[a-z]{3}",
        "ru": r"(?:ать|ить|ого|ый|ая|ые|ете|ние|ость|тся)$",
        "uk": r"(?:ати|ити|ого|ии|ння|ють|ив|ав)$",
    }.items()
}
# Sign for sign the same, and some that only Cantonese has.
_SIMPLIFIED = frozenset(
    "们这个话还请谢订单吗发货东说时间问题为么没给开关买卖钱价过来对现门见长电车马"
    "应该让从阅读烦后联络条讯里点几钟号码营业务员图网费优颜红蓝黄绿"
)
_TRADITIONAL = frozenset(
    "們這個話還請謝訂單嗎發貨東說時間問題為麼沒給開關買賣錢價過來對現門見長電車馬"
    "應該讓從閱讀煩後聯絡條訊裡點幾鐘號碼營業務員圖網費優顏紅藍黃綠嘅冇係喺咗"
)
_SHAPE_VOTE = 0.2
_PLAIN = str.maketrans({**dict(zip("ıłđøيىك", "ildoییک", strict=True)), "ß": "ss", "\u200c": ""})
_UNTOLD = {"latin": DEFAULT, "cyrillic": "ru", "arabic": "ar"}


def _plain(text: str) -> str:
    """Without accents, and with one letter for what keyboards write in two ways."""
    parts = normalize("NFD", text.translate(_PLAIN))
    return "".join(sign for sign in parts if category(sign) != "Mn")


_SPEAKERS: dict[str, list[str]] = {}
for _languages in _WORDS.values():
    for _tag, _words in _languages.items():
        for _word in set(_WORD.findall(_plain(_words))):
            _SPEAKERS.setdefault(_word, []).append(_tag)


def language_of(text: str) -> str:
    """The language of ``text`` as a BCP 47 tag; ``en`` when there is nothing to tell it by.

    Looks at the first 1,000 characters; what stands in square brackets is not a person's words.
    Simplified Chinese is ``zh``, traditional ``zh-Hant``. Never raises.
    """
    text = _NOT_WORDS.sub(" ", text[:_MOST_CHARS].lower())
    letters = {script: len(ranges.findall(text)) for script, ranges in _SCRIPTS.items()}
    says = {script: count * _WEIGHT.get(script, 3) for script, count in letters.items()}
    script = max(says, key=says.__getitem__)
    if not says[script]:
        return DEFAULT
    if script in ("han", "ja"):
        return "ja" if letters["ja"] * 8 >= letters["han"] else _chinese(text)
    return _by_words(text, script) if script in _WORDS else script


def _chinese(text: str) -> str:
    simplified = sum(sign in _SIMPLIFIED for sign in text)
    traditional = sum(sign in _TRADITIONAL for sign in text)
    return "zh-Hant" if traditional > simplified else "zh"


def _by_words(text: str, script: str) -> str:
    """The language with the most words and letters of its own in the text."""
    votes = dict.fromkeys(_WORDS[script], 0.0)
    words = _WORD.findall(_plain(text))
    told = [_SPEAKERS.get(word, []) for word in words]
    told += [tags.split() for letter, tags in _LETTERS[script].items() if letter in text]
    for speakers in told:
        for tag in speakers:
            if tag in votes:
                votes[tag] += 1 / len(speakers)
    for tag in votes.keys() & _SHAPES.keys():
        votes[tag] += _SHAPE_VOTE * sum(bool(_SHAPES[tag].search(word)) for word in words)
    best = max(votes, key=votes.__getitem__)  # the first of equals: more people write it
    return best if votes[best] else _UNTOLD[script]
