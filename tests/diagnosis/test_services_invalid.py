"""Services and slices that cannot be meant: each is told, and the rest is judged."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.services.every import every_service
from kubectl_skoop.diagnosis.services.invalid import invalid
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.network import nobody_has, service_networks
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.model.packet import Network
from kubectl_skoop.model.suspicion import Level, Suspicion
from tests.diagnosis.conftest import by_kind
from tests.diagnosis.test_services import (
    MakeContext,
    endpoint,
    endpoint_slice,
    node_object,
    service,
    shown,
    wanted,
)

PODS = Networks(("10.244.0.0/17", "10.244.128.0/17", "fd00:244::/48"))
HEALTHY: tuple[Object, ...] = (
    service("kubernetes", "10.96.0.1"),
    service("good", "10.96.0.20"),
    endpoint_slice([endpoint("10.244.1.2")], "good"),
)


def told(cluster: Cluster, pods: Networks, given: Sequence[Network] = ()) -> list[Suspicion]:
    return [*invalid(cluster, Meaning(cluster).slices, pods, given)]


def pod(address: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default"},
        "status": {"phase": "Running", "podIP": address},
    }


def port(**fields: object) -> Object:
    return {"ports": [{"port": 80, "protocol": "TCP", "name": "p", **fields}]}


AMONG_SERVICES: Object = {**node_object(), "status": {"addresses": [{"address": "10.96.0.30"}]}}
SLICE = endpoint_slice([endpoint("10.244.1.3")])
OF_UNKNOWN_TYPE: Object = {**SLICE, "addressType": "IPv5"}
OF_NAMES: Object = {**SLICE, "addressType": "FQDN", "endpoints": [endpoint("db.example.org")]}
OF_ANOTHER_FAMILY: Object = {**SLICE, "addressType": "IPv6"}


@pytest.mark.parametrize(
    ("items", "level", "message"),
    [
        ([service(address="10.244.9.9")], "WARNING", "which lies in the pod network 10.244.0.0/16"),
        ([service(), pod("10.96.0.10")], "WARNING", "10.96.0.10, which is that of pod/default/p, too"),
        ([service(address="10.0.0.1"), node_object()], "WARNING", "10.0.0.1, which is that of node/n1, too"),
        ([service(address="10.96.0.x")], "WARNING", "has the address '10.96.0.x', which is none"),
        ([service(address="10.96.0.20")], "WARNING", "which is that of service default/good, too"),
        ([service(spec={"ports": []})], "WARNING", "service default/web has no ports"),
        ([service(port=70000)], "WARNING", "default/web has the port 70000, which is out of range"),
        ([service(port=0)], "WARNING", "default/web has the port 0, which is out of range"),
        ([service(spec=port(nodePort=-1))], "WARNING", "has the nodePort -1, which is out of range"),
        ([service(spec=port(targetPort=99999))], "WARNING", "the targetPort 99999, which is out of range"),
        ([service(spec=port(protocol="ICMP"))], "WARNING", "the protocol ICMP, which is none of services"),
        (
            [service(spec=port(nodePort=30080)), service("other", "10.96.0.11", spec=port(nodePort=30080))],
            "WARNING",
            "service default/other has the node port 30080/TCP, which is that of service default/web, too",
        ),
        (
            [service(), OF_UNKNOWN_TYPE],
            "WARNING",
            "EndpointSlice default/web-1 has the address type IPv5, which kube-proxy does not know",
        ),
        (
            [service(), OF_ANOTHER_FAMILY],
            "WARNING",
            "EndpointSlice default/web-1 has the address 10.244.1.3, which is not of its type IPv6",
        ),
        (
            [SLICE],
            "INFO",
            "EndpointSlice default/web-1 is for service web, which is not there",
        ),
    ],
    ids=[
        "an address in the pod range",
        "the address of a pod",
        "the address of a node",
        "no address",
        "the address of another service",
        "no ports",
        "a port that is too large",
        "port 0",
        "a node port below 0",
        "a target port that is too large",
        "an unknown protocol",
        "a node port twice",
        "a slice of an unknown address type",
        "a slice with addresses of another family",
        "a slice of a service that is not there",
    ],
)  # fmt: skip
def test_each_is_told_and_the_rest_is_judged(items: list[Object], level: str, message: str) -> None:
    everything = [*HEALTHY, *items]
    (one,) = told(Cluster(by_kind(everything)), PODS)
    assert (one.code, one.level) == ("service.invalid", Level[level])
    assert message in one.message
    assert one.evidence
    assert one.remedy
    judged = [each for each in wanted(*everything) if each.service.name == "good"]
    assert [shown(each.targets) for each in judged] == [["10.244.1.2:8080"]]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [service(), OF_NAMES],
        [service(spec={"clusterIP": "None", "clusterIPs": ["None"], "ports": []})],
        [service(spec={"type": "ExternalName", "clusterIP": "", "clusterIPs": [], "ports": []})],
        [service(), SLICE],
    ],
    ids=["healthy", "a slice of names", "headless without ports", "ExternalName", "a slice of its own"],
)
def test_nothing_is_told(items: list[Object]) -> None:
    assert told(Cluster(by_kind([*HEALTHY, *items])), PODS) == []


HINTED: Object = {"hints": {"forZones": [{"name": "a"}]}}


@pytest.mark.parametrize(
    "hints",
    [
        {"hints": {"forZones": [{"name": "nowhere"}]}},
        {"hints": {"forZones": []}},
        {"hints": {"forZones": "a"}},
        {"hints": {"forZones": [{"zone": "a"}]}},
        {"hints": ["a"]},
    ],
    ids=["of a zone that no node is in", "empty", "text", "without a name", "a list"],
)
def test_hints_that_are_broken_are_passed_over(hints: Object) -> None:
    """As kube-proxy does: all ready endpoints are used, if not each has a hint that it can use."""
    broken = endpoint_slice([endpoint("10.244.1.2", fields=hints), endpoint("10.244.2.2", "n2", HINTED)])
    (one,) = wanted(service(), broken)
    assert shown(one.choices[-1]) == ["10.244.1.2:8080", "10.244.2.2:8080"]
    assert told(Cluster(by_kind([*HEALTHY, service(), broken])), PODS) == []


@pytest.mark.parametrize(
    ("pods", "message"),
    [
        ("10.96.0.0/12", "service addresses, 10.96.0.0/27 or more, and the pod network 10.96.0.0/12 overlap"),
        ("10.96.0.16/28", "and the pod network 10.96.0.16/28 overlap"),
        ("10.96.0.8/30", "and the pod network 10.96.0.8/30 overlap"),
        ("10.97.0.0/16", ""),
        ("fd00::/48", ""),
        ("nonsense", ""),
    ],
    ids=["around services", "within them", "between two", "beside them", "of another family", "no network"],
)  # fmt: skip
def test_networks_of_services_and_pods_that_overlap(pods: str, message: str) -> None:
    found = told(Cluster(by_kind(HEALTHY)), Networks((pods,)))
    assert [message in one.message for one in found] == ([True] if message else [])
    assert [one.level.name for one in found] == (["INFO" if "/30" in pods else "WARNING"] if message else [])


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["10.96.0.1", "10.96.3.7"], ["10.96.0.0/22 or more"]),
        (["10.96.0.1"], []),
        (["10.96.0.1", "10.96.0.1"], []),
        (["10.96.0.1", "172.20.0.1"], []),
        (["fd00:96::1", "fd00:96::ff"], []),
    ],
    ids=["two", "one", "one twice", "two networks", "of the other family"],
)
def test_the_network_of_services(addresses: list[str], expected: list[str]) -> None:
    services = [service(f"s{number}", one) for number, one in enumerate(addresses)]
    assert [str(one) for one in service_networks(Cluster(by_kind(services)), 4)] == expected


def service_cidr(*cidrs: str, name: str = "kubernetes", version: str = "v1") -> Object:
    return {
        "apiVersion": f"networking.k8s.io/{version}",
        "kind": "ServiceCIDR",
        "metadata": {"name": name},
        "spec": {"cidrs": list(cidrs)},
    }


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_networks_that_objects_state(version: str) -> None:
    """Of one family or both, several, and one that is none."""
    objects = [
        service_cidr("10.96.0.0/16", "fd00:96::/108", version=version),
        service_cidr("10.97.0.0/24", "nonsense", name="more", version=version),
    ]
    cluster = Cluster(by_kind([*HEALTHY, *objects]))
    assert [str(one) for one in service_networks(cluster, 4)] == ["10.96.0.0/16", "10.97.0.0/24"]
    assert [one.stated for one in service_networks(cluster, 6)] == ["ServiceCIDR kubernetes"]


def test_what_the_user_says_outweighs_objects() -> None:
    cluster, given = Cluster(by_kind([*HEALTHY, service_cidr("10.96.0.0/16")])), [ip_network("10.200.0.0/16")]
    assert [str(one) for one in service_networks(cluster, 4, given)] == ["10.200.0.0/16"]
    assert service_networks(cluster, 6, given) == ()
    assert "in the network of services, 10.200.0.0/16" in nobody_has(cluster, ip_address("10.200.1.1"), given)
    found = [one for one in told(cluster, Networks(()), given) if "in no service network" in one.message]
    assert found
    assert all("--service-cidr: 10.200.0.0/16" in one.evidence for one in found)


@pytest.mark.parametrize(
    ("cidr", "message"),
    [
        ("10.96.0.0/16", ""),
        ("10.96.0.0/28", "service default/good has the address 10.96.0.20, which is in no service network"),
        ("fd00:96::/108", ""),
    ],
    ids=["in it", "outside", "nothing is stated of its family"],
)
def test_an_address_outside_of_the_stated_networks(cidr: str, message: str) -> None:
    found = told(Cluster(by_kind([*HEALTHY, service_cidr(cidr)])), PODS)
    assert [message in one.message for one in found] == ([True] if message else [])
    if message:
        assert found[0].evidence == ("spec.clusterIP: 10.96.0.20", f"ServiceCIDR kubernetes: {cidr}")


def test_a_stated_network_overlaps_that_of_pods_though_no_address_does() -> None:
    items = [*HEALTHY, service_cidr("10.96.0.0/16")]
    (found,) = told(Cluster(by_kind(items)), Networks(("10.96.128.0/17",)))
    assert found.level is Level.WARNING
    assert "the service addresses, 10.96.0.0/16, and the pod network 10.96.128.0/17 overlap" in found.message
    assert found.evidence[0] == "services: 10.96.0.0/16 (ServiceCIDR kubernetes)"


def test_the_objects_are_judged_without_any_node(make_context: MakeContext) -> None:
    selecting = service(spec={"selector": {"app": "web"}, "ports": [{"port": 0}]})
    found = every_service(make_context((*HEALTHY, selecting, pod("10.244.1.2"))), ())
    assert {one.code for one in found.findings} == {"service.invalid", "service.no-endpoints"}


@pytest.mark.parametrize(
    ("items", "address", "expected"),
    [
        (HEALTHY, "10.96.0.10", "nearest is service default/kubernetes with 10.96.0.1"),
        (HEALTHY, "10.96.1.10", ""),
        (HEALTHY, "fd00::1", ""),
        (HEALTHY[1:], "10.96.0.10", ""),
        ((service("kubernetes", "10.96.0.1"),), "10.96.0.2", ""),
        ((*HEALTHY, AMONG_SERVICES), "10.96.0.10", ""),
        ((*HEALTHY, service_cidr("10.96.0.0/16")), "10.96.1.10", "services, 10.96.0.0/16; nearest"),
    ],
    ids=[
        "between them",
        "beyond them",
        "of another family",
        "not all services may be known",
        "only one",
        "of nodes",
        "beyond them, in the stated network",
    ],
)
def test_an_address_that_no_service_has(items: tuple[Object, ...], address: str, expected: str) -> None:
    told = nobody_has(Cluster(by_kind(items)), ip_address(address))
    assert bool(told) is bool(expected)
    assert expected in told
