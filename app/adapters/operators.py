"""Who runs the business hears of a call for a human: one signed POST to an address of theirs."""

import asyncio
import hashlib
import hmac
from datetime import datetime, timedelta

import httpx2
import orjson
from pydantic import SecretStr

from app.errors import Unavailable
from app.pipeline.ports import HumanCall

TIMEOUT = timedelta(seconds=10)
SIGNATURE_HEADER = "X-Rivulet-Signature-256"


class OperatorsWebhook:
    """The ``Operators`` port as an HTTP POST of JSON. One for a process; connects when first used.

    The body holds ``event`` (``handoff``), ``call`` (the same when it is told again),
    ``conversation`` (its key, as in ``/admin``), ``reason``, ``since`` and ``until`` (ISO 8601).
    With a secret the header ``X-Rivulet-Signature-256`` is ``sha256=`` and the hex HMAC-SHA256 of
    the body, the way Meta signs its webhooks.

    Args:
        secret: ``""``: nothing is signed.
        timeout: Of a whole call.
    """

    def __init__(self, *, url: SecretStr, secret: SecretStr, timeout: timedelta = TIMEOUT) -> None:
        self._url = url.get_secret_value()
        self._secret = secret.get_secret_value().encode()
        self._timeout = timeout.total_seconds()
        self._client = httpx2.AsyncClient(
            follow_redirects=False,
            timeout=None,  # bounded as a whole
            headers={"User-Agent": "rivulet", "Content-Type": "application/json"},
        )

    async def close(self) -> None:
        """Close all connections; the second time does nothing."""
        await self._client.aclose()

    async def tell(self, call: HumanCall) -> None:
        """See ``Operators.tell``. What they answer is not read: its status says enough."""
        body = orjson.dumps(
            {
                "event": "handoff",
                "call": call.call_id,
                "conversation": call.conversation,
                "reason": call.reason,
                "since": _iso(call.since),
                "until": _iso(call.until),
            }
        )
        headers = {SIGNATURE_HEADER: f"sha256={self._sign(body)}"} if self._secret else {}
        try:
            async with asyncio.timeout(self._timeout):
                request = self._client.stream("POST", self._url, content=body, headers=headers)
                async with request as response:
                    status = response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as exc:
            raise Unavailable(f"the operators' webhook: {type(exc).__name__}") from None
        if not 200 <= status < 300:
            raise Unavailable(f"the operators' webhook answered {status}", code=status)

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None
