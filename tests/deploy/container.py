"""What a container is to a process: another user, no rights, and nothing that it could write."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY

# Every mount is made read-only, but for one folder, for this process and its children alone.
ENTER = """
mount --make-rprivate /
mount --bind "$1" "$1"
while read -r _ where _; do mount -o remount,bind,ro "$where" 2>/dev/null; done </proc/self/mounts
mount -o remount,bind,rw "$1"
shift
exec "$@"
"""

CAPABILITY = "+dac_read_search"
"""Lets the user read, not write, what lies in folders that only root may enter, as Python may."""


def user() -> int:
    """The number that the Dockerfile names."""
    found = re.search(r"^USER (\d+):", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert found
    return int(found[1])


def container(volume: Path) -> tuple[str, ...]:
    """The command that brings another one into such a place.

    For root on Linux. Anybody else's processes run as themselves: they have no rights to lose.

    Args:
        volume: The one folder that can be written.

    Raises:
        pytest.skip.Exception: Root may make no mount namespaces here; with ``CI=true``
            ``pytest.fail.Exception``.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("setpriv"):
        return ()
    number = user()
    os.chown(volume, number, number)
    enter = ("unshare", "--mount", "sh", "-c", ENTER, "sh", str(volume))
    tried = subprocess.run(
        [*enter, "true"], capture_output=True, text=True, timeout=20, check=False
    )
    if tried.returncode:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(f"no mount namespaces here: {tried.stderr.strip()}")
    return (
        *enter,
        *("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", "--no-new-privs"),
        *("--bounding-set", f"-all,{CAPABILITY}", "--inh-caps", f"-all,{CAPABILITY}"),
        *("--ambient-caps", f"-all,{CAPABILITY}"),
    )
