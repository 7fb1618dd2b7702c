"""Control under ``/simulator``: persons and what they do, faults, knobs, and the record."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import httpx2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.simulator.bodies import AsciiJson, body_of
from app.simulator.connections import Connection, connection_of
from app.simulator.persons import Person, check_fields
from app.simulator.record import Event, Record
from app.simulator.speech import move, say
from app.simulator.updates import encoded
from app.simulator.world import World, world_of

BODY_MOST = 3_000_000
PING_SECONDS = 15.0
WAIT_MOST = 60.0
EVENTS_AT_ONCE = 500

Step = Callable[[World, Request, Any], Awaitable[Response]]


class NotThere(LookupError):
    """There is no such person, fault or number."""


def control(step: Step) -> Callable[[Request], Awaitable[Response]]:
    """A route that reads JSON (``{}`` when there is none) and tells what was wrong with it."""

    async def route(request: Request) -> Response:
        try:
            return await step(world_of(request), request, await _json_of(request))
        except NotThere:
            return AsciiJson({"error": "there is none"}, 404)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return AsciiJson({"error": f"no answer: {type(error).__name__}"}, 502)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return AsciiJson({"error": f"{type(error).__name__}: {error}"}, 400)

    return route


async def persons(world: World, request: Request, body: Any) -> Response:
    """All persons, or one or more new ones."""
    if request.method == "GET":
        return AsciiJson([person.as_json() for person in world.persons])
    if isinstance(body, list):
        return AsciiJson([_new_person(world, one).as_json() for one in body], 201)
    return AsciiJson(_new_person(world, body).as_json(), 201)


async def person(world: World, request: Request, body: Any) -> Response:
    """One person; with PATCH another name, phone, user id, or whether the phone is on."""
    one = _person(world, request)
    if request.method == "PATCH":
        check_fields(body)
        phone, user_id = body.get("phone", one.phone), body.get("user_id", one.user_id)
        world.persons.move(one, phone=phone, user_id=user_id)
        for name in {"name", "username", "read_after", "online"} & body.keys():
            setattr(one, name, body[name])
        if one.online:
            world.bubbles.come_online(one)
    return AsciiJson(one.as_json())


async def person_messages(world: World, request: Request, body: Any) -> Response:
    """A person writes to the business; the webhook goes out at once."""
    return AsciiJson({"wamid": say(world, _person(world, request), body)}, 202)


async def person_moves(world: World, request: Request, body: Any) -> Response:
    """A person gets a new phone, and with it a new user id; the business is told."""
    one = _person(world, request)
    move(world, one, body)
    return AsciiJson(one.as_json())


async def person_read(world: World, request: Request, body: Any) -> Response:
    """A person opens their chats: what is on the phone is read."""
    return AsciiJson({"read": world.bubbles.read_by(_person(world, request))})


async def numbers(world: World, request: Request, body: Any) -> Response:
    """The business's numbers."""
    return AsciiJson([number.as_json() for number in world.numbers.values()])


async def number(world: World, request: Request, body: Any) -> Response:
    """One of the business's numbers; with PATCH another status or quality rating."""
    one = world.numbers.get(request.path_params["id"])
    if one is None:
        raise NotThere
    for name in body:
        if name not in ("status", "quality_rating") or not isinstance(body[name], str):
            raise ValueError(f"{name}: not a field of a number, or not a value for it")
    for name, value in body.items():
        setattr(one, name, value)
    return AsciiJson(one.as_json())


async def knobs(world: World, request: Request, body: Any) -> Response:
    """How this Meta behaves; with PATCH, some of it from now on otherwise."""
    if request.method == "PATCH":
        world.knobs = world.knobs.turned(body)
    return AsciiJson(world.knobs.as_json())


async def webhooks(world: World, request: Request, body: Any) -> Response:
    """Any body of ours, signed and sent again until a 200 like Meta's own."""
    world.courier.tell_raw(body["raw"].encode() if "raw" in body else encoded(body["body"]))
    return AsciiJson({}, 202)


async def handshake(world: World, request: Request, body: Any) -> Response:
    """Do what Meta does when the webhook's URL is typed into its dashboard."""
    challenge = "1158201444"
    params = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": body.get("verify_token", world.settings.verify_token),
    }
    answer = await world.courier.get(world.knobs.webhook_url or "", params)
    verified = answer.status_code == 200 and answer.text == challenge
    return AsciiJson({"verified": verified, "status": answer.status_code})


async def record(world: World, request: Request, body: Any) -> Response:
    """What happened after ``after``; waits up to ``wait`` seconds for the first of it."""
    after, wait = (int(request.query_params.get("after", 0)), request.query_params.get("wait"))
    if wait is not None:
        try:
            async with asyncio.timeout(min(float(wait), WAIT_MOST)):
                await world.record.wait(after)
        except TimeoutError:
            pass
    limit = request.query_params.get("limit")
    events = world.record.after(after, int(limit) if limit else None)
    kinds = request.query_params.getlist("kind")
    return AsciiJson([event for event in events if not kinds or event["kind"] in kinds])


async def events(world: World, request: Request, body: Any) -> Response:
    """The same, live, as server-sent events."""
    after = request.headers.get("last-event-id") or request.query_params.get("after", "0")
    stream = as_stream(world.record, int(after), connection_of(request.scope))
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def as_stream(
    record: Record, after: int, connection: Connection | None, quiet_seconds: float = PING_SECONDS
) -> AsyncGenerator[str, None]:
    """Server-sent events from ``after`` on, until the server stops; a comment when it is quiet."""
    ending = connection.ending if connection else asyncio.Event()
    yield ": here\n\n"
    while not ending.is_set():
        some = record.after(after, EVENTS_AT_ONCE)
        for event in some:
            after = event["seq"]
            yield _as_sse(event)
        if some:
            continue
        reasons = {asyncio.ensure_future(record.wait(after)), asyncio.ensure_future(ending.wait())}
        try:
            done, _ = await asyncio.wait(
                reasons, timeout=quiet_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for reason in reasons:
                reason.cancel()
        if not done:
            yield ": quiet\n\n"


def routes() -> list[Route]:
    """All of ``/simulator`` but faults and model events."""
    table: list[tuple[str, Step, list[str]]] = [
        ("/persons", persons, ["GET", "POST"]),
        ("/persons/{id}", person, ["GET", "PATCH"]),
        ("/persons/{id}/messages", person_messages, ["POST"]),
        ("/persons/{id}/moves", person_moves, ["POST"]),
        ("/persons/{id}/read", person_read, ["POST"]),
        ("/numbers", numbers, ["GET"]),
        ("/numbers/{id}", number, ["GET", "PATCH"]),
        ("/knobs", knobs, ["GET", "PATCH"]),
        ("/webhooks", webhooks, ["POST"]),
        ("/handshake", handshake, ["POST"]),
        ("/record", record, ["GET"]),
        ("/events", events, ["GET"]),
    ]
    return [Route(f"/simulator{path}", control(step), methods=m) for path, step, m in table]


def _as_sse(event: Event) -> str:
    return f"id: {event['seq']}\ndata: {json.dumps(event)}\n\n"


def _person(world: World, request: Request) -> Person:
    one = world.persons.get(request.path_params["id"])
    if one is None:
        raise NotThere
    return one


def _new_person(world: World, wish: Mapping[str, Any]) -> Person:
    check_fields(wish)
    person_id = wish.get("id") or world.persons.free_id()
    made: dict[str, Any] = {"name": person_id.replace("-", " ").title(), **wish, "id": person_id}
    if "phone" not in wish:
        made["phone"] = world.persons.free_phone()
    if "user_id" not in wish:
        made["user_id"] = world.persons.free_user_id()
    return world.persons.add(Person(**made))


async def _json_of(request: Request) -> Any:
    raw = await body_of(request, BODY_MOST)
    return json.loads(raw) if raw.strip() else {}
