"""Everything that differs between installations, read once from the environment or ``.env``.

Names are those that each outside system's users already know. A missing setting stops the start
with its name, and so does a misspelt one under a prefix of ours.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from app.core.pacing import BubbleOrder, BubbleStyle
from app.numbers import TOKEN_KEY, Tables, numbers_in

OUR_PREFIXES = (
    *("WHATSAPP_", "BUBBLE_", "BOT_", "LLM_", "WORKER_", "DASHBOARD_", "UNCERTAIN_"),
    *("HANDOFF_", "PERSON_", "NUMBERS_"),
)
"""Where a name that we do not know is a spelling mistake, not another program's setting."""

NUMBERS_FILE = Path("numbers.toml")

KEY_CHARS = 16
"""Phone numbers are few enough to try them all against a key that can be guessed."""

_UNITS = {"ms": 0.001, "s": 1, "": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}

# redis-py takes a database that is no number for database 0, and quotes passwords in its errors.
_HOST = r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)"
_REDIS_URL = re.compile(
    rf"(?:rediss?://(?:[^@/?#\s]*@)?{_HOST}?(?::\d{{1,5}})?(?:/\d*)?"
    r"|unix://(?:[^@/?#\s]*@)?/[^?#\s]+)(?:\?[^#\s]*)?"
    rf"|redis\+sentinel://(?:[^@/?#\s]*@)?{_HOST}:\d{{1,5}}(?:,{_HOST}:\d{{1,5}})*/[^/?#\s]+(?:/\d*)?",
    re.ASCII,
)


class SettingsError(Exception):
    """The start must stop; the message names each setting and what is wrong with it."""


def _duration(value: object) -> object:
    """``24h``, ``8 s``, ``90`` (seconds) … as a timedelta; anything else is left to pydantic."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", value.lower())
        if match and match[2] in _UNITS:
            with suppress(OverflowError):
                return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
        raise ValueError("is not a duration such as 8s, 90s or 24h")
    return value


def _words(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _prices(value: object) -> object:
    """``US=0.0034, BR=0.0068, *=0.03`` as a mapping; anything else is left to pydantic."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.replace(" ", "").split(",") if part]
    if not all(re.fullmatch(r"[A-Z]{2}|\*", country) for country, _, _ in pairs):
        raise ValueError("is not like US=0.0034,BR=0.0068,*=0.03 (countries as user ids begin)")
    return {country: price for country, _, price in pairs}


def _only_built(providers: tuple[str, ...]) -> tuple[str, ...]:
    for provider in providers:
        if provider != "openai":
            raise ValueError(f"{provider} is not built; this version has: openai")
    return providers


def _not_empty(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip(", "):
        raise ValueError("is empty")
    return secret


def _fits_a_header(secret: SecretStr) -> SecretStr:
    if not all(" " <= character <= "~" for character in secret.get_secret_value()):
        raise ValueError("holds a line break or a letter that no key has")
    return secret


def _http_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    if url and not re.fullmatch(r"https?://[^\s/?#]+[!-~]*", url):
        raise ValueError("is no address that begins with https:// or http://")
    return secret


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret) < KEY_CHARS:
        raise ValueError(f"is shorter than {KEY_CHARS} characters")
    return secret


def _readable_url(secret: SecretStr) -> SecretStr:
    if not _REDIS_URL.fullmatch(secret.get_secret_value()):
        raise ValueError(
            "is no URL that we can read: redis://, rediss://, unix:// or redis+sentinel://"
            " (a password's special characters must be percent-encoded)"
        )
    return secret


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Count = Annotated[int, Field(ge=1)]
Limit = Annotated[int, Field(ge=0)]
"""0: there is none."""
Price = Annotated[float, Field(ge=0, le=1000)]
Prices = Annotated[dict[str, Price], BeforeValidator(_prices)]


class Settings(BaseModel):
    """One installation. Field names are the environment's, in lower case; values are immutable."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    redis_url: Annotated[Secret, AfterValidator(_readable_url)]
    rivulet_key: Annotated[Secret, AfterValidator(_long_enough)]

    whatsapp_access_token: Annotated[Secret, AfterValidator(_fits_a_header)]
    whatsapp_app_secret: Secret
    whatsapp_verify_token: Secret
    whatsapp_graph_url: str = "https://graph.facebook.com"
    whatsapp_graph_version: str = "v26.0"
    whatsapp_send_timeout: Duration = timedelta(seconds=10)

    llm_providers: Annotated[Words, AfterValidator(_only_built)] = ("openai",)
    llm_first_token_seconds: Duration = timedelta(seconds=15)
    llm_idle_seconds: Duration = timedelta(seconds=15)
    llm_total_seconds: Duration = timedelta(seconds=120)
    openai_api_key: Annotated[SecretStr, AfterValidator(_fits_a_header)] = SecretStr("")
    openai_base_url: str | None = None
    openai_model: str = "gpt-5.4-mini"

    bot_system_prompt: str = ""
    bot_system_prompt_file: Path | None = None
    bot_human_contact: str = ""
    bot_apology: str = ""

    message_max_age: Duration = timedelta(hours=24)
    history_ttl: Annotated[Duration, Field(ge=timedelta(hours=1))] = timedelta(days=30)
    bubble_min_chars: Annotated[int, Field(ge=1, le=4000)] = 100
    bubble_max_chars: Annotated[int, Field(ge=1, le=4000)] = 200
    bubble_style: BubbleStyle = "stream"
    bubble_prices: Prices = {}
    bubble_order: BubbleOrder = "delivered"
    bubble_order_wait: Duration = timedelta(seconds=2)
    mid_reply: Literal["queue", "interrupt"] = "queue"
    pair_burst: Annotated[int, Field(ge=1, le=45)] = 10
    number_rate: Count = 80
    uncertain_wait: Duration = timedelta(seconds=8)
    uncertain_policy: Literal["resend", "never"] = "resend"

    handoff_pause: Annotated[Duration, Field(gt=timedelta())] = timedelta(hours=12)
    handoff_webhook_url: Annotated[SecretStr, AfterValidator(_http_url)] = SecretStr("")
    handoff_webhook_secret: SecretStr = SecretStr("")
    person_turns_per_minute: Limit = 10
    person_turns_per_day: Limit = 200
    person_tokens_per_day: Limit = 500_000

    worker_max_concurrency: Count = 200
    worker_drain_seconds: Duration = timedelta(seconds=25)

    dashboard_username: str | None = None
    dashboard_password: SecretStr | None = None
    admin_token: SecretStr | None = None
    admin_show_texts: bool = False

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_protocol: str = "http/protobuf"

    numbers_file: Path | None = None

    @property
    def app_secrets(self) -> tuple[str, ...]:
        """Meta's app secret; two while it is being rotated."""
        given = self.whatsapp_app_secret.get_secret_value()
        return tuple(secret.strip() for secret in given.split(",") if secret.strip())

    @property
    def system_prompt(self) -> str:
        """Who the bot is: the file's words when there is a file."""
        if self.bot_system_prompt_file:
            return self.bot_system_prompt_file.read_text("utf-8")
        return self.bot_system_prompt


class Installation(Settings):
    """The settings, and those of each number that has something of its own.

    Attributes:
        numbers: By ``phone_number_id``: all that holds there.
    """

    numbers: Mapping[str, Settings]


def environment(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> dict[str, str]:
    """All that is set, ours or not; the environment wins over the file."""
    in_file = dotenv_values(env_file) if env_file and env_file.is_file() else {}
    given = {name: value or "" for name, value in in_file.items()}
    given.update(os.environ if environ is None else environ)
    return given


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = Path(".env"),
    numbers_file: Path | None = NUMBERS_FILE,
) -> Installation:
    """The settings of this process; the environment wins over the file.

    Args:
        numbers_file: Read when there is one, unless ``NUMBERS_FILE`` names another.

    Raises:
        SettingsError: With one line for each setting that is missing, wrong or misspelt.
    """
    given = environment(environ, env_file=env_file)
    known = {name.upper(): name for name in Settings.model_fields}
    values = {known[name]: value for name, value in given.items() if name in known and value}
    tables, wrong = _numbers(values, numbers_file)
    tokens = {str(table[TOKEN_KEY]) for table in tables.values() if TOKEN_KEY in table}
    wrong += [
        f"{name}: there is no such setting"
        for name in given
        if name.startswith(OUR_PREFIXES) and name not in known and name not in tokens
    ]
    if not values.keys() & {"openai_api_key", "openai_base_url"}:
        wrong.append("OPENAI_API_KEY: is missing (or set OPENAI_BASE_URL to a server of yours)")
    settings, complaints = _validated(values)
    wrong += [f"{name.upper()}: {complaint}" for name, complaint in complaints]
    own: dict[str, Settings] = {}
    for number, table in tables.items() if settings else ():
        one, complaints = _validated(_of_number(values, table, given))
        wrong += [
            f"{values.get('numbers_file', numbers_file)} [{number}] {_key(name)}: {complaint}"
            for name, complaint in complaints
        ]
        if one:
            own[number] = one
    if wrong or settings is None:
        raise SettingsError("\n".join(sorted(wrong)))
    return Installation(**dict(settings), numbers=own)


def _numbers(values: Mapping[str, str], default: Path | None) -> tuple[Tables, list[str]]:
    named = values.get("numbers_file")
    if named:
        return numbers_in(Path(named))
    return numbers_in(default) if default and default.is_file() else ({}, [])


def _of_number(
    values: Mapping[str, str], table: Mapping[str, object], given: Mapping[str, str]
) -> dict[str, object]:
    """All values that hold for a number: the installation's, and its own in their place."""
    own = {**table}
    if TOKEN_KEY in own:
        own["whatsapp_access_token"] = given.get(str(own.pop(TOKEN_KEY)), "")
    if "bot_system_prompt" in own:
        own["bot_system_prompt_file"] = None
    return {**values, **own}


def _key(name: str) -> str:
    """A setting's key in the numbers' file."""
    return TOKEN_KEY if name == "whatsapp_access_token" else name


def _validated(values: Mapping[str, object]) -> tuple[Settings | None, list[tuple[str, str]]]:
    """Settings, when they can be made; and what is wrong, by the field's name."""
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        return None, [_told(error["loc"], error["msg"], error["type"]) for error in exc.errors()]
    return settings, list(_wrong_together(settings))


def _wrong_together(settings: Settings) -> Iterator[tuple[str, str]]:
    """What no single field can tell."""
    if settings.bubble_max_chars < settings.bubble_min_chars:
        yield "bubble_max_chars", "is smaller than BUBBLE_MIN_CHARS"
    try:
        _ = settings.system_prompt
    except (OSError, UnicodeDecodeError) as exc:
        yield "bot_system_prompt_file", type(exc).__name__
    if settings.otel_exporter_otlp_endpoint:
        if settings.otel_exporter_otlp_protocol != "http/protobuf":
            yield "otel_exporter_otlp_protocol", "must be http/protobuf"
        if not _is_installed("opentelemetry.exporter.otlp.proto.http"):
            yield "otel_exporter_otlp_endpoint", "needs an extra: pip install 'rivulet[otel]'"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it stands in
        return False


def _told(where: tuple[int | str, ...], message: str, kind: str) -> tuple[str, str]:
    name = str(where[0]) if where else "settings"
    return name, "is missing" if kind == "missing" else message.removeprefix("Value error, ")
