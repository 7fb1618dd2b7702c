"""The web process: ``asgi()`` for uvicorn, ``create_app`` for everybody else."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.types import Lifespan

from app.bootstrap import open_admin, open_services
from app.errors import Unavailable
from app.logs import set_up_logs
from app.pipeline.admin import Admin
from app.pipeline.ports import Services, Store
from app.settings import load_settings
from app.web.admin import admin_routes
from app.web.health import RenderMetrics, health_routes
from app.web.webhook import webhook_route

log = structlog.get_logger()

BEAT_SECONDS = 1.0

GARBAGE_THRESHOLD = 7_000
"""Containers made and not yet gone before Python looks for cycles; 700 unless set."""


def create_app(
    services: Services,
    render_metrics: RenderMetrics,
    *,
    app_secrets: Sequence[str],
    verify_token: str,
    admin_token: str = "",
    admin: Admin | None = None,
    admin_shows_texts: bool = False,
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The routes, in journey order; ``/admin`` only where there is an ``admin`` and its token."""
    desk = (
        admin_routes(services, admin, token=admin_token, show_texts=admin_shows_texts)
        if admin
        else []
    )
    return Starlette(
        routes=[
            webhook_route(services, app_secrets=app_secrets, verify_token=verify_token),
            *health_routes(services, render_metrics, admin_token=admin_token),
            *desk,
        ],
        lifespan=lifespan,
    )


def _collect_garbage_less() -> None:
    """Leave what stands by now alone, and look for cycles a tenth as often.

    A request leaves hundreds of objects and no cycle: looking for some took 5 % of it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def asgi() -> Starlette:
    """This installation's app; what it opens is closed when the server ends.

    Raises:
        SettingsError: With every setting that is missing or wrong.
    """
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format)
    stack = AsyncExitStack()
    services, meter = open_services(settings, stack)
    admin = open_admin(settings, stack) if settings.admin_token else None

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with stack:
            beating = asyncio.create_task(_beat(services.store), name="beat")
            log.info("web.started")
            _collect_garbage_less()
            yield
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    return create_app(
        services,
        meter.render,
        app_secrets=settings.app_secrets,
        verify_token=settings.whatsapp_verify_token.get_secret_value(),
        admin_token=settings.admin_token.get_secret_value() if settings.admin_token else "",
        admin=admin,
        admin_shows_texts=settings.admin_show_texts,
        lifespan=lifespan,
    )


async def _beat(store: Store) -> None:
    """Say again and again that webhooks can come in, for those who wait for a status."""
    missed = False
    while True:
        try:
            await store.beat()
            missed = False
        except Unavailable as exc:
            if not missed:
                log.warning("web.beat_missed", error=str(exc))
            missed = True
        await asyncio.sleep(BEAT_SECONDS)
