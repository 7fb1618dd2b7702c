"""Both as processes, as the demo starts them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from tests.ports import free_port

SECRETS = {
    "WHATSAPP_APP_SECRET": "new-secret,old-secret",
    "WHATSAPP_ACCESS_TOKEN": "a-token",
    "WHATSAPP_VERIFY_TOKEN": "a-word",
}


@contextmanager
def process(*arguments: str, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "app.simulator", *arguments]
    whole = {**os.environ, **env}
    with subprocess.Popen(command, env=whole, stderr=subprocess.PIPE) as running:
        try:
            yield running
        finally:
            running.kill()


def up(url: str) -> httpx2.Response:
    with httpx2.Client(trust_env=False) as client:
        for _ in range(300):
            try:
                return client.get(url)
            except httpx2.ConnectError:
                time.sleep(0.05)  # a process that starts tells nobody
    raise AssertionError("it did not come up")


def test_meta_runs_as_a_process_and_stops_on_sigterm() -> None:
    port = free_port()
    hook = "http://127.0.0.1:1/webhook"
    arguments = ("meta", "--port", str(port), "--webhook-url", hook, "--set", "sent_delay=[0,1]")
    with process(*arguments, env=SECRETS) as running:
        knobs = up(f"http://127.0.0.1:{port}/simulator/knobs").json()
        assert (knobs["webhook_url"], knobs["sent_delay"]) == (hook, [0, 1])
        running.terminate()
        assert running.wait(10) in (0, -15)


def test_the_model_runs_as_a_process() -> None:
    port = free_port()
    arguments = ("model", "--port", str(port), "--set", "tokens_per_second=7")
    with process(*arguments, env={}) as running:
        pace = up(f"http://127.0.0.1:{port}/simulator/model").json()
        assert pace["tokens_per_second"] == 7
        running.terminate()
        assert running.wait(10) in (0, -15)


def test_a_missing_secret_stops_the_start_by_its_name() -> None:
    env = {**SECRETS, "WHATSAPP_APP_SECRET": ""}
    with process("meta", "--port", "1", env=env) as running:
        _, errors = running.communicate(timeout=30)
        assert running.returncode == 2
        assert b"WHATSAPP_APP_SECRET" in errors
        assert b"a-token" not in errors


def test_a_wrong_setting_stops_the_start_by_its_name() -> None:
    with process("model", "--port", "1", "--set", "moon=1", env={}) as running:
        _, errors = running.communicate(timeout=30)
        assert running.returncode == 2
        assert errors.startswith(b"moon:")
