"""``deploy/Dockerfile`` and ``.dockerignore``."""

import json
import re
import sys

from tests.deploy.files import DEPLOY, IMAGE, ROOT, documents, judged_by

TEXT = (DEPLOY / "Dockerfile").read_text("utf-8")
LINES = re.sub(r"\\\n\s*", "", TEXT).splitlines()
FROM = [line.split()[1] for line in LINES if line.startswith("FROM ")]
LAST_STAGE = LINES[max(n for n, line in enumerate(LINES) if line.startswith("FROM ")) :]


def words(instruction: str) -> list[str]:
    """Of the one such line in the last stage, which ends in JSON."""
    (line,) = (line for line in LAST_STAGE if line.startswith(f"{instruction} "))
    found: list[str] = json.loads(line[line.index("[") :])
    return found


HEALTH_CHECK = words("HEALTHCHECK")


def test_hadolint_has_nothing_to_say() -> None:
    assert judged_by("hadolint", str(DEPLOY / "Dockerfile")) == ""


def test_the_image_has_the_python_that_the_tests_run_on_or_an_older_one() -> None:
    """Never one that nobody has tried: CI runs on the oldest that pyproject.toml allows."""
    assert len(set(FROM)) == 1, "what is compiled in one stage runs in the other"
    (base,) = set(FROM)
    assert IMAGE.fullmatch(base)
    version = re.search(r":(\d+)\.(\d+)-slim", base)
    assert version
    assert (int(version[1]), int(version[2])) <= sys.version_info[:2]


def test_it_runs_as_a_user_whom_kubernetes_can_tell_from_root() -> None:
    users = [line for line in LAST_STAGE if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]


def test_it_starts_the_program_itself() -> None:
    """Not a shell, which would keep SIGTERM to itself."""
    assert [*words("ENTRYPOINT"), *words("CMD")] == ["rivulet", "web", "--host", "0.0.0.0"]  # noqa: S104


def test_it_works_where_the_operators_files_are_shown() -> None:
    """There ``numbers.toml`` is found without a setting that names it."""
    (folder,) = (line.split()[1] for line in LAST_STAGE if line.startswith("WORKDIR "))
    (compose,) = documents(DEPLOY / "compose.yaml")
    assert compose["services"]["worker"]["volumes"] == [f"./files:{folder}:ro"]
    for name in ("web", "worker"):
        (workload, *_) = documents(DEPLOY / "kubernetes" / f"{name}.yaml")
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        (mount,) = container["volumeMounts"]
        assert (mount["name"], mount["mountPath"]) == ("files", folder)
    for unit in (DEPLOY / "systemd").glob("*.service"):
        assert f"WorkingDirectory={folder}\n" in unit.read_text("utf-8")


def test_nothing_private_can_get_into_an_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {line.removeprefix("!") for line in rules if line.startswith("!")}
    copied = {
        name
        for line in LINES
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert copied == let_in - {"deploy"}
    assert rules.index("deploy/*") > rules.index("!deploy")
