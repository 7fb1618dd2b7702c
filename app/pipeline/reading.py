"""The model's answer to a turn, read and cut into bubbles while it is written."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

import structlog

from app import metrics
from app.core.continuation import Continuation, continue_prompt
from app.core.cutting import PacedChunker
from app.core.hand_over import until_mark
from app.core.model import Bubble, PromptMessage
from app.core.window import estimate_tokens, prompt_for
from app.errors import NO_TEXT, Refused, Unavailable
from app.pipeline.drafts import Drafts
from app.pipeline.ports import Finish, Meter, ReplyServices, TurnInHand
from app.pipeline.stepping_aside import handed_over, words_of
from app.pipeline.tracing import model_called

log = structlog.get_logger()

MODEL_TRIES = 2
MODEL_RETRY_SECONDS = 1.0
MODEL_RETRY_MOST_SECONDS = 5.0

PACE_SECONDS = 0.1
"""An answer that came in less came at once: that is no pace."""

NOT_FINISHED = Finish("")


@dataclass(slots=True)
class Spent:
    """What the turn's requests to the model have cost, in tokens."""

    tokens: int = 0


@dataclass(slots=True)
class _Reading:
    """What one request to the model gave; times in Unix seconds."""

    asked_at: float
    first_token_at: float = 0.0
    ended_at: float = 0.0
    deltas: int = 0
    cut: list[str] = field(default_factory=list)
    finish: Finish = NOT_FINISHED
    error: str = ""


async def read_model(
    hand: TurnInHand,
    services: ReplyServices,
    drafts: Drafts,
    bubbles: asyncio.Queue[Bubble | None],
    spent: Spent,
    *,
    room: Callable[[], int],
) -> Literal["answered", "handed_over", ""]:
    """Put the answer's bubbles into the queue, then ``None``; how it ended, ``""``: in its middle.

    A model that has said nothing yet is asked once more; after its first word it is not, since the
    person may have read it.
    """
    said = [standing.bubble.source for standing in hand.turn.standing]
    prompt = prompt_for(
        hand.turn.messages,
        hand.turn.history,
        bot_prompt=services.bot.system_prompt,
        human_contact=services.bot.human_contact,
        history_tokens=services.limits.history_tokens,
    )
    if said:
        prompt = continue_prompt(prompt, "\n\n".join(said))
    try:
        for attempt in range(1, MODEL_TRIES + 1):
            reading = _Reading(asked_at=services.clock.now().timestamp())
            try:
                async with aclosing(_read_once(prompt, said, services, reading, room)) as cuts:
                    async for sources, whole in cuts:
                        reading.cut += sources
                        shown, calls = until_mark(sources)
                        cut = [bubble for source in shown for bubble in drafts.of(source)]
                        if calls:
                            cut += await _hand_over(hand, drafts, services)
                        for bubble in cut:
                            bubbles.put_nowait(bubble)  # it may leave before it is written down
                        await hand.plan(cut, whole=whole or calls)
                        if calls:
                            return "handed_over"
                return "answered"
            except (Refused, Unavailable) as exc:
                if said and exc.code == NO_TEXT:  # what the person has read was all of it
                    await hand.plan([], whole=True)
                    return "answered"
                reading.error = str(exc.code or type(exc).__name__)
                services.meter.count(metrics.MODEL_ERRORS, code=str(exc.code or "none"))
                log.warning("model.failed", error=str(exc), deltas=reading.deltas, attempt=attempt)
                await services.store.report_trouble("model", str(exc.code or "unavailable"))
                if reading.deltas or isinstance(exc, Refused) or attempt == MODEL_TRIES:
                    return ""
                asked = exc.retry_after.total_seconds() if exc.retry_after else 0.0
                wait = max(MODEL_RETRY_SECONDS, asked)
                await services.clock.sleep(min(wait, MODEL_RETRY_MOST_SECONDS))
            finally:
                model_called(
                    services,
                    asked_at=reading.asked_at,
                    first_token_at=reading.first_token_at,
                    finish=reading.finish,
                    error=reading.error,
                )
                spent.tokens += _measure(reading, prompt, services.meter)
                await _note(reading, hand)
        return ""
    finally:
        bubbles.put_nowait(None)


async def _read_once(
    prompt: Sequence[PromptMessage],
    said: Sequence[str],
    services: ReplyServices,
    reading: _Reading,
    room: Callable[[], int],
) -> AsyncGenerator[tuple[list[str], bool], None]:
    """The cuts of one request's answer as they are made, and whether they are the last ones.

    What came before an error is cut and given first.
    """
    limits, now = services.limits, services.clock.now
    chunker = PacedChunker(
        limits.style,
        min_chars=limits.min_chars,
        max_chars=limits.max_chars,
        hard_chars=limits.hard_chars,
        first=len(said),
        room=room,
    )
    new = Continuation(said)
    failure: Exception | None = None
    try:
        async with aclosing(services.model.stream(prompt)) as stream:
            async for delta in stream:
                if isinstance(delta, Finish):
                    reading.finish = delta
                    log.info("model.ended", finish=delta.reason, deltas=reading.deltas)
                    continue
                if not reading.deltas:
                    reading.first_token_at = now().timestamp()
                    waited = reading.first_token_at - reading.asked_at
                    log.info("model.first_token", seconds=round(waited, 3))
                reading.deltas += 1
                if sources := chunker.feed(new.feed(delta)):
                    yield sources, False
    except (Refused, Unavailable) as exc:
        failure = exc
    reading.ended_at = now().timestamp()
    rest = chunker.feed(new.close()) + chunker.close()
    yield rest, failure is None
    if failure is not None:
        raise failure


async def _hand_over(hand: TurnInHand, drafts: Drafts, services: ReplyServices) -> list[Bubble]:
    """The sentence that follows when the model has called for a human; noted for a later run."""
    instead = handed_over("model", services.limits, services.clock.now())
    await hand.note(instead=instead.ending)
    return drafts.of(words_of(instead, hand.turn, services))


def _measure(reading: _Reading, prompt: Sequence[PromptMessage], meter: Meter) -> int:
    """One stream's figures; one that we broke off ourselves has no end and no pace. Its tokens."""
    if reading.ended_at:
        meter.observe(metrics.STREAM_SECONDS, max(0.0, reading.ended_at - reading.asked_at))
    if not reading.deltas:
        return 0
    meter.observe(metrics.FIRST_TOKEN_SECONDS, max(0.0, reading.first_token_at - reading.asked_at))
    meter.observe(metrics.STREAM_DELTAS, reading.deltas)
    told = reading.finish
    texts = [message.content for message in prompt]
    asked = _count_tokens(meter, "prompt", told.prompt_tokens, texts)
    tokens = _count_tokens(meter, "completion", told.completion_tokens, reading.cut)
    if (seconds := reading.ended_at - reading.first_token_at) >= PACE_SECONDS:
        meter.observe(metrics.STREAM_TOKENS_PER_SECOND, tokens / seconds)
    return asked + tokens


def _count_tokens(meter: Meter, kind: str, told: int | None, texts: Sequence[str]) -> int:
    """How many there were: as the provider says, else by our estimate."""
    tokens = sum(map(estimate_tokens, texts)) if told is None else told
    counted_by = "estimate" if told is None else "provider"
    meter.count(metrics.MODEL_TOKENS, tokens, kind=kind, counted_by=counted_by)
    return tokens


async def _note(reading: _Reading, hand: TurnInHand) -> None:
    """Into the turn's record, for the operator's eyes."""
    await hand.note(
        model_asked_at=reading.asked_at,
        first_token_at=reading.first_token_at,
        model_ended_at=reading.ended_at,
        deltas=reading.deltas,
        finish=reading.finish.reason,
    )
