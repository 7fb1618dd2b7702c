"""A pretend Meta as one app: the Graph API, control under ``/simulator``, and the phone page."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.simulator import account, control, meddling
from app.simulator.bodies import NOBODY
from app.simulator.world import MetaSettings, World

STATIC = Path(__file__).parent / "static"


def create_meta(settings: MetaSettings) -> Starlette:
    """A fresh Meta with a few persons and two numbers; its state is ``app.state.world``."""
    world = World.new(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await world.courier.close()

    app = Starlette(
        routes=[
            *account.routes(),
            *control.routes(),
            *meddling.routes(),
            Route("/", phone_page),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        lifespan=lifespan,
        exception_handlers=NOBODY,
    )
    app.add_middleware(Guarded)
    app.state.world = world
    return app


async def phone_page(request: Request) -> Response:
    """The page that looks like a phone."""
    return FileResponse(STATIC / "phone.html")


class Guarded:
    """Pages may load nothing from outside, and pages from outside may ask for nothing here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_foreign(scope):
            await Response("not from this page", 403)(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = "default-src 'self'; frame-ancestors 'none'"
                headers["x-content-type-options"] = "nosniff"
            await send(message)

        page = scope["type"] == "http" and (
            scope["path"] == "/" or scope["path"].startswith("/static/")
        )
        await self._app(scope, receive, guarded if page else send)


def _is_foreign(scope: Scope) -> bool:
    """Whether a browser sends this for another site's page; programs send no ``Origin``."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")
