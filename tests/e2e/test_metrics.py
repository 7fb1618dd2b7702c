"""What ``/metrics`` tells after a run in which everything happens once."""

import json
import time
from collections.abc import Mapping

import httpx2
import promql_parser
import pytest
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from promql_parser import MatchOp

from app.metrics import METRICS, Gauge, Metric
from app.simulator.updates import encoded, signature
from tests.deploy.test_watching import EXPRESSIONS, SERIES
from tests.e2e.house import APP_SECRET, House

RETURN = "How do I return an order?"
BROKEN_LAMP = "Tell me of the broken lamp, number 20471188."

NOT_IN_THIS_RUN = {("status", "503"), ("code", "none")}
"""What expressions ask for, of failures that no run of a healthy house has."""


def families(house: House) -> Mapping[str, Family]:
    text = httpx2.get(f"{house.web_url}/metrics").text
    return {family.name: family for family in text_string_to_metric_families(text)}


def family_of(metric: Metric, told: Mapping[str, Family]) -> Family:
    return told[metric.name.removesuffix("_total")]


def has_moved(metric: Metric, told: Mapping[str, Family]) -> bool:
    """Whether something was counted; a gauge need only be there."""
    samples = family_of(metric, told).samples
    return bool(samples) and (
        isinstance(metric, Gauge) or any(sample.value > 0 for sample in samples)
    )


def fault(house: House, person: str, **what: object) -> None:
    house.meta.post("/simulator/faults", json={"person": person, **what}).raise_for_status()


def meta_tells(house: House, event: str) -> None:
    """Of our account, by a webhook."""
    change = {"field": "account_update", "value": {"event": event}}
    entry = {"id": "701000000000001", "time": int(time.time()), "changes": [change]}
    body = encoded({"object": "whatsapp_business_account", "entry": [entry]})
    headers = {"x-hub-signature-256": signature(body, APP_SECRET)}
    answer = httpx2.post(f"{house.web_url}/webhook", content=body, headers=headers)
    assert answer.status_code == 200


@pytest.fixture(scope="module")
def told(house: House) -> Mapping[str, Family]:
    """The numbers once all of them have moved."""
    slow = house.person(name="Sent Twice", phone="15550120001")
    fault(house, slow, on="send", reset=True)
    fault(house, slow, on="status", drop=True, status="delivered", times=None)
    house.say(slow, RETURN)

    failing = house.person(name="Marked Name", phone="15550120002")
    fault(house, failing, on="send", fail_status=131026)
    house.say(failing, RETURN)

    question = {"http": 503, "match": "broken lamp"}
    house.model.post("/simulator/faults", json=question).raise_for_status()
    house.say(house.person(name="Una", phone="15550120003"), BROKEN_LAMP)

    house.say(house.person(name="Will", phone="15550120005"), "I want to talk to a human, please.")

    reader = house.person(name="Vera", phone="15550120004")
    wamid = house.say(reader, RETURN)
    reaction = {"type": "reaction", "reaction": {"message_id": wamid, "emoji": "👍"}}
    url = f"/simulator/persons/{reader}/messages"
    house.meta.post(url, json={"message": reaction}).raise_for_status()
    bubbles = len(house.sources(house.answered(wamid)))
    house.until(lambda: len(house.bubbles(reader)) == bubbles or None, "landing")
    house.meta.post(f"/simulator/persons/{reader}/read").raise_for_status()

    another = {"x-hub-signature-256": signature(b"{}", "another secret")}
    assert httpx2.post(f"{house.web_url}/webhook", content=b"{}").status_code == 401
    refused = httpx2.post(f"{house.web_url}/webhook", content=b"{}", headers=another)
    assert refused.status_code == 401
    meta_tells(house, "ACCOUNT_VIOLATION")

    found: Mapping[str, Family] = {}

    def all_have_moved() -> bool:
        nonlocal found
        found = families(house)
        return all(has_moved(metric, found) for metric in METRICS)

    try:
        house.until(lambda: all_have_moved() or None, "movement of all numbers")
    except AssertionError:
        still = [metric.name for metric in METRICS if not has_moved(metric, found)]
        pytest.fail(f"nothing was counted for {', '.join(still)}\n{house.logs()}", pytrace=False)
    return found


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_written_with_the_labels_it_says(
    metric: Metric, told: Mapping[str, Family]
) -> None:
    family = family_of(metric, told)
    assert (family.type, family.documentation) == (metric.kind, metric.help)
    for sample in family.samples:
        assert set(sample.labels) - {"le"} == set(metric.labels)


def test_the_houses_worker_is_counted(told: Mapping[str, Family]) -> None:
    assert [sample.value for sample in told["rivulet_workers"].samples] == [1]


def test_what_can_fail_is_there_before_it_does(told: Mapping[str, Family]) -> None:
    troubles = {sample.labels["scope"] for sample in told["rivulet_trouble"].samples}
    assert troubles >= {"store", "token", "model", "app", "account", "number"}


def test_what_the_dashboard_and_the_alerts_ask_for_is_said_so(
    told: Mapping[str, Family],
) -> None:
    """``kind="status"`` and its like: a word that nobody writes is an alert that never rings."""
    said = {
        (label, value)
        for family in told.values()
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    asked: set[tuple[str, str]] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name in SERIES:
            equal = [one for one in node.matchers.matchers if one.op == MatchOp.Equal]
            asked.update((one.name, one.value) for one in equal)

    for expression in EXPRESSIONS.values():
        promql_parser.walk(promql_parser.parse(expression), visit)
    assert asked > NOT_IN_THIS_RUN
    assert asked - NOT_IN_THIS_RUN <= said


def test_no_number_tells_of_whom(house: House, told: Mapping[str, Family]) -> None:
    text = httpx2.get(f"{house.web_url}/metrics").text
    keys = json.dumps(house.redis.hkeys("rv:metrics"))
    assert "rivulet_turns_total" in text
    assert "rivulet_turns_total" in keys
    for secret in ("1555012", "Marked Name", "broken lamp", "20471188", "wamid", *house.numbers()):
        assert secret not in text
        assert secret not in keys
