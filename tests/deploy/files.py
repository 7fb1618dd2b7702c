"""The files that say how Rivulet is run, and the programs that judge them."""

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FROM_DISTRIBUTION = ("caddy", "promtool", "systemd-analyze")

DRAIN: timedelta = Settings.model_fields["worker_drain_seconds"].default
SENDING = timedelta(seconds=15)
"""What a worker may need after its drain: a send that has begun, and what is given back."""

WEB_DRAIN = timedelta(seconds=15)
"""``timeout_graceful_shutdown`` of the web process."""

IMAGE = re.compile(r"rivulet|([a-z0-9-]+/)?[a-z0-9-]+:v?\d+(\.\d+)+[a-z0-9.-]*")
"""Ours, or another's by its plain name and version: no registry's address."""


def documents(path: Path) -> list[dict[str, Any]]:
    """What a YAML file holds."""
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


def tool(name: str) -> str:
    """The path of a program: beside our Python, else on the PATH.

    Raises:
        pytest.skip.Exception: It is not here.
        pytest.fail.Exception: With ``CI=true``, when pip would have brought it.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true" and name not in FROM_DISTRIBUTION:
            pytest.fail(f"{name} is not installed", pytrace=False)
        pytest.skip(f"{name} is not installed")
    return found


def judged_by(name: str, *arguments: str, **environment: str) -> str:
    """What a program says, errors included; it must be content."""
    ended = subprocess.run(
        [tool(name), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def seconds(text: str) -> timedelta:
    """``30s`` as Docker and systemd write it."""
    assert text.endswith("s"), text
    return timedelta(seconds=float(text.removesuffix("s")))
