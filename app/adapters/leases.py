"""Keeps the leases of all turns that this process works on, from a thread of its own.

From a thread because a loop that is blocked for seconds must not look dead: its conversations would
be given to a second worker while it still holds them.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

log = structlog.get_logger()

LEASE_SECONDS = 10.0
"""How long a dead worker's conversation waits before another may take it."""

RENEW_SECONDS = LEASE_SECONDS / 4


@dataclass(frozen=True, slots=True)
class Lease:
    """One conversation in our hands.

    Attributes:
        token: Ours alone; whoever holds the lease in Redis is named by it.
        on_lost: Called once, on the loop, when another token stands there.
    """

    conversation: str
    token: str
    loop: asyncio.AbstractEventLoop
    on_lost: Callable[[], None]


class LeaseKeeper:
    """Renews every held lease in one round trip every ``RENEW_SECONDS``."""

    def __init__(self, redis: "Redis", renew: Script) -> None:
        """
        Args:
            redis: A connection of the keeper's own; closed with it.
            renew: ``renew_lease.lua``, registered on that connection.
        """
        self._redis = redis
        self._renew = renew
        self._held: dict[str, Lease] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def hold(self, lease: Lease) -> None:
        """Keep this lease until ``let_go``."""
        self._held[lease.token] = lease
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
            self._thread.start()

    def let_go(self, token: str) -> None:
        """Renew it no more. Twice is harmless."""
        self._held.pop(token, None)

    def close(self) -> None:
        """End the thread; leases still held run out by themselves."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=LEASE_SECONDS)
        self._redis.close()

    def _run(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                self._renew_all()
            except RedisError as exc:
                # The leases may run out meanwhile; the next round, or the next send, will tell.
                log.warning("lease.renewal_failed", error=type(exc).__name__)

    def _renew_all(self) -> None:
        held = list(self._held.values())
        if not held:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            for lease in held:
                self._renew(
                    args=[lease.conversation, lease.token, int(LEASE_SECONDS * 1000)], client=pipe
                )
            kept = pipe.execute()
        for lease, ours in zip(held, kept, strict=True):
            if not ours and self._held.pop(lease.token, None) is not None:
                lease.loop.call_soon_threadsafe(lease.on_lost)
