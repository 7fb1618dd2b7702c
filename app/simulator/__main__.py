"""``python -m app.simulator meta|model``: one of the two as a process, on loopback.

``crowd`` has many people write through a running one, to its end.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence

import httpx2
import uvicorn
from starlette.applications import Starlette

from app.simulator.crowd import crowd
from app.simulator.knobs import BadKnob, Knobs
from app.simulator.meta import create_meta
from app.simulator.model import create_model
from app.simulator.scripted import Pace
from app.simulator.serve import config
from app.simulator.world import MetaSettings

SECRETS = ("WHATSAPP_APP_SECRET", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_VERIFY_TOKEN")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; 2 when an argument or a secret is missing or wrong."""
    asked = _parser().parse_args(arguments)
    if asked.what == "crowd":
        return _crowd(asked)
    try:
        app = _meta(asked) if asked.what == "meta" else _model(asked)
    except (BadKnob, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    uvicorn.Server(config(app, host=asked.host, port=asked.port)).run()
    return 0


def _meta(asked: argparse.Namespace) -> Starlette:
    missing = [name for name in SECRETS if not os.environ.get(name)]
    if missing:
        raise ValueError(f"set {', '.join(missing)} in the environment")
    app_secret, access_token, verify_token = (os.environ[name] for name in SECRETS)
    turned = {"webhook_url": asked.webhook_url, **_pairs(asked.set)}
    return create_meta(
        MetaSettings(
            # During a rotation there are two; Meta signs with the first.
            app_secret=app_secret.split(",")[0],
            access_token=access_token,
            verify_token=verify_token,
            knobs=Knobs().turned(turned),
            model_url=asked.model_url,
            record_size=asked.record_size,
        )
    )


def _model(asked: argparse.Namespace) -> Starlette:
    pace = Pace()
    pace.turn(_pairs(asked.set))
    return create_model(pace, events_url=asked.events_url)


def _crowd(asked: argparse.Namespace) -> int:
    token = os.environ.get("ADMIN_TOKEN", "")
    urls = {"meta_url": asked.meta_url, "web_url": asked.web_url}
    try:
        return asyncio.run(
            crowd(asked.people, asked.seconds, **urls, token=token, faults=asked.faults)
        )
    except httpx2.HTTPError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1


def _pairs(given: Sequence[str]) -> dict[str, object]:
    pairs: dict[str, object] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        try:
            pairs[name] = json.loads(value)
        except ValueError:
            pairs[name] = value
    return pairs


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.simulator")
    kinds = parser.add_subparsers(dest="what", required=True)
    meta = kinds.add_parser("meta", help="the Graph API, webhooks and the phone page")
    meta.add_argument("--webhook-url", help="where webhooks go")
    meta.add_argument("--model-url", help="the scripted model, to pass its faults on to")
    meta.add_argument("--record-size", type=int, default=100_000, help="events kept")
    model = kinds.add_parser("model", help="a scripted, OpenAI-shaped model")
    model.add_argument("--events-url", help="META/simulator/model-events, for the page's figures")
    many = kinds.add_parser("crowd", help="people who write to the business, and how it went")
    many.add_argument("--meta-url", required=True, help="the pretended Meta")
    many.add_argument("--web-url", required=True, help="the web process, for its /metrics")
    many.add_argument("--people", type=int, default=200)
    many.add_argument("--seconds", type=float, default=30, help="over which they begin")
    many.add_argument("--faults", action="store_true", help="of Meta, the network and the model")
    for kind in (meta, model):
        kind.add_argument("--host", default="127.0.0.1")
        kind.add_argument("--port", type=int, required=True)
        kind.add_argument("--set", action="append", default=[], metavar="NAME=JSON")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
