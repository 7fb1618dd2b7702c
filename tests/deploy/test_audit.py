"""What we depend on is looked up, and where that cannot be, it has been looked at."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

from deploy.audit import PINS, REVIEW, Report, pins, verdict
from tests.deploy.files import ROOT

PINNED = pins(PINS.read_text("utf-8"))
REVIEWED = dict(re.findall(r"^\| ([a-z0-9-]+) \| (\d\S*) \|", REVIEW.read_text("utf-8"), re.M))
REVIEW_OF_A_DAY = "Reviewed on 2026-01-31: all of it."


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def in_an_image() -> set[str]:
    """The names of what ``pip install .[otel]`` brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found: set[str] = set()
    given = [*project["dependencies"], *project["optional-dependencies"]["otel"]]
    waiting = list(needed(given))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needed(requires(name) or [])
    return found


def needed(requirements: list[str]) -> Iterator[str]:
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield plain(requirement.name)


def test_every_package_of_an_image_is_pinned_and_reviewed() -> None:
    missing = {f"{name} {PINNED[name]}" for name in in_an_image() - REVIEWED.keys()}
    assert not missing, f"look at them and add them to deploy/audit.md: {sorted(missing)}"


def test_what_was_reviewed_is_what_is_pinned() -> None:
    other = {
        f"{name} {PINNED.get(name)}" for name in REVIEWED if PINNED.get(name) != REVIEWED[name]
    }
    assert not other, f"look at these versions and change deploy/audit.md: {sorted(other)}"


def looked_up(name: str, version: str, *vulnerabilities: str) -> Report:
    vulns = [{"id": one, "fix_versions": ["2.1"]} for one in vulnerabilities]
    return {"dependencies": [{"name": name, "version": version, "vulns": vulns}]}


def skipped(name: str) -> Report:
    return {"dependencies": [{"name": name, "skip_reason": "not found"}]}


CASES = {
    "no vulnerability is known": ([looked_up("a-lamp", "2.0")], 0, "1 of 1"),
    "one is known": ([looked_up("A_Lamp", "2.0", "CVE-1")], 1, "CVE-1; mended in 2.1"),
    "one of the sources knows one": (
        [looked_up("a-lamp", "2.0"), looked_up("a-lamp", "2.0", "CVE-2")],
        1,
        "CVE-2",
    ),
    "no source answers": ([], 0, "the review of 2026-01-31 stands in"),
    "a source does not know the package": ([skipped("a-lamp")], 0, "review of 2026-01-31"),
    "a source tells of another version": ([looked_up("a-lamp", "1.9")], 0, "review of 2026-01-31"),
}


@pytest.mark.parametrize(("reports", "status", "words"), CASES.values(), ids=CASES.keys())
def test_only_a_known_vulnerability_fails(reports: list[Report], status: int, words: str) -> None:
    given, text = verdict({"a-lamp": "2.0"}, reports, REVIEW_OF_A_DAY)
    assert given == status
    assert words in text
