"""``rivulet check`` against the simulator and a Redis of its own: all well, and each failure."""

import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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
from app.adapters.redis_troubles import PULSE_KEY
from app.check import check
from app.check import redis as redis_checks
from app.check.house import _given_up, _waiting
from app.errors import Unavailable
from app.simulator.knobs import Knobs
from app.simulator.meta import create_meta
from app.simulator.model import create_model
from app.simulator.scripted import Pace
from app.simulator.serve import serving
from app.simulator.valkey import redis_for
from app.simulator.world import MetaSettings
from app.web.webhook import webhook_route
from tests.adapters.failover import pair_in
from tests.adapters.relay import relay_to
from tests.collector import open_collector
from tests.fakes import World
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

    async def knobs(self, **values: object) -> None:
        """Turn the pretended Meta's."""
        async with httpx2.AsyncClient() as http:
            await http.patch(f"{self.meta}/simulator/knobs", json=values)


@dataclass
class Report:
    status: int
    lines: list[str]

    @property
    def failing(self) -> list[str]:
        return [line for line in self.lines if "FAILS" in line]

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.lines if line.startswith("! look at")]

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
    async with AsyncExitStack() as stack:
        with Redis.from_url(own_redis) as redis:
            redis.set(PULSE_KEY, "", ex=600)
        yield await open_house(own_redis, stack)


async def open_house(own_redis: str, stack: AsyncExitStack) -> House:
    pace = Pace(tokens_per_second=0, first_token_seconds=0, api_key=MODEL_KEY)
    model = await stack.enter_async_context(serving(create_model(pace)))
    route = webhook_route(World().services, app_secrets=[APP_SECRET], verify_token=WORD)
    web = await stack.enter_async_context(serving(Starlette(routes=[route])))
    knobs = Knobs(webhook_url=f"{web}/webhook")
    meta_app = create_meta(MetaSettings(APP_SECRET, TOKEN, WORD, knobs))
    meta = await stack.enter_async_context(serving(meta_app))
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
    return House(environ, meta, pace)


async def test_when_all_is_well_each_line_says_so(house: House) -> None:
    report = await house.look()
    assert report.status == 0
    assert all(re.match(r"✓ ok +\S", line) for line in report.lines)
    assert [re.sub(r"\d+\.\d+[.\d]*", "N", line.split(maxsplit=2)[2]) for line in report.lines] == [
        "Settings are complete.",
        "Redis answers: Valkey N",
        "Redis keeps its data, but for the last second if its machine dies"
        " (appendfsync everysec; always keeps that too).",
        "Redis takes writes; its memory has no limit (maxmemory 0).",
        "This machine's clock agrees with Redis's.",
        "A worker lives.",
        "Nobody waits for an answer.",
        "Nothing else is in trouble, as /health/ready tells it.",
        "Meta's access token is valid for ever.",
        f"Webhooks of account {ACCOUNT} come to this app.",
        "The app has subscribed to all webhook fields that matter here.",
        *(
            f"phone_number_id {number} of account {ACCOUNT}: connected, quality green,"
            " throughput standard."
            for number in (NUMBER, OTHER_NUMBER)
        ),
        "The callback URL answers Meta's handshake.",
        "This machine's clock agrees with Meta's.",
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
    assert any("phone_number_id" in line for line in report.lines)


async def test_what_hangs_on_a_wrong_setting_is_not_checked_and_says_so(house: House) -> None:
    report = await house.look(REDIS_URL="cellar:6379", OPENAI_API_KEY=None, OPENAI_BASE_URL=None)
    assert [line.split()[2] for line in report.failing] == ["OPENAI_API_KEY:", "REDIS_URL:"]
    assert [line.split(maxsplit=3)[3] for line in report.unchecked] == [
        "Redis: REDIS_URL first.",
        "Who waits, and who works: REDIS_URL first.",
        "The model: OPENAI_API_KEY first.",
    ]
    assert len([line for line in report.lines if "ok" in line]) == 7  # all of Meta's
    report = await house.look(LLM_FIRST_TOKEN_SECONDS="soon")
    assert report.only_failure().split()[2] == "LLM_FIRST_TOKEN_SECONDS:"
    (line,) = report.unchecked
    assert "The model: LLM_FIRST_TOKEN_SECONDS first." in line


async def test_nothing_set_at_all_is_told_line_by_line() -> None:
    lines: list[str] = []
    assert await check({}, lines.append) == 1
    assert [line.split()[1] for line in lines] == ["FAILS"] * 6 + ["not"] * 4


# -- Redis -----------------------------------------------------------------------------------------


async def test_a_redis_that_is_not_there(house: House) -> None:
    report = await house.look(REDIS_URL="redis://:redis-word@127.0.0.1:1")
    assert "Redis does not answer" in report.only_failure()
    assert "redis-word" not in "\n".join(report.lines)
    assert [line.split()[3:6] for line in report.unchecked] == [
        ["Whether", "Redis", "keeps"],
        ["Who", "waits,", "and"],
    ]


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
    assert redis_checks.serving(facts).ok is ok
    assert redis_checks.durable(facts).ok


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
    found = redis_checks.replicated(
        replace(GOOD_REDIS, replicas=replicas, waits_for_replicas=waits)
    )
    assert [line.ok for line in found] == [True] * hints


async def test_replicas_and_what_is_asked_of_them_are_read() -> None:
    with TemporaryDirectory(prefix="rv-") as folder:
        async with pair_in(Path(folder)) as pair:
            facts = await redis_facts(pair.primary.url, within=10)
            assert (facts.replicas, facts.waits_for_replicas) == (1, False)
            pair.primary.redis.config_set("min-replicas-to-write", 1)
            facts = await redis_facts(pair.primary.url, within=10)
            assert (facts.replicas, facts.waits_for_replicas) == (1, True)


async def test_a_redis_that_is_full(house: House, redis: Redis) -> None:
    redis.config_set("maxmemory", 1)
    report = await house.look()
    redis.config_set("maxmemory", 0)
    assert "Redis takes no writes: its memory is full" in report.only_failure()


@pytest.mark.parametrize(
    ("full", "ok", "words"),
    [(None, True, "no limit"), (0.12, True, "12%"), (0.95, False, "nearly full: 95%")],
)
def test_how_full_a_redis_is_is_told(full: float | None, ok: bool, words: str) -> None:
    line = redis_checks.room(replace(GOOD_REDIS, full=full))
    assert line.ok is ok
    assert words in line.text


# -- Meta ------------------------------------------------------------------------------------------


async def test_a_token_that_meta_does_not_take(house: House) -> None:
    report = await house.look(WHATSAPP_ACCESS_TOKEN="revoked-word")
    assert "Meta's access token is not taken (code 190)" in report.only_failure()
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
    for account in ("11", "12"):
        assert len([line for line in report.lines if f"account {account}" in line]) == 2


@pytest.mark.parametrize(("days", "warns"), [(30, False), (6, True)])
async def test_a_token_with_an_end_tells_it_and_warns_in_time(
    house: House, days: int, warns: bool
) -> None:
    end = datetime.now(UTC) + timedelta(days=days)
    async with graph_api(expires_at=int(end.timestamp())) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert any(f"valid until {end:%Y-%m-%d %H:%M} UTC" in line for line in report.lines)
    assert (report.status, [bool(line) for line in report.warnings]) == (0, [True] * warns)


@pytest.mark.parametrize("seconds", [1, 1795167000 - 86400 * 365])
async def test_a_token_whose_end_has_come_is_not_valid(house: House, seconds: int) -> None:
    async with graph_api(expires_at=seconds) as url:
        assert "is not valid" in (await house.look(WHATSAPP_GRAPH_URL=url)).only_failure()


async def test_a_token_that_is_not_valid(house: House) -> None:
    async with graph_api(is_valid=False) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert "is not valid" in report.only_failure()
    assert len(report.unchecked) == 2


async def test_a_token_that_may_not_send(house: House) -> None:
    async with graph_api(scopes=GRANTED[:1]) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert "lacks whatsapp_business_messaging" in report.only_failure()


async def test_a_token_that_names_no_account_leaves_two_questions_open(house: House) -> None:
    async with graph_api(granular_scopes=[{"scope": GRANTED[0]}]) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    assert report.status == 0
    assert len(report.unchecked) == 2


async def test_a_token_that_names_no_account_is_asked_about_those_that_have_written(
    house: House, redis: Redis
) -> None:
    redis.hset("rv:accounts", "21", "11")
    async with graph_api(granular_scopes=[{"scope": GRANTED[0]}]) as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    redis.delete("rv:accounts")
    assert any("Webhooks of account 11 come to this app" in line for line in report.lines)


async def test_an_api_that_does_not_tell_all_leaves_the_question_open(house: House) -> None:
    async with graph_api() as url:
        report = await house.look(WHATSAPP_GRAPH_URL=url)
    (line,) = report.unchecked
    assert "Which webhook fields are subscribed" in line


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


async def test_a_webhook_without_messages_is_a_failure(house: House) -> None:
    await house.knobs(webhook_fields=["account_update", "user_id_update", "smb_message_echoes"])
    assert "not subscribed to messages" in (await house.look()).only_failure()


async def test_each_webhook_field_that_is_missing_is_named_with_what_it_costs(house: House) -> None:
    await house.knobs(webhook_fields=["messages"])
    report = await house.look()
    assert [line.split(":")[0].split()[-1] for line in report.failing] == [
        "user_id_update",
        "account_update",
    ]
    (line,) = report.warnings
    assert "smb_message_echoes" in line


async def test_an_app_without_a_callback_url(house: House) -> None:
    await house.knobs(webhook_url=None)
    assert "no callback URL" in (await house.look()).only_failure()


async def test_a_callback_url_where_somebody_else_answers(house: House) -> None:
    await house.knobs(webhook_url=f"{house.meta}/somewhere")
    line = (await house.look()).only_failure()
    assert "not as rivulet web does (HTTP 404)" in line


async def test_a_callback_url_that_this_machine_cannot_reach_may_be_right(house: House) -> None:
    await house.knobs(webhook_url="http://127.0.0.1:1/webhook")
    report = await house.look()
    assert report.status == 0
    (line,) = report.warnings
    assert "Meta perhaps can" in line


async def test_another_verify_token_than_the_web_process_has(house: House) -> None:
    report = await house.look(WHATSAPP_VERIFY_TOKEN="another-word")
    assert "WHATSAPP_VERIFY_TOKEN" in report.only_failure()
    assert "another-word" not in "\n".join(report.lines)


async def test_an_app_secret_of_another_app(house: House) -> None:
    report = await house.look(WHATSAPP_APP_SECRET="other-word")
    assert "WHATSAPP_APP_SECRET is not the secret" in report.only_failure()
    assert (await house.look(WHATSAPP_APP_SECRET=f"other-word,{APP_SECRET}")).status == 0


@pytest.mark.parametrize(
    ("told", "status", "fix"),
    [
        ({"status": "RESTRICTED"}, 1, "why and how to appeal"),
        ({"status": "PENDING"}, 1, "register the number"),
        ({"quality_rating": "RED"}, 0, "block or report"),
        ({"quality_rating": "YELLOW"}, 0, ""),
    ],
    ids=str,
)
async def test_how_a_number_stands_is_told(
    house: House, told: dict[str, str], status: int, fix: str
) -> None:
    async with httpx2.AsyncClient() as http:
        await http.patch(f"{house.meta}/simulator/numbers/{NUMBER}", json=told)
    report = await house.look()
    (line,) = [line for line in report.lines if NUMBER in line]
    assert (report.status, fix in line) == (status, True)
    assert next(iter(told.values())).lower() in line


async def test_a_number_of_the_file_that_no_account_has(house: House, tmp_path: Path) -> None:
    file = tmp_path / "numbers.toml"
    file.write_text(f"[{NUMBER}]\n[999]\n")
    assert "[999]" in (await house.look(NUMBERS_FILE=str(file))).only_failure()


async def test_each_token_and_each_model_of_the_numbers_is_asked(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "numbers.toml"
    file.write_text(
        f'[{NUMBER}]\nopenai_model = "small"\n[{OTHER_NUMBER}]\naccess_token_env = "SECOND"'
    )
    report = await house.look(NUMBERS_FILE=str(file), SECOND="revoked-word")
    assert f"access token for {OTHER_NUMBER} is not taken" in report.only_failure()
    assert [line.split()[4] for line in report.lines if "began to answer" in line] == [
        "saltmarsh-1",
        "small",
    ]


async def test_what_is_wrong_in_the_numbers_file_is_named_and_the_rest_is_checked(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "numbers.toml"
    file.write_text(f'[{NUMBER}]\nbubble_stile = "single"')
    report = await house.look(NUMBERS_FILE=str(file))
    assert f"[{NUMBER}] bubble_stile: there is no such key" in report.only_failure()
    assert report.unchecked == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "agrees with Meta's"), (60, "60 s ahead of Meta's"), (-60, "60 s behind Meta's")],
)
def test_a_clock_that_is_wrong_is_told(seconds: int, words: str) -> None:
    line = redis_checks.agreeing(timedelta(seconds=seconds), "Meta's")
    assert line.ok is (seconds == 0)
    assert words in line.text


# -- who waits, and who works ----------------------------------------------------------------------


async def test_without_a_worker_somebody_should_look(house: House, redis: Redis) -> None:
    redis.delete(PULSE_KEY)
    report = await house.look()
    assert report.status == 0
    (line,) = report.warnings
    assert "No worker runs" in line
    redis.zadd("rv:pending", {"a conversation": time.time() - 10})
    assert "No worker runs" in (await house.look()).only_failure()
    redis.delete("rv:pending")


async def test_what_readiness_tells_is_told(house: House, redis: Redis) -> None:
    redis.set("rv:trouble:token", "190", ex=60)
    redis.set("rv:trouble:worker", "blocked", ex=60)
    report = await house.look()
    redis.delete("rv:trouble:token", "rv:trouble:worker")
    assert [line.split("  ")[-2].strip() for line in report.failing] == [
        "A worker's event loop is blocked.",
        "/health/ready tells of trouble: token (190).",
    ]


def test_who_waits_for_long_or_was_given_up_is_a_failure() -> None:
    assert _waiting(2, 30.0).ok
    assert _waiting(2, 300.0).ok is False
    assert _given_up(0) == []
    assert _given_up(3)[0].ok is False


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
    assert len(lines) == 10
    assert lines[0].split()[1:3] == ["FAILS", "OPENAI_API_KEY:"]
    assert lines[0][0] == ("✗" if encoding == "utf-8" else "?")


# -- traces ----------------------------------------------------------------------------------------


async def test_a_collector_that_takes_spans(house: House) -> None:
    with open_collector() as collector:
        report = await house.look(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert report.status == 0
    assert "✓ ok          The collector takes spans." in report.lines


async def test_a_collector_that_is_not_there(house: House) -> None:
    with open_collector() as collector:
        gone = collector.url
    report = await house.look(OTEL_EXPORTER_OTLP_ENDPOINT=gone)
    assert "The collector takes no spans." in report.only_failure()
