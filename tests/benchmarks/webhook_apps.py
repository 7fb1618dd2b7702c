"""What the webhook is compared with: an empty handler, and the way of the textbooks.

python -m tests.benchmarks.webhook_apps empty|textbook PORT
"""

import hashlib
import hmac
import json
import os
import sys
from contextlib import AsyncExitStack

import uvicorn
from redis import Redis
from rq import Queue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.bootstrap import open_services
from app.main import create_app
from app.settings import load_settings


def empty() -> Starlette:
    """Our own app, but that its webhook says 200 to a body that nobody has read."""
    settings = load_settings()
    services, meter = open_services(settings, AsyncExitStack())
    app = create_app(services, meter.render, app_secrets=settings.app_secrets, verify_token="word")

    async def answer(_: Request) -> Response:
        return Response(status_code=200)

    webhook = Route("/webhook", answer, methods=["GET", "POST"])
    app.router.routes[0] = webhook  # in the place of our own, so that finding it costs the same
    return app


def textbook() -> Starlette:
    """Verify, parse, ``Queue.enqueue`` in the handler: what most people write."""
    secret = os.environ["WHATSAPP_APP_SECRET"].encode()
    queue = Queue("textbook", connection=Redis.from_url(os.environ["REDIS_URL"]))

    async def answer(request: Request) -> Response:
        body = await request.body()
        wanted = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, request.headers.get("x-hub-signature-256", "")):
            return Response(status_code=401)
        for entry in json.loads(body)["entry"]:
            for change in entry["changes"]:
                for message in change["value"].get("messages", []):
                    queue.enqueue("textbook.answer", message)
        return Response(status_code=200)

    return Starlette(routes=[Route("/webhook", answer, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(  # as app.cli.web does
        {"empty": empty, "textbook": textbook}[sys.argv[1]](),
        port=int(sys.argv[2]),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
    )
