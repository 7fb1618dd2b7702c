"""The second journey: a turn becomes bubbles, while the model still writes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import structlog
from structlog.contextvars import bind_contextvars

from app import metrics
from app.core.model import Bubble, Turn
from app.core.phrases import phrase
from app.errors import (
    Deadly,
    Parked,
    Paused,
    Refused,
    RivuletError,
    Unavailable,
    Uncertain,
)
from app.pipeline.drafts import Drafts
from app.pipeline.ports import NOTHING_MORE, Closing, ReplyServices, TurnInHand
from app.pipeline.reading import Spent, read_model
from app.pipeline.sender import Grown, Sender
from app.pipeline.silence import fallen_silent
from app.pipeline.stepping_aside import (
    Instead,
    handed_over,
    instead_of_answer,
    step_aside,
)
from app.pipeline.tracing import trace_name, turn_traced

log = structlog.get_logger()

MOST_JOINS = 5
"""How often a turn starts over because the person writes on; then newcomers wait for the next."""

MOST_DEATHS = 5
"""How many workers in a row may die with a turn of which no bubble gets through meanwhile."""


TYPING_SECONDS = 25.0  # Meta shows it no longer ("Typing indicators"), and not again before
Phrase = Literal["no_answer", "broke_off", "cannot_read"]


WRITTEN_SECONDS = 1.0
"""How long the model waits, at most, for the typing indicator's request to leave."""


async def reply(conversation: str, turn_id: str, services: ReplyServices) -> str:
    """Answer what the person said since our last reply; the word says how it ended.

    Safe to run twice for one conversation: the second run finds the lease held, or nothing waiting,
    and leaves with ``nothing``. A run that follows one which died sends what that one had cut, and
    has the model go on from there; no bubble is said again.

    Raises:
        Unavailable, Parked: The answer could not be sent (to its end) now, or an earlier run may
            be dead and its lease has not run out. What was cut is written down and the messages
            keep waiting: run the turn again later.
        LeaseLost: Another worker answers.
        Deadly: Too many workers have died with it: give it up.
    """
    async with services.store.turn(conversation, turn_id) as hand:
        if hand is None:
            log.info("turn.nothing")
            return "nothing"
        messages = [services.keys.message(message.wamid) for message in hand.turn.messages]
        # The turn may be one that began under another job, and all that follows names that one.
        bind_contextvars(
            turn_id=hand.turn.turn_id,
            message_key=messages[0],
            **trace_name(services, messages[0]),
        )
        log.info("turn.started", messages=messages, job_id=turn_id)
        services = services.for_number(hand.turn.messages[0].phone_number_id)
        if hand.turn.deaths > MOST_DEATHS:
            raise Deadly(f"{hand.turn.deaths} workers have died with this turn")
        ended = await _answer(hand, services)
        if ended.ending == "paused" and not ended.said:
            log.info("turn.paused")
            return ended.ending  # nobody has answered: the messages wait for the pause's end
        await hand.finish(ended.said, ending=ended.ending, closing=ended.closing)
    services.meter.count(metrics.TURNS, ending=ended.ending)
    if ended.closing.pause:
        fallen_silent(conversation, ended.closing.pause, services)
    log.info("turn.ended", ending=ended.ending)
    return ended.ending


async def give_up(conversation: str, turn_id: str, services: ReplyServices) -> None:
    """Stop trying to answer a turn that has failed too often, and apologise once.

    Its messages are kept: a requeue of the job, or the person's next words, answer them. Where
    there was but a sentence to say (a colleague comes, STOP is heard), what it tells of is done
    without it.
    """
    async with services.store.turn(conversation, turn_id) as hand:
        if hand is None:
            return
        services = services.for_number(hand.turn.messages[0].phone_number_id)
        instead = instead_of_answer(hand.turn, services.limits, services.clock.now())
        if instead:
            said = [one.bubble.source for one in hand.turn.standing if one.attempt]
            closing = instead.closing
            await hand.finish("\n\n".join(said), ending=instead.ending, closing=closing)
            if closing.pause:
                fallen_silent(conversation, closing.pause, services)
        else:
            await _apologise(hand, services)
            await hand.give_up()
    services.meter.count(metrics.TURNS, ending="given_up")
    log.error("turn.given_up")


async def _apologise(hand: TurnInHand, services: ReplyServices) -> None:
    """Once; not when something of the answer, or an apology, has been read, or even that kills."""
    turn, bot = hand.turn, services.bot
    if turn.next_number > 0 or turn.deaths > MOST_DEATHS + 1:
        return
    text = bot.apology or phrase("no_answer", like=_heard(turn), human_contact=bot.human_contact)
    await hand.note(apology=turn.next_number)
    with suppress(RivuletError):  # the Graph API may be what has failed
        async with turn_traced(turn, services) as noted:
            noted["ending"] = "given_up"
            for bubble in Drafts(turn.turn_id, first=turn.next_number).of(text)[:1]:
                await Sender(hand, services, joinable=False).send(bubble)


async def _answer(hand: TurnInHand, services: ReplyServices) -> "_Ended":
    """Send the answer, or what is said in its place; with whatever joins before any of it left."""
    spent, joins = Spent(), 0
    while True:
        try:
            ended = await _answer_once(hand, services, spent, joinable=joins < MOST_JOINS)
            break
        except (Grown, Paused):
            joins += 1
            try:
                turn = await hand.join()  # a STOP may be the pause: then there is a word to say
            except Paused:
                ended = _Ended("", "paused")
                break
            log.info(
                "turn.joined",
                messages=[services.keys.message(message.wamid) for message in turn.messages],
            )
    return replace(ended, closing=replace(ended.closing, tokens=spent.tokens))


async def _answer_once(
    hand: TurnInHand, services: ReplyServices, spent: Spent, *, joinable: bool
) -> "_Ended":
    """
    Raises:
        Grown, Paused: Nothing has left.
    """
    limits, now = services.limits, services.clock.now()
    instead = instead_of_answer(hand.turn, limits, now)
    if instead and (hand.turn.owed or not _is_expired(hand.turn, services)):
        return await _step_aside(instead, hand, services)
    sender = Sender(hand, services, joinable=joinable)
    try:
        async with (
            turn_traced(hand.turn, services, calm=(Grown, Parked, Paused)) as noted,
            _typing_shown(hand.turn, services) as bubble_sent,
        ):
            writing = _write(hand, sender, services, bubble_sent, spent)
            noted["ending"] = ending = await _unless_grown(writing, hand, sender)
    except (Grown, Paused):
        if not sender.said and not hand.turn.standing:
            raise
        ending = "paused"
    except (Refused, Uncertain) as exc:
        ending = type(exc).__name__.lower()
    else:
        if sender.said:
            services.meter.observe(metrics.REPLY_BUBBLES, len(sender.said))
    calls = ending == "handed_over"
    closing = handed_over("model", limits, now).closing if calls else NOTHING_MORE
    return _Ended("\n\n".join(sender.said), ending, closing)


async def _step_aside(instead: Instead, hand: TurnInHand, services: ReplyServices) -> "_Ended":
    try:
        async with turn_traced(hand.turn, services, calm=(Paused,)) as noted:
            noted["ending"] = instead.ending
            said = await step_aside(instead, hand, services)
    except Paused:
        return _Ended("", "paused")
    return _Ended(said, instead.ending, instead.closing)


async def _unless_grown(writing: Coroutine[Any, Any, str], hand: TurnInHand, sender: Sender) -> str:
    """The result of ``writing``, which is given up when the person writes again in time.

    Raises:
        Grown: No bubble's send had begun; the model is to be asked again with everything.
    """
    task = asyncio.create_task(writing)
    grown = asyncio.create_task(hand.grown.wait())
    try:
        await asyncio.wait({task, grown}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and sender.joinable and not sender.begun:
            raise Grown
        return await task
    finally:
        task.cancel()
        grown.cancel()
        await asyncio.gather(task, grown, return_exceptions=True)


async def _write(
    hand: TurnInHand,
    sender: Sender,
    services: ReplyServices,
    bubble_sent: Callable[[], None],
    spent: Spent,
) -> str:
    """Stream the model's answer into bubbles, or say in one sentence why there is none."""
    turn, bot = hand.turn, services.bot
    drafts = Drafts(turn.turn_id, first=turn.next_number)

    async def say(which: Phrase) -> str:
        own_words = bot.apology if which == "no_answer" else ""
        text = own_words or phrase(which, like=_heard(turn), human_contact=bot.human_contact)
        for bubble in drafts.of(text):
            await sender.send(bubble)
        return which

    if not turn.standing and _is_expired(turn, services):
        return "expired"
    await sender.resume()
    if turn.whole:
        return turn.instead or "answered"
    if not any(message.readable for message in turn.messages):
        return await say("cannot_read")

    started = asyncio.get_running_loop().time()
    bubbles: asyncio.Queue[Bubble | None] = asyncio.Queue()

    def room() -> int:
        return sender.burst_left - bubbles.qsize()

    work = read_model(hand, services, drafts, bubbles, spent, room=room)
    reading = asyncio.create_task(work)
    try:
        while (bubble := await bubbles.get()) is not None:
            await sender.send(bubble)
            bubble_sent()
            if bubble.number == 0:
                waited = asyncio.get_running_loop().time() - started
                services.meter.observe(metrics.FIRST_BUBBLE_SECONDS, waited)
                since = services.clock.now() - turn.messages[0].sent_at
                services.meter.observe(
                    metrics.FIRST_BUBBLE_WAIT_SECONDS, max(0.0, since.total_seconds())
                )
            if services.limits.interrupts and hand.grown.is_set():
                return "interrupted"
        ending = await reading
    except (Parked, Unavailable):
        await reading  # what the model still writes is written down for the run that goes on
        raise
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return ending or await say("broke_off" if sender.said else "no_answer")


@dataclass(frozen=True, slots=True)
class _Ended:
    """What the person has seen of a turn, a word for how it ended, and what comes with the end."""

    said: str
    ending: str
    closing: Closing = NOTHING_MORE


def _is_expired(turn: Turn, services: ReplyServices) -> bool:
    """Whether even the newest message has become too old while it waited."""
    newest = max(message.sent_at for message in turn.messages)
    return services.clock.now() - newest > services.limits.message_max_age


def _heard(turn: Turn) -> str:
    """The person's own words, to tell their language by: now, else the last time they wrote."""
    now = " ".join(message.text for message in turn.messages if message.readable)
    before = (entry.text for entry in reversed(turn.history) if entry.role == "user")
    return now or next(before, "")


@asynccontextmanager
async def _typing_shown(turn: Turn, services: ReplyServices) -> AsyncIterator[Callable[[], None]]:
    """Show the read receipt and that we are typing, again after each 25 s without a bubble.

    The receipt's request has left before the body begins. Gives the function to call at a bubble.
    Failures are logged and harm nothing.
    """
    bubble_sent, written = asyncio.Event(), asyncio.Event()
    newest = turn.messages[-1]

    async def show() -> None:
        while True:
            try:
                await services.channel.show_typing(
                    newest.phone_number_id, newest.wamid, on_written=written.set
                )
            except RivuletError as exc:
                log.info("typing.failed", error=str(exc))
            written.set()
            while await _happens(bubble_sent, within=TYPING_SECONDS):
                bubble_sent.clear()

    showing = asyncio.create_task(show())
    try:
        await _happens(written, within=WRITTEN_SECONDS)
        yield bubble_sent.set
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


async def _happens(event: asyncio.Event, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            return await event.wait()
    except TimeoutError:
        return False
