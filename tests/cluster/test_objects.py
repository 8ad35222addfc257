"""What is read out of pods, nodes and services; which endpoints a service has."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.objects import Object, Ref, Service, ServicePort
from kubectl_skoop.cluster.pod import pod_info
from kubectl_skoop.cluster.service import service_info, usable
from kubectl_skoop.model.errors import UnknownName
from kubectl_skoop.model.missing import NotCollected

HTTP = ServicePort(port=80, name="http")
WEB = Service(name="web", namespace="shop", ports=(HTTP,))


def endpoint_slice(*endpoints: Object, service: str = "web", port_name: str = "http") -> Object:
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "name": "s",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": service},
        },
        "ports": [{"name": port_name, "port": 8080, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


def endpoint(address: str, **conditions: bool) -> Object:
    return {
        "addresses": [address],
        "conditions": conditions,
        "nodeName": "n1",
        "targetRef": {"kind": "Pod", "namespace": "shop", "name": f"pod-{address}"},
    }


def cluster(**objects: list[Object]) -> Cluster:
    return Cluster(PlainObjects(objects))


def usable_addresses(*slices: Object) -> list[str]:
    backends = cluster(EndpointSlice=list(slices)).backends(WEB, HTTP)
    return [str(backend.address) for backend in usable(backends)]


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ([endpoint_slice(endpoint("10.0.0.1"))], ["10.0.0.1"]),
        ([endpoint_slice(endpoint("10.0.0.1", ready=False), endpoint("10.0.0.2"))], ["10.0.0.2"]),
        ([endpoint_slice(endpoint("10.0.0.1", ready=False))], []),
        (
            [endpoint_slice(endpoint("10.0.0.1", ready=False, serving=True, terminating=True))],
            ["10.0.0.1"],
        ),
        (
            [
                endpoint_slice(
                    endpoint("10.0.0.1", ready=False, serving=True, terminating=True), endpoint("10.0.0.2")
                )
            ],
            ["10.0.0.2"],
        ),
        (
            [endpoint_slice(endpoint("10.0.0.1")), endpoint_slice(endpoint("10.0.0.2"))],
            ["10.0.0.1", "10.0.0.2"],
        ),
        ([endpoint_slice(endpoint("10.0.0.1")), endpoint_slice(endpoint("10.0.0.1"))], ["10.0.0.1"]),
        ([endpoint_slice(endpoint("10.0.0.1"), service="other")], []),
        ([endpoint_slice(endpoint("10.0.0.1"), port_name="metrics")], []),
    ],
    ids=[
        "conditions that are not set count as ready",
        "one that is not ready gets nothing",
        "none is ready",
        "one that terminates serves if no other does",
        "one that terminates serves not beside a ready one",
        "several slices add up",
        "the same endpoint in two slices counts once",
        "a slice of another service",
        "a port of another name",
    ],
)
def test_endpoints_that_get_new_connections(slices: list[Object], expected: list[str]) -> None:
    assert usable_addresses(*slices) == expected


def test_a_backend_says_what_it_is() -> None:
    found = cluster(EndpointSlice=[endpoint_slice(endpoint("10.0.0.1"))]).backends(WEB, HTTP)
    assert [(backend.pod, backend.node, backend.port) for backend in found] == [
        ("shop/pod-10.0.0.1", "n1", 8080)
    ]


def test_endpoints_stand_in_where_there_are_no_slices() -> None:
    endpoints: Object = {
        "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": "shop"},
        "subsets": [
            {
                "addresses": [{"ip": "10.0.0.1", "nodeName": "n1"}],
                "notReadyAddresses": [{"ip": "10.0.0.2"}],
                "ports": [{"name": "http", "port": 8080}],
            }
        ],
    }
    found = cluster(Endpoints=[endpoints]).backends(WEB, HTTP)
    assert [(str(backend.address), backend.ready) for backend in found] == [
        ("10.0.0.1", True),
        ("10.0.0.2", False),
    ]
    both = cluster(Endpoints=[endpoints], EndpointSlice=[endpoint_slice(endpoint("10.0.0.9"))])
    assert [str(backend.address) for backend in both.backends(WEB, HTTP)] == ["10.0.0.9"]


def test_a_pod_is_read() -> None:
    pod = pod_info(
        {
            "kind": "Pod",
            "metadata": {
                "name": "a",
                "namespace": "shop",
                "uid": "u",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"app": "x", "pod-template-hash": "abc"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-front-abc"}],
            },
            "spec": {"nodeName": "n1", "containers": [{"name": "c"}, {"name": "d"}]},
            "status": {
                "phase": "Running",
                "podIP": "10.0.0.1",
                "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}, {"ip": "rubbish"}],
                "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [{"name": "d", "ready": True}],
            },
        }
    )
    assert (pod.key, pod.ip, pod.node, pod.ready, pod.deleted) == ("shop/a", "10.0.0.1", "n1", False, True)
    assert pod.addresses == (ip_address("10.0.0.1"), ip_address("fd00::1"))
    assert pod.controller == Ref("Deployment", "shop", "web-front")
    assert [(entry.name, entry.ready) for entry in pod.containers] == [("c", None), ("d", True)]


def test_a_pod_without_anything_is_read() -> None:
    pod = pod_info({"kind": "Pod", "metadata": {"name": "a", "namespace": "x"}, "spec": None, "status": []})
    assert (pod.ip, pod.node, pod.ready, pod.controller.kind) == ("", "", None, "")


def test_a_node_is_read() -> None:
    node = NodeInfo(
        {
            "kind": "Node",
            "metadata": {"name": "n1", "annotations": {"projectcalico.org/IPv4Address": "10.0.0.1/24"}},
            "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:1::/64"]},
            "status": {
                "addresses": [
                    {"type": "ExternalIP", "address": "203.0.113.1"},
                    {"type": "InternalIP", "address": "192.168.0.1"},
                    {"type": "Hostname", "address": "n1"},
                ],
                "conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}],
            },
        }
    )
    assert (node.address, node.pod_cidr, node.ready) == ("192.168.0.1", "10.244.1.0/24", None)
    assert node.not_ready == "Unknown NodeStatusUnknown"
    assert node.pod_cidrs == ("10.244.1.0/24", "fd00:1::/64")
    assert node.annotations["projectcalico.org/IPv4Address"] == "10.0.0.1/24"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-01T00:00:00Z", 1767225600.0),
        ("2026-01-01T01:00:00+01:00", 1767225600.0),
        ("0001-01-01T00:00:00+23:59", -62135683140.0),
        ("2026-01-01T00:00:00", None),
        ("yesterday", None),
        (7, None),
        (None, None),
    ],
)
def test_when_a_node_was_created_is_read(written: object, read: float | None) -> None:
    metadata = {"name": "n1", "creationTimestamp": written}
    assert NodeInfo({"kind": "Node", "metadata": metadata}).created == read


def test_a_service_with_node_ports_is_read() -> None:
    service = service_info(
        {
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "type": "NodePort",
                "clusterIP": "10.96.0.1",
                "externalTrafficPolicy": "Local",
                "ports": [
                    {"port": 80, "targetPort": 8080, "nodePort": 30080},
                    {"port": 53, "protocol": "UDP"},
                ],
            },
        }
    )
    assert service.cluster_addresses == (ip_address("10.96.0.1"),)
    assert service.external_traffic_policy == "Local"
    assert service.ports == (
        ServicePort(port=80, target=8080, node_port=30080),
        ServicePort(port=53, protocol="UDP"),
    )


def test_config_maps_and_daemon_sets_are_found_by_name() -> None:
    found = cluster(
        ConfigMap=[
            {
                "kind": "ConfigMap",
                "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
                "data": {"config.conf": "mode: ipvs\n"},
            }
        ],
        DaemonSet=[{"kind": "DaemonSet", "metadata": {"name": "calico-node", "namespace": "calico-system"}}],
    )
    assert found.config_map("kube-system", "kube-proxy") == {"config.conf": "mode: ipvs\n"}
    assert found.config_map("default", "kube-proxy") is None
    assert found.detect_daemonset("canal", "calico-node") == Ref("DaemonSet", "calico-system", "calico-node")
    assert found.detect_daemonset("cilium") is None


def test_an_unknown_node_names_the_nearest() -> None:
    nodes: list[Object] = [{"kind": "Node", "metadata": {"name": f"worker-{n}"}} for n in range(3)]
    with pytest.raises(UnknownName, match="there is no node worker-9; the nearest: worker-"):
        cluster(Node=nodes).node("worker-9")


def test_objects_that_were_not_collected_are_told_apart_from_none() -> None:
    found = cluster(Pod=[])
    assert found.source.objects("Pod") == ()
    assert isinstance(found.source.objects("Service"), NotCollected)
    assert found.objects("Service") == ()
