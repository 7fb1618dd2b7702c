"""Alive, ready, and the numbers."""

import asyncio
from collections.abc import Mapping, Sequence

import httpx2
import pytest

from app import metrics
from app.errors import Unavailable
from app.main import create_app
from app.pipeline.ports import Reading
from tests.fakes import FakeStore, World, said

TOKEN = "a bearer's word"


class SickStore(FakeStore):
    """A store whose Redis does not answer, to one question or the other."""

    def __init__(
        self, world: World, *, ping: bool = True, troubles: bool = True, gauges: bool = True
    ) -> None:
        super().__init__(world.keys)
        self._ping, self._told, self._gauges = ping, troubles, gauges

    async def gauges(self) -> Mapping[metrics.Gauge, float]:
        if not self._gauges:
            raise Unavailable("Redis: ConnectionError", scope="store")
        return await super().gauges()

    async def ping(self) -> None:
        if not self._ping:
            raise Unavailable("Redis: TimeoutError", scope="store")

    async def troubles(self) -> Mapping[str, str]:
        if not self._told:
            raise Unavailable("Redis: ConnectionError", scope="store")
        return await super().troubles()


def client_of(
    world: World,
    *,
    admin_token: str = TOKEN,
    at: str = "http://127.0.0.1:8000",
) -> httpx2.AsyncClient:
    """A client of a web process that was reached at this address."""

    async def render(readings: Sequence[Reading]) -> str:
        return "turns_total 3\n" + "".join(
            f"{' '.join([gauge.name, *filter(None, labels.values())])} {value:g}\n"
            for gauge, labels, value in readings
        )

    app = create_app(
        world.services, render, app_secrets=["s"], verify_token="v", admin_token=admin_token
    )
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=at)


async def test_live_is_alive_whatever_the_store_does() -> None:
    world = World()
    world.store = SickStore(world, ping=False)
    async with client_of(world) as http:
        answer = await http.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_when_all_is_well() -> None:
    async with client_of(World()) as http:
        answer = await http.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_what_does_not_work_is_told_while_intake_goes_on() -> None:
    world = World()
    await world.store.report_trouble("token", "190")
    await world.store.report_trouble("model", "first_token")
    async with client_of(world) as http:
        answer = await http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "degraded",
        "reasons": {"token": "190", "model": "first_token"},
    }


@pytest.mark.parametrize("asked", ["ping", "troubles"])
async def test_not_ready_when_a_webhook_could_not_be_stored(asked: str) -> None:
    world = World()
    world.store = SickStore(world, **{asked: False})
    async with client_of(world) as http:
        answer = await http.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["reason"].startswith("Redis: ")


class CountingStore(FakeStore):
    """Counts the looks at it."""

    looks = 0

    async def ping(self) -> None:
        self.looks += 1
        for _ in range(20):
            await asyncio.sleep(0)  # so that others ask meanwhile


async def test_of_those_who_ask_together_whether_we_are_ready_one_looks() -> None:
    world = World()
    world.store = store = CountingStore(world.keys)
    async with client_of(world) as http:
        answers = await asyncio.gather(*(http.get("/health/ready") for _ in range(20)))
        assert [answer.json() for answer in answers] == [{"status": "ok"}] * 20
        assert store.looks == 1
        await store.report_trouble("token", "190")
        assert (await http.get("/health/ready")).json()["status"] == "degraded"
        assert store.looks == 2


@pytest.mark.parametrize(
    ("at", "status"),
    [
        pytest.param("http://127.0.0.1:8000", 200, id="loopback"),
        pytest.param("http://127.8.8.8:8000", 200, id="all of 127/8 is loopback"),
        pytest.param("http://[::1]:8000", 200, id="loopback v6"),
        pytest.param("http://10.0.0.7:8000", 401, id="private network"),
        pytest.param("http://203.0.113.9:8000", 401, id="public"),
        pytest.param("http://[2001:db8::1]:8000", 401, id="public v6"),
        pytest.param("http://rivulet.test:8000", 401, id="a name, which proves nothing"),
    ],
)
async def test_the_numbers_are_free_on_loopback_only(at: str, status: int) -> None:
    async with client_of(World(), at=at) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.content == b""
    else:
        assert answer.text.startswith("turns_total 3\n")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("header", ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"])
async def test_a_proxy_on_this_machine_asks_for_somebody_outside(header: str) -> None:
    async with client_of(World()) as http:
        assert (await http.get("/metrics", headers={header: "203.0.113.9"})).status_code == 401


async def test_a_forwarded_address_or_host_opens_nothing() -> None:
    headers = {"x-forwarded-for": "127.0.0.1", "host": "127.0.0.1", "forwarded": "for=127.0.0.1"}
    async with client_of(World(), at="http://203.0.113.9") as http:
        assert (await http.get("/metrics", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("header", "admin_token", "status"),
    [
        pytest.param(f"Bearer {TOKEN}", TOKEN, 200, id="right"),
        pytest.param(f"Bearer {TOKEN}s", TOKEN, 401, id="wrong"),
        pytest.param(f"Basic {TOKEN}", TOKEN, 401, id="another scheme"),
        pytest.param(TOKEN, TOKEN, 401, id="without scheme"),
        pytest.param("Bearer ", TOKEN, 401, id="empty"),
        pytest.param("Bearer ", "", 401, id="empty, and no token set"),
        pytest.param("Bearer \xff", TOKEN, 401, id="not ASCII"),
    ],
)
async def test_from_outside_the_numbers_need_the_bearer(
    header: str, admin_token: str, status: int
) -> None:
    async with client_of(World(), at="http://203.0.113.9", admin_token=admin_token) as http:
        headers = {b"authorization": header.encode("latin-1")}
        assert (await http.get("/metrics", headers=headers)).status_code == status


async def lines_of(world: World) -> list[str]:
    async with client_of(world) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    return answer.text.splitlines()


async def test_the_numbers_say_how_things_stand() -> None:
    world = World()
    await world.store.take_in([said("Hello?")])
    await world.store.report_trouble("token", "190")
    lines = await lines_of(world)
    assert "rivulet_unanswered_conversations 1" in lines
    assert "rivulet_queued_turns 1" in lines
    assert "rivulet_trouble token 190 1" in lines
    assert "rivulet_trouble model 0" in lines
    assert "rivulet_trouble store 0" in lines


@pytest.mark.parametrize(
    ("asked", "still_known"),
    [
        pytest.param("ping", True, id="full: it can be read, not written"),
        pytest.param("troubles", True, id="went away in between"),
        pytest.param("gauges", False, id="away"),
    ],
)
async def test_a_store_that_takes_no_webhook_is_a_number_too(asked: str, still_known: bool) -> None:
    world = World()
    world.store = SickStore(world, **{asked: False})
    lines = await lines_of(world)
    assert "rivulet_trouble store unavailable 1" in lines
    assert ("rivulet_queued_turns 0" in lines) is still_known


async def test_why_the_store_takes_nothing_is_told_where_it_is_known() -> None:
    world = World()
    world.store = SickStore(world, ping=False)
    await world.store.report_trouble("store", "full")
    assert "rivulet_trouble store full 1" in await lines_of(world)


async def test_an_error_code_that_nobody_knows_makes_no_label_of_its_own() -> None:
    world = World()
    await world.store.report_trouble("number", "7700001")
    assert "rivulet_trouble number other 1" in await lines_of(world)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_nothing_can_be_posted_here(path: str) -> None:
    async with client_of(World()) as http:
        assert (await http.post(path)).status_code == 405


async def test_there_is_nothing_else() -> None:
    async with client_of(World()) as http:
        for path in ("/", "/docs", "/openapi.json", "/admin", "/health"):
            assert (await http.get(path)).status_code == 404
