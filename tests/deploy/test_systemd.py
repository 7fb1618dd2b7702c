"""``deploy/systemd``: units for a machine without containers."""

import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, DRAIN, SENDING, WEB_DRAIN, judged_by, seconds

FOLDER = DEPLOY / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
INSTALLED = "/opt/rivulet/bin/rivulet"
EXPOSURE_MOST = 20
"""Of 100, as ``systemd-analyze security`` counts; 100 is a unit that says nothing."""

# What systemd-analyze would not complain about when it is gone.
HARDENED = {
    "CapabilityBoundingSet": "",
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
}


class Unit(ConfigParser):
    """One file; names may stand in it more than once."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",))
        self.optionxform = str  # type: ignore[assignment,method-assign] # as its documentation says
        self.read_string(path.read_text("utf-8"))


def each_unit() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """As they are, but for the program, which is not installed here."""
    program = Path(sys.executable).with_name("rivulet")
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8").replace(INSTALLED, str(program))
        (tmp_path / path.name).write_text(text, "utf-8")
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert judged_by("systemd-analyze", "verify", "--man=no", *units) == ""


@each_unit()
def test_a_unit_is_shut_in(path: Path) -> None:
    service = Unit(path)["Service"]
    assert {name: service.get(name) for name in HARDENED} == HARDENED
    judged_by(
        *("systemd-analyze", "security", "--offline=yes"),
        *(f"--threshold={EXPOSURE_MOST}", str(path)),
    )


@each_unit()
def test_a_process_that_ends_is_started_again_for_ever(path: Path) -> None:
    unit = Unit(path)
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


@each_unit()
def test_a_unit_runs_the_installed_program_with_the_settings(path: Path) -> None:
    service = Unit(path)["Service"]
    assert service["ExecStart"].startswith(f"{INSTALLED} ")
    assert service["EnvironmentFile"] == "/etc/rivulet/env"
    assert service["KillSignal"] == "SIGTERM"


GRACE = {"rivulet-web.service": WEB_DRAIN, "rivulet-worker@.service": DRAIN + SENDING}


@pytest.mark.parametrize("name", GRACE)
def test_a_process_is_given_longer_than_it_drains(name: str) -> None:
    assert seconds(Unit(FOLDER / name)["Service"]["TimeoutStopSec"]) > GRACE[name]
