"""The asyncio client of the Redis that a synchronous client speaks to.

RQ hands its worker a synchronous client only. Copying the pool's keywords whole would copy locks
and handlers of that pool too (redis-py 8.1 keeps some among them), so we name what an address is.
"""

from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import NoBackoff
from redis.connection import SSLConnection
from redis.sentinel import SentinelConnectionPool, SentinelManagedSSLConnection

ADDRESS = (
    "host",
    "port",
    "db",
    "username",
    "password",
    "credential_provider",
    "protocol",
    "ssl_keyfile",
    "ssl_certfile",
    "ssl_cert_reqs",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_ca_data",
    "ssl_check_hostname",
    "ssl_password",
    "ssl_min_version",
    "ssl_ciphers",
)


def async_twin(redis: Redis, *, socket_timeout: float) -> AsyncRedis:
    """An asyncio client for the same server, database and user, with a pool of its own.

    Behind Sentinel it asks the same sentinels for the same service, so it follows a failover.
    It never repeats a command by itself: a repeated pop would leave a job behind.

    Args:
        socket_timeout: Seconds to connect, and for each answer; longer than any blocking command.
    """
    pool = redis.connection_pool
    known = pool.connection_kwargs
    address: dict[str, Any] = {name: known[name] for name in ADDRESS if name in known}
    limits: dict[str, Any] = {
        "socket_timeout": socket_timeout,
        "socket_connect_timeout": socket_timeout,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
    }
    if isinstance(pool, SentinelConnectionPool):
        manager = pool.sentinel_manager
        ssl = issubclass(pool.connection_class, SentinelManagedSSLConnection)
        sentinels = [
            (kwargs["host"], kwargs["port"])
            for kwargs in (one.connection_pool.connection_kwargs for one in manager.sentinels)
        ]
        asking: Any = AsyncSentinel  # redis-py gives no types here
        twin: AsyncRedis = asking(
            sentinels, manager.min_other_sentinels, manager.sentinel_kwargs
        ).master_for(pool.service_name, ssl=ssl, **address, **limits)
        return twin
    if path := known.get("path"):
        return AsyncRedis(unix_socket_path=path, **address, **limits)
    return AsyncRedis(ssl=issubclass(pool.connection_class, SSLConnection), **address, **limits)
