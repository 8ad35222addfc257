"""Why a service has no endpoint: for `check`, and in words of their own for `diagnose`."""

from collections.abc import Mapping, Sequence

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.no_endpoints import MAX_EXPLAINED, why, without_endpoints
from kubectl_skoop.model.suspicion import Level, Suspicion
from tests.diagnosis.conftest import by_kind
from tests.diagnosis.test_services import endpoint, endpoint_slice, service

NOT_READY: Object = {"conditions": {"ready": False}}
Labels = Mapping[str, str]


def pod(
    labels: Labels,
    name: str = "web-1",
    *,
    namespace: str = "default",
    ready: str = "True",
    containers: Sequence[Object] = ({"name": "web"},),
    statuses: Sequence[Object] = (),
    node: str = "n1",
    phase: str = "Running",
    deleted: str = "",
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "deletionTimestamp": deleted},
        "spec": {"nodeName": node, "containers": list(containers)},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": list(statuses),
        },
    }


def selecting(selector: Labels, target: object = 8080, **fields: object) -> Object:
    port = {"port": 80, "protocol": "TCP", "name": "p", "targetPort": target}
    return service(spec={"selector": dict(selector), "ports": [port], **fields})


def found(*items: Object) -> list[Suspicion]:
    api = {"apiVersion": "discovery.k8s.io/v1"}
    kept = [item if "apiVersion" in item else {**api, **item} for item in items]
    cluster = Cluster(by_kind([*kept, endpoint_slice([], "other")]))
    return list(without_endpoints(cluster, Meaning(cluster)))


WEB: Labels = {"app": "web"}
NAMED = {"name": "web", "ports": [{"name": "http", "containerPort": 8080}]}
PROBED = {"name": "web", "readinessProbe": {"httpGet": {"port": 8080, "path": "/secret", "scheme": "HTTP"}}}
WAITS: Object = {"name": "web", "ready": False}
CRASHES: Object = {**WAITS, "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
STALE = endpoint_slice([endpoint("10.244.1.2", fields=NOT_READY)])


@pytest.mark.parametrize(
    ("items", "level", "reason", "evidence"),
    [
        (
            [selecting(WEB), pod({"app": "webb"})],
            "WARNING",
            "its selector fits no pod of namespace default; nearest is web-1 with app=webb",
            "pod default/web-1: app=webb",
        ),
        (
            [selecting({"app": "web", "tier": "front"}), pod(WEB)],
            "WARNING",
            "its selector fits no pod of namespace default; nearest is web-1 with no label tier",
            "selector: app=web, tier=front",
        ),
        (
            [selecting({"app": "web", "tier": "front"}), pod({"app": "web", "tier": "cache"})],
            "INFO",
            "its selector fits no pod of namespace default; nearest is web-1 with tier=cache",
            "pod default/web-1: app=web, tier=cache",
        ),
        (
            [selecting({"app": "web-1"}), pod({"app": "web-2"})],
            "INFO",
            "its selector fits no pod of namespace default",
            "selector: app=web-1",
        ),
        (
            [selecting(WEB), pod(WEB, namespace="other")],
            "WARNING",
            "but other/web-1 of another namespace: a service selects pods of its own only",
            "selector: app=web",
        ),
        (
            [selecting(WEB), pod({"app": "database"})],
            "INFO",
            "its selector fits no pod of namespace default",
            "selector: app=web",
        ),
        (
            [selecting(WEB), pod(WEB, phase="Succeeded"), STALE],
            "INFO",
            "its selector fits no pod of namespace default",
            "selector: app=web",
        ),
        (
            [selecting(WEB), pod(WEB, ready="False", containers=[PROBED], statuses=[WAITS]), STALE],
            "WARNING",
            "its selector fits 1 pod, of which none is ready",
            "pod default/web-1: container web is not ready (readiness probe httpGet 8080)",
        ),
        (
            [selecting(WEB), pod(WEB, ready="False", statuses=[WAITS])],
            "WARNING",
            "its selector fits 1 pod, of which none is ready",
            "pod default/web-1: container web is not ready (no readiness probe)",
        ),
        (
            [selecting(WEB), pod(WEB, ready="False", statuses=[CRASHES]), pod(WEB, "web-2", ready="False")],
            "WARNING",
            "its selector fits 2 pods, of which none is ready",
            "pod default/web-1: container web does not run: CrashLoopBackOff, 7 restarts",
        ),
        (
            [selecting(WEB), pod(WEB, ready="False", node="", phase="Pending")],
            "WARNING",
            "of which none is ready",
            "pod default/web-1: is not scheduled to a node",
        ),
        (
            [selecting(WEB), pod(WEB, deleted="2026-01-01T00:00:00Z")],
            "WARNING",
            "of which none is ready",
            "pod default/web-1: is being deleted",
        ),
        (
            [selecting(WEB, "web"), pod(WEB, containers=[NAMED])],
            "WARNING",
            "no container of its 1 pod has a TCP port named web",
            "ports of the containers: http (8080/TCP)",
        ),
        (
            [selecting(WEB), pod(WEB), STALE],
            "WARNING",
            "pod default/web-1 fits its selector and is ready, but no EndpointSlice says so for this port",
            "EndpointSlices: 10.244.1.2:8080 not ready",
        ),
        (
            [selecting(WEB)],
            "INFO",
            "no pod is among the objects",
            "selector: app=web",
        ),
        (
            [selecting(WEB), pod(WEB)],
            "WARNING",
            "pod default/web-1 fits its selector and is ready, but no EndpointSlice says so for this port",
            "EndpointSlices: no endpoint",
        ),
    ],
    ids=[
        "a slip of the pen",
        "a label is missing",
        "another workload of the same app",
        "another number",
        "the wrong namespace",
        "no pod is near",
        "its pods are finished",
        "a readiness probe",
        "no readiness probe",
        "a container that crashes",
        "not scheduled",
        "deleted",
        "the name of a port",
        "nobody changes slices",
        "no pods among the objects",
        "nobody writes slices",
    ],
)
def test_why_there_is_no_endpoint(items: list[Object], level: str, reason: str, evidence: str) -> None:
    (one,) = found(*items)
    assert one.message.startswith("service default/web has no ready endpoint for port p (80/TCP): ")
    assert reason in one.message
    assert evidence in one.evidence
    assert (one.level, bool(one.remedy)) == (Level[level], True)


@pytest.mark.parametrize(
    "items",
    [
        [selecting(WEB), pod(WEB), endpoint_slice([endpoint("10.244.1.2")])],
        [service()],
        [selecting(WEB, type="ExternalName")],
        [selecting(WEB, ports=[])],
    ],
    ids=["it has some", "without selector", "ExternalName", "without ports"],
)
def test_nothing_is_said(items: list[Object]) -> None:
    assert found(*items) == []


def test_of_many_the_first_are_explained() -> None:
    ports = [{"port": 1 + number, "name": f"p{number}"} for number in range(MAX_EXPLAINED + 1)]
    told = found(selecting(WEB, ports=ports), pod({"app": "webb"}))
    assert [one.level for one in told] == [Level.WARNING, Level.INFO]
    assert "its pods were not looked at" in told[1].message


def test_two_ports_with_one_reason_are_told_once() -> None:
    ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
    assert len(found(selecting(WEB, ports=ports), pod({"app": "webb"}))) == 1


def test_without_slices_among_the_objects_nobody_can_tell() -> None:
    cluster = Cluster(by_kind([selecting(WEB), pod({"app": "webb"})]))
    assert list(without_endpoints(cluster, Meaning(cluster))) == []


def test_a_service_without_selector_in_a_diagnosis() -> None:
    cluster = Cluster(by_kind([service()]))
    (one,) = cluster.services()
    told = why(cluster, one, one.ports[0], ())
    assert told.reason == "it has no selector, and nobody wrote an EndpointSlice for this port"
