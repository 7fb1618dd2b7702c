"""What the business's numbers have of their own: one TOML file, one table for each number.

A key is a setting's name in lower case, so that there is one name for each thing.
"""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

TOKEN_KEY = "access_token_env"  # noqa: S105 - a name, not a secret
"""Names the environment's variable that holds the number's token: no secret stands in the file."""

_TEXT, _COUNT, _DURATION = (str,), (int,), (str, int, float)

NUMBER_KEYS: Mapping[str, tuple[type, ...]] = {
    TOKEN_KEY: _TEXT,
    "bot_system_prompt": _TEXT,
    "bot_system_prompt_file": _TEXT,
    "bot_human_contact": _TEXT,
    "bot_apology": _TEXT,
    "openai_model": _TEXT,
    "message_max_age": _DURATION,
    "bubble_min_chars": _COUNT,
    "bubble_max_chars": _COUNT,
    "bubble_style": _TEXT,
    "bubble_order": _TEXT,
    "bubble_order_wait": _DURATION,
    "mid_reply": _TEXT,
    "pair_burst": _COUNT,
    "number_rate": _COUNT,
    "uncertain_wait": _DURATION,
    "uncertain_policy": _TEXT,
    "handoff_pause": _DURATION,
    "person_turns_per_minute": _COUNT,
    "person_turns_per_day": _COUNT,
    "person_tokens_per_day": _COUNT,
}
"""What a number may have of its own, and TOML's types for it."""

_WORDS = {_TEXT: "text", _COUNT: "a whole number", _DURATION: "a duration"}

Tables = Mapping[str, Mapping[str, object]]
"""By ``phone_number_id``: the keys that are written in its table, each of a type that fits."""


def numbers_in(file: Path) -> tuple[Tables, list[str]]:
    """The numbers of a file, and one line for each thing that is wrong with it.

    A prompt's file is looked for beside this one. No line quotes a value.
    """
    try:
        tree = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        return {}, [f"{file}: {type(exc).__name__}"]
    except tomllib.TOMLDecodeError as exc:
        return {}, [f"{file}: is no TOML: {exc}"]
    wrong = [f"{file} {complaint}" for complaint in _complaints(tree)]
    tables = {name: table for name, table in tree.items() if isinstance(table, dict)}
    for table in tables.values():
        if isinstance(prompt := table.get("bot_system_prompt_file"), str):
            table["bot_system_prompt_file"] = str(file.parent / prompt)
    return ({} if wrong else tables), wrong


def _complaints(tree: Mapping[str, object]) -> Iterator[str]:
    for name, table in tree.items():
        if not isinstance(table, dict):
            yield f"{name}: stands in no number's table; what holds for all is a setting"
            continue
        if not (name.isascii() and name.isdigit()):
            yield f"[{name}]: is no phone_number_id"
        for key, value in table.items():
            if complaint := _complaint(key, value):
                yield f"[{name}] {key}: {complaint}"
        if {"bot_system_prompt", "bot_system_prompt_file"} <= table.keys():
            yield f"[{name}] bot_system_prompt_file: stands beside bot_system_prompt; choose one"


def _complaint(key: str, value: object) -> str:
    kinds = NUMBER_KEYS.get(key)
    if kinds is None:
        near = get_close_matches(key, NUMBER_KEYS, n=1)
        return "there is no such key" + (f"; is it {near[0]}?" if near else "")
    return "" if type(value) in kinds else f"is not {_WORDS[kinds]}"
