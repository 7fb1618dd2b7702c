"""``deploy/Caddyfile``, served: who gets where."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from tests.deploy.files import DEPLOY, tool
from tests.deploy.test_containers import wait_for
from tests.ports import free_port

TOKEN = "a token of the tests"


class Upstream(BaseHTTPRequestHandler):
    """A web process that answers with what it was asked, and by whom."""

    def do_GET(self) -> None:
        body = f"{self.path} {self.headers.get('authorization')}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest's output is for tests."""


@contextmanager
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Proxy:
    """Where each of the Caddyfile's three sites is."""

    public: str
    operators: str
    prometheus: str


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Caddy with one web process that is there and one that is not."""
    folder = tmp_path_factory.mktemp("caddy")
    ports = [free_port() for _ in range(4)]
    sites = [f"http://127.0.0.1:{port}" for port in ports[:3]]
    with upstream() as web:
        text = (DEPLOY / "Caddyfile").read_text("utf-8")
        text = text.replace("web-1:8000", f"127.0.0.1:{ports[3]}")
        text = text.replace("web-2:8000", f"127.0.0.1:{web}")
        text = re.sub(r"http://:8080\b", sites[1], text)
        text = re.sub(r"http://:8081\b", sites[2], text)
        file = folder / "Caddyfile"
        file.write_text(text, "utf-8")
        with running(file, PUBLIC_HOST=sites[0], ADMIN_TOKEN=TOKEN):
            for port in ports[:3]:
                wait_for(port)
            yield Proxy(*sites)


@contextmanager
def running(file: Path, **environment: str) -> Iterator[None]:
    home = str(file.parent)
    process = subprocess.Popen(
        [tool("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)],
        env={**os.environ, "HOME": home, "XDG_DATA_HOME": home, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize("path", ["/webhook", "/webhook?hub.mode=subscribe", "/health/ready"])
def test_the_internet_reaches_what_meta_needs(proxy: Proxy, path: str) -> None:
    answer = httpx2.get(f"{proxy.public}{path}", timeout=20)
    assert (answer.status_code, answer.text) == (200, f"{path} None")


@pytest.mark.parametrize(
    "path", ["/", "/admin", "/admin/conversations", "/metrics", "/webhook/", "/webhook/../admin"]
)
def test_the_internet_reaches_nothing_else(proxy: Proxy, path: str) -> None:
    answer = httpx2.get(f"{proxy.public}{path}", timeout=20)
    assert (answer.status_code, answer.text) == (404, "")


def test_operators_reach_all_and_bring_their_own_token(proxy: Proxy) -> None:
    theirs = {"authorization": "Bearer theirs"}
    assert httpx2.get(f"{proxy.operators}/admin", timeout=20).text == "/admin None"
    answer = httpx2.get(f"{proxy.operators}/admin", headers=theirs, timeout=20)
    assert answer.text == "/admin Bearer theirs"


def test_prometheus_reaches_the_metrics_alone_with_the_token_added(proxy: Proxy) -> None:
    answer = httpx2.get(f"{proxy.prometheus}/metrics", timeout=20)
    assert answer.text == f"/metrics Bearer {TOKEN}"
    assert httpx2.get(f"{proxy.prometheus}/admin", timeout=20).status_code == 404
