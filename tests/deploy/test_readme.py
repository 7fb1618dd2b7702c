"""The README's commands name files, commands and services that exist."""

import re
import shlex

import pytest

from app.cli import _parser
from app.simulator.__main__ import _parser as simulators
from tests.deploy.files import DEPLOY, ROOT, documents

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
LINES = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]


def commands(program: str) -> list[list[str]]:
    """The arguments of each use of it, up to what the shell takes for itself."""
    pattern = rf"(?:^|[/ ]){re.escape(program)}((?: [^#&|<>]+)?)"
    return [shlex.split(found[1]) for line in LINES if (found := re.search(pattern, line))]


@pytest.mark.parametrize("arguments", commands("bin/rivulet"), ids=" ".join)
def test_a_command_of_rivulet_is_one_that_there_is(arguments: list[str]) -> None:
    _parser().parse_args(arguments)


@pytest.mark.parametrize("arguments", commands("-m app.simulator"), ids=" ".join)
def test_a_command_of_the_simulators_is_one_that_there_is(arguments: list[str]) -> None:
    simulators().parse_args(arguments)


def test_a_file_of_deploy_that_it_names_exists() -> None:
    named = {path.rstrip("/.") for path in re.findall(r"\bdeploy/[\w./-]+", README)}
    made_by_the_operator = {"deploy/.env"}
    missing = {path for path in named - made_by_the_operator if not (ROOT / path).exists()}
    assert not missing


def test_a_unit_that_it_starts_exists() -> None:
    (line,) = (line for line in LINES if "systemctl enable" in line)
    units = re.findall(r"rivulet[\w.@-]*", line)
    files = {re.sub(r"@\d+$", "@", unit) for unit in units}
    there = {path.name for path in (DEPLOY / "systemd").iterdir()}
    assert {name if "." in name else f"{name}.service" for name in files} == there


def test_the_service_in_which_it_checks_exists() -> None:
    (line,) = (line for line in LINES if "compose.yaml run" in line)
    service = shlex.split(line)[-2]
    (compose,) = documents(DEPLOY / "compose.yaml")
    assert service in compose["services"]
