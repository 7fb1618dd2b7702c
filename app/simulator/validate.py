"""Is this a message that Meta would take? The limits of its reference, and no more.

How Meta counts characters is not known; here UTF-16 units are counted, the stricter way.
Source: cloud-api notes 3.3.
"""

from typing import Any

from app.simulator.refusals import Refusal

TEXT_MOST = 4096
CAPTION_MOST = 1024
CALLBACK_MOST = 512
BUTTONS_MOST = 3
ROWS_MOST = 10
MEDIA_KINDS = ("image", "audio", "video", "document", "sticker")


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text) + sum(ord(char) > 0xFFFF for char in text)


def text_of(message: dict[str, Any]) -> str:
    """What the person reads of a message that ``checked`` has let through."""
    kind = message.get("type", "text")
    content = message[kind]
    if kind == "text":
        return str(content["body"])
    if kind == "interactive":
        return str(content["body"]["text"])
    if kind == "reaction":
        return str(content.get("emoji") or "")
    return str(content.get("caption") or "")


def check(message: dict[str, Any]) -> None:
    """Nothing, for a message to be sent.

    Raises:
        Refusal: 100, 131008, 131009 or 131051, with Meta's kind of details.
    """
    if message.get("messaging_product") != "whatsapp":
        raise Refusal(100, "The parameter messaging_product is required.")
    if not isinstance(message.get("to") or message.get("recipient"), str):
        raise Refusal(100, "The parameter to is required.")
    _text(message, "biz_opaque_callback_data", CALLBACK_MOST, needed=False)
    kind = message.get("type", "text")
    if kind not in ("text", "interactive", "reaction", "template", *MEDIA_KINDS):
        raise Refusal(131051)
    content = message.get(kind)
    if not isinstance(content, dict):
        raise Refusal(131008, f"The parameter {kind} is required.")
    if kind == "text":
        _text(content, "body", TEXT_MOST)
    elif kind == "interactive":
        _check_interactive(content)
    elif kind == "reaction":
        _text(content, "message_id", 1000)
    elif kind == "template":
        _text(content, "name", 512)
    else:
        if not isinstance(content.get("id") or content.get("link"), str):
            raise Refusal(131008, f"The parameter {kind}.id or {kind}.link is required.")
        _text(content, "caption", CAPTION_MOST, needed=False)


def _check_interactive(content: dict[str, Any]) -> None:
    kind, action = content.get("type"), _object(content, "action")
    _text(_object(content, "body"), "text", TEXT_MOST if kind == "list" else CAPTION_MOST)
    for edge in ("header", "footer"):
        if isinstance(content.get(edge), dict):
            _text(content[edge], "text", 60, needed=content[edge].get("type", "text") == "text")
    if kind == "button":
        buttons = _objects(action, "buttons", BUTTONS_MOST)
        for reply in (_object(button, "reply") for button in buttons):
            _text(reply, "title", 20)
            _text(reply, "id", 256)
    elif kind == "list":
        _text(action, "button", 20)
        _check_rows(action)
    elif kind == "cta_url":
        _text(_object(action, "parameters"), "display_text", 20)
        _text(_object(action, "parameters"), "url", 2000)
    elif kind not in ("request_contact_info", "location_request_message", "flow", "product"):
        raise Refusal(131009, "interactive.type is not valid.")


def _check_rows(action: dict[str, Any]) -> None:
    sections = _objects(action, "sections", 10)
    rows = [row for section in sections for row in _objects(section, "rows", ROWS_MOST)]
    if len(rows) > ROWS_MOST:
        raise Refusal(131009, f"Total row count exceeds {ROWS_MOST}.")
    for section in sections:
        _text(section, "title", 24, needed=len(sections) > 1)
    for row in rows:
        _text(row, "id", 200)
        _text(row, "title", 24)
        _text(row, "description", 72, needed=False)


def _text(holder: dict[str, Any], name: str, most: int, *, needed: bool = True) -> None:
    value = holder.get(name)
    if value is None and not needed:
        return
    if not isinstance(value, str) or (needed and not value.strip()):
        raise Refusal(100, f"The parameter {name} is required.")
    if units(value) > most:
        raise Refusal(100, f"Param {name} must be at most {most} characters long.")


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise Refusal(131008, f"The parameter {name} is required.")
    return value


def _objects(holder: dict[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    value = holder.get(name)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Refusal(131008, f"The parameter {name} is required.")
    if not 1 <= len(value) <= most:
        raise Refusal(131009, f"{name}: from 1 to {most}.")
    return value
