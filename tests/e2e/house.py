"""The whole house, each part as a process: web, worker, pretended Meta, scripted model."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from redis import Redis

from app.core.keys import Keys
from tests.ports import free_port

APP_SECRET = "an app secret of the tests"
VERIFY_TOKEN = "a word of the tests"
RIVULET_KEY = "a key for the ids of the tests"
ADMIN_TOKEN = "an operator's word of the tests"
START_SECONDS = 40.0
ANSWER_SECONDS = 40.0

Event = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where a part of the house runs.

    Attributes:
        address: Under which the other parts reach it.
        enter: The command that brings another one there.
    """

    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()


HERE = Place()


@dataclass
class Process:
    """One part of the house."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    place: Place = HERE
    running: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.running = subprocess.Popen(
                [*self.place.enter, sys.executable, *self.arguments],
                env={**self.environment},
                cwd=self.log.parent,  # no .env of a developer there
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )

    def ask_to_stop(self) -> None:
        """Return at once."""
        if self.running is not None:
            self.running.terminate()

    def stop(self) -> None:
        """Return when it has ended; the second time does nothing."""
        if self.running is None:
            return
        self.running.terminate()
        try:
            self.running.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self.running = None


@dataclass
class House:
    """What a test does to it, and what it asks of it."""

    web_url: str
    meta: httpx2.Client
    model: httpx2.Client
    redis: "Redis"
    environment: Mapping[str, str]
    folder: Path
    processes: dict[str, Process] = field(default_factory=dict)
    keys: Keys = field(default_factory=lambda: Keys(RIVULET_KEY))

    @property
    def redis_url(self) -> str:
        """The one database of all processes."""
        return self.environment["REDIS_URL"]

    @property
    def phone_url(self) -> str:
        """The phone page."""
        return self.environment["WHATSAPP_GRAPH_URL"]

    def person(self, **wish: object) -> str:
        """A new person; their id."""
        return str(self.meta.post("/simulator/persons", json=wish).raise_for_status().json()["id"])

    def say(self, person: str, text: str, **more: object) -> str:
        """The person writes; the message's wamid."""
        answer = self.meta.post(
            f"/simulator/persons/{person}/messages", json={"text": text, **more}
        )
        return str(answer.raise_for_status().json()["wamid"])

    def numbers(self) -> list[str]:
        """Our own numbers' ids."""
        return [one["phone_number_id"] for one in self.meta.get("/simulator/numbers").json()]

    def events(self, person: str | None = None, *kinds: str) -> list[Event]:
        """What happened, oldest first."""
        found: list[Event] = self.meta.get("/simulator/record", params={"kind": kinds}).json()
        return [event for event in found if person is None or event.get("person") == person]

    def bubbles(self, person: str) -> list[str]:
        """What the person has read, in the order in which it landed."""
        return [event["text"] for event in self.events(person, "bubble")]

    def turn_of(self, wamid: str) -> dict[str, str] | None:
        """The record of the turn that answered this message, once it has ended."""
        turn_id: Any = self.redis.get(f"rv:seen:{self.keys.message(wamid)}")
        if not turn_id:
            return None
        record: Any = self.redis.hgetall(f"rv:turn:{turn_id}")
        return {**record, "turn_id": turn_id} if "ending" in record else None

    def answered(self, wamid: str) -> dict[str, str]:
        """The same, waited for."""
        return self.until(lambda: self.turn_of(wamid), "an answer")

    def until(self, look: Callable[[], T | None], what: str) -> T:
        """What ``look`` finds; looks again at each event, and every half second."""
        deadline = time.monotonic() + ANSWER_SECONDS
        last = 0
        while True:
            if (found := look()) is not None and found is not False:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {ANSWER_SECONDS:.0f} s\n{self.logs()}")
            news = self.meta.get("/simulator/record", params={"after": last, "wait": 0.5}).json()
            last = news[-1]["seq"] if news else last

    def sources(self, turn: Mapping[str, str]) -> list[str]:
        """The model's text of each bubble of a turn."""
        count = sum(name.startswith("source:") for name in turn)
        return [turn[f"source:{number}"] for number in range(count)]

    @contextmanager
    def model_that(self, **settings: object) -> Iterator[None]:
        """The model with other settings (``first_token_seconds`` …) while the block runs."""
        before = self.model.get("/simulator/model").json()
        self.model.post("/simulator/model", json=settings).raise_for_status()
        try:
            yield
        finally:
            then = {name: before.get(name) for name in settings}
            self.model.post("/simulator/model", json=then).raise_for_status()

    def whole_answer(self, text: str) -> str:
        """What the scripted model says to this, without a stream."""
        answer = self.model.post(
            "/v1/chat/completions",
            json={"model": "scripted", "messages": [{"role": "user", "content": text}]},
        )
        return str(answer.json()["choices"][0]["message"]["content"])

    def logs(self) -> str:
        """The last lines of every process."""
        return "\n".join(
            f"--- {process.name}\n" + "\n".join(process.log.read_text().splitlines()[-15:])
            for process in self.processes.values()
        )


@contextmanager
def open_house(
    redis_url: str,
    folder: Path,
    *,
    meta: Sequence[str] = (),
    model: Sequence[str] = (),
    places: Mapping[str, Place] | None = None,
    programs: Mapping[str, Sequence[str]] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[House]:
    """Everything running; stopped with the block.

    Args:
        meta, model: Further arguments of the simulators (``--set name=value``).
        places: By the part's name, where it is not here.
        programs: What Python runs as ``web`` or ``worker`` in the place of the usual.
        settings: Further ones.
    """
    programs = {"web": ("-m", "app", "web"), "worker": ("-m", "workers.main"), **(programs or {})}
    place = {name: HERE for name in ("meta", "model", "web", "worker")} | dict(places or {})
    meta_at, model_at, web_at = (
        ("--host", place[name].address, "--port", str(free_port()))
        for name in ("meta", "model", "web")
    )
    meta_url, model_url, web_url = (
        f"http://{address}:{port}" for _, address, _, port in (meta_at, model_at, web_at)
    )
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "RIVULET_KEY": RIVULET_KEY,
        "WHATSAPP_ACCESS_TOKEN": "a token of the tests",
        "WHATSAPP_APP_SECRET": APP_SECRET,
        "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "WHATSAPP_GRAPH_URL": meta_url,
        "OPENAI_BASE_URL": f"{model_url}/v1",
        "OPENAI_API_KEY": "scripted",
        "OPENAI_MODEL": "scripted",
        "BUBBLE_PRICES": "*=0.03",
        "PERSON_TURNS_PER_MINUTE": "0",  # these people write faster than any
        **(settings or {}),
    }
    commands: dict[str, Sequence[str]] = {
        "meta": [
            *("-m", "app.simulator", "meta", *meta_at),
            *("--webhook-url", f"{web_url}/webhook", "--model-url", model_url, *meta),
        ],
        "model": [
            *("-m", "app.simulator", "model", *model_at),
            *("--events-url", f"{meta_url}/simulator/model-events", *model),
        ],
        "web": [*programs["web"], *web_at],
        "worker": programs["worker"],
    }
    with ExitStack() as stack:
        processes = {
            name: Process(name, arguments, environment, folder / f"{name}.log", place[name])
            for name, arguments in commands.items()
        }
        house = House(
            web_url,
            stack.enter_context(httpx2.Client(base_url=meta_url, timeout=20)),
            stack.enter_context(
                httpx2.Client(
                    base_url=model_url,
                    headers={"authorization": "Bearer scripted"},
                    timeout=20,
                )
            ),
            stack.enter_context(Redis.from_url(redis_url, decode_responses=True)),
            environment,
            folder,
            processes,
        )
        for process in processes.values():
            stack.callback(process.stop)
            process.start()
        for process in processes.values():
            stack.callback(process.ask_to_stop)
        _until_ready(house)
        yield house


def _until_ready(house: House) -> None:
    deadline = time.monotonic() + START_SECONDS
    looks: list[Callable[[], object]] = [
        lambda: house.meta.get("/simulator/persons").raise_for_status(),
        lambda: house.model.get("/v1/models").raise_for_status(),
        lambda: httpx2.get(f"{house.web_url}/health/ready").raise_for_status(),
        lambda: _some(house.redis.scard("rq:workers")),
    ]
    for look in looks:
        while True:
            try:
                look()
                break
            except (httpx2.HTTPError, LookupError):
                if time.monotonic() > deadline:
                    raise AssertionError(f"the house did not start\n{house.logs()}") from None
                time.sleep(0.05)  # a process that starts tells nobody


def _some(count: object) -> None:
    if not count:
        raise LookupError
