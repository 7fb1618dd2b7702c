"""What operators see and do: conversations by their opaque keys, and what is held of one person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from app.core.keys import Keys
from app.core.model import InboundMessage, Utterance
from app.core.persons import Person
from app.core.situation import Situation
from app.core.timeline import timeline
from app.errors import RivuletError
from app.pipeline.ports import TurnRecord

Listed = Literal["waiting", "given_up", "paused", "answered"]
"""``waiting`` has the one that waits longest first, ``answered`` the one answered last."""

Requeued = Literal["queued", "live", "nothing", "paused", "unknown"]

ROUNDS = 5
"""How often what was found may lead to more of the same person."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of a list, and how long all of it is."""

    total: int
    conversations: Sequence[Situation]


@dataclass(frozen=True, slots=True)
class Party:
    """Whose conversation it is, and with which of our numbers.

    Attributes:
        phone_number_id: ``""`` where it is not known any more.
        former: User ids that the person had before.
        merged: Conversations of earlier ids of the same person that have become part of it.
    """

    conversation: str
    phone_number_id: str
    user_id: str | None
    phone: str | None
    name: str | None
    former: Sequence[str] = ()
    merged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What was said in one conversation.

    Attributes:
        waiting: Messages without an answer, the oldest first.
        history: What was said before, the oldest first.
    """

    waiting: Sequence[InboundMessage]
    history: Sequence[Utterance]


@dataclass(frozen=True, slots=True)
class Erased:
    """How much is no more."""

    conversations: int = 0
    waiting: int = 0
    history: int = 0
    turns: int = 0


class Admin(Protocol):
    """The operator's side of the store. Every method raises ``Unavailable`` when Redis is away."""

    async def conversations(self, listed: Listed, *, offset: int, limit: int) -> Listing:
        """A part of one list; those whose time is over may be missing in it."""
        ...

    async def situation(self, conversation: str) -> Situation | None:
        """How it stands; ``None`` when nothing is known of it."""
        ...

    async def turns(self, conversation: str, *, most: int) -> list[TurnRecord]:
        """Its turns' records, the newest first."""
        ...

    async def record(self, turn_id: str) -> TurnRecord | None:
        """One turn's record; ``None`` when there is none."""
        ...

    async def turn_of(self, key: str) -> str | None:
        """The turn that answered the message with this key, or sent the bubble with it."""
        ...

    async def requeue(self, conversation: str) -> Requeued:
        """Queue a turn for what waits, unless somebody will read it anyway (``live``) or the bot is
        silent here (``paused``). The failed turn's own job where there is one.
        """
        ...

    async def numbers(self) -> list[str]:
        """Our numbers that were written to in the last 30 days."""
        ...

    async def known_as(self, keys: Sequence[str]) -> list[str | None]:
        """The conversation of each key of a person's phone number or user id."""
        ...

    async def parties(self, conversations: Sequence[str]) -> list[Party]:
        """Whose they are, in order; without those of which nothing is known."""
        ...

    async def words(self, conversation: str) -> Words:
        """What was said in it, all of it."""
        ...

    async def erase(self, conversations: Mapping[str, Sequence[str]]) -> Erased:
        """Erase them all in one step, each with these keys of its person that lead to it.

        A worker that answers one of them loses its lease: it sends nothing more, and writes nothing
        back. Ids of messages stay remembered (hashed), so that a redelivered one is not answered,
        and so does a STOP. The second time erases nothing.
        """
        ...


class Ambiguous(RivuletError):
    """A phone number that stands beside several user ids: which of these people is meant?

    Attributes:
        user_ids: Theirs. Personal data: for the operator who asked, and never for a log.
    """

    def __init__(self, user_ids: Sequence[str]) -> None:
        super().__init__("several people have had this phone number; ask by user id")
        self.user_ids = user_ids


@dataclass(frozen=True, slots=True)
class Found:
    """A person's conversations over all our numbers.

    Attributes:
        ways: The keys that lead to each of them, as far as the person's ids are known.
        others: User ids that the same phone number stands beside, and that are not taken for this
            person's.
    """

    conversations: Sequence[Party]
    ways: Mapping[str, Sequence[str]]
    others: Sequence[str]


@dataclass(slots=True)
class _Search:
    """What is known of one person while looking for more."""

    user_ids: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    own: dict[str, Party] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def take(self, party: Party) -> None:
        self.own[party.conversation] = party
        self.user_ids |= {one for one in (party.user_id, *party.former) if one}
        self.phones |= {party.phone} if party.phone else set()

    @property
    def size(self) -> tuple[int, int, int]:
        return len(self.own), len(self.user_ids), len(self.phones)


async def find(person: Person, admin: Admin, keys: Keys) -> Found:
    """Everything that belongs to one person, from one of their ids; empty when they are unknown.

    Their other id, where a conversation knows it, leads on to other numbers of ours.

    Raises:
        Ambiguous: By phone alone it cannot be told who is meant.
    """
    numbers = await admin.numbers()
    search = _Search({person.user_id} - {None}, {person.phone} - {None})  # type: ignore[arg-type]
    if person.phone is not None:
        by_phone = await _reached(_phone_keys(search, numbers, keys), admin)
        user_ids = {party.user_id for party in by_phone if party.user_id}
        if len(user_ids) > 1:
            raise Ambiguous(sorted(user_ids))
        search.user_ids |= user_ids
    for _ in range(ROUNDS):
        before = search.size
        for party in await _reached(_user_keys(search, numbers, keys), admin):
            search.take(party)
        for party in await _reached(_phone_keys(search, numbers, keys), admin):
            if party.user_id is None or party.user_id in search.user_ids:
                search.take(party)
            else:
                search.others.add(party.user_id)
        merged = {key for party in search.own.values() for key in party.merged}
        for party in await admin.parties(sorted(merged - search.own.keys())):
            search.take(party)
        if before == search.size:
            break
    keys_of_person = [*_user_keys(search, numbers, keys), *_phone_keys(search, numbers, keys)]
    ways: dict[str, list[str]] = {conversation: [] for conversation in search.own}
    for way, to in zip(keys_of_person, await admin.known_as(keys_of_person), strict=True):
        if to in ways:
            ways[to].append(way)
    return Found(list(search.own.values()), ways, sorted(search.others - search.user_ids))


def _user_keys(search: _Search, numbers: Iterable[str], keys: Keys) -> list[str]:
    return [keys.user(number, one) for number in numbers for one in search.user_ids]


def _phone_keys(search: _Search, numbers: Iterable[str], keys: Keys) -> list[str]:
    return [keys.phone(number, one) for number in numbers for one in search.phones]


async def _reached(ways: Sequence[str], admin: Admin) -> list[Party]:
    return await admin.parties(sorted({one for one in await admin.known_as(ways) if one}))


MOST_TURNS = 200
"""All that a store keeps of one conversation."""


async def export(person: Person, admin: Admin, keys: Keys) -> tuple[dict[str, Any], list[str]]:
    """All that is held about one person, as JSON can say it, and which conversations that were.

    Raises:
        Ambiguous: See ``find``.
    """
    found = await find(person, admin, keys)
    held = []
    for party in found.conversations:
        words = await admin.words(party.conversation)
        turns = await admin.turns(party.conversation, most=MOST_TURNS)
        situation = await admin.situation(party.conversation)
        held.append(
            {
                **asdict(party),
                "paused_for": situation.paused_for if situation else None,
                "paused_until": situation.paused_until if situation else None,
                **words_as_json(words),
                "turns": [asdict(timeline(one.turn_id, one.fields)) for one in turns],
            }
        )
    whole = {"conversations": held, "same_phone_other_user_ids": list(found.others)}
    return whole, [party.conversation for party in found.conversations]


def words_as_json(words: Words) -> dict[str, Any]:
    """What was said, as JSON can say it."""
    waiting = [{**asdict(one), "sent_at": one.sent_at.isoformat()} for one in words.waiting]
    return {"waiting": waiting, "history": [asdict(one) for one in words.history]}


async def erase(person: Person, admin: Admin, keys: Keys) -> tuple[Erased, list[str]]:
    """Erase all that is held about one person; how much that was, and which conversations.

    The second time finds nothing.

    Raises:
        Ambiguous: See ``find``.
    """
    found = await find(person, admin, keys)
    return await admin.erase(found.ways), list(found.ways)
