"""An upgrade under load: every process is replaced, one after the other, while people write."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.core.markup import to_whatsapp
from app.simulator.answers import answer_to
from app.simulator.serve import serving
from app.simulator.valkey import redis_for
from tests.e2e.house import START_SECONDS, House, Process, open_house
from tests.ports import free_port

QUESTION = "How do I return an order?"
ANSWER = answer_to(QUESTION)
PAUSE_SECONDS = 0.5
"""Between two people's messages: more turns are always running than end in a drain."""

DRAIN = {"WORKER_DRAIN_SECONDS": "1"}
"""Less than an answer takes: some are given back in the middle."""


@dataclass
class Balancer:
    """What stands in front of the web processes: it asks the next one when one cannot be reached.

    Attributes:
        webs: Base URLs.
    """

    webs: list[str] = field(default_factory=list)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Its own base URL; it runs in a thread."""
        started: Future[str] = Future()
        over = threading.Event()

        async def run() -> None:
            app = Starlette(routes=[Route("/webhook", self._pass_on, methods=["POST"])])
            each_its_own = httpx2.Limits(max_keepalive_connections=0)
            async with (
                httpx2.AsyncClient(timeout=20, limits=each_its_own) as self._http,
                serving(app) as url,
            ):
                started.set_result(url)
                await asyncio.to_thread(over.wait)

        thread = threading.Thread(target=asyncio.run, args=[run()])
        thread.start()
        try:
            yield started.result(START_SECONDS)
        finally:
            over.set()
            thread.join()

    async def _pass_on(self, request: Request) -> Response:
        body = await request.body()
        headers = {"x-hub-signature-256": request.headers["x-hub-signature-256"]}
        self.webs.append(self.webs.pop(0))  # each in its turn
        for web in [*self.webs]:
            try:
                answer = await self._http.post(f"{web}/webhook", content=body, headers=headers)
                return Response(status_code=answer.status_code)
            except httpx2.TransportError:
                continue  # it is going away; storing twice is safe
        return Response(status_code=502)


@dataclass
class Site:
    """A house with two web processes and two workers."""

    house: House
    balancer: Balancer
    running: dict[str, Process]
    urls: dict[str, str]
    http: httpx2.Client
    lives: int = 0

    def start(self, kind: str, more: Mapping[str, str] | None = None) -> str:
        """One more of them, ready; its name."""
        self.lives += 1
        name = f"{kind}{self.lives}"
        before = self.house.processes[kind]
        arguments = list(before.arguments)
        if kind == "web":
            arguments[-1] = str(free_port())
            self.urls[name] = f"http://127.0.0.1:{arguments[-1]}"
        process = replace(
            before,
            name=name,
            arguments=arguments,
            environment={**before.environment, **(more or {})},
            log=before.log.with_name(f"{name}.log"),
            running=None,
        )
        workers = self._workers()
        process.start()
        self.running[name] = self.house.processes[name] = process
        self._until_ready(name, workers)
        return name

    def end(self, name: str) -> int | None:
        """SIGTERM, while it still gets its share of the work; the exit status."""
        process = self.running.pop(name)
        assert process.running
        process.running.terminate()
        status = process.running.wait(40)
        if name in self.urls:
            self.balancer.webs.remove(self.urls.pop(name))
        return status

    def _workers(self) -> set[str]:
        names: set[str] = self.house.redis.smembers("rq:workers")  # type: ignore[assignment]
        return names

    def _until_ready(self, name: str, workers: set[str]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if name not in self.urls:
                if self._workers() - workers:
                    return
            else:
                try:
                    self.http.get(f"{self.urls[name]}/health/ready").raise_for_status()
                    self.balancer.webs.append(self.urls[name])
                    return
                except httpx2.HTTPError:
                    pass
            time.sleep(0.05)  # a process that starts tells nobody
        raise AssertionError(f"{name} did not start\n{self.house.logs()}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    balancer = Balancer()
    quick = {"sent_delay": 0.01, "delivered_delay": 0.02, "redelivery_first": 0.2}
    meta = [word for name, value in quick.items() for word in ("--set", f"{name}={value}")]
    pace = ["--set", "tokens_per_second=60", "--set", f"answer={json.dumps(ANSWER)}"]
    with redis_for("tests") as url, Redis.from_url(url) as redis, balancer.serve() as front:
        redis.ping()
        meta = ["--webhook-url", f"{front}/webhook", *meta]
        with open_house(url, tmp_path, meta=meta, model=pace) as house, httpx2.Client() as http:
            names = ("web", "worker")
            running = {name: house.processes[name] for name in names}
            opened = Site(house, balancer, running, {"web": house.web_url}, http)
            balancer.webs.append(house.web_url)
            try:
                yield opened
            finally:
                for process in opened.running.values():
                    process.ask_to_stop()
                for process in opened.running.values():
                    process.stop()


def squashed(text: str) -> str:
    return "".join(text.split())


class Crowd(threading.Thread):
    """New people who write, one after the other, until they are told to stop."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house
        self.asked: dict[str, str] = {}
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.wait(PAUSE_SECONDS):
            number = len(self.asked)
            person = self.house.person(name=f"Guest {number}", phone=f"1555067{number:04}")
            self.asked[person] = self.house.say(person, QUESTION)


@pytest.mark.timeout(300)  # eight processes start; 20 s where nothing else runs
def test_everybody_is_answered_once_while_each_process_is_replaced(site: Site) -> None:
    house = site.house
    old = ["web", site.start("web"), "worker", site.start("worker", DRAIN)]
    crowd = Crowd(house)
    crowd.start()
    try:
        for name in old:
            site.start(name.rstrip("0123456789"))  # the new one first
            assert site.end(name) == 0
    finally:
        crowd.enough.set()
        crowd.join()
    assert len(crowd.asked) > 10
    turns = {person: house.answered(wamid) for person, wamid in crowd.asked.items()}
    sends = house.events(None, "send")
    for person, turn in turns.items():
        assert turn["ending"] == "answered"
        sources = house.sources(turn)
        assert squashed("".join(sources)) == squashed(ANSWER)
        landed = [one for one in sends if one["status"] == 200 and one["person"] == person]
        assert [one["text"] for one in landed] == [to_whatsapp(source) for source in sources]
    statuses = {event["status"] for event in house.events(None, "webhook")}
    assert statuses <= {200, 503}
    assert not house.redis.exists("rv:pending", "rq:queue:turns", "rq:queue:turns:intermediate")
