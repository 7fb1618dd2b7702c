"""Webhooks out: gathered, signed, sent at once side by side, and sent again until a 200."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

import httpx2

from app.simulator.faults import Fault, Faults
from app.simulator.knobs import Knobs
from app.simulator.persons import Number
from app.simulator.posting import NoAnswer, Poster
from app.simulator.record import Record
from app.simulator.updates import Update, body_of, signature

SIDE_BY_SIDE = 100
"""Webhooks on their way at one time."""

MAX_WAITING = 20_000
"""Webhooks not yet answered with 200; one more is given up at once."""

OVERTAKE_SECONDS = 5.0
"""How long a reordered update waits for one that overtakes it."""


@dataclass(slots=True)
class Courier:
    """Brings updates to the business.

    Attributes:
        subscribed: Whether the app has subscribed; if not, nothing goes out.
    """

    app_secret: str
    numbers: dict[str, Number]
    record: Record
    faults: Faults
    knobs: Callable[[], Knobs]
    subscribed: bool = True
    _poster: Poster = field(default_factory=Poster)
    _client: httpx2.AsyncClient | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _doors: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIDE_BY_SIDE))
    _gathered: list[Update] = field(default_factory=list)
    _overtaken: list[tuple[int, Update]] = field(default_factory=list)
    _held: dict[str, list[Update]] = field(default_factory=dict)
    _made: int = 0

    def tell(self, update: Update) -> None:
        """Let the business know; returns at once. Faults on ``webhook`` or ``status`` strike."""
        status = update.part == "statuses"
        fault = self.faults.take(
            "status" if status else "webhook",
            person=update.person,
            status=update.status,
            text=str(update.item.get("text", {}).get("body", "")) if not status else "",
            only=lambda fault: fault.fail_status is None,
        )
        if fault is None:
            self._gather(update)
        elif fault.drop:
            self.record.add("dropped", fault=fault.id, **_holds([update]))
        else:
            self._spoil(fault, update)

    def tell_raw(self, body: bytes) -> None:
        """Send any bytes, signed, as one webhook."""
        self._start(self._bring(body, []))

    def let_go(self, fault_id: str) -> None:
        """Send what a ``batch`` fault holds."""
        self._post(self._held.pop(fault_id, []))

    async def get(self, url: str, params: dict[str, str]) -> httpx2.Response:
        """A GET, for the handshake."""
        return await self._http().get(url, params=params, timeout=self.knobs().webhook_timeout)

    async def post(self, url: str, body: object) -> httpx2.Response:
        """A POST of JSON, to the model."""
        return await self._http().post(url, json=body, timeout=self.knobs().webhook_timeout)

    async def delete(self, url: str) -> httpx2.Response:
        """A DELETE, to the model."""
        return await self._http().delete(url, timeout=self.knobs().webhook_timeout)

    async def close(self) -> None:
        """Stop; what was not delivered is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._poster.close()
        if self._client is not None:
            await self._client.aclose()

    def _spoil(self, fault: Fault, update: Update) -> None:
        loop = asyncio.get_running_loop()
        if fault.batch:
            held = self._held.setdefault(fault.id, [])
            held.append(update)
            if len(held) >= fault.batch or fault.spent:
                self.let_go(fault.id)
        elif fault.reorder:
            waiting = (self._made, update)
            self._overtaken.append(waiting)
            loop.call_later(fault.delay or OVERTAKE_SECONDS, self._overtake, [waiting])
        elif fault.delay:
            loop.call_later(fault.delay, self._gather, update)
        else:
            for _ in range(1 + fault.duplicate):
                self._post([update])

    def _gather(self, update: Update) -> None:
        knobs = self.knobs()
        if knobs.batch_max == 1:
            self._post([update])
            return
        self._gathered.append(update)
        if len(self._gathered) >= knobs.batch_max:
            self._post_gathered()
        elif len(self._gathered) == 1:
            asyncio.get_running_loop().call_later(knobs.batch_window, self._post_gathered)

    def _post_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._post(gathered)

    def _post(self, updates: Sequence[Update]) -> None:
        if updates:
            self._start(self._bring(body_of(updates, self.numbers), updates))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        if not self.subscribed or self.knobs().webhook_url is None:
            work.close()
        elif len(self._tasks) >= MAX_WAITING:
            work.close()
            self.record.add("dropped", fault=None, wamids=[], statuses=[])
        else:
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _bring(self, body: bytes, updates: Sequence[Update]) -> None:
        self._made += 1
        delivery, attempt, pause = self._made, 0, self.knobs().redelivery_first
        headers = {
            "content-type": "application/json",
            "user-agent": "facebookexternalua",
            "x-hub-signature-256": signature(body, self.app_secret),
        }
        give_up = time.monotonic() + self.knobs().redelivery_give_up
        while True:
            attempt += 1
            async with self._doors:
                start = time.monotonic()
                status, error = await self._attempt(body, headers)
                seconds = time.monotonic() - start
            self.record.add(
                "webhook",
                delivery=delivery,
                attempt=attempt,
                status=status,
                error=error,
                seconds=seconds,
                **_holds(updates),
            )
            self._overtake(self._now_overtaken(delivery, updates))
            if status == 200 or time.monotonic() >= give_up:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, self.knobs().redelivery_most)

    async def _attempt(self, body: bytes, headers: dict[str, str]) -> tuple[int | None, str | None]:
        knobs = self.knobs()
        try:
            return await self._poster.post(
                knobs.webhook_url or "", body, headers, seconds=knobs.webhook_timeout
            ), None
        except NoAnswer as error:
            return None, str(error)

    def _now_overtaken(self, delivery: int, updates: Sequence[Update]) -> list[tuple[int, Update]]:
        """Those held back that an update of the same person and kind has now passed."""
        if not self._overtaken:
            return []
        passed = {(update.person, update.part) for update in updates}
        return [
            (made, update)
            for made, update in self._overtaken
            if made < delivery and (update.person, update.part) in passed
        ]

    def _overtake(self, waiting: Sequence[tuple[int, Update]]) -> None:
        for one in waiting:
            if one in self._overtaken:
                self._overtaken.remove(one)
                self._post([one[1]])

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            self._client = httpx2.AsyncClient(trust_env=False)
        return self._client


def _holds(updates: Sequence[Update]) -> dict[str, object]:
    statuses = [update.item for update in updates if update.part == "statuses"]
    return {
        "wamids": [update.item["id"] for update in updates if update.part == "messages"],
        "statuses": [{"wamid": item["id"], "status": item["status"]} for item in statuses],
    }
