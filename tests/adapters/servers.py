"""Redis servers of a test's own, which it may stop, kill and start again."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from app.simulator.valkey import _binary, ending_with_us
from tests.ports import free_port

START_SECONDS = 20.0
OPTIONS = {
    "appendonly": "yes",
    "maxmemory-policy": "noeviction",
    "save": "",
    "bind": "127.0.0.1",
    "repl-diskless-sync-delay": "0",
}
"""As an operator should have them; replicas need not wait for each other."""


@dataclass
class Server:
    """One server; its data stays in its folder while it is down.

    Attributes:
        port: Where replicas and those behind a relay reach it.
        redis: A client of the test's own.
    """

    folder: Path
    options: Mapping[str, str]
    port: int
    redis: "Redis"
    running: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """As a client of ours takes it."""
        return f"unix://{self.folder / 'valkey.sock'}"

    def start(self) -> None:
        """Return when it answers, with whatever it has read from its folder."""
        options = {
            **OPTIONS,
            "port": str(self.port),
            "unixsocket": str(self.folder / "valkey.sock"),
            "dir": str(self.folder),
            **self.options,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (self.folder / "valkey.log").open("ab") as log:
            command = ending_with_us([_binary(), *words])
            self.running = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.running.poll() is None, (self.folder / "valkey.log").read_text()
            assert time.monotonic() < deadline, (self.folder / "valkey.log").read_text()
            time.sleep(0.02)  # a server that starts tells nobody

    def _answers(self) -> bool:
        with suppress(RedisError):
            return bool(self.redis.ping())
        return False

    def stop(self) -> None:
        """By SIGTERM; the second time does nothing."""
        if self.running:
            self.running.terminate()
            self.running.wait(timeout=START_SECONDS)
            self.running = None

    def kill(self) -> None:
        """By SIGKILL; the second time does nothing."""
        if self.running:
            self.running.kill()
            self.running.wait()
            self.running = None


@contextmanager
def server_in(folder: Path, **options: str) -> Iterator[Server]:
    """A running server; ended with the block.

    Args:
        folder: Its own; a short path, since a socket's may have about 100 characters.
        options: Of its configuration, ``_`` for ``-``.
    """
    folder.mkdir(exist_ok=True)
    redis = Redis.from_url(f"unix://{folder / 'valkey.sock'}", decode_responses=True)
    named = {name.replace("_", "-"): value for name, value in options.items()}
    server = Server(folder, named, free_port(), redis)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        redis.close()
