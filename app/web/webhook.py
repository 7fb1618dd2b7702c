"""Where Meta knocks: the handshake, and the POST that brings messages and statuses."""

import asyncio
import hmac
import time
from collections.abc import Sequence

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app import metrics
from app.core.model import Status
from app.core.payloads import NotJson, parse
from app.core.signature import verify
from app.errors import Unavailable
from app.pipeline.ports import Services
from app.pipeline.receive import receive
from app.pipeline.record import record

log = structlog.get_logger()

MOST_BYTES = 3 * 1024 * 1024  # "Webhooks overview": the body is at most 3 MB
BODY_SECONDS = 10.0
"""How long a body may take to arrive; Meta's come at once."""

SIGNATURE_HEADER = "x-hub-signature-256"


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

    async def answer(request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            return handshake(request, verify_token)
        started = time.perf_counter()
        try:
            response = await take_in(request, services, app_secrets, body_seconds)
        except Exception:
            log.exception("webhook.broken")
            response = Response(status_code=503)  # not stored, so Meta is to deliver it again
        services.meter.count(metrics.WEBHOOK_REQUESTS, status=str(response.status_code))
        services.meter.observe(metrics.WEBHOOK_SECONDS, time.perf_counter() - started)
        return response

    return Route("/webhook", answer, methods=["GET", "POST"])


def handshake(request: Request, verify_token: str) -> Response:
    """The bare challenge for whoever knows our word, else 403."""
    query = request.query_params
    given = query.get("hub.verify_token", "").encode()
    known = hmac.compare_digest(given, verify_token.encode())
    if query.get("hub.mode") != "subscribe" or not known:
        return refused(403, "handshake")
    # Opaque, and as plain text: it must not become a page in somebody's browser.
    return PlainTextResponse(query.get("hub.challenge", ""))


async def take_in(
    request: Request, services: Services, app_secrets: Sequence[str], body_seconds: float
) -> Response:
    """Verify, parse, store, answer: 200 only when all of it is stored (or known, or of no use)."""
    signature = request.headers.get(SIGNATURE_HEADER)
    if signature is None:
        return refused(401, "unsigned")
    body = await read_body(request, within=body_seconds)
    if isinstance(body, Response):
        return body
    if not verify(body, signature, app_secrets=app_secrets):
        return refused(401, "wrong_signature")
    try:
        events = parse(body, received_at=services.clock.now())
    except NotJson:
        return refused(400, "not_json")
    statuses = [event for event in events if isinstance(event, Status)]
    others = [event for event in events if not isinstance(event, Status)]
    try:
        if others:
            await receive(others, services)
        if statuses:
            await record(statuses, services)
    except Unavailable as exc:
        log.error("webhook.not_stored", error=str(exc))
        return Response(status_code=503)  # Meta delivers again; that is our retry
    return Response(status_code=200)


async def read_body(request: Request, *, within: float) -> bytes | Response:
    """The exact bytes, or the answer to a body that is too large or never ends."""
    announced = request.headers.get("content-length", "")
    # [:20]: a longer number is too large as well, and int() refuses one of thousands of digits.
    if announced.isdecimal() and int(announced[:20]) > MOST_BYTES:
        return refused(413, "too_large")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(within):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    return refused(413, "too_large")
                parts.append(part)
    except TimeoutError:
        return refused(408, "too_slow")
    except ClientDisconnect:
        return refused(400, "broken_off")
    return b"".join(parts)


def refused(status: int, reason: str) -> Response:
    """An answer without a body, and one line in the log."""
    log.warning("webhook.refused", status=status, reason=reason)
    return Response(status_code=status)
