import pickle
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from pydantic import SecretStr
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import DefaultSerializer, JSONSerializer

from app.web.dashboard import create_dashboard

CONVERSATION = "5d41402abc4b2a76b9719d911017c592"
PAGES = [
    "/",
    "/0/view/workers",
    "/0/view/jobs",
    "/0/view/jobs/turns/failed/8/asc/1",
    "/0/view/job/failed-turn",
    "/0/view/job/running-turn",
    "/0/data/queues.json",
    "/0/data/workers.json",
    "/0/data/jobs/turns/queued/8/asc/1.json",
    "/0/data/jobs/turns/started/8/asc/1.json",
    "/0/data/jobs/turns/failed/8/dsc/1.json",
    "/0/data/job/failed-turn.json",
    "/0/data/job/running-turn.json",
]
STATIC = ["/static/js/jquery-3.5.1.min.js", "/favicon.ico"]
CHANGES = [
    "/requeue/turns",
    "/job/failed-turn/requeue",
    "/job/failed-turn/delete",
    "/queue/turns/queued/empty",
    "/queue/turns/failed/empty",
    "/queue/turns/compact",
]


def fail(conversation: str) -> None:
    raise ValueError("no answer")


class Trap:
    """Whoever unpickles one of these has run its code."""

    sprung = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return spring, ()


def spring() -> None:
    Trap.sprung = True


@pytest.fixture(autouse=True)
def serializer() -> Iterator[None]:
    """What ``create_dashboard`` does to its process must not reach other tests."""
    before = {name: vars(DefaultSerializer)[name] for name in ("dumps", "loads")}
    yield
    for name, value in before.items():
        setattr(DefaultSerializer, name, value)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """Redis with a failed, a running and a waiting turn, as our store and worker leave them."""
    with Redis.from_url(redis_url) as redis:
        queue = Queue("turns", connection=redis, serializer="json")
        worker = SimpleWorker([queue], connection=redis, serializer=JSONSerializer, name="w1")
        worker.register_birth()  # type: ignore[no-untyped-call] # RQ's own
        worker.perform_job(enqueue(queue, "failed-turn"), queue)
        running = enqueue(queue, "running-turn")
        worker.prepare_execution(running)
        worker.prepare_job_execution(running)
        enqueue(queue, "waiting-turn")
        yield redis


def enqueue(queue: Queue, job_id: str) -> Job:
    return queue.enqueue(
        "tests.web.test_dashboard.fail",
        CONVERSATION,
        job_id=job_id,
        description="conversation turn",
        meta={"tried": 3},
        failure_ttl=600,
    )


@pytest.fixture
async def dashboard(redis: Redis, redis_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_dashboard(redis_url, username="ada", password=SecretStr("pâss:word"))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://dash.test", auth=("ada", "pâss:word")
    ) as client:
        yield client


def snapshot(redis: Redis) -> dict[bytes | str, bytes | str | None]:
    return {key: redis.dump(key) for key in redis.keys()}


@pytest.mark.parametrize("path", [*PAGES, *STATIC])
async def test_every_page_is_there(dashboard: httpx2.AsyncClient, path: str) -> None:
    assert (await dashboard.get(path)).status_code == 200


async def test_reading_all_pages_changes_nothing(
    dashboard: httpx2.AsyncClient, redis: Redis
) -> None:
    before = snapshot(redis)
    for path in PAGES:
        await dashboard.get(path)
    assert snapshot(redis) == before


async def test_the_numbers_are_those_of_the_queue(dashboard: httpx2.AsyncClient) -> None:
    (queue,) = (await dashboard.get("/0/data/queues.json")).json()["queues"]
    assert queue["name"] == "turns"
    assert queue["failed_job_registry_count"] == 1
    assert queue["started_job_registry_count"] == 1


async def test_a_running_turn_is_shown_by_its_opaque_key(dashboard: httpx2.AsyncClient) -> None:
    (worker,) = (await dashboard.get("/0/data/workers.json")).json()["workers"]
    assert worker["current_job"]["job_id"] == "running-turn"
    assert worker["current_job"]["description"] == "conversation turn"
    assert (
        worker["current_job"]["call_string"] == f"tests.web.test_dashboard.fail('{CONVERSATION}')"
    )


async def test_a_failed_turn_is_shown_with_its_traceback(dashboard: httpx2.AsyncClient) -> None:
    job = (await dashboard.get("/0/data/job/failed-turn.json")).json()
    assert job["status"] == "failed"
    assert "ValueError: no answer" in job["exc_info"]
    assert CONVERSATION not in job["description"]


async def test_a_turn_that_is_gone_is_not_found(dashboard: httpx2.AsyncClient) -> None:
    assert (await dashboard.get("/0/view/job/gone")).status_code == 404
    assert (await dashboard.get("/0/data/job/gone.json")).status_code == 404


async def test_another_instance_is_not_to_be_had(dashboard: httpx2.AsyncClient) -> None:
    assert (await dashboard.get("/1/data/queues.json")).status_code == 405


@pytest.mark.parametrize("path", ["/job/failed-turn/requeue", "/requeue/turns"])
async def test_requeueing_keeps_what_the_turn_knew(
    dashboard: httpx2.AsyncClient, redis: Redis, path: str
) -> None:
    assert (await dashboard.post(path)).status_code == 200
    job = Job.fetch("failed-turn", connection=redis, serializer=JSONSerializer)
    assert job.get_status() == "queued"
    assert job.meta == {"tried": 3}
    assert job.args == [CONVERSATION]
    assert b"failed-turn" in redis.lrange("rq:queue:turns", 0, -1)
    assert FailedJobRegistry("turns", connection=redis).get_job_count(cleanup=False) == 0


async def test_a_turn_that_is_not_failed_is_not_requeued(
    dashboard: httpx2.AsyncClient, redis: Redis
) -> None:
    before = snapshot(redis)
    assert (await dashboard.post("/job/waiting-turn/requeue")).status_code == 409
    assert snapshot(redis) == before


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_is_changed_but_by_post(
    dashboard: httpx2.AsyncClient, redis: Redis, method: str, path: str
) -> None:
    before = snapshot(redis)
    answer = await dashboard.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert snapshot(redis) == before


@pytest.mark.parametrize(
    "path", ["//requeue/turns", "/0/view/../../requeue/turns", "/REQUEUE/turns"]
)
async def test_another_spelling_changes_nothing_either(
    dashboard: httpx2.AsyncClient, redis: Redis, path: str
) -> None:
    before = snapshot(redis)
    request = dashboard.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    assert (await dashboard.send(request)).status_code in (404, 405)
    assert snapshot(redis) == before


OTHER_SITES = {
    "another site": {"Origin": "https://evil.test"},
    "another port": {"Origin": "http://dash.test:8080"},
    "a sandbox": {"Origin": "null"},
    "no URL": {"Origin": "http://["},
    "a page of another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour": {"Sec-Fetch-Site": "same-site", "Origin": "http://dash.test"},
    "a bookmark": {"Sec-Fetch-Site": "none"},
}


@pytest.mark.parametrize("headers", OTHER_SITES.values(), ids=OTHER_SITES.keys())
@pytest.mark.parametrize("path", CHANGES)
async def test_other_sites_change_nothing(
    dashboard: httpx2.AsyncClient, redis: Redis, headers: dict[str, str], path: str
) -> None:
    before = snapshot(redis)
    assert (await dashboard.post(path, headers=headers)).status_code == 403
    assert snapshot(redis) == before


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://dash.test"}, {"Sec-Fetch-Site": "same-origin"}, {}],
    ids=["our origin", "our page", "no browser"],
)
async def test_our_own_pages_may_change_things(
    dashboard: httpx2.AsyncClient, redis: Redis, headers: dict[str, str]
) -> None:
    assert (await dashboard.post("/queue/turns/failed/empty", headers=headers)).status_code == 200
    assert not redis.exists("rq:job:failed-turn")


def basic(login: str, scheme: str = "Basic") -> str:
    return f"{scheme} {b64encode(login.encode()).decode()}"


STRANGERS = {
    "nothing": "",
    "wrong password": basic("ada:password"),
    "wrong name": basic("eve:pâss:word"),
    "no password": basic("ada:"),
    "no colon": basic("ada"),
    "longer": basic("ada:pâss:word2"),
    "another scheme": basic("ada:pâss:word", "Bearer"),
    "not base64": "Basic ada:secret",
    "not ASCII": "Basic \xe4\xf6",
    "only a scheme": "Basic",
}


@pytest.mark.parametrize("authorization", STRANGERS.values(), ids=STRANGERS.keys())
@pytest.mark.parametrize("path", ["/", "/0/data/workers.json", *STATIC, "/nowhere"])
async def test_strangers_see_nothing(
    dashboard: httpx2.AsyncClient, authorization: str, path: str
) -> None:
    headers = httpx2.Headers({"Authorization": authorization}, encoding="latin-1")
    answer = await dashboard.get(path, headers=headers, auth=None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert "rq" not in answer.text.lower()


async def test_strangers_change_nothing(dashboard: httpx2.AsyncClient, redis: Redis) -> None:
    before = snapshot(redis)
    dashboard.auth = httpx2.BasicAuth("ada", "guess")
    assert (await dashboard.post("/requeue/turns")).status_code == 401
    assert snapshot(redis) == before


async def test_half_a_login_is_a_mistake(redis_url: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        create_dashboard(redis_url, username="ada", password=None)
    with pytest.raises(ValueError, match="neither"):
        create_dashboard(redis_url, username=None, password=SecretStr("x"))


async def test_the_demo_needs_no_login(redis: Redis, redis_url: str) -> None:
    app = create_dashboard(redis_url, username=None, password=None)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://dash.test") as client:
        assert (await client.get("/0/data/workers.json")).status_code == 200
        assert (await client.get("/requeue/turns")).status_code == 405


@pytest.mark.parametrize("path", ["/", STATIC[0], "/0/data/queues.json", "/requeue/turns"])
async def test_every_answer_tells_the_browser_to_be_strict(
    dashboard: httpx2.AsyncClient, path: str
) -> None:
    for auth in (httpx2.BasicAuth("ada", "pâss:word"), None):
        headers = (await dashboard.get(path, auth=auth)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_a_page_may_run_its_own_script_only(dashboard: httpx2.AsyncClient) -> None:
    page, again = await dashboard.get("/"), await dashboard.get("/")
    policy = page.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert page.text.count(f'nonce="{nonce}"') == 1
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]
    assert policy != again.headers["content-security-policy"]


async def test_what_is_in_redis_is_never_unpickled(
    dashboard: httpx2.AsyncClient, redis: Redis
) -> None:
    trap = pickle.dumps(Trap())
    for job in ("failed-turn", "running-turn"):
        redis.hset(f"rq:job:{job}", mapping={"data": trap, "meta": trap, "result": trap})
        redis.xadd(f"rq:results:{job}", {"type": 1, "return_value": b64encode(trap)})
    for path in PAGES:
        await dashboard.get(path)
    for path in CHANGES:
        await dashboard.post(path)
    assert not Trap.sprung
    pickle.loads(trap)  # noqa: S301 - the trap works
    assert Trap.sprung


async def test_no_password_of_redis_is_shown(dashboard: httpx2.AsyncClient, redis_url: str) -> None:
    page = (await dashboard.get("/")).text
    assert redis_url not in page
    assert redis_url.partition("://")[2] not in page


async def test_redis_away_is_said(redis_url: str) -> None:
    app = create_dashboard("redis://127.0.0.1:9/0", username=None, password=None)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://dash.test") as client:
        assert (await client.get("/0/data/queues.json")).status_code == 503
