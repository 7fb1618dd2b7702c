"""``/admin``: what operators see and do, as JSON behind a bearer token, and a page that shows it.

The page and its files hold nobody's data and come without the token; it asks for the token and
sends it with each call. Nothing personal is ever part of a URL, so no proxy's log has it.
"""

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, cast, get_args

import orjson
import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from app.core.model import Pause
from app.core.persons import NoPerson, Person, person_of
from app.core.situation import Situation
from app.core.timeline import Timeline, timeline
from app.errors import Unavailable
from app.pipeline.admin import (
    Admin,
    Ambiguous,
    Listed,
    Listing,
    erase,
    export,
    find,
    words_as_json,
)
from app.pipeline.ports import Services

log = structlog.get_logger()

MOST_BYTES = 4096
BODY_SECONDS = 10.0
MOST_LISTED = 100
MOST_OFFSET = 100_000
FIRST_LISTED = 25
TURNS_LISTED = 20
MOST_PAUSE = timedelta(days=365)

KEY = re.compile(r"[0-9a-f]{32}")
LISTS = get_args(Listed)

STATIC = files("app.web") / "static"
MEDIA_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Refusal(Exception):
    """What is wrong with a request, for whoever sent it.

    Attributes:
        code: A fixed word.
    """

    def __init__(self, status: int, code: str, message: str, **more: object) -> None:
        super().__init__(code)
        self.status, self.code = status, code
        self.body = {"error": code, "message": message, **more}


def admin_routes(
    services: Services, admin: Admin, *, token: str, show_texts: bool = False
) -> list[Route]:
    """``/admin`` and everything under it; nothing where there is no token.

    Args:
        show_texts: Whether what people say may be seen outside of an export.
    """
    if not token:
        return []
    gate = Gate(Desk(services, admin, show_texts).app(), token)
    # As an ASGI app for every method: what a path takes is nobody's business without the token.
    return [Route("/admin", gate), Route("/admin/{path:path}", gate)]


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in who has the token; everybody gets the page, which holds nothing."""

    app: Starlette
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        headers = Headers(scope=scope)
        answer = self.page(scope, headers) or self.refusal(headers) or self.app
        await answer(scope, receive, send_with_headers)

    def page(self, scope: Scope, headers: Headers) -> Response | None:
        """The page or one of its files, where that is asked for."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        path = str(scope["path"]).removeprefix("/admin").removeprefix("/")
        if path.startswith("static/"):
            return _file(path.removeprefix("static/"))
        wants_page = "text/html" in headers.get("accept", "") and "authorization" not in headers
        return _file("admin.html") if path == "" and wants_page else None

    def refusal(self, headers: Headers) -> Response | None:
        """401, unless the token is right."""
        given = headers.get("authorization", "").encode()
        if hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            return None
        log.warning("admin.refused")
        answer = _json({"error": "unauthorized", "message": "The bearer token is needed."}, 401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def _file(name: str) -> Response:
    """One of the page's files; the names are looked up in a list, so no path leads out of it."""
    known = {one.name: one for one in STATIC.iterdir() if one.is_file()}
    if name not in known:
        return _json({"error": "not_found", "message": "There is no such file."}, 404)
    media_type = MEDIA_TYPES.get(name.rpartition(".")[2], "text/html")
    return Response(known[name].read_bytes(), media_type=media_type)


def _json(document: object, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")


Answer = Mapping[str, object]


def _answering(endpoint: Callable[[Request], Awaitable[Answer]]) -> Any:
    async def answer(request: Request) -> Response:
        try:
            return _json(await endpoint(request))
        except Refusal as exc:
            return _json(exc.body, exc.status)
        except NoPerson as exc:
            return _json({"error": "no_person", "message": f"{exc}."}, 400)
        except Ambiguous as exc:
            return _json(
                {"error": "ambiguous", "message": f"{exc}.", "user_ids": list(exc.user_ids)}, 409
            )
        except Unavailable as exc:
            log.warning("admin.unavailable", error=str(exc))
            return _json({"error": "unavailable", "message": "Redis does not answer."}, 503)
        except Exception:  # the door: whatever it is, the operator reads JSON and the log the place
            log.exception("admin.broken")
            return _json({"error": "broken", "message": "This failed; the log says where."}, 500)

    return answer


@dataclass(frozen=True, slots=True)
class Desk:
    """What an operator asks and does, one method for each route."""

    services: Services
    admin: Admin
    show_texts: bool

    def app(self) -> Starlette:
        """All routes, behind whatever checks the token."""

        def route(
            method: str, path: str, endpoint: Callable[[Request], Awaitable[Answer]]
        ) -> Route:
            return Route(f"/admin{path}", _answering(endpoint), methods=[method])

        async def not_found(_: Request, exc: Exception) -> Response:
            status = getattr(exc, "status_code", 404)
            code = "not_allowed" if status == 405 else "not_found"
            return _json({"error": code, "message": "There is nothing here."}, status)

        return Starlette(
            routes=[
                route("GET", "", self.overview),
                route("GET", "/conversations", self.conversations),
                route("GET", "/conversations/{key}", self.conversation),
                route("POST", "/conversations/{key}/pause", self.pause),
                route("POST", "/conversations/{key}/resume", self.resume),
                route("POST", "/conversations/{key}/requeue", self.requeue),
                route("GET", "/turns/{key}", self.turn),
                route("POST", "/turns/{key}/requeue", self.requeue_turn),
                route("GET", "/keys/{key}", self.look_up),
                route("GET", "/numbers", self.numbers),
                route("POST", "/numbers/{number}/pause", self.pause_number),
                route("POST", "/numbers/{number}/resume", self.resume_number),
                route("POST", "/persons/find", self.find),
                route("POST", "/persons/export", self.export),
                route("POST", "/persons/erase", self.erase),
            ],
            exception_handlers={404: not_found, 405: not_found},
        )

    # -- see -----------------------------------------------------------------------------------

    async def overview(self, _: Request) -> Answer:
        """How it goes, and the beginning of each list."""
        lists = {
            one: _listed(await self.admin.conversations(one, offset=0, limit=FIRST_LISTED))
            for one in LISTS
        }
        gauges = await self.services.store.gauges()
        return {
            "now": self._now(),
            "gauges": {one.name: value for one, value in gauges.items()},
            "troubles": dict(await self.services.store.troubles()),
            "numbers": await self._numbers(),
            "lists": lists,
            "shows_texts": self.show_texts,
        }

    async def conversations(self, request: Request) -> Answer:
        """One list, or the next part of it."""
        query = request.query_params
        listed = query.get("list", "waiting")
        if listed not in LISTS:
            raise Refusal(400, "bad_list", f"list is one of {', '.join(LISTS)}.")
        offset = _count(query.get("offset", "0"), "offset", 0, MOST_OFFSET)
        limit = _count(query.get("limit", str(FIRST_LISTED)), "limit", 1, MOST_LISTED)
        listing = await self.admin.conversations(cast(Listed, listed), offset=offset, limit=limit)
        return {"now": self._now(), "list": listed, "offset": offset, **_listed(listing)}

    async def conversation(self, request: Request) -> Answer:
        """How one stands, and its newest turns."""
        key = _key(request)
        situation = await self._situation(key)
        turns = await self.admin.turns(key, most=TURNS_LISTED)
        answer: dict[str, object] = {
            "now": self._now(),
            **_situation_as_json(situation),
            "turns": [self._timeline(timeline(one.turn_id, one.fields)) for one in turns],
        }
        if self.show_texts:
            answer["texts"] = words_as_json(await self.admin.words(key))
        return answer

    async def turn(self, request: Request) -> Answer:
        """One turn's times."""
        record = await self.admin.record(_key(request))
        if record is None:
            raise Refusal(404, "no_such_turn", "No turn is known by this id.")
        return {"now": self._now(), **self._timeline(timeline(record.turn_id, record.fields))}

    async def look_up(self, request: Request) -> Answer:
        """What a key from a log line stands for: a conversation, a turn, a message or a bubble."""
        key = _key(request)
        if await self.admin.situation(key) is not None:
            return {"kind": "conversation", "conversation": key, "turn": None}
        turn_id, kind = key, "turn"
        record = await self.admin.record(key)
        if record is None and (found := await self.admin.turn_of(key)) is not None:
            turn_id, kind = found, "message"
            record = await self.admin.record(found)
        if record is None:
            raise Refusal(404, "unknown_key", "Nothing is known by this key (any more).")
        conversation = record.fields.get("conversation")
        return {"kind": kind, "conversation": conversation, "turn": turn_id}

    async def numbers(self, _: Request) -> Answer:
        """Our numbers, and which of them are silent."""
        return {"now": self._now(), "numbers": await self._numbers()}

    # -- do ------------------------------------------------------------------------------------

    async def pause(self, request: Request) -> Answer:
        """Silence the bot in a conversation."""
        key = _key(request)
        until = await self._until(request)
        await self._situation(key)
        new = await self.services.store.pause(key, reason="operator", until=until)
        log.info("admin.paused", conversation_key=key, until=until and until.isoformat())
        return {
            "now": self._now(),
            "changed": new,
            **_situation_as_json(await self._situation(key)),
        }

    async def resume(self, request: Request) -> Answer:
        """End that."""
        key = _key(request)
        await self._situation(key)
        ended = await self.services.store.resume(key)
        log.info("admin.resumed", conversation_key=key)
        return {
            "now": self._now(),
            "changed": ended,
            **_situation_as_json(await self._situation(key)),
        }

    async def requeue(self, request: Request) -> Answer:
        """Have what waits in a conversation answered."""
        return await self._requeue(_key(request))

    async def requeue_turn(self, request: Request) -> Answer:
        """Take up a turn again that was given up."""
        record = await self.admin.record(_key(request))
        if record is None or "conversation" not in record.fields:
            raise Refusal(404, "no_such_turn", "No turn is known by this id.")
        if "ending" in record.fields:
            raise Refusal(409, "has_ended", "This turn has ended; nothing of it waits.")
        return await self._requeue(record.fields["conversation"])

    async def _requeue(self, conversation: str) -> Answer:
        outcome = await self.admin.requeue(conversation)
        match outcome:
            case "unknown":
                raise Refusal(404, "no_such_conversation", "No conversation is known by this key.")
            case "nothing":
                raise Refusal(409, "nothing_waits", "No message waits here.")
            case "live":
                raise Refusal(409, "already_queued", "A worker or a job will answer it anyway.")
            case "paused":
                raise Refusal(409, "paused", "The bot is silent here; resume it instead.")
        log.info("admin.requeued", conversation_key=conversation)
        situation = await self._situation(conversation)
        return {"now": self._now(), "changed": True, **_situation_as_json(situation)}

    async def pause_number(self, request: Request) -> Answer:
        """Silence the bot on one of our numbers."""
        until = await self._until(request)
        number = await self._number(request)
        new = await self.services.store.pause_number(number, until=until)
        log.info("admin.number_paused", until=until and until.isoformat())
        return {"now": self._now(), "changed": new, "numbers": await self._numbers()}

    async def resume_number(self, request: Request) -> Answer:
        """End that."""
        number = await self._number(request)
        ended = await self.services.store.resume_number(number)
        log.info("admin.number_resumed")
        return {"now": self._now(), "changed": ended, "numbers": await self._numbers()}

    # -- one person ----------------------------------------------------------------------------

    async def find(self, request: Request) -> Answer:
        """A person's conversations over all our numbers, by a number or user id in the body."""
        found = await find(await self._person(request), self.admin, self.services.keys)
        log.info("admin.person_looked_for", conversations=len(found.conversations))
        situations = [await self.admin.situation(one.conversation) for one in found.conversations]
        return {
            "now": self._now(),
            "conversations": [_situation_as_json(one) for one in situations if one is not None],
            "others": list(found.others),
        }

    async def export(self, request: Request) -> Answer:
        """All that is held about a person, texts included."""
        person = await self._person(request)
        whole, conversations = await export(person, self.admin, self.services.keys)
        log.info("admin.person_exported", conversation_keys=conversations)
        return whole

    async def erase(self, request: Request) -> Answer:
        """Erase all that is held about a person."""
        person = await self._person(request)
        erased, conversations = await erase(person, self.admin, self.services.keys)
        log.info("admin.person_erased", conversation_keys=conversations)
        return {"erased": asdict(erased)}

    # -- what they share -----------------------------------------------------------------------

    def _now(self) -> float:
        return self.services.clock.now().timestamp()

    def _timeline(self, way: Timeline) -> dict[str, object]:
        shown = asdict(way)
        if not self.show_texts:
            for bubble in shown["bubbles"]:
                del bubble["text"]
        return shown

    async def _situation(self, key: str) -> Situation:
        situation = await self.admin.situation(key)
        if situation is None:
            raise Refusal(404, "no_such_conversation", "No conversation is known by this key.")
        return situation

    async def _numbers(self) -> list[dict[str, object]]:
        store = self.services.store
        return [
            {"phone_number_id": one, "pause": _pause_as_json(await store.pause_of_number(one))}
            for one in await self._known_numbers()
        ]

    async def _known_numbers(self) -> list[str]:
        """Those that have settings of their own, and those that were written to."""
        return sorted({*self.services.numbers, *await self.admin.numbers()})

    async def _number(self, request: Request) -> str:
        number = str(request.path_params["number"])
        if number not in await self._known_numbers():
            raise Refusal(404, "no_such_number", "No number of ours is known by this id.")
        return number

    async def _until(self, request: Request) -> datetime | None:
        """When a pause is to end: ``{"hours": 12}``, or ``{}`` for until somebody ends it."""
        hours = (await _body(request)).get("hours")
        if hours is None:
            return None
        most = MOST_PAUSE.total_seconds() / 3600
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= most:
            raise Refusal(400, "bad_hours", f"hours is a number up to {most:.0f}, or left out.")
        return self.services.clock.now() + timedelta(hours=hours)

    async def _person(self, request: Request) -> Person:
        given = (await _body(request)).get("person")
        if not isinstance(given, str):
            raise Refusal(400, "bad_person", 'The body is {"person": "a number or user id"}.')
        return person_of(given)


def _listed(listing: Listing) -> dict[str, object]:
    shown = [_situation_as_json(one) for one in listing.conversations]
    return {"total": listing.total, "conversations": shown}


def _situation_as_json(situation: Situation) -> dict[str, object]:
    return {"state": situation.state, **asdict(situation)}


def _pause_as_json(pause: Pause | None) -> dict[str, object] | None:
    if pause is None:
        return None
    until = pause.until.timestamp() if pause.until else None
    return {"reason": pause.reason, "since": pause.since.timestamp(), "until": until}


def _key(request: Request) -> str:
    key = str(request.path_params["key"])
    if not KEY.fullmatch(key):
        raise Refusal(400, "bad_key", "A key is 32 hexadecimal digits.")
    return key


def _count(text: str, name: str, least: int, most: int) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 10 and least <= int(text) <= most):
        raise Refusal(400, f"bad_{name}", f"{name} is a number from {least} to {most}.")
    return int(text)


async def _body(request: Request) -> dict[str, Any]:
    """The body's JSON object; ``{}`` of an empty one."""
    raw = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                raw += part
                if len(raw) > MOST_BYTES:
                    raise Refusal(413, "too_large", f"A body has at most {MOST_BYTES} bytes.")
    except TimeoutError:
        raise Refusal(408, "too_slow", "The body did not come in time.") from None
    except ClientDisconnect:
        raise Refusal(400, "broken_off", "The body broke off.") from None
    try:
        document = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        raise Refusal(400, "not_json", "The body is not JSON.") from None
    if not isinstance(document, dict):
        raise Refusal(400, "not_json", "The body is no JSON object.")
    return document
