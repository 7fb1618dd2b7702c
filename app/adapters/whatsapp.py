"""The Graph API: send a bubble, mark as read and show typing. Knows Meta's names for requests.

Meta has no idempotency key, so what matters in a failure is whether the message can have left. It
cannot before its body began to be written; nor when Meta answers with an error body or a 4xx.
Source: Meta, "Send messages", "Typing indicators", "Error codes".
"""

import asyncio
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx2
import orjson
from pydantic import SecretStr

from app.adapters.http_transport import direct_transport
from app.core.graph_errors import error_for
from app.core.model import Address
from app.errors import Refused, Unavailable, Uncertain

MAX_CONNECTIONS = 500
"""More sends at once than Meta's 80 a second of one number need; each takes under a second."""

MAX_IDLE_CONNECTIONS = 100

KEEP_ALIVE = timedelta(seconds=15)
"""Short: a kept connection that Meta closes as we write makes a send uncertain."""

MAX_ANSWER_BYTES = 64_000
"""Answers have a few hundred bytes; the rest of a longer one is not read."""

MAX_ID = 512
MAX_RETRY_AFTER = timedelta(days=1)

_TRACE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class WhatsApp:
    """The ``Channel`` port. One for all sends of a process; connects when first used.

    Args:
        base_url: ``https://graph.facebook.com``, or a simulator's address.
        version: ``v26.0``.
        access_token: The system user's.
        send_timeout: How long a call may take, with all that belongs to it.
    """

    def __init__(
        self, *, base_url: str, version: str, access_token: SecretStr, send_timeout: timedelta
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/{version}"
        self._send_timeout = send_timeout.total_seconds()
        limits = httpx2.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE.total_seconds(),
        )
        self._client = httpx2.AsyncClient(
            # As bytes: the error about a letter that fits no header would show the token.
            headers={
                b"Authorization": f"Bearer {access_token.get_secret_value()}".encode(),
                b"Content-Type": b"application/json",
                # Compressed, a small answer could become a large one here.
                b"Accept-Encoding": b"identity",
                b"User-Agent": b"rivulet",
            },
            # A redirect would take the text and the token to a server that nobody has named.
            follow_redirects=False,
            timeout=None,  # send_timeout bounds the call as a whole
            limits=limits,
            transport=direct_transport(limits),
        )

    async def close(self) -> None:
        """Close all connections; the second time does nothing."""
        await self._client.aclose()

    async def send(
        self, address: Address, text: str, *, callback: str, leave_by: float = math.inf
    ) -> str:
        """Send one bubble; its wamid. See ``ports.Channel``.

        The first link of a text gets a preview.
        """
        answer = await self._post(
            address.phone_number_id,
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                **_recipient(address),
                "type": "text",
                "text": {"body": text, "preview_url": "https://" in text or "http://" in text},
                "biz_opaque_callback_data": callback,
            },
            leave_by=leave_by,
        )
        messages = answer.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        wamid = first.get("id") if isinstance(first, dict) else None
        if not isinstance(wamid, str) or not 0 < len(wamid) <= MAX_ID:
            raise Uncertain("the answer to a send names no message", code="unreadable")
        return wamid

    async def show_typing(
        self, phone_number_id: str, wamid: str, *, on_written: Callable[[], None] = lambda: None
    ) -> None:
        """Mark the person's message as read and show that we are typing. See ``ports.Channel``."""
        body = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": wamid,
            "typing_indicator": {"type": "text"},
        }
        await self._post(phone_number_id, body, on_written)

    async def _post(
        self,
        phone_number_id: str,
        body: Mapping[str, object],
        on_written: Callable[[], None] = lambda: None,
        leave_by: float = math.inf,
    ) -> Mapping[str, object]:
        """Meta's answer to a call that it accepted."""
        try:
            content = orjson.dumps(body)
        except TypeError:
            raise Refused("a text that fits no JSON", code="unsendable") from None
        url = f"{self._url}/{quote(phone_number_id, safe='')}/messages"
        departure = _Departure(on_written, leave_by)
        try:
            async with asyncio.timeout(self._send_timeout):
                response, answer = await self._exchange(url, content, departure)
        except (OSError, httpx2.HTTPError) as exc:
            failure = type(exc).__name__
        else:
            return _accepted(response, answer)
        # Outside of the handler: the error's texts may quote headers and answers.
        if departure.began:
            raise Uncertain(f"no answer to a call that may have left ({failure})", code="lost")
        raise Unavailable(f"the call did not leave ({failure})", code="unreachable")

    async def _exchange(
        self, url: str, content: bytes, departure: "_Departure"
    ) -> tuple[httpx2.Response, bytes]:
        request = self._client.build_request(
            "POST", url, content=content, extensions={"trace": departure.trace}
        )
        response = await self._client.send(request, stream=True)
        answer = bytearray()
        try:
            # What broke off halfway tells no more than its status.
            with suppress(OSError, httpx2.HTTPError):
                async for piece in response.aiter_raw():
                    answer += piece
                    if len(answer) > MAX_ANSWER_BYTES:
                        break
        finally:
            await response.aclose()
        return response, bytes(answer)


class _Departure:
    """Watches a request leave, through httpcore's trace events.

    Attributes:
        began: Its body may have been written, in part at least. Until then Meta has no message.
    """

    def __init__(self, on_written: Callable[[], None], leave_by: float) -> None:
        self.began = False
        self._on_written = on_written
        self._leave_by = leave_by

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            # Whoever slept past this moment may have a successor that sends the same bubble.
            if asyncio.get_running_loop().time() > self._leave_by:
                raise TimeoutError("too late to leave")
        elif event == "http11.send_request_body.started":
            # A proxy's CONNECT is traced too, and holds no message.
            self.began = info["request"].method != b"CONNECT"
        elif event == "http11.send_request_body.complete" and self.began:
            self._on_written()


def _recipient(address: Address) -> Mapping[str, str]:
    if address.phone is not None:
        # Without the plus Meta puts the business's own country code in front.
        return {"to": f"+{address.phone.removeprefix('+')}"}
    if address.user_id is not None:
        return {"recipient": address.user_id}
    raise Refused("neither phone nor user id is known", code="no_address")


def _accepted(response: httpx2.Response, answer: bytes) -> Mapping[str, object]:
    """The answer, when it says yes.

    Raises:
        Refused, Unavailable, Uncertain: It says something else.
    """
    try:
        tree = orjson.loads(answer)
    except ValueError:
        tree = None
    error = tree.get("error") if isinstance(tree, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        raise _refusal(error, response)
    if response.is_success and isinstance(tree, dict):
        return tree
    told = f"HTTP {response.status_code} without a body of Meta's"
    code = f"http_{response.status_code}"
    if response.is_success or response.is_server_error:
        raise Uncertain(told, code=code)
    # A 4xx or a redirect is a no, whoever said it: the message went nowhere.
    raise Unavailable(told, code=code, retry_after=_retry_after(response))


def _refusal(error: Mapping[str, Any], response: httpx2.Response) -> Refused | Unavailable:
    refusal = error_for(
        error["code"],
        http_status=response.status_code,
        is_transient=error.get("is_transient") is True,
        retry_after=_retry_after(response),
    )
    trace_id = error.get("fbtrace_id")
    if isinstance(trace_id, str) and _TRACE_ID.fullmatch(trace_id):
        refusal.add_note(f"fbtrace_id {trace_id}")  # what Meta's support asks for
    return refusal


def _retry_after(response: httpx2.Response) -> timedelta | None:
    """What ``Retry-After`` asks for: seconds or a date; a day at most."""
    value = response.headers.get("retry-after", "").strip()
    asked = None
    if value.isdecimal():
        asked = timedelta(seconds=int(value[:9]))
    else:
        with suppress(ValueError, TypeError):  # a date without a zone
            asked = parsedate_to_datetime(value) - datetime.now(UTC)
    return None if asked is None else max(timedelta(), min(asked, MAX_RETRY_AFTER))
