"""``rivulet check``: is all as it must be? One line each, with what to do beside a failure."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.adapters.graph_account import MANAGEMENT, MESSAGING, GraphAccount, TokenFacts
from app.adapters.redis_facts import RedisFacts, redis_facts
from app.bootstrap import open_reply_services
from app.core.model import PromptMessage
from app.errors import Refused, RivuletError
from app.pipeline.ports import Finish, Model
from app.settings import Installation, Settings, SettingsError, environment, load_settings

REDIS_SECONDS = 5.0
GRAPH_SECONDS = 10.0
MODEL_SPARE_SECONDS = 5.0
"""Past the model's own limit for the first token."""

OLDEST_REDIS = (6, 2)

REDIS = "REDIS_URL"
META = ("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_GRAPH_URL", "WHATSAPP_GRAPH_VERSION")
MODEL = (
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "LLM_PROVIDERS"),
    *("LLM_FIRST_TOKEN_SECONDS", "LLM_IDLE_SECONDS", "LLM_TOTAL_SECONDS"),
)
STAND_INS = {
    "REDIS_URL": "redis://nowhere",
    "RIVULET_KEY": "stands in for a key",
    "WHATSAPP_ACCESS_TOKEN": "none",
    "WHATSAPP_APP_SECRET": "none",
    "WHATSAPP_VERIFY_TOKEN": "none",
    "OPENAI_API_KEY": "none",
}
"""Hold the place of what is wrong, so that the rest can be checked; never sent anywhere."""


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one check.

    Attributes:
        ok: ``None``: not checked, because of another failure.
        fix: What to do about a failure.
    """

    ok: bool | None
    text: str
    fix: str = ""

    def __str__(self) -> str:
        mark = {True: "✓ ok         ", False: "✗ FAILS      ", None: "- not checked"}[self.ok]
        return f"{mark} {self.text}{f'  Fix: {self.fix}' if self.fix else ''}"


def run() -> int:
    """Check this installation, print each outcome; the exit status: 0 when all is well."""
    return asyncio.run(check(environment(), _print))


async def check(environ: Mapping[str, str], tell: Callable[[str], object]) -> int:
    """Run every check, whatever becomes of the others, and tell each outcome in a fixed order.

    Redis, Meta and the model are asked at the same time, each for a bounded time.

    Args:
        environ: All that is set, ``.env`` included.
    """
    settings, wrong = _settings(environ)
    groups = [
        _unless(wrong, [REDIS], "Redis", _redis(settings)),
        _unless(wrong, META, "Meta", _meta(settings)),
        _unless(wrong, MODEL, "The model", _model(settings)),
    ]
    tasks = [asyncio.create_task(group) for group in groups]
    failed = bool(wrong)
    for line in _settings_lines(wrong):
        tell(str(line))
    for task in tasks:
        for line in await task:
            failed |= line.ok is False
            tell(str(line))
    return int(failed)


def _print(line: str) -> None:
    # A terminal without the marks shows a question mark; the words beside them say the same.
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(line.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


# -- settings --------------------------------------------------------------------------------------


def _settings(environ: Mapping[str, str]) -> tuple[Installation, Mapping[str, str]]:
    """The settings, and what is wrong with them by name; stand-ins in their places."""
    try:
        return load_settings(environ, env_file=None), {}
    except SettingsError as exc:
        lines = [line.partition(": ") for line in str(exc).splitlines()]
    wrong = {name: complaint for name, _, complaint in lines}
    heeded = {REDIS, *META, *MODEL, *STAND_INS}
    usable = {name: value for name, value in environ.items() if name in heeded - wrong.keys()}
    in_place = {name: STAND_INS[name] for name in wrong.keys() & STAND_INS.keys()}
    return load_settings({**usable, **in_place}, env_file=None), wrong


def _settings_lines(wrong: Mapping[str, str]) -> Sequence[Line]:
    if not wrong:
        return [Line(True, "Settings are complete.")]
    fix = "change it in the environment or in .env; the README lists all settings."
    return [Line(False, f"{name}: {complaint}.", fix) for name, complaint in wrong.items()]


async def _unless(
    wrong: Mapping[str, str],
    needed: Sequence[str],
    what: str,
    lines: Coroutine[Any, Any, list[Line]],
) -> list[Line]:
    missing = [name for name in needed if name in wrong]
    if missing:
        lines.close()
        return [Line(None, f"{what}: {', '.join(missing)} first.")]
    return await lines


# -- Redis -----------------------------------------------------------------------------------------


async def _redis(settings: Settings) -> list[Line]:
    try:
        facts = await redis_facts(settings.redis_url.get_secret_value(), within=REDIS_SECONDS)
    except RivuletError as exc:
        fix = "start it, or correct the address in REDIS_URL."
        if exc.code == "login":
            fix = "correct the user and password in REDIS_URL."
        return [
            Line(False, f"Redis does not answer ({exc}).", fix),
            Line(None, "Whether Redis keeps its data: it does not answer."),
        ]
    return [_serving(facts), _durable(facts), *_replicated(facts)]


def _serving(facts: RedisFacts) -> Line:
    if facts.version < OLDEST_REDIS:
        return Line(False, f"{facts.name} is too old.", "install Redis 6.2, Valkey 7.2 or newer.")
    if not facts.is_primary:
        fix = "name the primary in REDIS_URL, or the sentinels (redis+sentinel://)."
        return Line(False, f"{facts.name} is a replica and takes no writes.", fix)
    return Line(True, f"Redis answers: {facts.name}.")


def _durable(facts: RedisFacts) -> Line:
    if not facts.appends:
        return Line(
            False,
            "Redis forgets in a crash what it has taken in (appendonly is off).",
            "CONFIG SET appendonly yes, and the same in its configuration file.",
        )
    if facts.policy != "noeviction":
        return Line(
            False,
            f"Redis drops messages when its memory is full (maxmemory-policy {facts.policy}).",
            "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file.",
        )
    if facts.fsync == "no":
        return Line(
            False,
            "Redis forgets up to half a minute when its machine dies (appendfsync no).",
            "CONFIG SET appendfsync always, and the same in its configuration file.",
        )
    if facts.fsync == "everysec":
        text = "Redis keeps its data, but for the last second if its machine dies"
        return Line(True, f"{text} (appendfsync everysec; always keeps that too).")
    return Line(True, "Redis keeps its data: it appends to a file and evicts nothing.")


def _replicated(facts: RedisFacts) -> list[Line]:
    """A hint where a failover may lose what was acknowledged."""
    if not facts.replicas or facts.waits_for_replicas:
        return []
    return [
        Line(
            True,
            "Redis has replicas and does not mind when they fall behind: a failover loses what"
            " they lack. With min-replicas-to-write 1 and min-replicas-max-lag 1 it would refuse.",
        )
    ]


# -- Meta ------------------------------------------------------------------------------------------


async def _meta(settings: Settings) -> list[Line]:
    async with AsyncExitStack() as stack:
        graph = GraphAccount(
            base_url=settings.whatsapp_graph_url,
            version=settings.whatsapp_graph_version,
            access_token=settings.whatsapp_access_token,
            timeout=timedelta(seconds=GRAPH_SECONDS),
        )
        stack.push_async_callback(graph.close)
        try:
            token = await graph.token()
        except RivuletError as exc:
            return [_unknown(exc), *_not_asked("the token is not known to be valid")]
        if not token.is_valid:
            return [Line(False, "Meta's access token is not valid.", NEW_TOKEN), *_not_asked("")]
        if not token.accounts:
            return [_may(token), *_not_asked("the token names no WhatsApp Business Account")]
        found = await asyncio.gather(
            *(_webhooks(graph, account, token.app_id) for account in token.accounts),
            *(_numbers(graph, account) for account in token.accounts),
        )
        return [_may(token), *found]


NEW_TOKEN = (
    "make a token of a system user (Business settings, System users) with"
    f" {MESSAGING} and {MANAGEMENT}, and set WHATSAPP_ACCESS_TOKEN."
)


def _unknown(exc: RivuletError) -> Line:
    if exc.scope == "token":
        return Line(False, f"Meta does not take the access token (code {exc.code}).", NEW_TOKEN)
    fix = "look at WHATSAPP_GRAPH_URL and WHATSAPP_GRAPH_VERSION, and at the way to the internet."
    return Line(False, f"Meta does not say whether the access token is valid ({exc}).", fix)


def _may(token: TokenFacts) -> Line:
    lacking = sorted({MANAGEMENT, MESSAGING} - token.scopes)
    if lacking:
        return Line(False, f"Meta's access token lacks {' and '.join(lacking)}.", NEW_TOKEN)
    until = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "for ever"
    return Line(True, f"Meta's access token is valid {until}.")


def _not_asked(why: str) -> list[Line]:
    tail = f": {why}." if why else "."
    return [
        Line(None, f"Whether webhooks come to this app{tail}"),
        Line(None, f"Which numbers it answers{tail}"),
    ]


async def _webhooks(graph: GraphAccount, account: str, app_id: str) -> Line:
    try:
        apps = await graph.subscribed_apps(account)
    except RivuletError as exc:
        return Line(False, f"Whether webhooks of account {account} come here: {exc}.", NEW_TOKEN)
    if app_id in apps:
        return Line(True, f"Webhooks of account {account} come to this app.")
    fix = f"POST /{account}/subscribed_apps with the access token; the README shows the command."
    return Line(False, f"Webhooks of account {account} do not come to this app.", fix)


async def _numbers(graph: GraphAccount, account: str) -> Line:
    try:
        ids = await graph.phone_number_ids(account)
    except RivuletError as exc:
        return Line(False, f"Which numbers account {account} has: {exc}.", NEW_TOKEN)
    if not ids:
        fix = "add a phone number in WhatsApp Manager."
        return Line(False, f"Account {account} has no number.", fix)
    return Line(True, f"Account {account} has phone_number_id {', '.join(ids)}.")


# -- the model -------------------------------------------------------------------------------------


async def _model(settings: Installation) -> list[Line]:
    name = settings.openai_model
    limit = settings.llm_first_token_seconds.total_seconds()
    async with AsyncExitStack() as stack:
        model = open_reply_services(settings, stack).model
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(limit + MODEL_SPARE_SECONDS):
                answered = await _first_delta(model)
        except Refused as exc:
            fix = "correct OPENAI_API_KEY, OPENAI_MODEL or OPENAI_BASE_URL."
            return [Line(False, f"The model {name} refuses to answer ({exc}).", fix)]
        except (RivuletError, TimeoutError) as exc:
            why = str(exc) or "silent for too long"
            fix = "look at the server at OPENAI_BASE_URL, or raise LLM_FIRST_TOKEN_SECONDS."
            return [Line(False, f"The model {name} does not answer ({why}).", fix)]
        waited = clock() - began
    if not answered:
        return [Line(False, f"The model {name} answers nothing.", "try another OPENAI_MODEL.")]
    return [Line(True, f"The model {name} began to answer after {waited:.1f} s.")]


async def _first_delta(model: Model) -> bool:
    """Whether there was one: ``False`` for an answer without a word."""
    prompt = [PromptMessage("user", "Say hello in one short sentence.")]
    async with aclosing(model.stream(prompt)) as stream:
        async for delta in stream:
            return not isinstance(delta, Finish)
    return False
