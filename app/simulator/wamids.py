"""Ids as Meta makes them. A wamid holds the person's number in plain base64: never log one."""

import base64
import secrets

INBOUND, OUTBOUND = b"\x12\x18\x14", b"\x11\x18\x12"


def new_wamid(person: str, *, inbound: bool) -> str:
    """A fresh message id, with the person's number (or user id) inside as Meta's have it."""
    holder = person.encode()[:64]
    mark, length = (INBOUND, 20) if inbound else (OUTBOUND, 18)
    tail = secrets.token_hex(length // 2).upper().encode()
    raw = b"\x1c\x18" + bytes([len(holder)]) + holder + b"\x15\x02\x00" + mark + tail + b"\x00"
    return "wamid." + base64.b64encode(raw).decode()


def new_media_id() -> str:
    """Digits, like Meta's."""
    return str(secrets.randbelow(9 * 10**15) + 10**15)


def new_user_id() -> str:
    """A business-scoped user id of a person in the US."""
    return f"US.{secrets.randbelow(9 * 10**19) + 10**19}"
