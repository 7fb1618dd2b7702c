"""Request bodies, up to a size."""

import json

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response


class TooLarge(ValueError):
    """The body is longer than we take."""


async def body_of(request: Request, most: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: It has more than ``most`` bytes; the rest is not read.
        ClientDisconnect: The client left in the middle of it.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise TooLarge("the body is too large")
    return bytes(body)


class AsciiJson(JSONResponse):
    """JSON that can carry any text, lone surrogates too: persons may write them."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode("ascii")


async def nobody(request: Request, error: Exception) -> Response:
    """The answer for a client that has left; it goes nowhere."""
    return Response(status_code=400)


NOBODY = {ClientDisconnect: nobody}
"""For an app's ``exception_handlers``: a client that leaves is no error of ours."""
