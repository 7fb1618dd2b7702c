"""``rivulet check`` against the simulator and a Redis of its own: all well, and each failure."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.adapters.redis_facts import RedisFacts, redis_facts
from app.check import _durable, _replicated, _serving, check
from app.errors import Unavailable
from app.simulator.meta import create_meta
from app.simulator.model import create_model
from app.simulator.scripted import Pace
from app.simulator.serve import serving
from app.simulator.valkey import redis_for
from app.simulator.world import MetaSettings
from tests.adapters.failover import pair_in
from tests.adapters.relay import relay_to
from tests.simulator.business import NUMBER, OTHER_NUMBER

TOKEN, APP_SECRET, WORD = "meta-token-word", "meta-app-word", "meta-verify-word"
KEY, MODEL_KEY = "a key that nobody guesses", "model-key-word"
ACCOUNT = "102015550100009"
GOOD_REDIS = RedisFacts(
    "Redis",
    (7, 2),
    is_primary=True,
    appends=True,
    fsync="always",
    policy="noeviction",
    replicas=0,
    waits_for_replicas=False,
)


@dataclass
class House:
    """What an installation is told about, all of it running."""

    environ: dict[str, str]
    meta: str
    model: Pace

    async def look(self, **changes: str | None) -> "Report":
        environ: dict[str, str] = {
            name: value for name, value in {**self.environ, **changes}.items() if value is not None
        }
        lines: list[str] = []
        status = await check(environ, lines.append)
        for secret in (TOKEN, APP_SECRET, WORD, KEY, MODEL_KEY):
            assert secret not in "\n".join(lines)
        return Report(status, lines)


@dataclass
class Report:
    status: int
    lines: list[str]

    @property
    def failing(self) -> list[str]:
        return [line for line in self.lines if "FAILS" in line]

    @property
    def unchecked(self) -> list[str]:
        return [line for line in self.lines if "not checked" in line]

    def only_failure(self) -> str:
        """The one line that fails; everything that does not hang on it is well."""
        assert self.status == 1
        (line,) = self.failing
        assert "Fix: " in line
        return line


@pytest.fixture(scope="module")
def own_redis() -> Iterator[str]:
    """A server that may be misconfigured, unlike the one that all tests share."""
    with redis_for("tests") as url:
        yield url


@pytest.fixture
def redis(own_redis: str) -> Iterator[Redis]:
    with Redis.from_url(own_redis, decode_responses=True) as redis:
        yield redis
        redis.replicaof("NO", "ONE")
        redis.config_set("appendonly", "yes")
        redis.config_set("maxmemory-policy", "noeviction")
        redis.config_set("appendfsync", "everysec")


@pytest.fixture
async def house(own_redis: str) -> AsyncIterator[House]:
    pace = Pace(tokens_per_second=0, first_token_seconds=0, api_key=MODEL_KEY)
    meta_app = create_meta(MetaSettings(APP_SECRET, TOKEN, WORD))
    async with serving(meta_app) as meta, serving(create_model(pace)) as model:
        environ = {
            "REDIS_URL": own_redis,
            "RIVULET_KEY": KEY,
            "WHATSAPP_ACCESS_TOKEN": TOKEN,
            "WHATSAPP_APP_SECRET": APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": WORD,
            "WHATSAPP_GRAPH_URL": meta,
            "OPENAI_API_KEY": MODEL_KEY,
            "OPENAI_BASE_URL": f"{model}/v1",
            "OPENAI_MODEL": "saltmarsh-1",
            "LLM_FIRST_TOKEN_SECONDS": "20",
        }
        yield House(environ, meta, pace)


async def test_when_all_is_well_each_line_says_so(house: House) -> None:
    report = await house.look()
    assert report.status == 0
    assert all(re.match(r"✓ ok +\S", line) for line in report.lines)
    assert [re.sub(r"\d+\.\d+[.\d]*", "N", line.split(maxsplit=2)[2]) for line in report.lines] == [
        "Settings are complete.",
        "Redis answers: Valkey N",
        "Redis keeps its data, but for the last second if its machine dies"
        " (appendfsync everysec; always keeps that too).",
        "Meta's access token is valid for ever.",
        f"Webhooks of account {ACCOUNT} come to this app.",
        f"Account {ACCOUNT} has phone_number_id {NUMBER}, {OTHER_NUMBER}.",
        "The model saltmarsh-1 began to answer after N s.",
    ]


# -- settings --------------------------------------------------------------------------------------


async def test_wrong_settings_are_named_and_the_rest_is_checked(house: House) -> None:
    report = await house.look(
        RIVULET_KEY=None, WHATSAPP_APP_SECRET=" ", BUBBLE_STILE="x", BUBBLE_MAX_CHARS="50"
    )
    assert report.status == 1
    assert [line.split()[2] for line in report.failing] == [
        "BUBBLE_STILE:",
        "RIVULET_KEY:",
        "WHATSAPP_APP_SECRET:",
    ]
    assert report.unchecked == []
    assert len(report.lines) == 9


async def test_what_hangs_on_a_wrong_setting_is_not_checked_and_says_so(house: House) -> None:
    report = await house.look(REDIS_URL="cellar:6379", OPENAI_API_KEY=None, OPENAI_BASE_URL=None)
    assert [line.split()[2] for line in report.failing] == ["OPENAI_API_KEY:", "REDIS_URL:"]
    assert [line.split(maxsplit=3)[3] for line in report.unchecked] == [
        "Redis: REDIS_URL first.",
        "The model: OPENAI_API_KEY first.",
    ]
    assert len([line for line in report.lines if "ok" in line]) == 3  # all of Meta's
    report = await house.look(LLM_FIRST_TOKEN_SECONDS="soon")
    assert report.only_failure().split()[2] == "LLM_FIRST_TOKEN_SECONDS:"
    (line,) = report.unchecked
    assert "The model: LLM_FIRST_TOKEN_SECONDS first." in line


async def test_nothing_set_at_all_is_told_line_by_line() -> None:
    lines: list[str] = []
    assert await check({}, lines.append) == 1
    assert [line.split()[1] for line in lines] == ["FAILS"] * 6 + ["not"] * 3


# -- Redis -----------------------------------------------------------------------------------------


async def test_a_redis_that_is_not_there(house: House) -> None:
    report = await house.look(REDIS_URL="redis://:redis-word@127.0.0.1:1")
    assert "Redis does not answer" in report.only_failure()
    assert "redis-word" not in "\n".join(report.lines)
    (line,) = report.unchecked
    assert "Redis keeps" in line


@pytest.mark.parametrize("login", ["", "?username=otto&password=wrong-word"], ids=["none", "wrong"])
async def test_a_redis_that_does_not_know_us(house: House, redis: Redis, login: str) -> None:
    redis.config_set("requirepass", "right-word")
    report = await house.look(REDIS_URL=house.environ["REDIS_URL"] + login)
    redis.config_set("requirepass", "")
    assert "correct the user and password in REDIS_URL" in report.only_failure()
    assert "wrong-word" not in "\n".join(report.lines)


async def test_a_silent_redis_is_given_up(own_redis: str, tmp_path: Path) -> None:
    async with relay_to(own_redis, tmp_path) as relay:
        relay.open.clear()
        with pytest.raises(Unavailable, match="TimeoutError"):
            await redis_facts(relay.url, within=0.2)


async def test_a_redis_that_forgets(house: House, redis: Redis) -> None:
    redis.config_set("appendonly", "no")
    assert "appendonly is off" in (await house.look()).only_failure()


async def test_a_redis_that_evicts(house: House, redis: Redis) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    assert "maxmemory-policy allkeys-lru" in (await house.look()).only_failure()


async def test_a_redis_that_is_a_replica(house: House, redis: Redis) -> None:
    redis.replicaof("127.0.0.1", "1")
    assert "is a replica" in (await house.look()).only_failure()


@pytest.mark.parametrize(
    ("version", "ok"),
    [((2, 8), False), ((6, 0), False), ((6, 2), True), ((7, 0), True), ((10, 0), True)],
)
def test_a_redis_before_6_2_is_too_old(version: tuple[int, int], ok: bool) -> None:
    facts = replace(GOOD_REDIS, version=version)
    assert _serving(facts).ok is ok
    assert _durable(facts).ok


@pytest.mark.parametrize(
    ("fsync", "ok", "words"),
    [
        ("no", False, "up to half a minute"),
        ("everysec", True, "but for the last second"),
        ("always", True, "keeps its data: "),
    ],
)
async def test_when_its_file_comes_to_the_disk_is_told(
    house: House, redis: Redis, fsync: str, ok: bool, words: str
) -> None:
    redis.config_set("appendfsync", fsync)
    report = await house.look()
    assert report.status == (0 if ok else 1)
    assert words in report.lines[2]


async def test_a_redis_that_does_not_tell_its_settings_is_taken_as_it_is(
    house: House, redis: Redis
) -> None:
    redis.acl_setuser(
        "otto",
        enabled=True,
        passwords=["+word"],
        keys=["*"],
        categories=["+@all"],
        commands=["-config"],
    )
    url = f"{house.environ['REDIS_URL']}?username=otto&password=word"
    report = await house.look(REDIS_URL=url)
    redis.acl_deluser("otto")
    assert report.status == 0
    assert "keeps its data: it appends" in report.lines[2]


@pytest.mark.parametrize(
    ("replicas", "waits", "hints"), [(0, False, 0), (2, False, 1), (2, True, 0)]
)
def test_replicas_that_may_fall_behind_are_a_hint(replicas: int, waits: bool, hints: int) -> None:
    found = _replicated(replace(GOOD_REDIS, replicas=replicas, waits_for_replicas=waits))
    assert [line.ok for line in found] == [True] * hints


async def test_replicas_and_what_is_asked_of_them_are_read() -> None:
    with TemporaryDirectory(prefix="rv-") as folder:
        async with pair_in(Path(folder)) as pair:
            facts = await redis_facts(pair.primary.url, within=10)
            assert (facts.replicas, facts.waits_for_replicas) == (1, False)
            pair.primary.redis.config_set("min-replicas-to-write", 1)
            facts = await redis_facts(pair.primary.url, within=10)
            assert (facts.replicas, facts.waits_for_replicas) == (1, True)


# -- Meta ------------------------------------------------------------------------------------------


async def test_a_token_that_meta_does_not_take(house: House) -> None:
    report = await house.look(WHATSAPP_ACCESS_TOKEN="revoked-word")
    assert "does not take the access token (code 190)" in report.only_failure()
    assert "revoked-word" not in "\n".join(report.lines)
    assert len(report.unchecked) == 2


async def test_an_app_that_is_not_subscribed(house: House) -> None:
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}) as http:
        await http.delete(f"{house.meta}/v26.0/{ACCOUNT}/subscribed_apps")
    line = (await house.look()).only_failure()
    assert f"Webhooks of account {ACCOUNT} do not come" in line
    assert f"POST /{ACCOUNT}/subscribed_apps" in line


async def test_a_graph_api_that_is_not_there(house: House) -> None:
    report = await house.look(WHATSAPP_GRAPH_URL="http://127.0.0.1:1")
    assert "WHATSAPP_GRAPH_URL" in report.only_failure()
    assert len(report.unchecked) == 2


async def test_a_graph_version_that_meta_does_not_know(house: House) -> None:
    report = await house.look(WHATSAPP_GRAPH_VERSION="latest")
    assert "WHATSAPP_GRAPH_VERSION" in report.only_failure()


GRANTED = ["whatsapp_business_management", "whatsapp_business_messaging"]


@asynccontextmanager
async def graph_api(
    *, apps: object = None, numbers: object = None, **facts: Any
) -> AsyncIterator[str]:
    """A Graph API that says this of two accounts."""
    token = {
        "app_id": "7",
        "is_valid": True,
        "scopes": GRANTED,
        "expires_at": 0,
        "granular_scopes": [{"scope": GRANTED[0], "target_ids": ["11", "12"]}],
        **facts,
    }

    async def debug_token(request: Request) -> Response:
        return JSONResponse({"data": token})

    async def subscribed(request: Request) -> Response:
        ours = [{"whatsapp_business_api_data": {"id": "7"}}]
        return JSONResponse({"data": ours if apps is None else apps})

    async def phone_numbers(request: Request) -> Response:
        if isinstance(numbers, int):
            return JSONResponse({"error": {"code": numbers, "message": "no"}}, 403)
        return JSONResponse({"data": [{"id": "21"}] if numbers is None else numbers})

    routes = [
        Route("/v26.0/debug_token", debug_token),
        Route("/v26.0/{id}/subscribed_apps", subscribed),
        Route("/v26.0/{id}/phone_numbers", phone_numbers),
    ]
    async with serving(Starlette(routes=routes)) as url:
        yield url


async def test_each_account_of_a_token_is_looked_at(house: House) -> None:
    async with graph_api() as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert report.status == 0
    assert len(report.lines) == 9


async def test_a_token_with_an_end_tells_it(house: House) -> None:
    async with graph_api(expires_at=1795167000) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert any("valid until 2026-11-20 09:30 UTC" in line for line in report.lines)


async def test_a_token_that_is_not_valid(house: House) -> None:
    async with graph_api(is_valid=False) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert "is not valid" in report.only_failure()
    assert len(report.unchecked) == 2


async def test_a_token_that_may_not_send(house: House) -> None:
    async with graph_api(scopes=GRANTED[:1]) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert "lacks whatsapp_business_messaging" in report.only_failure()
    assert report.unchecked == []


async def test_a_token_that_names_no_account_leaves_two_questions_open(house: House) -> None:
    async with graph_api(granular_scopes=[{"scope": GRANTED[0]}]) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert report.status == 0
    assert len(report.unchecked) == 2


async def test_webhooks_that_go_to_another_app(house: House) -> None:
    apps = [{"whatsapp_business_api_data": {"id": "8"}}]
    async with graph_api(
        apps=apps, granular_scopes=[{"scope": GRANTED[0], "target_ids": ["11"]}]
    ) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert "Webhooks of account 11 do not come" in report.only_failure()


@pytest.mark.parametrize(
    ("numbers", "told"), [([], "has no number"), (200, "code 200")], ids=["none", "forbidden"]
)
async def test_an_account_whose_numbers_cannot_be_had(
    house: House, numbers: object, told: str
) -> None:
    targets = [{"scope": GRANTED[0], "target_ids": ["11"]}]
    async with graph_api(numbers=numbers, granular_scopes=targets) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert told in report.only_failure()


# -- the model -------------------------------------------------------------------------------------


async def test_a_model_that_does_not_take_the_key(house: House) -> None:
    report = await house.look(OPENAI_API_KEY="wrong-word")
    assert "refuses to answer" in report.only_failure()
    assert "wrong-word" not in "\n".join(report.lines)


async def test_a_model_that_is_not_there(house: House) -> None:
    report = await house.look(OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    assert "The model saltmarsh-1 does not answer" in report.only_failure()


async def test_a_model_that_is_too_slow(house: House) -> None:
    house.model.first_token_seconds = 1
    report = await house.look(LLM_FIRST_TOKEN_SECONDS="200ms")
    assert "silent for too long" in report.only_failure()


async def test_a_model_that_says_nothing(house: House) -> None:
    house.model.answer = ""
    assert "The model saltmarsh-1" in (await house.look()).only_failure()


async def test_a_server_of_ones_own_needs_no_key(house: House) -> None:
    house.model.api_key = None
    assert (await house.look(OPENAI_API_KEY=None)).status == 0


# -- the command -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_command_prints_words_in_any_terminal_and_exits_1(
    tmp_path: Path, encoding: str
) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "app", "check"],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": root, "PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding=encoding,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 9
    assert lines[0].split()[1:3] == ["FAILS", "OPENAI_API_KEY:"]
    assert lines[0][0] == ("✗" if encoding == "utf-8" else "?")
