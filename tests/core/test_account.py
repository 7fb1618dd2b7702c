"""What is wrong with a token, a number, a webhook: one fixed word each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.account import (
    CANNOT_SEND,
    AccountFacts,
    NumberFacts,
    Subscription,
    Survey,
    TokenFacts,
    number_trouble,
    token_trouble,
    troubles_in,
    webhook_trouble,
)
from app.errors import Refused, RivuletError, Unavailable

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TOKEN = TokenFacts(
    is_valid=True,
    app_id="7",
    scopes=frozenset({"whatsapp_business_management", "whatsapp_business_messaging"}),
    expires_at=None,
    accounts=["11"],
)
WELL = NumberFacts("21", "CONNECTED", "GREEN", "STANDARD", "AVAILABLE")
WEBHOOK = Subscription("https://bot.example/webhook", frozenset({"messages"}), is_active=True)
ACCOUNT = AccountFacts("11", {"7": ""}, [WELL])
SURVEY = Survey(TOKEN, [ACCOUNT], WEBHOOK, timedelta())


def test_when_all_is_well_nothing_is_told() -> None:
    assert troubles_in(SURVEY, NOW) == {}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"is_valid": False}, "invalid"),
        ({"expires_at": NOW}, "invalid"),
        ({"expires_at": NOW + timedelta(days=6)}, "ends_soon"),
        ({"expires_at": NOW + timedelta(days=8)}, ""),
        ({"scopes": frozenset({"whatsapp_business_messaging"})}, "lacks_permission"),
    ],
    ids=str,
)
def test_a_tokens_trouble(changes: dict[str, object], word: str) -> None:
    assert token_trouble(replace(TOKEN, **changes), NOW) == word  # type: ignore[arg-type] # a table


@pytest.mark.parametrize(
    ("number", "word"),
    [
        *((NumberFacts("21", status), word) for status, word in CANNOT_SEND.items()),
        (NumberFacts("21", "CONNECTED", can_send="BLOCKED"), "blocked"),
        (NumberFacts("21", "CONNECTED", can_send="LIMITED"), ""),
        (NumberFacts("21", "CONNECTED", "RED"), "low_quality"),
        (NumberFacts("21", "CONNECTED", "YELLOW"), ""),
        (NumberFacts("21", "SOMETHING_NEW"), ""),
        (NumberFacts("21"), ""),
    ],
    ids=str,
)
def test_a_numbers_trouble(number: NumberFacts, word: str) -> None:
    assert number_trouble(number) == word


@pytest.mark.parametrize(
    ("apps", "subscription", "word"),
    [
        ({"8": ""}, WEBHOOK, "unsubscribed"),
        ({}, None, "unsubscribed"),
        ({"7": ""}, replace(WEBHOOK, callback_url=""), "no_callback"),
        ({"7": "https://other.example"}, replace(WEBHOOK, callback_url=""), "no_messages"),
        ({"7": ""}, replace(WEBHOOK, is_active=False), "inactive"),
        ({"7": ""}, replace(WEBHOOK, fields=frozenset({"calls"})), "no_messages"),
        ({"7": ""}, Refused("no", code=803), ""),
        (Unavailable("away"), WEBHOOK, ""),
    ],
    ids=str,
)
def test_a_webhooks_trouble(
    apps: dict[str, str] | RivuletError, subscription: Subscription | RivuletError, word: str
) -> None:
    if word == "no_messages" and isinstance(subscription, Subscription):
        subscription = replace(subscription, fields=frozenset({"calls"}))
    survey = replace(SURVEY, accounts=[replace(ACCOUNT, apps=apps)], subscription=subscription)
    assert webhook_trouble(survey) == word


def test_a_refusal_for_the_tokens_sake_is_the_tokens_trouble() -> None:
    revoked = Unavailable("no", code=190, scope="token")
    assert troubles_in(Survey(revoked), NOW) == {"token": "190"}
    lacking = replace(ACCOUNT, numbers=Unavailable("no", code=200, scope="token"))
    assert troubles_in(replace(SURVEY, accounts=[lacking]), NOW) == {"token": "200"}


def test_each_scope_is_told_with_the_worst_thing_that_is_wrong() -> None:
    poor = NumberFacts("20", "CONNECTED", "RED")
    numbers = [WELL, poor, NumberFacts("22", "RESTRICTED"), NumberFacts("23", "BANNED")]
    account = replace(ACCOUNT, apps={}, numbers=numbers)
    token = replace(TOKEN, expires_at=NOW + timedelta(days=1))
    assert troubles_in(replace(SURVEY, token=token, accounts=[account]), NOW) == {
        "token": "ends_soon",
        "webhook": "unsubscribed",
        "number": "restricted",
    }
