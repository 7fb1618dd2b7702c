"""The dashboard and the alerts name what ``/metrics`` holds, and mean something to Prometheus."""

import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from app.metrics import METRICS, Counter, Gauge, Histogram
from app.web.health import SCOPES
from tests.deploy.files import DEPLOY, ROOT, judged_by

DASHBOARD = DEPLOY / "grafana" / "dashboards" / "rivulet.json"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
CONFIG = DEPLOY / "prometheus" / "prometheus.yml"
CASES = ROOT / "tests" / "deploy" / "alert_cases.yml"
PROVISIONING = DEPLOY / "grafana" / "provisioning"

VARIABLES = {"$__rate_interval": "1m"}
"""Grafana's own, and a value that stands for what it puts there."""

OF_PROMETHEUS = {"instance", "le"}
PARTS = ("_bucket", "_sum", "_count")


EVERYTHING: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
PANELS = [panel for panel in EVERYTHING if panel["type"] != "row"]
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]
]


def plain(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def shown() -> dict[str, str]:
    """Each expression of the dashboard, by its panel and letter."""
    return {
        f"{panel['title']} {target['refId']}": plain(target["expr"])
        for panel in PANELS
        for target in panel["targets"]
    }


EXPRESSIONS = {**shown(), **{rule["alert"]: rule["expr"] for rule in RULES}}
SERIES = {
    name: metric
    for metric in METRICS
    for name in (
        [metric.name + part for part in PARTS] if isinstance(metric, Histogram) else [metric.name]
    )
}


class Reading:
    """What an expression asks for.

    Attributes:
        series: Names, and the labels that are asked of each.
        counted: Names of which a rate or an increase is taken.
        grouped: Labels that are kept of what is summed up.
    """

    def __init__(self, expression: str) -> None:
        self.series: list[tuple[str, set[str]]] = []
        self.counted: set[str] = set()
        self.grouped: set[str] = set()
        promql_parser.walk(promql_parser.parse(expression), self._visit)

    def _visit(self, node: Any) -> None:
        if isinstance(node, promql_parser.MatrixSelector):
            self.counted.add(str(node.vector_selector.name))
            self._ask(node.vector_selector)
        elif isinstance(node, promql_parser.VectorSelector):
            self._ask(node)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            self.grouped.update(node.modifier.labels)

    def _ask(self, selector: Any) -> None:
        asked = str(selector.name), {one.name for one in selector.matchers.matchers}
        if asked not in self.series:
            self.series.append(asked)


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_names_what_there_is_with_its_labels(expression: str) -> None:
    reading = Reading(expression)
    assert reading.series
    kept: set[str] = set(OF_PROMETHEUS)
    for name, asked in reading.series:
        labels = set(SERIES[name].labels)
        assert asked <= labels, name
        kept |= labels
    assert reading.grouped <= kept


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_what_only_grows_is_shown_by_its_rate_and_what_stands_as_it_is(expression: str) -> None:
    reading = Reading(expression)
    for name, _ in reading.series:
        assert (name in reading.counted) is not isinstance(SERIES[name], Gauge), name


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_two_web_processes_that_are_both_scraped_change_no_figure(expression: str) -> None:
    """Both tell the numbers of all: a plain sum would double them. In a share, in a quantile and in
    whether there is anything at all it cancels out.
    """
    cancels = "histogram_quantile(" in expression or " / " in expression
    bounds = re.findall(r"[<>]=? *([\d.]+)", expression)
    outermost = promql_parser.parse(expression).prettify().split()[0].partition("(")[0]
    assert cancels or outermost in {"max", "absent"} or set(bounds) == {"0"}, expression


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_of_which_label(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert named <= Reading(plain(target["expr"])).grouped, target


def test_the_dashboard_shows_every_metric() -> None:
    shows = {SERIES[name] for text in shown().values() for name, _ in Reading(text).series}
    assert [metric.name for metric in METRICS if metric not in shows] == []


def test_the_dashboard_asks_in_the_order_of_a_night() -> None:
    assert [panel["title"] for panel in EVERYTHING if panel["type"] == "row"] == [
        "Are people being answered?",
        "How fast?",
        "What fails?",
        "What does it cost?",
    ]


def test_no_panel_lies_over_another() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in EVERYTHING:
        place = panel["gridPos"]
        own = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not own & cells, panel["title"]
        cells |= own


def test_what_grafana_is_given_leads_to_the_dashboard_and_to_prometheus() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "rivulet.yaml").read_text())[
        "providers"
    ]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    assert source["url"] == "http://prometheus:9090"
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in compose["grafana"]["volumes"]
    assert "./prometheus:/etc/prometheus:ro" in compose["prometheus"]["volumes"]


def test_prometheus_asks_where_the_token_is_added() -> None:
    (job,) = yaml.safe_load(CONFIG.read_text("utf-8"))["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["caddy:8081"]}]
    assert "http://:8081 {\n\thandle /metrics {" in (DEPLOY / "Caddyfile").read_text("utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_line_in_the_runbook(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook"] == f"README.md, Runbook: {name}"
    runbook = (ROOT / "README.md").read_text("utf-8").partition("\n## Runbook\n")[2]
    assert f"\n| `{name}` |" in runbook.partition("\n## ")[0]


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_that_may_be_in_trouble_rings(scope: str) -> None:
    troubled = [rule["expr"] for rule in RULES if "rivulet_trouble{" in rule["expr"]]
    asked = [one for text in troubled for one in re.findall(r'scope=~?"([^"]+)"', text)]
    assert scope in {one for words in asked for one in words.split("|")}


def test_a_failure_is_seen_within_half_a_minute() -> None:
    """Until it is scraped, and judged: what is shown in a number is shown in time."""
    config = yaml.safe_load(CONFIG.read_text("utf-8"))["global"]
    seconds = [int(config[name].removesuffix("s")) for name in config if name.endswith("interval")]
    assert sum(seconds) <= 30
    assert int(config["scrape_timeout"].removesuffix("s")) >= 8  # Redis away costs us 6


def test_prometheus_takes_the_files() -> None:
    assert "SUCCESS" in judged_by("promtool", "check", "config", str(CONFIG))


def test_each_alert_rings_when_it_must_and_not_before() -> None:
    judged_by("promtool", "test", "rules", str(CASES))
    cases = yaml.safe_load(CASES.read_text("utf-8"))["tests"]
    rung = {
        one["alertname"]
        for case in cases
        for one in case["alert_rule_test"]
        if one.get("exp_alerts")
    }
    silent = {
        one["alertname"]
        for case in cases
        for one in case["alert_rule_test"]
        if not one.get("exp_alerts")
    }
    assert rung == silent == {rule["alert"] for rule in RULES}


def test_every_kind_of_metric_is_known_here() -> None:
    assert {type(metric) for metric in METRICS} == {Counter, Gauge, Histogram}
