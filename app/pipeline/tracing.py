"""The spans of the three journeys; without a ``Tracer`` each of these does nothing.

Attributes hold keys, counts and fixed words: nothing that a person said or is called. ``gen_ai.*``
are OpenTelemetry's names for a call of a model ("Semantic conventions for generative AI").
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from app.core.model import Bubble, InboundMessage, Status, Turn
from app.core.trace import Span, Value, message_span_id, send_span_id
from app.pipeline.ports import Finish, ReplyServices, Services, Taken


@dataclass(frozen=True, slots=True)
class _Run:
    """The turn's span, while it runs."""

    trace_id: str
    span_id: str
    keys: Mapping[str, Value]


_run: ContextVar[_Run | None] = ContextVar("run", default=None)


def trace_name(services: Services, message_key: str) -> Mapping[str, str]:
    """The trace's name for log lines; nothing where there are no traces."""
    return {"trace_id": message_key} if services.tracer and message_key else {}


def message_received(
    message: InboundMessage, taken: Taken, started_at: datetime, services: Services
) -> None:
    """The root of a trace: a webhook has brought a message, and it is stored."""
    if services.tracer is None or taken.outcome == "duplicate":
        return
    key = services.keys.message(message.wamid)
    services.tracer.ended(
        Span(
            "message.received",
            "server",
            trace_id=key,
            span_id=message_span_id(key),
            parent_id="",
            started_at=started_at,
            ended_at=services.clock.now(),
            attributes={
                "message_key": key,
                "conversation_key": taken.conversation,
                "turn_id": taken.turn_id,
                "outcome": taken.outcome,
                "type": message.kind,
            },
        )
    )


@asynccontextmanager
async def turn_traced(
    turn: Turn, services: Services, *, calm: tuple[type[Exception], ...] = ()
) -> AsyncIterator[dict[str, Value]]:
    """The span of one run of a turn, in the trace of its first message; the others are linked.

    Gives the dictionary for further attributes.

    Args:
        calm: What may leave the block without being an error.
    """
    noted: dict[str, Value] = {}
    if services.tracer is None:
        yield noted
        return
    first, *others = (services.keys.message(message.wamid) for message in turn.messages)
    names = {
        "message_key": first,
        "conversation_key": turn.conversation,
        "turn_id": turn.turn_id,
    }
    run = _Run(first, token_hex(8), names)
    before, started_at, error = _run.get(), services.clock.now(), ""
    _run.set(run)
    try:
        yield noted
    except BaseException as exc:
        noted["ended_by"] = type(exc).__name__
        error = "" if isinstance(exc, calm) else type(exc).__name__
        raise
    finally:
        _run.set(before)
        services.tracer.ended(
            Span(
                "turn",
                "consumer",
                trace_id=first,
                span_id=run.span_id,
                parent_id=message_span_id(first),
                started_at=started_at,
                ended_at=services.clock.now(),
                attributes=names | {"messages": len(turn.messages)} | noted,
                links=others,
                error=error,
            )
        )


def model_called(
    services: ReplyServices,
    *,
    asked_at: float,
    first_token_at: float,
    finish: Finish,
    error: str,
) -> None:
    """One request to the model, by ``gen_ai.*`` names; times in Unix seconds, 0 for never.

    Args:
        finish: Without a reason when the stream did not end as it should.
    """
    run = _run.get()
    if services.tracer is None or run is None:
        return
    attributes: dict[str, Value] = {
        **run.keys,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": services.model.provider,
        "gen_ai.request.model": services.model.name,
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": run.keys["conversation_key"],
    }
    if first_token_at:
        attributes["gen_ai.response.time_to_first_chunk"] = first_token_at - asked_at
    if finish.reason:
        attributes["gen_ai.response.finish_reasons"] = [finish.reason]
    if finish.prompt_tokens is not None:
        attributes["gen_ai.usage.input_tokens"] = finish.prompt_tokens
    if finish.completion_tokens is not None:
        attributes["gen_ai.usage.output_tokens"] = finish.completion_tokens
    services.tracer.ended(
        Span(
            f"chat {services.model.name}",
            "client",
            trace_id=run.trace_id,
            span_id=token_hex(8),
            parent_id=run.span_id,
            started_at=datetime.fromtimestamp(asked_at, UTC),
            ended_at=services.clock.now(),
            attributes=attributes,
            error=error,
        )
    )


def send_ended(
    bubble: Bubble, attempt: int, started_at: datetime, services: Services, *, error: str = ""
) -> None:
    """One attempt to send a bubble."""
    run = _run.get()
    if services.tracer is None or run is None:
        return
    services.tracer.ended(
        Span(
            "bubble.send",
            "client",
            trace_id=run.trace_id,
            span_id=send_span_id(bubble.reply_id, bubble.number, attempt),
            parent_id=run.span_id,
            started_at=started_at,
            ended_at=services.clock.now(),
            attributes={
                **run.keys,
                "number": bubble.number,
                "attempt": attempt,
                "chars": len(bubble.text),
            },
            error=error,
        )
    )


def status_came(status: Status, taken: Taken, started_at: datetime, services: Services) -> None:
    """News of a bubble, below the attempt that it is about."""
    if services.tracer is None or not taken.first:
        return
    word = status.delivery.name.lower()
    services.tracer.ended(
        Span(
            f"bubble.{word}",
            "server",
            trace_id=taken.first,
            span_id=token_hex(8),
            parent_id=send_span_id(taken.turn_id, taken.number, taken.attempt),
            started_at=started_at,
            ended_at=services.clock.now(),
            attributes={
                "message_key": taken.first,
                "conversation_key": taken.conversation,
                "turn_id": taken.turn_id,
                "number": int(taken.number),
                "attempt": int(taken.attempt or 0),
            },
            error=str(status.error_code or word) if word == "failed" else "",
        )
    )
