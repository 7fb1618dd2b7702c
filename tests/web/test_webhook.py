"""The webhook's door and all behind it: on fakes, and where bytes matter on a real Redis."""

import asyncio
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping, Sequence
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from starlette.applications import Starlette
from structlog.testing import capture_logs

from app import metrics
from app.core.model import Event
from app.errors import Unavailable
from app.main import create_app
from app.pipeline.ports import Services, Taken
from app.web.bodies import MOST_BYTES
from app.web.webhook import webhook_route
from tests.contracts.conftest import open_store
from tests.fakes import NOW, FakeStore, World

SECRET, NEXT_SECRET, WORD = "salt-of-the-quay", "salt-of-the-weir", "sesame-and-poppy"
OUR_NUMBER = "390000000000001"

PHONE, TEXT, WAMID, NAME = "15550190777", "a pineapple for Tuesday", "wamid.MARKED", "Ottilie"
"""In every bad body, and never to be seen in a log line."""

FIXTURES = Path(__file__).parents[1] / "fixtures" / "webhooks"
SAMPLES = {path.stem: json.loads(path.read_bytes()) for path in sorted(FIXTURES.glob("*.json"))}

_numbers = itertools.count()


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def message(wamid: str = WAMID, *, phone: str = PHONE, text: str = TEXT) -> dict[str, Any]:
    return {
        "from": phone,
        "id": wamid,
        "timestamp": str(int(NOW.timestamp())),
        "type": "text",
        "text": {"body": text},
    }


def webhook(*messages: dict[str, Any]) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100200", "phone_number_id": OUR_NUMBER},
        "contacts": [{"profile": {"name": NAME}, "wa_id": PHONE}],
        "messages": list(messages),
    }
    change = {"field": "messages", "value": value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "701000000000001", "changes": [change]}],
    }


def encoded(tree: object) -> bytes:
    return json.dumps(tree).encode()


MARKED = encoded(webhook(message()))


@dataclass
class Door:
    """A web process, and a way to count what it has stored."""

    http: httpx2.AsyncClient
    world: World
    stored: Callable[[], int]

    async def post(self, body: bytes, secret: str = SECRET) -> int:
        headers = {"x-hub-signature-256": signature(body, secret)}
        return (await self.http.post("/webhook", content=body, headers=headers)).status_code

    async def takes_a_good_message(self) -> bool:
        """Whether the next person's message is stored and queued."""
        before, number = self.stored(), next(_numbers)
        good = message(f"wamid.GOOD{number}", phone=f"1555{number:07}", text="Hello?")
        return await self.post(encoded(webhook(good))) == 200 and self.stored() == before + 1


def door_to(world: World, services: Services, stored: Callable[[], int]) -> Door:
    async def no_numbers(_: object) -> str:
        return ""

    app = create_app(services, no_numbers, app_secrets=[SECRET], verify_token=WORD)
    return Door(client_of(app), world, stored)


def client_of(app: Starlette) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://rivulet.test")


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Fakes behind it."""
    world = World()
    made = door_to(world, world.services, lambda: len(world.store.queue))
    async with made.http:
        yield made


def open_real_door(redis_url: str, stack: AsyncExitStack) -> Door:
    world = World()
    redis = stack.enter_context(Redis.from_url(redis_url))
    store = open_store(redis_url, stack)

    def stored() -> int:
        queued = redis.llen("rq:queue:turns")
        assert isinstance(queued, int)
        return queued

    made = door_to(world, replace(world.services, store=store), stored)
    stack.push_async_callback(made.http.aclose)
    return made


@pytest.fixture
async def real_door(redis_url: str) -> AsyncIterator[Door]:
    """A real Redis behind it."""
    async with AsyncExitStack() as stack:
        yield open_real_door(redis_url, stack)


@pytest.fixture
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged; at the end, nothing of it may be a person's."""
    with capture_logs() as lines:
        yield lines
    told = repr(lines)
    for personal in (PHONE, TEXT, WAMID, NAME, "pineapple", SECRET, WORD):
        assert personal not in told


# -- the handshake -----------------------------------------------------------------------------

RIGHT = {"hub.mode": "subscribe", "hub.verify_token": WORD, "hub.challenge": "1158201444"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param(RIGHT, 200, id="right"),
        pytest.param({**RIGHT, "hub.verify_token": WORD + "s"}, 403, id="wrong token"),
        pytest.param({**RIGHT, "hub.verify_token": WORD.upper()}, 403, id="token in capitals"),
        pytest.param({**RIGHT, "hub.verify_token": ""}, 403, id="empty token"),
        pytest.param({**RIGHT, "hub.verify_token": "møøse\udcff\0"}, 403, id="unreadable token"),
        pytest.param({"hub.mode": "subscribe", "hub.challenge": "1"}, 403, id="no token"),
        pytest.param({**RIGHT, "hub.mode": "unsubscribe"}, 403, id="wrong mode"),
        pytest.param({"hub.verify_token": WORD, "hub.challenge": "1"}, 403, id="no mode"),
        pytest.param({}, 403, id="nothing"),
    ],
)
async def test_the_handshake_is_for_whoever_knows_our_word(
    door: Door, logged: list[MutableMapping[str, Any]], query: dict[str, str], status: int
) -> None:
    quoted = "&".join(
        f"{name}={''.join(f'%{byte:02x}' for byte in value.encode('utf-8', 'surrogateescape'))}"
        for name, value in query.items()
    )
    answer = await door.http.get(f"/webhook?{quoted}")
    assert answer.status_code == status
    assert answer.text == (RIGHT["hub.challenge"] if status == 200 else "")
    assert len(logged) == (0 if status == 200 else 1)


@pytest.mark.parametrize(
    "challenge",
    [
        pytest.param("", id="empty"),
        pytest.param("0042", id="leading zeros"),
        pytest.param("a b+c%/?&=ü😀", id="letters of every kind"),
        pytest.param("9" * 5000, id="long"),
        pytest.param("<script>alert(1)</script>", id="markup"),
    ],
)
async def test_the_challenge_comes_back_bare_and_as_plain_text(door: Door, challenge: str) -> None:
    answer = await door.http.get("/webhook", params={**RIGHT, "hub.challenge": challenge})
    assert answer.status_code == 200
    assert answer.content == challenge.encode()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(door: Door, method: str) -> None:
    assert (await door.http.request(method, "/webhook")).status_code == 405


# -- whose bytes these are -----------------------------------------------------------------------


async def test_a_signed_message_is_stored(door: Door) -> None:
    assert await door.post(MARKED) == 200
    assert door.stored() == 1


async def test_an_unsigned_body_is_refused_unread(
    door: Door, logged: list[MutableMapping[str, Any]]
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield MARKED

    answer = await door.http.post("/webhook", content=body())
    assert answer.status_code == 401
    assert read == 0
    assert [line["reason"] for line in logged] == ["unsigned"]
    assert await door.takes_a_good_message()


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(signature(MARKED, "another secret"), id="another secret"),
        pytest.param(signature(MARKED, ""), id="empty secret"),
        pytest.param(signature(MARKED + b" "), id="other bytes"),
        pytest.param(signature(MARKED)[:-1], id="one digit short"),
        pytest.param(signature(MARKED).upper(), id="capitals"),
        pytest.param(signature(MARKED).removeprefix("sha256="), id="without its name"),
        pytest.param("sha1=" + hmac.digest(SECRET.encode(), MARKED, "sha1").hex(), id="sha1"),
        pytest.param("", id="empty"),
        pytest.param("sha256=\xff\xfe", id="not ASCII"),
    ],
)
async def test_a_wrong_signature_is_refused(
    door: Door, logged: list[MutableMapping[str, Any]], header: str
) -> None:
    headers = {b"x-hub-signature-256": header.encode("latin-1")}
    answer = await door.http.post("/webhook", content=MARKED, headers=headers)
    assert answer.status_code == 401
    assert answer.content == b""
    assert [line["reason"] for line in logged] == ["wrong_signature"]
    assert door.stored() == 0
    assert await door.takes_a_good_message()


async def test_during_a_rotation_both_secrets_are_good() -> None:
    world = World()
    route = webhook_route(world.services, app_secrets=[NEXT_SECRET, SECRET], verify_token=WORD)
    async with client_of(Starlette(routes=[route])) as http:
        rotating = Door(http, world, lambda: len(world.store.queue))
        assert await rotating.post(encoded(webhook(message("wamid.A"))), SECRET) == 200
        assert await rotating.post(encoded(webhook(message("wamid.B"))), NEXT_SECRET) == 200
        assert await rotating.post(encoded(webhook(message("wamid.C"))), "the one before") == 401


# -- how much, and how fast ------------------------------------------------------------------------

PADDING = b" " * (MOST_BYTES - len(MARKED))


async def test_a_body_of_just_three_megabytes_is_stored(door: Door) -> None:
    assert await door.post(MARKED + PADDING) == 200
    assert door.stored() == 1


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_larger_body_is_refused(
    door: Door, logged: list[MutableMapping[str, Any]], announced: bool
) -> None:
    body = MARKED + PADDING + b" "
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for start in range(0, 2 * len(body), 65536):  # twice the limit, were it read
            read += 1
            yield body[start : start + 65536] or b" " * 65536

    headers = {"x-hub-signature-256": signature(body)}
    if announced:
        headers["content-length"] = str(len(body))
    answer = await door.http.post("/webhook", content=pieces(), headers=headers)
    assert answer.status_code == 413
    assert read <= (0 if announced else MOST_BYTES // 65536 + 2)
    assert [line["reason"] for line in logged] == ["too_large"]
    assert await door.takes_a_good_message()


@pytest.mark.parametrize(
    ("length", "status"),
    [
        pytest.param(b"\xb2", 200, id="no digit to int()"),
        pytest.param(b"-1", 200, id="negative"),
        pytest.param(b"many", 200, id="a word"),
        pytest.param(b"9" * 5000, 413, id="thousands of digits"),
    ],
)
async def test_a_content_length_of_any_kind_breaks_nothing(
    door: Door, length: bytes, status: int
) -> None:
    assert await call(door, [MARKED], headers=[(b"content-length", length)]) == status
    assert await door.takes_a_good_message()


async def test_a_body_that_never_ends_is_given_up(logged: list[MutableMapping[str, Any]]) -> None:
    world = World()
    route = webhook_route(
        world.services, app_secrets=[SECRET], verify_token=WORD, body_seconds=0.05
    )
    given_up = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield MARKED
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    async with client_of(Starlette(routes=[route])) as http:
        slow = Door(http, world, lambda: len(world.store.queue))
        headers = {"x-hub-signature-256": signature(MARKED)}
        async with asyncio.timeout(10):
            answer = await http.post("/webhook", content=body(), headers=headers)
        assert answer.status_code == 408
        assert given_up.is_set()
        assert [line["reason"] for line in logged] == ["too_slow"]
        assert await slow.takes_a_good_message()


async def test_a_body_that_breaks_off_is_not_stored(
    door: Door, logged: list[MutableMapping[str, Any]]
) -> None:
    assert await call(door, [MARKED[:40], None]) == 400
    assert [line["reason"] for line in logged] == ["broken_off"]
    assert await door.takes_a_good_message()


async def call(
    door: Door, parts: Sequence[bytes | None], *, headers: Sequence[tuple[bytes, bytes]] = ()
) -> int:
    """One signed POST as a server would hand it over; ``None``: the client goes away."""
    incoming = iter(parts)

    async def receive() -> dict[str, Any]:
        part = next(incoming, b"")
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": part != b""}

    statuses: list[int] = []

    async def send(event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            statuses.append(event["status"])

    whole = b"".join(part for part in parts if part)
    signed = (b"x-hub-signature-256", signature(whole).encode())
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/webhook",
        "query_string": b"",
        "headers": [signed, *headers],
    }
    transport = door.http._transport
    assert isinstance(transport, httpx2.ASGITransport)
    await transport.app(scope, receive, send)
    (status,) = statuses
    return status


# -- what is no JSON, and what is no webhook -------------------------------------------------------

MARK = MARKED.decode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(MARKED[:-1], id="truncated by one"),
        pytest.param(MARKED[: len(MARKED) // 2], id="cut in half"),
        pytest.param(b"[" * 100_000, id="deeply nested and open"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deeply nested"),
        pytest.param(b'{"a":' * 100_000 + MARKED + b"}" * 100_000, id="deeply nested objects"),
        pytest.param(MARKED + b"}", id="one brace too many"),
        pytest.param(MARKED.replace(TEXT.encode(), b"\xff\xfe"), id="not UTF-8"),
        pytest.param(MARKED.replace(TEXT.encode(), b"a\nb"), id="bare line break in a string"),
        pytest.param(MARKED.replace(b'"timestamp"', b"timestamp"), id="a name without quotes"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(MARK.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x1f\x8b\x08\x00" + MARKED, id="compressed, by its look"),
        pytest.param(b"from=" + PHONE.encode() + b"&text=pineapple", id="a form"),
        pytest.param(b"<html>" + MARKED + b"</html>", id="a page"),
    ],
)
async def test_what_is_not_json_is_refused(
    door: Door, logged: list[MutableMapping[str, Any]], body: bytes
) -> None:
    assert await door.post(body) == 400
    assert [(line["event"], line["reason"]) for line in logged] == [("webhook.refused", "not_json")]
    assert door.stored() == 0
    assert await door.takes_a_good_message()


SHAPES: list[object] = [
    None, True, 0, -1.5e300, "", TEXT, [], {}, [[[]]], [None, 1, PHONE], {"": None},
    {"object": None}, {"object": TEXT}, {"object": [WAMID], "entry": {}},
    {"object": "page", "entry": [{"messaging": [{"sender": {"id": PHONE}}]}]},
    {"object": "whatsapp_business_account"},
    {"object": "whatsapp_business_account", "entry": TEXT},
    {"object": "whatsapp_business_account", "entry": [None, 3, [], {}, PHONE]},
    {"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": [None]}]},
    {"object": "whatsapp_business_account", "entry": [{"changes": {"field": NAME}}]},
    {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": NAME}]}]},
    {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages"}]}]},
]  # fmt: skip


@pytest.mark.parametrize("tree", SHAPES, ids=lambda tree: json.dumps(tree)[:70])
async def test_json_of_any_other_shape_is_taken_and_counted(
    door: Door, logged: list[MutableMapping[str, Any]], tree: object
) -> None:
    assert await door.post(encoded(tree)) == 200
    assert door.stored() == 0
    assert logged
    assert {line["event"] for line in logged} == {"event.ignored"}
    counted = [key for key in door.world.meter.counts if key[0] is metrics.WEBHOOK_EVENTS]
    assert {key[1] for key in counted} == {"ignored"}
    assert await door.takes_a_good_message()


# -- wrong things in the right places --------------------------------------------------------------

Place = tuple[str | int, ...]

WRONG: list[object] = [
    None, True, 0, -1, 10**30, 1e308, "", " ", "\0", "\ud800", "\udfff\ud800", "x" * 20_000,
    [], {}, [[]], [None], {"": {}}, PHONE,
]  # fmt: skip


def places(tree: object, at: Place = ()) -> Iterator[Place]:
    """Every place of a JSON tree, the whole first."""
    yield at
    if isinstance(tree, dict):
        for name, inner in tree.items():
            yield from places(inner, (*at, name))
    elif isinstance(tree, list):
        for number, inner in enumerate(tree):
            yield from places(inner, (*at, number))


def with_value(tree: Any, at: Place, value: object) -> Any:
    """A copy with something else in one place."""
    if not at:
        return value
    copy = deepcopy(tree)
    inner = copy
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return copy


@pytest.mark.parametrize("sample", ["text", "status_failed_131047", "system_number_changed"])
async def test_a_wrong_value_in_any_place_is_taken_by_a_real_store(
    real_door: Door, logged: list[MutableMapping[str, Any]], sample: str
) -> None:
    tree = webhook(message()) if sample == "text" else SAMPLES[sample]
    for at in places(tree):
        for value in WRONG:
            assert await real_door.post(encoded(with_value(tree, at, value))) == 200, (at, value)
        assert await real_door.takes_a_good_message(), at
    assert not [line for line in logged if line["log_level"] in ("error", "critical")]


async def test_nul_and_lone_surrogates_are_stored_as_something_readable(real_door: Door) -> None:
    strange = message("wamid.\0\ud83d", text="Is\0 it \ud83d open?")
    assert await real_door.post(encoded(webhook(strange))) == 200
    assert real_door.stored() == 1
    assert await real_door.post(encoded(webhook(strange))) == 200
    assert real_door.stored() == 1  # the id of a strange one is remembered like any other


async def test_a_thousand_updates_in_one_body_are_all_stored(real_door: Door) -> None:
    people = [message(f"wamid.BATCH{n}", phone=f"1555020{n:04}") for n in range(1000)]
    assert await real_door.post(encoded(webhook(*people))) == 200
    assert real_door.stored() == 1000
    assert await real_door.post(encoded(webhook(*people))) == 200
    assert real_door.stored() == 1000
    assert await real_door.takes_a_good_message()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["\ud800", "\0", "wamid.X", PHONE, "messages", "0"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with some values replaced; then, perhaps, some of its bytes."""
    tree = SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from(list(places(tree))))
        tree = with_value(tree, at, draw(json_values))
    body = bytearray(json.dumps(tree, ensure_ascii=draw(st.booleans())).encode(errors="replace"))
    for _ in range(draw(st.integers(0, 2)) if draw(st.booleans()) else 0):
        start = draw(st.integers(0, max(0, len(body) - 1)))
        body[start : start + draw(st.integers(0, 5))] = draw(st.binary(max_size=5))
    return bytes(body)


def test_whatever_is_signed_is_taken_or_refused_and_the_next_message_is_stored(
    redis_url: str,
) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> Door:
            return open_real_door(redis_url, stack)

        door = runner.run(opened())

        @settings(
            max_examples=250,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(damaged())
        def check(body: bytes) -> None:
            with capture_logs() as lines:
                status = runner.run(door.post(body))
            assert status in (200, 400)
            assert status == 200 or len(lines) == 1
            assert runner.run(door.takes_a_good_message())

        try:
            check()
        finally:
            runner.run(stack.aclose())


# -- when it cannot be stored ----------------------------------------------------------------------


class Away(FakeStore):
    """A store that does not answer while it has ``trouble``."""

    trouble: Exception | None = None

    async def take_in(self, events: Sequence[Event]) -> list[Taken]:
        if self.trouble:
            raise self.trouble
        return await super().take_in(events)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(Unavailable("Redis: TimeoutError", scope="store"), id="store away"),
        pytest.param(RuntimeError(f"a mistake of ours about {TEXT}"), id="anything unforeseen"),
    ],
)
@pytest.mark.parametrize("sample", ["text", "status_sent", "messages_and_statuses_in_one_value"])
async def test_what_is_not_stored_is_for_meta_to_deliver_again(
    logged: list[MutableMapping[str, Any]], trouble: Exception, sample: str
) -> None:
    world = World()
    world.store = store = Away(world.keys)
    door = door_to(world, world.services, lambda: len(store.queue))
    body = MARKED if sample == "text" else encoded(SAMPLES[sample])
    store.trouble = trouble
    async with door.http:
        assert await door.post(body) == 503
        assert len(logged) == 1
        store.trouble = None
        assert await door.post(body) == 200
        assert await door.takes_a_good_message()


# -- what is counted and logged --------------------------------------------------------------------


async def test_each_answer_is_counted_and_timed(door: Door) -> None:
    await door.post(MARKED)
    await door.post(b"no JSON")
    await door.http.post("/webhook", content=MARKED)
    counts = door.world.meter.counts
    assert {key[1]: n for key, n in counts.items() if key[0] == metrics.WEBHOOK_REQUESTS} == {
        "200": 1,
        "400": 1,
        "401": 1,
    }
    assert {key[1]: n for key, n in counts.items() if key[0] == metrics.WEBHOOK_REFUSED} == {
        "not_json": 1,
        "unsigned": 1,
    }
    assert len(door.world.meter.seen[metrics.WEBHOOK_SECONDS]) == 3


async def test_a_message_leaves_one_line_without_a_person_in_it(
    door: Door, logged: list[MutableMapping[str, Any]]
) -> None:
    await door.post(MARKED)
    (line,) = logged
    assert line["event"] == "message.received"
    assert line["message_key"] == door.world.keys.message(WAMID)
    assert line["outcome"] == "queued"
    ((turn_id, conversation),) = door.world.store.queue
    assert (line["conversation_key"], line["turn_id"]) == (conversation, turn_id)


async def test_an_old_message_is_recorded_and_not_queued(door: Door) -> None:
    door.world.clock.time = NOW + timedelta(hours=25)
    assert await door.post(MARKED) == 200
    assert door.stored() == 0


async def test_messages_and_statuses_of_one_body_are_all_taken(door: Door) -> None:
    await door.post(encoded(SAMPLES["messages_and_statuses_in_one_value"]))
    kinds = {key[1] for key in door.world.meter.counts if key[0] == metrics.WEBHOOK_EVENTS}
    assert kinds >= {"message", "status"}


async def test_a_stopped_account_is_told_by_readiness_until_it_is_resumed(real_door: Door) -> None:
    stop = SAMPLES["account_update"]
    resume = deepcopy(stop)
    resume["entry"][0]["time"] += 60
    resume["entry"][0]["changes"][0]["value"] = {"event": "ACCOUNT_RECONNECTED"}
    told = []
    for body in (stop, resume, stop):  # the first one comes again
        assert await real_door.post(encoded(body)) == 200
        answer = (await real_door.http.get("/health/ready")).json()
        told.append(answer.get("reasons", {}).get("account"))
    assert told == ["restricted", None, None]
