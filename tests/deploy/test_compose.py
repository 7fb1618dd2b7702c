"""``deploy/compose.yaml`` and ``deploy/Caddyfile``."""

import re
from typing import Any

import pytest

from tests.deploy.files import (
    DEPLOY,
    DRAIN,
    IMAGE,
    SENDING,
    WEB_DRAIN,
    documents,
    judged_by,
    seconds,
)

FILE = DEPLOY / "compose.yaml"
(COMPOSE,) = documents(FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CADDYFILE = DEPLOY / "Caddyfile"


def each_service() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


def test_it_fits_the_compose_schema() -> None:
    judged_by("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE))


@each_service()
def test_a_service_can_neither_write_nor_rise(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_proxy_gets_a_capability_back() -> None:
    assert {name for name, service in SERVICES.items() if "cap_add" in service} == {"caddy"}
    assert SERVICES["caddy"]["cap_add"] == ["NET_BIND_SERVICE"]


@each_service()
def test_a_service_that_ends_is_started_again(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"


@each_service()
def test_a_service_has_bounds(service: dict[str, Any]) -> None:
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["pids_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


@each_service()
def test_an_image_is_named_by_its_version_and_no_registry(service: dict[str, Any]) -> None:
    assert IMAGE.fullmatch(service["image"])


def test_every_service_but_the_worker_says_whether_it_is_well() -> None:
    """Those of our image inherit its check, which asks the web process."""
    ours = {name for name, service in SERVICES.items() if service["image"] == "rivulet"}
    checked = {
        name for name, service in SERVICES.items() if "test" in service.get("healthcheck", {})
    }
    assert checked == SERVICES.keys() - {"web-1", "web-2", "worker"}
    assert ours == {"web-1", "web-2", "worker", "dashboard"}
    assert SERVICES["worker"]["healthcheck"] == {"disable": True}


def test_there_is_a_second_web_process_and_more_than_one_worker() -> None:
    assert SERVICES["web-1"] == SERVICES["web-2"]
    assert SERVICES["worker"]["deploy"]["replicas"] == "${WORKERS:-2}"


def test_only_the_proxy_is_reached_from_elsewhere() -> None:
    public = {
        (name, port)
        for name, service in SERVICES.items()
        for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    }
    assert public == {("caddy", "80:80"), ("caddy", "443:443"), ("caddy", "443:443/udp")}


def test_valkey_is_reached_by_our_own_processes_only() -> None:
    assert SERVICES["valkey"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == {"internal": True}
    beside = {name for name, service in SERVICES.items() if "data" in service["networks"]}
    assert beside == {"valkey", "web-1", "web-2", "worker", "dashboard"}


GRACE = {
    "web-1": WEB_DRAIN,
    "web-2": WEB_DRAIN,
    "worker": DRAIN + SENDING,
}


@pytest.mark.parametrize("name", GRACE)
def test_a_process_is_given_longer_than_it_drains(name: str) -> None:
    assert seconds(SERVICES[name]["stop_grace_period"]) > GRACE[name]


def test_secrets_come_from_the_env_file() -> None:
    ours = [service for service in SERVICES.values() if service["image"] == "rivulet"]
    assert {service["env_file"] for service in ours} == {".env"}
    text = FILE.read_text("utf-8")
    assert not re.search(r"(PASSWORD|TOKEN|SECRET|KEY): (?!\$\{)", text)


def test_what_is_shown_to_a_container_exists() -> None:
    shown = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }
    assert shown
    assert [path for path in sorted(shown) if not (DEPLOY / path).exists()] == []


def test_prometheus_asks_where_the_proxy_adds_the_token() -> None:
    (prometheus,) = documents(DEPLOY / "prometheus" / "prometheus.yml")
    (job,) = prometheus["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["caddy:8081"]}]
    assert "http://:8081 {" in CADDYFILE.read_text("utf-8")


def test_the_caddyfile_is_valid() -> None:
    judged_by(
        *("caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)),
        PUBLIC_HOST="bot.example.com",
        ADMIN_TOKEN="a token",
    )


def test_the_public_name_shows_the_webhook_and_the_health_alone() -> None:
    """Without caddy: what stands in the block of the public name."""
    text = CADDYFILE.read_text("utf-8")
    (block,) = re.findall(r"^\{\$PUBLIC_HOST\} \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    assert re.findall(r"path (.*)", block) == ["/webhook /health/live /health/ready"]
    assert re.findall(r"respond (.*)", block) == ["404"]
    assert block.count("import web") == 1
    assert "ADMIN_TOKEN" not in block


def test_the_proxy_knows_every_web_process() -> None:
    text = CADDYFILE.read_text("utf-8")
    (upstreams,) = re.findall(r"reverse_proxy (.*) \{", text)
    webs = [name for name in SERVICES if name.startswith("web-")]
    assert upstreams.split() == [f"{name}:8000" for name in webs]
