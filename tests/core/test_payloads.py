"""Webhook bodies in, events out: every documented shape, and then everything else."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.graph_errors import VERDICTS
from app.core.model import Delivery, Echo, Event, Ignored, InboundMessage, Moved, Notice, Status
from app.core.payloads import MAX_ID, NotJson, parse
from app.core.readable import MAX_CHARS

FIXTURES = {
    path.stem: path.read_bytes()
    for path in sorted((Path(__file__).parents[1] / "fixtures" / "webhooks").glob("*.json"))
}

NUMBER = "390000000000001"
ACCOUNT, OTHER_ACCOUNT = "701000000000001", "701000000000002"
LENA = "DE.48210597336120845517"
LENAS_NEW_ID = "DE.59000000000000000001"
OMAR = "MX.77120934456810293847"
PHONE = "15550101234"
NEW_PHONE = "15550109999"
SENT_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
RECEIVED_AT = SENT_AT + timedelta(seconds=2, microseconds=345)


def said(text: str, **other: Any) -> InboundMessage:
    """What Lena wrote to our first number, where the fixture does not say otherwise."""
    fields: dict[str, Any] = {
        "wamid": "wamid.IN0001",
        "phone_number_id": NUMBER,
        "user_id": LENA,
        "phone": PHONE,
        "name": "Lena Fischer",
        "sent_at": SENT_AT,
        "kind": "text",
        "text": text,
        "account_id": ACCOUNT,
    }
    return InboundMessage(**(fields | other))


def answered(wamid: str, text: str, *, phone: str | None = PHONE) -> Echo:
    return Echo(wamid, NUMBER, LENA, phone, SENT_AT, text, ACCOUNT)


def media(kind: str, text: str) -> InboundMessage:
    return said(text, kind=kind, readable=False)


def reported(delivery: Delivery, **other: Any) -> Status:
    return Status("wamid.OUT0001", NUMBER, delivery, SENT_AT, **other)


def ignored(reason: str) -> Ignored:
    return Ignored(reason, "wamid.IN0001")


def moved(*, user_id: str | None, phone: str | None, old_user_id: str | None = None) -> Moved:
    return Moved(NUMBER, old_user_id, None if old_user_id else PHONE, user_id, phone)


EXPECTED: Mapping[str, list[Event]] = {
    "account_update": [
        Notice("stop", "account", "restricted", ACCOUNT, at=SENT_AT, wait=timedelta(minutes=1))
    ],
    "app_state_sync": [Ignored("app_state")],
    "audio_file": [media("audio", "[audio]")],
    "batch_of_two_accounts": [
        said("To your first number"),
        reported(Delivery.READ),
        reported(Delivery.DELIVERED),
        said(
            "To your second number",
            wamid="wamid.IN0002",
            phone_number_id="390000000000002",
            sent_at=SENT_AT + timedelta(seconds=1),
            account_id=OTHER_ACCOUNT,
        ),
        Ignored("account"),
    ],
    "button_template_reply": [said("Track my order", kind="button")],
    "button_without_context": [said("No more news", kind="button")],
    "call": [Ignored("call")],
    "contacts": [
        said(
            "[contact: Jo Park, Park Repairs, +1 (555) 010-4321, jo@repairs.example.com]\n"
            "[contact: Kim Ode, +1 (555) 010-8765]",
            kind="contacts",
        )
    ],
    "contacts_number_shared_on_request": [
        said("[contact: +15550101234]", kind="contacts", phone=None)
    ],
    "dashboard_test": [Ignored("test")],
    "dashboard_test_under_an_account": [Ignored("test", "QUJDVEVTVA")],
    "document": [media("document", "[document: invoice-2031.pdf]")],
    "document_with_caption": [
        said("[document: invoice-2031.pdf]\nWhat is the second line?", kind="document")
    ],
    "echo": [answered("wamid.ECHO0001", "I will look into it myself.")],
    "echo_edit": [Ignored("echo", "wamid.ECHO0002")],
    "echo_to_person_without_number": [
        answered("wamid.ECHO0003", "Your lamp is on its way.", phone=None)
    ],
    "edit": [ignored("edit")],
    "errors_no_storage": [Notice("tell", "number", "other", ACCOUNT, NUMBER)],
    "errors_throughput": [
        Notice("slow", "number", "130429", ACCOUNT, NUMBER, wait=timedelta(seconds=1), growth=2)
    ],
    "field_of_tomorrow": [Ignored("unknown_field")],
    "history": [Ignored("history")],
    "history_as_messages": [Ignored("history")],
    "image": [media("image", "[picture]")],
    "image_with_caption": [said("[picture]\nIt arrived like this.", kind="image")],
    "interactive_button_reply": [said("Yes, please", kind="interactive")],
    "interactive_form": [
        said(
            '[form]\nsize: XL\ncount: 2\ngift: false\ncolours: ["red","green"]', kind="interactive"
        )
    ],
    "interactive_form_not_json": [said("[form]\nsize=XL;count=2", kind="interactive")],
    "interactive_list_reply": [said("Where is my order? (Track a parcel)", kind="interactive")],
    "interactive_missing_with_errors": [ignored("unsupported")],
    "location": [
        said(
            "[location: Dom Café, Domplatz 1, Köln, 50.9413, 6.9583, "
            "https://maps.example.com/cafe]",
            kind="location",
        )
    ],
    "location_at_zero": [said("[location: 0.0, 0.0]", kind="location")],
    "messages_and_statuses_in_one_value": [said("Thanks!"), reported(Delivery.READ)],
    "no_entries": [Ignored("nothing")],
    "order": [
        said(
            "[order]\n2 × lamp-blue-2 at 19.5 EUR\n4 × bulb-e27 at 3 EUR\nGift wrapping, please.",
            kind="order",
        )
    ],
    "page_of_another_product": [Ignored("unknown_object")],
    "reaction": [ignored("reaction")],
    "reaction_removed": [ignored("reaction")],
    "request_welcome": [ignored("request_welcome")],
    "revoke": [ignored("revoke")],
    "status_deleted": [Ignored("unknown_status")],
    "status_delivered_free_allowance": [reported(Delivery.DELIVERED, billable=False)],
    "status_delivered_without_number": [
        reported(Delivery.DELIVERED, billable=True, category="service", country="DE")
    ],
    "status_failed_131026": [reported(Delivery.FAILED, error_code=131026)],
    "status_failed_131047": [reported(Delivery.FAILED, error_code=131047)],
    "status_failed_131049": [reported(Delivery.FAILED, error_code=131049)],
    "status_played": [reported(Delivery.READ)],
    "status_read": [reported(Delivery.READ)],
    "status_read_in_group": [Ignored("group")],
    "status_sent": [
        reported(
            Delivery.SENT, callback="4f1c:0:1", billable=True, category="service", country="DE"
        ),
    ],
    "status_sent_minimal": [reported(Delivery.SENT)],
    "status_sent_with_conversation": [reported(Delivery.SENT, billable=False)],
    "sticker": [media("sticker", "[sticker]")],
    "system_identity_changed": [ignored("system")],
    "system_number_changed": [moved(user_id=None, phone=NEW_PHONE)],
    "system_number_changed_with_user_id": [moved(user_id=LENAS_NEW_ID, phone=NEW_PHONE)],
    "system_user_id_changed": [ignored("system")],
    "template_status": [Ignored("template")],
    "text": [said("Do you open on Saturday?", user_id=None)],
    "text_about_product": [said("[about the product lamp-blue-2]\nIs this one waterproof?")],
    "text_blank": [ignored("empty")],
    "text_empty_number": [said("Is anybody there?", phone=None)],
    "text_forwarded": [said("Sale ends on Sunday!")],
    "text_forwarded_often": [said("Send this to ten friends.")],
    "text_from_ad": [said("[from an ad: Winter lamps from 19 euros]\nTell me more.")],
    "text_id_without_prefix": [said("My parcel is late.", wamid="QUJDREVGRw")],
    "text_in_group": [ignored("group")],
    "text_only_parent_user_id": [ignored("no_sender")],
    "text_phone_and_user_id": [said("Do you open on Saturday?")],
    "text_reply_to_our_bubble": [said("The second one, please.")],
    "text_sender_without_number": [said("Can I collect it today?", phone=None)],
    "text_timestamp_milliseconds": [said("Milliseconds as time.")],
    "text_timestamp_number": [said("A number as time.")],
    "text_unicode": [said("Grüße aus Köln 🙂 — 注文はどこですか? شكراً")],
    "text_user_id_in_from": [said("Hello, it is me.", phone=None)],
    "text_wa_id_differs_from_number": [
        said("Oi, tudo bem?", user_id=OMAR, phone="555501012345", name="Omar Ruiz")
    ],
    "text_without_contacts": [said("Do you ship to Austria?", name=None)],
    "two_people_in_one_value": [
        said("First, from Lena"),
        said(
            "Second, from Omar",
            wamid="wamid.IN0002",
            user_id=OMAR,
            phone=None,
            name="Omar Ruiz",
            sent_at=SENT_AT + timedelta(seconds=1),
        ),
        Ignored("reaction", "wamid.IN0003"),
    ],
    "type_of_tomorrow": [ignored("unknown_type")],
    "unsupported_edit": [ignored("unsupported")],
    "unsupported_poll": [ignored("unsupported")],
    "user_id_update": [moved(old_user_id=LENA, user_id=LENAS_NEW_ID, phone=NEW_PHONE)],
    "user_preferences_stop": [Ignored("preference")],
    "video": [media("video", "[video]")],
    "video_with_caption": [said("[video]\nHear that noise?", kind="video")],
    "voice_message": [media("audio", "[voice message]")],
    "voice_message_with_duration": [media("audio", "[voice message, 12 s]")],
    "voice_old_type": [media("voice", "[voice message]")],
}


def test_every_fixture_has_its_expectation() -> None:
    assert set(FIXTURES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_body_gives_its_events(name: str) -> None:
    assert parse(FIXTURES[name], received_at=RECEIVED_AT) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_events_do_not_depend_on_how_the_json_is_written(name: str) -> None:
    escaped = json.dumps(json.loads(FIXTURES[name]), separators=(",", ":")).replace("/", "\\/")
    assert parse(escaped.encode(), received_at=RECEIVED_AT) == EXPECTED[name]


# What is not JSON, and what is JSON of no use.

NOT_JSON = {
    "empty": b"",
    "words": b"hello",
    "truncated": FIXTURES["text"][:-20],
    "two documents": b"{}{}",
    "NaN": b'{"entry":NaN}',
    "Infinity beside a lone surrogate": b'{"a":"\\ud800","b":-Infinity}',
    "not UTF-8": b'{"object":"\xff"}',
    "UTF-16": "{}".encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "surrogates in UTF-8": b'"\xed\xa0\x80"',
    "NUL byte in a string": b'"\x00"',
    "nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects nested 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested and cut off": b"[" * 2_000_000,
    "form data": b"object=whatsapp_business_account",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused_without_showing_it(body: bytes) -> None:
    with pytest.raises(NotJson) as caught:
        parse(body, received_at=RECEIVED_AT)
    assert str(caught.value) == "the body is not JSON"
    assert caught.value.__suppress_context__


OTHER_JSON = {
    "null": b"null",
    "number": b"7",
    "number of no double": b"1e999",
    "number of 5,000 digits": b"9" * 5_000,
    "string": b'"whatsapp_business_account"',
    "lone surrogate": b'"\\ud800"',
    "list": b"[[]]",
    "empty object": b"{}",
    "entry of another type": b'{"object":"whatsapp_business_account","entry":{"0":1}}',
    "entries of other types": b'{"entry":[null,1,"x",[],{}]}',
    "changes of another type": b'{"entry":[{"id":"1","changes":"none"}]}',
    "changes of other types": b'{"entry":[{"changes":[null,{},{"field":7,"value":{}}]}]}',
    "value of another type": b'{"entry":[{"changes":[{"field":"messages","value":[]}]}]}',
    "messages of another type": (
        b'{"entry":[{"changes":[{"field":"messages","value":{"messages":{"a":1}}}]}]}'
    ),
}


@pytest.mark.parametrize("body", OTHER_JSON.values(), ids=OTHER_JSON)
def test_json_of_another_shape_is_malformed_and_no_error(body: bytes) -> None:
    assert set(parse(body, received_at=RECEIVED_AT)) == {Ignored("malformed")}


def test_the_updates_beside_a_malformed_one_are_found() -> None:
    body = json.loads(FIXTURES["batch_of_two_accounts"])
    body["entry"].insert(0, None)
    body["entry"][1]["changes"].insert(0, [])
    body["entry"][1]["changes"][1]["value"]["messages"].insert(0, "x")
    body["entry"][1]["changes"][2]["value"]["statuses"].insert(1, {"id": "wamid.OUT0002"})
    events = parse(json.dumps(body).encode(), received_at=RECEIVED_AT)
    found = [event for event in events if event != Ignored("malformed")]
    assert found == EXPECTED["batch_of_two_accounts"]
    assert len(events) - len(found) == 4


# Fields of one message.


def text_message(**changes: Any) -> dict[str, Any]:
    """The body of ``text_phone_and_user_id`` with some keys of its message changed."""
    body: dict[str, Any] = json.loads(FIXTURES["text_phone_and_user_id"])
    message = body["entry"][0]["changes"][0]["value"]["messages"][0]
    message.update(changes)
    for key in [key for key, value in changes.items() if value is ABSENT]:
        del message[key]
    return body


ABSENT = object()


def only(body: object) -> Event:
    (event,) = parse(json.dumps(body).encode(), received_at=RECEIVED_AT)
    return event


def heard(body: object) -> InboundMessage:
    event = only(body)
    assert isinstance(event, InboundMessage)
    return event


TIMES: Mapping[str, tuple[object, datetime]] = {
    "seconds as text": ("1795166999", datetime(2026, 11, 20, 9, 29, 59, tzinfo=UTC)),
    "seconds as a number": (1795166999, datetime(2026, 11, 20, 9, 29, 59, tzinfo=UTC)),
    "milliseconds": (1795166999750, datetime(2026, 11, 20, 9, 29, 59, tzinfo=UTC)),
    "days ago": ("1794562200", SENT_AT - timedelta(days=7)),
    "a little ahead": ("1795167122", SENT_AT + timedelta(seconds=122)),
}
UNBELIEVABLE: Mapping[str, object] = {
    "missing": ABSENT,
    "null": None,
    "empty": "",
    "word": "yesterday",
    "date": "2026-11-20",
    "list": [1795167000],
    "true": True,
    "zero": 0,
    "negative": -5,
    "an hour ahead": "1795170600",
    "year 5000": "95617584000",
    "5,000 digits": "9" * 5_000,
    "a very large number": 1e300,
}


@pytest.mark.parametrize(("timestamp", "expected"), TIMES.values(), ids=TIMES)
def test_a_timestamp_is_read(timestamp: object, expected: datetime) -> None:
    assert heard(text_message(timestamp=timestamp)).sent_at == expected


@pytest.mark.parametrize("timestamp", UNBELIEVABLE.values(), ids=UNBELIEVABLE)
def test_a_timestamp_beyond_belief_is_the_time_of_receipt(timestamp: object) -> None:
    assert heard(text_message(timestamp=timestamp)).sent_at == RECEIVED_AT.replace(microsecond=0)


TEXTS = {
    "NUL": ("a\0b", "ab"),
    "lone high surrogate": ("a\ud83db", "a\ufffdb"),
    "lone low surrogate": ("\ude00", "\ufffd"),
    "surrogates the wrong way round": ("\ude00\ud83d", "\ufffd\ufffd"),
    "a pair": ("\N{GRINNING FACE}", "\N{GRINNING FACE}"),
    "a pair beside a lone one": ("\ud83d \N{GRINNING FACE}", "\ufffd \N{GRINNING FACE}"),
    "too long": ("x" * 20_000, "x" * MAX_CHARS),
    "white space around": ("  two\n\nlines  ", "  two\n\nlines  "),
    "brackets": ("[picture]", "[picture]"),
}


@pytest.mark.parametrize(("body", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_kept_as_it_is_but_for_what_cannot_be_stored(body: str, expected: str) -> None:
    assert heard(text_message(text={"body": body})).text == expected


@pytest.mark.parametrize("body", ["", " ", "\n\t", "\0", "\0 \0"], ids=repr)
def test_a_blank_text_is_not_answered(body: str) -> None:
    assert only(text_message(text={"body": body})) == ignored("empty")


@pytest.mark.parametrize("wamid", [ABSENT, None, "", " ", 7, ["wamid.X"], "w" * (MAX_ID + 1)])
def test_a_message_without_a_usable_id_is_malformed(wamid: object) -> None:
    assert only(text_message(id=wamid)) == Ignored("malformed")


@pytest.mark.parametrize("number", [None, "", 390000000000001, "../1", "1/2", "1" * 600, "１"])
def test_a_number_id_that_fits_no_url_makes_its_messages_malformed(number: object) -> None:
    body = text_message()
    body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = number
    assert only(body) == ignored("malformed")


def test_our_reasons_never_come_from_outside() -> None:
    evil = "evil\nlevel=error"
    body = text_message(type=evil)
    assert only(body) == ignored("unknown_type")
    body["entry"][0]["changes"][0]["field"] = evil
    assert only(body) == Ignored("unknown_field")


# Who it was.


def sender(message: dict[str, Any], *contacts: object) -> tuple[str | None, str | None, str | None]:
    body = text_message(**{"from": ABSENT, "from_user_id": ABSENT} | message)
    body["entry"][0]["changes"][0]["value"]["contacts"] = contacts
    event = heard(body)
    return event.user_id, event.phone, event.name


def card(name: object, **other: object) -> dict[str, object]:
    return {"profile": {"name": name}, **other}


SENDERS: Mapping[str, tuple[tuple[object, ...], tuple[str | None, str | None, str | None]]] = {
    "contact by user id": (
        (
            {"from_user_id": LENA},
            card("Omar", user_id=OMAR, wa_id="15550105678"),
            card("Lena", user_id=LENA, wa_id=PHONE),
        ),
        (LENA, PHONE, "Lena"),
    ),
    "contact by phone": (
        ({"from": PHONE}, card("Omar", wa_id="15550105678"), card("L", wa_id=PHONE, user_id=LENA)),
        (LENA, PHONE, "L"),
    ),
    "no contact is his": (
        ({"from": PHONE}, card("Omar", wa_id="15550105678"), card("Kim", wa_id="15550104321")),
        (None, PHONE, None),
    ),
    "the only contact": (({"from": PHONE}, card("Lena", user_id=LENA)), (LENA, PHONE, "Lena")),
    "the only contact is another person": (
        ({"from_user_id": LENA}, card("Omar", user_id=OMAR, wa_id="15550105678")),
        (LENA, None, None),
    ),
    "plus before the phone": (({"from": f"+{PHONE}"},), (None, PHONE, None)),
    "user id in from": (({"from": LENA},), (LENA, None, None)),
    "user id in from and in its place": (
        ({"from": LENA, "from_user_id": LENA},),
        (LENA, None, None),
    ),
    "user id in wa_id": (({"from": PHONE}, card("Lena", wa_id=LENA)), (LENA, PHONE, "Lena")),
    "parent id in from_user_id": (
        ({"from": PHONE, "from_user_id": "DE.ENT.60000000000000000042"},),
        (None, PHONE, None),
    ),
    "parent id in from": (
        ({"from": "DE.ENT.60000000000000000042", "from_user_id": LENA},),
        (LENA, None, None),
    ),
    "empty strings": (
        ({"from": "", "from_user_id": ""}, card("", wa_id=PHONE, user_id="")),
        (None, PHONE, None),
    ),
    "placeholder for the phone": (({"from": "<PHONE>", "from_user_id": LENA},), (LENA, None, None)),
    "a mail address for the phone": (
        ({"from": "lena.f@example.com", "from_user_id": LENA},),
        (LENA, None, None),
    ),
    "a mail address alone": (
        ({"from": "ab.c@example.com"}, card("L", wa_id=PHONE)),
        (None, PHONE, "L"),
    ),
    "full-width digits": (({"from": "１２３４５", "from_user_id": LENA},), (LENA, None, None)),
    "wrong types": (
        ({"from": 7, "from_user_id": LENA}, 5, card(["x"], wa_id={}, user_id=0)),
        (LENA, None, None),
    ),
    "long name on many lines": (
        ({"from": PHONE}, card("Lena\n\nsystem:\0 " + "x" * 500, wa_id=PHONE)),
        (None, PHONE, "Lena system: " + "x" * 67),
    ),
}


@pytest.mark.parametrize(("given_", "expected"), SENDERS.values(), ids=SENDERS)
def test_a_sender_is_known_by(
    given_: tuple[dict[str, Any], *tuple[object, ...]],
    expected: tuple[str | None, str | None, str | None],
) -> None:
    message, *contacts = given_
    assert sender(message, *contacts) == expected


# What was said.

SAID: Mapping[str, tuple[str, object, str]] = {
    "list reply without description": (
        "interactive",
        {"type": "list_reply", "list_reply": {"id": "o1", "title": "Orders"}},
        "Orders",
    ),
    "button reply without title": (
        "interactive",
        {"type": "button_reply", "button_reply": {"id": "yes"}},
        "yes",
    ),
    "button without text": ("button", {"payload": "track"}, "track"),
    "form already read": (
        "interactive",
        {"type": "nfm_reply", "nfm_reply": {"response_json": {"size": "M"}}},
        "[form]\nsize: M",
    ),
    "form with an empty answer": (
        "interactive",
        {"type": "nfm_reply", "nfm_reply": {"response_json": "", "body": "12 Main Street"}},
        "12 Main Street",
    ),
    "form that is a list": (
        "interactive",
        {"type": "nfm_reply", "nfm_reply": {"response_json": "[1, 2]"}},
        "[form]\n[1,2]",
    ),
    "form nested deep": (
        "interactive",
        {
            "type": "nfm_reply",
            "nfm_reply": {"response_json": '{"a":' + "[" * 600 + "]" * 600 + '," b\\n":"c"}'},
        },
        "[form]\na: …\nb: c",
    ),
    "form with a lone surrogate": (
        "interactive",
        {"type": "nfm_reply", "nfm_reply": {"response_json": '{"a":"\\ud800"}'}},
        '[form]\n{"a":"\\ud800"}',
    ),
    "location by name": ("location", {"name": "Station", "latitude": None}, "[location: Station]"),
    "location in strings": (
        "location",
        {"latitude": "1.5", "longitude": "-2"},
        "[location: 1.5, -2]",
    ),
    "order with damage": (
        "order",
        {"product_items": [None, {"product_retailer_id": "x", "quantity": True}], "text": 7},
        "[order]\n? × x at ?",
    ),
    "order of words alone": ("order", {"text": "The usual"}, "[order]\nThe usual"),
    "contact by first name": ("contacts", [{"name": {"first_name": "Jo"}}], "[contact: Jo]"),
    "file name on two lines": ("document", {"filename": "a\n b"}, "[document: a b]"),
    "file name of a wrong type": ("document", {"filename": 5}, "[document]"),
    "duration of no sense": ("audio", {"voice": True, "duration": -1}, "[voice message]"),
    "filename of a video": ("video", {"filename": "a.mp4"}, "[video: a.mp4]"),
    "duration rounded": ("audio", {"voice": True, "duration": 3.6}, "[voice message, 4 s]"),
    "blank caption": ("image", {"caption": " \0 "}, "[picture]"),
}


@pytest.mark.parametrize(("kind", "content", "text"), SAID.values(), ids=SAID)
def test_what_was_said_reads_as(kind: str, content: object, text: str) -> None:
    assert heard(text_message(type=kind, text=ABSENT, **{kind: content})).text == text


DAMAGED: Mapping[str, tuple[str, object]] = {
    "text missing": ("text", ABSENT),
    "text of another type": ("text", "hello"),
    "body of another type": ("text", {"body": 5}),
    "image missing": ("image", ABSENT),
    "location of nowhere": ("location", {"latitude": 1.5}),
    "no contacts": ("contacts", []),
    "contacts of nobody": ("contacts", [{}, None, {"name": "Jo"}]),
    "order of nothing": ("order", {"product_items": []}),
    "interactive of an unknown kind": ("interactive", {"type": "wave", "wave": {}}),
    "interactive kind of another type": ("interactive", {"type": ["button_reply"]}),
    "button reply without anything": ("interactive", {"type": "button_reply", "button_reply": {}}),
    "button missing": ("button", ABSENT),
    "button without anything": ("button", {}),
    "form without anything": ("interactive", {"type": "nfm_reply", "nfm_reply": {}}),
}


@pytest.mark.parametrize(("kind", "content"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_content_is_malformed(kind: str, content: object) -> None:
    assert only(text_message(type=kind, **{kind: content})) == ignored("malformed")


def test_an_ad_without_headline_is_named_by_its_text_on_one_bounded_line() -> None:
    referral = {"source_type": "ad", "body": "New\nlamps " + "x" * 1000}
    text = heard(text_message(referral=referral)).text
    note, _, rest = text.partition("\n")
    assert note == "[from an ad: New lamps " + "x" * 290 + "]"
    assert rest == "Do you open on Saturday?"


def test_an_ad_does_not_make_a_blank_text_worth_an_answer() -> None:
    body = text_message(referral={"headline": "Lamps"}, text={"body": " "})
    assert only(body) == ignored("empty")


# Statuses and moves.


def status_body(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(FIXTURES["status_failed_131047"])
    body["entry"][0]["changes"][0]["value"]["statuses"][0].update(changes)
    return body


def notice(effect: Any, word: str) -> Notice:
    wait = timedelta(minutes=1) if effect == "stop" else timedelta()
    return Notice(effect, "account", word, ACCOUNT, at=SENT_AT, wait=wait)


@pytest.mark.parametrize(
    ("value", "event"),
    [
        pytest.param({"event": "ACCOUNT_RESTRICTION"}, notice("stop", "restricted"), id="limits"),
        pytest.param({"event": "ACCOUNT_DELETED"}, notice("stop", "deleted"), id="deleted"),
        pytest.param({"event": "ACCOUNT_OFFBOARDED"}, notice("stop", "offboarded"), id="left"),
        pytest.param(
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}},
            notice("stop", "disabled"),
            id="disabled",
        ),
        pytest.param(
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}},
            notice("resume", "reinstated"),
            id="reinstated",
        ),
        pytest.param({"event": "ACCOUNT_RECONNECTED"}, notice("resume", "reconnected"), id="back"),
        pytest.param({"event": "ACCOUNT_VIOLATION"}, notice("tell", "violation"), id="violation"),
        pytest.param(
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}},
            notice("tell", "disabled_soon"),
            id="to be disabled",
        ),
        pytest.param({"event": "DISABLED_UPDATE"}, Ignored("account"), id="disabled, no state"),
        pytest.param({"event": "PARTNER_ADDED"}, Ignored("account"), id="none of our business"),
        pytest.param({"event": None}, Ignored("malformed"), id="no event"),
    ],
)
def test_an_account_update_says_whether_to_send(value: dict[str, Any], event: Event) -> None:
    body = json.loads(FIXTURES["account_update"])
    body["entry"][0]["changes"][0]["value"] = value
    assert parse(json.dumps(body).encode(), received_at=RECEIVED_AT) == [event]


@pytest.mark.parametrize(
    ("code", "event"),
    [
        pytest.param(
            0,
            Notice("stop", "token", "0", ACCOUNT, NUMBER, wait=timedelta(minutes=1)),
            id="no valid token",
        ),
        pytest.param(
            80007,
            Notice(
                "slow", "account", "80007", ACCOUNT, NUMBER, wait=timedelta(minutes=1), growth=2
            ),
            id="account throttled",
        ),
        pytest.param(
            131056, Notice("tell", "number", "131056", ACCOUNT, NUMBER), id="a person, not told who"
        ),
        pytest.param(
            131016, Notice("tell", "number", "131016", ACCOUNT, NUMBER), id="a passing fault"
        ),
        pytest.param("130429", Ignored("error"), id="no number"),
    ],
)
def test_an_error_of_no_message_holds_back_what_its_code_says(code: object, event: Event) -> None:
    body = json.loads(FIXTURES["errors_throughput"])
    body["entry"][0]["changes"][0]["value"]["errors"][0]["code"] = code
    assert parse(json.dumps(body).encode(), received_at=RECEIVED_AT) == [event]


@pytest.mark.parametrize(
    "errors",
    [None, [], {}, [None], [{}], [{"code": "131047"}], [{"code": True}], [{"code": 1.5}]],
    ids=repr,
)
def test_a_failed_status_without_a_code_is_still_failed(errors: object) -> None:
    assert only(status_body(errors=errors)) == reported(Delivery.FAILED)


def test_a_status_that_did_not_fail_has_no_error() -> None:
    assert only(status_body(status="delivered")) == reported(Delivery.DELIVERED)


@pytest.mark.parametrize(
    ("callback", "kept"),
    [("turn:0:1", True), ("x" * 512, True), ("x" * 513, False), ("", False), (7, False)],
)
def test_our_callback_comes_back_whole_or_not_at_all(callback: object, kept: bool) -> None:
    event = only(status_body(biz_opaque_callback_data=callback))
    assert event == reported(
        Delivery.FAILED, error_code=131047, callback=str(callback) if kept else None
    )


@pytest.mark.parametrize(
    ("kind", "billable"),
    [("regular", True), ("free_customer_service", False), ("free_entry_point", False), (7, None)],
)
def test_without_billable_the_prices_type_tells(kind: object, billable: bool | None) -> None:
    event = only(status_body(pricing={"pricing_model": "PMP", "type": kind}))
    assert isinstance(event, Status)
    assert event.billable is billable


@pytest.mark.parametrize(
    ("category", "known"),
    [("service", "service"), ("of tomorrow", "other"), (None, "other"), (["service"], "other")],
    ids=str,
)
def test_what_is_charged_has_a_category_that_we_know(category: object, known: str) -> None:
    event = only(status_body(pricing={"billable": True, "category": category}))
    assert isinstance(event, Status)
    assert event.category == known


@pytest.mark.parametrize(
    ("user_id", "country"),
    [
        ("BR.48210597336120845517", "BR"), ("BR.ENT.482105973361", "BR"), ("br.482", ""),
        ("B1.482", ""), ("ÄÖ.482", ""), ("482", ""), ("", ""), (None, ""), (["BR."], ""),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_charged_has_the_country_of_the_user_id(user_id: object, country: str) -> None:
    event = only(status_body(recipient_user_id=user_id, pricing={"billable": True}))
    assert isinstance(event, Status)
    assert event.country == country


@pytest.mark.parametrize("billable", [None, 1, "true", [True]], ids=repr)
def test_what_is_charged_is_unknown_unless_meta_says_so_plainly(billable: object) -> None:
    event = only(status_body(pricing={"billable": billable}))
    assert event == reported(Delivery.FAILED, error_code=131047)


@pytest.mark.parametrize("word", ["warning", "deleted", "SENT", "", None, 3, ["sent"]], ids=repr)
def test_an_unknown_status_is_ignored_without_naming_our_bubble(word: object) -> None:
    event = only(status_body(status=word))
    assert event in (Ignored("unknown_status"), Ignored("malformed"))


def system_body(system: object, **message: Any) -> dict[str, Any]:
    return text_message(type="system", text=ABSENT, system=system, **message)


NO_MOVES: Mapping[str, dict[str, Any]] = {
    "new unknown": system_body({"type": "user_changed_number"}),
    "old unknown": system_body(
        {"type": "user_changed_user_id", "user_id": LENAS_NEW_ID},
        **{"from": ABSENT, "from_user_id": ABSENT},
    ),
    "nothing new": system_body({"type": "user_changed_number", "wa_id": PHONE, "user_id": LENA}),
    "new of a wrong type": system_body({"type": "user_changed_number", "wa_id": 5}),
    "another type": system_body({"type": "user_went_away", "wa_id": NEW_PHONE}),
    "system of a wrong type": system_body("changed"),
}


@pytest.mark.parametrize("body", NO_MOVES.values(), ids=NO_MOVES)
def test_a_move_needs_an_old_and_a_new_address(body: object) -> None:
    assert only(body) == ignored("system")


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"user_id": {"current": LENAS_NEW_ID}},
        {"user_id": {"previous": LENA}},
        {"user_id": {"previous": LENA, "current": LENA}},
        {"user_id": {"previous": 5, "current": []}, "wa_id": PHONE},
        {"user_id": "both"},
        None,
    ],
    ids=repr,
)
def test_an_update_of_a_user_id_that_does_not_say_which_is_malformed(update: object) -> None:
    body = json.loads(FIXTURES["user_id_update"])
    body["entry"][0]["changes"][0]["value"]["user_id_update"] = [update]
    assert only(body) == Ignored("malformed")


# Everything else, by chance.

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.text(st.characters(categories=["Cs"]), max_size=2)
    | st.sampled_from(["0", "messages", "system", "group", LENA, PHONE, "NaN", "x" * 600]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def spots(tree: object) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree, from the root down."""
    found: list[tuple[Any, Any]] = []
    if isinstance(tree, dict | list):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            found.append((tree, key))
            found += spots(tree[key])
    return found


def nest(value: object) -> object:
    return [{"value": [value]}]


@st.composite
def damaged(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    """A fixture's body with one to four wounds, in a box so that the root can be hurt too."""
    box: dict[str, Any] = {"body": json.loads(FIXTURES[draw(st.sampled_from(names))])}
    for _ in range(draw(st.integers(1, 4))):
        if not box:
            break
        container, key = draw(st.sampled_from(spots(box)))
        wound: Callable[[], object] = draw(
            st.sampled_from(
                [
                    lambda c=container, k=key: c.pop(k),
                    lambda c=container, k=key: c.__setitem__(k, draw(junk)),
                    lambda c=container, k=key: c.__setitem__(k, nest(c[k])),
                    lambda c=container, k=key: c.__setitem__(k, [c[k], deepcopy(c[k])]),
                ]
            )
        )
        wound()
    return box


def check(event: Event) -> None:
    """What the rest of the house relies on."""
    for value in (getattr(event, name) for name in type(event).__annotations__):
        if isinstance(value, str):
            value.encode()  # no lone surrogate
            assert len(value) <= MAX_CHARS
    match event:
        case InboundMessage():
            assert event.text.strip()
            assert "\0" not in event.text
            assert event.user_id or event.phone
            assert event.phone is None or event.phone.isdigit()
            assert event.sent_at <= RECEIVED_AT + timedelta(minutes=5)
        case Ignored():
            assert event.reason in REASONS
        case Notice():
            assert event.code in {"restricted", "other"} or int(event.code) in VERDICTS
            assert (
                event.phone_number_id
                or event.scope not in ("number", "token")
                or event.effect == "tell"
            )
            assert event.account_id or event.scope != "account"
        case Moved():
            assert event.old_user_id or event.old_phone
            assert event.new_user_id or event.new_phone


REASONS = {
    event.reason for events in EXPECTED.values() for event in events if isinstance(event, Ignored)
} | {"malformed", "account", "error"}

ALL = sorted(FIXTURES)


@settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged(ALL))
def test_no_damage_raises_anything(box: dict[str, Any]) -> None:
    events = parse(json.dumps(box.get("body")).encode(), received_at=RECEIVED_AT)
    assert events
    for event in events:
        check(event)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ALL), st.data())
def test_a_truncated_or_scrambled_body_is_events_or_not_json(
    name: str, data: st.DataObject
) -> None:
    body = bytearray(FIXTURES[name][: data.draw(st.integers(0, len(FIXTURES[name])))])
    for at in data.draw(st.lists(st.integers(0, max(len(body) - 1, 0)), max_size=5)):
        body[at : at + 1] = data.draw(st.binary(max_size=3))
    try:
        events = parse(bytes(body), received_at=RECEIVED_AT)
    except NotJson:
        return
    for event in events:
        check(event)


@settings(max_examples=200, deadline=None)
@given(junk)
def test_no_json_raises_anything(tree: object) -> None:
    for event in parse(json.dumps(tree).encode(), received_at=RECEIVED_AT):
        check(event)


INTACT: dict[str, Any] = {
    "id": "701000000000003",
    "changes": [
        {
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {"phone_number_id": "390000000000003"},
                "messages": [
                    {
                        "from": "15550107777",
                        "id": "wamid.INTACT",
                        "timestamp": "1795167000",
                        "type": "text",
                        "text": {"body": "I am intact."},
                    }
                ],
            },
        }
    ],
}


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged(ALL), st.booleans())
def test_an_intact_message_in_the_same_body_is_found(box: dict[str, Any], first: bool) -> None:
    hurt = box.get("body")
    entries = hurt.get("entry") if isinstance(hurt, dict) else hurt
    others = entries if isinstance(entries, list) else [entries]
    body = {"entry": [INTACT, *others] if first else [*others, INTACT]}
    events = parse(json.dumps(body).encode(), received_at=RECEIVED_AT)
    assert any(
        isinstance(event, InboundMessage) and event.text == "I am intact." for event in events
    )


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(damaged([name for name in ALL if '"messages": [' in FIXTURES[name].decode()]))
def test_an_intact_message_beside_a_damaged_one_is_found(box: dict[str, Any]) -> None:
    """In one value: the damaged fixture's messages, whatever they have become, and a good one."""
    try:
        hurt = box["body"]["entry"][0]["changes"][0]["value"]["messages"]
    except (KeyError, IndexError, TypeError):
        hurt = box.get("body")
    body = deepcopy(INTACT)
    messages = body["changes"][0]["value"]["messages"]
    messages[:0] = hurt if isinstance(hurt, list) else [hurt]
    events = parse(json.dumps({"entry": [body]}).encode(), received_at=RECEIVED_AT)
    last = events[-1]
    assert isinstance(last, InboundMessage)
    assert last.text == "I am intact."


def test_a_thousand_updates_of_a_thousand_people_are_all_found() -> None:
    body = deepcopy(INTACT)
    value = body["changes"][0]["value"]
    value["messages"] = [
        {**value["messages"][0], "id": f"wamid.N{n}", "from": f"1555{n:07}"} for n in range(1000)
    ]
    value["contacts"] = [card(f"Person {n}", wa_id=f"1555{n:07}") for n in range(1000)]
    events = parse(json.dumps({"entry": [body]}).encode(), received_at=RECEIVED_AT)
    assert [event.name for event in events if isinstance(event, InboundMessage)] == [
        f"Person {n}" for n in range(1000)
    ]
