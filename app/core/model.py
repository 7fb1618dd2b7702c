"""The nouns, as frozen data. Times are UTC; ids are Meta's own strings unless they say "key".

A *key* is our keyed hash of such an id (see ``keys.py``): safe in logs, metrics and job arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal, TypeVar, dataclass_transform

from app.errors import Scope

Noun = TypeVar("Noun")


@dataclass_transform(frozen_default=True)
def light(cls: type[Noun]) -> type[Noun]:
    """A frozen, slotted dataclass that only the type checker keeps frozen.

    For what every webhook makes: freezing at run time too costs 3 µs for an ``InboundMessage``.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


@light
class InboundMessage:
    """What a person said to one of our numbers.

    Attributes:
        wamid: Meta's id of the message. It holds the person's phone number: never log it.
        phone_number_id: Which of our numbers was written to; Meta's id.
        user_id: Business-scoped user id (``CC.xxx``), or ``None`` in old payloads.
        phone: Digits, or ``None`` where Meta hides the number. At least one of the two is there.
        name: The profile name, for the prompt only; ``None`` when Meta sent none.
        sent_at: Meta's timestamp, whole seconds.
        kind: Meta's ``type``.
        text: What enters the prompt, never empty; at most 8,000 characters.
        readable: False for media of which ``text`` only says that they came.
        account_id: The WhatsApp Business Account that the number belongs to; ``None`` if not told.
    """

    wamid: str
    phone_number_id: str
    user_id: str | None
    phone: str | None
    name: str | None
    sent_at: datetime
    kind: str
    text: str
    readable: bool = True
    account_id: str | None = None


class Delivery(IntEnum):
    """How far a bubble has come. A status is news only when it is further than the last one.

    ``failed`` stands below ``delivered``: it may be followed by a delivery on another device,
    and a delivered bubble cannot fail any more. ``played`` counts as read.
    """

    SENT = 1
    FAILED = 2
    DELIVERED = 3
    READ = 4


@light
class Status:
    """What Meta reports about a bubble of ours.

    Attributes:
        wamid: The bubble's id.
        delivery: How far it has come.
        at: Meta's timestamp.
        callback: Our own ``reply:number:attempt``, when ``biz_opaque_callback_data`` came back.
        error_code: Meta's code when it failed, else ``None``.
        billable: Whether Meta says that it charges for it; ``None`` when it does not say.
        category: What Meta charges it as (``service`` …), ``other`` for a word that is new to us;
            ``""`` when it is not billable.
        country: Of a billable one: the person's, two letters of their user id; ``""`` without one.
    """

    wamid: str
    phone_number_id: str
    delivery: Delivery
    at: datetime
    callback: str | None = None
    error_code: int | None = None
    billable: bool | None = None
    category: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Echo:
    """What a colleague answered from the WhatsApp Business app: the bot is to step back.

    Attributes:
        user_id, phone: Whom it was sent to; at least one of the two is there.
        text: As an inbound message's.
        silent_until: When the bot may speak again; ``None`` where the receive journey has not said.
    """

    wamid: str
    phone_number_id: str
    user_id: str | None
    phone: str | None
    sent_at: datetime
    text: str
    account_id: str | None = None
    silent_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A person has a new phone number or user id: old and new belong to one conversation.

    At least one old and one new value is there.
    """

    phone_number_id: str
    old_user_id: str | None
    old_phone: str | None
    new_user_id: str | None
    new_phone: str | None


@light
class Ignored:
    """Something Meta told us that nobody said to the business. Counted, never answered.

    Attributes:
        reason: A fixed word for logs and metrics: ``reaction``, ``group``, ``unknown_field`` …
        wamid: Its id when it has one, to count a redelivery once.
    """

    reason: str
    wamid: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What Meta tells of our account or of one of our numbers, not of any message.

    Attributes:
        effect: ``stop`` sending for the scope until it works again, ``slow`` it down, ``resume``,
            or only ``tell`` the operator.
        code: A word of ours for Meta's event, or Meta's error code.
        account_id, phone_number_id: Whom it is about; ``None`` where Meta does not say.
        at: When it happened; an older one than the last says nothing of now. ``None``: not told.
        wait: For how long nothing is sent at first; each further time in a row is ``growth`` times
            longer.
    """

    effect: Literal["stop", "slow", "resume", "tell"]
    scope: Scope
    code: str
    account_id: str | None = None
    phone_number_id: str | None = None
    at: datetime | None = None
    wait: timedelta = timedelta()
    growth: int = 1


Event = InboundMessage | Status | Moved | Echo | Notice | Ignored

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One entry of a conversation's history: who said what."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message of a prompt, in the words of ``chat/completions``."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bubble goes: from which number, to whom.

    Attributes:
        phone: Preferred where known: it keeps the phone in later webhooks alive for 30 days.
        user_id: Used where no phone is known.
    """

    phone_number_id: str
    phone: str | None
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Bubble:
    """One outbound message, cut from a reply.

    Attributes:
        reply_id: The reply it was cut from: its turn's id.
        number: Its place in that reply, from 0.
        text: 1 to 4,000 UTF-16 units, already in the channel's markup.
        source: The model's own text of it, for the history.
    """

    reply_id: str
    number: int
    text: str
    source: str


PauseReason = Literal["asked", "model", "colleague", "operator", "stop"]
"""Why the bot is silent: the person asked for a human, or the model did; a colleague answers; an
operator wants it; the person wants no messages."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The bot is silent in a conversation, or on a whole number.

    Attributes:
        since: When the silence began; another reason may have begun it.
        until: ``None``: without an end of its own.
    """

    reason: PauseReason
    since: datetime
    until: datetime | None


BubbleState = Literal["planned", "sending", "sent", "uncertain", "unsent"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A bubble as an earlier run of its turn left it.

    Attributes:
        attempt: How many sends have begun; 0 for one that is only planned.
        deadline_at: Nothing of the last one leaves after this; ``None`` when none has begun.
    """

    bubble: Bubble
    state: BubbleState
    attempt: int = 0
    deadline_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastBubble:
    """The last bubble of the reply before: the next must not overtake it."""

    reply_id: str
    number: int
    sending_at: datetime


Owed = Literal["", "stopped", "started"]
"""The one sentence that follows a STOP, or a START after it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a person has used up, this turn included.

    Attributes:
        minute_turns: Within the minute that began with its first turn; the same for the day.
        day_tokens: That model's requests have cost, as the provider counted or by our estimate.
        told: Whether the person knows already that a limit is reached.
    """

    minute_turns: int = 1
    day_turns: int = 1
    day_tokens: int = 0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person said since our last reply, answered together.

    Attributes:
        turn_id: Random; also the RQ job's id and the reply's id.
        conversation: The opaque key of (number, person).
        token: The lease's token: whoever shows another one has lost the conversation.
        messages: In the order in which they were sent, at least one.
        history: What was said before, oldest first.
        standing: Bubbles of this very turn that an earlier run had cut, once one had begun to go.
        whole: Whether those are the whole answer.
        deaths: Workers that have died with it in a row, since a bubble of it last got through.
        next_number: Of the next bubble: an apology of an earlier run has a number too.
        before: The last bubble of the reply before; ``None`` when there is none.
        owed: The one thing to be said, when there is one.
        instead: What an earlier run decided to say in place of an answer; ``""`` for nothing.
        usage: As of this turn's first run.
    """

    turn_id: str
    conversation: str
    token: str
    messages: Sequence[InboundMessage]
    history: Sequence[Utterance]
    standing: Sequence[Standing] = ()
    whole: bool = False
    next_number: int = 0
    deaths: int = 0
    before: LastBubble | None = None
    owed: Owed = ""
    instead: str = ""
    usage: Usage = Usage()
