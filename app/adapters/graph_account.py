"""The Graph API about the business itself: the token, its accounts, their webhooks and numbers.

Source: Meta, "Debug token", "WhatsApp Business Account: subscribed_apps, phone_numbers".
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from secrets import token_hex
from typing import Any, TypeVar

import httpx2
import orjson
from pydantic import SecretStr

from app.core.account import (
    MANAGEMENT,
    MESSAGING,
    AccountFacts,
    NumberFacts,
    Subscription,
    Survey,
    TokenFacts,
)
from app.core.graph_errors import error_for
from app.errors import Refused, RivuletError, Unavailable

NUMBER_FIELDS = "id,status,quality_rating,throughput,health_status"
UNKNOWN_FIELD = 100
OBJECT = "whatsapp_business_account"
WRONG_SECRET = (101, 190)

MAX_ANSWER_BYTES = 1_000_000
MAX_CHALLENGE_BYTES = 64
MAX_ACCOUNTS = 20
MAX_NUMBERS = 100

T = TypeVar("T")


class GraphAccount:
    """The ``Account`` port: asks about the business. Every method but ``survey`` and ``close``
    raises ``Refused`` or ``Unavailable``.

    Meta allows 200 such calls in an hour; a survey takes two, and two for each account.

    Args:
        base_url: ``https://graph.facebook.com``, or a simulator's address.
        version: ``v26.0``.
        app_secrets: With one of them the app itself can be asked what it has subscribed to.
        has: Whether a number is answered with this token.
        timeout: How long one call may take, with all that belongs to it.
    """

    def __init__(
        self,
        *,
        base_url: str,
        version: str,
        access_token: SecretStr,
        app_secrets: Sequence[str] = (),
        has: Callable[[str], bool] = lambda _: True,
        timeout: timedelta,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/{version}"
        self._token = access_token
        self._app_secrets = app_secrets
        self._has = has
        self._timeout = timeout.total_seconds()
        self._ahead: timedelta | None = None
        self._client = httpx2.AsyncClient(
            # As bytes: the error about a letter that fits no header would show the token.
            headers={
                b"Authorization": f"Bearer {access_token.get_secret_value()}".encode(),
                b"Accept-Encoding": b"identity",
                b"User-Agent": b"rivulet",
            },
            follow_redirects=False,
            timeout=None,  # ours bounds the call as a whole
        )

    async def close(self) -> None:
        """Close all connections; the second time does nothing."""
        await self._client.aclose()

    async def survey(self, known: Mapping[str, str]) -> Survey:
        """See ``ports.Account``. Takes three times the time of a call at most."""
        token = await _or_error(self.token())
        if isinstance(token, RivuletError) or not token.is_valid:
            return Survey(token, ahead=self._ahead)
        ours = {account for number, account in known.items() if self._has(number)}
        named = token.accounts or sorted(ours)[:MAX_ACCOUNTS]
        accounts = asyncio.gather(*(self._account(account) for account in named))
        subscription = None
        if self._app_secrets:
            subscription = await _or_error(self.subscription(token.app_id))
        return Survey(token, await accounts, subscription, self._ahead)

    async def _account(self, account: str) -> AccountFacts:
        apps, numbers = await asyncio.gather(
            _or_error(self.subscribed_apps(account)), _or_error(self.numbers(account))
        )
        return AccountFacts(account, apps, numbers)

    async def token(self) -> TokenFacts:
        """What our own token may do."""
        # Meta takes it nowhere but in the query; hence nothing here may quote a URL.
        answer = await self._get("debug_token", input_token=self._token.get_secret_value())
        data = answer.get("data")
        facts: Mapping[str, object] = data if isinstance(data, dict) else {}
        expires = facts.get("expires_at")
        return TokenFacts(
            is_valid=facts.get("is_valid") is True,
            app_id=str(facts.get("app_id", "")),
            scopes=frozenset(_strings(facts.get("scopes"))),
            expires_at=datetime.fromtimestamp(expires, UTC)
            if isinstance(expires, int) and 0 < expires < 1 << 36
            else None,
            accounts=_accounts(facts.get("granular_scopes"))[:MAX_ACCOUNTS],
        )

    async def subscribed_apps(self, account: str) -> Mapping[str, str]:
        """The apps that get this account's webhooks, by id; where, if not where the app says."""
        answer = await self._get(f"{account}/subscribed_apps")
        found: dict[str, str] = {}
        for one in _objects(answer.get("data")):
            app, override = one.get("whatsapp_business_api_data"), one.get("override_callback_uri")
            if isinstance(app, dict):
                found[str(app.get("id"))] = override if isinstance(override, str) else ""
        return found

    async def numbers(self, account: str) -> Sequence[NumberFacts]:
        """This account's numbers, ``MAX_NUMBERS`` at most."""
        path, most = f"{account}/phone_numbers", str(MAX_NUMBERS)
        try:
            answer = await self._get(path, fields=NUMBER_FIELDS, limit=most)
        except Refused as exc:
            if exc.code != UNKNOWN_FIELD:  # an older version of the API may not know them all
                raise
            answer = await self._get(path, fields="id", limit=most)
        return [_number(number) for number in _objects(answer.get("data"))][:MAX_NUMBERS]

    async def subscription(self, app_id: str) -> Subscription:
        """What the app has subscribed to, and where its webhooks go.

        Raises:
            Refused: Of our app secrets none is this app's (``code`` is ``app_secret``).
        """
        for secret in self._app_secrets:
            token = f"{app_id}|{secret}"
            try:
                answer = await self._get(f"{app_id}/subscriptions", token=token)
            except RivuletError as exc:
                if exc.code not in WRONG_SECRET:
                    raise
                continue
            found = [one for one in _objects(answer.get("data")) if one.get("object") == OBJECT]
            return _subscription(found[0] if found else {})
        raise Refused("no app secret of ours is this app's", code="app_secret")

    async def _get(self, path: str, *, token: str = "", **params: str) -> Mapping[str, object]:
        """Meta's answer.

        Args:
            token: In place of the access token.
        """
        try:
            async with asyncio.timeout(self._timeout):
                status, tree = await self._exchange(path, params, token)
        except (OSError, httpx2.HTTPError, httpx2.InvalidURL) as exc:
            failure = type(exc).__name__
        else:
            error = tree.get("error") if isinstance(tree, dict) else None
            code = error.get("code") if isinstance(error, dict) else None
            if isinstance(code, int):
                raise error_for(code, http_status=status)
            if status == 200 and isinstance(tree, dict):
                return tree
            raise Refused(f"HTTP {status} without a body of Meta's", code=f"http_{status}")
        # Outside of the handler: the errors' texts quote the URL, and that the token.
        raise Unavailable(f"the Graph API does not answer ({failure})", code="unreachable")

    async def _exchange(
        self, path: str, params: Mapping[str, str], token: str
    ) -> tuple[int, object]:
        headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
        asked_at = time.time()
        async with self._client.stream(
            "GET", f"{self._url}/{path}", params=params, headers=headers
        ) as response:
            self._ahead = _ahead(response.headers.get("date", ""), asked_at)
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    break
        try:
            return response.status_code, orjson.loads(body)
        except ValueError:
            return response.status_code, None


async def handshake(url: str, verify_token: str, *, within: timedelta) -> None:
    """Return when a web process of ours answers at ``url`` as Meta asks it to; Meta itself shows it
    the same word when the address is entered.

    Raises:
        Refused: Somebody else answers, or with another verify token.
        Unavailable: Nobody does.
    """
    challenge = token_hex(8)
    asked = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": verify_token,
    }
    try:
        async with httpx2.AsyncClient(follow_redirects=False, timeout=None) as client:
            async with asyncio.timeout(within.total_seconds()):
                async with client.stream("GET", url, params=asked) as response:
                    beginning = await anext(response.aiter_raw(MAX_CHALLENGE_BYTES), b"")
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL) as exc:
        failure = type(exc).__name__
    else:
        if response.status_code == 200 and beginning == challenge.encode():
            return
        raise Refused(f"HTTP {response.status_code}", code=f"http_{response.status_code}")
    # Outside of the handler: the errors' texts quote the URL, and that the word.
    raise Unavailable(failure, code="unreachable")


async def _or_error(call: Coroutine[Any, Any, T]) -> T | RivuletError:
    try:
        return await call
    except RivuletError as exc:
        return exc


def _ahead(date: str, asked_at: float) -> timedelta | None:
    """How far our clock is ahead of the one that wrote this date, give or take a second."""
    try:
        told = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return None
    # Whole seconds, told at some moment since we asked.
    behind, ahead = told - time.time(), asked_at - told - 1
    return timedelta(seconds=ahead if ahead > 0 else -max(behind, 0.0))


def _number(told: Mapping[str, object]) -> NumberFacts:
    throughput, health = told.get("throughput"), told.get("health_status")
    return NumberFacts(
        phone_number_id=str(told.get("id")),
        status=str(told.get("status", "")),
        quality=str(told.get("quality_rating", "")),
        throughput=str(throughput.get("level", "")) if isinstance(throughput, dict) else "",
        can_send=str(health.get("can_send_message", "")) if isinstance(health, dict) else "",
    )


def _subscription(told: Mapping[str, object]) -> Subscription:
    url = told.get("callback_url")
    return Subscription(
        callback_url=url if isinstance(url, str) else "",
        fields=frozenset(str(one.get("name")) for one in _objects(told.get("fields"))),
        is_active=told.get("active") is not False,
    )


def _accounts(granular_scopes: object) -> list[str]:
    """The targets of the management permission; of messaging where it names none.

    Meta names targets only where a permission was given for some and not for all.
    """
    targets = {
        one.get("scope"): [target for target in _strings(one.get("target_ids")) if target.isalnum()]
        for one in _objects(granular_scopes)
    }
    return targets.get(MANAGEMENT) or targets.get(MESSAGING) or []


def _objects(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
