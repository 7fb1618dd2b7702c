"""What an operator may write, what it means, and what is said when it is wrong."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.settings import Settings, SettingsError, load_settings

NEEDED = {
    "REDIS_URL": "redis://:redis-word@cellar/1",
    "RIVULET_KEY": "a key of sixteen and more",
    "WHATSAPP_ACCESS_TOKEN": "token-word",
    "WHATSAPP_APP_SECRET": "app-word",
    "WHATSAPP_VERIFY_TOKEN": "verify-word",
    "OPENAI_API_KEY": "openai-word",
}
SECRETS = ("redis-word", "a key of sixteen", "token-word", "app-word", "verify-word", "openai-word")


def loaded(**more: str) -> Settings:
    return load_settings({**NEEDED, **more}, env_file=None)


def complaints(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, env_file=None)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value).splitlines()


# -- what holds when nothing is said ---------------------------------------------------------------

# The contract's table, and what it leaves to us.
DEFAULTS = {
    "whatsapp_graph_url": "https://graph.facebook.com",
    "whatsapp_graph_version": "v26.0",
    "llm_providers": ("openai",),
    "openai_base_url": None,
    "llm_first_token_seconds": timedelta(seconds=15),
    "llm_idle_seconds": timedelta(seconds=15),
    "llm_total_seconds": timedelta(seconds=120),
    "bot_system_prompt": "",
    "bot_human_contact": "",
    "bot_apology": "",
    "message_max_age": timedelta(hours=24),
    "history_ttl": timedelta(days=30),
    "handoff_pause": timedelta(hours=12),
    "handoff_webhook_url": SecretStr(""),
    "handoff_webhook_secret": SecretStr(""),
    "person_turns_per_minute": 10,
    "person_turns_per_day": 200,
    "person_tokens_per_day": 500_000,
    "bubble_min_chars": 100,
    "bubble_max_chars": 200,
    "bubble_style": "stream",
    "bubble_order": "delivered",
    "bubble_order_wait": timedelta(seconds=2),
    "uncertain_wait": timedelta(seconds=8),
    "uncertain_policy": "resend",
    "mid_reply": "queue",
    "pair_burst": 10,
    "number_rate": 80,
    "worker_max_concurrency": 200,
    "worker_drain_seconds": timedelta(seconds=25),
    "dashboard_username": None,
    "dashboard_password": None,
    "admin_token": None,
    "log_level": "info",
    "log_format": "json",
}


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items(), ids=DEFAULTS)
def test_a_default_is_the_contracts(name: str, value: object) -> None:
    assert getattr(loaded(), name) == value


def test_what_is_needed_is_taken_as_it_is() -> None:
    settings = loaded()
    for name, value in NEEDED.items():
        assert getattr(settings, name.lower()).get_secret_value() == value


def test_an_empty_value_is_as_none_at_all() -> None:
    assert loaded(BUBBLE_STYLE="", LOG_LEVEL="", ADMIN_TOKEN="").bubble_style == "stream"
    assert complaints({**NEEDED, "REDIS_URL": ""}) == ["REDIS_URL: is missing"]


def test_other_programs_settings_are_none_of_ours() -> None:
    assert loaded(PATH="/bin", REDIS_HOST="x", OPENAI_ORG="y", MESSAGE_BROKER="z") == loaded()


# -- the forms of a value --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("8s", 8), ("8 s", 8), (" 8s ", 8), ("8S", 8), ("250ms", 0.25), ("1.5h", 5400),
        ("2m", 120), ("2min", 120), ("24h", 86400), ("7d", 604800), ("0.5", 0.5), ("0s", 0),
    ],
)  # fmt: skip
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert loaded(UNCERTAIN_WAIT=text).uncertain_wait == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["soon", "8 weeks", "-1s", "1e3s", "8,5s", "1h30m", "s", "P1D", "nan", "9" * 30 + "d"]
)
def test_a_duration_of_another_form_is_named(text: str) -> None:
    (line,) = complaints({**NEEDED, "UNCERTAIN_WAIT": text})
    assert line.startswith("UNCERTAIN_WAIT: is not a duration such as 8s")


def test_prices_are_by_country() -> None:
    given = loaded(BUBBLE_PRICES="US=0.0034, BR = 0.0068,*=0").bubble_prices
    assert given == {"US": 0.0034, "BR": 0.0068, "*": 0}


@pytest.mark.parametrize(
    "text", ["0.03", "us=0.03", "USA=0.03", "US", "US=", "US=free", "US=-1", "US=nan", "55=0.0068"]
)
def test_prices_of_another_form_are_named(text: str) -> None:
    (line,) = complaints({**NEEDED, "BUBBLE_PRICES": text})
    assert line.startswith("BUBBLE_PRICES: ")


@pytest.mark.parametrize(
    "url",
    [
        "redis://cellar", "redis://", "redis://cellar:6379/", "redis://cellar:6379/0?protocol=3",
        "redis://otto:p%40ss@cellar.internal:6380/15", "redis://:word@10.0.0.3", "redis://[::1]:6379",
        "rediss://cellar?ssl_cert_reqs=none", "unix:///run/our.sock", "unix:///run/our.sock?db=2",
        "unix://:word@/run/our.sock", "redis+sentinel://a:1/house",
        "redis+sentinel://otto:word@a:1,b.internal:2,[::3]:3/house/4",
    ],
)  # fmt: skip
def test_every_form_of_redis_url_is_taken(url: str) -> None:
    assert loaded(REDIS_URL=url).redis_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "cellar:6379", "http://cellar", "redis:/cellar", "redis://cellar/x", "redis://cellar:port",
        "redis://:p/word@cellar", "redis://:p#word@cellar", "redis://a,b", "unix://run/our.sock",
        "redis+sentinel://a/house", "redis+sentinel://a:1", "redis+sentinel://a:1/house/x",
        "redis+sentinel://:word℀@a:1/house ", "redis://cellar /0",
    ],
)  # fmt: skip
def test_a_redis_url_of_another_form_is_told_without_its_password(url: str) -> None:
    (line,) = complaints({**NEEDED, "REDIS_URL": url})
    assert line.startswith("REDIS_URL: is no URL that we can read")
    assert "word@" not in line
    assert "cellar" not in line


@pytest.mark.parametrize(
    ("given", "secrets"),
    [
        ("one", ("one",)),
        ("one,two", ("one", "two")),
        (" one , two ,", ("one", "two")),
    ],
)
def test_during_a_rotation_there_are_two_app_secrets(given: str, secrets: tuple[str, ...]) -> None:
    assert loaded(WHATSAPP_APP_SECRET=given).app_secrets == secrets


def test_the_bots_words_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("Du hilfst gern. 😀", "utf-8")
    assert loaded(BOT_SYSTEM_PROMPT="You help.").system_prompt == "You help."
    assert loaded(BOT_SYSTEM_PROMPT_FILE=str(file)).system_prompt == "Du hilfst gern. 😀"


# -- what is wrong ---------------------------------------------------------------------------------


def test_all_that_is_missing_is_named_in_one_go() -> None:
    assert complaints({}) == [
        "OPENAI_API_KEY: is missing (or set OPENAI_BASE_URL to a server of yours)",
        "REDIS_URL: is missing",
        "RIVULET_KEY: is missing",
        "WHATSAPP_ACCESS_TOKEN: is missing",
        "WHATSAPP_APP_SECRET: is missing",
        "WHATSAPP_VERIFY_TOKEN: is missing",
    ]


def test_a_server_of_ones_own_needs_no_key() -> None:
    environ = {**NEEDED, "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}
    del environ["OPENAI_API_KEY"]
    assert load_settings(environ, env_file=None).openai_base_url == "http://127.0.0.1:11434/v1"


def test_missing_misspelt_and_wrong_ones_are_named_together() -> None:
    environ = {**NEEDED, "BUBBLE_STILE": "stream", "LOG_LEVEL": "loud", "WHATSAPP_TOKEN": "x"}
    del environ["WHATSAPP_ACCESS_TOKEN"]
    lines = complaints(environ)
    assert [line.partition(":")[0] for line in lines] == [
        "BUBBLE_STILE", "LOG_LEVEL", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_TOKEN",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "WHATSAPP_TOKEN", "BUBBLE_MAX", "BOT_PROMPT", "LLM_TIMEOUT", "WORKER_CONCURRENCY",
        "DASHBOARD_USER", "UNCERTAIN_TIME", "NUMBERS_FILES",
    ],
)  # fmt: skip
def test_a_misspelt_name_stops_the_start(name: str) -> None:
    assert complaints({**NEEDED, name: "x"}) == [f"{name}: there is no such setting"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUBBLE_MIN_CHARS", "0"), ("BUBBLE_MAX_CHARS", "4001"), ("BUBBLE_MIN_CHARS", "many"),
        ("HISTORY_TTL", "59m"),
        ("BUBBLE_STYLE", "streams"), ("BUBBLE_ORDER", "read"), ("UNCERTAIN_POLICY", "maybe"),
        ("MID_REPLY", "ignore"), ("WORKER_MAX_CONCURRENCY", "0"), ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "INFO!"), ("NUMBER_RATE", "-1"), ("LLM_PROVIDERS", "gemini"),
        ("LLM_PROVIDERS", "openai,azure"), ("RIVULET_KEY", "short-word"),
        ("WHATSAPP_APP_SECRET", " "), ("WHATSAPP_APP_SECRET", " , "),
        ("BOT_SYSTEM_PROMPT_FILE", "/nowhere/prompt.txt"), ("BOT_SYSTEM_PROMPT_FILE", "/"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_once(name: str, value: str) -> None:
    (line,) = complaints({**NEEDED, name: value})
    assert line.startswith(f"{name}: ")
    assert "short-word" not in line


def test_a_band_must_not_be_upside_down() -> None:
    (line,) = complaints({**NEEDED, "BUBBLE_MIN_CHARS": "300"})
    assert line == "BUBBLE_MAX_CHARS: is smaller than BUBBLE_MIN_CHARS"


def test_traces_go_by_the_one_protocol_that_is_built() -> None:
    grpc = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}  # a cluster may set it for everybody
    assert loaded(**grpc).otel_exporter_otlp_endpoint is None
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_SERVICE_NAME": "a"}
    assert complaints({**NEEDED, **endpoint, **grpc}) == [
        "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf"
    ]
    assert loaded(**endpoint).otel_exporter_otlp_endpoint == "http://127.0.0.1:4317"


def test_an_endpoint_without_the_extra_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    assert complaints({**NEEDED, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}) == [
        "OTEL_EXPORTER_OTLP_ENDPOINT: needs an extra: pip install 'rivulet[otel]'"
    ]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "prompt").write_bytes(b"\xff\xfe\x00")
    lines = complaints({**NEEDED, "BOT_SYSTEM_PROMPT_FILE": str(tmp_path / "prompt")})
    assert lines == ["BOT_SYSTEM_PROMPT_FILE: UnicodeDecodeError"]


# -- secrets ---------------------------------------------------------------------------------------


def test_no_secret_is_seen_in_the_settings() -> None:
    settings = loaded(ADMIN_TOKEN="admin-word", DASHBOARD_PASSWORD="dash-word")
    for shown in (repr(settings), str(settings), str(settings.model_dump())):
        for secret in (*SECRETS, "admin-word", "dash-word"):
            assert secret not in shown


def test_no_value_is_seen_in_a_complaint() -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "REDIS_URL"}
    environ |= {"WORKER_MAX_CONCURRENCY": "token-word", "LLM_TOTAL_SECONDS": "app-word"}
    told = "\n".join(complaints({**environ, "BUBBLE_STYLE": "verify-word"}))
    for secret in SECRETS:
        assert secret not in told


def test_settings_cannot_be_changed() -> None:
    settings, name = loaded(), "bubble_min_chars"
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, name, 5)


# -- the file --------------------------------------------------------------------------------------


def test_a_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    lines = [f'{name}="{value}"' for name, value in NEEDED.items()]
    file.write_text("\n".join(["# ours", *lines, "BUBBLE_STYLE=single", "LOG_LEVEL=debug"]))
    settings = load_settings({"BUBBLE_STYLE": "balanced"}, env_file=file)
    assert settings.rivulet_key.get_secret_value() == NEEDED["RIVULET_KEY"]
    assert settings.bubble_style == "balanced"
    assert settings.log_level == "debug"


def test_a_misspelt_name_in_the_file_is_named_too(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("BOT_APOLOGIE=Sorry")
    with pytest.raises(SettingsError, match="BOT_APOLOGIE: there is no such setting"):
        load_settings(NEEDED, env_file=file)


def test_without_a_file_the_environment_is_enough(tmp_path: Path) -> None:
    assert load_settings(NEEDED, env_file=tmp_path / ".env") == loaded()


@pytest.mark.parametrize("key", ["sk-\n1", "schlüssel"], ids=repr)
def test_a_key_that_no_request_can_carry_is_named(key: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as complaint:
        loaded(OPENAI_API_KEY=key)
    assert key not in str(complaint.value)
