"""One pretend Meta: what it knows and how it behaves, for the routes to share."""

import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import NamedTuple

from starlette.requests import Request

from app.simulator.bubbles import Bubbles
from app.simulator.faults import Faults
from app.simulator.knobs import Knobs
from app.simulator.media import Media
from app.simulator.persons import Number, Person, Persons, first_numbers, first_persons
from app.simulator.record import Record
from app.simulator.refusals import Refusal
from app.simulator.webhooks import Courier

KEPT_MESSAGES = 100_000
"""Of what persons wrote, ids that the business may still mark as read."""

LATELY = 200
"""Of what persons wrote, texts by which a stream of the model is known to be theirs."""


@dataclass(frozen=True, slots=True)
class MetaSettings:
    """What does not change while a simulator runs.

    Attributes:
        app_secret: Signs webhooks.
        access_token: The one that the Graph API takes.
        verify_token: Shown in the handshake.
        model_url: The scripted model, to pass faults on to; ``None``: there is none.
        record_size: Events kept.
        seed: Of the dice for delays.
        now: The clock (Unix seconds), so that tests can move it.
    """

    app_secret: str
    access_token: str
    verify_token: str
    knobs: Knobs = field(default_factory=Knobs)
    model_url: str | None = None
    record_size: int = 100_000
    seed: int = 0
    now: Callable[[], float] = time.time


class Said(NamedTuple):
    """Who wrote a message, and to which number."""

    person: Person
    phone_number_id: str


@dataclass(slots=True)
class World:
    """Everything of one running simulator.

    Attributes:
        lately: What persons wrote last, with who it was.
        said: Who wrote which message, by wamid.
    """

    settings: MetaSettings
    knobs: Knobs
    record: Record
    faults: Faults
    persons: Persons
    numbers: dict[str, Number]
    courier: Courier
    bubbles: Bubbles
    dice: random.Random
    media: Media = field(default_factory=Media)
    lately: deque[tuple[str, Said]] = field(default_factory=lambda: deque(maxlen=LATELY))
    said: OrderedDict[str, Said] = field(default_factory=OrderedDict)

    @classmethod
    def new(cls, settings: MetaSettings) -> "World":
        """A fresh one: a few persons, two numbers, nothing said yet."""
        record, faults = Record(settings.record_size, settings.now), Faults()
        numbers, dice = first_numbers(), random.Random(settings.seed)  # noqa: S311 delays, not keys

        def knobs() -> Knobs:
            return world.knobs

        courier = Courier(settings.app_secret, numbers, record, faults, knobs)
        bubbles = Bubbles(record, faults, courier, knobs, settings.now, dice)
        world = cls(
            settings, settings.knobs, record, faults, first_persons(), numbers, courier, bubbles,
            dice,
        )  # fmt: skip
        return world

    def now(self) -> float:
        """Unix seconds."""
        return self.settings.now()

    def remember(self, wamid: str, said: Said) -> None:
        """Keep who wrote a message, for when it is marked as read."""
        self.said[wamid] = said
        if len(self.said) > KEPT_MESSAGES:
            self.said.popitem(last=False)

    def admit(self, request: Request) -> None:
        """Nothing, for a request with the right bearer token.

        Raises:
            Refusal: 190.
        """
        if self.knobs.token_revoked or not _shows(request, self.settings.access_token):
            raise Refusal(190)

    def admit_app(self, request: Request, app_id: str) -> None:
        """Nothing, for a request of the app itself: its id and secret are its token.

        Raises:
            Refusal: 190.
        """
        if not _shows(request, f"{app_id}|{self.settings.app_secret}"):
            raise Refusal(190)


def _shows(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "")
    return compare_digest(given.encode(), f"Bearer {token}".encode())


def world_of(request: Request) -> World:
    """The world that this request is in."""
    world = request.app.state.world
    assert isinstance(world, World)  # noqa: S101 for the types
    return world
