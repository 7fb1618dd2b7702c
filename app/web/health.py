"""Alive, ready, and how it goes."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app import metrics
from app.core.graph_errors import code_label
from app.errors import Scope, Unavailable
from app.pipeline.ports import Reading, Services, Store

SCOPES = [scope for scope in get_args(Scope) if scope not in ("call", "pair")]
"""What can fail for more than one person."""

PROXIED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
"""What proxies add to what they pass on."""

RenderMetrics = Callable[[Sequence[Reading]], Awaitable[str]]
"""Gauges in; they and all processes' numbers as Prometheus text out."""


def health_routes(
    services: Services, render_metrics: RenderMetrics, *, admin_token: str
) -> list[Route]:
    """``/health/live``, ``/health/ready`` and ``/metrics``.

    Args:
        admin_token: Asked for by ``/metrics`` from outside this machine, also by way of a proxy
            on it; ``""``: never given.
    """

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    look = _Look(services.store)

    async def ready(_: Request) -> Response:
        return await look.answer()

    async def numbers(request: Request) -> Response:
        if not _on_loopback(request) and not _bearer(request, admin_token):
            return Response(status_code=401, headers={"www-authenticate": "Bearer"})
        text = await render_metrics(await readings(services.store))
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", numbers),
    ]


class _Look:
    """Readiness, looked at once for all who ask meanwhile: anybody may, and each look writes to
    Redis and to its disk.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looking: asyncio.Task[Response] | None = None

    async def answer(self) -> Response:
        """503 only when a webhook could not be stored now: whatever else fails, intake goes on."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="ready")
        return await asyncio.shield(self._looking)  # one who goes away must not stop it for all

    async def _look(self) -> Response:
        try:
            await self._store.ping()
            troubles = await self._store.troubles()
        except Unavailable as exc:
            return JSONResponse({"status": "unavailable", "reason": str(exc)}, status_code=503)
        if troubles:
            return JSONResponse({"status": "degraded", "reasons": dict(troubles)})
        return JSONResponse({"status": "ok"})


async def readings(store: Store) -> list[Reading]:
    """How things stand. A store that takes no webhook now is a trouble like any other: whoever
    watches us must be told so by a number, not by the lack of all of them.
    """
    found: list[Reading] = []
    troubles: dict[str, str] = {}
    try:
        found += [(gauge, {}, value) for gauge, value in (await store.gauges()).items()]
        troubles |= await store.troubles()
        await store.ping()  # the last one: a store that is full can still be read
    except Unavailable:
        troubles.setdefault("store", "unavailable")
    for scope in dict.fromkeys((*SCOPES, *troubles)):
        code = troubles.get(scope, "")
        labels = {"scope": scope, "code": code_label(int(code)) if code.isdecimal() else code}
        found.append((metrics.TROUBLE, labels, float(scope in troubles)))
    return found


def _on_loopback(request: Request) -> bool:
    """Whether the socket that was reached is one of the loopback interface, and no proxy says that
    it asks for somebody else.
    """
    if any(name in request.headers for name in PROXIED):
        return False
    host, port = request.scope.get("server") or ("", None)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return port is None  # a socket file: only this machine reaches it


def _bearer(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "").encode()
    return bool(token) and hmac.compare_digest(given, f"Bearer {token}".encode())
