"""``POST /{version}/{phone_number_id}/messages``: sends, read receipts, typing."""

import asyncio
import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator.bodies import body_of
from app.simulator.bubbles import Bubble
from app.simulator.faults import Fault
from app.simulator.persons import Number, Person
from app.simulator.refusals import Refusal
from app.simulator.spoiling import answer_of, prevents, status_of
from app.simulator.validate import MEDIA_KINDS, check, text_of
from app.simulator.wamids import new_wamid
from app.simulator.world import World, world_of

BODY_MOST = 1_000_000
TYPING_SECONDS = 25.0
"""How long typing shows, and how long it cannot be shown again. Source: cloud-api notes 3.5."""


async def messages(request: Request) -> Response:
    """Take a message for a person, or word that one of theirs was read."""
    world, start = world_of(request), time.monotonic()
    received_at = world.now()
    try:
        body = await _body_of(request)
        world.admit(request)
        number = number_of(world, request.path_params["phone_number_id"])
    except Refusal as refusal:
        note: dict[str, object] = {"status": refusal.status, "error": refusal.code}
        world.record.add("refused", on="messages", person=None, fault=None, **note)
        return JSONResponse(refusal.body, refusal.status)
    call = _Call(world, request, number, body, received_at, start)
    return await (call.read() if "status" in body else call.send())


def number_of(world: World, phone_number_id: str) -> Number:
    """One of the business's numbers.

    Raises:
        Refusal: 803.
    """
    number = world.numbers.get(phone_number_id)
    if number is None:
        raise Refusal(803)
    return number


async def _body_of(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await body_of(request, BODY_MOST))
    except (ValueError, RecursionError):
        raise Refusal(100, "The request is too large, or not JSON.") from None
    if not isinstance(body, dict):
        raise Refusal(100, "The request is not a JSON object.")
    return body


class _Call:
    """One call to ``/messages``."""

    def __init__(
        self,
        world: World,
        request: Request,
        number: Number,
        body: dict[str, Any],
        received_at: float,
        start: float,
    ) -> None:
        self.world, self.request, self.number, self.body = world, request, number, body
        self.received_at, self.start = received_at, start

    async def send(self) -> Response:
        """Take a message for a person, if it may go."""
        world, body = self.world, self.body
        to, recipient = (_text_or_none(body.get(name)) for name in ("to", "recipient"))
        person = world.persons.reached_by(to=to, recipient=recipient)
        fault = world.faults.take("send", person=person.id if person else None, text=_said_in(body))
        bubble: Bubble | None = None
        answer: Response | None = None
        if not prevents(fault):
            try:
                bubble = self._accept(person, by_phone=bool(to))
            except Refusal as refusal:
                answer = JSONResponse(refusal.body, refusal.status)
                self._note(person, None, answer, fault)
                return answer
            world.bubbles.launch(bubble, fault)
            answer = JSONResponse(_taken(bubble, to or recipient or ""))
        if any(world.knobs.answer_delay):
            await asyncio.sleep(world.dice.uniform(*world.knobs.answer_delay))
        if fault is not None:
            answer = await answer_of(fault, answer, self.request)
        assert answer is not None  # noqa: S101 either done, or a fault has answered
        self._note(person, bubble, answer, fault)
        return answer

    async def read(self) -> Response:
        """Mark a person's message as read, and show that we are typing."""
        world, wamid = self.world, str(self.body.get("message_id"))
        said = world.said.get(wamid)
        person = said.person if said else None
        fault = world.faults.take("read", person=person.id if person else None)
        if not prevents(fault):
            if person is None or self.body["status"] != "read":
                refusal = Refusal(131009, "message_id or status is not valid.")
                return self._refuse_read(person, fault, JSONResponse(refusal.body, refusal.status))
            self._show_read(person, wamid)
        answer: Response = JSONResponse({"success": True})
        if fault is not None:
            answer = await answer_of(fault, answer, self.request)
        return self._refuse_read(person, fault, answer) if prevents(fault) else answer

    def _accept(self, person: Person | None, *, by_phone: bool) -> Bubble:
        body, now = self.body, self.world.now()
        check(body)
        if person is None:
            raise Refusal(131026)
        self._check_medium()
        chat, knobs = person.chat(self.number.phone_number_id), self.world.knobs
        kind, window = body.get("type", "text"), knobs.window_seconds
        if window is not None and kind != "template":
            if chat.last_message_at is None or now - chat.last_message_at >= window:
                raise Refusal(131047)
        if knobs.number_rate is not None:
            self.number.sends.size = self.number.sends.rate = knobs.number_rate
            if not self.number.sends.take(now):
                raise Refusal(130429)
        if knobs.pair_limit and not chat.pair.take(now):
            raise Refusal(131056)
        return Bubble(
            wamid=new_wamid(person.address, inbound=False),
            person=person,
            phone_number_id=self.number.phone_number_id,
            kind=kind,
            text=text_of(body),
            content=body[kind],
            callback=body.get("biz_opaque_callback_data"),
            by_phone=by_phone,
        )

    def _check_medium(self) -> None:
        kind = self.body.get("type")
        media_id = self.body[kind].get("id") if kind in MEDIA_KINDS else None
        if media_id and self.world.media.get(str(media_id), now=self.world.now()) is None:
            raise Refusal(131009, f"{kind}.id is not a media id.")

    def _show_read(self, person: Person, wamid: str) -> None:
        world, now = self.world, self.world.now()
        wanted = "typing_indicator" in self.body
        chat = person.chat(self.number.phone_number_id)
        shown = wanted and (chat.typing_since is None or now - chat.typing_since >= TYPING_SECONDS)
        where = {"person": person.id, "phone_number_id": self.number.phone_number_id}
        world.record.add(
            "read",
            **where,
            wamid=wamid,
            typing="shown" if shown else "cooldown" if wanted else None,
            received_at=self.received_at,
        )
        if shown:
            chat.typing_since = now
            world.record.add("typing", **where, wamid=wamid, until=now + TYPING_SECONDS)

    def _refuse_read(
        self, person: Person | None, fault: Fault | None, answer: Response
    ) -> Response:
        self.world.record.add(
            "refused",
            on="read",
            person=person.id if person else None,
            fault=fault.id if fault else None,
            status=status_of(answer),
            error=_code_in(answer),
        )
        return answer

    def _note(
        self, person: Person | None, bubble: Bubble | None, answer: Response, fault: Fault | None
    ) -> None:
        self.world.record.add(
            "send",
            person=person.id if person else None,
            phone_number_id=self.number.phone_number_id,
            wamid=bubble and bubble.wamid,
            type=self.body.get("type", "text"),
            text=bubble.text if bubble else _said_in(self.body),
            callback=self.body.get("biz_opaque_callback_data"),
            via="to" if self.body.get("to") else "recipient",
            status=status_of(answer),
            error=_code_in(answer),
            fault=fault.id if fault else None,
            received_at=self.received_at,
            seconds=time.monotonic() - self.start,
        )


def _taken(bubble: Bubble, given: str) -> dict[str, object]:
    person = bubble.person
    contact = {"input": given}
    if bubble.by_phone:
        contact["wa_id"] = person.phone or ""
    if person.user_id is not None:
        contact["user_id"] = person.user_id
    message = {"id": bubble.wamid}
    if bubble.kind == "template":
        message["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}


def _said_in(body: dict[str, Any]) -> str:
    content = body.get("text")
    return str(content.get("body", "")) if isinstance(content, dict) else ""


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _code_in(answer: Response) -> int | None:
    if answer.status_code < 400 or answer.media_type != "application/json":
        return None
    try:
        code = json.loads(bytes(answer.body))["error"]["code"]
    except (ValueError, TypeError, KeyError):
        return None
    return code if isinstance(code, int) else None
