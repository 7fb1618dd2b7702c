"""``rivulet demo`` as a person starts it: what it prints, how it stops, what it leaves behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from app.core.markup import to_whatsapp
from app.simulator.answers import answer_to
from tests.e2e.house import House
from tests.ports import free_port

RIVULET = str(Path(sys.executable).with_name("rivulet"))
PARTS = {"worker", "web", "dashboard", "meta", "model"}
SAID = re.compile(r" +(\d+\.\d\d) s  (.*)")
MORE = re.compile(r" {11}(.*)")
SUMMARY = re.compile(
    r"  (\d+) bubbles; first after (\d+\.\d\d) s; the model had ended after (\d+\.\d\d) s\."
)


@pytest.fixture
def place() -> Iterator[Path]:
    """Where a command runs and puts its temporary files; short, as paths of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="rv-") as folder:
        yield Path(folder)


def environment(place: Path, **settings: str) -> dict[str, str]:
    outside = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    return {**outside, "TMPDIR": str(place), **settings}


def four_ports() -> int:
    """The first of four in a row that are free."""
    while True:
        first = free_port()
        with ExitStack() as stack, suppress(OSError, OverflowError):
            for port in range(first, first + 4):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def alive(place: Path) -> dict[int, str]:
    """All processes that run in here, whoever their parents are now: pid and command."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cwd").readlink().is_relative_to(place.resolve()):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = command.decode()
    return found


def part(place: Path, command: str) -> int | None:
    """The pid of the process with this in its command line."""
    return next((pid for pid, line in alive(place).items() if command in line), None)


def nothing_left(place: Path) -> bool:
    return not alive(place) and not list(place.iterdir())


@dataclass
class Demo:
    """One that runs."""

    running: "subprocess.Popen[str]"
    place: Path
    port: int
    printed: list[tuple[float, str]] = field(default_factory=list)

    def read(self, until: str = "") -> str:
        """What it prints up to a line with ``until``; to its end when there is none."""
        assert self.running.stdout
        for line in self.running.stdout:
            self.printed.append((time.monotonic(), line.rstrip("\n")))
            if until and until in line:
                break
        return "\n".join(line for _, line in self.printed)

    def end(self) -> tuple[int, str]:
        """Its status and what it complained of, once it has ended."""
        _, complaint = self.running.communicate(timeout=60)
        return self.running.returncode, complaint


@contextmanager
def demo(place: Path, *arguments: str, **settings: str) -> Iterator[Demo]:
    port = four_ports()
    ignored = signal.signal(
        signal.SIGHUP, signal.SIG_DFL
    )  # under nohup a child would ignore it too
    running = subprocess.Popen(
        [RIVULET, "demo", "--port", str(port), *arguments],
        env=environment(place, **settings),
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGHUP, ignored)
    try:
        yield Demo(running, place, port)
    finally:
        for pid in [running.pid, *alive(place)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.communicate()


def test_each_printed_address_answers_and_ctrl_c_ends_all_of_it(place: Path) -> None:
    with demo(place) as started:
        welcome = started.read(until="Ctrl-C")
        urls = dict(re.findall(r"^  (Phone|Webhook|Dashboard|Admin) +(http://\S+)", welcome, re.M))
        status = {name: httpx2.get(url, timeout=20).status_code for name, url in urls.items()}
        # The handshake's word is wrong; that it says so is our web process.
        assert status == {"Phone": 200, "Webhook": 403, "Dashboard": 200, "Admin": 401}
        token = re.search(r"with the token (\S+)", welcome)
        assert token
        bearer = {"authorization": f"Bearer {token[1]}"}
        assert httpx2.get(urls["Admin"], headers=bearer, timeout=20).status_code == 200
        if sys.platform == "linux":
            assert len(alive(place)) == 1 + len(PARTS) + 1  # itself, its parts, and Redis
        started.running.send_signal(signal.SIGINT)
        assert started.end() == (0, "")
        assert nothing_left(place)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["kill", "terminal closed"])
def test_a_signal_while_it_starts_ends_all_of_it(place: Path, number: int) -> None:
    with demo(place) as started:
        while not part(place, "workers.main"):
            time.sleep(0.02)  # a process that starts tells nobody
        started.running.send_signal(number)
        assert started.end() == (0, "")
        assert nothing_left(place)


def test_a_part_that_dies_ends_it_and_is_named(place: Path) -> None:
    with demo(place) as started:
        started.read(until="Ctrl-C")
        worker = part(place, "workers.main")
        assert worker
        os.kill(worker, signal.SIGKILL)
        status, complaint = started.end()
        assert status == 1
        assert complaint.startswith("The worker process has ended:\n")
        assert "Traceback" not in complaint
        assert nothing_left(place)


def test_say_prints_each_bubble_as_it_lands_the_first_before_the_model_has_ended(
    place: Path,
) -> None:
    question = "How do I return an order?"
    with demo(place, "--say", question) as started:
        printed = started.read()
        assert started.end() == (0, "")
        assert nothing_left(place)
    said, times = bubbles(printed)
    found = SUMMARY.search(printed)
    assert found
    count, first, ended = int(found[1]), float(found[2]), float(found[3])
    assert count == len(times) >= 2
    assert first == times[0] < ended
    assert squashed("".join(said)) == squashed(to_whatsapp(answer_to(question)))
    read_at = [at for at, line in started.printed if SAID.match(line)]
    assert read_at[-1] - read_at[0] > (times[-1] - times[0]) / 2  # not all of it at the end


def test_several_texts_are_answered_as_one(place: Path) -> None:
    with demo(place, "--say", "Hello!", "And thank you.") as started:
        printed = started.read()
        assert started.end() == (0, "")
    assert re.findall("^  You  (.*)", printed, re.M) == ["Hello!", "And thank you."]
    said, _ = bubbles(printed)
    assert squashed("".join(said)) == squashed(to_whatsapp(answer_to("And thank you.")))


def bubbles(printed: str) -> tuple[list[str], list[float]]:
    """What was said, and after how many seconds."""
    said: list[str] = []
    times: list[float] = []
    for line in printed.splitlines():
        if found := SAID.fullmatch(line):
            times.append(float(found[1]))
            said.append(found[2])
        elif said and (found := MORE.fullmatch(line)):
            said[-1] += "\n" + found[1]
    return said, times


def squashed(text: str) -> str:
    return "".join(text.split())


def refused(place: Path, *arguments: str, **settings: str) -> str:
    """What a demo that cannot start says: one line."""
    port = settings.pop("port", None) or str(four_ports())
    ended = subprocess.run(
        [RIVULET, "demo", "--port", port, *arguments],
        env=environment(place, **settings),
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert nothing_left(place)
    (line,) = ended.stderr.splitlines()
    return line


def test_a_port_in_use_is_named(place: Path) -> None:
    first = four_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 2))
        taken.listen()
        line = refused(place, port=str(first))
    assert line.startswith(f"Port {first + 2}: Address already in use.")
    assert "--port" in line


def test_ports_beyond_the_last_are_named(place: Path) -> None:
    assert refused(place, port="65533").startswith("Port 65536: ")


def test_a_database_with_other_data_is_left_alone(place: Path, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.set("somebody:else", "data")
        before = {key: redis.dump(key) for key in redis.keys()}
        assert "REDIS_URL holds data that is not the demo's" in refused(place, REDIS_URL=redis_url)
        assert {key: redis.dump(key) for key in redis.keys()} == before


def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


WRONG: dict[str, tuple[Callable[[], dict[str, str]], str]] = {
    "a value": (lambda: {"BUBBLE_STYLE": "loud"}, "BUBBLE_STYLE: "),
    "a name": (lambda: {"BUBBLE_STILE": "stream"}, "BUBBLE_STILE: there is no such setting"),
    "no Redis": (lambda: {"REDIS_URL": f"redis://{nowhere()}/0"}, "No Redis answers at REDIS_URL"),
    "no model": (lambda: {"OPENAI_BASE_URL": f"http://{nowhere()}/v1"}, "OPENAI_BASE_URL: "),
}


@pytest.mark.parametrize(("settings", "begin"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_named(
    place: Path, settings: Callable[[], dict[str, str]], begin: str
) -> None:
    assert refused(place, **settings()).startswith(begin)


def test_a_key_that_the_model_refuses_is_named(house: House, place: Path) -> None:
    url = house.environment["OPENAI_BASE_URL"]
    with house.model_that(api_key="the right one"):
        line = refused(place, OPENAI_BASE_URL=url, OPENAI_API_KEY="a wrong one")
    assert line == f"OPENAI_API_KEY: the model's server at {url} refuses it (401)."
