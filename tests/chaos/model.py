"""A model whose answers say what they answer: ``python -m tests.chaos.model --port P``.

To each token such as ``c7m3`` in the last question it writes ``PARTS`` sentences that name it, word
by word. Asked to go on, it goes on; every third time it starts over instead, as real ones do.
"""

import argparse
import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from app.core.continuation import GO_ON

TOKEN = re.compile(r"\bc\d+m\d+\b")
PART = re.compile(r"\b(c\d+m\d+), part (\d+),")
PARTS = 2


def answer_to(question: str) -> str:
    """All sentences for all tokens, in the order in which they were asked."""
    return " ".join(
        f"As to {token}, part {part}, the parcel leaves the house when the lamp is packed."
        for token in dict.fromkeys(TOKEN.findall(question))
        for part in range(1, PARTS + 1)
    )


def rest_of(answer: str, said: str) -> str:
    """What follows ``said`` in the answer; all of it where that is no beginning of it."""
    position = 0
    for character in "".join(said.split()):
        while position < len(answer) and answer[position].isspace():
            position += 1
        if answer[position : position + 1] != character:
            return answer
        position += 1
    return answer[position:]


class Writer:
    """The one model there is.

    Attributes:
        first_seconds, word_seconds: Its pace.
    """

    def __init__(self, first_seconds: float, word_seconds: float) -> None:
        self.first_seconds, self.word_seconds = first_seconds, word_seconds
        self._continued = 0

    def text_for(self, messages: Sequence[dict[str, Any]]) -> str:
        """What it says to a prompt."""
        if messages[-1]["content"] != GO_ON:
            return answer_to(messages[-1]["content"])
        self._continued += 1
        answer = answer_to(messages[-3]["content"])
        return rest_of(answer, messages[-2]["content"]) if self._continued % 3 else answer

    async def completions(self, request: Request) -> StreamingResponse:
        """``chat/completions``, streamed."""
        text = self.text_for((await request.json())["messages"])
        return StreamingResponse(self._stream(text), media_type="text/event-stream")

    async def _stream(self, text: str) -> AsyncIterator[str]:
        await asyncio.sleep(self.first_seconds)
        for word in re.findall(r"\S+\s*", text):
            yield _chunk({"content": word}, None)
            await asyncio.sleep(self.word_seconds)
        yield _chunk({}, "stop") + "data: [DONE]\n\n"


def _chunk(delta: dict[str, str], finish: str | None) -> str:
    event = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1767225600,
        "model": "scripted",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(event)}\n\n"


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--first-seconds", type=float, default=0.2)
    parser.add_argument("--word-seconds", type=float, default=0.02)
    asked = parser.parse_args()
    writer = Writer(asked.first_seconds, asked.word_seconds)
    routes = [Route("/v1/chat/completions", writer.completions, methods=["POST"])]
    uvicorn.run(Starlette(routes=routes), port=asked.port, log_level="warning")


if __name__ == "__main__":
    main()
