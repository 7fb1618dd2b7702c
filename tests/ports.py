"""Ports for processes that take one by number."""

import os
import secrets
import socket
from contextlib import suppress
from itertools import cycle

# Below those that systems give to outgoing connections, one of which would else take a port between
# our look and our process's start. Each of pytest's processes has a range of its own.
_RANGE = 1000
_FIRST = 20_000 + _RANGE * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 12)
_ports = cycle(range(_FIRST, _FIRST + _RANGE))
for _ in range(secrets.randbelow(_RANGE)):
    next(_ports)  # another run on this machine begins elsewhere


def free_port() -> int:
    """A port that nobody listens on, and that is not given again for long."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports never end")
