"""Alive, ready, and how it goes."""

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.errors import Unavailable
from app.pipeline.ports import Services


def health_routes(
    services: Services, render_metrics: Callable[[], Awaitable[str]], *, admin_token: str
) -> list[Route]:
    """``/health/live``, ``/health/ready`` and ``/metrics``.

    Args:
        render_metrics: All processes' numbers as Prometheus text; may raise ``Unavailable``.
        admin_token: Asked for by ``/metrics`` from outside this machine; ``""``: never given.
    """

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        """503 only when a webhook could not be stored now: whatever else fails, intake goes on."""
        try:
            await services.store.ping()
            troubles = await services.store.troubles()
        except Unavailable as exc:
            return JSONResponse({"status": "unavailable", "reason": str(exc)}, status_code=503)
        if troubles:
            return JSONResponse({"status": "degraded", "reasons": dict(troubles)})
        return JSONResponse({"status": "ok"})

    async def numbers(request: Request) -> Response:
        if not _on_loopback(request) and not _bearer(request, admin_token):
            return Response(status_code=401, headers={"www-authenticate": "Bearer"})
        try:
            text = await render_metrics()
        except Unavailable:
            return Response(status_code=503)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", numbers),
    ]


def _on_loopback(request: Request) -> bool:
    """Whether the socket that was reached is one of the loopback interface."""
    host, port = request.scope.get("server") or ("", None)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return port is None  # a socket file: only this machine reaches it


def _bearer(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "").encode()
    return bool(token) and hmac.compare_digest(given, f"Bearer {token}".encode())
