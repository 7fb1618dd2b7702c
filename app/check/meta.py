"""Does Meta take our token, bring webhooks, and let our numbers send?"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from app.adapters.graph_account import handshake
from app.bootstrap import open_accounts, open_services
from app.check.line import Line
from app.check.redis import agreeing
from app.core.account import (
    MANAGEMENT,
    MESSAGING,
    NEEDED_FIELD,
    OPTIONAL_FIELDS,
    WANTED_FIELDS,
    AccountFacts,
    NumberFacts,
    Subscription,
    Survey,
    TokenFacts,
    number_trouble,
    token_trouble,
)
from app.errors import Refused, RivuletError
from app.settings import Installation

GRAPH_TIMEOUT = timedelta(seconds=10)
"""For one call; a survey makes at most three one after the other."""

NEW_TOKEN = (
    "make a token of a system user (Business settings, System users) with"
    f" {MESSAGING} and {MANAGEMENT}, and set WHATSAPP_ACCESS_TOKEN (for single numbers: what their"
    " access_token_env names)."
)
IN_DASHBOARD = "in the Meta app's dashboard: WhatsApp, Configuration, Webhook."
NUMBER_FIXES = {
    "low_quality": "people block or report this number: WhatsApp Manager, Insights.",
    "not_registered": "register the number: WhatsApp Manager, Phone numbers.",
    "rate_limited": "wait, and lower NUMBER_RATE.",
}
MANAGER = "WhatsApp Manager, Account overview, says why and how to appeal."


async def meta_lines(settings: Installation) -> list[Line]:
    """All tokens are asked at the same time."""
    async with AsyncExitStack() as stack:
        accounts = open_accounts(settings, stack, timeout=GRAPH_TIMEOUT)
        known = await _known(settings, stack)
        surveys = await asyncio.gather(*(account.survey(known) for account in accounts.values()))
        word = settings.whatsapp_verify_token.get_secret_value()
        lines: list[Line] = []
        for token, survey in zip(accounts, surveys, strict=True):
            lines += [*_survey(survey, _whose(token, settings)), *await _answers(survey, word)]
    ahead = [survey.ahead for survey in surveys if survey.ahead is not None]
    return [
        *lines,
        *_strangers(settings.numbers, surveys),
        *(agreeing(one, "Meta's") for one in ahead[:1]),
    ]


async def _known(settings: Installation, stack: AsyncExitStack) -> Mapping[str, str]:
    """Which accounts have written to us; nothing where Redis does not say."""
    services, _ = open_services(settings, stack)
    try:
        return await services.store.accounts()
    except RivuletError:
        return {}


def _whose(token: SecretStr, settings: Installation) -> str:
    """The token as the lines call it: one of several is known by its numbers."""
    if token == settings.whatsapp_access_token:
        return "Meta's access token"
    numbers = [n for n, own in settings.numbers.items() if own.whatsapp_access_token == token]
    return f"Meta's access token for {', '.join(numbers)}"


def _survey(survey: Survey, whose: str) -> list[Line]:
    token = survey.token
    if isinstance(token, RivuletError):
        return [_unknown(token, whose), *_not_asked("the token is not known to be valid")]
    word = token_trouble(token, datetime.now(UTC))
    if word == "invalid":
        return [Line(False, f"{whose} is not valid.", NEW_TOKEN), *_not_asked("")]
    if not survey.accounts:
        why = "the token names no WhatsApp Business Account, and nobody has written yet"
        return [_may(token, word, whose), *_not_asked(why)]
    return [
        _may(token, word, whose),
        *(_webhooks(account, token.app_id) for account in survey.accounts),
        *_fields(survey.subscription, survey.accounts, token.app_id),
        *(line for account in survey.accounts for line in _numbers(account)),
    ]


def _unknown(exc: RivuletError, whose: str) -> Line:
    if exc.scope == "token":
        return Line(False, f"{whose} is not taken (code {exc.code}).", NEW_TOKEN)
    fix = "look at WHATSAPP_GRAPH_URL and WHATSAPP_GRAPH_VERSION, and at the way to the internet."
    return Line(False, f"{whose}: Meta does not say whether it is valid ({exc}).", fix)


def _may(token: TokenFacts, word: str, whose: str) -> Line:
    lacking = sorted({MANAGEMENT, MESSAGING} - token.scopes)
    if lacking:
        return Line(False, f"{whose} lacks {' and '.join(lacking)}.", NEW_TOKEN)
    until = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "for ever"
    if word:
        return Line(True, f"{whose} is valid {until} only.", NEW_TOKEN, warns=True)
    return Line(True, f"{whose} is valid {until}.")


def _not_asked(why: str) -> list[Line]:
    tail = f": {why}." if why else "."
    return [
        Line(None, f"Whether webhooks come to this app{tail}"),
        Line(None, f"Which numbers it answers{tail}"),
    ]


# -- webhooks --------------------------------------------------------------------------------------


def _webhooks(account: AccountFacts, app_id: str) -> Line:
    name, apps = account.account_id, account.apps
    if isinstance(apps, RivuletError):
        return Line(False, f"Whether webhooks of account {name} come here: {apps}.", NEW_TOKEN)
    if app_id in apps:
        return Line(True, f"Webhooks of account {name} come to this app.")
    fix = f"POST /{name}/subscribed_apps with the access token; the README shows the command."
    return Line(False, f"Webhooks of account {name} do not come to this app.", fix)


def _fields(
    subscription: Subscription | RivuletError | None, accounts: Sequence[AccountFacts], app_id: str
) -> Iterator[Line]:
    if subscription is None:
        return
    if isinstance(subscription, RivuletError):
        if subscription.code == "app_secret":
            fix = "copy it from the Meta app's dashboard: App settings, Basic."
            yield Line(False, "WHATSAPP_APP_SECRET is not the secret of the token's app.", fix)
        else:
            yield Line(None, f"Which webhook fields are subscribed: {subscription}.")
        return
    if not subscription.callback_url:
        if not all(_override(account, app_id) for account in accounts):
            yield Line(False, "The app has no callback URL.", f"enter yours {IN_DASHBOARD}")
        return
    if not subscription.is_active:
        yield Line(
            False, "The app's webhook is switched off.", f"subscribe it again {IN_DASHBOARD}"
        )
    yield from _lacking(subscription.fields)


def _override(account: AccountFacts, app_id: str) -> str:
    return "" if isinstance(account.apps, RivuletError) else account.apps.get(app_id, "")


def _lacking(fields: Iterable[str]) -> Iterator[Line]:
    fix = f"subscribe to it {IN_DASHBOARD}"
    if NEEDED_FIELD not in fields:
        text = f"The app has not subscribed to {NEEDED_FIELD}: nobody's words come here."
        yield Line(False, text, fix)
    for name, why in WANTED_FIELDS.items():
        if name not in fields:
            yield Line(False, f"The app has not subscribed to {name}: {why}.", fix)
    lacking = [f"{name} ({why})" for name, why in OPTIONAL_FIELDS.items() if name not in fields]
    if lacking:
        yield Line(True, f"The app has not subscribed to {', '.join(lacking)}.", fix, warns=True)
    elif {NEEDED_FIELD, *WANTED_FIELDS} <= set(fields):
        yield Line(True, "The app has subscribed to all webhook fields that matter here.")


async def _answers(survey: Survey, verify_token: str) -> list[Line]:
    """Whether the web process answers where Meta's webhooks go."""
    subscription, token = survey.subscription, survey.token
    if not isinstance(token, TokenFacts):
        return []
    if not verify_token:
        return []
    urls = {_override(account, token.app_id) for account in survey.accounts}
    if isinstance(subscription, Subscription):
        urls.add(subscription.callback_url)
    return [await _answers_at(url, verify_token) for url in sorted(urls) if url]


async def _answers_at(url: str, verify_token: str) -> Line:
    try:
        await handshake(url, verify_token, within=GRAPH_TIMEOUT)
    except Refused as exc:
        fix = f"enter the right address and WHATSAPP_VERIFY_TOKEN {IN_DASHBOARD}"
        return Line(False, f"The callback URL answers, but not as rivulet web does ({exc}).", fix)
    except RivuletError as exc:
        return Line(
            True,
            f"The callback URL cannot be reached from here ({exc}); Meta perhaps can.",
            "look at rivulet web, the proxy in front of it and its certificate.",
            warns=True,
        )
    return Line(True, "The callback URL answers Meta's handshake.")


# -- numbers ---------------------------------------------------------------------------------------


def _numbers(account: AccountFacts) -> list[Line]:
    name, numbers = account.account_id, account.numbers
    if isinstance(numbers, RivuletError):
        return [Line(False, f"Which numbers account {name} has: {numbers}.", NEW_TOKEN)]
    if not numbers:
        fix = "add a phone number in WhatsApp Manager."
        return [Line(False, f"Account {name} has no number.", fix)]
    return [_number(number, name) for number in numbers]


def _number(number: NumberFacts, account: str) -> Line:
    told = [
        number.status.lower(),
        f"quality {number.quality.lower()}" if number.quality else "",
        f"throughput {number.throughput.lower()}" if number.throughput else "",
    ]
    facts = f": {', '.join(filter(None, told))}" if any(told) else ""
    text = f"phone_number_id {number.phone_number_id} of account {account}{facts}."
    word = number_trouble(number)
    warns = word == "low_quality"
    return Line(
        not word or warns, text, NUMBER_FIXES.get(word, MANAGER) if word else "", warns=warns
    )


def _strangers(numbers: Mapping[str, object], surveys: Sequence[Survey]) -> Iterator[Line]:
    """Numbers of the numbers' file that no account has, where all accounts are known."""
    if not all(survey.accounts for survey in surveys):
        return
    known: set[str] = set()
    for account in (account for survey in surveys for account in survey.accounts):
        if isinstance(account.numbers, RivuletError):
            return
        known |= {number.phone_number_id for number in account.numbers}
    for name in sorted(numbers.keys() - known):
        fix = "correct it, or give the token's system user that number's account."
        yield Line(False, f"[{name}] of the numbers' file is none of these numbers.", fix)
