"""Who asks for a human: patterns by language, written to miss rather than to mistake.

What they miss the model may still see, and call for a human itself (``hand_over.py``).

In a pattern, ``~`` is a short stretch within one clause and ``·`` stands for the language's words
between a preposition and its noun. Patterns are compared without case and accents.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import normalize

_MOST_CHARS = 500
_MOST_BEFORE = 80
_CLAUSE = r"[^.!?;,:\n。！？，؟۔।]"
_SAME = str.maketrans(
    {
        **dict(zip("ıłđøæأإآىيكة’ʼ", "ildoaاااییکه''", strict=True)),
        **dict.fromkeys("\u200c\u200e\u200f", " "),
    }
)


def asks_for_human(text: str) -> bool:
    """Whether a message asks to be put through to a human being; looks at its first 500 characters.

    True for "can I talk to a person?", "Operator", "mit einem Menschen sprechen"; not for "are you
    human?", "I need to talk to my manager" or "I don't want to talk to a human".
    """
    plain = _plain(text[:_MOST_CHARS])
    if " ".join(_WORDS.findall(plain)) in _ALONE:
        return True
    return any(_means_it(plain, wish) for wish in _WISHES)


def _plain(text: str) -> str:
    """Without case and accents, and with one letter for what keyboards write in two ways."""
    parts = normalize("NFD", normalize("NFKC", text).casefold().translate(_SAME))
    bare = "".join(sign for sign in parts if not "\u0300" <= sign <= "\u036f")
    return " ".join(normalize("NFC", bare).split(" "))


class _Wish(NamedTuple):
    pattern: re.Pattern[str]
    denied_before: re.Pattern[str]


def _means_it(plain: str, wish: _Wish) -> bool:
    for found in wish.pattern.finditer(plain):
        before = re.split(
            r"[.!?;,:\n。！？，؟۔।]", plain[max(0, found.start() - _MOST_BEFORE) : found.start()]
        )[-1]
        if wish.denied_before.search(before):
            continue
        if not _DENIED_AFTER.match(plain, found.end()):
            return True
    return False


class _Table(NamedTuple):
    """One language.

    Attributes:
        between: What may stand for ``·``, as alternatives.
        humans: What may stand for ``@``, as alternatives.
        patterns: Any of them is a wish …
        denied: … unless one of these words stands a few words before it.
        alone: Whole messages that are one too.
    """

    between: str
    humans: str
    patterns: tuple[str, ...]
    denied: str
    alone: str


_TABLES = {
    "en": _Table(
        "an?|the|your|some|any|real|actual|live|living|human|another|different|proper|one|of|other"
        "|service|support|sales|customer",
        "human(?: being)?s?(?! resource| hair| size)|person|people|agent|operator|representative"
        "|rep|someone|somebody|anyone|anybody|advis[eo]r|employee|colleague|manager|supervisor"
        "|staff|team|customer (?:service|support|care)",
        (
            r"\b(?:talk|speak|chat|connect me|connected|transfer me|transferred|put me through"
            r"|hand me over|pass me|forward me|switch me) (?:on |over |directly )?(?:to|with) ·@\b",
            r"\b(?:want|need|prefer|get me|give me|i'?d like|would like) ·"
            r"(?:human(?: being| agent)?(?! resource| hair| size)|real person"
            r"|live (?:agent|person)|operator|representative)\b",
            r"\b(?:contact|reach) ·(?:human|person|agent|operator|representative|staff"
            r"|customer (?:service|support|care))\b",
            r"\bis there ·(?:human|person|someone|somebody|anyone|anybody) ~\b(?:talk|speak)\b",
            r"\b(?:can|could) ·(?:human|real person) (?:help|answer|call|take over|look)\b",
        ),
        "don'?t|do not|not|never|no need|without|instead of|rather than|do i have|do i need"
        "|must i|should i|if i",
        "human | a human | human please | agent | live agent | human agent | agent please"
        " | operator | operator please | representative | real person | real human"
        " | customer service | speak to agent | talk to agent | human support",
    ),
    "es": _Table(
        "un|una|el|la|los|las|algun|alguna|su|sus|tu|otro|otra|verdadera|verdadero",
        "humanos?|humana|personas?|ser humano|agente|asesora?|operadora?|representante|alguien"
        "|encargad[oa]|gerente|emplead[oa]|ejecutiv[oa]|atencion al cliente|servicio al cliente",
        (
            r"\b(?:hablar|hable|hablo|comunicar(?:me|nos)?|comuniqueme|contactar(?:me)?|chatear"
            r"|pasarme|paseme|pasame|transferir(?:me)?|transfierame|conectar(?:me)?) ~"
            r"\b(?:con|a) ·@\b",
            r"\b(?:atienda|atender) (?:por )?·@\b",
            r"\b(?:quiero|necesito|prefiero|quisiera|dame|deme) (?:con |a )?·(?:humano"
            r"|persona real|ser humano|agente humano|asesora?|operadora?|representante)\b",
        ),
        "no|sin|nunca",
        "humano | un humano | agente | asesor | operador | persona real | representante"
        " | atencion al cliente | hablar con una persona | hablar con un asesor",
    ),
    "pt": _Table(
        "um|uma|o|a|os|as|algum|alguma|seu|sua|outro|outra",
        "humano|humana|pessoas?|ser humano|atendente|agente|operadora?|representante|alguem"
        "|gerente|funcionari[oa]|consultora?|atendimento humano|suporte",
        (
            r"\b(?:falar|falo|conversar|transferir|transfira|me passa|me passe|passar) ~"
            r"\b(?:com|para|pra) ·@\b",
            r"\b(?:quero|preciso de|prefiro|gostaria de|queria) ·(?:humano|pessoa real|atendente"
            r"|operadora?|atendimento humano|ser humano)\b",
            r"\batendid[oa] por ·@\b",
        ),
        "nao|sem|nunca",
        "humano | atendente | atendente humano | atendimento humano | pessoa real"
        " | falar com atendente | operador | falar com humano",
    ),
    "fr": _Table(
        "un|une|le|la|votre|vos|vrai|vraie|des|autre|du|service",
        "humaine?|etre humain|personne|agent|conseiller|conseillere|operateur|operatrice"
        "|representant|quelqu'un|responsable|employee?|service client|support",
        (
            r"\b(?:parler|parle|discuter|echanger|mettre en relation|mettez[- ]moi en relation"
            r"|transferez[- ]moi) ~\b(?:a|avec|au|vers) ·@\b",
            r"\b(?:joindre|contacter|passez[- ]moi|appeler) ·(?:humain|conseiller|conseillere"
            r"|operateur|quelqu'un|service client|responsable)\b",
            r"\b(?:veux|voudrais|aimerais|souhaite|donnez[- ]moi) ·(?:humain|vraie personne"
            r"|conseiller|conseillere|operateur|etre humain)\b",
        ),
        "ne|n'[a-z]+|pas|sans|jamais|plutot que de",
        "humain | un humain | conseiller | un conseiller | operateur | agent | vraie personne"
        " | service client | parler a un humain | parler a un conseiller",
    ),
    "de": _Table(
        "einem|einer|einen|dem|der|den|ihrem|ihrer|echten|richtigen|menschlichen|anderen|lebenden",
        "mensch(?:en)?|person|mitarbeiter(?:in|n)?|berater(?:in)?|agent(?:en)?|jemand(?:em|en)?"
        "|kollegen?|kollegin|kundenservice|kundendienst|kundenberater(?:in)?|support"
        "|sachbearbeiter(?:in)?|ansprechpartner(?:in)?",
        (
            r"\b(?:mit|an) ·@\b ~\b(?:sprechen|reden|schreiben|chatten|verbinden|verbunden"
            r"|weiterleiten|telefonieren|unterhalten)\b",
            r"\b(?:verbinden sie mich|verbinde mich|sprechen|reden|spreche) ~\bmit ·@\b",
            r"\bich (?:will|mochte|brauche|hatte gerne?) ·(?:menschen|mitarbeiter(?:in)?"
            r"|ansprechpartner(?:in)?|berater(?:in)?)\b(?! ~\bfur\b)",
        ),
        "nicht|kein|keinen|ohne|nie|statt",
        "mensch | ein mensch | echter mensch | mitarbeiter | berater | kundenservice"
        " | mensch bitte | mitarbeiter bitte | ansprechpartner",
    ),
    "it": _Table(
        "un|una|uno|il|la|lo|qualche|vostro|vostra|vero|vera|altro|altra",
        "umano|umana|essere umano|persona|operatore|operatrice|agente|addett[oa]|consulente"
        "|rappresentante|qualcuno|responsabile|assistenza clienti|servizio clienti|assistenza",
        (
            r"\b(?:parlare|parlo|chattare|passatemi|passami|mettermi in contatto|trasferi(?:temi"
            r"|scimi)) ~\b(?:con|a) (?:un'|l')?·@\b",
            r"\b(?:contattare|chiamare) (?:l')?·(?:operatore|operatrice|assistenza clienti"
            r"|servizio clienti|assistenza)\b",
            r"\b(?:voglio|vorrei|mi serve|ho bisogno di) ·(?:umano|persona vera|persona reale"
            r"|operatore|operatrice|essere umano)\b",
        ),
        "non|senza|mai",
        "umano | operatore | un operatore | persona vera | persona reale | assistenza clienti"
        " | parlare con un operatore",
    ),
    "nl": _Table(
        "een|de|het|uw|jullie|echt|echte|levend|levende|ander",
        "mens|persoon|medewerker|medewerkster|iemand|agent|collega|klantenservice|adviseur"
        "|vertegenwoordiger|operator",
        (
            r"\b(?:met|aan) ·@\b ~\b(?:praten|spreken|chatten|bellen|doorverbinden"
            r"|doorverbonden|doorverbind)\b",
            r"\b(?:praten|spreken|chatten|spreek|praat|verbind me) ~\bmet ·@\b",
            r"\bik wil (?:graag )?·(?:mens|medewerker|persoon)\b",
        ),
        "niet|geen|zonder",
        "mens | een mens | medewerker | een medewerker | echt persoon | klantenservice",
    ),
    "pl": _Table(
        "jakims|jakas|zywym|zywa|prawdziwym|prawdziwa|waszym|innym|panstwa",
        "czlowiekiem|osoba|konsultantem|konsultantka|pracownikiem|agentem|operatorem|kims"
        "|przedstawicielem|doradca|obsluga klienta|kierownikiem|biurem obslugi",
        (
            r"\b(?:rozmawiac|porozmawiac|pogadac|skontaktowac sie|polaczyc|polaczenie"
            r"|polacz(?:cie)?(?: mnie)?) ~\bze? ·@\b",
            r"\b(?:chce|potrzebuje|prosze|poprosze) (?:o )?(?:zywego )?(?:czlowieka|konsultanta"
            r"|konsultantke|operatora|doradce)\b",
        ),
        "nie|bez",
        "czlowiek | konsultant | operator | pracownik | rozmowa z konsultantem | konsultanta",
    ),
    "cs": _Table(
        "nejakym|nejakou|zivym|zivou|skutecnym|skutecnou|vasim|jinym",
        "clovekem|osobou|operatorem|operatorkou|pracovnikem|pracovnici|nekym|zastupcem|podporou"
        "|poradcem|zamestnancem",
        (
            r"\b(?:mluvit|promluvit|hovorit|spojit|spojte|prepojit|prepojte) ~\bse? ·@\b",
            r"\b(?:chci|potrebuji|prosim) (?:ziveho |skutecneho )?(?:cloveka|operatora"
            r"|operatorku)\b",
        ),
        "nechci|nemusim|nepotrebuji|bez",
        "clovek | operator | zivy clovek | operatora",
    ),
    "ro": _Table(
        "un|o|alt|alta|unui|unei",
        "om|persoana|operatora?|operatoare|agent|consultant|reprezentant|cineva|angajat|coleg"
        "|serviciul clienti|suport",
        (
            r"\b(?:vorbesc|vorbi|vorbim|discut|discuta|legatura|transferati[- ]ma) ~\bcu ·@\b",
            r"\b(?:vreau|doresc|am nevoie de) ·(?:om|operator|persoana reala|agent uman"
            r"|consultant)\b",
        ),
        "nu|fara",
        "om | operator | un om | agent uman | persoana reala | consultant",
    ),
    "sv": _Table(
        "en|ett|den|er|riktig|verklig|annan|levande",
        "manniska|person|nagon|medarbetare|handlaggare|agent|operator|kollega|kundtjanst"
        "|kundservice|radgivare|representant",
        (
            r"\b(?:prata|tala|snacka|chatta|kopplas?|koppla mig|komma i kontakt) ~"
            r"\b(?:med|till) ·@\b",
            r"\b(?:vill ha|behover) ·(?:manniska|handlaggare)\b",
        ),
        "inte|utan|aldrig",
        "manniska | en manniska | riktig manniska | handlaggare | kundtjanst",
    ),
    "da": _Table(
        "et|en|den|jeres|rigtigt|rigtig|levende|anden",
        "menneske|person|nogen|medarbejder|agent|kollega|kundeservice|radgiver|konsulent",
        (
            r"\b(?:tale|snakke|chatte|viderestilles?|stilles om|komme i kontakt) ~"
            r"\b(?:med|til) ·@\b",
            r"\b(?:vil have|har brug for) ·menneske\b",
        ),
        "ikke|uden|aldrig",
        "menneske | et menneske | rigtigt menneske | medarbejder | kundeservice",
    ),
    "nb": _Table(
        "et|en|ei|den|deres|ekte|virkelig|levende|annen",
        "menneske|person|noen|medarbeider|kundebehandler|kundeservice|agent|kollega|radgiver"
        "|saksbehandler|ansatt",
        (
            r"\b(?:snakke|prate|chatte|settes? over|satt over|komme i kontakt) ~"
            r"\b(?:med|til) ·@\b",
            r"\b(?:vil ha|trenger) ·menneske\b",
        ),
        "ikke|uten|aldri",
        "menneske | ekte menneske | kundebehandler | medarbeider",
    ),
    "tr": _Table(
        "bir|gercek|canli|sizden",
        r"insan(?:la)?|biri(?:yle|siyle|leriyle)?|birisi|temsilci(?:yle|niz(?:le)?)?"
        r"|musteri (?:temsilcisi(?:yle|ne)?|hizmetleri(?:yle|ne)?)|yetkili(?:yle|niz(?:le)?)?"
        r"|operator(?:le)?|calisan(?:la)?",
        (
            r"\b@ (?:ile )?~\b(?:konusmak|gorusmek|konusabilir|gorusebilir|yazismak|iletisime)",
            r"\b(?:temsilci|musteri temsilcisi|musteri hizmetleri|yetkili|operator)(?:y?e|ne)? ~"
            r"\b(?:bagla|baglan|aktar|ulas)",
            r"\b(?:temsilci|canli destek|yetkili) istiyorum\b",
        ),
        "degil",
        "temsilci | musteri temsilcisi | operator | canli destek | yetkili | insan | gercek insan",
    ),
    "id": _Table(
        "seorang|salah satu|bagian|tim",
        "manusia|orang(?: asli| sungguhan)?|petugas|agen|operator|cs|customer service|admin|staf"
        "|karyawan|seseorang|perwakilan|pegawai",
        (
            r"\b(?:bicara|berbicara|ngobrol|ngomong|chat|hubungkan|sambungkan|terhubung"
            r"|disambungkan) ~\b(?:dengan|dgn|sama|ke) ·@\b",
            r"\b(?:mau|ingin|butuh|minta) (?:admin|petugas|manusia|operator|orang asli)\b",
        ),
        "tidak|nggak|gak|ga|jangan|tanpa|tak",
        "manusia | admin | petugas | operator | cs | customer service | orang asli",
    ),
    "vi": _Table(
        "mot|cac|ban|anh|chi",
        "nguoi that|nhan vien|con nguoi|tu van vien|tong dai vien|nguoi ho tro|ai do|quan ly"
        "|bo phan cham soc khach hang|cskh",
        (
            r"\b(?:noi chuyen|tro chuyen|trao doi|chat|ket noi) ~\b(?:voi|cho|toi|den) ·@\b",
            r"\b(?:gap|lien he|chuyen(?: may)?(?: cho)?) ·(?:nguoi that|nhan vien|tu van vien"
            r"|tong dai vien)\b",
        ),
        "khong|chua|dung",
        "nhan vien | nguoi that | gap nhan vien | tu van vien | gap tu van vien",
    ),
    "el": _Table(
        "εναν|ενα|καποιον|καποιο|τον|την|το|πραγματικο|αλλον",
        "ανθρωπο|ατομο|εκπροσωπο|υπαλληλο|καποιον|υπευθυνο|συναδελφο|εξυπηρετηση(?: πελατων)?",
        (
            r"\b(?:μιλησω|μιλησουμε|συνδεσετε|συνδεθω|επικοινωνησω) ~\b(?:με|σε) ·@(?!\w)",
            r"\b(?:θελω|χρειαζομαι) ·(?:ανθρωπο|εκπροσωπο|υπαλληλο)(?!\w)",
        ),
        "δεν|χωρις|μην",
        "ανθρωπος | ανθρωπο | εκπροσωπος | εκπροσωπο | υπαλληλος",
    ),
    "ru": _Table(
        "живым|живого|настоящим|настоящего|кем|вашим|вашего|реальным|другим",
        "человеком|человека|оператор(?:ом|а)?|сотрудник(?:ом|а)|менеджер(?:ом|а)|кем[- ]то"
        "|кем[- ]нибудь|специалист(?:ом|а)|консультант(?:ом|а)|представител(?:ем|я)|поддержкой",
        (
            r"\b(?:поговорить|говорить|связаться|пообщаться|общаться|соединить|соедините"
            r"|свяжите|соедини) ~\bсо? ·@\b",
            r"\b(?:позовите|позвать|переведите|переключите|пригласите|подключите) ~"
            r"\b(?:человека|оператора|менеджера|консультанта|специалиста|сотрудника)\b",
            r"\b(?:хочу|нужен|дайте|можно) (?:живого |живои )?(?:оператора?|живого человека"
            r"|живои человек|консультанта?)\b",
        ),
        "не|без|нельзя",
        "оператор | оператора | человек | живои человек | менеджер | консультант",
    ),
    "uk": _Table(
        "живою|живу|справжньою|вашим|кимось|реальною|іншим",
        "людиною|людину|оператор(?:ом|а)|працівник(?:ом|а)|менеджер(?:ом|а)|кимось"
        "|консультант(?:ом|а)|спеціаліст(?:ом|а)|представник(?:ом|а)|підтримкою",
        (
            r"\b(?:поговорити|говорити|зв'язатис[яь]|поспілкуватис[яь]|спілкуватис[яь]"
            r"|з'єднайте|з'єднати|зв'яжіть) ~\b(?:з|зі|із) ·@\b",
            r"\b(?:покличте|покликати|переведіть|перемкніть) ~\b(?:людину|оператора|менеджера"
            r"|консультанта)\b",
            r"\b(?:хочу|потрібен|дайте|можна) (?:оператора?|живу людину|консультанта?)\b",
        ),
        "не|без|не треба",
        "оператор | оператора | людина | жива людина | менеджер | консультант",
    ),
    "ar": _Table(
        "الى|اي|احد|ممثل",
        "شخص|انسان|موظف|موظفه|ممثل|احد|مسؤول|مندوب|خدمه العملاء|بشر|وکیل|الدعم",
        (
            r"(?:اتحدث|التحدث|اتکلم|التکلم|الحدیث|اکلم|التواصل|اتواصل|احکی|تکلم) ~"
            r"(?:مع|الی) ·@",
            r"(?:حولنی|حولونی|تحویلی) ~(?:موظف|ممثل|خدمه العملاء|شخص|انسان)",
            r"(?:ارید|ابغی|بدی|عایز|احتاج|ابی) (?:موظف|انسان|شخص حقیقی|ممثل|خدمه العملاء)",
        ),
        "لا|لن|بدون|مش|لم",
        "موظف | انسان | خدمه العملاء | ممثل | شخص حقیقی",
    ),
    "fa": _Table(
        "یک|یه|اون|آن",
        "انسان|آدم|شخص|نفر|اپراتور|کارشناس|پشتیبان|پشتیبانی|کسی|مسئول|نماینده|مدیر|همکارتان",
        (
            r"با ·@ ~(?:صحبت|حرف|گفتگو|گفت و گو|ارتباط|تماس)",
            r"(?:اپراتور|کارشناس|پشتیبان|انسان) (?:می ?خوام|می ?خواهم|لازم دارم)",
            r"به ·(?:اپراتور|کارشناس|پشتیبان|پشتیبانی) ~وصل",
        ),
        "بدون",
        "اپراتور | انسان | کارشناس | پشتیبان | پشتیبانی",
    ),
    "ur": _Table(
        "کسی|ایک|اپنے|حقیقی",
        "انسان|شخص|نمائند[ےہ]|ایجنٹ|آپریٹر|کسی|بندے|منیجر|مینیجر|کسٹمر سروس|عملے",
        (r"·@ سے ~(?:بات|رابطہ|گفتگو)",),
        "بغیر",
        "نمائندہ | ایجنٹ | آپریٹر | انسان | کسٹمر سروس",
    ),
    "he": _Table(
        "עוד|איזה|איזשהו|כל",
        "אדם|בן[- ]?אדם|נציגה?|נציגת שירות|מישהו|מישהי|מנהל|מענה אנושי|שירות לקוחות|איש צוות",
        (
            r"(?:לדבר|לשוחח|להתכתב|לתקשר) ~עם ·@",
            r"(?:תעבירו|תעביר|להעביר|תחברו) אותי ~(?:ל|אל )@",
            r"(?:רוצה|צריך|צריכה|אפשר|מבקש|מבקשת) (?:נציגה?|בן[- ]?אדם|מענה אנושי|אדם אמיתי)",
        ),
        "לא|בלי|אין",
        "נציג | נציגה | בן אדם | אדם | מענה אנושי | נציג אנושי | שירות לקוחות",
    ),
    "hi": _Table(
        "किसी|एक|असली|असल|अपने",
        "इंसान|इन्सान|व्यक्ति|एजेंट|प्रतिनिधि|ऑपरेटर|किसी|आदमी|मैनेजर|कस्टमर केयर|ग्राहक सेवा"
        "|कर्मचारी|insaa?n|agent|kisi|customer care|executive|manager|operator",
        (r"·@ (?:से|se) ~(?:बात|संपर्क|चैट|baat)",),
        "बिना|bina",
        "इंसान | एजेंट | ऑपरेटर | प्रतिनिधि | कस्टमर केयर",
    ),
    "bn": _Table(
        "কোনো|একজন|আপনাদের|সত্যিকারের|আসল",
        "মানুষ(?:ের)?|ব্যক্তির|কারো|কারও|এজেন্ট(?:ের)?|প্রতিনিধির?|অপারেটর(?:ের)?|ম্যানেজার(?:ের)?"
        "|কর্মীর|কাস্টমার কেয়ার(?:ের)?",
        (r"·@ (?:সঙ্গে|সাথে) ~(?:কথা|যোগাযোগ|চ্যাট)",),
        "ছাড়া",
        "মানুষ | এজেন্ট | প্রতিনিধি | অপারেটর | কাস্টমার কেয়ার",
    ),
    "th": _Table(
        "ที่เป็น|ทาง",
        "คนจริง|คน|มนุษย์|เจ้าหน้าที่|พนักงาน|แอดมิน|ตัวแทน|ฝ่ายบริการลูกค้า|ผู้จัดการ",
        (
            r"(?:คุย|พูด|สนทนา|แชท|พูดคุย)(?:สาย|โดยตรง)?กับ(?:ทาง)?@",
            r"(?:ติดต่อ|ขอคุย|ขอสาย|โอนสายไป|โอนสายให้)(?:กับ|หา|ทาง)?(?:เจ้าหน้าที่|พนักงาน|แอดมิน"
            r"|คนจริง|ฝ่ายบริการลูกค้า)",
            r"(?:ขอ|ต้องการ)(?:เจ้าหน้าที่|แอดมิน|พนักงาน|คนจริง)",
        ),
        "[^ ]*ไม่[^ ]*",
        "เจ้าหน้าที่ | แอดมิน | คนจริง | พนักงาน | ขอแอดมิน",
    ),
    "zh": _Table(
        "-",
        "人工(?!智|费|費|成本)|真人|活人|人类|人類|专员|專員|工作人员|工作人員|负责人|負責人"
        "|客服人员|客服人員|经理|經理|客服",
        (
            r"(?:转|轉|找|接|换|換|联系|聯繫|聯絡|叫|转到|轉到|转接|轉接|接通)(?:一?下|一?[个個位]"
            r"|你们的?|你們的?)?@",
            r"(?:和|跟|与|與|同)(?:一?[个個位]|你们的?|你們的?)?@(?:说话|說話|聊|谈|談|沟通|溝通"
            r"|通话|通話|对话|對話|讲|講|交谈|交談)",
            r"(?:我要|想要|需要|我想要)(?:人工(?!智|费|費|成本)|真人|活人)",
        ),
        "[^ ]*(?:不要|不用|不想|不必|别|別|无需|無需)[^ ]{0,4}",
        "人工 | 真人 | 人工客服 | 真人客服 | 转人工 | 轉人工 | 转接人工 | 客服 | 人工服务",
    ),
    "ja": _Table(
        "-",
        "人間|(?<![一-龥])人|担当者|担当の方|オペレーター|オペレータ|スタッフ|係の人|係員|店員|責任者",
        (
            r"@(?:の方|さん)?(?:と|に|へ) ?(?:直接)?(?:話|つない|繋い|つなげ|繋げ|代わっ|替わっ"
            r"|かわって|相談|連絡|チャット)",
            r"@(?:の方|さん)?を(?:呼ん|お願い|出し)",
            r"有人(?:対応|チャット|サポート)(?:に|を|へ)",
        ),
        "-",
        "オペレーター | 担当者 | 有人対応 | 人間 | 人間と話したい | スタッフ",
    ),
    "ko": _Table(
        "-",
        "사람|상담원|상담사|직원|담당자|매니저|관리자|고객센터",
        (
            r"(?<!다른 )@ ?(?:분)?(?:이랑|랑|하고|과|와|에게|한테|으로|로)? ?(?:직접 )?(?:연결|통화"
            r"|대화|상담하|상담 받|이야기|얘기|말하고|바꿔)",
            r"(?:상담원|상담사|직원|담당자)(?:을|를)? ?(?:좀 )?(?:불러|부탁|연결)",
        ),
        "-",
        "상담원 | 상담사 | 상담원 연결 | 직원 | 직원 연결 | 담당자",
    ),
}

_WORDS = re.compile(r"[^\s.!?;,:…。！？，؟۔।\"'()*_~👤🙏-]+")
# Languages in which the no comes last: "with a human I want to talk not".
_DENIED_AFTER = re.compile(
    r"\S{0,8}\s?(?:\S+\s){0,2}?\S{0,6}(?:istemiyor|gerek yok|degil|नहीं|nahi|nahin|চাই না|নেই|نہیں"
    r"|نمی|たくない|必要はない|必要ない|なくて|싶지 않|필요 없|않)"
)


def _compiled() -> Iterator[_Wish]:
    for table in _TABLES.values():
        between = f"(?:(?:{_plain(table.between)}) ){{0,3}}"
        parts = {"~": f"{_CLAUSE}{{0,25}}?", "·": between, "@": f"(?:{table.humans})"}
        whole = "|".join(table.patterns)
        for sign, part in parts.items():
            whole = whole.replace(sign, part)
        denied = rf"(?:^|\s)(?:{_plain(table.denied)})(?:\s\S+){{0,4}}\s*$"
        yield _Wish(re.compile(_plain(whole)), re.compile(denied))


_WISHES = tuple(_compiled())
_ALONE = frozenset(
    " ".join(_WORDS.findall(_plain(words)))
    for table in _TABLES.values()
    for words in table.alone.split("|")
)
