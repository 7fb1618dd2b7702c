from typing import Any

import pytest

from app.simulator.answers import answer_to
from app.simulator.crowd import FAULTS, QUESTIONS, summary
from app.simulator.faults import Faults

NADIA, OMAR = "nadia", "omar"


def event(kind: str, person: str | None = NADIA, at: float = 100.0, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "person": person, "at": at, **more}


@pytest.mark.parametrize("wish", FAULTS, ids=str)
def test_every_fault_can_be_asked_for(wish: dict[str, object]) -> None:
    assert Faults().ask(wish).times is None


def test_people_ask_what_the_scripted_model_tells_apart() -> None:
    """Else an answer that comes twice could not be told from two that are alike."""
    for question, more in QUESTIONS:
        assert answer_to(question) != answer_to(more)


def test_the_summary_tells_what_the_phones_saw() -> None:
    events = [
        event("message", at=100.0),
        event("message", OMAR, at=101.0),
        event("webhook", None, status=None),
        event("webhook", None, status=200),
        event("webhook", None, status=200),
        event("send", status=200, error=None),
        event("send", status=400, error=130429),
        event("bubble", at=102.5, text="Of course."),
        event("bubble", at=103.0, text="Of course."),
        event("bubble", "somebody-else", at=104.0, text="No."),
    ]
    text, silent = summary(events, [NADIA, OMAR])
    assert silent == 1
    assert text.splitlines() == [
        "2 people wrote 2 messages.",
        "Webhooks by answer: 200 2, None 1.",
        "Sends by answer or error code: 130429 1, 200 1.",
        "2 bubbles landed, 1 of them said before.",
        "1 people read nothing.",
        "First bubble on the phone after 2.5 s (p50), 2.5 s (p99).",
    ]
