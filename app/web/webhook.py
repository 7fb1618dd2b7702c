"""Where Meta knocks: the handshake, and the POST that brings messages and statuses."""

import asyncio
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app import metrics
from app.core.model import Status
from app.core.payloads import NotJson, parse
from app.core.signature import verify
from app.errors import Unavailable
from app.pipeline.ports import Services
from app.pipeline.receive import receive as take_messages
from app.pipeline.record import record
from app.web.bodies import BODY_SECONDS, LARGE, Bodies, Refused

log = structlog.get_logger()

SIGNATURE_HEADER = b"x-hub-signature-256"
STORED = Response(status_code=200)
RETRY_SECONDS = "5"
"""When there is likely to be room again; Meta, who does not look at it, comes back by itself."""


def webhook_route(
    services: Services,
    *,
    app_secrets: Sequence[str],
    verify_token: str,
    body_seconds: float = BODY_SECONDS,
) -> Route:
    """``GET`` and ``POST /webhook``.

    Args:
        app_secrets: Meta's app secret; two while it is being rotated.
        verify_token: Our own word for the handshake.
        body_seconds: How long a body may take to arrive.
    """

    webhook = Webhook(services, tuple(app_secrets), verify_token, Bodies(seconds=body_seconds))
    return Route("/webhook", webhook, methods=["GET", "POST"])


@dataclass(frozen=True, slots=True)
class Webhook:
    """The route's end, as a bare ASGI app: Starlette's ``Request`` costs more than our check."""

    services: Services
    app_secrets: Sequence[str]
    verify_token: str
    bodies: Bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            response = await self._answer(scope, receive)
        else:
            response = handshake(Request(scope), self.verify_token)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        started = time.perf_counter()
        try:
            response = await self._take_in(dict(scope["headers"]), receive)
        except Exception:  # the door: whatever it is, Meta gets an answer
            log.exception("webhook.broken")
            response = Response(status_code=503)  # not stored, so Meta is to deliver it again
        meter = self.services.meter
        meter.count(metrics.WEBHOOK_REQUESTS, status=str(response.status_code))
        meter.observe(metrics.WEBHOOK_SECONDS, time.perf_counter() - started)
        return response

    async def _take_in(self, headers: Mapping[bytes, bytes], receive: Receive) -> Response:
        """Verify, parse, store, answer: 200 only when all is stored (or known, or of no use)."""
        signature = headers.get(SIGNATURE_HEADER)
        if signature is None:
            return self._refused(401, "unsigned", close=True)
        try:
            body = await self.bodies.read(headers, receive)
        except Refused as exc:
            return self._refused(exc.status, exc.reason, close=True)
        try:
            return await self._store(body, signature.decode("latin-1"))
        finally:
            self.bodies.let_go(len(body))

    def _refused(self, status: int, reason: str, *, close: bool = False) -> Response:
        self.services.meter.count(metrics.WEBHOOK_REFUSED, reason=reason)
        return refused(status, reason, close=close)

    async def _store(self, body: bytes, signature: str) -> Response:
        if len(body) <= LARGE:
            verified = verify(body, signature, app_secrets=self.app_secrets)
        else:  # milliseconds of hashing, for which other webhooks must not wait
            verified = await asyncio.to_thread(
                verify, body, signature, app_secrets=self.app_secrets
            )
        if not verified:
            return self._refused(401, "wrong_signature")
        try:
            events = parse(body, received_at=self.services.clock.now())
        except NotJson:
            return self._refused(400, "not_json")
        statuses = [event for event in events if isinstance(event, Status)]
        others = [event for event in events if not isinstance(event, Status)]
        try:
            if others:
                await take_messages(others, self.services)
            if statuses:
                await record(statuses, self.services)
        except Unavailable as exc:
            log.error("webhook.not_stored", error=str(exc))
            return Response(status_code=503)  # Meta delivers again; that is our retry
        return STORED


def handshake(request: Request, verify_token: str) -> Response:
    """The bare challenge for whoever knows our word, else 403."""
    query = request.query_params
    given = query.get("hub.verify_token", "").encode()
    known = hmac.compare_digest(given, verify_token.encode())
    if query.get("hub.mode") != "subscribe" or not known:
        return refused(403, "handshake")
    # Opaque, and as plain text: it must not become a page in somebody's browser.
    return PlainTextResponse(query.get("hub.challenge", ""))


def refused(status: int, reason: str, *, close: bool = False) -> Response:
    """An answer without a body, and one line in the log.

    Args:
        close: End the connection, on which a body is still coming that nobody will read.
    """
    log.warning("webhook.refused", status=status, reason=reason)
    headers = {"connection": "close"} if close else {}
    if status == 503:
        headers["retry-after"] = RETRY_SECONDS
    return Response(status_code=status, headers=headers)
