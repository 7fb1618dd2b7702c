"""Does each model answer?"""

import asyncio
from contextlib import AsyncExitStack, aclosing

import app.adapters.openai_model  # noqa: F401 - later, its seconds would be Redis's and Meta's
from app.bootstrap import open_reply_services
from app.check.line import Line
from app.core.model import PromptMessage
from app.errors import Refused, RivuletError
from app.pipeline.ports import Finish, Model
from app.settings import Installation

MODEL_SPARE_SECONDS = 5.0
"""Past the model's own limit for the first token."""


async def model_lines(settings: Installation) -> list[Line]:
    """One line for each model that some number uses; they are asked at the same time."""
    limit = settings.llm_first_token_seconds.total_seconds() + MODEL_SPARE_SECONDS
    async with AsyncExitStack() as stack:
        services = open_reply_services(settings, stack)
        models = {settings.openai_model: services.model}
        for number, own in settings.numbers.items():
            models.setdefault(own.openai_model, services.for_number(number).model)
        return await asyncio.gather(*(_answers(name, one, limit) for name, one in models.items()))


async def _answers(name: str, model: Model, limit: float) -> Line:
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        async with asyncio.timeout(limit):
            answered = await _first_delta(model)
    except Refused as exc:
        fix = "correct OPENAI_API_KEY, OPENAI_MODEL or OPENAI_BASE_URL."
        return Line(False, f"The model {name} refuses to answer ({exc}).", fix)
    except (RivuletError, TimeoutError) as exc:
        why = str(exc) or "silent for too long"
        fix = "look at the server at OPENAI_BASE_URL, or raise LLM_FIRST_TOKEN_SECONDS."
        return Line(False, f"The model {name} does not answer ({why}).", fix)
    if not answered:
        return Line(False, f"The model {name} answers nothing.", "try another OPENAI_MODEL.")
    return Line(True, f"The model {name} began to answer after {clock() - began:.1f} s.")


async def _first_delta(model: Model) -> bool:
    """Whether there was one: ``False`` for an answer without a word."""
    prompt = [PromptMessage("user", "Say hello in one short sentence.")]
    async with aclosing(model.stream(prompt)) as stream:
        async for delta in stream:
            return not isinstance(delta, Finish)
    return False
