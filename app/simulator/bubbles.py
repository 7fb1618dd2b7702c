"""The life of a bubble after Meta took it: sent, on the phone, read, or failed."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.simulator.faults import Fault, Faults
from app.simulator.knobs import Knobs, Span
from app.simulator.persons import Person
from app.simulator.record import Record
from app.simulator.refusals import as_status_error
from app.simulator.updates import status_update
from app.simulator.webhooks import Courier

LATE_SECONDS = 5.0
"""How long a bubble that shall be overtaken waits for the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class Bubble:
    """One message of the business that Meta took.

    Attributes:
        text: What the person reads: the text, a caption, an interactive body.
        content: The object of its type, as the business sent it.
        callback: ``biz_opaque_callback_data``.
    """

    wamid: str
    person: Person
    phone_number_id: str
    kind: str
    text: str
    content: dict[str, Any]
    callback: str | None
    by_phone: bool


@dataclass(slots=True)
class Bubbles:
    """Brings bubbles to phones, and tells the business of it."""

    record: Record
    faults: Faults
    courier: Courier
    knobs: Callable[[], Knobs]
    now: Callable[[], float]
    dice: random.Random

    def launch(self, bubble: Bubble, fault: Fault | None) -> None:
        """Send one on its way.

        Args:
            fault: What was asked for this send: ``fail_status`` and ``reorder`` matter here.
        """
        if fault is None or fault.fail_status is None:
            spoilt = self.faults.take(
                "status", person=bubble.person.id, text=bubble.text, only=_fails
            )
        else:
            spoilt = fault
        if spoilt is not None and spoilt.fail_status is not None:
            self._later(self.knobs().sent_delay, self._fail, bubble, spoilt.fail_status)
        else:
            late = fault is not None and fault.reorder
            self._later(self.knobs().sent_delay, self._sent, bubble, late)

    def come_online(self, person: Person) -> None:
        """Deliver what waited for the phone."""
        for chat in person.chats.values():
            while chat.waiting:
                self._later(self.knobs().delivered_delay, self._land, chat.waiting.popleft(), False)

    def read_by(self, person: Person) -> int:
        """The person opened their chats: all that is on the phone is read; how many that was."""
        bubbles = [bubble for chat in person.chats.values() for bubble in chat.unread]
        for bubble in bubbles:
            self._read(bubble)
        return len(bubbles)

    def _sent(self, bubble: Bubble, late: bool) -> None:
        self._tell(bubble, "sent")
        if not bubble.person.online:
            bubble.person.chat(bubble.phone_number_id).waiting.append(bubble)
            return
        self._later(self.knobs().delivered_delay, self._land, bubble, late)

    def _land(self, bubble: Bubble, late: bool) -> None:
        chat = bubble.person.chat(bubble.phone_number_id)
        if late:
            chat.late.append(bubble)
            self._later((LATE_SECONDS, LATE_SECONDS), self._land_late, bubble)
            return
        self.record.add(
            "bubble",
            person=bubble.person.id,
            phone_number_id=bubble.phone_number_id,
            wamid=bubble.wamid,
            type=bubble.kind,
            text=bubble.text,
            content=bubble.content if bubble.kind != "text" else None,
        )
        chat.unread.append(bubble)
        self._tell(bubble, "delivered")
        knobs = self.knobs()
        after = bubble.person.read_after
        if (after := knobs.read_after if after is None else after) is not None:
            self._later((after, after), self._read, bubble)
        while chat.late:
            self._land(chat.late.popleft(), False)

    def _land_late(self, bubble: Bubble) -> None:
        late = bubble.person.chat(bubble.phone_number_id).late
        if bubble in late:
            late.remove(bubble)
            self._land(bubble, False)

    def _read(self, bubble: Bubble) -> None:
        unread = bubble.person.chat(bubble.phone_number_id).unread
        if bubble in unread:
            unread.remove(bubble)
            self._tell(bubble, "read")

    def _fail(self, bubble: Bubble, code: int) -> None:
        self._tell(bubble, "failed", code)

    def _tell(self, bubble: Bubble, status: str, code: int | None = None) -> None:
        self.record.add(
            "status",
            person=bubble.person.id,
            phone_number_id=bubble.phone_number_id,
            wamid=bubble.wamid,
            status=status,
            error=code,
        )
        if not self.knobs().statuses:
            return
        self.courier.tell(
            status_update(
                bubble.person,
                bubble.phone_number_id,
                wamid=bubble.wamid,
                status=status,
                at=self.now(),
                callback=bubble.callback,
                by_phone=bubble.by_phone,
                errors=[as_status_error(code)] if code is not None else [],
            )
        )

    def _later(self, span: Span, work: Callable[..., None], *args: object) -> None:
        asyncio.get_running_loop().call_later(self.dice.uniform(*span), work, *args)


def _fails(fault: Fault) -> bool:
    return fault.fail_status is not None
