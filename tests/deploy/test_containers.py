"""Every command that a container of ours runs, run as there, until a person is answered."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.adapters.rq_queue import QUEUE
from app.simulator.valkey import _binary
from tests.deploy.container import container, user
from tests.deploy.files import DEPLOY, ROOT, SENDING, documents, seconds
from tests.deploy.test_dockerfile import HEALTH_CHECK
from tests.e2e.house import House, Place, Process, open_house
from tests.ports import free_port

(COMPOSE,) = documents(DEPLOY / "compose.yaml")
SERVICES: Mapping[str, dict[str, Any]] = COMPOSE["services"]
RIVULET = str(Path(sys.executable).with_name("rivulet"))
LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
DRAIN_SECONDS = 1
QUESTION = "How do I return an order?"

WRITES = """
import os, pathlib, sys
def fails(path):
    try:
        pathlib.Path(path, "probe").touch()
    except OSError:
        return True
    return False
import app
print(os.geteuid(), app.__file__, *map(fails, sys.argv[1:]))
"""


@dataclass
class Stack:
    """The house, its web and worker processes as compose.yaml has them."""

    house: House
    enter: Sequence[str]
    tree: Path

    def process(self, service: str, *more: str) -> Process:
        """One more container, not yet started."""
        return Process(
            service,
            [RIVULET, *SERVICES[service]["command"], *more],
            self.house.environment,
            self.house.folder / f"{service}.log",
            Place(enter=tuple(self.enter)),
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command of the image's Python, to its end."""
        return subprocess.run(
            [*self.enter, sys.executable, *arguments],
            env={**self.house.environment},
            cwd=self.house.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def read_only_copy(folder: Path) -> Path:
    """The code as it is in the image: compiled, and nobody's to write."""
    leave = shutil.ignore_patterns("__pycache__")
    for package in ("app", "workers"):
        shutil.copytree(ROOT / package, folder / package, ignore=leave)
    mode = ("--invalidation-mode", "unchecked-hash")
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", *mode, folder], check=True, timeout=60
    )
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        assert time.monotonic() < deadline, f"nothing on port {port}"
        time.sleep(0.05)  # a process that starts tells nobody


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Valkey as in compose.yaml, but for its port and where its volume lies."""
    data, port = tmp_path_factory.mktemp("data"), free_port()
    program, *given, folder = SERVICES["valkey"]["command"]
    assert (program, folder) == ("valkey-server", "--dir /data")
    here = (f"--dir {data}", f"--port {port}", f"--bind {LOOPBACK}")
    process = subprocess.Popen(
        [*container(data), _binary(), *given, *here],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield f"redis://{LOOPBACK}:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def stack(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    tree = read_only_copy(tmp_path_factory.mktemp("tree"))
    enter = container(tmp_path_factory.mktemp("volume"))
    place = Place(enter=tuple(enter))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tree))
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        patch.setenv("WORKER_DRAIN_SECONDS", str(DRAIN_SECONDS))
        patch.setenv("DASHBOARD_USERNAME", "operator")
        patch.setenv("DASHBOARD_PASSWORD", "a password of the tests")
        with open_house(
            valkey,
            tmp_path_factory.mktemp("house"),
            meta=["--set", "sent_delay=0.01", "--set", "delivered_delay=0.02"],
            model=["--set", "tokens_per_second=250", "--set", "first_token_seconds=0.3"],
            places={"web": place, "worker": place},
            programs={
                "web": [RIVULET, *SERVICES["web-1"]["command"]],  # the house says which address
                "worker": [RIVULET, *SERVICES["worker"]["command"]],
            },
        ) as house:
            yield Stack(house, enter, tree)


def test_a_process_there_can_write_nothing(stack: Stack) -> None:
    places = ["/", "/tmp", "/dev/shm", str(stack.house.folder)] if stack.enter else []
    ended = stack.run("-c", WRITES, str(stack.tree), *places)
    assert ended.stderr == ""
    uid, path, *failed = ended.stdout.split()
    assert path == str(stack.tree / "app" / "__init__.py")
    assert set(failed) == {"True"}
    assert uid == str(user()) or not stack.enter


def test_a_person_is_answered_from_there(stack: Stack) -> None:
    house = stack.house
    person = house.person(name="Ines", phone="15550141")
    wamid = house.say(person, QUESTION)
    turn = house.answered(wamid)
    assert turn["ending"] == "answered"
    sources = house.sources(turn)
    house.until(lambda: len(house.bubbles(person)) == len(sources) or None, "landing")
    for name in ("web", "worker"):
        log = house.processes[name].log.read_text("utf-8")
        assert "Permission denied" not in log
        assert "Read-only" not in log


def test_what_keda_counts_is_there_to_be_counted(stack: Stack) -> None:
    """Its script takes LLEN of a list, ZCARD of a sorted set, and 0 where there is no key."""
    house = stack.house
    person = house.person(name="Jonas", phone="15550142")
    with house.model_that(first_token_seconds=600):
        house.say(person, QUESTION)
        house.until(lambda: house.events(person, "model") or None, "request to the model")
        assert house.redis.type(f"rq:wip:{QUEUE}") == "zset"
        assert house.redis.zcard(f"rq:wip:{QUEUE}") == 1
        worker = house.processes["worker"]
        assert worker.running
        worker.running.terminate()
        # What every grace period counts on.
        assert worker.running.wait(timeout=DRAIN_SECONDS + SENDING.total_seconds()) == 0
        assert house.redis.type(f"rq:queue:{QUEUE}") == "list"
        assert house.redis.llen(f"rq:queue:{QUEUE}") == 1
    worker.start()
    house.until(lambda: house.bubbles(person) or None, "bubbles")


@pytest.mark.parametrize("there", [True, False], ids=["well", "not there"])
def test_the_image_tells_whether_its_web_process_is_well(stack: Stack, there: bool) -> None:
    port = stack.house.web_url.rpartition(":")[2] if there else str(free_port())
    python, *check = HEALTH_CHECK
    assert python == "python"
    ended = stack.run(*(word.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for word in check))
    assert (ended.returncode == 0) is there


def test_the_dashboard_runs_and_asks_for_the_password(stack: Stack) -> None:
    port = free_port()
    dashboard = stack.process("dashboard", "--host", LOOPBACK, "--port", str(port))
    dashboard.start()
    try:
        wait_for(port)
        assert httpx2.get(f"http://{LOOPBACK}:{port}/").status_code == 401
        login = ("operator", "a password of the tests")
        assert httpx2.get(f"http://{LOOPBACK}:{port}/", auth=login).status_code == 200
        what, python, *check = SERVICES["dashboard"]["healthcheck"]["test"]
        assert (what, python) == ("CMD", "python")
        assert stack.run(*(word.replace("9181", str(port)) for word in check)).returncode == 0
        assert stops(dashboard, SERVICES["dashboard"])
    finally:
        dashboard.stop()


def test_check_says_that_all_is_well(stack: Stack) -> None:
    """``docker compose run --rm web-1 check``"""
    ended = stack.run(RIVULET, "check")
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout


@pytest.mark.parametrize(("part", "service"), [("web", "web-1"), ("worker", "worker")])
def test_sigterm_ends_a_container_within_its_grace(stack: Stack, part: str, service: str) -> None:
    process = stack.house.processes[part]
    try:
        assert stops(process, SERVICES[service])
    finally:
        process.stop()
        process.start()


def stops(process: Process, service: Mapping[str, Any]) -> bool:
    """Whether it ends, and well, in the time that Docker gives it."""
    assert process.running
    process.running.terminate()
    grace = seconds(service["stop_grace_period"]).total_seconds()
    return process.running.wait(timeout=grace) == 0
