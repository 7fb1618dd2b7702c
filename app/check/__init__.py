"""``rivulet check``: is all as it must be? One line each, with what to do beside a failure."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from app.check.house import house_lines
from app.check.line import Line
from app.check.meta import meta_lines
from app.check.model import model_lines
from app.check.redis import redis_lines
from app.check.traces import traces_lines
from app.settings import Installation, SettingsError, environment, load_settings

REDIS = "REDIS_URL"
META = ("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_GRAPH_URL", "WHATSAPP_GRAPH_VERSION")
SENT = ("WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN")
"""Without these some of Meta's answers cannot be had."""

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
        _unless(wrong, [REDIS], "Redis", redis_lines(settings)),
        _unless(wrong, [REDIS], "Who waits, and who works", house_lines(settings)),
        _unless(wrong, META, "Meta", meta_lines(settings)),
        _unless(wrong, MODEL, "The model", model_lines(settings)),
        traces_lines(settings),
    ]
    tasks = [asyncio.create_task(group) for group in groups]
    failed = bool(wrong)
    for line in _settings_lines(wrong, numbers=len(settings.numbers)):
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
    heeded = {REDIS, *META, *SENT, *MODEL, *STAND_INS}
    usable = {name: value for name, value in environ.items() if name in heeded - wrong.keys()}
    in_place = {name: STAND_INS[name] for name in wrong.keys() & STAND_INS.keys()}
    settings = load_settings({**usable, **in_place}, env_file=None, numbers_file=None)
    unknown = {name.lower(): SecretStr("") for name in wrong.keys() & set(SENT)}
    return settings.model_copy(update=unknown), wrong


def _settings_lines(wrong: Mapping[str, str], *, numbers: int) -> Sequence[Line]:
    if not wrong:
        own = f", and those of {numbers} single numbers" if numbers else ""
        return [Line(True, f"Settings are complete{own}.")]
    fix = "change it in the environment or in .env; the README lists all settings."
    in_file = "change it there; the README lists what a number may have of its own."
    return [
        Line(False, f"{name}: {complaint}.", fix if name.isupper() else in_file)
        for name, complaint in wrong.items()
    ]


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
