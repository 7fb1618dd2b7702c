"""``python -m app.simulator crowd`` on a running house."""

import subprocess
import sys

from tests.e2e.house import House


def crowd(house: House, *more: str) -> "subprocess.CompletedProcess[str]":
    urls = ("--meta-url", house.phone_url, "--web-url", house.web_url)
    return subprocess.run(
        [sys.executable, "-m", "app.simulator", "crowd", *urls, *more],
        env={**house.environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_crowd_writes_and_everybody_is_answered(house: House) -> None:
    before = house.meta.get("/simulator/faults").json()
    ended = crowd(house, "--people", "6", "--seconds", "0.5")
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("6 people wrote ")
    assert lines[4] == "0 people read nothing."
    assert lines[-1].endswith(" 0 wait for an answer.")
    assert house.meta.get("/simulator/faults").json() == before


def test_a_crowd_that_finds_nobody_says_so(house: House) -> None:
    ended = crowd(house, "--web-url", "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert ended.stderr.startswith("ConnectError: ")
