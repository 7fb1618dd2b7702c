"""``deploy/.env.example`` lists the settings that exist, with their defaults."""

import re

import pytest

from app.settings import Settings, load_settings
from tests.deploy.files import DEPLOY

LINES = (DEPLOY / ".env.example").read_text("utf-8").splitlines()
SET = re.compile(r"(#?)([A-Z][A-Z0-9_]*)=(.*)")
FOUND = [match for line in LINES if (match := SET.fullmatch(line))]
LISTED = {match[2]: match[3] for match in FOUND}
NEEDED = {match[2] for match in FOUND if not match[1]}

COMPOSE_ASKS = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
SETTINGS = {name.upper() for name in Settings.model_fields}
FILLED_IN = {
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "RIVULET_KEY": "a key of the example's tests",
    "WHATSAPP_ACCESS_TOKEN": "a token",
    "WHATSAPP_APP_SECRET": "a secret",
    "WHATSAPP_VERIFY_TOKEN": "a word",
    "OPENAI_API_KEY": "a key",
}


def test_it_lists_every_setting() -> None:
    missing = SETTINGS - LISTED.keys()
    assert not missing, f"add to deploy/.env.example: {', '.join(sorted(missing))}"


def test_it_lists_what_compose_asks_for() -> None:
    missing = COMPOSE_ASKS - LISTED.keys()
    assert not missing, f"add to deploy/.env.example: {', '.join(sorted(missing))}"


def test_it_lists_nothing_that_does_not_exist() -> None:
    unknown = LISTED.keys() - SETTINGS - COMPOSE_ASKS
    assert not unknown, f"no such setting: {', '.join(sorted(unknown))}"


def test_it_lists_each_setting_once() -> None:
    assert len(FOUND) == len(LISTED)


def test_what_stands_without_a_hash_is_what_a_start_needs() -> None:
    assert NEEDED == FILLED_IN.keys()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_what_stands_behind_a_hash_is_the_default(name: str) -> None:
    listed = LISTED.get(name.upper())
    assert listed is not None, f"add {name.upper()} to deploy/.env.example"
    given = load_settings({name.upper(): listed, **FILLED_IN}, env_file=None)
    usual = load_settings(FILLED_IN, env_file=None)
    assert getattr(given, name) == getattr(usual, name)


def test_values_are_written_so_that_every_reader_reads_the_same() -> None:
    """kubectl keeps quotation marks, Docker and systemd take them away; comments differ too."""
    assert [name for name, value in LISTED.items() if re.search(r"[\"'#\s$\\]", value)] == []
