"""``rivulet demo | web | worker | dashboard | check | person | cut``."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence

from app.errors import NewerLayout
from app.settings import SettingsError, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. What is wrong is one clear line each, on standard error."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.run(given))
    except (SettingsError, CannotStart, NewerLayout) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except KeyboardInterrupt:
        return 130


class CannotStart(Exception):
    """The command cannot run here; the message says why and what to do."""


def web(given: argparse.Namespace) -> int:
    """Serve webhooks until SIGTERM; running requests are finished."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from app.adapters.redis_layout import claim_layout

    settings = load_settings()  # before any process starts: its complaints are for people
    claim_layout(settings.redis_url.get_secret_value())
    config = uvicorn.Config(
        "app.main:asgi",
        factory=True,
        host=given.host,
        port=given.port,
        workers=given.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks who the client is
        ws="none",
        timeout_graceful_shutdown=15,
    )
    listener = listen(given.host, given.port)
    _end_well_on_sigterm()
    if given.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def worker(given: argparse.Namespace) -> int:
    """Become a worker process: ``app`` never imports ``workers``."""
    more = ["--max-concurrency", str(given.max_concurrency)] if given.max_concurrency else []
    os.execv(sys.executable, [sys.executable, "-m", "workers.main", *more])  # noqa: S606


def dashboard(given: argparse.Namespace) -> int:
    """Serve rq-dashboard on our queue."""
    import uvicorn

    from app.web.dashboard import create_dashboard

    settings = load_settings()
    if not (settings.dashboard_username and settings.dashboard_password):
        raise CannotStart("DASHBOARD_USERNAME, DASHBOARD_PASSWORD: are missing")
    app = create_dashboard(
        settings.redis_url.get_secret_value(),
        username=settings.dashboard_username,
        password=settings.dashboard_password,
    )
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, ws="none")
    _end_well_on_sigterm()
    uvicorn.Server(config).run(sockets=[listen(given.host, given.port)])
    return 0


def _end_well_on_sigterm() -> None:
    # uvicorn, once it has stopped, raises the signal again for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)


def demo(given: argparse.Namespace) -> int:
    """Everything on this machine, with nothing to configure."""
    from app.simulator.demo import DemoFailed, run

    try:
        return run(port=given.port, say=given.say or [])
    except DemoFailed as exc:
        raise CannotStart(str(exc)) from exc


def check(_: argparse.Namespace) -> int:
    """Is everything as it must be? One line each."""
    from app.check import run

    return run()


def person(given: argparse.Namespace) -> int:
    """Export or erase everything that is held about one person."""
    from app.person import run

    return run(given.action)


def cut(given: argparse.Namespace) -> int:
    """Show where an answer on standard input would be cut, and why."""
    from app.core.explain import as_text, explain

    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    sys.stdout.write(as_text(explain(text, min_chars=given.min, max_chars=given.max)))
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        CannotStart: The port is taken, or the address is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise CannotStart(
            f"Cannot listen on {host} port {port}: {exc.strerror}. Choose another with --port."
        ) from exc
    listener.set_inheritable(True)
    return listener


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text}: not a port")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text}: not a number from 1 on")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rivulet",
        description="Answers a business's WhatsApp number with a language model, in bubbles.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser("demo", help="everything on this machine, nothing to configure")
    one.add_argument("--port", type=_port, default=8000, help="the first of four (8000)")
    one.add_argument("--say", nargs="+", metavar="TEXT", help="send this, print the reply, exit")
    one.set_defaults(run=demo)

    one = commands.add_parser("web", help="the web process: takes Meta's webhooks")
    one.add_argument("--host", default="127.0.0.1")
    one.add_argument("--port", type=_port, default=8000)
    one.add_argument("--workers", type=_count, default=1, help="processes on this port")
    one.set_defaults(run=web)

    one = commands.add_parser("worker", help="one worker process: answers conversations")
    one.add_argument("--max-concurrency", type=_count, metavar="N", help="conversations at once")
    one.set_defaults(run=worker)

    one = commands.add_parser("dashboard", help="rq-dashboard on our queue")
    one.add_argument("--host", default="127.0.0.1")
    one.add_argument("--port", type=_port, default=9181)
    one.set_defaults(run=dashboard)

    one = commands.add_parser("check", help="are settings, Redis, Meta and the model all right?")
    one.set_defaults(run=check)

    one = commands.add_parser("person", help="export or erase all that is held about somebody")
    one.add_argument("action", choices=["export", "erase"], help="whom, it reads from its input")
    one.set_defaults(run=person)

    one = commands.add_parser("cut", help="show where an answer on standard input would be cut")
    one.add_argument("--min", type=int, default=100, help="BUBBLE_MIN_CHARS")
    one.add_argument("--max", type=int, default=200, help="BUBBLE_MAX_CHARS")
    one.set_defaults(run=cut)
    return parser
