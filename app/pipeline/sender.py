"""Bubbles in order: one send at a time, written down before and after, retried where safe."""

import asyncio
import random
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog

from app import metrics
from app.core.graph_errors import code_label, verdict_for, verdict_of
from app.core.model import Address, Bubble, Delivery, Standing
from app.errors import Parked, Refused, Unavailable, Uncertain
from app.pipeline.ports import Clearance, ReplyServices, TurnInHand
from app.pipeline.tracing import send_ended

log = structlog.get_logger()

MOST_WAIT = timedelta(seconds=10)
"""A turn that must wait longer gives its place to others meanwhile."""

JITTER = 0.2

NO_WAIT = timedelta()
FULL_BURST = 10
"""Taken for granted until the first bubble tells."""


class Grown(Exception):
    """The person has written again before the first bubble left: answer everything together."""


class Sender:
    """Sends the bubbles of one reply, in order.

    Attributes:
        joinable: Whether the first bubble gives way (``Grown``) to what came in meanwhile.
        begun: Whether the first bubble's send has begun; from then on the reply stands.
        said: The sources of the bubbles that the person has, or may have, seen.
        burst_left: How many more bubbles this person may get at once, as far as we know.
    """

    def __init__(self, hand: TurnInHand, services: ReplyServices, *, joinable: bool) -> None:
        self._hand = hand
        self._services = services
        self._order_waits = services.limits.order == "delivered"
        self._before: Bubble | None = None
        self._attempts = 0  # of the bubble before
        self.joinable = joinable and not hand.turn.standing
        self.begun = bool(hand.turn.standing)
        self.said: list[str] = []
        self.burst_left = FULL_BURST

    async def resume(self) -> None:
        """Bring to an end what an earlier run of this turn had planned or begun.

        Raises:
            As ``send``.
        """
        for standing in self._hand.turn.standing:
            if standing.state in ("sending", "uncertain"):
                await self._settle(standing)
            elif standing.state == "sent":
                self._passed(standing.bubble, standing.attempt)
            else:
                await self._send(standing.bubble, standing.attempt)

    async def _settle(self, standing: Standing) -> None:
        """A send of which the earlier run saw no answer: did it happen?"""
        if not await self._has_left(standing.bubble):
            if not self._services.limits.resend_uncertain:
                self._passed(standing.bubble, standing.attempt)
                raise Uncertain("an earlier run's send has no answer and no status")
            self._services.meter.count(metrics.RESENDS)
            log.warning("bubble.resent", number=standing.bubble.number, attempt=standing.attempt)
            await self._send(standing.bubble, standing.attempt)
            return
        self._passed(standing.bubble, standing.attempt)

    async def send(self, bubble: Bubble) -> None:
        """Send the next bubble; return once Meta has taken it.

        Raises:
            Grown: Nothing was sent; see ``TurnInHand.join``.
            Paused: Nothing was sent, and nothing more is to be.
            Refused: It will never be sent.
            Unavailable, Parked: It was not sent; run the turn again later.
            Uncertain: It may have been sent, and ``UNCERTAIN_POLICY`` forbids another attempt.
            LeaseLost: Another worker answers this turn.
        """
        await self._send(bubble, attempt=0)

    async def _send(self, bubble: Bubble, attempt: int) -> None:
        await self._in_order()
        failures = 0
        while True:
            attempt += 1
            clearance, leave_by = await self._begin(bubble, attempt)
            if clearance.is_sent:
                break
            try:
                await unbroken(self._attempt(bubble, clearance.address, attempt, leave_by))
                break
            except Uncertain:
                if await self._has_left(bubble):
                    break
                if not self._services.limits.resend_uncertain:
                    self._passed(bubble, attempt)
                    raise
                self._services.meter.count(metrics.RESENDS)
                log.warning("bubble.resent", number=bubble.number, attempt=attempt)
            except Unavailable as exc:
                failures += 1
                await self._wait_out(exc, failures)
        self._passed(bubble, attempt)

    async def _wait_out(self, exc: Unavailable, failures: int) -> None:
        """Wait until a send that certainly did not happen may be tried again.

        Raises:
            Unavailable: It has failed too often.
            Parked: The wait is too long to hold a worker's place for it.
        """
        asked = exc.retry_after or NO_WAIT
        verdict = verdict_of(exc)
        if verdict.tries is not None:
            if failures > verdict.tries:
                raise exc
            await self._pause(max(asked, verdict.wait(failures)), cause="retry")
            return
        held = await self._hand.hold(
            exc.scope,
            code=exc.code or 0,
            wait=max(asked, verdict.first_wait),
            growth=verdict.growth,
        )
        log.error("sending.held", scope=exc.scope, code=exc.code, seconds=held.total_seconds())
        await self._pause(held, cause=exc.scope)

    async def _pause(self, wait: timedelta, *, cause: str) -> None:
        """Wait here; or give the place back, and come again at a time of our own."""
        self._waits(wait.total_seconds(), cause)
        if wait > MOST_WAIT:
            # Apart from each other: a thousand turns that wait for one token must not come at once.
            raise Parked(wait * (1 + JITTER * random.random()))  # noqa: S311 - no secret
        await self._services.clock.sleep(wait.total_seconds())

    def _passed(self, bubble: Bubble, attempt: int) -> None:
        self.said.append(bubble.source)
        self._before, self._attempts = bubble, attempt

    async def _in_order(self) -> None:
        """Wait until the bubble before cannot be overtaken, or has had its time.

        Meta promises no order between two sends; only the first one's ``delivered`` makes it sure.
        After one wait that ran out (a phone that is off) the reply waits no more.

        Raises:
            Refused: The bubble before has failed for good: without it, the rest makes no sense.
        """
        if not self._order_waits:
            return
        if self._before is None:
            await self._after_last_reply()
            return
        wait = self._services.limits.order_wait
        with self._waiting("order"):
            known = await self._hand.delivery(
                self._before.reply_id, self._before.number, at_least=Delivery.FAILED, within=wait
            )
        if known is not None and known[0] is Delivery.FAILED:
            await self._send_again(known[1])
        elif known is None or known[0] < Delivery.FAILED:
            self._order_waits = False
            self._services.meter.count(metrics.ORDER_WAITS_RUN_OUT)

    async def _after_last_reply(self) -> None:
        last = self._hand.turn.before
        if last is None:
            return
        since = self._services.clock.now() - last.sending_at
        wait = self._services.limits.order_wait - since
        if wait > NO_WAIT:
            with self._waiting("order"):
                await self._hand.delivery(
                    last.reply_id, last.number, at_least=Delivery.FAILED, within=wait
                )

    async def _send_again(self, code: int | None) -> None:
        """The bubble before came back as failed: once more, if its code allows.

        Raises:
            Refused: It does not.
        """
        bubble = self._before
        verdict = verdict_for(code or 0)
        if bubble is None or verdict.kind not in ("retry", "throttled") or self._attempts > 1:
            self.said.pop()
            raise Refused("the bubble before has failed", code=code)
        attempts = self._attempts
        self.said.pop()
        self._before = None
        self._order_waits = False
        await self._services.clock.sleep(verdict.wait(1).total_seconds())
        await self._send(bubble, attempts)
        self._order_waits = True

    async def _has_left(self, bubble: Bubble) -> bool:
        within = self._services.limits.uncertain_wait
        with self._waiting("uncertain"):
            return await self._hand.has_left(bubble.number, within=within, most=MOST_WAIT)

    @contextmanager
    def _waiting(self, cause: str) -> Iterator[None]:
        """What the block takes is a wait."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            yield
        finally:
            self._waits(clock() - began, cause)

    def _waits(self, seconds: float, cause: str) -> None:
        self._services.meter.observe(metrics.SEND_WAIT_SECONDS, seconds, cause=cause)

    async def _begin(self, bubble: Bubble, attempt: int) -> tuple[Clearance, float]:
        unless_grown = self.joinable and not self.begun
        within = self._services.limits.send_within
        while True:
            # Taken before the deadline is written down, so that ours is never the later one.
            leave_by = asyncio.get_running_loop().time() + within.total_seconds()
            if leave_by > self._services.ends_at():
                raise Parked(NO_WAIT)
            begun, self.begun = self.begun, True
            try:
                clearance = await self._hand.begin_send(
                    bubble, attempt=attempt, within=within, unless_grown=unless_grown
                )
            except Parked as parked:
                self.begun = begun
                await self._pause(parked.after, cause=parked.scope)
                continue
            if clearance is None:
                raise Grown
            if not clearance.is_sent:
                self.burst_left = clearance.burst_left
                await self._queue_up(bubble, clearance)
            return clearance, leave_by + clearance.wait.total_seconds()

    async def _queue_up(self, bubble: Bubble, clearance: Clearance) -> None:
        """Wait for our place among the number's sends.

        Raises:
            Parked: The process may have ended by then.
        """
        if not clearance.wait:
            return
        try:
            after = clearance.wait + self._services.limits.send_within
            loop_time = asyncio.get_running_loop().time()
            if loop_time + after.total_seconds() > self._services.ends_at():
                raise Parked(NO_WAIT)
            self._waits(clearance.wait.total_seconds(), "rate")
            await self._services.clock.sleep(clearance.wait.total_seconds())
        except (asyncio.CancelledError, Parked):
            await unbroken(self._hand.settle_send(bubble, code="cancelled"))
            raise

    async def _attempt(
        self, bubble: Bubble, address: Address, attempt: int, leave_by: float
    ) -> None:
        callback = f"{bubble.reply_id}:{bubble.number}:{attempt}"
        started_at = self._services.clock.now()
        meter, clock = self._services.meter, asyncio.get_running_loop().time
        began = clock()
        try:
            wamid = await self._services.channel.send(
                address, bubble.text, callback=callback, leave_by=leave_by
            )
        except (Refused, Unavailable, Uncertain) as exc:
            result = type(exc).__name__.lower()
            meter.count(metrics.SENDS, result=result, code=code_label(exc.code))
            meter.observe(metrics.SEND_SECONDS, clock() - began)
            log.warning("bubble.not_sent", number=bubble.number, attempt=attempt, error=str(exc))
            why = result if exc.code is None else str(exc.code)
            send_ended(bubble, attempt, started_at, self._services, error=why)
            uncertain = isinstance(exc, Uncertain)
            await self._hand.settle_send(bubble, uncertain=uncertain, code=exc.code)
            if exc.scope not in ("call", "pair"):
                await self._services.store.report_trouble(exc.scope, why)
            raise
        send_ended(bubble, attempt, started_at, self._services)
        meter.count(metrics.SENDS, result="sent", code="")
        meter.observe(metrics.SEND_SECONDS, clock() - began)
        await self._hand.settle_send(bubble, wamid=wamid)
        log.info(
            "bubble.sent",
            number=bubble.number,
            attempt=attempt,
            chars=len(bubble.text),
            bubble_key=self._services.keys.message(wamid),
        )


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
