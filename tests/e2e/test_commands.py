"""``rivulet web``, ``worker`` and ``cut`` as operators start and stop them."""

import hashlib
import hmac
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.core.markup import to_whatsapp
from tests.e2e.house import APP_SECRET, House, Process
from tests.ports import free_port

RIVULET = str(Path(sys.executable).with_name("rivulet"))
RETURN = "How do I return an order?"
NOTHING_NEW = b'{"object":"whatsapp_business_account","entry":[]}'
REQUIRED = [
    "OPENAI_API_KEY",
    "REDIS_URL",
    "RIVULET_KEY",
    "WHATSAPP_ACCESS_TOKEN",
    "WHATSAPP_APP_SECRET",
    "WHATSAPP_VERIFY_TOKEN",
]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command without any setting, to its end."""
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    return subprocess.run(
        [RIVULET, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["web", "worker", "dashboard"])
def test_all_missing_settings_are_named_at_once(tmp_path: Path, command: str) -> None:
    ended = run(tmp_path, command)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert [line.partition(": ")[0] for line in ended.stderr.splitlines()] == REQUIRED
    assert "REDIS_URL: is missing" in ended.stderr


WRONG = {
    "an unknown command": ["serve"],
    "no command": [],
    "a port that is none": ["web", "--port", "70000"],
    "no processes": ["web", "--workers", "0"],
    "no concurrency": ["worker", "--max-concurrency", "0"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_are_told_with_the_usage(tmp_path: Path, arguments: list[str]) -> None:
    ended = run(tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("usage: rivulet")


@contextmanager
def web(house: House, *arguments: str) -> Iterator[tuple[Process, int]]:
    """A web process beside the house's own, and its port."""
    port = free_port()
    process = Process(
        "another web",
        ["-m", "app", "web", "--port", str(port), *arguments],
        house.environment,
        house.folder / "another-web.log",
    )
    process.start()
    try:
        house.until(lambda: is_up(port), "another web process")
        yield process, port
    finally:
        process.stop()


def is_up(port: int) -> bool | None:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx2.HTTPError:
        return None


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_web_process_that_is_stopped_finishes_its_requests(house: House, workers: str) -> None:
    signature = hmac.new(APP_SECRET.encode(), NOTHING_NEW, hashlib.sha256).hexdigest()
    head = (
        "POST /webhook HTTP/1.1\r\nHost: rivulet\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(NOTHING_NEW)}\r\nX-Hub-Signature-256: sha256={signature}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    with web(house, "--workers", workers) as (process, port):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=30) as idle,
            socket.create_connection(("127.0.0.1", port), timeout=30) as busy,
        ):
            idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: rivulet\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            busy.sendall(head.encode())
            assert busy.recv(4096).startswith(b"HTTP/1.1 100")
            running = process.running
            assert running
            running.terminate()
            while idle.recv(4096):  # closed by a process that is about to end
                pass
            busy.sendall(NOTHING_NEW)
            assert busy.recv(4096).startswith(b"HTTP/1.1 200")
        assert running.wait(timeout=30) == 0


def test_a_worker_that_is_stopped_gives_its_turn_to_the_next(house: House) -> None:
    person = house.person(name="Paul", phone="15550121")
    impatient = Process(
        "impatient worker",
        ["-m", "app", "worker"],
        {**house.environment, "WORKER_DRAIN_SECONDS": "0.1"},
        house.folder / "impatient-worker.log",
    )
    house.processes["worker"].stop()
    try:
        impatient.start()
        with house.model_that(first_token_seconds=600):
            wamid = house.say(person, RETURN)
            house.until(lambda: house.events(person, "model") or None, "request to the model")
            assert impatient.running
            impatient.running.terminate()
            assert impatient.running.wait(timeout=30) == 0
        assert house.events(person, "send") == []
        queued: Any = house.redis.lrange("rq:queue:turns", 0, -1)
        (turn_id,) = queued
        assert house.redis.hget(f"rq:job:{turn_id}", "retries_left") == "3"
    finally:
        impatient.stop()
        house.processes["worker"].start()
    turn = house.answered(wamid)
    assert turn["turn_id"] == turn_id
    sources = house.sources(turn)
    house.until(lambda: len(house.bubbles(person)) >= len(sources) or None, "landing")
    assert house.bubbles(person) == [to_whatsapp(source) for source in sources]


def test_a_worker_that_is_stopped_finishes_what_it_can(house: House) -> None:
    person = house.person(name="Quinn", phone="15550122")
    worker = house.processes["worker"]
    wamid = house.say(person, RETURN)
    house.until(lambda: house.events(person, "model") or None, "request to the model")
    assert worker.running
    try:
        worker.running.terminate()
        assert worker.running.wait(timeout=30) == 0
        turn = house.turn_of(wamid)
        assert turn
        assert turn["ending"] == "answered"
        assert len(house.events(person, "send")) == len(house.sources(turn))
    finally:
        worker.stop()
        worker.start()


def test_cut_shows_where_an_answer_is_cut_and_why(tmp_path: Path) -> None:
    answer = "Dr. Pérez is in. Shall I book you for 3.30 p.m.? I can."
    ended = subprocess.run(
        [RIVULET, "cut", "--min", "10", "--max", "20"],
        input=answer.encode(),
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    lines = [line for line in ended.stdout.decode().splitlines() if line]
    assert lines[0] == "Dr. Pérez is in."
    assert lines[1].startswith("── bubble 1: 16 characters")
    assert lines[1].endswith("a sentence ends")
