"""Who writes to whom: persons, the business's numbers, and the chats between them. All made up."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from app.simulator.limits import Bucket
from app.simulator.wamids import new_user_id

if TYPE_CHECKING:
    from app.simulator.bubbles import Bubble

KEPT_BUBBLES = 1000
"""Of one chat, bubbles that wait to be read or for the phone to be on: the oldest leave."""

MAX_PERSONS = 100_000


@dataclass(slots=True)
class Chat:
    """One person with one number of the business.

    Attributes:
        last_message_at: When the person last wrote; opens the 24-hour window.
        typing_since: When a typing indicator was last shown to them.
    """

    phone_number_id: str
    last_message_at: float | None = None
    typing_since: float | None = None
    pair: Bucket = field(default_factory=lambda: Bucket(45, 1 / 6))
    unread: "deque[Bubble]" = field(default_factory=lambda: deque(maxlen=KEPT_BUBBLES))
    waiting: "deque[Bubble]" = field(default_factory=lambda: deque(maxlen=KEPT_BUBBLES))
    late: "deque[Bubble]" = field(default_factory=lambda: deque(maxlen=KEPT_BUBBLES))


@dataclass(slots=True)
class Person:
    """Somebody with WhatsApp.

    Attributes:
        id: Our own name for them in this simulator.
        phone: Digits; ``None``: Meta shows the business no number.
        user_id: Business-scoped; ``None``: as webhooks were before April 2026.
        online: While False, bubbles wait and nothing is delivered.
        read_after: Their own value of the knob of that name.
    """

    id: str
    name: str
    phone: str | None
    user_id: str | None
    username: str | None = None
    online: bool = True
    read_after: float | None = None
    chats: dict[str, Chat] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The phone number if there is one, else the user id."""
        return self.phone or self.user_id or ""

    def chat(self, phone_number_id: str) -> Chat:
        """The chat with one of the business's numbers, new when they have not met."""
        if phone_number_id not in self.chats:
            self.chats[phone_number_id] = Chat(phone_number_id)
        return self.chats[phone_number_id]

    def as_json(self) -> dict[str, object]:
        """What ``GET /simulator/persons`` tells."""
        names = ("id", "name", "phone", "user_id", "username", "online", "read_after")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class Number:
    """One of the business's numbers.

    Attributes:
        status: Meta's word: ``CONNECTED``, ``RESTRICTED``, ``FLAGGED`` …
        quality_rating: Meta's colour.
    """

    phone_number_id: str
    display_phone_number: str
    name: str
    status: str = "CONNECTED"
    quality_rating: str = "GREEN"
    sends: Bucket = field(default_factory=lambda: Bucket(80, 80))

    def as_json(self) -> dict[str, object]:
        """What ``GET /simulator/numbers`` tells."""
        names = ("phone_number_id", "display_phone_number", "name", "status", "quality_rating")
        return {name: getattr(self, name) for name in names}


class Taken(ValueError):
    """Another person has this id, phone or user id already, or there are too many persons."""


TEXTS = {"id", "name", "phone", "user_id", "username"}
MAY_BE_NONE = {"phone", "user_id", "username", "read_after"}


def check_fields(wish: Mapping[str, object]) -> None:
    """Nothing, for what may be written into a person.

    Raises:
        ValueError: An unknown field, or a value that does not fit; the message names it.
    """
    for name, value in wish.items():
        fits = (
            (value is None and name in MAY_BE_NONE)
            or (name in TEXTS and isinstance(value, str) and 0 < len(value) <= 200)
            or (name == "online" and isinstance(value, bool))
            or (name == "read_after" and type(value) in (int, float))
        )
        if not fits or (name == "phone" and isinstance(value, str) and not value.isdecimal()):
            raise ValueError(f"{name}: not a field of a person, or not a value for it")


class Persons:
    """Everybody, found by our id, by phone and by user id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Person] = {}
        self._by_phone: dict[str, Person] = {}
        self._by_user_id: dict[str, Person] = {}
        self._ids = (f"person-{number}" for number in count(1))
        self._phones = (f"1{area}55501{last:02}" for last in range(100) for area in range(201, 990))

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def get(self, person_id: str) -> Person | None:
        """The person of our id."""
        return self._by_id.get(person_id)

    def reached_by(self, *, to: str | None, recipient: str | None) -> Person | None:
        """Whom a send is for: ``to`` wins when both are given, as at Meta."""
        if to:
            return self._by_phone.get("".join(filter(str.isdigit, to)))
        return self._by_user_id.get(recipient or "")

    def add(self, person: Person) -> Person:
        """Let somebody in.

        Raises:
            Taken: One of the ids is another's.
        """
        self._check_free(person.phone, person.user_id, but=None)
        if person.id in self._by_id or len(self._by_id) >= MAX_PERSONS:
            raise Taken("this id is taken, or there are too many persons")
        self._by_id[person.id] = person
        self._index(person)
        return person

    def move(self, person: Person, *, phone: str | None, user_id: str | None) -> None:
        """Give somebody another phone or user id; the old ones are free again.

        Raises:
            Taken: Another person has it.
        """
        self._check_free(phone, user_id, but=person)
        self._by_phone.pop(person.phone or "", None)
        self._by_user_id.pop(person.user_id or "", None)
        person.phone, person.user_id = phone, user_id
        self._index(person)

    def free_id(self) -> str:
        """An id that nobody has."""
        return next(name for name in self._ids if name not in self._by_id)

    def free_phone(self) -> str:
        """A number of the fictional range (555-01xx) that nobody has.

        Raises:
            Taken: All are in use.
        """
        for phone in self._phones:
            if phone not in self._by_phone:
                return phone
        raise Taken("all made-up phones are in use")

    def free_user_id(self) -> str:
        """A user id that nobody has."""
        return new_user_id()

    def _check_free(self, phone: str | None, user_id: str | None, but: Person | None) -> None:
        for table, key in ((self._by_phone, phone), (self._by_user_id, user_id)):
            if key is not None and table.get(key, but) is not but:
                raise Taken("another person has this phone or user id")
        if phone is None and user_id is None:
            raise Taken("a person needs a phone or a user id")

    def _index(self, person: Person) -> None:
        if person.phone is not None:
            self._by_phone[person.phone] = person
        if person.user_id is not None:
            self._by_user_id[person.user_id] = person


def first_persons() -> Persons:
    """Who is there from the start; the same in each run, so that conversations go on."""
    persons = Persons()
    persons.add(Person("amelia", "Amelia Hart", "12125550131", "US.31415926535897932384"))
    persons.add(Person("joao", "João Prado", "13055550172", "US.27182818284590452353"))
    persons.add(Person("mei", "Mei Tanaka", None, "US.16180339887498948482", username="mei.tanaka"))
    return persons


def first_numbers() -> dict[str, Number]:
    """The business's numbers, by Meta's id."""
    numbers = (
        Number("106015550100001", "15555550100", "Saltmarsh Kitchen"),
        Number("106015550100002", "15555550101", "Saltmarsh Workshop"),
    )
    return {number.phone_number_id: number for number in numbers}
