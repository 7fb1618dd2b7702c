"""A person as an operator names one: by phone number, or by user id."""

import re
from dataclasses import dataclass

MOST_CHARS = 512

_PHONE = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)


class NoPerson(ValueError):
    """This names nobody; the message says what would, and repeats nothing of what was given."""


@dataclass(frozen=True, slots=True)
class Person:
    """One of the two.

    Attributes:
        phone: Digits with the country's code, as Meta writes it.
        user_id: Meta's business-scoped user id.
    """

    phone: str | None = None
    user_id: str | None = None


def person_of(text: str) -> Person:
    """Who is meant: ``+1 (555) 0100`` and ``15550100`` are one number, ``US.1001`` is a user id.

    Raises:
        NoPerson: Empty, too long, or neither.
    """
    given = text.strip()
    if not given or len(given) > MOST_CHARS:
        raise NoPerson("a phone number with its country's code, or a user id, is needed")
    if _PHONE.fullmatch(given):
        digits = re.sub(r"\D", "", given).removeprefix("00")
        if not 5 <= len(digits) <= 20:
            raise NoPerson("a phone number has 5 to 20 digits, with its country's code")
        return Person(phone=digits)
    if not given.isascii() or not given.isprintable() or " " in given:
        raise NoPerson("a user id has letters, digits and dots, and no blanks")
    return Person(user_id=given)
