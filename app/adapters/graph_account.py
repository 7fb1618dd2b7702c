"""The Graph API about the business itself: the token, its accounts, their webhooks and numbers.

Source: Meta, "Debug token", "WhatsApp Business Account: subscribed_apps, phone_numbers".
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
import orjson
from pydantic import SecretStr

from app.core.graph_errors import error_for
from app.errors import Refused, Unavailable

MANAGEMENT = "whatsapp_business_management"
MESSAGING = "whatsapp_business_messaging"

MAX_ANSWER_BYTES = 1_000_000
MAX_ACCOUNTS = 20
MAX_NUMBERS = 100


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What Meta says of the access token.

    Attributes:
        expires_at: ``None``: never.
        accounts: Ids of the WhatsApp Business Accounts that it was given, ``MAX_ACCOUNTS`` at most.
    """

    is_valid: bool
    app_id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    accounts: Sequence[str]


class GraphAccount:
    """Asks about the business. Every method raises ``Refused`` or ``Unavailable``.

    Args:
        base_url: ``https://graph.facebook.com``, or a simulator's address.
        version: ``v26.0``.
        timeout: How long one call may take, with all that belongs to it.
    """

    def __init__(
        self, *, base_url: str, version: str, access_token: SecretStr, timeout: timedelta
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/{version}"
        self._token = access_token
        self._timeout = timeout.total_seconds()
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

    async def subscribed_apps(self, account: str) -> Sequence[str]:
        """Ids of the apps that get this account's webhooks."""
        answer = await self._get(f"{account}/subscribed_apps")
        apps = (app.get("whatsapp_business_api_data") for app in _objects(answer.get("data")))
        return [str(app.get("id")) for app in apps if isinstance(app, dict)]

    async def phone_number_ids(self, account: str) -> Sequence[str]:
        """Ids of this account's numbers, ``MAX_NUMBERS`` at most."""
        answer = await self._get(f"{account}/phone_numbers", fields="id", limit=str(MAX_NUMBERS))
        return [str(number.get("id")) for number in _objects(answer.get("data"))][:MAX_NUMBERS]

    async def _get(self, path: str, **params: str) -> Mapping[str, object]:
        try:
            async with asyncio.timeout(self._timeout):
                status, tree = await self._exchange(path, params)
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

    async def _exchange(self, path: str, params: Mapping[str, str]) -> tuple[int, object]:
        async with self._client.stream("GET", f"{self._url}/{path}", params=params) as response:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    break
        try:
            return response.status_code, orjson.loads(body)
        except ValueError:
            return response.status_code, None


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
