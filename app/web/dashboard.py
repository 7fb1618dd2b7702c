"""rq-dashboard on our queue, behind a login, for a process of its own.

rq-dashboard comes without a login for its static files, lets a link requeue a whole queue, and
unpickles what it finds in Redis. What stands in front of it here takes care of these.
"""

import hmac
import re
import secrets
from base64 import b64decode
from typing import Any, cast
from urllib.parse import urlsplit

import redis_sentinel_url  # type: ignore[import-untyped] # has no stubs
import rq_dashboard.web
from a2wsgi import WSGIMiddleware
from flask import Flask, Response
from pydantic import SecretStr
from redis.exceptions import RedisError
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.serializers import DefaultSerializer, JSONSerializer
from rq_dashboard.cli import make_flask_app
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REDIS_SECONDS = 5.0

READING = re.compile(r"/|/favicon\.ico|/static/.+|/0/?|/0/view|/0/(view|data)/.+")
"""All that a GET may ask for. The other paths change something."""

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; "
    # Its pages compile their templates with new Function().
    "script-src 'self' 'unsafe-eval'{nonce}; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

INLINE_SCRIPT = b'<script type="text/javascript">'


def create_dashboard(
    redis_url: str, *, username: str | None, password: SecretStr | None
) -> ASGIApp:
    """The dashboard as an ASGI app for ``/``.

    Makes RQ's default serializer JSON in the whole process, so nothing that Redis holds is ever
    unpickled here: not for a process that does anything else.

    Args:
        redis_url: As in ``REDIS_URL``, Sentinel included.
        username: Asked for at every path, together with ``password``; both ``None`` for no login.

    Raises:
        ValueError: Only one of the two is given.
    """
    if (username is None) != (password is None):
        raise ValueError("a dashboard has both a username and a password, or neither")
    login = f"{username}:{password.get_secret_value()}" if password is not None else None
    _use_json()
    # Both follow their standards; only their types are written down differently.
    pages = cast(ASGIApp, WSGIMiddleware(cast(Any, _flask_app(redis_url))))
    return _Gate(pages, login=login)


def _use_json() -> None:
    # In the class itself: rq-dashboard and RQ have several names for it, bound at import.
    setattr(DefaultSerializer, "dumps", staticmethod(JSONSerializer.dumps))  # noqa: B010
    setattr(DefaultSerializer, "loads", staticmethod(JSONSerializer.loads))  # noqa: B010


def _flask_app(redis_url: str) -> Flask:
    options = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    _, redis = redis_sentinel_url.connect(redis_url, client_options=options)
    app: Flask = make_flask_app(None, None, None, "")
    # It would connect anew, and without limits of time, at each request that names the instance.
    app.config["RQ_DASHBOARD_REDIS_URL"] = ["Redis"]
    rq_dashboard.web.from_url = lambda *_, **__: (None, redis)
    rq_dashboard.web.setup_rq_connection(app)
    app.register_error_handler(NoSuchJobError, lambda _: ("There is no such job any more.", 404))
    app.register_error_handler(InvalidJobOperation, lambda _: ("Not with this job.", 409))
    app.register_error_handler(RedisError, lambda _: ("Redis does not answer.", 503))
    app.after_request(_allow_own_script)
    return app


def _allow_own_script(response: Response) -> Response:
    """Name the one inline script of a page, so that its policy can forbid all others: tracebacks
    are put into pages unescaped.
    """
    if response.mimetype == "text/html" and not response.direct_passthrough:
        nonce = secrets.token_urlsafe(16)
        script = INLINE_SCRIPT.replace(b">", f' nonce="{nonce}">'.encode())
        response.set_data(response.get_data().replace(INLINE_SCRIPT, script, 1))
        response.headers["Content-Security-Policy"] = POLICY.format(nonce=f" 'nonce-{nonce}'")
    return response


class _Gate:
    """Lets in who knows the login, reads by GET, and changes things by POST from our own pages."""

    def __init__(self, app: ASGIApp, *, login: str | None) -> None:
        self._app = app
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", POLICY.format(nonce=""))
            await send(message)

        app = self._refusal(scope["method"], scope["path"], Headers(scope=scope)) or self._app
        await app(scope, receive, send_with_headers)

    def _refusal(self, method: str, path: str, headers: Headers) -> PlainTextResponse | None:
        if self._login is not None and not _knows(self._login, headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Basic realm="Rivulet", charset="UTF-8"'}
            return PlainTextResponse("Please log in.", 401, challenge)
        if READING.fullmatch(path):
            if method in ("GET", "HEAD"):
                return None
            return PlainTextResponse("Only to be read.", 405, {"Allow": "GET, HEAD"})
        if method != "POST":
            return PlainTextResponse("Only by POST.", 405, {"Allow": "POST"})
        if not _is_from_here(headers):
            return PlainTextResponse("Not from another site.", 403)
        return None


def _knows(login: str, authorization: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    try:
        given = b64decode(credentials, validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(given, login.encode()) and scheme.lower() == "basic"


def _is_from_here(headers: Headers) -> bool:
    """Whether a page of ours sent this. Every browser since 2020 sends one of the two headers with
    a POST; who sends none is no browser, and holds no login that another site could borrow.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    if (origin := headers.get("origin")) is None:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False
