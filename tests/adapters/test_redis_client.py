"""Every form of REDIS_URL leads to the Redis it names, with a limit on each wait."""

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.asyncio.connection import Connection
from redis.exceptions import DataError, RedisError, ResponseError

from app.adapters.redis_client import MOST_CONNECTIONS, SOCKET_SECONDS, async_redis, sync_redis
from app.simulator.valkey import _binary
from tests.adapters.relay import until

Options = dict[str, Any]


def options_of(client: Any) -> Options:
    """What a client of redis-py's connects with."""
    return dict(client.connection_pool.connection_kwargs)


@pytest.mark.parametrize(
    "url",
    [
        "redis://cellar",
        "rediss://cellar",
        "unix:///run/our.sock",
        "redis+sentinel://cellar:26379/quay/0",
    ],
)
def test_commands_are_written_as_redis_py_writes_them_but_by_hiredis(url: str) -> None:
    pool: Any = async_redis(url).connection_pool
    ours, its = pool.make_connection(), Connection()
    commands: list[tuple[Any, ...]] = [
        ("PING",),
        ("CLIENT SETINFO", "LIB-NAME", ""),
        ("SET", "ü😀", b"\xff\0", "EX", 60),
        ("ZADD", "key", 1795183206.7587018, "a", -0.5, "b", 1e300, "c", 2**62, "d"),
        ("EVALSHA", "f" * 40, 0, *(b"x" * size for size in (0, 1, 6000, 100_000))),
        ("SET", "key", memoryview(b"seen")),
    ]
    for command in commands:
        (packed,) = ours.pack_command(*command)  # redis-py's own writes large ones in pieces
        assert packed == b"".join(its.pack_command(*command))
    with pytest.raises(DataError):
        ours.pack_command("SET", "key", None)


# -- one Redis -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("redis://cellar", {"host": "cellar"}, id="host"),
        pytest.param("redis://cellar:6390/7", {"host": "cellar", "port": 6390, "db": 7}, id="all"),
        pytest.param(
            "redis://otto:p%40ss%2Fword@cellar/1",
            {"host": "cellar", "username": "otto", "password": "p@ss/word", "db": 1},
            id="login",
        ),
        pytest.param("redis://:word@cellar", {"password": "word"}, id="password alone"),
        pytest.param("redis://[::1]:6390", {"host": "::1", "port": 6390}, id="IPv6"),
        pytest.param("rediss://cellar:6390", {"host": "cellar", "port": 6390}, id="TLS"),
        pytest.param("unix:///run/our.sock?db=2", {"path": "/run/our.sock", "db": 2}, id="file"),
    ],
)
@pytest.mark.parametrize("make", [async_redis, sync_redis], ids=["async", "sync"])
def test_a_url_says_where_and_every_wait_is_bounded(
    make: Callable[[str], Any], url: str, expected: Options
) -> None:
    client = make(url)
    options = options_of(client)
    assert {name: options[name] for name in expected} == expected
    assert options["socket_timeout"] == SOCKET_SECONDS
    assert options["socket_connect_timeout"] == SOCKET_SECONDS
    is_tls = "SSL" in client.connection_pool.connection_class.__name__
    assert is_tls == url.startswith("rediss:")


def test_a_thread_may_bring_its_own_limits() -> None:
    assert options_of(sync_redis("redis://cellar", socket_timeout=0.5))["socket_timeout"] == 0.5


async def test_both_clients_speak_to_the_server(redis_url: str) -> None:
    client = async_redis(redis_url)
    await client.set("rv:word", "salt")
    with sync_redis(redis_url) as other:
        assert other.get("rv:word") == b"salt"
    await client.aclose()


async def test_more_calls_than_connections_wait_for_each_other(redis_url: str) -> None:
    client = async_redis(redis_url)
    await asyncio.gather(*(client.incr("rv:n") for _ in range(3 * MOST_CONNECTIONS)))
    assert await client.get("rv:n") == b"%d" % (3 * MOST_CONNECTIONS)
    assert len(await client.client_list()) <= MOST_CONNECTIONS + 5  # the tests' own are there too
    await client.aclose()


async def test_a_call_waits_longer_for_a_connection_than_for_an_answer(redis_url: str) -> None:
    client = async_redis(redis_url)
    pool: Any = client.connection_pool  # redis-py types only part of it
    busy = [await pool.get_connection() for _ in range(MOST_CONNECTIONS)]
    call = asyncio.ensure_future(client.set("rv:word", "salt"))
    done, _ = await asyncio.wait({call}, timeout=SOCKET_SECONDS + 0.5)
    assert not done
    for connection in busy:
        await pool.release(connection)
    assert await call
    await client.aclose()


# -- Sentinel ------------------------------------------------------------------------------------


def sentinels_of(client: Any) -> list[tuple[str, int]]:
    manager = client.connection_pool.sentinel_manager
    places = [options_of(sentinel) for sentinel in manager.sentinels]
    return [(place["host"], place["port"]) for place in places]


@pytest.mark.parametrize(
    ("url", "hosts", "service", "expected"),
    [
        pytest.param("redis+sentinel://a:1/house", [("a", 1)], "house", {"db": 0}, id="one"),
        pytest.param(
            "redis+sentinel://a:1,b:2,c:3/house/4",
            [("a", 1), ("b", 2), ("c", 3)],
            "house",
            {"db": 4},
            id="three, and a database",
        ),
        pytest.param("redis+sentinel://a:1/house/", [("a", 1)], "house", {"db": 0}, id="slash"),
        pytest.param(
            "redis+sentinel://otto:p%40ss%3A@a:1/house",
            [("a", 1)],
            "house",
            {"username": "otto", "password": "p@ss:"},
            id="login",
        ),
        pytest.param(
            "redis+sentinel://:word@a:1/house",
            [("a", 1)],
            "house",
            {"password": "word"},
            id="password alone",
        ),
        pytest.param(
            "redis+sentinel://[::1]:1,[::2]:2/house",
            [("::1", 1), ("::2", 2)],
            "house",
            {},
            id="IPv6",
        ),
    ],
)
@pytest.mark.parametrize("make", [async_redis, sync_redis], ids=["async", "sync"])
def test_a_sentinel_url_names_the_sentinels_and_the_service(
    make: Callable[[str], Any],
    url: str,
    hosts: list[tuple[str, int]],
    service: str,
    expected: Options,
) -> None:
    client = make(url)
    assert sentinels_of(client) == hosts
    assert client.connection_pool.service_name == service
    options = options_of(client)
    assert {name: options[name] for name in expected} == expected
    assert options["socket_timeout"] == SOCKET_SECONDS


@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param("redis+sentinel://:word@a/house", "host:port", id="no port"),
        pytest.param("redis+sentinel://:word@a:b/house", "host:port", id="port of letters"),
        pytest.param("redis+sentinel://:word@a:²/house", "host:port", id="port that is no digit"),
        pytest.param("redis+sentinel://:word@a:1,/house", "host:port", id="empty host at the end"),
        pytest.param("redis+sentinel://:word@/house", "host:port", id="no host"),
        pytest.param("redis+sentinel://:word@a:1", "service", id="no service"),
        pytest.param("redis+sentinel://:word@a:1/", "service", id="empty service"),
        pytest.param("redis+sentinel://:word@a:1/house/x", "database", id="database of letters"),
        pytest.param("redis+sentinel://:word@a:1/house/0/9", "database", id="one part too many"),
        pytest.param("redis+sentinel://:word℀@a:1/house", "read", id="letters no host has"),
        pytest.param("redis+sentinel://:x/word@a:1/house", "host:port", id="slash in a password"),
    ],
)
@pytest.mark.parametrize("make", [async_redis, sync_redis], ids=["async", "sync"])
def test_a_wrong_sentinel_url_is_told_without_its_password(
    make: Callable[[str], Any], url: str, told: str
) -> None:
    with pytest.raises(ValueError, match=r"^REDIS_URL: ") as caught:
        make(url)
    assert told in str(caught.value)
    assert "word" not in str(caught.value)
    assert caught.value.__cause__ is None


@contextmanager
def server(folder: Path, *arguments: str) -> Iterator[None]:
    """A Valkey process; it takes connections when the block begins."""
    process = subprocess.Popen(
        [_binary(), *arguments, "--dir", str(folder), "--bind", "127.0.0.1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if "Ready to accept" in line or "Sentinel ID is" in line:
                    ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(20)
        yield
    finally:
        process.kill()
        process.wait()
        reader.join()


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


async def test_clients_of_a_real_sentinel_follow_a_failover(tmp_path: Path) -> None:
    primary, replica, sentinel = free_ports(3)
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {sentinel}\n"
        f"sentinel monitor house 127.0.0.1 {primary} 1\n"
        "sentinel down-after-milliseconds house 60000\n"
    )
    diskless = ("--save", "", "--repl-diskless-sync-delay", "0")
    with ExitStack() as stack, ExitStack() as until_its_end:
        until_its_end.enter_context(server(tmp_path, "--port", str(primary), *diskless))
        follow = ("--replicaof", f"127.0.0.1 {primary}")
        stack.enter_context(server(tmp_path, "--port", str(replica), *follow, *diskless))
        stack.enter_context(server(tmp_path, str(config), "--sentinel"))
        watch = stack.enter_context(Redis(port=sentinel, decode_responses=True))
        first = until_its_end.enter_context(Redis(port=primary, db=2))
        second = stack.enter_context(Redis(port=replica, db=2))

        url = f"redis+sentinel://127.0.0.1:{sentinel}/house/2"
        client, in_thread = async_redis(url), stack.enter_context(sync_redis(url))
        await client.set("rv:word", "before")
        assert in_thread.get("rv:word") == b"before"
        assert first.get("rv:word") == b"before"

        async def fails_over() -> bool:
            try:
                watch.execute_command("SENTINEL", "FAILOVER", "house")
            except ResponseError:  # it has not seen the replica yet
                return False
            return True

        async def has_failed_over() -> bool:
            address = watch.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "house")
            return bool(address[1] == str(replica))

        async def written() -> bool:
            try:
                await client.set("rv:word", "after")
                in_thread.set("rv:other", "after")
            except RedisError:  # the connections to the dead one
                return False
            return True

        await until(fails_over)
        await until(has_failed_over)
        until_its_end.close()
        await until(written)
        assert second.mget("rv:word", "rv:other") == [b"after", b"after"]
        await client.aclose()
        manager: Any = client.connection_pool
        for one in manager.sentinel_manager.sentinels:  # redis-py leaves these to the interpreter
            await one.aclose()
