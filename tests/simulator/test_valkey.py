import os
import subprocess
import sys
from tempfile import TemporaryDirectory

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from app.simulator.valkey import OWNER_KEY, NoRedis, claim, redis_for


def test_a_started_server_answers_and_is_gone_afterwards() -> None:
    with redis_for("demo") as url:
        with Redis.from_url(url) as redis:
            assert redis.get(OWNER_KEY) == b"demo"
    with pytest.raises(NoRedis, match="No Redis answers"):
        claim(url, "demo")


HOUSE = """
from app.simulator.valkey import redis_for
with redis_for("tests") as url:
    print(url, flush=True)
    input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_server_ends_with_a_process_that_was_killed() -> None:
    with TemporaryDirectory(prefix="rv-") as folder:
        house = subprocess.Popen(
            [sys.executable, "-c", HOUSE],
            env={**os.environ, "TMPDIR": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with house:
            assert house.stdout
            url = house.stdout.readline().strip()
            with Redis.from_url(url, socket_timeout=30) as redis:
                redis.ping()
                house.kill()
                try:
                    redis.blpop(["never"], timeout=20)
                except RedisConnectionError:
                    return
                redis.shutdown(nosave=True)
                pytest.fail("it has outlived its parent")


def test_claiming_twice_changes_nothing(redis_url: str) -> None:
    claim(redis_url, "tests")
    claim(redis_url, "tests")


def test_a_database_of_somebody_else_is_refused(redis_url: str) -> None:
    with pytest.raises(NoRedis, match="not the demo's"), redis_for("demo", redis_url=redis_url):
        pass


def test_a_database_with_unmarked_data_is_refused(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.delete(OWNER_KEY)
        redis.set("somebody", "else")
        with pytest.raises(NoRedis):
            claim(redis_url, "tests")
        redis.flushdb()
        redis.set(OWNER_KEY, "tests")
