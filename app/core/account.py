"""What Meta says of the business (token, accounts, webhooks, numbers), and what is wrong with it.

``rivulet check`` and the watch judge by the same functions. What is wrong has a fixed word each,
safe as a metric's label.
Source: Meta, "Debug token", "App subscriptions", "WhatsApp Business Account: phone numbers",
"Messaging health status".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.errors import RivuletError

MANAGEMENT = "whatsapp_business_management"
MESSAGING = "whatsapp_business_messaging"

ENDS_SOON = timedelta(days=7)
"""A token that ends in less is a trouble: somebody must have the time to make another."""

NEEDED_FIELD = "messages"
WANTED_FIELDS: Mapping[str, str] = {
    "user_id_update": "who changes the phone would be a stranger",
    "account_update": "a restriction would show at the first send only",
}
OPTIONAL_FIELDS: Mapping[str, str] = {
    "smb_message_echoes": "needed where colleagues answer in the WhatsApp Business app",
}

CANNOT_SEND = {
    "BANNED": "banned",
    "DELETED": "deleted",
    "DISCONNECTED": "disconnected",
    "FLAGGED": "flagged",
    "MIGRATED": "migrated",
    "PENDING": "not_registered",
    "RATE_LIMITED": "rate_limited",
    "RESTRICTED": "restricted",
    "UNVERIFIED": "not_registered",
}
"""A number's ``status`` that keeps us from answering, or soon may."""

WARNINGS = {"ends_soon", "low_quality"}
"""What works still; anything else that is wrong counts more."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What Meta says of the access token.

    Attributes:
        expires_at: ``None``: never.
        accounts: Ids of the WhatsApp Business Accounts that it was given.
    """

    is_valid: bool
    app_id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    accounts: Sequence[str]


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What Meta says of one of our numbers; ``""`` where it says nothing.

    Attributes:
        status: ``CONNECTED``, ``RESTRICTED`` …
        quality: ``GREEN``, ``YELLOW``, ``RED``, ``UNKNOWN`` …
        throughput: ``STANDARD`` (80 sends a second), ``HIGH`` (1,000) …
        can_send: ``AVAILABLE``, ``LIMITED`` or ``BLOCKED``.
    """

    phone_number_id: str
    status: str = ""
    quality: str = ""
    throughput: str = ""
    can_send: str = ""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What Meta says of one WhatsApp Business Account; an error where it did not say.

    Attributes:
        apps: The apps that get its webhooks, by id; and where, if not where the app says.
    """

    account_id: str
    apps: Mapping[str, str] | RivuletError
    numbers: Sequence[NumberFacts] | RivuletError


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an app has subscribed to, for all its accounts.

    Attributes:
        callback_url: Where its webhooks go; ``""``: it has none.
    """

    callback_url: str
    fields: frozenset[str]
    is_active: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """All that one access token can find out; an error where Meta did not say.

    Attributes:
        subscription: ``None``: not asked, for want of a valid token or of an app secret.
        ahead: How far our clock is ahead of Meta's; ``None``: Meta did not tell its time.
    """

    token: TokenFacts | RivuletError
    accounts: Sequence[AccountFacts] = ()
    subscription: Subscription | RivuletError | None = None
    ahead: timedelta | None = None


def token_trouble(token: TokenFacts, now: datetime) -> str:
    """What is wrong with a token, in one word; ``""`` for nothing."""
    if not token.is_valid or (token.expires_at and token.expires_at <= now):
        return "invalid"
    if not {MANAGEMENT, MESSAGING} <= token.scopes:
        return "lacks_permission"
    if token.expires_at and token.expires_at - now < ENDS_SOON:
        return "ends_soon"
    return ""


def number_trouble(number: NumberFacts) -> str:
    """What is wrong with a number, in one word; ``""`` for nothing."""
    if number.status in CANNOT_SEND:
        return CANNOT_SEND[number.status]
    if number.can_send == "BLOCKED":
        return "blocked"
    return "low_quality" if number.quality == "RED" else ""


def webhook_trouble(survey: Survey) -> str:
    """What keeps webhooks from coming, in one word; ``""`` for nothing that is known."""
    token, subscription = survey.token, survey.subscription
    if not isinstance(token, TokenFacts):
        return ""
    known = [one.apps for one in survey.accounts if not isinstance(one.apps, RivuletError)]
    if not all(token.app_id in apps for apps in known):
        return "unsubscribed"
    if isinstance(subscription, Subscription):
        if not subscription.callback_url and not all(apps[token.app_id] for apps in known):
            return "no_callback"
        if not subscription.is_active:
            return "inactive"
        if NEEDED_FIELD not in subscription.fields:
            return "no_messages"
    return ""


def unanswered(survey: Survey) -> Iterator[RivuletError]:
    """What Meta did not say, but for the app's subscription: not every secret may ask for it."""
    if isinstance(survey.token, RivuletError):
        yield survey.token
    for account in survey.accounts:
        for told in (account.apps, account.numbers):
            if isinstance(told, RivuletError):
                yield told


def troubles_in(survey: Survey, now: datetime) -> Mapping[str, str]:
    """What is wrong, by its scope; empty when all is well."""
    found: dict[str, str] = {}
    token = survey.token
    refusals = [error for error in unanswered(survey) if error.scope == "token"]
    if refusals:
        found["token"] = str(refusals[0].code)
    elif isinstance(token, TokenFacts) and (word := token_trouble(token, now)):
        found["token"] = word
    if word := webhook_trouble(survey):
        found["webhook"] = word
    words: list[str] = []
    for account in survey.accounts:
        numbers = () if isinstance(account.numbers, RivuletError) else account.numbers
        words += filter(None, map(number_trouble, numbers))
    if words:
        found["number"] = min(words, key=WARNINGS.__contains__)
    return found
