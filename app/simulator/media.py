"""Media: upload, the URL that is good for five minutes, download, delete."""

import base64
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP

from app.simulator.knobs import DAY
from app.simulator.refusals import Refusal
from app.simulator.wamids import new_media_id

KEPT_BYTES = 256_000_000
"""Of all media together; the oldest leave."""

KEPT_URLS = 10_000

MEGA = 1_000_000
MOST_BYTES: Mapping[str, int] = {
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * MEGA),
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * MEGA),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * MEGA),
    "image/webp": MEGA // 2,
    "text/plain": 100 * MEGA,
}
"""By MIME type; documents (``application/…``) may have 100 MB. Source: cloud-api notes 5."""

UPLOAD_MOST = 101 * MEGA


@dataclass(frozen=True, slots=True)
class Medium:
    """One file.

    Attributes:
        until: Until when its id is good: 7 days from a webhook, 30 days when uploaded.
    """

    media_id: str
    mime_type: str
    content: bytes
    until: float

    @property
    def hex_digest(self) -> str:
        """SHA-256 as media answers have it."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def base64_digest(self) -> str:
        """SHA-256 as webhooks have it."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


@dataclass(slots=True)
class Media:
    """All files, theirs and ours, and the URLs that have been given out."""

    _files: OrderedDict[str, Medium] = field(default_factory=OrderedDict)
    _urls: OrderedDict[str, tuple[str, float]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def keep(self, content: bytes, mime_type: str, *, now: float, inbound: bool) -> Medium:
        """Keep a file under a new id."""
        until = now + (7 if inbound else 30) * DAY
        medium = Medium(new_media_id(), mime_type, content, until)
        self._files[medium.media_id] = medium
        self._bytes += len(content)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._files.popitem(last=False)[1].content)
        return medium

    def get(self, media_id: str, *, now: float) -> Medium | None:
        """The file of an id, while the id is good."""
        medium = self._files.get(media_id)
        return medium if medium is not None and now < medium.until else None

    def delete(self, media_id: str) -> None:
        """Forget a file; its URLs are dead."""
        self._bytes -= len(self._files.pop(media_id).content)

    def open_url(self, media_id: str, *, until: float) -> str:
        """A new secret path piece under which the file can be had until then."""
        piece = secrets.token_urlsafe(24)
        self._urls[piece] = (media_id, until)
        if len(self._urls) > KEPT_URLS:
            self._urls.popitem(last=False)
        return piece

    def behind_url(self, piece: str, *, now: float) -> Medium | None:
        """The file behind such a piece; ``None`` when it has run out."""
        media_id, until = self._urls.get(piece, ("", 0.0))
        return self.get(media_id, now=now) if now < until else None


def file_in(body: bytes, content_type: str) -> tuple[bytes, str]:
    """The file in an upload's multipart body, and its MIME type.

    Raises:
        Refusal: 100: not such a body, a part is missing, or the type or size is not allowed.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    parts = message_from_bytes(head + body, policy=HTTP)
    if not parts.is_multipart():
        raise Refusal(100, "The request is not multipart/form-data.")
    named = {part.get_param("name", header="content-disposition"): part for part in parts.walk()}
    product = named.get("messaging_product")
    if product is None or product.get_payload(decode=True) != b"whatsapp":
        raise Refusal(100, "The parameter messaging_product is required.")
    if "file" not in named:
        raise Refusal(100, "The parameter file is required.")
    content = named["file"].get_payload(decode=True)
    assert isinstance(content, bytes)  # noqa: S101 a part that is not multipart has bytes
    kind = named["type"].get_payload(decode=True) if "type" in named else b""
    mime_type = kind.decode("latin-1") if isinstance(kind, bytes) and kind else ""
    mime_type = mime_type or named["file"].get_content_type()
    check_file(content, mime_type)
    return content, mime_type


def check_file(content: bytes, mime_type: str) -> None:
    """Nothing, for a file that Meta would keep.

    Raises:
        Refusal: 100.
    """
    bare = mime_type.partition(";")[0].strip()
    most = MOST_BYTES.get(bare, 100 * MEGA if bare.startswith("application/") else 0)
    if not most:
        raise Refusal(100, f"Param file must be a file of a supported type, not {bare}.")
    if not 0 < len(content) <= most:
        raise Refusal(100, f"Param file must have at least 1 byte, at most {most}.")
