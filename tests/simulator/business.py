"""A business that takes webhooks, and what the simulator's tests do to it and with it."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.simulator.knobs import Knobs
from app.simulator.meta import create_meta
from app.simulator.serve import serving
from app.simulator.world import MetaSettings

SECRET, TOKEN, WORD = "quiet-harbour", "open-sesame", "handshake-word"
NUMBER, OTHER_NUMBER = "106015550100001", "106015550100002"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Saves each client from loading the system's certificates."""

QUICK = Knobs(sent_delay=(0, 0), delivered_delay=(0, 0), redelivery_first=0.01)

Told = dict[str, Any]


@dataclass
class Business:
    """Answers webhooks with ``answers``, then with 200; keeps what it was told."""

    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    signed: list[bool] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/webhook", self.webhook, methods=["POST"]),
                Route("/webhook", self.handshake, methods=["GET"]),
            ]
        )

    async def webhook(self, request: Request) -> Response:
        body = await request.body()
        right = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        async with self.news:
            self.bodies.append(body)
            self.signed.append(request.headers.get("x-hub-signature-256") == right)
            self.news.notify_all()
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    async def handshake(self, request: Request) -> Response:
        if request.query_params["hub.verify_token"] != WORD:
            return Response(status_code=403)
        return Response(request.query_params["hub.challenge"])

    @property
    def values(self) -> list[Told]:
        """Every change's value, in the order of arrival."""
        return [
            change["value"]
            for body in self.bodies
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
        ]

    @property
    def statuses(self) -> list[Told]:
        return [status for value in self.values for status in value.get("statuses", [])]

    @property
    def messages(self) -> list[Told]:
        return [message for value in self.values for message in value.get("messages", [])]

    async def until(self, done: Callable[[], object]) -> None:
        """Wait until what was told makes it true."""
        async with self.news, asyncio.timeout(20):
            await self.news.wait_for(done)


@dataclass
class Meta:
    """A running simulator with a business behind it."""

    http: httpx2.AsyncClient
    business: Business

    async def says(self, person: str, text: str = "Hello", **more: object) -> str:
        """A person writes; the wamid."""
        path = f"/simulator/persons/{person}/messages"
        answer = await self.http.post(path, json={"text": text, **more})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["wamid"])

    async def call(self, body: Told, number: str = NUMBER, token: str = TOKEN) -> httpx2.Response:
        """A call of the business to ``/messages``."""
        headers = {"authorization": f"Bearer {token}"}
        path = f"/v26.0/{number}/messages"
        whole = {"messaging_product": "whatsapp", **body}
        return await self.http.post(path, json=whole, headers=headers)

    async def send(
        self, text: str = "Good day", to: str = "12125550131", **more: object
    ) -> httpx2.Response:
        """The business sends a text."""
        return await self.call({"to": to, "type": "text", "text": {"body": text}, **more})

    async def fault(self, **wish: object) -> str:
        """Ask for a fault; its id."""
        answer = await self.http.post("/simulator/faults", json=wish)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def turn(self, **knobs: object) -> None:
        """Turn some knobs."""
        answer = await self.http.patch("/simulator/knobs", json=knobs)
        assert answer.status_code == 200, answer.text

    async def record(self, *kinds: str, after: int = 0) -> list[Told]:
        """What happened, of these kinds."""
        answer = await self.http.get("/simulator/record", params={"after": after, "kind": kinds})
        events: list[Told] = answer.json()
        return events

    async def recorded(self, kind: str, count: int = 1) -> list[Told]:
        """The events of a kind, as soon as there are so many."""
        async with asyncio.timeout(20):
            while True:
                everything = await self.record()
                found = [event for event in everything if event["kind"] == kind]
                if len(found) >= count:
                    return found
                last = everything[-1]["seq"] if everything else 0
                await self.http.get("/simulator/record", params={"after": last, "wait": 20})


@asynccontextmanager
async def running_meta(
    knobs: Knobs = QUICK, *, business: Business | None = None, **settings: Any
) -> AsyncIterator[Meta]:
    """A simulator and a business, each on a port of its own."""
    told = business or Business()
    world = MetaSettings(SECRET, TOKEN, WORD, knobs, **settings)
    async with serving(told.app()) as ours, serving(create_meta(world)) as theirs:
        async with httpx2.AsyncClient(
            base_url=theirs, trust_env=False, verify=NO_TLS, timeout=30
        ) as http:
            meta = Meta(http, told)
            await meta.turn(webhook_url=f"{ours}/webhook")
            yield meta


def states(statuses: Sequence[Told]) -> list[str]:
    """``sent`` … of each."""
    return [status["status"] for status in statuses]
