"""Bubbles in order: one send at a time, written down before and after, retried where safe."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from app import metrics
from app.core.graph_errors import VERDICTS
from app.core.markup import split_to_fit, to_whatsapp
from app.core.model import Address, Bubble
from app.errors import Refused, Unavailable, Uncertain
from app.pipeline.ports import ReplyServices, TurnInHand

log = structlog.get_logger()

RETRY_SECONDS = (0.5, 2.0, 4.0)
"""How long a send that certainly did not happen waits before each further attempt."""

MOST_WAIT_SECONDS = 10.0
"""Whoever asks us to wait longer gets the turn given up: it must not hold its place meanwhile."""

PASSING = ("call", "pair", "number")
"""Scopes that may work again in a moment; a revoked token does not."""


class Grown(Exception):
    """The person has written again before the first bubble left: answer everything together."""


class Sender:
    """Sends the bubbles of one reply, in order.

    Attributes:
        joinable: Whether the first bubble gives way (``Grown``) to what came in meanwhile.
        begun: Whether the first bubble's send has begun; from then on the reply stands.
        said: The sources of the bubbles that the person has, or may have, seen.
    """

    def __init__(self, hand: TurnInHand, services: ReplyServices, *, joinable: bool) -> None:
        self._hand = hand
        self._services = services
        self.joinable = joinable and not hand.turn.said
        self._next = len(hand.turn.said)
        self.begun = bool(hand.turn.said)
        self.said: list[str] = list(hand.turn.said)

    async def send(self, source: str) -> None:
        """Send one cut of the model's text (as one bubble, or more where markup made it too long).

        Raises:
            Grown: Nothing was sent; see ``TurnInHand.join``.
            Refused, Unavailable: It was not sent, and trying again now is of no use.
            Uncertain: It may have been sent, and ``UNCERTAIN_POLICY`` forbids another attempt.
            LeaseLost: Another worker answers this turn.
        """
        texts = split_to_fit(to_whatsapp(source))
        for text in texts:
            if text.strip():
                bubble = Bubble(
                    self._hand.turn.turn_id, self._next, text, source if len(texts) == 1 else text
                )
                await self._send(bubble)
                self._next += 1

    async def _send(self, bubble: Bubble) -> None:
        attempt = 0
        while True:
            attempt += 1
            address = await self._begin(bubble, attempt)
            try:
                await unbroken(self._attempt(bubble, address, attempt))
                break
            except Uncertain:
                if await self._hand.was_sent(bubble, within=self._services.limits.uncertain_wait):
                    break
                if not self._services.limits.resend_uncertain:
                    self.said.append(bubble.source)
                    raise
                log.warning("bubble.resent", number=bubble.number, attempt=attempt)
            except Unavailable as exc:
                wait = exc.retry_after.total_seconds() if exc.retry_after else 0.0
                hopeless = exc.scope not in PASSING or wait > MOST_WAIT_SECONDS
                if hopeless or attempt > len(RETRY_SECONDS):
                    raise
                await self._services.clock.sleep(max(wait, RETRY_SECONDS[attempt - 1]))
        self.said.append(bubble.source)

    async def _begin(self, bubble: Bubble, attempt: int) -> Address:
        unless_grown = self.joinable and not self.begun
        self.begun = True
        address = await self._hand.begin_send(bubble, attempt=attempt, unless_grown=unless_grown)
        if address is None:
            raise Grown
        return address

    async def _attempt(self, bubble: Bubble, address: Address, attempt: int) -> None:
        callback = f"{bubble.reply_id}:{bubble.number}:{attempt}"
        meter = self._services.meter
        try:
            wamid = await self._services.channel.send(address, bubble.text, callback=callback)
        except (Refused, Unavailable, Uncertain) as exc:
            result = type(exc).__name__.lower()
            meter.count(metrics.SENDS, result=result, code=_label(exc.code))
            log.warning("bubble.not_sent", number=bubble.number, attempt=attempt, error=str(exc))
            uncertain = isinstance(exc, Uncertain)
            await self._hand.settle_send(bubble, uncertain=uncertain, code=exc.code)
            if exc.scope not in PASSING:
                await self._services.store.report_trouble(exc.scope, str(exc.code or result))
            raise
        meter.count(metrics.SENDS, result="sent", code="")
        await self._hand.settle_send(bubble, wamid=wamid)
        log.info(
            "bubble.sent",
            number=bubble.number,
            attempt=attempt,
            chars=len(bubble.text),
            bubble_key=self._services.keys.message(wamid),
        )


def _label(code: int | str | None) -> str:
    """A code as a metric's label: only those that we know, so that labels stay few."""
    return str(code) if code in VERDICTS else "other" if code else ""


async def unbroken(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end even when the caller is cancelled meanwhile; the cancellation then goes on.

    A send that has begun cannot be taken back: only its answer tells what the person has seen.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
