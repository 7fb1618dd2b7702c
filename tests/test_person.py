"""``rivulet person``: one person's data, in an operator's hands."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from app.adapters.redis_store import RedisStore
from tests.contracts.conftest import open_store
from tests.fakes import said

PHONE = "15550177"
ASKED = "+1 (555) 01-77\n"


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    async with AsyncExitStack() as stack:
        yield open_store(redis_url, stack)


@pytest.fixture
def environment(redis_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "REDIS_URL": redis_url,
        "RIVULET_KEY": "a key of the tests",
        "WHATSAPP_ACCESS_TOKEN": "t",
        "WHATSAPP_APP_SECRET": "s",
        "WHATSAPP_VERIFY_TOKEN": "v",
        "OPENAI_API_KEY": "k",
    }


def person(
    action: str, asked: "str | int", environment: dict[str, str], folder: Path
) -> "subprocess.CompletedProcess[str]":
    """The command to its end, with this text piped in, or a terminal's descriptor as its input."""
    given: dict[str, Any] = {"input": asked} if isinstance(asked, str) else {"stdin": asked}
    return subprocess.run(
        [sys.executable, "-m", "app", "person", action],
        **given,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_person_is_exported_then_erased(
    store: RedisStore, environment: dict[str, str], tmp_path: Path
) -> None:
    await store.take_in([said("Where is my order?", phone=PHONE)])
    exported = person("export", ASKED, environment, tmp_path)
    assert (exported.returncode, exported.stderr) == (0, "")
    (held,) = json.loads(exported.stdout)["conversations"]
    assert (held["phone"], held["waiting"][0]["text"]) == (PHONE, "Where is my order?")
    erased = person("erase", ASKED, environment, tmp_path)
    assert (erased.returncode, erased.stdout) == (0, "")
    assert erased.stderr.startswith("Erased: 1 conversations, 1 waiting messages")
    again = person("erase", ASKED, environment, tmp_path)
    assert (again.returncode, again.stderr) == (0, "Nothing is held about this person.\n")


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("", id="nothing"),
        pytest.param("12\n", id="too short"),
        pytest.param("Zebulon Quist\n", id="a name"),
        pytest.param("9" * 10_000, id="endless"),
    ],
)
def test_who_is_nobody_is_told_so(environment: dict[str, str], tmp_path: Path, asked: str) -> None:
    ended = person("erase", asked, environment, tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert "Traceback" not in ended.stderr


async def test_a_number_that_several_people_have_had_asks_back(
    store: RedisStore, environment: dict[str, str], tmp_path: Path
) -> None:
    await store.take_in([said("Hi", user_id="US.1", phone=PHONE)])
    await store.take_in([said("Hi", user_id="US.2", phone=PHONE, number="200000000000002")])
    ended = person("erase", ASKED, environment, tmp_path)
    assert ended.returncode == 1
    assert "US.1, US.2" in ended.stderr


def test_without_redis_nothing_is_done(environment: dict[str, str], tmp_path: Path) -> None:
    environment["REDIS_URL"] = "redis://127.0.0.1:1"
    ended = person("export", ASKED, environment, tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "Redis: ConnectionError\n"


async def test_at_a_terminal_erasing_asks_once_more(
    store: RedisStore, environment: dict[str, str], tmp_path: Path
) -> None:
    await store.take_in([said("Hi", phone=PHONE)])
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, f"{PHONE}\nno\n".encode())
        ended = person("erase", terminal, environment, tmp_path)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert ended.returncode == 1
    assert ended.stderr.endswith("Nothing was erased.\n")
    exported = person("export", ASKED, environment, tmp_path)
    assert len(json.loads(exported.stdout)["conversations"]) == 1
