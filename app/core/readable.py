"""What a person said, with whatever they said it, as text for the prompt.

The wording is English and in brackets where it is ours. A quoted message of the conversation gets
no note: a webhook holds only its id. An ad or a product that the person came from does.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

import orjson

MAX_CHARS = 8_000
"""Of one message in the prompt, in characters; Meta lets a person write 4,096, plus our notes."""

MAX_ITEMS = 50
"""Of an order, of a form, of a hand of contacts: the rest is cut off."""

MAX_LABEL = 300
"""Characters of one name, title or value inside a line of ours."""

Json = Mapping[str, object]


class Words(NamedTuple):
    """What enters the prompt.

    Attributes:
        text: May be blank: then nothing was said.
        readable: False when ``text`` only says that media came.
    """

    text: str
    readable: bool = True


def words_of(kind: str, message: Json) -> Words | None:
    """The words of a message of one of ``KINDS``; ``None`` when its content is damaged.

    Args:
        kind: Meta's ``type``.
        message: One element of Meta's ``messages``; any shape.
    """
    words = _KINDS[kind](message)
    if words is None:
        return None
    text = words.text.replace("\0", "")
    if "referral" in message or "context" in message:
        note = _origin(message)
        if note and text.strip():
            text = f"{note}\n{text}"
    return Words(text[:MAX_CHARS], words.readable)


def label(value: object, most: int = MAX_LABEL) -> str:
    """A short text on one line: ``""`` for what is no text."""
    if not isinstance(value, str):
        return ""
    return " ".join(value[: 4 * most].replace("\0", "").split())[:most]


def _text(message: Json) -> Words | None:
    body = _in(message, "text").get("body")
    return Words(body) if isinstance(body, str) else None


def _media(name: str) -> Callable[[Json], Words | None]:
    def words(message: Json) -> Words | None:
        media = message.get(str(message.get("type")))
        if not isinstance(media, dict):
            return None
        description = f"[{_described(name, media)}]"
        if caption := _spoken(media.get("caption")):
            return Words(f"{description}\n{caption}")
        return Words(description, readable=False)

    return words


def _described(name: str, media: Json) -> str:
    if name == "audio" and media.get("voice") is True:
        name = "voice message"
    if filename := label(media.get("filename"), 120):
        return f"{name}: {filename}"
    seconds = media.get("duration")  # not in Meta's reference; used if it ever comes
    if isinstance(seconds, int | float) and 0 < seconds < 86_400:
        return f"{name}, {round(seconds)} s"
    return name


def _button(message: Json) -> Words | None:
    button = message.get("button")
    if not isinstance(button, dict):
        return None
    text = button.get("text")
    return Words(text) if isinstance(text, str) else _if_any(label(button.get("payload")))


def _interactive(message: Json) -> Words | None:
    interactive = _in(message, "interactive")
    kind = interactive.get("type")
    reply = interactive.get(kind) if isinstance(kind, str) else None
    if not isinstance(reply, dict):
        return None
    if kind == "nfm_reply":
        return _form(reply)
    title = label(reply.get("title")) or label(reply.get("id"))
    description = label(reply.get("description"))
    return _if_any(f"{title} ({description})" if title and description else title or description)


def _form(reply: Json) -> Words | None:
    """A flow's answers. ``response_json`` is a string that the person's device wrote: anything."""
    raw = reply.get("response_json")
    if not raw:
        return _if_any(label(reply.get("body")))
    answers = raw
    if isinstance(raw, str):
        with suppress(ValueError):
            answers = orjson.loads(raw)
    if not isinstance(answers, dict):
        return Words(f"[form]\n{_value(answers)}")
    lines = [
        f"{label(key)}: {_value(value)}"
        for key, value in list(answers.items())[:MAX_ITEMS]
        if key != "flow_token"  # Meta's handle of the flow, not an answer
    ]
    return Words("\n".join(["[form]", *lines]))


def _value(value: object) -> str:
    if isinstance(value, str):
        return label(value)
    try:
        return label(orjson.dumps(value).decode())
    except TypeError:  # deeper than orjson writes, though it could read it
        return "…"


def _order(message: Json) -> Words | None:
    order = message.get("order")
    if not isinstance(order, dict):
        return None
    items = [
        f"{_figure(item.get('quantity'))} × {label(item.get('product_retailer_id'), 100)}"
        f" at {_figure(item.get('item_price'))} {label(item.get('currency'), 10)}".rstrip()
        for item in _each(order, "product_items")
    ]
    lines = list(filter(None, [*items, _spoken(order.get("text"))]))
    return Words("\n".join(["[order]", *lines])) if lines else None


def _location(message: Json) -> Words | None:
    place = _in(message, "location")
    latitude, longitude = place.get("latitude"), place.get("longitude")
    known = _is_number(latitude) and _is_number(longitude)  # 0.0 is a value
    where = f"{_figure(latitude)}, {_figure(longitude)}" if known else ""
    parts = [label(place.get("name")), label(place.get("address")), where, label(place.get("url"))]
    told = ", ".join(filter(None, parts))
    return Words(f"[location: {told}]") if told else None


def _contacts(message: Json) -> Words | None:
    lines = [f"[contact: {told}]" for card in _each(message, "contacts") if (told := _card(card))]
    return _if_any("\n".join(lines))


def _card(card: Json) -> str:
    name = _in(card, "name")
    parts = [
        label(name.get("formatted_name")) or label(name.get("first_name")),
        label(_in(card, "org").get("company")),
        *(label(phone.get("phone")) for phone in _each(card, "phones")),
        *(label(email.get("email")) for email in _each(card, "emails")),
    ]
    return ", ".join(filter(None, parts))


def _origin(message: Json) -> str:
    """The ad or the product that the person came from: what "this" and "it" then mean."""
    referral = _in(message, "referral")
    advert = label(referral.get("headline")) or label(referral.get("body"))
    if advert:
        return f"[from an ad: {advert}]"
    product = label(_in(_in(message, "context"), "referred_product").get("product_retailer_id"))
    return f"[about the product {product}]" if product else ""


def _in(value: Json, key: str) -> Json:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _each(value: Json, key: str) -> Iterator[Json]:
    inner = value.get(key)
    for item in inner[:MAX_ITEMS] if isinstance(inner, list) else ():
        if isinstance(item, dict):
            yield item


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and value != ""


def _figure(value: object) -> str:
    return label(str(value), 20) if _is_number(value) else "?"


def _spoken(value: object) -> str:
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _if_any(text: str) -> Words | None:
    return Words(text) if text else None


_KINDS: Mapping[str, Callable[[Json], Words | None]] = {
    "text": _text,
    "image": _media("picture"),
    "video": _media("video"),
    "audio": _media("audio"),
    "voice": _media("voice message"),  # in old payloads
    "document": _media("document"),
    "sticker": _media("sticker"),
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "location": _location,
    "contacts": _contacts,
}

KINDS = frozenset(_KINDS)
"""Meta's ``type`` of everything that is said to the business."""
