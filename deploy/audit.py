"""Is a vulnerability known in a version that we pin? ``python3 deploy/audit.py``

Asks pip-audit, in a virtual environment of its own, with PyPI's data and then with OSV's. Exits
with 1 when one is known, and with 0 when none is, or when no data can be had for some package (no
internet, a registry that keeps none): for what an image holds, the review in ``audit.md`` stands
in, and the last line says so.
"""

import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PIP_AUDIT = "pip-audit==2.10.1"
SOURCES = ("pypi", "osv")
INSTALL_SECONDS = 180
SOURCE_SECONDS = 120

FOLDER = Path(__file__).parent
PINS = FOLDER / "constraints.txt"
REVIEW = FOLDER / "audit.md"

Report = Mapping[str, Any]
"""What ``pip-audit --format json`` writes."""


def verdict(pinned: Mapping[str, str], reports: Sequence[Report], review: str) -> tuple[int, str]:
    """The exit status, and what to say.

    Args:
        pinned: Versions by name.
        reports: Of the sources that answered; a package is known when one of them knows it.
        review: The text of ``audit.md``.
    """
    known: dict[str, str] = {}
    bad: set[str] = set()
    for one in (one for report in reports for one in report["dependencies"]):
        if "version" in one:
            known[_plain(one["name"])] = one["version"]
        for vulnerability in one.get("vulns", []):
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
            bad.add(f"{one['name']} {one['version']}: {vulnerability['id']}; mended in {fixed}")
    unknown = [name for name, version in sorted(pinned.items()) if known.get(name) != version]
    lines = sorted(bad)
    lines.append(f"{len(pinned) - len(unknown)} of {len(pinned)} pinned versions looked up.")
    if unknown:
        (day,) = re.findall(r"^Reviewed on (\d{4}-\d\d-\d\d)", review, re.MULTILINE)
        lines.append(
            f"No data on {len(unknown)}: for what an image holds, the review of {day} stands in."
        )
    return (1 if bad else 0), "\n".join(lines)


def pins(text: str) -> dict[str, str]:
    """Versions by plain name, from lines like ``name==1.2``."""
    pairs = (line.partition("==") for line in text.split())
    return {_plain(name): version for name, _, version in pairs}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _reports(folder: Path) -> Iterator[Report]:
    """Of each source that answers; none when pip-audit cannot be installed."""
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    if not _runs([python, "-m", "pip", "install", "-q", PIP_AUDIT], INSTALL_SECONDS):
        return
    for source in SOURCES:
        found = folder / f"{source}.json"
        command = [python, "-m", "pip_audit", "--disable-pip", "--no-deps", "--format", "json"]
        options = ["--vulnerability-service", source, "--progress-spinner", "off"]
        _runs([*command, *options, "-r", str(PINS), "-o", str(found)], SOURCE_SECONDS)
        if found.exists() and (text := found.read_text("utf-8")):
            yield json.loads(text)


def _runs(command: Sequence[str], seconds: float) -> bool:
    """Whether it does so in time, and well; its words are of use to nobody."""
    try:
        ended = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def main() -> int:
    """Look it up and say so; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        reports = list(_reports(Path(folder)))
    pinned = pins(PINS.read_text("utf-8"))
    status, text = verdict(pinned, reports, REVIEW.read_text("utf-8"))
    sys.stdout.write(f"{text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
