"""The Graph API beside ``/messages``: numbers, token, subscription, media."""

from collections.abc import Awaitable, Callable

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator.bodies import TooLarge, body_of
from app.simulator.graph import messages, number_of
from app.simulator.media import UPLOAD_MOST, Medium, file_in
from app.simulator.persons import Number
from app.simulator.refusals import Refusal
from app.simulator.spoiling import answer_of, prevents, status_of
from app.simulator.updates import APP_ID, WABA_ID
from app.simulator.world import World, world_of

SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")

Step = Callable[[World, Request], Awaitable[Response]]


class Version(Convertor[str]):
    """``v26.0`` and the like, in a path."""

    regex = r"v[0-9]{1,2}\.[0-9]"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("version", Version())


def routes() -> list[Route]:
    """The whole Graph API; ``/messages`` first, for it is asked hundreds of times a second."""
    at = "/{version:version}"
    return [
        Route(f"{at}/{{phone_number_id}}/messages", messages, methods=["POST"]),
        Route(f"{at}/debug_token", _graph(debug_token)),
        Route(f"{at}/{{id}}/media", _media("upload", upload), methods=["POST"]),
        Route(
            f"{at}/{{id}}/subscribed_apps", _graph(subscription), methods=["GET", "POST", "DELETE"]
        ),
        Route(f"{at}/{{id}}/phone_numbers", _graph(phone_numbers)),
        Route(f"{at}/{{id}}/subscriptions", subscriptions),
        Route(f"{at}/{{id}}", _graph(look)),
        Route(f"{at}/{{id}}", _media("delete", delete), methods=["DELETE"]),
        Route("/lookaside/{piece}", _media("download", download)),
    ]


async def debug_token(world: World, request: Request) -> Response:
    """What a token may do."""
    valid = request.query_params.get("input_token") == world.settings.access_token
    targets = [{"scope": scope, "target_ids": [WABA_ID]} for scope in SCOPES]
    left = world.knobs.token_ends_after
    data: dict[str, object] = {
        "app_id": APP_ID,
        "type": "SYSTEM_USER",
        "application": "Saltmarsh",
        "is_valid": valid,
        "expires_at": 0 if left is None else int(world.now() + left),
        "data_access_expires_at": 0,
        "scopes": list(SCOPES) if valid else [],
        "granular_scopes": targets if valid else [],
    }
    return JSONResponse({"data": data})


async def subscription(world: World, request: Request) -> Response:
    """Whether the app gets the account's webhooks; POST and DELETE change it."""
    _account(request)
    if request.method != "GET":
        world.courier.subscribed = request.method == "POST"
        return JSONResponse({"success": True})
    app = {"whatsapp_business_api_data": {"id": APP_ID, "name": "Saltmarsh", "link": ""}}
    return JSONResponse({"data": [app] if world.courier.subscribed else []})


async def subscriptions(request: Request) -> Response:
    """What the app has subscribed to, and where its webhooks go; asked by the app itself."""
    world = world_of(request)
    try:
        world.admit_app(request, APP_ID)
        if request.path_params["id"] != APP_ID:
            raise Refusal(803)
    except Refusal as refusal:
        return JSONResponse(refusal.body, refusal.status)
    subscription = {
        "object": "whatsapp_business_account",
        "callback_url": world.knobs.webhook_url,
        "active": True,
        "fields": [{"name": name, "version": "v26.0"} for name in world.knobs.webhook_fields],
    }
    return JSONResponse({"data": [subscription] if world.knobs.webhook_url else []})


async def phone_numbers(world: World, request: Request) -> Response:
    """The account's numbers."""
    _account(request)
    fields = request.query_params.get("fields", "")
    shown = [_only(fields, _shown(world, number)) for number in world.numbers.values()]
    return JSONResponse({"data": shown})


async def look(world: World, request: Request) -> Response:
    """A number, a file or the account, whichever has this id."""
    wanted = request.path_params["id"]
    if wanted in world.numbers:
        fields = request.query_params.get("fields", "")
        return JSONResponse(_only(fields, _shown(world, number_of(world, wanted))))
    if wanted == WABA_ID:
        return JSONResponse({"id": WABA_ID, "name": "Saltmarsh", "currency": "USD"})
    return await _media("look", look_at_file)(request)


async def look_at_file(world: World, request: Request) -> Response:
    """A file's URL, good for five minutes."""
    medium = _medium(world, request)
    until = world.now() + world.knobs.media_url_seconds
    piece = world.media.open_url(medium.media_id, until=until)
    return JSONResponse(
        {
            "messaging_product": "whatsapp",
            "url": f"{str(request.base_url).rstrip('/')}/lookaside/{piece}",
            "mime_type": medium.mime_type,
            "sha256": medium.hex_digest,
            "file_size": str(len(medium.content)),
            "id": medium.media_id,
        }
    )


async def upload(world: World, request: Request) -> Response:
    """Keep a file of the business; its id."""
    number_of(world, request.path_params["id"])
    try:
        body = await body_of(request, UPLOAD_MOST)
    except TooLarge:
        raise Refusal(100, "The request is too large.") from None
    content, mime_type = file_in(body, request.headers.get("content-type", ""))
    medium = world.media.keep(content, mime_type, now=world.now(), inbound=False)
    return JSONResponse({"id": medium.media_id})


async def download(world: World, request: Request) -> Response:
    """The bytes; 404 without the token or after the five minutes."""
    medium = world.media.behind_url(request.path_params["piece"], now=world.now())
    if medium is None:
        return Response("Not found", 404)
    return Response(medium.content, media_type=medium.mime_type)


async def delete(world: World, request: Request) -> Response:
    """Forget a file."""
    world.media.delete(_medium(world, request).media_id)
    return JSONResponse({"success": True})


def _graph(step: Step) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        world = world_of(request)
        try:
            world.admit(request)
            return await step(world, request)
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status)

    return route


def _media(action: str, step: Step) -> Callable[[Request], Awaitable[Response]]:
    """A route of the media API: faults on ``media`` strike, and it is recorded."""

    async def route(request: Request) -> Response:
        world = world_of(request)
        fault = world.faults.take("media", text=action)
        done: Response | None = None
        if not prevents(fault):
            try:
                world.admit(request)
                done = await step(world, request)
            except Refusal as refusal:
                # The download host knows no error shape: it is a 404 without the token.
                lost = action == "download"
                done = (
                    Response("Not found", 404)
                    if lost
                    else JSONResponse(refusal.body, refusal.status)
                )
        answer = done if fault is None else await answer_of(fault, done, request)
        assert answer is not None  # noqa: S101 either done, or a fault has answered
        world.record.add(
            "media",
            action=action,
            media_id=request.path_params.get("id"),
            status=status_of(answer),
            fault=fault.id if fault else None,
        )
        return answer

    return route


def _account(request: Request) -> None:
    if request.path_params["id"] != WABA_ID:
        raise Refusal(803)


def _medium(world: World, request: Request) -> Medium:
    medium = world.media.get(request.path_params["id"], now=world.now())
    if medium is None:
        raise Refusal(803, "Object does not exist or has expired.")
    return medium


def _shown(world: World, number: Number) -> dict[str, object]:
    digits = number.display_phone_number
    return {
        "id": number.phone_number_id,
        "display_phone_number": f"+{digits[0]} {digits[1:4]}-{digits[4:7]}-{digits[7:]}",
        "verified_name": number.name,
        "status": number.status,
        "quality_rating": number.quality_rating,
        "health_status": {"can_send_message": "AVAILABLE"},
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
        "webhook_configuration": {"application": world.knobs.webhook_url},
    }


def _only(fields: str, whole: dict[str, object]) -> dict[str, object]:
    if not fields:
        return whole
    wanted = {"id", *fields.split(",")}
    return {name: value for name, value in whole.items() if name in wanted}
