"""One run: real processes that are killed at random, while many people write.

Everything random comes from one seed; what is killed when, who writes when, and what Meta spoils.
The machine's own timing is not seeded, so two runs of a seed are alike, not equal.
"""

import asyncio
import ctypes
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
from redis import Redis
from redis.exceptions import RedisError

from app.core.keys import Keys
from app.simulator.valkey import _binary as redis_binary
from tests.e2e.house import APP_SECRET, RIVULET_KEY, VERIFY_TOKEN
from tests.ports import free_port

Event = dict[str, Any]
Loss = Literal["one sign kept", "both may be lost"]

NUMBER = "106015550100001"
REDIS_IS_BACK = "redis is back"
START_SECONDS = 40.0
READY_SECONDS = 0.05
LOOK_SECONDS = 0.5
RECORD_PAGE = 20_000
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to happen in one run. Seconds, where it says nothing else.

    Attributes:
        kills: SIGKILLs of workers and web processes; about one in four hits a web.
        restarts: Stops of Redis, by SIGTERM and SIGKILL in turn.
        writing: How long people write and things are killed.
        patience: How long the rest may take.
        loss: Whether a send whose answer is lost keeps its statuses.
    """

    seed: int
    persons: int = 100
    messages: int = 2000
    kills: int = 32
    restarts: int = 4
    writing: float = 150.0
    patience: float = 90.0
    workers: int = 2
    loss: Loss = "one sign kept"
    policy: Literal["resend", "never"] = "resend"
    appendfsync: str = "everysec"
    order_wait: float = 2.0
    uncertain_wait: float = 8.0
    send_timeout: float = 3.0


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL that happened, or the end of Redis's absence.

    Attributes:
        at: Unix seconds.
        who: The process.
        held: The persons whose turns ran there, by RQ's own books.
        taken: Those whose turns some worker had taken and not begun, perhaps this one.
    """

    at: float
    who: str
    held: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass
class Run:
    """What a run leaves behind for the judge.

    Attributes:
        asked: Each message's token, and who wrote it.
        resends: Log lines that say that an uncertain send was made again.
        stops: Log lines that say that a reply ended there instead.
    """

    plan: Plan
    record: list[Event] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    resends: int = 0
    stops: int = 0
    seconds: float = 0.0
    logs: str = ""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Process:
    """One process that may be killed and started again; it never outlives us."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    running: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        """Where its output goes, of all its lives."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it; returns at once."""
        with self.log.open("ab") as sink:
            self.running = subprocess.Popen(
                self.arguments,
                env=self.environment,
                cwd=self.folder,  # no .env of a developer there
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                preexec_fn=_die_with_parent,
            )

    def supervise(self) -> None:
        """Start it again if it has ended by itself, as whoever runs it in production would."""
        if self.running is not None and self.running.poll() is not None:
            self.start()

    def stop(self, signal_number: int = signal.SIGKILL) -> None:
        """End it; returns when it has ended. The second time does nothing."""
        if self.running is not None:
            self.running.send_signal(signal_number)
            self.running.wait(timeout=20)
            self.running = None


class World:
    """The running processes, and what is done to them."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.dice = random.Random(plan.seed)
        self.run = Run(plan)
        self.socket = folder / "valkey.sock"
        web_port, meta_port, model_port = free_port(), free_port(), free_port()
        self.web_url = f"http://127.0.0.1:{web_port}"
        self.meta = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{meta_port}", timeout=30)
        self.model_url = f"http://127.0.0.1:{model_port}"
        self.redis = Redis.from_url(f"unix://{self.socket}", decode_responses=True)
        self.keys = Keys(RIVULET_KEY)
        self.persons = {f"person{n}": f"US.{plan.seed}{n:05}" for n in range(plan.persons)}
        self._person_of = {
            self.keys.user(NUMBER, user_id): person for person, user_id in self.persons.items()
        }
        environment = self._environment(f"http://127.0.0.1:{meta_port}")
        python = [sys.executable, "-m"]
        meta = ["--port", str(meta_port), "--webhook-url", f"{self.web_url}/webhook"]
        commands = {
            "redis": [str(redis_binary()), *self._redis_arguments()],
            "meta": [*python, "app.simulator", "meta", *meta, *self._meta_arguments()],
            "model": [*python, "tests.chaos.model", "--port", str(model_port)],
            "web": [*python, "app", "web", "--port", str(web_port)],
            **{f"worker{n}": [*python, "workers.main"] for n in range(plan.workers)},
        }
        self.processes = {
            name: Process(name, command, environment, folder) for name, command in commands.items()
        }

    def _environment(self, meta_url: str) -> dict[str, str]:
        plan = self.plan
        paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "REDIS_URL": f"unix://{self.socket}",
            "RIVULET_KEY": RIVULET_KEY,
            "WHATSAPP_ACCESS_TOKEN": "a token of the tests",
            "WHATSAPP_APP_SECRET": APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
            "WHATSAPP_GRAPH_URL": meta_url,
            "WHATSAPP_SEND_TIMEOUT": f"{plan.send_timeout}s",
            "OPENAI_BASE_URL": f"{self.model_url}/v1",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_MODEL": "scripted",
            "BUBBLE_MIN_CHARS": "50",
            "BUBBLE_MAX_CHARS": "150",
            "BUBBLE_ORDER_WAIT": f"{plan.order_wait}s",
            "UNCERTAIN_WAIT": f"{plan.uncertain_wait}s",
            "UNCERTAIN_POLICY": plan.policy,
            "PAIR_BURST": "45",
            "PERSON_TURNS_PER_MINUTE": "0",  # these people write faster than any
            "NUMBER_RATE": "1000",
        }

    def _redis_arguments(self) -> list[str]:
        options = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--dir": str(self.folder),
            "--appendonly": "yes",
            "--appendfsync": self.plan.appendfsync,
            "--save": "",
            "--maxmemory-policy": "noeviction",
        }
        return [word for pair in options.items() for word in pair]

    def _meta_arguments(self) -> list[str]:
        knobs = {
            "pair_limit": "false",  # its own bucket is tested elsewhere; ours is at work here
            "sent_delay": "[0.02,0.1]",
            "delivered_delay": "[0.05,0.3]",
            "redelivery_first": "0.2",
            "redelivery_most": "1.0",
        }
        given = [word for name, value in knobs.items() for word in ("--set", f"{name}={value}")]
        return [*given, "--record-size", "2000000"]

    # -- start and end -------------------------------------------------------------------------

    async def start(self) -> None:
        """Return when everything takes work."""
        self.processes["redis"].start()
        await self._until(self.redis.ping, "Redis")
        for name, process in self.processes.items():
            if name != "redis":
                process.start()
        async with httpx2.AsyncClient(timeout=5) as client:
            await self._reached(client, f"{self.meta.base_url}/simulator/numbers")
            await self._reached(client, f"{self.web_url}/health/live")
        await self._until(
            lambda: self.redis.scard("rq:workers") == self.plan.workers, "the workers"
        )

    async def _reached(self, client: httpx2.AsyncClient, url: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:  # a process that starts tells nobody
            try:
                (await client.get(url)).raise_for_status()
                return
            except httpx2.HTTPError:
                if time.monotonic() > deadline:
                    raise AssertionError(f"no start\n{self.tails()}") from None
                await asyncio.sleep(READY_SECONDS)

    async def _until(self, look: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if look():
                    return
            except (RedisError, OSError):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not start\n{self.tails()}")
            await asyncio.sleep(READY_SECONDS)

    async def close(self) -> None:
        """End every process."""
        try:
            for process in reversed(self.processes.values()):
                process.stop()
        finally:
            self.redis.close()
            await self.meta.aclose()

    def tails(self) -> str:
        """The last lines of every process."""
        return "\n".join(
            f"--- {process.name}\n" + "\n".join(process.log.read_text().splitlines()[-8:])
            for process in self.processes.values()
            if process.log.exists()
        )

    # -- what happens --------------------------------------------------------------------------

    async def play(self) -> None:
        """People write, things die and come back; then the rest is waited for."""
        began = time.monotonic()
        people = [{"id": one, "name": one, "user_id": user} for one, user in self.persons.items()]
        await self._post("/simulator/persons", people)
        for fault in self._faults():
            await self._post("/simulator/faults", fault)
        async with asyncio.TaskGroup() as group:
            for person, number in self._shares():
                group.create_task(self._write(person, number))
            group.create_task(self._kill_workers_and_webs())
            group.create_task(self._restart_redis())
        deadline = time.monotonic() + self.plan.patience
        while time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
            for process in self.processes.values():
                process.supervise()
            if await self._all_answered():
                break
        await asyncio.sleep(1.0)  # whatever comes too much may come now
        await self._read_record()
        self.run.seconds = time.monotonic() - began
        self.run.logs = "\n".join(
            process.log.read_text() for name, process in self.processes.items() if "work" in name
        )
        self.run.resends = self.run.logs.count("bubble.resent")
        self.run.stops = self.run.logs.count('"ending":"uncertain"')

    def _shares(self) -> list[tuple[str, int]]:
        names = list(self.persons)
        shares = dict.fromkeys(names, 1)
        for _ in range(self.plan.messages - len(names)):
            shares[self.dice.choice(names)] += 1
        return list(shares.items())

    def _faults(self) -> list[dict[str, object]]:
        """What Meta spoils. Each fault has dice of its own."""
        seeds = iter(range(self.plan.seed * 1000, self.plan.seed * 1000 + 1000))

        def fault(on: str, probability: float, **what: object) -> dict[str, object]:
            return {"on": on, "probability": probability, "seed": next(seeds), **what}

        faults = [
            fault("send", 0.05, lose_answer=True),
            fault("send", 0.01, reset=True),
            fault("webhook", 0.1, duplicate=1),
            fault("webhook", 0.1, reorder=True, delay=0.5),
        ]
        for number, person in enumerate(self.persons):
            # Of each bubble one of the two statuses comes: that is its sign of life.
            status = ("sent", "delivered")[number % 2]
            faults.append(fault("status", 0.1, person=person, status=status, drop=True))
        if self.plan.loss == "both may be lost":
            faults.append(fault("status", 0.3, drop=True))
        return [
            *faults,
            fault("status", 0.05, delay=self.plan.uncertain_wait / 4),
            fault("status", 0.1, duplicate=1),
            fault("status", 0.05, reorder=True, delay=0.5),
        ]

    async def _write(self, person: str, number: int) -> None:
        """One person writes so many messages, some of them in one breath."""
        dice = random.Random(f"{self.plan.seed} {person}")
        times = sorted(dice.uniform(0, self.plan.writing) for _ in range(number))
        for place in range(1, number):
            if dice.random() < 0.3:
                times[place] = times[place - 1] + dice.uniform(0.05, 0.6)
        began, name = time.monotonic(), person.removeprefix("person")
        for place, at in enumerate(sorted(times)):
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            token = f"c{name}m{place}"
            self.run.asked[token] = person
            await self._post(
                f"/simulator/persons/{person}/messages", {"text": f"What about {token}?"}
            )

    async def _kill_workers_and_webs(self) -> None:
        plan, dice = self.plan, random.Random(f"{self.plan.seed} kills")
        began, victims = time.monotonic(), [name for name in self.processes if "worker" in name]
        for at in sorted(dice.uniform(0.05, 0.95) * plan.writing for _ in range(plan.kills)):
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            name = "web" if dice.random() < 0.25 else dice.choice(victims)
            process = self.processes[name]
            await self._until_another_lives(name)
            held, taken = await asyncio.to_thread(self._held_by, process)
            self.run.kills.append(Kill(time.time(), name, held, taken))
            await asyncio.to_thread(process.stop)
            await asyncio.sleep(dice.uniform(0.1, 1.0))
            process.start()

    async def _until_another_lives(self, name: str) -> None:
        """Where all workers are dead nobody can take anything up, and that is no finding."""
        others = [
            one for other, one in self.processes.items() if "worker" in other and other != name
        ]
        deadline = time.monotonic() + START_SECONDS
        while "worker" in name and time.monotonic() < deadline:
            for one in others:
                one.supervise()
            pids = {str(one.running.pid) for one in others if one.running}
            if await asyncio.to_thread(self._registered, pids):
                return
            await asyncio.sleep(READY_SECONDS)

    def _registered(self, pids: set[str]) -> bool:
        redis: Any = self.redis
        try:
            return any(redis.hget(key, "pid") in pids for key in redis.smembers("rq:workers"))
        except (RedisError, OSError):
            return False

    async def _restart_redis(self) -> None:
        plan, dice, process = self.plan, random.Random(f"{self.plan.seed} redis"), None
        process, began = self.processes["redis"], time.monotonic()
        times = sorted(dice.uniform(0.1, 0.95) * plan.writing for _ in range(plan.restarts))
        for place, at in enumerate(times):
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            number = (signal.SIGKILL, signal.SIGTERM)[place % 2]
            self.run.kills.append(Kill(time.time(), f"redis, {number.name}"))
            await asyncio.to_thread(process.stop, number)
            await asyncio.sleep(dice.uniform(0.1, 1.5))
            process.start()
            await self._until(self.redis.ping, "Redis")
            self.run.kills.append(Kill(time.time(), REDIS_IS_BACK))

    def _held_by(self, process: Process) -> tuple[frozenset[str], frozenset[str]]:
        """The persons whose turns run in this process now, as RQ has written it down; and those
        whose turns have been taken by a worker and not begun.
        """
        if process.running is None or process.name == "web":
            return frozenset(), frozenset()
        redis: Any = self.redis
        try:
            taken = redis.lrange("rq:queue:turns:intermediate", 0, -1)
            held = self._running_in(process.running.pid)
            return frozenset(held), frozenset(self._persons_of(taken))
        except (RedisError, OSError):
            return frozenset(), frozenset()  # Redis is away as well

    def _running_in(self, pid: int) -> Iterator[str]:
        redis: Any = self.redis  # its commands are typed for both worlds, sync and async
        names = {
            name.removeprefix("rq:worker:")
            for name in redis.smembers("rq:workers")
            if redis.hget(name, "pid") == str(pid)
        }
        turns = [entry.partition(":")[0] for entry in redis.zrange("rq:wip:turns", 0, -1)]
        yield from self._persons_of(
            turn for turn in turns if redis.hget(f"rq:job:{turn}", "worker_name") in names
        )

    def _persons_of(self, turns: Iterable[str]) -> Iterator[str]:
        redis: Any = self.redis
        for turn in turns:
            conversation = redis.hget(f"rv:turn:{turn}", "conversation")
            if conversation in self._person_of:
                yield self._person_of[conversation]

    async def _post(self, path: str, body: object) -> None:
        (await self.meta.post(path, json=body)).raise_for_status()

    # -- the record ----------------------------------------------------------------------------

    async def _read_record(self) -> None:
        record = self.run.record
        while True:
            after = record[-1]["seq"] if record else 0
            params = {"after": after, "limit": RECORD_PAGE}
            page = (await self.meta.get("/simulator/record", params=params)).json()
            record += page
            if len(page) < RECORD_PAGE:
                return

    async def _all_answered(self) -> bool:
        await self._read_record()
        landed = " ".join(one["text"] for one in self.run.record if one["kind"] == "bubble")
        answered = set(re.findall(r"\bc\d+m\d+, part 2\b", landed))
        return len(answered) == len(self.run.asked)


@asynccontextmanager
async def opened(plan: Plan) -> AsyncIterator[World]:
    """A world that runs; all of it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="rivulet-chaos-") as folder:
        world = World(plan, Path(folder))
        try:
            await world.start()
            yield world
        finally:
            await world.close()


async def run_of(plan: Plan) -> Run:
    """Carry the plan out."""
    async with opened(plan) as world:
        await world.play()
        return world.run
