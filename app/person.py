"""``rivulet person export | erase``: everything that is held about one person.

Who is meant comes from standard input, not from the arguments: those stand in the history of the
shell and in the list of processes.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Literal

import orjson

from app.bootstrap import open_admin, open_services
from app.core.persons import MOST_CHARS, NoPerson, Person, person_of
from app.errors import Unavailable
from app.pipeline.admin import Ambiguous, Erased, erase, export
from app.settings import Installation, load_settings

QUESTION = "Phone number with its country's code, or user id: "
CONSENT = "erase"


def run(action: Literal["export", "erase"]) -> int:
    """Ask whom it is about, and do it; the exit status.

    An export is JSON on standard output. Erasing asks once more where somebody sits at a terminal.
    Nothing found is no failure: it is what a second ``erase`` finds.
    """
    settings = load_settings()
    try:
        person = person_of(_asked(QUESTION))
        if action == "erase" and not _is_sure():
            _tell("Nothing was erased.")
            return 1
        return asyncio.run(_run(action, person, settings))
    except NoPerson as exc:
        _tell(f"{exc}")
    except Ambiguous as exc:
        _tell(f"{exc}: {', '.join(exc.user_ids)}")
    except Unavailable as exc:
        _tell(f"{exc}")
    return 1


async def _run(action: Literal["export", "erase"], person: Person, settings: Installation) -> int:
    async with AsyncExitStack() as stack:
        services, _ = open_services(settings, stack)
        admin = open_admin(settings, stack)
        if action == "export":
            whole, _ = await export(person, admin, services.keys)
            sys.stdout.buffer.write(orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n")
            return 0
        erased, _ = await erase(person, admin, services.keys)
        _tell(_summary(erased))
        return 0


def _asked(question: str) -> str:
    if sys.stdin.isatty():
        sys.stderr.write(question)
        sys.stderr.flush()
    return sys.stdin.readline(MOST_CHARS + 2)


def _is_sure() -> bool:
    """A script that pipes somebody in has decided already."""
    return not sys.stdin.isatty() or _asked(f"Type {CONSENT} to go on: ").strip() == CONSENT


def _summary(erased: Erased) -> str:
    if not erased.conversations:
        return "Nothing is held about this person."
    return (
        f"Erased: {erased.conversations} conversations, {erased.waiting} waiting messages,"
        f" {erased.history} entries of history, {erased.turns} turns."
    )


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
