"""Redis clients from one URL: plain, TLS, socket file or Sentinel; async, or sync for threads.

``redis+sentinel://[user:password@]host:port,host:port/service/db`` asks the sentinels for the
primary at each new connection, so a failover needs no restart.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

from redis import Redis, Sentinel
from redis.asyncio import BlockingConnectionPool, ConnectionPool
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import Sentinel as AsyncSentinel
from redis.connection import HiredisRespSerializer
from redis.typing import EncodableT

SOCKET_SECONDS = 5.0
"""No answer for so long is a broken connection. Blocking reads bring their own, longer limit."""

MOST_CONNECTIONS = 200
"""Connections of one process; a call that finds all in use waits for one. With 64 of them, 300
turns that began at the same moment kept each other waiting for 15 s; with 256, for 5 s.
"""

CONNECTION_SECONDS = 30.0
"""So long. More than for an answer: no Redis is at fault when a busy loop comes round slowly."""

SENTINEL_SCHEME = "redis+sentinel://"
SENTINEL_OPTIONS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}

# redis-py gives its Sentinel classes no types.
_Sentinel: Any = Sentinel
_AsyncSentinel: Any = AsyncSentinel


def async_redis(url: str) -> "AsyncRedis":
    """An async client; connects when first used."""
    if url.startswith(SENTINEL_SCHEME):
        hosts, service, options = _sentinel(url)
        sentinel = _AsyncSentinel(hosts, sentinel_kwargs=SENTINEL_OPTIONS, **options)
        primary: AsyncRedis = sentinel.master_for(service, redis_class=AsyncRedis)
        _pack_by_hiredis(primary.connection_pool)
        return primary
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MOST_CONNECTIONS,
        timeout=CONNECTION_SECONDS,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        health_check_interval=30,
    )
    _pack_by_hiredis(pool)
    return AsyncRedis.from_pool(pool)


class _PackedByHiredis:
    """Commands are written by redis-py's own serializer in C, which its async connections do not
    use: 15 µs instead of 66 for the script call of 32 webhooks.
    """

    _serializer: Any = HiredisRespSerializer()  # its types are wrong

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        packed: list[bytes] = self._serializer.pack(*args)
        return packed


def _pack_by_hiredis(pool: ConnectionPool) -> None:
    kind = pool.connection_class
    pool.connection_class = type(kind.__name__, (_PackedByHiredis, kind), {})


def sync_redis(url: str, **options: Any) -> "Redis":
    """A blocking client, for threads and for RQ; ``options`` are redis-py's own."""
    if url.startswith(SENTINEL_SCHEME):
        hosts, service, more = _sentinel(url)
        sentinel = _Sentinel(hosts, sentinel_kwargs=SENTINEL_OPTIONS, **{**more, **options})
        primary: Redis = sentinel.master_for(service, redis_class=Redis)
        return primary
    return Redis.from_url(
        url,
        **{
            "socket_timeout": SOCKET_SECONDS,
            "socket_connect_timeout": SOCKET_SECONDS,
            "health_check_interval": 30,
            **options,
        },
    )


def _sentinel(url: str) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """Sentinels' addresses, the service's name and the primary's connection options.

    Raises:
        ValueError: The URL is not of the form above.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # whose text quotes the password
        raise ValueError("REDIS_URL: cannot be read") from None
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    service, _, database = parts.path.strip("/").partition("/")
    addresses = []
    for host in hosts.split(","):
        name, _, port = host.rpartition(":")
        if not name or not port.isdecimal():
            raise ValueError("REDIS_URL: each sentinel needs host:port")
        addresses.append((name.strip("[]"), int(port)))
    if not service:
        raise ValueError("REDIS_URL: the sentinel's service name is missing after the hosts")
    if database and not database.isdecimal():
        raise ValueError("REDIS_URL: the database after the service's name is no number")
    options: dict[str, Any] = {
        "db": int(database or 0),
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": SOCKET_SECONDS,
        "health_check_interval": 30,
    }
    if user:
        options["username"] = unquote(user)
    if password:
        options["password"] = unquote(password)
    return addresses, service, options
