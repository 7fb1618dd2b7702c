"""``rivulet worker``, but that the stream is parsed by the SDK: the baseline of bench_bubbles."""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import openai

from app.bootstrap import open_reply_services
from app.core.model import PromptMessage
from app.pipeline.ports import Finish, ReplyServices
from app.settings import Installation, Settings
from workers import main, services


class SdkModel:
    """The ``Model`` port as the SDK's documentation has it."""

    provider = "openai"

    def __init__(self, settings: Settings) -> None:
        self.name = settings.openai_model
        self.client = openai.AsyncOpenAI(
            api_key="none",
            base_url=settings.openai_base_url,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                limits=openai.DEFAULT_CONNECTION_LIMITS, timeout=60
            ),
        )

    async def stream(self, prompt: Sequence[PromptMessage]) -> AsyncGenerator[str | Finish, None]:
        """Deltas, then the finish."""
        messages: Any = [{"role": one.role, "content": one.content} for one in prompt]
        chunks = await self.client.chat.completions.create(
            model=self.name, messages=messages, stream=True
        )
        async with chunks:
            async for chunk in chunks:
                choice = chunk.choices[0]
                if choice.delta.content:
                    yield choice.delta.content
                if choice.finish_reason:
                    yield Finish(choice.finish_reason)


def with_sdk(settings: Installation, stack: AsyncExitStack) -> ReplyServices:
    """Our services, and the other model."""
    model = SdkModel(settings)
    stack.push_async_callback(model.client.close)
    return replace(open_reply_services(settings, stack), model=model)


if __name__ == "__main__":
    vars(services)["open_reply_services"] = with_sdk
    sys.exit(main.main())
