"""What Meta says of token, accounts and numbers, in whatever shape, and never the token itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from app.adapters.graph_account import MAX_ACCOUNTS, GraphAccount, _ahead, handshake
from app.core.account import NumberFacts, Subscription, TokenFacts
from app.errors import Refused, RivuletError, Unavailable
from app.simulator.knobs import FIELDS, Knobs
from app.simulator.meta import create_meta
from app.simulator.serve import serving
from app.simulator.world import MetaSettings
from tests.simulator.business import NUMBER, OTHER_NUMBER, SECRET, TOKEN, WORD

ACCOUNT, APP = "102015550100009", "104015550100007"


@asynccontextmanager
async def asking(
    url: str,
    *,
    token: str = TOKEN,
    seconds: float = 20.0,
    app_secrets: Sequence[str] = (),
    has: Callable[[str], bool] = lambda _: True,
) -> AsyncIterator[GraphAccount]:
    graph = GraphAccount(
        base_url=url + "/",
        version="v26.0",
        access_token=SecretStr(token),
        app_secrets=app_secrets,
        has=has,
        timeout=timedelta(seconds=seconds),
    )
    yield graph
    await graph.close()
    await graph.close()


@asynccontextmanager
async def answered_by(answer: object, *, seconds: float = 20.0) -> AsyncIterator[GraphAccount]:
    """A Graph API that says this to everything."""

    async def say(request: Request) -> Response:
        if isinstance(answer, Response):
            return answer
        return JSONResponse(answer)

    async with serving(Starlette(routes=[Route("/{path:path}", say)])) as url:
        async with asking(url, seconds=seconds) as graph:
            yield graph


@pytest.fixture
async def meta() -> AsyncIterator[str]:
    async with serving(create_meta(MetaSettings(SECRET, TOKEN, WORD))) as url:
        yield url


# -- the simulator's answers -----------------------------------------------------------------------


async def test_the_token_names_its_app_and_accounts(meta: str) -> None:
    async with asking(meta) as graph:
        assert await graph.token() == TokenFacts(
            is_valid=True,
            app_id=APP,
            scopes=frozenset({"whatsapp_business_management", "whatsapp_business_messaging"}),
            expires_at=None,
            accounts=[ACCOUNT],
        )


async def test_the_apps_and_numbers_of_an_account_are_listed(meta: str) -> None:
    async with asking(meta) as graph:
        assert await graph.subscribed_apps(ACCOUNT) == {APP: ""}
        assert await graph.numbers(ACCOUNT) == [
            NumberFacts(number, "CONNECTED", "GREEN", "STANDARD", "AVAILABLE")
            for number in (NUMBER, OTHER_NUMBER)
        ]


async def test_a_wrong_token_is_trouble_with_the_token(meta: str) -> None:
    async with asking(meta, token="another") as graph:
        with pytest.raises(Unavailable) as told:
            await graph.token()
    assert (told.value.scope, told.value.code) == ("token", 190)


async def test_an_account_of_somebody_else_is_told(meta: str) -> None:
    async with asking(meta) as graph:
        with pytest.raises(RivuletError) as told:
            await graph.subscribed_apps("1")
    assert told.value.code == 803


# -- other answers ---------------------------------------------------------------------------------


def debugged(**facts: object) -> dict[str, object]:
    return {"data": {"app_id": APP, "is_valid": True, "scopes": [], **facts}}


def granted(**targets: list[str] | None) -> list[dict[str, object]]:
    return [
        {"scope": f"whatsapp_business_{scope}", **({} if ids is None else {"target_ids": ids})}
        for scope, ids in targets.items()
    ]


@pytest.mark.parametrize(
    ("granular", "accounts"),
    [
        pytest.param(granted(management=["1", "2"], messaging=["3"]), ["1", "2"], id="management"),
        pytest.param(granted(management=None, messaging=["3"]), ["3"], id="messaging alone"),
        pytest.param(granted(management=None, messaging=None), [], id="given for all"),
        pytest.param(granted(management=["../1", "", "2"]), ["2"], id="no part of a path"),
        pytest.param([{"scope": "pages_show_list", "target_ids": ["9"]}], [], id="another product"),
        pytest.param([None, 3, "x", {"target_ids": 3}], [], id="any shape"),
        pytest.param({"scope": "x"}, [], id="no list"),
        pytest.param(
            granted(management=[str(n) for n in range(100, 200)]),
            [str(n) for n in range(100, 100 + MAX_ACCOUNTS)],
            id="very many",
        ),
    ],
)
async def test_accounts_are_read_from_the_permissions(
    granular: object, accounts: list[str]
) -> None:
    async with answered_by(debugged(granular_scopes=granular)) as graph:
        assert (await graph.token()).accounts == accounts


@pytest.mark.parametrize(
    ("seconds", "at"),
    [
        pytest.param(0, None, id="never"),
        pytest.param(1795167000, datetime(2026, 11, 20, 9, 30, tzinfo=UTC), id="a time"),
        pytest.param(10**20, None, id="past the calendar"),
        pytest.param("soon", None, id="a word"),
        pytest.param(None, None, id="nothing"),
    ],
)
async def test_when_the_token_ends_is_told(seconds: object, at: datetime | None) -> None:
    async with answered_by(debugged(expires_at=seconds)) as graph:
        assert (await graph.token()).expires_at == at


@pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": []}, {"data": {"is_valid": 1}}])
async def test_a_token_of_which_nothing_is_said_is_not_valid(answer: object) -> None:
    async with answered_by(answer) as graph:
        assert not (await graph.token()).is_valid


@pytest.mark.parametrize("answer", [{}, {"data": 3}, {"data": [3, {}, {"id": None}]}])
async def test_lists_of_any_shape_break_nothing(answer: object) -> None:
    async with answered_by(answer) as graph:
        assert APP not in await graph.subscribed_apps(ACCOUNT)
        assert NUMBER not in [one.phone_number_id for one in await graph.numbers(ACCOUNT)]


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        pytest.param(JSONResponse({"error": {"code": 190}}, 400), Unavailable, 190, id="token"),
        pytest.param(JSONResponse({"error": {"code": 100}}, 400), Refused, 100, id="parameter"),
        pytest.param(JSONResponse({"error": {"code": 190}}), Unavailable, 190, id="error in a 200"),
        pytest.param(JSONResponse({"error": "no"}, 400), Refused, "http_400", id="no code"),
        pytest.param(PlainTextResponse("<html>", 502), Refused, "http_502", id="a proxy's page"),
        pytest.param(PlainTextResponse("<html>"), Refused, "http_200", id="a page with a 200"),
        pytest.param(JSONResponse([1]), Refused, "http_200", id="a list"),
        pytest.param(RedirectResponse("http://127.0.0.1:9"), Refused, "http_307", id="a redirect"),
        pytest.param(PlainTextResponse("x" * 3_000_000), Refused, "http_200", id="very long"),
    ],
)
async def test_what_is_no_answer_is_an_error_of_ours(
    answer: Response, kind: type[RivuletError], code: int | str
) -> None:
    async with answered_by(answer) as graph:
        with pytest.raises(kind) as told:
            await graph.token()
    assert told.value.code == code
    assert TOKEN not in str(told.value)


async def test_a_silent_graph_api_is_given_up() -> None:
    gone = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to the end of the connection
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with asking(f"http://127.0.0.1:{port}", seconds=0.1) as graph:
            with pytest.raises(Unavailable, match="TimeoutError") as told:
                await graph.token()
        async with asyncio.timeout(20):
            await gone.wait()
    assert told.value.__context__ is None  # whose text would quote the URL, and that the token
    assert TOKEN not in repr(told.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nonsense", "http://[", ""]
)
async def test_an_address_without_a_graph_api_is_told(url: str) -> None:
    async with asking(url) as graph:
        with pytest.raises(Unavailable) as told:
            await graph.token()
    assert told.value.code == "unreachable"


@pytest.mark.parametrize("token", ["tok€n", "two\nlines", " "])
async def test_a_token_that_fits_no_header_is_not_shown(token: str, meta: str) -> None:
    async with asking(meta, token=token) as graph:
        with pytest.raises(RivuletError) as told:
            await graph.token()
    assert token.strip() not in str(told.value) or not token.strip()


# -- the survey ------------------------------------------------------------------------------------


async def test_a_survey_finds_out_all_at_once(meta: str) -> None:
    async with asking(meta, app_secrets=[SECRET]) as graph:
        survey = await graph.survey({})
    assert isinstance(survey.token, TokenFacts)
    (account,) = survey.accounts
    assert (account.account_id, account.apps) == (ACCOUNT, {APP: ""})
    assert isinstance(account.numbers, list)
    assert [one.phone_number_id for one in account.numbers] == [NUMBER, OTHER_NUMBER]
    assert survey.subscription == Subscription(
        "", frozenset(), is_active=True
    )  # this Meta has no webhook URL
    assert survey.ahead == timedelta()


async def test_a_token_without_accounts_looks_at_those_that_have_written() -> None:
    async def say(request: Request) -> Response:
        if request.path_params["path"].endswith("debug_token"):
            return JSONResponse(debugged(granular_scopes=granted(management=None)))
        return JSONResponse({"data": []})

    known = {"21": "11", "22": "11", "23": "12", "24": "13"}
    async with serving(Starlette(routes=[Route("/{path:path}", say)])) as url:
        async with asking(url, has=lambda number: number != "24") as graph:
            survey = await graph.survey(known)
    assert [one.account_id for one in survey.accounts] == ["11", "12"]


async def test_a_survey_with_a_revoked_token_tells_so(meta: str) -> None:
    async with asking(meta, token="another", app_secrets=[SECRET]) as graph:
        survey = await graph.survey({})
    assert isinstance(survey.token, Unavailable)
    assert (survey.token.scope, survey.accounts, survey.subscription) == ("token", (), None)


async def test_what_meta_does_not_say_is_an_error_in_its_place() -> None:
    async def say(request: Request) -> Response:
        if request.path_params["path"].endswith("debug_token"):
            scopes = granted(management=["1"])
            return JSONResponse(debugged(is_valid=True, granular_scopes=scopes))
        return JSONResponse({"error": {"code": 80007}}, 400)

    async with serving(Starlette(routes=[Route("/{path:path}", say)])) as url:
        async with asking(url, app_secrets=[SECRET]) as graph:
            survey = await graph.survey({})
    (account,) = survey.accounts
    told = [account.apps, account.numbers, survey.subscription]
    assert [one.code for one in told if isinstance(one, RivuletError)] == [80007] * 3


async def test_what_the_app_has_subscribed_to_is_told_to_its_own_secret() -> None:
    meta_app = create_meta(
        MetaSettings(SECRET, TOKEN, WORD, Knobs(webhook_url="https://bot.example/webhook"))
    )
    async with serving(meta_app) as url:
        async with asking(url, app_secrets=["a new one", SECRET]) as graph:
            assert await graph.subscription(APP) == Subscription(
                "https://bot.example/webhook", frozenset(FIELDS), is_active=True
            )
        async with asking(url, app_secrets=["another"]) as graph:
            with pytest.raises(Refused) as told:
                await graph.subscription(APP)
    assert told.value.code == "app_secret"
    assert "another" not in str(told.value)


async def test_an_api_that_does_not_know_all_fields_still_lists_the_numbers() -> None:
    async def say(request: Request) -> Response:
        if request.query_params["fields"] != "id":
            return JSONResponse({"error": {"code": 100}}, 400)
        return JSONResponse({"data": [{"id": "21"}]})

    async with serving(Starlette(routes=[Route("/{path:path}", say)])) as url:
        async with asking(url) as graph:
            assert await graph.numbers(ACCOUNT) == [NumberFacts("21")]


@pytest.mark.parametrize(
    ("seconds", "ahead"), [(0, 0), (-60, 59), (60, -60)], ids=["together", "ahead", "behind"]
)
def test_how_far_our_clock_is_ahead_is_told(seconds: int, ahead: int) -> None:
    now = datetime.now(UTC)
    told = _ahead(format_datetime(now + timedelta(seconds=seconds), usegmt=True), now.timestamp())
    assert told is not None
    assert abs(told.total_seconds() - ahead) < 5  # a busy machine


@pytest.mark.parametrize("date", ["", "today", "Fri, 20 Nov 2026 25:00:00 GMT"])
def test_a_date_of_another_form_tells_nothing(date: str) -> None:
    assert _ahead(date, 0.0) is None


@pytest.mark.parametrize("override", ["https://other.example", None, 3])
async def test_where_an_accounts_webhooks_go_instead_is_told(override: object) -> None:
    app = {"whatsapp_business_api_data": {"id": APP}, "override_callback_uri": override}
    async with answered_by({"data": [app]}) as graph:
        told = {APP: override if isinstance(override, str) else ""}
        assert await graph.subscribed_apps(ACCOUNT) == told


async def test_a_handshake_shows_neither_word_nor_address_in_its_error() -> None:
    for url in ("http://127.0.0.1:1", "http://[", "nonsense"):
        with pytest.raises(Unavailable) as told:
            await handshake(f"{url}/webhook", "verify-word", within=timedelta(seconds=5))
        assert "verify-word" not in str(told.value)
        assert told.value.__context__ is None
