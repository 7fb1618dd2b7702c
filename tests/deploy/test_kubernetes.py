"""``deploy/kubernetes``: what ``kubectl apply -k`` would take."""

import tomllib
from datetime import timedelta
from typing import Any

import pytest

from app.adapters.rq_queue import QUEUE
from app.settings import Settings
from tests.deploy.files import DEPLOY, DRAIN, IMAGE, ROOT, SENDING, WEB_DRAIN, documents, judged_by

FOLDER = DEPLOY / "kubernetes"
(KUSTOMIZATION,) = documents(FOLDER / "kustomization.yaml")
RESOURCES = [one for name in KUSTOMIZATION["resources"] for one in documents(FOLDER / name)]
WORKLOADS = [one for one in RESOURCES if one["kind"] in ("Deployment", "StatefulSet")]
PRE_STOP = timedelta(seconds=5)


def name(resource: dict[str, Any]) -> str:
    return f"{resource['kind']} {resource['metadata']['name']}"


def find(kind_and_name: str) -> dict[str, Any]:
    (found,) = (one for one in RESOURCES if name(one) == kind_and_name)
    return found


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def container(workload: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod(workload)["containers"]
    return dict(only)


def each_workload() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("workload", WORKLOADS, ids=name)


def test_every_file_belongs_to_the_kustomization() -> None:
    there = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == set(KUSTOMIZATION["resources"])


@pytest.mark.parametrize("file", KUSTOMIZATION["resources"])
def test_a_file_fits_the_schemas_of_kubernetes(file: str) -> None:
    said = judged_by("kubernetes-validate", "--strict", str(FOLDER / file))
    unknown = [line for line in said.splitlines() if "find schema" in line]
    assert [line for line in unknown if "keda.sh" not in line] == []


def test_the_kustomization_says_no_more_than_these_tests_know() -> None:
    """``kubectl kustomize`` is not to be had everywhere; what it does with these is simple."""
    known = {"apiVersion", "kind", "namespace", "labels", "images", "resources"}
    assert KUSTOMIZATION.keys() == known
    assert KUSTOMIZATION["apiVersion"] == "kustomize.config.k8s.io/v1beta1"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert KUSTOMIZATION["images"] == [{"name": "rivulet", "newTag": version}]
    assert all("namespace" not in one["metadata"] for one in RESOURCES)


@each_workload()
def test_a_pod_can_neither_write_nor_rise(workload: dict[str, Any]) -> None:
    assert pod(workload)["automountServiceAccountToken"] is False
    assert pod(workload)["securityContext"]["runAsNonRoot"] is True
    assert pod(workload)["securityContext"]["runAsUser"] > 0
    assert pod(workload)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(workload)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@each_workload()
def test_a_pod_has_bounds(workload: dict[str, Any]) -> None:
    assert container(workload)["resources"]["limits"]["memory"]
    assert container(workload)["resources"]["requests"].keys() == {"cpu", "memory"}


@each_workload()
def test_a_pod_is_found_by_its_labels(workload: dict[str, Any]) -> None:
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()


@each_workload()
def test_an_image_is_named_by_its_version_and_no_registry(workload: dict[str, Any]) -> None:
    assert IMAGE.fullmatch(container(workload)["image"])


@pytest.mark.parametrize(
    "workload", ["Deployment web", "Deployment dashboard", "StatefulSet valkey"]
)
def test_what_listens_is_probed(workload: str) -> None:
    probes = {"startupProbe", "livenessProbe", "readinessProbe"}
    assert probes <= container(find(workload)).keys()


def test_a_redis_that_is_away_takes_a_web_pod_out_and_kills_none() -> None:
    web = container(find("Deployment web"))
    assert web["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert web["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert "livenessProbe" not in container(find("Deployment worker"))


GRACE = {"web": PRE_STOP + WEB_DRAIN, "worker": DRAIN + SENDING}


@pytest.mark.parametrize("workload", GRACE)
def test_a_pod_is_given_longer_than_it_drains(workload: str) -> None:
    given = pod(find(f"Deployment {workload}"))["terminationGracePeriodSeconds"]
    assert timedelta(seconds=given) > GRACE[workload]


def test_a_node_that_is_emptied_leaves_a_web_pod_and_takes_one_worker_at_a_time() -> None:
    for workload in ("web", "worker"):
        budget = find(f"PodDisruptionBudget {workload}")["spec"]
        assert budget["selector"] == find(f"Deployment {workload}")["spec"]["selector"]
    assert find("PodDisruptionBudget web")["spec"]["minAvailable"] == 1
    assert find("Deployment web")["spec"]["replicas"] == 2
    assert find("PodDisruptionBudget worker")["spec"]["maxUnavailable"] == 1


def test_only_the_webhook_and_the_health_are_public() -> None:
    (rule,) = find("Ingress web")["spec"]["rules"]
    paths = {(one["path"], one["pathType"]) for one in rule["http"]["paths"]}
    public = ("/webhook", "/health/live", "/health/ready")
    assert paths == {(path, "Exact") for path in public}


def test_workers_are_scaled_by_what_they_hold_and_by_what_waits() -> None:
    scaled = find("ScaledObject worker")["spec"]
    triggers = {one["metadata"]["listName"]: one["metadata"] for one in scaled["triggers"]}
    assert triggers.keys() == {f"rq:wip:{QUEUE}", f"rq:queue:{QUEUE}"}
    assert {one["type"] for one in scaled["triggers"]} == {"redis"}
    room = Settings.model_fields["worker_max_concurrency"].default
    assert all(int(one["listLength"]) == room * 0.7 for one in triggers.values())
    namespace = KUSTOMIZATION["namespace"]
    assert {one["address"] for one in triggers.values()} == {f"valkey.{namespace}.svc:6379"}
    assert scaled["minReplicaCount"] >= 2, "none would look for turns that got lost"
    assert "replicas" not in find("Deployment worker")["spec"], "each apply would undo KEDA's"
    assert scaled["scaleTargetRef"]["name"] == "worker"


def test_valkey_is_set_up_as_in_the_compose_file() -> None:
    (compose,) = documents(DEPLOY / "compose.yaml")
    in_compose = compose["services"]["valkey"]
    here = container(find("StatefulSet valkey"))
    assert (here["image"], here["args"]) == (in_compose["image"], in_compose["command"])


@pytest.mark.parametrize("workload", ["web", "worker", "dashboard"])
def test_settings_come_from_the_secret(workload: str) -> None:
    one = container(find(f"Deployment {workload}"))
    assert one["envFrom"] == [{"secretRef": {"name": "rivulet"}}]
    assert "env" not in one
