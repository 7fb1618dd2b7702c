"""What a run has done to its people, told from the simulator's own record.

Every sentence of an answer names the message it answers, and every send carries our own
``reply:number:attempt``; so what is lost, double, late or out of order shows by itself.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise

from tests.chaos.model import PART, PARTS, TOKEN
from tests.chaos.world import REDIS_IS_BACK, Event, Plan, Run

NEVER = float("inf")
RECOVERY_SECONDS = 15.0
SLACK = 0.25
"""Seconds by which a wait may look shorter from outside: it begins before the request arrives."""


@dataclass(frozen=True, slots=True)
class Send:
    """One request to send a bubble, also one that Meta did not take; times in Unix seconds.

    Attributes:
        answered_at: When the business had its answer, or would have had it.
        landed_at: When it was on the phone; infinite when it never was.
        told_at: When the business had been told so; infinite when it never was.
    """

    person: str
    reply: str
    number: int
    attempt: int
    text: str
    received_at: float
    answered_at: float
    landed_at: float
    told_at: float


@dataclass
class Verdict:
    """The figures of one run; a list holds what a person needs to look into it.

    Attributes:
        lost: Messages of which no bubble says anything.
        cut_short: Messages answered in part.
        unanswered: People whose last message is lost or cut short.
        doubled: Sentences that one person got twice.
        doubled_sends: Bubbles (reply and number) that landed twice.
        early: Bubbles requested before the one before had settled or had its time.
        landed_out_of_order: Bubbles that landed before one with a lower number, in a reply of which
            no wait had run out.
        overtaken: The same after such a wait: the reply then goes on without, and no order is sure.
        interleaved: Replies among whose bubbles another reply's landed.
        recoveries: Seconds from a worker's death to the next sign that its turn is worked on.
    """

    lost: list[str] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    doubled_sends: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    landed_out_of_order: list[str] = field(default_factory=list)
    overtaken: int = 0
    interleaved: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    messages: int = 0
    bubbles: int = 0
    kills: int = 0
    resends: int = 0
    stops: int = 0
    seconds: float = 0.0

    @property
    def recovery_p50(self) -> float:
        """Half of the turns were taken up sooner; 0 when none had to be."""
        return statistics.median(self.recoveries) if self.recoveries else 0.0

    @property
    def recovery_max(self) -> float:
        """The slowest one."""
        return max(self.recoveries, default=0.0)

    def broken(self, plan: Plan) -> dict[str, list[str]]:
        """The promises that the run broke, with what broke them; empty when all were kept.

        Where neither answer nor status may come, bubbles may be double as often as they were sent
        again; and with ``never``, replies may stop.
        """
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        wrong = {name: found for name, found in named.items() if isinstance(found, list) and found}
        wrong.pop("recoveries", None)
        both_lost = plan.loss == "both may be lost"
        if both_lost and plan.policy == "resend" and len(self.doubled_sends) <= self.resends:
            wrong = {name: found for name, found in wrong.items() if "doubled" not in name}
        if both_lost and plan.policy == "never" and self.stops:
            stopped = ("lost", "cut_short", "unanswered")
            wrong = {name: found for name, found in wrong.items() if name not in stopped}
        if self.recovery_max > RECOVERY_SECONDS:
            wrong["recovery_max"] = [f"{self.recovery_max:.1f} s"]
        return wrong


def judge(run: Run) -> Verdict:
    """Read the record of a run."""
    sends = list(_sends(run.record))
    landed: defaultdict[str, list[Send]] = defaultdict(list)
    for send in sorted(sends, key=lambda send: send.landed_at):
        if send.landed_at < NEVER:
            landed[send.person].append(send)
    verdict = Verdict(
        messages=len(run.asked),
        bubbles=sum(map(len, landed.values())),
        kills=sum("redis" not in kill.who for kill in run.kills),
        resends=run.resends,
        stops=run.stops,
        seconds=run.seconds,
    )
    _judge_answers(run.asked, landed, verdict)
    ran_out = _judge_requests(sends, run, verdict)
    for person, theirs in landed.items():
        _judge_landing(person, theirs, ran_out, verdict)
    verdict.recoveries = list(_recoveries(run, sends))
    return verdict


def _sends(record: Sequence[Event]) -> Iterator[Send]:
    landed = {one["wamid"]: one["at"] for one in record if one["kind"] == "bubble"}
    told: dict[str, float] = {}
    for one in record:
        if one["kind"] == "webhook" and one["status"] == 200:
            for status in one["statuses"]:
                if status["status"] == "delivered":
                    told.setdefault(status["wamid"], one["at"])
    for one in record:
        if one["kind"] != "send":
            continue
        reply, number, attempt = one["callback"].split(":")
        yield Send(
            one["person"],
            reply,
            int(number),
            int(attempt),
            one["text"],
            one["received_at"],
            one["received_at"] + one["seconds"],
            landed.get(one["wamid"], NEVER),
            told.get(one["wamid"], NEVER),
        )


def _judge_answers(
    asked: Mapping[str, str], landed: Mapping[str, Sequence[Send]], verdict: Verdict
) -> None:
    parts: Counter[tuple[str, str]] = Counter()
    for theirs in landed.values():
        parts.update(part for send in theirs for part in PART.findall(send.text))
    last: dict[str, str] = {}
    for token, person in asked.items():
        last[person] = token
        found = sum((token, str(part)) in parts for part in range(1, PARTS + 1))
        if found == 0:
            verdict.lost.append(token)
        elif found < PARTS:
            verdict.cut_short.append(token)
    bad = {*verdict.lost, *verdict.cut_short}
    verdict.unanswered = [person for person, token in last.items() if token in bad]
    verdict.doubled = [f"{token} part {part}" for (token, part), n in parts.items() if n > 1]


def _judge_requests(sends: Sequence[Send], run: Run, verdict: Verdict) -> set[str]:
    """Each bubble leaves after the one before was on the phone, or had had its time.

    Returns:
        The replies of which a wait had run out, or may have.
    """
    by_person: defaultdict[str, list[Send]] = defaultdict(list)
    for send in sorted(sends, key=lambda send: send.received_at):
        by_person[send.person].append(send)
    wait = run.plan.order_wait - SLACK
    ran_out: set[str] = set()
    first_landed: defaultdict[tuple[str, int], float] = defaultdict(lambda: NEVER)
    for send in sends:  # whichever attempt it was
        bubble = (send.reply, send.number)
        first_landed[bubble] = min(first_landed[bubble], send.landed_at)
    for person, theirs in by_person.items():
        for before, send in pairwise(theirs):
            if (before.reply, before.number) == (send.reply, send.number):
                continue  # another attempt: judged as a double if both landed
            at = send.received_at
            if at >= before.received_at + wait and before.told_at > at - SLACK:
                ran_out.add(send.reply)
            elif first_landed[(before.reply, before.number)] > at and not (
                send.reply in ran_out and before.answered_at <= at
            ):
                verdict.early.append(f"{person} {send.reply}:{send.number}")
    return ran_out


def _judge_landing(
    person: str, theirs: Sequence[Send], ran_out: set[str], verdict: Verdict
) -> None:
    times = Counter((send.reply, send.number) for send in theirs)
    verdict.doubled_sends += [f"{person} {reply}:{n}" for (reply, n), c in times.items() if c > 1]
    over: set[str] = set()
    before: Send | None = None
    for send in theirs:
        if before and send.reply == before.reply and send.number < before.number:
            if send.reply in ran_out:
                verdict.overtaken += 1
            else:
                verdict.landed_out_of_order.append(f"{person} {send.reply}:{send.number}")
        if before and send.reply != before.reply:
            over.add(before.reply)
        if send.reply in over:
            verdict.interleaved.append(f"{person} {send.reply}:{send.number}")
        before = send


def _recoveries(run: Run, sends: Sequence[Send]) -> Iterator[float]:
    """Of each person whose turn died with a worker, how long until somebody worked on it again.

    Where the next worker died as well before it gave a sign, that death counts, not the first, also
    where it had only taken the turn from the queue. While Redis is away nobody can, so the clock
    starts anew when it is back. A turn whose last bubble had been sent gives no sign any more.
    """
    signs: defaultdict[str, list[float]] = defaultdict(list)
    said: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for one in run.record:
        if one["kind"] in ("send", "read"):
            signs[one["person"]].append(float(one["received_at"]))
        elif one["kind"] == "message":
            said[one["person"]] += [(token, one["at"]) for token in TOKEN.findall(one["text"])]
    answered: dict[str, float] = {}
    for send in sends:
        for token, _ in PART.findall(send.text):
            answered[token] = max(answered.get(token, 0.0), send.received_at)

    def waited(person: str, at: float) -> bool:
        return any(asked < at < answered.get(token, 0.0) for token, asked in said[person])

    back = [kill.at for kill in run.kills if kill.who == REDIS_IS_BACK]
    for place, kill in enumerate(run.kills):
        for person in kill.held:
            sign = next((at for at in signs[person] if at > kill.at), None)
            if sign is None or not waited(person, kill.at):
                continue
            later = [one for one in run.kills[place + 1 :] if one.at < sign]
            if any(person in one.held for one in later):
                continue  # timed from there
            deaths = [kill.at, *(one.at for one in later if person in one.taken)]
            yield sign - max(at for at in (*deaths, *back) if at < sign)
