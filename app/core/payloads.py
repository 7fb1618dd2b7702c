"""Webhook JSON in, events out. With ``readable.py`` the only place that knows Meta's field names.

Whatever the JSON holds, nothing raises: an update with damage where it matters becomes
``Ignored("malformed")``, and all others of the same body are still found.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Literal

import orjson

from app.core.graph_errors import VERDICTS, stopped, verdict_for
from app.core.model import Delivery, Echo, Event, Ignored, InboundMessage, Moved, Notice, Status
from app.core.readable import KINDS, label, words_of

MAX_ID = 512
"""Characters of an id; Meta's have under 200. Longer ones are not stored."""

MAX_CALLBACK = 512
"""Characters of ``biz_opaque_callback_data``. Source: Meta's changelog, 2025."""

MAX_NAME = 80
"""Characters of a profile name in the prompt."""

CLOCK_SKEW = 300
"""Seconds that Meta's clock may be ahead of ours; a timestamp further ahead is not believed."""

EARLIEST = 1_000_000_000
"""Unix seconds (2001): no WhatsApp message is older, so a smaller timestamp is not believed."""

MILLISECONDS = 100_000_000_000
"""A timestamp from here on is in milliseconds (as seconds it would be the year 5138)."""

TEST_NUMBER = "123456123"
"""The made-up ``phone_number_id`` of the App Dashboard's test button."""

NOT_SAID: Mapping[str, str] = {
    "reaction": "reaction",
    "edit": "edit",
    "revoke": "revoke",
    "unsupported": "unsupported",
    "unknown": "unsupported",
    "request_welcome": "request_welcome",
}
"""Meta's ``type`` of messages that nobody said to the business, and our word for it."""

OTHER_FIELDS: Mapping[str, str] = {
    "history": "history",
    "smb_app_state_sync": "app_state",
    "calls": "call",
    "user_preferences": "preference",
    "account_alerts": "account",
    "account_review_update": "account",
    "account_settings_update": "account",
    "business_capability_update": "account",
    "phone_number_quality_update": "account",
    "phone_number_name_update": "account",
    "security": "account",
    "payment_configuration_update": "account",
    "partner_solutions": "account",
    "message_template_status_update": "template",
    "message_template_quality_update": "template",
    "message_template_components_update": "template",
    "template_category_update": "template",
    "group_lifecycle_update": "group",
    "group_participants_update": "group",
    "group_settings_update": "group",
    "group_status_update": "group",
    "automatic_events": "other",
    "flows": "other",
}
"""Webhook fields that hold nothing a person says to us now, and our word for it."""

DELIVERIES: Mapping[str, Delivery] = {
    "sent": Delivery.SENT,
    "delivered": Delivery.DELIVERED,
    "read": Delivery.READ,
    "played": Delivery.READ,
    "failed": Delivery.FAILED,
}

ACCOUNT_STOPS: Mapping[str, str] = {
    "ACCOUNT_RESTRICTION": "restricted",
    "DISABLED_UPDATE:DISABLE": "disabled",
    "ACCOUNT_DELETED": "deleted",
    "ACCOUNT_OFFBOARDED": "offboarded",
}
"""Events of ``account_update`` after which nothing is to be sent, and our word for each; some with
their ``waba_ban_state``. Source: Meta, "account_update webhook reference"."""

ACCOUNT_RESUMES: Mapping[str, str] = {
    "DISABLED_UPDATE:REINSTATE": "reinstated",
    "ACCOUNT_RECONNECTED": "reconnected",
}

ACCOUNT_WARNINGS: Mapping[str, str] = {
    "ACCOUNT_VIOLATION": "violation",
    "DISABLED_UPDATE:SCHEDULE_FOR_DISABLE": "disabled_soon",
}

PRICE_CATEGORIES = frozenset(
    {
        *("authentication", "authentication-international", "general_purpose_ai", "marketing"),
        *("marketing_lite", "referral_conversion", "service", "utility"),
    }
)
"""Source: "Status messages webhook reference" (2026-09-11)."""

Json = Mapping[str, object]


class NotJson(ValueError):
    """The body is not JSON: broken, not UTF-8, or nested deeper than anybody writes it."""


def parse(body: bytes, *, received_at: datetime) -> list[Event]:
    """What a webhook tells us, in its order; at least one event.

    ``Ignored.reason`` is always a word of ours. Strings of the events hold no lone surrogate, and
    ids and texts are bounded.

    Args:
        body: The POST's body, as signed.
        received_at: When it came, UTC: stands in for a timestamp that cannot be believed.

    Raises:
        NotJson: It is not JSON.
    """
    events: list[Event] = []
    tree = _load(body)
    if not isinstance(tree, dict):
        return [Ignored("malformed")]
    kind = tree.get("object")
    if isinstance(kind, str) and kind != "whatsapp_business_account":
        return [Ignored("unknown_object")]
    for entry in _each(tree, "entry", events):
        if entry.get("id") == "0":  # the dashboard's test button; no account has this id
            events.append(Ignored("test"))
            continue
        for change in _each(entry, "changes", events):
            _read_change(change, entry, received_at, events)
    return events or [Ignored("nothing")]


def _load(body: bytes) -> object:
    try:
        tree: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _load_tolerantly(body)
    return tree


def _load_tolerantly(body: bytes) -> object:
    """JSON that orjson refuses though it is JSON: lone surrogates become U+FFFD, numbers that no
    double holds become null. (NaN, which only the first parser takes, fails at the second.)
    """
    try:
        tree = json.loads(body.decode(), parse_int=_integer, parse_float=_decimal)
        text = json.dumps(tree, ensure_ascii=False)
        return orjson.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        # The parsers' own errors hold the document.
        raise NotJson("the body is not JSON") from None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) < 19 else None


def _decimal(digits: str) -> float | None:
    number = float(digits)
    return number if isfinite(number) else None


def _read_change(change: Json, entry: Json, received_at: datetime, events: list[Event]) -> None:
    account_id = _number_id(entry.get("id"))
    field, value = change.get("field"), change.get("value")
    if not isinstance(field, str) or not isinstance(value, dict):
        events.append(Ignored("malformed"))
    elif field == "messages":
        _Value(value, account_id, received_at, events).read()
    elif field == "user_id_update":
        _Value(value, account_id, received_at, events).read_new_ids()
    elif field == "account_update":
        at = _time(entry.get("time"), received_at)
        events.append(_account_update(value, account_id, at))
    elif field == "smb_message_echoes":
        _Value(value, account_id, received_at, events).read_echoes()
    else:
        events.append(Ignored(OTHER_FIELDS.get(field, "unknown_field")))


def _account_update(value: Json, account_id: str | None, at: datetime) -> Event:
    event = value.get("event")
    state = _in(value, "ban_info").get("waba_ban_state")
    name = f"{event}:{state}" if event == "DISABLED_UPDATE" else event
    if account_id is None or not isinstance(name, str):
        return Ignored("malformed")
    if word := ACCOUNT_STOPS.get(name):
        wait = stopped("account").first_wait
        return Notice("stop", "account", word, account_id, at=at, wait=wait)
    if word := ACCOUNT_RESUMES.get(name):
        return Notice("resume", "account", word, account_id, at=at)
    if word := ACCOUNT_WARNINGS.get(name):
        return Notice("tell", "account", word, account_id, at=at)
    return Ignored("account")


class _Value:
    """One ``value`` object: which number it is about, and who wrote."""

    def __init__(
        self, value: Json, account_id: str | None, received_at: datetime, events: list[Event]
    ) -> None:
        self._value = value
        self._account_id = account_id
        self._received_at = received_at
        self._events = events
        self._phone_number_id = _number_id(_in(value, "metadata").get("phone_number_id"))
        contacts = value.get("contacts")
        found = contacts if isinstance(contacts, list) else []
        self._contacts: list[Json] = [one for one in found if isinstance(one, dict)]
        self._by_id: dict[str, Json] | None = None

    def read(self) -> None:
        before = len(self._events)
        for message in _each(self._value, "messages", self._events, optional=True):
            self._events.append(self._message(message))
        for status in _each(self._value, "statuses", self._events, optional=True):
            self._events.append(self._status(status))
        for error in _each(self._value, "errors", self._events, optional=True):
            self._events.append(self._error(error.get("code")))
        if len(self._events) == before:
            self._events.append(Ignored("nothing"))

    def read_new_ids(self) -> None:
        for update in _each(self._value, "user_id_update", self._events):
            ids = _in(update, "user_id")
            old, new = _user_id(ids.get("previous")), _user_id(ids.get("current"))
            phone, _ = _phone_or_user_id(update.get("wa_id"))  # the new one, where it changed
            self._events.append(self._moved(old, None, new, phone) or Ignored("malformed"))

    def read_echoes(self) -> None:
        for echo in _each(self._value, "message_echoes", self._events):
            self._events.append(self._echo(echo))

    def _echo(self, echo: Json) -> Event:
        """A colleague's answer; what is no new message (an edit, a deletion) is ignored."""
        wamid, number, kind = _id(echo.get("id")), self._phone_number_id, echo.get("type")
        if echo.get("group_id") or not isinstance(kind, str) or kind not in KINDS:
            return Ignored("echo", wamid)
        phone, seen_id = _phone_or_user_id(echo.get("to"))
        user_id = _user_id(echo.get("to_user_id")) or seen_id
        words = words_of(kind, echo)
        if wamid is None or number is None or words is None or not (user_id or phone):
            return Ignored("malformed", wamid)
        return Echo(
            wamid=wamid,
            phone_number_id=number,
            user_id=user_id,
            phone=phone,
            sent_at=_time(echo.get("timestamp"), self._received_at),
            text=words.text,
            account_id=self._account_id,
        )

    def _error(self, code: object) -> Event:
        """An error that belongs to no message."""
        if not isinstance(code, int) or isinstance(code, bool):
            return Ignored("error")
        word, verdict = str(code) if code in VERDICTS else "other", verdict_for(code)
        account_id, number = self._account_id, self._phone_number_id
        whose = {"number": number, "token": number, "account": account_id, "app": "ours"}
        if not whose.get(verdict.scope):
            return Notice("tell", "number", word, account_id, number)
        effect: Literal["stop", "slow"] = "stop" if verdict.kind == "stopped" else "slow"
        wait, growth = verdict.first_wait, verdict.growth
        return Notice(effect, verdict.scope, word, account_id, number, wait=wait, growth=growth)

    def _message(self, message: Json) -> Event:
        wamid = _id(message.get("id"))
        kind = message.get("type")
        number = self._phone_number_id
        if message.get("group_id"):
            return Ignored("group", wamid)
        if wamid is None or number is None or not isinstance(kind, str):
            return Ignored("malformed", wamid)
        if number == TEST_NUMBER and not wamid.startswith("wamid."):
            return Ignored("test", wamid)
        if kind == "system":
            return self._system(message) or Ignored("system", wamid)
        if kind not in KINDS:
            return Ignored(NOT_SAID.get(kind, "unknown_type"), wamid)
        user_id, phone, name = self._sender(message)
        if user_id is None and phone is None:
            return Ignored("no_sender", wamid)
        words = words_of(kind, message)
        if words is None:
            return Ignored("unsupported" if message.get("errors") else "malformed", wamid)
        if not words.text.strip():
            return Ignored("empty", wamid)
        return InboundMessage(
            wamid=wamid,
            phone_number_id=number,
            user_id=user_id,
            phone=phone,
            name=name,
            sent_at=_time(message.get("timestamp"), self._received_at),
            kind=kind,
            text=words.text,
            readable=words.readable,
            account_id=self._account_id,
        )

    def _sender(self, message: Json) -> tuple[str | None, str | None, str | None]:
        """The person's user id, phone and name; each may be unknown.

        The phone is ``from`` as given: a contact's ``wa_id`` differs from it in some countries.
        """
        phone, seen_id = _phone_or_user_id(message.get("from"))
        user_id = _user_id(message.get("from_user_id")) or seen_id
        contact = self._contact(user_id, phone)
        if contact is None:
            return user_id, phone, None
        wa_id, seen_id = _phone_or_user_id(contact.get("wa_id"))
        name = label(_in(contact, "profile").get("name"), MAX_NAME) or None
        return user_id or _user_id(contact.get("user_id")) or seen_id, phone or wa_id, name

    def _contact(self, user_id: str | None, phone: str | None) -> Json | None:
        if len(self._contacts) == 1:
            # A contact with another user id is another person, whose phone we must not take.
            only = self._contacts[0]
            its_id = _user_id(only.get("user_id"))
            return only if user_id is None or its_id is None or its_id == user_id else None
        if self._by_id is None:
            self._by_id = dict(_named(self._contacts))
        return self._by_id.get(user_id or "") or self._by_id.get(phone or "")

    def _system(self, message: Json) -> Moved | None:
        system = _in(message, "system")
        if system.get("type") not in ("user_changed_number", "user_changed_user_id"):
            return None
        old_phone, seen_id = _phone_or_user_id(message.get("from"))
        old_user_id = _user_id(message.get("from_user_id")) or seen_id
        new_phone, seen_id = _phone_or_user_id(system.get("wa_id"))
        new_user_id = _user_id(system.get("user_id")) or seen_id
        return self._moved(old_user_id, old_phone, new_user_id, new_phone)

    def _moved(
        self,
        old_user_id: str | None,
        old_phone: str | None,
        new_user_id: str | None,
        new_phone: str | None,
    ) -> Moved | None:
        old, new = {old_user_id, old_phone} - {None}, {new_user_id, new_phone} - {None}
        if self._phone_number_id is None or not old or new <= old:
            return None
        return Moved(self._phone_number_id, old_user_id, old_phone, new_user_id, new_phone)

    def _status(self, status: Json) -> Event:
        """An ignored one has no wamid: it is our own message's, and may come several times."""
        wamid = _id(status.get("id"))
        word = status.get("status")
        if status.get("recipient_type") == "group":
            return Ignored("group")
        if wamid is None or self._phone_number_id is None or not isinstance(word, str):
            return Ignored("malformed")
        delivery = DELIVERIES.get(word)
        if delivery is None:
            return Ignored("unknown_status")
        callback = status.get("biz_opaque_callback_data")
        ours = isinstance(callback, str) and 0 < len(callback) <= MAX_CALLBACK
        pricing = _in(status, "pricing")
        billable = _billable(pricing)
        return Status(
            wamid=wamid,
            phone_number_id=self._phone_number_id,
            delivery=delivery,
            at=_time(status.get("timestamp"), self._received_at),
            callback=str(callback) if ours else None,
            error_code=_error_code(status) if delivery is Delivery.FAILED else None,
            billable=billable,
            category=_category(pricing) if billable else "",
            country=_country(status.get("recipient_user_id")) if billable else "",
        )


def _named(contacts: list[Json]) -> Iterator[tuple[str, Json]]:
    for contact in contacts:
        wa_id, seen_id = _phone_or_user_id(contact.get("wa_id"))
        for one in (_user_id(contact.get("user_id")), wa_id, seen_id):
            if one is not None:
                yield one, contact


def _number_id(value: object) -> str | None:
    """The id of one of our numbers: it becomes part of a URL, so nothing but letters and digits."""
    one = _id(value)
    return one if one is not None and one.isascii() and one.isalnum() else None


def _id(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= MAX_ID and value.strip():
        return value
    return None


def _user_id(value: object) -> str | None:
    """A business-scoped user id, ``CC.xxx``; opaque but for the parent form, which is not ours."""
    one = _id(value)
    return None if one is None or ".ENT." in one else one


def _phone_or_user_id(value: object) -> tuple[str | None, str | None]:
    """What stands where Meta puts a phone number; libraries have seen a user id there."""
    one = _id(value)
    if one is None or not one.isascii():
        return None, None
    digits = one.removeprefix("+")
    if digits.isdigit():
        return digits, None
    country, dot, rest = one.partition(".")
    if dot and country.isalpha() and rest.isalnum():
        return None, one
    return None, None


def _time(value: object, received_at: datetime) -> datetime:
    seconds = 0
    if isinstance(value, (str, int, float)):  # a union would be built anew at each call
        try:
            seconds = int(value)
        except ValueError:
            pass
    if seconds >= MILLISECONDS:
        seconds //= 1000
    if EARLIEST <= seconds <= received_at.timestamp() + CLOCK_SKEW:
        return datetime.fromtimestamp(seconds, UTC)
    return received_at.replace(microsecond=0)


def _error_code(status: Json) -> int | None:
    errors = status.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _billable(pricing: Json) -> bool | None:
    """Whether it is charged; ``billable`` is to be retired, then the type alone tells."""
    says, kind = pricing.get("billable"), pricing.get("type")
    if isinstance(says, bool):
        return says
    return kind == "regular" if isinstance(kind, str) else None


def _category(pricing: Json) -> str:
    category = pricing.get("category")
    known = isinstance(category, str) and category in PRICE_CATEGORIES
    return str(category) if known else "other"


def _country(user_id: object) -> str:
    """The country in a business-scoped user id, ``CC.xxx``."""
    if not isinstance(user_id, str) or user_id[2:3] != ".":
        return ""
    country = user_id[:2]
    return country if country.isascii() and country.isalpha() and country.isupper() else ""


def _in(value: Json, key: str) -> Json:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _each(
    value: Json, key: str, events: list[Event], *, optional: bool = False
) -> Sequence[dict[str, object]]:
    """The objects of a list; what stands there instead is counted as malformed."""
    inner = value.get(key)
    if not isinstance(inner, list):
        if inner is not None or not optional:
            events.append(Ignored("malformed"))
        return ()
    objects = [item for item in inner if isinstance(item, dict)]
    if len(objects) < len(inner):
        events += [Ignored("malformed")] * (len(inner) - len(objects))
    return objects
