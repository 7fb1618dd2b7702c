"""rq-dashboard as a process of the house: the truth about the queue, and nobody's data."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
import pytest_asyncio
from redis import Redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.suspension import resume, suspend

from tests.e2e.house import House, Process
from tests.e2e.window import Window
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LOGIN = ("operator", "a password of the tests")
NAME, PHONE, SECRET = "Zebulon Quist", "15550177", "marzipan-8203"
RUNNING = 100
SLOW_TOKENS = 0.5
"""A second: more than a minute goes by before a first bubble."""


@dataclass
class Turns:
    """Job ids, and what the dashboard must not know."""

    finished: str
    failed: str
    running: set[str]
    queued: str
    wamids: list[str]


@dataclass
class Board:
    """The dashboard, RQ's own view of the same queue, and turns of each kind in it."""

    url: str
    house: House
    redis: "Redis"
    turns: Turns

    def job(self, job_id: str) -> Job:
        return Job.fetch(job_id, connection=self.redis, serializer=JSONSerializer)

    def is_now(self, job_id: str, status: JobStatus) -> Callable[[], bool | None]:
        return lambda: self.job(job_id).get_status() == status or None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def board(house: House) -> AsyncIterator[Board]:
    port = free_port()
    username, password = LOGIN
    process = Process(
        "dashboard",
        ["-m", "app", "dashboard", "--port", str(port)],
        {**house.environment, "DASHBOARD_USERNAME": username, "DASHBOARD_PASSWORD": password},
        house.folder / "dashboard.log",
    )
    process.start()
    try:
        with Redis.from_url(house.redis_url) as redis, turns_of_each_kind(house, redis) as turns:
            board = Board(f"http://127.0.0.1:{port}", house, redis, turns)
            await asyncio.to_thread(house.until, lambda: is_up(board.url), "dashboard")
            yield board
    finally:
        process.stop()


def is_up(url: str) -> bool | None:
    try:
        return httpx2.get(url, auth=LOGIN).status_code == 200
    except httpx2.HTTPError:
        return None


@contextmanager
def turns_of_each_kind(house: House, redis: "Redis") -> Iterator[Turns]:
    """One turn that was answered, one that failed for good since Meta took none of its sends, many
    that wait for a slow model's first sentence, and one that no worker may take.
    """
    persons = [house.person(name=NAME, phone=f"{PHONE}{n:03}") for n in range(3 + RUNNING)]
    text = f"Thank you! My secret word is {SECRET}."
    wamids = [house.say(persons[0], text)]
    finished = house.answered(wamids[0])["turn_id"]

    sends_that_fail = {"on": "send", "person": persons[1], "error": 131000, "times": 4}
    house.meta.post("/simulator/faults", json=sends_that_fail).raise_for_status()
    with no_turn_taken(house, redis):
        wamids.append(house.say(persons[1], text))
        (failed,) = house.until(lambda: waiting(redis), "queued turn")
        redis.hset(f"rq:job:{failed}", "retries_left", 0)  # they would take most of a minute

    job = Job.fetch(failed, connection=redis, serializer=JSONSerializer)
    house.until(lambda: job.get_status() == JobStatus.FAILED or None, "failed turn")

    asked = model_calls(house) + RUNNING
    with house.model_that(tokens_per_second=SLOW_TOKENS):
        wamids += [house.say(person, text) for person in persons[3:]]
        house.until(lambda: model_calls(house) >= asked or None, "model's work")
    running = started(redis)
    with no_turn_taken(house, redis):
        wamids.append(house.say(persons[2], text))
        (queued,) = house.until(lambda: waiting(redis), "queued turn")
        yield Turns(finished, failed, running, queued, wamids)
    for person in (persons[1], *persons[3:]):  # who writes on is answered anew, all of it
        wamids.append(house.say(person, text))
    for wamid in wamids:
        house.answered(wamid)


def model_calls(house: House) -> int:
    return int(house.model.get("/simulator/model").json()["calls"])


@contextmanager
def no_turn_taken(house: House, redis: "Redis") -> Iterator[None]:
    """The worker takes no turn while the block runs."""
    log = house.processes["worker"].log
    before = log.read_text().count(": suspended")
    suspend(redis)
    house.until(lambda: log.read_text().count(": suspended") > before or None, "suspended worker")
    try:
        yield
    finally:
        resume(redis)


def waiting(redis: "Redis") -> list[str] | None:
    return Queue("turns", connection=redis).get_job_ids() or None


def started(redis: "Redis") -> set[str]:
    registry = Queue("turns", connection=redis).started_job_registry
    return set(registry.get_job_ids(cleanup=False))


async def opened(board: Board, window: Window, path: str) -> "Page":
    username, password = LOGIN
    page = await window.open(
        f"{board.url}{path}", http_credentials={"username": username, "password": password}
    )
    await page.locator("[data-role=loading-placeholder]").wait_for(state="hidden")
    return page


async def test_the_page_counts_what_the_queue_holds(
    board: Board, window: Window, tmp_path: Path
) -> None:
    queue = Queue("turns", connection=board.redis)
    page = await opened(board, window, "/")
    cells = await page.locator("tr[data-role=queue] td").all_inner_texts()
    await page.screenshot(path=tmp_path / "queues.png")
    finished = queue.finished_job_registry.get_job_count(cleanup=False)
    assert finished >= 1
    assert [cell.strip() for cell in cells] == [
        "turns",
        "1",
        "0",
        "0",
        str(RUNNING),
        str(finished),
        "1",
        "0",
    ]


async def test_each_list_holds_its_turns(board: Board, window: Window) -> None:
    turns = board.turns
    listed: dict[str, set[str]] = {}
    page = await opened(board, window, "/")
    for registry in ("queued", "started", "finished", "failed"):
        await page.goto(f"{board.url}/0/view/jobs/turns/{registry}/200/dsc/1")
        rows = page.locator("tr[data-role=job]")
        await rows.first.wait_for()
        ids = await rows.evaluate_all("rows => rows.map(row => row.dataset.jobId)")
        listed[registry] = set(ids)
        described = await rows.locator(".description").all_inner_texts()
        assert set(described) == {"conversation turn"}
    assert turns.finished in listed.pop("finished")
    assert listed == {
        "queued": {turns.queued},
        "started": turns.running,
        "failed": {turns.failed},
    }


async def test_the_traceback_of_a_failed_turn_opens(
    board: Board, window: Window, tmp_path: Path
) -> None:
    page = await opened(board, window, "/0/view/jobs/turns/failed/8/asc/1")
    await page.get_by_role("link", name=board.turns.failed).click()
    traceback = page.locator("#job-data .exc_info")
    await traceback.wait_for()
    shown = await traceback.inner_text()
    assert shown.startswith("Traceback")
    assert "Unavailable" in shown
    await page.screenshot(path=tmp_path / "failed.png", full_page=True)


async def test_the_worker_is_shown_with_the_turn_it_works_on(board: Board, window: Window) -> None:
    page = await opened(board, window, "/0/view/workers")
    link = page.locator("tr[data-role=worker]").get_by_role("link")
    await link.wait_for()
    assert (await link.get_attribute("href") or "").rpartition("/")[2] in board.turns.running
    assert (await link.inner_text()).strip().startswith("workers.jobs.reply(")


async def test_nobody_gets_in_with_a_wrong_password(board: Board) -> None:
    async with httpx2.AsyncClient(base_url=board.url) as client:
        for auth in [None, (LOGIN[0], "a guess"), ("somebody", LOGIN[1])]:
            assert (await client.get("/0/data/queues.json", auth=auth)).status_code == 401
        assert (await client.get("/0/data/queues.json", auth=LOGIN)).status_code == 200


async def test_no_page_knows_who_wrote_or_what(board: Board) -> None:
    paths = ["/", "/0/view/workers", "/0/view/jobs", "/0/data/queues.json", "/0/data/workers.json"]
    for registry in ("queued", "started", "finished", "failed", "scheduled", "deferred"):
        paths.append(f"/0/view/jobs/turns/{registry}/200/dsc/1")
        paths.append(f"/0/data/jobs/turns/{registry}/200/dsc/1.json")
    turns = board.turns
    for job_id in (turns.queued, *turns.running, turns.finished, turns.failed):
        paths += [f"/0/view/job/{job_id}", f"/0/data/job/{job_id}.json"]
    served = {}
    async with httpx2.AsyncClient(base_url=board.url, auth=LOGIN, timeout=20) as client:
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            served[path] = answer.text
    assert "Unavailable" in served[f"/0/data/job/{turns.failed}.json"]  # the search does see jobs
    written = "\n".join(served.values())
    for secret in (NAME, PHONE, SECRET, *turns.wamids):
        assert secret not in written


async def test_a_failed_turn_that_is_queued_again_from_the_page_ends_well(
    board: Board, window: Window
) -> None:
    """The last test here: the failed turn is none any more."""
    page = await opened(board, window, "/0/view/jobs/turns/failed/8/asc/1")
    row = page.locator(f"tr[data-job-id='{board.turns.failed}']")
    await row.locator("[data-role=requeue-job-btn]").click()
    await row.wait_for(state="detached")
    is_queued = board.is_now(board.turns.failed, JobStatus.QUEUED)
    await asyncio.to_thread(board.house.until, is_queued, "queued turn")
    resume(board.redis)
    is_finished = board.is_now(board.turns.failed, JobStatus.FINISHED)
    await asyncio.to_thread(board.house.until, is_finished, "finished turn")
    assert board.house.answered(board.turns.wamids[1])["ending"] == "answered"
