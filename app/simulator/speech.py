"""What persons do: they write to the business, and sometimes they get a new number."""

import base64
from collections.abc import Mapping
from typing import Any

from app.simulator.persons import Person
from app.simulator.updates import Update, contact_of, message_update
from app.simulator.wamids import new_wamid
from app.simulator.world import Said, World

TEXT_MOST = 4096
MEDIA_TYPES = {
    "image": "image/jpeg",
    "audio": "audio/ogg; codecs=opus",
    "video": "video/mp4",
    "document": "application/pdf",
    "sticker": "image/webp",
}


class BadMessage(ValueError):
    """A person cannot say this; the message says why."""


def say(world: World, person: Person, wish: Mapping[str, Any]) -> str:
    """A person writes to the business; the wamid.

    Args:
        wish: ``text``, or ``message`` as Meta has it without id, sender and time; which number
            (``phone_number_id``, else the first); ``file`` (base64) for a message with media;
            ``context``; ``age_seconds`` for a message that Meta brings late; ``wamid``.

    Raises:
        BadMessage: No text and no message, or an unknown number.
    """
    phone_number_id = _number(world, wish)
    message = dict(wish["message"]) if "message" in wish else _text(wish)
    if not isinstance(message.get("type"), str):
        raise BadMessage("message: needs a type")
    if "context" in wish:
        message["context"] = wish["context"]
    sent_at = world.now() - float(wish.get("age_seconds", 0))
    _attach(world, message, wish.get("file"))
    wamid = wish.get("wamid") or new_wamid(person.address, inbound=True)
    text = shown_text(message)
    _open_window(world, person, phone_number_id, sent_at, text, message["type"])
    world.remember(wamid, Said(person, phone_number_id))
    world.record.add(
        "message",
        person=person.id,
        phone_number_id=phone_number_id,
        wamid=wamid,
        type=message["type"],
        text=text,
    )
    world.courier.tell(
        message_update(person, phone_number_id, message, wamid=wamid, sent_at=sent_at)
    )
    return wamid


def move(world: World, person: Person, wish: Mapping[str, Any]) -> None:
    """A person gets another phone or user id; each number they wrote to is told, twice, as at Meta.

    Args:
        wish: ``phone``, ``user_id``, or both; what is not named is made up if the person has one.
    """
    old_phone, old_user_id = person.phone, person.user_id
    phone = wish.get("phone", old_phone and world.persons.free_phone())
    user_id = wish.get("user_id", old_user_id and world.persons.free_user_id())
    world.persons.move(person, phone=phone, user_id=user_id)
    for phone_number_id in person.chats:
        world.courier.tell(_system(world, person, phone_number_id, old_phone))
        if old_user_id is not None and user_id is not None:
            world.courier.tell(_user_id_update(world, person, phone_number_id, old_user_id))


def shown_text(message: Mapping[str, Any]) -> str:
    """What stands in the chat for a message: its text, caption or choice; else ``[type]``."""
    kind = str(message["type"])
    content = message.get(kind)
    if not isinstance(content, dict):
        return f"[{kind}]"
    reply = content.get(str(content.get("type")))
    choice = reply.get("title") if isinstance(reply, dict) else None
    shown = content.get("body") or content.get("caption") or content.get("text") or choice
    return str(shown) if shown else f"[{kind}]"


def _attach(world: World, message: dict[str, Any], file: object) -> None:
    """Give a message of a media type a file that can really be fetched, unless it names one."""
    kind = message["type"]
    if kind not in MEDIA_TYPES or "id" in message.get(kind, {}):
        return
    content = base64.b64decode(file) if isinstance(file, str) else f"a made-up {kind}".encode()
    mime_type = message.get(kind, {}).get("mime_type", MEDIA_TYPES[kind])
    medium = world.media.keep(content, mime_type, now=world.now(), inbound=True)
    message[kind] = {
        "mime_type": mime_type,
        "sha256": medium.base64_digest,
        "id": medium.media_id,
        **message.get(kind, {}),
    }


def _number(world: World, wish: Mapping[str, Any]) -> str:
    phone_number_id = str(wish.get("phone_number_id") or next(iter(world.numbers)))
    if phone_number_id not in world.numbers:
        raise BadMessage("phone_number_id: not a number of the business")
    return phone_number_id


def _text(wish: Mapping[str, Any]) -> dict[str, Any]:
    text = wish.get("text")
    if not isinstance(text, str) or not 1 <= len(text) <= TEXT_MOST:
        raise BadMessage(f"text: 1 to {TEXT_MOST} characters, or a message")
    return {"type": "text", "text": {"body": text}}


def _open_window(
    world: World, person: Person, phone_number_id: str, sent_at: float, text: str, kind: str
) -> None:
    # Whether reactions and system messages open the window is not known: they do not count.
    if kind in ("reaction", "system"):
        return
    chat = person.chat(phone_number_id)
    chat.last_message_at = max(sent_at, chat.last_message_at or 0.0)
    world.lately.append((text, Said(person, phone_number_id)))


def _system(world: World, person: Person, phone_number_id: str, old_phone: str | None) -> Update:
    kind = "user_changed_user_id" if old_phone is None else "user_changed_number"
    system = {"type": kind, "wa_id": person.phone, "user_id": person.user_id}
    message: dict[str, Any] = {
        "from": old_phone,
        "id": new_wamid(person.address, inbound=True),
        "timestamp": str(int(world.now())),
        "type": "system",
        "system": {
            "body": f"{person.name} has changed the number",
            **{name: value for name, value in system.items() if value is not None},
        },
    }
    if old_phone is None:
        del message["from"]
    return Update(phone_number_id, "messages", message, None, person.id)


def _user_id_update(world: World, person: Person, phone_number_id: str, old_user_id: str) -> Update:
    number = world.numbers[phone_number_id]
    change: dict[str, Any] = {
        "detail": f"User id for {person.name} has been updated.",
        "user_id": {"previous": old_user_id, "current": person.user_id},
        "timestamp": str(int(world.now())),
    }
    if person.phone is not None:
        change["wa_id"] = person.phone
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.display_phone_number,
            "phone_number_id": phone_number_id,
        },
        "contacts": [contact_of(person)],
        "user_id_update": [change],
    }
    return Update(phone_number_id, None, value, None, person.id, "user_id_update")
