"""The asyncio client goes where the given one goes."""

from typing import Any

import pytest
from redis import Redis
from redis.asyncio import SSLConnection

from workers.twin import async_twin


@pytest.mark.parametrize(
    ("url", "address"),
    [
        pytest.param(
            "redis://ada:secret@redis.test:6380/5",
            {"host": "redis.test", "port": 6380, "db": 5, "username": "ada", "password": "secret"},
            id="host, login and database",
        ),
        pytest.param(
            "unix:///run/redis.sock?db=2", {"path": "/run/redis.sock", "db": 2}, id="file"
        ),
        pytest.param(
            "rediss://redis.test?ssl_ca_certs=/ca.pem&ssl_check_hostname=false",
            {"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False},
            id="TLS",
        ),
    ],
)
async def test_the_address_is_the_same(url: str, address: dict[str, object]) -> None:
    with Redis.from_url(url) as redis:
        async with async_twin(redis, socket_timeout=7) as twin:
            pool = twin.connection_pool
            expected = {**address, "socket_timeout": 7}
            assert {name: pool.connection_kwargs[name] for name in expected} == expected
            assert issubclass(pool.connection_class, SSLConnection) is url.startswith("rediss")
            make: Any = pool.make_connection
            make()  # redis-py checks its keywords here


async def test_it_reaches_the_server(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.set("tests:twin", "seen")
        async with async_twin(redis, socket_timeout=7) as twin:
            assert await twin.get("tests:twin") == b"seen"
