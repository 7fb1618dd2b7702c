"""STOP and START: whole messages that silence the bot, or have it speak again.

Words that also answer a bot's question stand in no list: "cancel", "end", "quit", "basta", "dur".
Source of the English ones: CTIA, "Messaging Principles and Best Practices"; others collected here.
"""

import re
from typing import Literal, NamedTuple
from unicodedata import category, normalize

MOST_CHARS = 40
"""A longer message is no switch; it is told before anything else is looked at."""


_ASCII = re.compile("[a-z0-9]+")


class Switch(NamedTuple):
    """What a message switches.

    Attributes:
        language: Whose word it is, as ``language_of`` names it; ``""`` for one that all write.
    """

    way: Literal["stop", "start"]
    language: str


def switch_of(text: str) -> Switch | None:
    """What the whole message switches; ``None`` for nearly every one.

    Case, accents (not in Vietnamese, where they make other words), punctuation and emoji around
    the words do not matter, but a question is no command.
    """
    if len(text) > MOST_CHARS:
        return None
    if text.isascii():  # most are, and every webhook comes through here
        return None if "?" in text else _SWITCHES.get(" ".join(_ASCII.findall(text.lower())))
    words = _words(text)
    return _SWITCHES.get(words) or _SWITCHES.get(_bare(words))


def _words(text: str) -> str:
    """Letters and digits alone, between single spaces; ``""`` for a question."""
    text = normalize("NFKC", text).casefold()
    if text.rstrip().endswith(("?", "؟", ";")):  # the last is Greek's
        return ""
    kept = "".join(sign if category(sign)[0] in "LMN" else " " for sign in text)
    return " ".join(kept.split())


def _bare(words: str) -> str:
    return "".join(sign for sign in normalize("NFD", words) if not "\u0300" <= sign <= "\u036f")


_STOP = {
    "": "stop | stopp | stop all | stopall | unsubscribe | opt out | optout | unsub",
    "en": "stop it | please stop | stop please | stop messaging me | stop texting me | "
    "leave me alone",
    "es": "baja | dar de baja | darme de baja | dame de baja | deme de baja | parar | detener | "
    "no me escriban | no me escriban mas | desuscribir | desuscribirme | cancelar suscripcion",
    "pt": "sair | descadastrar | me descadastrar | cancelar inscricao | pare | parar por favor",
    "fr": "arret | arreter | arretez | arrete | se desabonner | me desabonner | desabonner | "
    "desabonnement | desinscription | desinscrire | me desinscrire",
    "de": "abmelden | abbestellen | aufhoren | bitte abmelden | keine nachrichten mehr",
    "it": "ferma | fermati | disiscrivimi | disiscrizione | cancellami | annulla iscrizione",
    "nl": "stoppen | afmelden | uitschrijven | stop ermee",
    "pl": "wypisz | wypisz mnie | zatrzymaj | przestan pisac",
    "cs": "odhlasit | odhlasit se | prestante | prestan | nepiste mi",
    "ro": "dezabonare | dezaboneaza ma | opreste | opriti",
    "sv": "avregistrera | avprenumerera | sluta | avsluta prenumeration",
    "da": "afmeld | frameld | hold op",
    "nb": "avmeld | meg av listen | meld meg av",
    "tr": "durdur | durdurun | abonelikten cik | listeden cik | mesaj atmayin",
    "id": "berhenti | berhenti langganan | hentikan",
    "vi": "dừng | dừng lại | ngừng | hủy đăng ký | huỷ đăng ký",
    "ru": "стоп | отписаться | отпишите | отпишите меня | отписка | прекратите | не пишите мне",
    "uk": "відписатися | відписатись | відпишіть | відпишіть мене | припиніть | не пишіть мені",
    "el": "στοπ | σταμάτα | σταματήστε | απεγγραφή | κατάργηση εγγραφής",
    "ar": "توقف | توقفوا | إيقاف | ايقاف | إلغاء الاشتراك | الغاء الاشتراك | قف | ستوب",
    "fa": "ایست | لغو عضویت | لغو اشتراک | استاپ | پیام ندهید",
    "ur": "روکو | روکیں | بند کرو | بند کریں | سٹاپ | پیغام نہ بھیجیں",
    "he": "הסר | הסירו | הסר אותי | תסירו אותי | עצור | תפסיקו | הפסק | סטופ",
    "hi": "रोकें | रोको | रुकें | बंद करो | बंद करें | स्टॉप | सदस्यता समाप्त | band karo",
    "bn": "বন্ধ করুন | বন্ধ করো | থামুন | থামো | স্টপ | আনসাবস্ক্রাইব",
    "th": "หยุด | หยุดส่ง | หยุดส่งข้อความ | ยกเลิกการรับ | ยกเลิกการสมัคร | เลิกรับข้อความ",
    "zh": "停止 | 退订 | 取消订阅 | 停止发送 | 不要再发了 | 别再发了",
    "zh-Hant": "退訂 | 取消訂閱 | 停止發送 | 不要再傳了 | 別再傳了",
    "ja": "停止 | 配信停止 | ストップ | やめて | やめてください | 送らないで | 送らないでください",
    "ko": "중지 | 그만 | 정지 | 중단 | 수신거부 | 수신 거부 | 스톱 | 스탑 | 그만 보내세요",
}

_START = {
    "": "start | unstop | subscribe | resume | opt in | optin",
    "es": "alta | iniciar | empezar | comenzar | reanudar",
    "pt": "começar | voltar | retomar",
    "fr": "démarrer | commencer | reprendre",
    "de": "starten | anmelden | weiter",
    "it": "inizia | avvia | riprendi | riattiva",
    "nl": "beginnen | hervatten | aanmelden",
    "pl": "wznów | zacznij",
    "cs": "začít | pokračovat",
    "ro": "începe | reia",
    "sv": "starta | börja",
    "da": "begynd | genoptag",
    "nb": "begynn | gjenoppta",
    "tr": "başla | başlat | devam",
    "id": "mulai | lanjut | lanjutkan",
    "vi": "bắt đầu | tiếp tục",
    "ru": "старт | начать | возобновить",
    "uk": "почати | розпочати | відновити",
    "el": "έναρξη | ξεκίνα | συνέχεια",
    "ar": "ابدأ | ابدا | بدء | ستارت | استئناف",
    "fa": "شروع | آغاز | استارت",
    "ur": "شروع کریں | شروع کرو | سٹارٹ",
    "he": "התחל | התחלה | המשך",
    "hi": "शुरू | शुरू करें | स्टार्ट",
    "bn": "শুরু | শুরু করুন | স্টার্ট",
    "th": "เริ่ม | เริ่มต้น | เริ่มใหม่",
    "zh": "开始 | 恢复 | 订阅",
    "zh-Hant": "開始 | 恢復 | 訂閱",
    "ja": "再開 | スタート",
    "ko": "시작 | 재개 | 스타트",
}


def _table() -> dict[str, Switch]:
    """Every word as it is written, and without accents; the first language to name it has it."""
    found: dict[str, Switch] = {}
    ways: tuple[tuple[Literal["stop", "start"], dict[str, str]], ...]
    ways = (("stop", _STOP), ("start", _START))
    for way, languages in ways:
        for language, line in languages.items():
            for word in (_words(each) for each in line.split("|")):
                found.setdefault(word, Switch(way, language))
                if language != "vi":  # "dừng" is to stop, "đúng" is yes
                    found.setdefault(_bare(word), Switch(way, language))
    return found


_SWITCHES = _table()
