"""What Meta tells a business, and the exact bytes it tells it in."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from app.simulator.persons import Number, Person

WABA_ID = "102015550100009"
APP_ID = "104015550100007"


@dataclass(frozen=True, slots=True)
class Update:
    """One message, one status, or the whole value of another field.

    Attributes:
        part: ``messages`` or ``statuses``; ``None``: ``item`` is the value itself.
        contact: Who it is about, for ``value.contacts``.
        person: Our own id of the person, for faults.
    """

    phone_number_id: str
    part: str | None
    item: dict[str, Any]
    contact: dict[str, Any] | None = None
    person: str | None = None
    field: str = "messages"

    @property
    def status(self) -> str | None:
        """``sent`` … when it is a status."""
        return self.item["status"] if self.part == "statuses" else None


def message_update(
    person: Person, phone_number_id: str, message: dict[str, Any], *, wamid: str, sent_at: float
) -> Update:
    """What a person said.

    Args:
        message: ``type`` and the object of that type (and ``context`` …), as Meta has them.
    """
    sender = {"from": person.phone, "from_user_id": person.user_id}
    item = {name: value for name, value in sender.items() if value is not None}
    item |= {"id": wamid, "timestamp": str(int(sent_at)), **message}
    return Update(phone_number_id, "messages", item, contact_of(person), person.id)


def status_update(
    person: Person,
    phone_number_id: str,
    *,
    wamid: str,
    status: str,
    at: float,
    callback: str | None,
    by_phone: bool,
    errors: Sequence[dict[str, Any]] = (),
) -> Update:
    """What has become of a bubble.

    Args:
        callback: What the business gave as ``biz_opaque_callback_data``.
        by_phone: Whether the business sent it to a phone: such a ``failed`` has no user id.
    """
    failed = status == "failed"
    item: dict[str, Any] = {"id": wamid, "status": status, "timestamp": str(int(at))}
    if person.phone is not None:
        item["recipient_id"] = person.phone
    if person.user_id is not None and not (failed and by_phone):
        item["recipient_user_id"] = person.user_id
    if callback is not None:
        item["biz_opaque_callback_data"] = callback
    if status in ("sent", "delivered"):
        item["pricing"] = {
            "billable": True, "pricing_model": "PMP", "type": "regular", "category": "service",
        }  # fmt: skip
    if errors:
        item["errors"] = list(errors)
    contact = None if failed else contact_of(person, username=status != "sent")
    return Update(phone_number_id, "statuses", item, contact, person.id)


def contact_of(person: Person, *, username: bool = True) -> dict[str, Any]:
    """The person as ``value.contacts`` shows them."""
    profile = {"name": person.name}
    if username and person.username is not None:
        profile["username"] = person.username
    contact: dict[str, Any] = {"profile": profile}
    if person.phone is not None:
        contact["wa_id"] = person.phone
    if person.user_id is not None:
        contact["user_id"] = person.user_id
    return contact


def body_of(updates: Sequence[Update], numbers: dict[str, Number]) -> bytes:
    """One webhook that holds all of them, in their order."""
    changes = [
        {"value": _value(list(group), numbers[phone_number_id]), "field": field}
        for (phone_number_id, field, _), group in groupby(updates, key=_group)
    ]
    return encoded(
        {"object": "whatsapp_business_account", "entry": [{"id": WABA_ID, "changes": changes}]}
    )


def encoded(body: object) -> bytes:
    """JSON as Meta writes and signs it: non-ASCII as lower-case escapes, ``/`` as ``\\/``.

    Whoever parses it and writes it again gets other bytes, hence another signature.
    """
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True)
    return text.replace("/", "\\/").encode("ascii")


def signature(body: bytes, app_secret: str) -> str:
    """The value of ``X-Hub-Signature-256``."""
    return "sha256=" + hmac.digest(app_secret.encode(), body, hashlib.sha256).hex()


def _group(update: Update) -> tuple[str, str, str | int]:
    # A value of another field stands alone: two of them cannot be made into one.
    return update.phone_number_id, update.field, update.part or id(update)


def _value(updates: list[Update], number: Number) -> dict[str, Any]:
    part = updates[0].part
    if part is None:
        return updates[0].item
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.display_phone_number,
            "phone_number_id": number.phone_number_id,
        },
    }
    contacts: list[dict[str, Any]] = []
    for update in updates:
        if update.contact is not None and update.contact not in contacts:
            contacts.append(update.contact)
    if contacts:
        value["contacts"] = contacts
    value[part] = [update.item for update in updates]
    return value
