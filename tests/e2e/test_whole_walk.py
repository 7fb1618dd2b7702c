"""One run of the whole house, with everything marked that is somebody's, and much going wrong.

Then: what one message left in traces and logs; that no mark is anywhere but in the texts that Redis
keeps; and that all of Redis runs out.
"""

import hashlib
import hmac
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import httpx2
import orjson
import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from app.adapters import redis_admin, redis_store
from app.pipeline.admin import Listed
from app.simulator.valkey import redis_for
from tests.collector import Collector, TakenSpan, open_collector
from tests.e2e.house import APP_SECRET, House, Process, open_house
from tests.e2e.test_dashboard import no_turn_taken, waiting
from tests.ports import free_port

WEBHOOKS = Path(__file__).parents[1] / "fixtures" / "webhooks"
QUESTION = "How do I return an order?"
ADMIN_TOKEN = "a token of the tests for operators"
LOGIN = ("operator", "a password of the tests")

MARK, PHONE = "Quillfeather", "15550188"
"""What every name, text and id of a person holds, and how every number of one begins."""

STRUCTURE = {
    *("object", "field", "type", "status", "timestamp", "messaging_product", "event", "action"),
    *("phone_number_id", "mime_type", "biz_opaque_callback_data"),
}
"""What is left as it is in a sample: else it would not be the sample any more."""


@dataclass
class Walk:
    """The house after its run.

    Attributes:
        clean: The message that nothing happened to.
        joined: Two messages that were answered together.
        called: The message that asked for a human.
        failed: The turn that was given up.
        poisoned: The turn that failed of something unforeseen, and whose error quotes a person.
        answers: What our web process said to bodies that it does not take.
    """

    house: House
    collector: Collector
    dashboard_url: str
    clean: str = ""
    joined: list[str] = field(default_factory=list)
    called: str = ""
    failed: str = ""
    poisoned: str = ""
    answers: list[str] = field(default_factory=list)

    def key(self, wamid: str) -> str:
        return self.house.keys.message(wamid)

    def lines(self, *processes: str) -> list[dict[str, Any]]:
        """The log lines of some processes, as they were written; each must be JSON."""
        raw = [self.house.processes[name].log.read_bytes().splitlines() for name in processes]
        lines: list[dict[str, Any]] = [orjson.loads(line) for some in raw for line in some]
        return sorted(lines, key=lambda line: str(line["timestamp"]))

    def way_of(self, *keys: str) -> list[dict[str, Any]]:
        """The lines that one search for any of these finds."""
        return [
            line
            for line in self.lines("web", "worker")
            if any(key in orjson.dumps(line).decode() for key in keys)
        ]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    with ExitStack() as stack:
        url = stack.enter_context(redis_for("tests"))
        collector = stack.enter_context(open_collector())
        port, (username, password) = free_port(), LOGIN
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "HANDOFF_WEBHOOK_URL": f"{collector.url}/handoff",
            "LOG_LEVEL": "debug",
            "UNCERTAIN_WAIT": "1s",
            "ADMIN_TOKEN": ADMIN_TOKEN,
            "DASHBOARD_USERNAME": username,
            "DASHBOARD_PASSWORD": password,
        }
        house = stack.enter_context(
            open_house(
                url,
                folder,
                meta=["--set", "sent_delay=0.01", "--set", "delivered_delay=0.02"],
                model=["--set", "tokens_per_second=400", "--set", "first_token_seconds=0.3"],
                settings=settings,
            )
        )
        dashboard = Process(
            "dashboard",
            ["-m", "app", "dashboard", "--port", str(port)],
            house.environment,
            folder / "dashboard.log",
        )
        house.processes["dashboard"] = dashboard
        stack.callback(dashboard.stop)
        dashboard.start()
        walk = Walk(house, collector, f"http://127.0.0.1:{port}")
        go(walk)
        yield walk


# -- the run ---------------------------------------------------------------------------------------


def go(walk: Walk) -> None:
    house = walk.house
    people = [
        house.person(name=f"{MARK} {n}", phone=f"{PHONE}{n:03}", user_id=f"US.{MARK}{n}")
        for n in range(8)
    ]
    say_to_a_worker_that_rests(walk, hopeless=people[6], talkative=people[1])
    walk.clean = house.say(people[0], f"{QUESTION} {MARK}")
    house.answered(walk.clean)
    house.answered(walk.joined[1])
    ask_for_faults(house, people)
    wamids = [house.say(person, f"{QUESTION} {MARK}") for person in people[2:5]]
    wamids.append(house.say(people[5], f"refuse me, {MARK}"))
    wamids.append(house.say(people[0], f"break me, {MARK}"))
    wamids.append(house.say(people[1], f"garble me, {MARK}"))
    fail_unforeseen(walk, people[7])
    house.until(lambda: has_failed(house, walk.failed), "failed turn")
    for wamid in wamids:
        house.answered(wamid)
    walk.called = house.say(people[2], f"I want to talk to a human. {MARK}")
    stopped = house.say(people[3], "STOP")
    for wamid in (walk.called, stopped):
        house.answered(wamid)
    house.until(lambda: walk.collector.posts or None, "news of a call for a human")
    post_samples(walk)
    post_junk(walk)
    pause_a_number(house)
    house.until(lambda: has_come_to_rest(house) or None, "rest")


def ask_for_faults(house: House, people: Sequence[str]) -> None:
    """Meta and the model quote the person and the prompt in what they say of an error."""
    quoting = f"no luck with +{PHONE}002, {MARK}: {QUESTION}"
    refusal = {"error": {"message": quoting, "code": 131026, "error_data": {"details": quoting}}}
    sends: list[dict[str, object]] = [
        {"on": "send", "person": people[2], "http": 400, "body": json.dumps(refusal)},
        {"on": "send", "person": people[3], "http": 502, "body": f"<p>{quoting}</p>"},
        {"on": "send", "person": people[4], "lose_answer": True},
        {"on": "status", "person": people[4], "fail_status": 131026, "status": "delivered"},
        {"on": "read", "person": people[4], "http": 500, "body": quoting},
    ]
    for fault in sends:
        house.meta.post("/simulator/faults", json=fault).raise_for_status()
    error = json.dumps({"error": {"message": quoting, "code": MARK, "type": MARK}})
    streams: list[dict[str, object]] = [
        {"match": "refuse me", "http": 400, "body": error, "times": 9},
        {"match": "break me", "stream": "error_event", "times": 9},
        {"match": "garble me", "stream": "broken_json", "times": 9},
    ]
    for fault in streams:
        house.model.post("/simulator/faults", json=fault).raise_for_status()


def say_to_a_worker_that_rests(walk: Walk, *, hopeless: str, talkative: str) -> None:
    """Two messages that wait together, and one none of whose answer's sends will succeed, by a turn
    that has one try; it takes its time.
    """
    house = walk.house
    fault = {"on": "send", "person": hopeless, "error": 131000, "times": None}
    house.meta.post("/simulator/faults", json=fault).raise_for_status()
    with Redis.from_url(house.redis_url) as redis, no_turn_taken(house, redis):
        house.say(hopeless, f"{QUESTION} {MARK}")
        (walk.failed,) = house.until(lambda: waiting(redis), "queued turn")
        redis.hset(f"rq:job:{walk.failed}", "retries_left", 0)
        walk.joined = [house.say(talkative, f"{text} {MARK}") for text in (QUESTION, "And why?")]
        seen = [f"rv:seen:{walk.key(wamid)}" for wamid in walk.joined]
        house.until(lambda: redis.exists(*seen) == len(seen) or None, "messages that wait")


def fail_unforeseen(walk: Walk, person: str) -> None:
    """A turn that cannot read its inbox, twice; Python's error quotes what it cannot read."""
    house = walk.house
    first = house.answered(house.say(person, f"{QUESTION} {MARK}"))
    inbox = f"rv:inbox:{first['conversation']}"
    document = orjson.dumps({f"{MARK}{PHONE}": 1, "sent_at": "2026-11-20T12:00:00+00:00"}).decode()
    house.redis.zadd(inbox, {document: 0})
    house.say(person, f"{QUESTION} {MARK}")

    def tried_again_later() -> list[str] | None:
        return [str(job_id) for job_id in house.redis.zrange("rq:scheduled:turns", 0, -1)] or None

    (walk.poisoned,) = house.until(tried_again_later, "turn to be tried again")
    house.redis.hset(f"rq:job:{walk.poisoned}", "retries_left", 0)
    house.until(lambda: has_failed(house, walk.poisoned), "failed turn")
    house.redis.zrem(inbox, document)
    house.answered(house.say(person, f"{QUESTION} {MARK}"))


def has_failed(house: House, turn_id: str) -> bool | None:
    return house.redis.zscore("rq:failed:turns", turn_id) is not None or None


def post_samples(walk: Walk) -> None:
    """Every sample of a webhook that the tests know, marked through and through."""
    for sample in sorted(WEBHOOKS.glob("*.json")):
        body = marked(json.loads(sample.read_bytes()), sample.stem)
        walk.house.meta.post("/simulator/webhooks", json={"body": body}).raise_for_status()


def marked(tree: Any, name: str, *, is_id: bool = False) -> Any:
    """The same tree, each string in it somebody's; an id of digits is an account's or a file's.

    Args:
        name: The sample's: all of them have the same message's id, and would be taken for one.
    """
    if isinstance(tree, dict):
        return {
            key: value
            if key in STRUCTURE and isinstance(value, str)
            else marked(value, name, is_id=key == "id")
            for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [marked(one, name) for one in tree]
    if not isinstance(tree, str) or (is_id and tree.isdigit()):
        return tree
    if re.fullmatch(r"\+?\d{7,}", tree):
        return f"{PHONE}{zlib.crc32((name + tree).encode()) % 1000:03}"
    if tree.startswith("wamid."):
        return f"{tree}{MARK}{name}"
    if re.fullmatch(r"[A-Z]{2}\.\w+", tree):
        return f"{tree}{MARK}"
    return f"{tree} {MARK}"


def post_junk(walk: Walk) -> None:
    """Bodies that are not taken; what we say to them is kept."""
    url = f"{walk.house.web_url}/webhook"
    junk = f'{{"entry": "{MARK} {PHONE}'.encode()
    signature = "sha256=" + hmac.new(APP_SECRET.encode(), junk, hashlib.sha256).hexdigest()
    headers: list[dict[str, str]] = [
        {},
        {"x-hub-signature-256": f"sha256={MARK}"},
        {"x-hub-signature-256": signature},
    ]
    answers = [httpx2.post(url, content=junk, headers=one) for one in headers]
    query = {"hub.mode": MARK, "hub.verify_token": MARK, "hub.challenge": MARK}
    answers.append(httpx2.get(url, params=query))
    answers.append(httpx2.get(f"{walk.house.web_url}/{MARK}/{PHONE}"))
    assert [answer.status_code for answer in answers] == [401, 401, 400, 403, 404]
    walk.answers = [f"{answer.headers} {answer.text}" for answer in answers]


def pause_a_number(house: House) -> None:
    """Silence one number, and let somebody write to it."""
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    url = f"{house.web_url}/admin/numbers/{house.numbers()[0]}/pause"
    httpx2.post(url, json={}, headers=headers).raise_for_status()
    person = house.person(name=MARK, phone=f"{PHONE}999")
    wamid = house.say(person, MARK)
    seen = f"rv:seen:{house.keys.message(wamid)}"
    house.until(lambda: house.redis.exists(seen) or None, "message that waits")


def has_come_to_rest(house: House) -> bool:
    """No turn runs or waits to run, apart from those that wait for their time."""
    with house.redis.pipeline() as pipe:
        pipe.llen("rq:queue:turns")
        pipe.zcard("rq:wip:turns")
        return not any(pipe.execute())


# -- one message -----------------------------------------------------------------------------------


def test_a_message_is_one_trace_over_all_processes(walk: Walk) -> None:
    turn = walk.house.answered(walk.clean)
    count = len(walk.house.sources(turn))

    def whole() -> list[TakenSpan] | None:
        spans = walk.collector.trace(walk.key(walk.clean))
        return spans if len(spans) >= 3 + 3 * count else None  # each bubble: send, sent, delivered

    spans = walk.house.until(whole, "trace")
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    from_worker = [span.name for span in spans if span.service == "rivulet-worker"]
    assert sorted(from_worker) == sorted(["turn", "chat scripted", *["bubble.send"] * count])
    root, *statuses = (span for span in spans if span.service == "rivulet-web")
    assert (root.name, root.parent_id) == ("message.received", "")
    assert {span.name for span in statuses} >= {"bubble.sent", "bubble.delivered"}
    parents = {span.name: by_id[span.parent_id].name for span in spans if span.parent_id}
    assert parents.pop("turn") == "message.received"
    assert parents.pop("bubble.send") == parents.pop("chat scripted") == "turn"
    assert set(parents.values()) == {"bubble.send"}
    for status in statuses:
        assert by_id[status.parent_id].attributes["number"] == status.attributes["number"]
    for span in spans:
        assert span.attributes["turn_id"] == turn["turn_id"]
        assert span.attributes["conversation_key"] == turn["conversation"]
        assert span.attributes["message_key"] == walk.key(walk.clean)
        assert not span.failed


def test_the_models_span_tells_what_was_asked_for_and_what_came(walk: Walk) -> None:
    spans = walk.collector.trace(walk.key(walk.clean))
    (chat,) = [span for span in spans if span.name == "chat scripted"]
    told = {name.removeprefix("gen_ai."): value for name, value in chat.attributes.items()}
    assert told["operation.name"] == "chat"
    assert told["request.model"] == "scripted"
    assert told["response.finish_reasons"] == ["stop"]
    assert told["usage.input_tokens"] > 0
    assert told["usage.output_tokens"] > 0
    assert 0 < told["response.time_to_first_chunk"] < (chat.end_ns - chat.start_ns) / 1e9


def test_a_message_that_joined_is_linked(walk: Walk) -> None:
    keys = [walk.key(wamid) for wamid in walk.joined]  # webhooks may overtake each other
    spans = [span for key in keys for span in walk.collector.trace(key)]
    roots = {span.trace_id: span.span_id for span in spans if span.name == "message.received"}
    *_, turn = (span for span in spans if span.name == "turn")
    (other,) = set(keys) - {turn.trace_id}
    assert turn.links == [(other, roots[other])]


def test_one_search_in_the_logs_shows_a_messages_whole_way(walk: Walk) -> None:
    key = walk.key(walk.clean)
    turn = walk.house.answered(walk.clean)
    count = len(walk.house.sources(turn))
    found = walk.way_of(key)
    events = [line["event"] for line in found]
    once = ["message.received", "turn.started", "model.first_token", "model.ended", "turn.ended"]
    assert [event for event in events if event in once] == once
    assert events.count("bubble.sent") == count
    statuses = {line["number"] for line in found if line["event"] == "bubble.status"}
    assert statuses == set(range(count))
    for line in found:
        assert (line["message_key"], line["turn_id"]) == (key, turn["turn_id"]), line["event"]
        assert line["conversation_key"] == turn["conversation"], line["event"]
        assert line["trace_id"] == key, line["event"]


def test_what_joined_is_found_by_its_own_key(walk: Walk) -> None:
    turns = set()
    for wamid in walk.joined:
        found = walk.way_of(walk.key(wamid))
        assert "message.received" in [line["event"] for line in found]
        assert {"turn.started", "turn.joined"} & {line["event"] for line in found}
        turns |= {line["turn_id"] for line in found}
    assert len(turns) == 1


def test_a_turn_that_fails_tells_each_try(walk: Walk) -> None:
    tries = [line for line in walk.way_of(walk.poisoned) if line["event"] == "turn.failed"]
    assert [(line["error"], line["retries_left"]) for line in tries] == [
        ("TypeError", 3),
        ("TypeError", 0),
    ]
    events = [line["event"] for line in walk.way_of(walk.failed)]
    assert events.count("turn.started") == events.count("turn.failed") == 1
    assert events.count("bubble.not_sent") >= 4
    assert "turn.given_up" in events


def test_a_call_for_a_human_is_found_by_the_message_that_made_it(walk: Walk) -> None:
    (line,) = [
        one for one in walk.way_of(walk.key(walk.called)) if one["event"] == "handoff.called"
    ]
    turn = walk.house.answered(walk.called)
    assert (line["turn_id"], line["conversation_key"]) == (turn["turn_id"], turn["conversation"])


# -- nobody's data anywhere ------------------------------------------------------------------------


def test_nobodys_data_is_anywhere_but_in_the_texts(walk: Walk) -> None:
    """The search proves itself: beside what must not be there, it finds what must."""
    house = walk.house
    places = {
        **{f"log of {name}": log_of(walk, name) for name in ("web", "worker", "dashboard")},
        "metrics": httpx2.get(f"{house.web_url}/metrics").content,
        "readiness": httpx2.get(f"{house.web_url}/health/ready").content,
        "traces": b"\n".join(walk.collector.bodies),
        "news of calls": b"\n".join(walk.collector.posts),
        "jobs": jobs_in(house),
        "names of keys": "\n".join(map(str, house.redis.scan_iter())).encode(),
        "the rest of Redis": told_by(house, "rv:metrics*", "rv:trouble:*", "rv:hold:*"),
        "answers": "\n".join(walk.answers).encode(),
        **dashboard_pages(walk),
        **admin_answers(walk),
    }
    for place, there in {
        "log of web": walk.key(walk.clean),
        "log of worker": walk.poisoned,
        "traces": "chat scripted",
        "news of calls": "handoff",
        "metrics": "rivulet_sends_total",
        "jobs": "TypeError",
        "/admin/conversations?list=given_up": "conversation",
        f"/0/data/job/{walk.failed}.json": "Unavailable",
    }.items():
        assert there.encode() in places[place], place
    found = [
        (place, mark, context_of(mark, held))
        for place, held in places.items()
        for mark in [MARK, PHONE, *texts_and_ids(house)]
        if mark.lower().encode() in held.lower()
    ]
    assert found == []


def log_of(walk: Walk, name: str) -> bytes:
    return walk.house.processes[name].log.read_bytes()


def context_of(mark: str, held: bytes) -> bytes:
    at = held.lower().index(mark.lower().encode())
    return held[max(0, at - 200) : at + 100]


def texts_and_ids(house: House) -> list[str]:
    """Every id of a message, and a piece of every text, that was on its way."""
    events = house.events(None, "message", "send", "bubble")
    ids = {str(event["wamid"]) for event in events if event.get("wamid")}
    texts = {str(event["text"])[:24] for event in events if len(event.get("text") or "") >= 24}
    assert len(ids) > 20
    assert len(texts) > 3
    return sorted(ids | texts)


def told_by(house: House, *patterns: str) -> bytes:
    """All that keys of these names hold."""
    with Redis.from_url(house.redis_url) as redis:
        names = [name for pattern in patterns for name in redis.scan_iter(pattern)]
        return b"\n".join(repr(read(redis, name)).encode() for name in names)


def read(redis: "Redis", key: bytes) -> Any:
    """What a key holds, of whatever type."""
    match redis.type(key):
        case b"hash":
            return redis.hgetall(key)
        case b"list":
            return redis.lrange(key, 0, -1)
        case b"set":
            return redis.smembers(key)
        case b"zset":
            return redis.zrange(key, 0, -1, withscores=True)
        case b"stream":
            return redis.xrange(key)
        case _:
            return redis.get(key)


def jobs_in(house: House) -> bytes:
    """All that RQ keeps, and its compressed tracebacks as RQ reads them."""
    written = [told_by(house, "rq:*")]
    with Redis.from_url(house.redis_url) as redis:
        for name in redis.scan_iter("rq:job:*"):
            job_id = cast(bytes, name).decode().removeprefix("rq:job:")
            job = Job.fetch(job_id, connection=redis, serializer=JSONSerializer)
            written += [str(result.exc_string).encode() for result in job.results()]
            written.append(repr((job.args, job.kwargs, job.meta, job.description)).encode())
    return b"\n".join(written)


def dashboard_pages(walk: Walk) -> dict[str, bytes]:
    paths = ["/", "/0/view/workers", "/0/view/jobs", "/0/data/queues.json", "/0/data/workers.json"]
    for registry in ("queued", "started", "finished", "failed", "scheduled", "deferred"):
        paths.append(f"/0/view/jobs/turns/{registry}/200/dsc/1")
        paths.append(f"/0/data/jobs/turns/{registry}/200/dsc/1.json")
    for job_id in (walk.failed, walk.poisoned):
        paths += [f"/0/view/job/{job_id}", f"/0/data/job/{job_id}.json"]
    with httpx2.Client(base_url=walk.dashboard_url, auth=LOGIN, timeout=20) as client:
        answers = {path: client.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: answer.content for path, answer in answers.items()}


def admin_answers(walk: Walk) -> dict[str, bytes]:
    turn = walk.house.answered(walk.clean)
    paths = [f"/admin/conversations?list={one}" for one in get_args(Listed)]
    paths += ["/admin", "/admin/numbers", f"/admin/conversations/{turn['conversation']}"]
    paths += [f"/admin/turns/{one}" for one in (turn["turn_id"], walk.failed)]
    paths += [f"/admin/keys/{walk.key(walk.clean)}", "/admin/static/admin.js"]
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    with httpx2.Client(base_url=walk.house.web_url, headers=headers, timeout=20) as client:
        answers = {path: client.get(path) for path in paths}
        person = {"person": f"+{PHONE}000"}
        answers["found"] = client.post("/admin/persons/find", json=person)
        exported = client.post("/admin/persons/export", json=person)
    assert {answer.status_code for answer in answers.values()} == {200}
    assert MARK in exported.text  # for this one it is asked
    return {path: answer.content for path, answer in answers.items()}


# -- everything runs out ---------------------------------------------------------------------------

STAYS = {
    "rv:pending": "who waits; a member goes when it is answered, or its messages have run out",
    "rv:given_up": "likewise; goes by the sweep when the messages have run out",
    "rv:paused": "pauses by their end; the sweep takes away what is over",
    "rv:paused_numbers": "likewise",
    "rv:version": "which versions may read what stands here; one small value",
    "rv:owner": "the tests' mark",
    "rq:queues": "RQ's own, and the rest: sets of what lives, which RQ tidies",
    "rq:workers": "",
    "rq:workers:turns": "",
    "rq:queue:turns": "",
    "rq:wip:turns": "",
    "rq:finished:turns": "",
    "rq:failed:turns": "",
    "rq:scheduled:turns": "",
}
"""What has no expiry, and why that is right."""


MET = {"rv:history", "rv:turn", "rv:given_up", "rv:paused", "rv:hold", "rv:trouble", "rv:tokens"}
"""Some of those that the walk must have led to; else it shows less than it seems to."""


def test_every_key_in_redis_runs_out_but_the_few_named(walk: Walk) -> None:
    redis = walk.house.redis
    forever = {str(key) for key in redis.scan_iter() if redis.ttl(key) == -1}
    jobs = {key for key in forever if re.fullmatch("rq:job:[0-9a-f]{32}", key)}
    assert forever - jobs - STAYS.keys() == set()
    # RQ gives a job its expiry as it ends; until then it stands where somebody will find it.
    for key in jobs:
        assert stands(redis, key.removeprefix("rq:job:")), key


def test_every_kind_of_key_that_a_run_leaves_is_listed(walk: Walk) -> None:
    names = [str(key) for key in walk.house.redis.scan_iter("rv:*")]
    kinds = {":".join(name.split(":")[:2]) for name in names}
    listed = f"{redis_store.__doc__} {redis_admin.__doc__}"
    assert {kind for kind in kinds if f"``{kind}" not in listed} == set()
    assert MET <= kinds


def stands(redis: "Redis", job_id: str) -> bool:
    waiting = redis.lrange("rq:queue:turns", 0, -1)
    waiting += redis.lrange("rq:queue:turns:intermediate", 0, -1)
    running = [str(entry).partition(":")[0] for entry in redis.zrange("rq:wip:turns", 0, -1)]
    return job_id in {*waiting, *running, *redis.zrange("rq:scheduled:turns", 0, -1)}
