"""``rivulet demo``: every part on this machine, as the separate processes of production.

What a person says on the phone page goes through the same webhook, queue, worker and sender as on a
real number; only Meta is pretended, and the model too unless a real one is set.
"""

import asyncio
import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from dotenv import dotenv_values
from redis import Redis

from app.settings import Installation, Settings, load_settings
from app.simulator.say import say_and_show
from app.simulator.valkey import NoRedis, redis_for

READY_SECONDS = 40.0
LOOK_SECONDS = 0.05
STOP_SECONDS = 10.0
MODEL_SECONDS = 5.0

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, ``kill``, and a terminal that is closed."""

OPENAI_URL = "https://api.openai.com/v1"

MADE_UP = "demo-"

DEFAULT_PROMPT = (
    "You answer customers of a small shop for lamps and kitchen things on WhatsApp."
    " You do not know their orders; say so when asked, and how to reach a person."
)


class DemoFailed(Exception):
    """The demo cannot run, or one of its processes ended; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts are; four ports in a row."""

    port: int

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def phone(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def dashboard(self) -> str:
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def model(self) -> str:
        return f"http://127.0.0.1:{self.port + 3}"


def run(*, port: int, say: Sequence[str]) -> int:
    """Start everything, then wait for Ctrl-C (or, with ``say``, for the reply); the exit status.

    Raises:
        DemoFailed: It cannot start, or a part ended by itself.
        SettingsError: A setting in the environment or ``.env`` is wrong.
    """
    at = Addresses(port)
    _check_ports(at)
    for number in STOP_SIGNALS:  # until the loop takes over
        _on_signal(number, signal.default_int_handler)
    given = {**_env_file(), **os.environ}
    try:
        with (
            redis_for("demo", redis_url=given.get("REDIS_URL")) as redis_url,
            tempfile.TemporaryDirectory(prefix="rivulet-demo-") as folder,
        ):
            environment = _environment(given, redis_url, at)
            settings = load_settings(environment, env_file=None)
            return asyncio.run(_run(at, environment, settings, Path(folder), say))
    except NoRedis as exc:
        raise DemoFailed(str(exc)) from exc


def _on_signal(number: signal.Signals, do: "Callable[..., object] | signal.Handlers") -> None:
    # ``nohup`` has the hang-up ignored, and so it stays.
    if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
        signal.signal(number, do)


def _check_ports(at: Addresses) -> None:
    """Raises:
    DemoFailed: One is in use, or not ours to use.
    """
    for port in range(at.port, at.port + 4):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError) as exc:
                reason = exc.strerror if isinstance(exc, OSError) else exc
                raise DemoFailed(
                    f"Port {port}: {reason}. The demo takes {at.port} to {at.port + 3};"
                    " choose others with --port."
                ) from None


def _env_file() -> dict[str, str]:
    return {name: value for name, value in dotenv_values(".env").items() if value is not None}


def _environment(given: Mapping[str, str], redis_url: str, at: Addresses) -> dict[str, str]:
    """The settings of all parts: a person's own, but for Meta, which is always pretended."""
    environment = {name: value for name, value in given.items() if name[:9] != "WHATSAPP_"}
    environment |= {
        "REDIS_URL": redis_url,
        "WHATSAPP_ACCESS_TOKEN": secrets.token_hex(16),
        "WHATSAPP_APP_SECRET": secrets.token_hex(16),
        "WHATSAPP_VERIFY_TOKEN": secrets.token_hex(16),
        "WHATSAPP_GRAPH_URL": at.phone,
        "WHATSAPP_GRAPH_VERSION": "v26.0",
        "NUMBERS_FILE": os.devnull,  # an installation's own numbers are not the pretended Meta's
        "PYTHONUNBUFFERED": "1",
    }
    environment.setdefault("RIVULET_KEY", secrets.token_hex(16))
    environment.setdefault("ADMIN_TOKEN", MADE_UP + secrets.token_hex(8))
    if not _has_model(environment):
        environment |= {
            "OPENAI_BASE_URL": f"{at.model}/v1",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_MODEL": "scripted",
        }
    if not (environment.get("BOT_SYSTEM_PROMPT") or environment.get("BOT_SYSTEM_PROMPT_FILE")):
        environment["BOT_SYSTEM_PROMPT"] = DEFAULT_PROMPT
    return environment


def _has_model(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("OPENAI_API_KEY") or environment.get("OPENAI_BASE_URL"))


async def _run(
    at: Addresses,
    environment: dict[str, str],
    settings: Installation,
    folder: Path,
    say: Sequence[str],
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        for number in STOP_SIGNALS:
            _on_signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
            # What is left then ends by itself; once more would leave some of it behind.
            stack.callback(_on_signal, number, signal.SIG_IGN)
        await _check_model(settings, at)
        parts = await stack.enter_async_context(_parts(at, environment, folder))
        ending = asyncio.create_task(_first_to_end(parts))
        stack.callback(ending.cancel)
        stopping = asyncio.create_task(stop.wait())
        stack.callback(stopping.cancel)
        starting = asyncio.create_task(_until_ready(at, settings))
        stack.callback(starting.cancel)
        await _first_of(starting, ending, stopping)
        if stop.is_set():
            return 0
        _write(_welcome(at, settings, folder, waits=not say))
        if say:
            from app.bootstrap import open_services  # slow; by now the parts have started

            services, _ = open_services(settings, stack)
            work = asyncio.create_task(say_and_show(say, phone_url=at.phone, store=services.store))
            stack.callback(work.cancel)
            await _first_of(work, ending, stopping)
            return work.result() if work.done() else 130
        await _first_of(ending, stopping)
        _write("\nStopping …\n")
        return 0


async def _check_model(settings: Settings, at: Addresses) -> None:
    """Nothing, unless a real model is set.

    Raises:
        DemoFailed: Nothing listens where it should be, or it refuses the key.
    """
    url = settings.openai_base_url or OPENAI_URL
    if url.startswith(at.model):
        return
    key = settings.openai_api_key.get_secret_value()
    headers = {b"Authorization": f"Bearer {key}".encode()} if key else {}
    try:
        async with httpx2.AsyncClient(timeout=MODEL_SECONDS, headers=headers) as client:
            status = (await client.get(f"{url.rstrip('/')}/models")).status_code
    except (httpx2.ConnectError, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as exc:
        raise DemoFailed(f"OPENAI_BASE_URL: no model at {url}: {type(exc).__name__}.") from exc
    except httpx2.HTTPError:
        return  # slow, or without this route: it is for the answers to show
    if status == 401:
        raise DemoFailed(f"OPENAI_API_KEY: the model's server at {url} refuses it (401).")


async def _first_of(*tasks: "asyncio.Task[object]") -> None:
    """Wait for one of these; raises what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


@dataclass(frozen=True, slots=True)
class Part:
    """One running process."""

    name: str
    process: asyncio.subprocess.Process
    log: Path


@asynccontextmanager
async def _parts(
    at: Addresses, environment: dict[str, str], folder: Path
) -> AsyncIterator[list[Part]]:
    """All processes; stopped in the order in which nobody misses the others."""
    commands = {
        "worker": ["-m", "workers.main"],
        "web": ["-m", "app", "web", "--port", str(at.port)],
        "dashboard": ["-m", "app.simulator.dashboard", str(at.port + 2)],
        "phone": [
            *("-m", "app.simulator", "meta", "--port", str(at.port + 1)),
            *("--webhook-url", f"{at.web}/webhook", "--model-url", at.model),
        ],
    }
    if environment["OPENAI_BASE_URL"].startswith(at.model):
        commands["model"] = [
            *("-m", "app.simulator", "model", "--port", str(at.port + 3)),
            *("--events-url", f"{at.phone}/simulator/model-events"),
        ]
    parts: list[Part] = []
    try:
        for name, arguments in commands.items():
            log = folder / f"{name}.log"
            with log.open("wb") as sink:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *arguments,
                    env=environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    start_new_session=True,  # Ctrl-C is for us; we end the parts in order
                )
            parts.append(Part(name, process, log))
        yield parts
    finally:
        for part in parts:
            await _stop(part)


async def _stop(part: Part) -> None:
    if part.process.returncode is not None:
        return
    part.process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await part.process.wait()
    except TimeoutError:
        part.process.kill()
        await part.process.wait()


async def _first_to_end(parts: Sequence[Part]) -> None:
    """Raises:
    DemoFailed: A part has ended by itself; with the last lines it wrote.
    """

    async def end(part: Part) -> Part:
        await part.process.wait()
        return part

    for first in asyncio.as_completed([end(part) for part in parts]):
        part = await first
        lines = part.log.read_text("utf-8", "replace").splitlines()[-5:]
        raise DemoFailed("\n".join([f"The {part.name} process has ended:", *lines]))


async def _until_ready(at: Addresses, settings: Settings) -> None:
    """Return once every part answers.

    Raises:
        DemoFailed: Not within ``READY_SECONDS``.
    """
    urls = [f"{at.web}/health/ready", f"{at.phone}/simulator/persons", f"{at.dashboard}/"]
    if (settings.openai_base_url or "").startswith(at.model):
        urls.append(f"{at.model}/v1/models")
    deadline = time.monotonic() + READY_SECONDS
    async with httpx2.AsyncClient(timeout=2.0) as client:
        for url in urls:
            while not await _answers(client, url):
                await _wait_a_little(deadline, url)
    with Redis.from_url(settings.redis_url.get_secret_value()) as redis:
        while not redis.scard("rq:workers"):
            await _wait_a_little(deadline, "the worker")


async def _answers(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx2.HTTPError:
        return False


async def _wait_a_little(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise DemoFailed(f"No answer from {what} within {READY_SECONDS:.0f} s.")
    await asyncio.sleep(LOOK_SECONDS)


def _welcome(at: Addresses, settings: Settings, folder: Path, *, waits: bool) -> str:
    scripted = (settings.openai_base_url or "").startswith(at.model)
    model = (
        "scripted; set OPENAI_API_KEY or OPENAI_BASE_URL for a real one"
        if scripted
        else f"{settings.openai_model} at {settings.openai_base_url or 'OpenAI'}"
    )
    lines = [
        "Rivulet is running, each part as a process of its own.",
        "",
        f"  Phone      {at.phone}/   write to the shop here",
        f"  Webhook    {at.web}/webhook",
        f"  Dashboard  {at.dashboard}/   the queue",
        f"  Admin      {at.web}/admin   {_admin_token(settings)}",
        f"  Model      {model}",
        f"  Logs       {folder}",
        "",
    ]
    return "\n".join([*lines, "Ctrl-C stops all of it.\n"] if waits else [*lines, ""])


def _admin_token(settings: Settings) -> str:
    """The one that the demo has made up; a person's own is not for the screen."""
    token = settings.admin_token.get_secret_value() if settings.admin_token else ""
    return f"with the token {token}" if token.startswith(MADE_UP) else "with your ADMIN_TOKEN"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
