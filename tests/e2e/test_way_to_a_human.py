"""A human is called for, through every process: silence, a POST to the operators, and back."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from app.core.phrases import phrase
from app.simulator.answers import answer_to
from app.simulator.valkey import redis_for
from tests.e2e.house import ADMIN_TOKEN, APP_SECRET, House, open_house

RETURN = "How do I return an order?"
SECRET = "what signs for the operators"


@dataclass
class Desk:
    """The operators' own server: what was posted, and how often it answers 503 first."""

    failures: int = 1
    calls: list[tuple[dict[str, object], bool]] = field(default_factory=list)
    url: str = ""

    def take(self, body: bytes, signature: str) -> int:
        own = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        self.calls.append((json.loads(body), signature == f"sha256={own}"))
        return 503 if len(self.calls) <= self.failures else 204


@contextmanager
def open_desk() -> Iterator[Desk]:
    desk = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(desk.take(body, self.headers["x-rivulet-signature-256"]))
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        desk.url = f"http://127.0.0.1:{server.server_address[1]}/calls"
        yield desk
        server.shutdown()
        thread.join()


@dataclass
class Site:
    house: House
    desk: Desk

    def admin(self, path: str) -> None:
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        url = f"{self.house.web_url}/admin/{path}"
        httpx2.post(url, headers=headers, json={}).raise_for_status()

    def colleague_answers(self, person: str, text: str) -> None:
        """As Meta tells us of an answer from the Business app."""
        persons = self.house.meta.get("/simulator/persons").json()
        to = next(one for one in persons if one["id"] == person)
        number = self.house.numbers()[0]
        echo = {
            "to": to["phone"],
            "to_user_id": to["user_id"],
            "id": f"wamid.ECHO{person}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": text},
        }
        value = {"metadata": {"phone_number_id": number}, "message_echoes": [echo]}
        change = {"field": "smb_message_echoes", "value": value}
        body = json.dumps({"entry": [{"id": "102015550100009", "changes": [change]}]}).encode()
        signature = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"x-hub-signature-256": f"sha256={signature}"}
        url = f"{self.house.web_url}/webhook"
        httpx2.post(url, content=body, headers=headers).raise_for_status()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with (
        open_desk() as desk,
        TemporaryDirectory() as folder,
        redis_for("tests") as url,
        open_house(
            url,
            Path(folder),
            meta=["--set", "sent_delay=0.01", "--set", "delivered_delay=0.02"],
            model=["--set", "tokens_per_second=40", "--set", "first_token_seconds=0.1"],
            settings={"HANDOFF_WEBHOOK_URL": desk.url, "HANDOFF_WEBHOOK_SECRET": SECRET},
        ) as house,
    ):
        yield Site(house, desk)


def test_who_asks_for_a_human_is_told_and_so_are_the_operators_until_they_know(site: Site) -> None:
    house = site.house
    person = house.person(name="Ana", phone="15550410")
    turn = house.answered(house.say(person, "Can I talk to a person?"))
    assert turn["ending"] == "handed_over"
    house.until(lambda: house.bubbles(person) or None, "the sentence")
    assert house.bubbles(person) == [phrase("handed_over", like="Can I talk to a person?")]

    wamid = house.say(person, "When are you open?")
    house.until(lambda: len(site.desk.calls) > 1 or None, "the second POST")
    assert house.turn_of(wamid) is None
    (first, first_signed), (second, second_signed) = site.desk.calls
    assert first == second
    assert first_signed
    assert second_signed
    assert (first["conversation"], first["reason"]) == (turn["conversation"], "asked")

    site.admin(f"conversations/{turn['conversation']}/resume")
    assert house.answered(wamid)["ending"] == "answered"


def test_a_colleagues_answer_stops_ours_and_what_follows_waits(site: Site) -> None:
    house = site.house
    person = house.person(name="Ben", phone="15550411")
    wamid = house.say(person, RETURN)
    house.until(lambda: house.bubbles(person) or None, "the first bubble")
    site.colleague_answers(person, "Let me see to this myself.")
    turn = house.answered(wamid)
    assert turn["ending"] == "paused"
    read = sum(map(len, house.bubbles(person)))
    assert read < len(answer_to(RETURN)) / 2


def test_stop_in_the_middle_of_an_answer_ends_it_with_one_confirmation(site: Site) -> None:
    house = site.house
    person = house.person(name="Cleo", phone="15550412")
    wamid = house.say(person, RETURN)
    house.until(lambda: house.bubbles(person) or None, "the first bubble")
    stop = house.say(person, "STOP")
    assert house.answered(wamid)["ending"] == "paused"
    assert house.answered(stop)["ending"] == "stopped"
    confirmation = phrase("stopped", like=RETURN)
    house.until(lambda: confirmation in house.bubbles(person) or None, "the confirmation")
    assert house.bubbles(person)[-1] == confirmation
    assert house.bubbles(person).count(confirmation) == 1
