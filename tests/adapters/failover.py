"""A primary, its replica, and a link between them that can be held up; then the primary dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.model import InboundMessage
from tests.adapters.relay import Relay, relay_to, until
from tests.adapters.servers import Server, server_in
from tests.contracts.conftest import KEYS


@dataclass
class Pair:
    """Both servers, and the ways that lead to them.

    Attributes:
        link: From the replica to the primary.
        door: From us to whoever is the primary.
    """

    primary: Server
    replica: Server
    link: Relay
    door: Relay

    async def in_step(self) -> None:
        """Return once the replica has all that the primary has."""

        async def has_all() -> bool:
            return self.primary.redis.wait(1, 1) == 1  # at once: the link needs our loop

        await until(has_all)

    async def fail_over(self, *, after: float = 0.0) -> None:
        """The primary dies, with all that the link still held; the replica takes its place.

        Args:
            after: Seconds without a primary, until somebody has noticed.
        """
        self.primary.kill()
        await self.link.stop()
        await asyncio.sleep(after)
        self.replica.redis.replicaof("NO", "ONE")
        await self.door.stop()
        self.door.target = {"path": str(self.replica.folder / "valkey.sock")}
        await self.door.start()


@asynccontextmanager
async def pair_in(folder: Path, **options: str) -> AsyncIterator[Pair]:
    """Running, and in step.

    Args:
        options: Of the primary; see ``server_in``.
    """
    async with AsyncExitStack() as stack:
        primary = stack.enter_context(server_in(folder / "a", **options))
        link = await stack.enter_async_context(relay_to(f"redis://127.0.0.1:{primary.port}", None))
        door = await stack.enter_async_context(relay_to(primary.url, folder))
        replica = stack.enter_context(
            server_in(folder / "b", replicaof=f"127.0.0.1 {link.port}", repl_timeout="60")
        )
        pair = Pair(primary, replica, link, door)
        await until(lambda: _linked(replica))
        yield pair


async def _linked(replica: Server) -> bool:
    info: Any = replica.redis.info("replication")
    return bool(info["master_link_status"] == "up")


def known(server: Server, message: InboundMessage) -> bool:
    """Whether this server remembers that it has taken the message in."""
    return bool(server.redis.exists(f"rv:seen:{KEYS.message(message.wamid)}"))
