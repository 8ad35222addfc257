"""Every shape of a service as real kube-proxies write it, and faults in what they wrote."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv4Address

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.suspicion import Suspicion
from tests.e2e import binaries
from tests.e2e.proxy import lab as labs
from tests.e2e.proxy.faults import IPTABLES, NFTABLES, Fault, Names, broken
from tests.e2e.proxy.lab import Proxy, ProxyLab, ProxyNode
from tests.e2e.proxy.shapes import NAMESPACE, pod

pytestmark = pytest.mark.e2e

EVERY = (
    Proxy("iptables"),
    Proxy("nftables"),
    Proxy("iptables", binaries.OLD_VERSION),
    Proxy("iptables", "v1.31.0"),
    Proxy("iptables", "v1.37.2"),
    Proxy("nftables", "v1.29.6"),
    Proxy("nftables", "v1.31.0"),
    Proxy("nftables", "v1.35.4"),
    Proxy("nftables", "v1.37.2"),
)
BUILT_ANYWAY = (binaries.VERSION, binaries.OLD_VERSION)
PROXIES = tuple(
    proxy for proxy in EVERY if os.environ.get("SKOOP_PROXIES") == "all" or proxy.version in BUILT_ANYWAY
)
"""What the others wrote is compared as data, in tests/diagnosis/test_services_recorded.py."""
FAULTY = {"iptables": "node1", "nftables": "node2"}
"""The node that gets the faults, by mode."""
LETS_IN = ("nftables", "v1.29.6")
"""It asks for the source ranges of a load balancer when its address is translated already."""
TOO_MUCH = ("balancer-everyone",)
"""A range of all addresses, over which 1.29 fails to write any rule."""


@pytest.fixture(scope="module")
def lab() -> Iterator[ProxyLab]:
    with labs.running(PROXIES, without=TOO_MUCH) as running:
        yield running


def of_services(result: Check) -> list[Suspicion]:
    return [one for one in result.suspicions if one.code.startswith(("service.", "conntrack."))]


def checked(lab: ProxyLab, node: str, mode: str = "") -> Check:
    with closing(lab.snapshot(node)) as source:
        return check(source, Options(proxy_mode=mode))


@pytest.mark.parametrize("number", range(1, len(PROXIES) + 1), ids=[f"{one[0]} {one[1]}" for one in PROXIES])
def test_what_kube_proxy_wrote_is_what_is_meant(lab: ProxyLab, number: int) -> None:
    proxy = PROXIES[number - 1]
    if f"node{number}" in lab.lacking:
        pytest.skip(lab.lacking[f"node{number}"])
    result = checked(lab, f"node{number}", proxy.mode)
    found = of_services(result)
    expected = {"service.wrong-source-ranges"} if proxy[:2] == LETS_IN else set()
    assert {one.code for one in found} == expected, [one.message for one in found]
    assert [one for one in result.facts if one.name == "services not compared"] == []
    assert [one for one in result.missing if "service" in one.what] == []


@pytest.mark.parametrize("mode", ["ipvs", "iptables"])
def test_another_mode_is_configured(lab: ProxyLab, mode: str) -> None:
    found = of_services(checked(lab, "node2", mode))
    assert {one.code for one in found} == {"service.other-mode"}


@contextmanager
def stopped(node: ProxyNode) -> Iterator[None]:
    """Its rules stay as they are; in the end it writes them anew."""
    node.stop()
    yield
    node.room.run("nft", "flush", "ruleset")
    node.start()
    labs.settle(node)


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def faulty(lab: ProxyLab, request: pytest.FixtureRequest) -> Iterator[tuple[ProxyNode, Names]]:
    node = lab.nodes[FAULTY[request.param]]
    services = lab.kubectl.get("services", f"--namespace={NAMESPACE}")["items"]
    by_name = {one["metadata"]["name"]: one for one in services}
    number = int(node.name.removeprefix("node"))
    by_name["own"] = {"spec": {"clusterIP": pod(number, 10)}}
    tool = ("nft", "--stateless", "list", "ruleset") if request.param == "nftables" else ("iptables-save",)
    with stopped(node):
        yield node, Names(by_name, node.room.run(*tool))


def put(node: ProxyNode, rules: str) -> None:
    if node.proxy.mode == "nftables":
        node.room.run("nft", "-f", "-", text=f"flush ruleset\n{rules}")
    else:
        node.room.run("iptables-restore", text=rules)


CASES = [("iptables", fault) for fault in IPTABLES] + [("nftables", fault) for fault in NFTABLES]


@pytest.mark.parametrize(
    ("faulty", "fault"), CASES, ids=[f"{mode}: {one.what}" for mode, one in CASES], indirect=["faulty"]
)
def test_a_fault_is_found_and_named(lab: ProxyLab, faulty: tuple[ProxyNode, Names], fault: Fault) -> None:
    node, names = faulty
    put(node, broken(fault, names))
    try:
        result = checked(lab, node.name, node.proxy.mode)
    finally:
        put(node, names.rules)
    message = names.fill(fault.message)
    if not fault.code:
        assert [one.what for one in result.missing if message in one.what]
        return
    found = of_services(result)
    assert {one.code for one in found} == {fault.code}, [f"{one.code} {one.message}" for one in found]
    assert [one for one in found if message in one.message], [one.message for one in found]
    assert all(one.evidence and one.remedy and str(one.where.place) == f"node/{node.name}" for one in found)


def test_a_udp_flow_to_an_endpoint_that_is_gone(lab: ProxyLab) -> None:
    """A flow that somebody began while the service had another endpoint."""
    node = lab.nodes["node2"]
    service = lab.kubectl.get("service", "udp", f"--namespace={NAMESPACE}")["spec"]["clusterIP"]
    gone = IPv4Address("10.244.1.222")
    entry = ("--src", "10.244.2.9", "--dst", service, "--reply-src", str(gone), "--reply-dst", "10.244.2.9")
    ports = ("--sport", "5000", "--dport", "514", "--reply-port-src", "5140", "--reply-port-dst", "5000")
    node.room.run("conntrack", "-I", "-p", "udp", "-t", "60", "-u", "ASSURED", *entry, *ports)
    (found,) = of_services(checked(lab, node.name, "nftables"))
    assert found.code == "conntrack.stale"
    assert f"lead to {gone}:5140, which is no endpoint" in found.message
