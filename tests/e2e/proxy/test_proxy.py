"""Every shape of a service as real kube-proxies write it, and faults in what they wrote."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv4Address, ip_address

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.present import present
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from tests.e2e import binaries
from tests.e2e.lab_api import settle
from tests.e2e.proxy import lab as labs
from tests.e2e.proxy.faults import Fault, Names, broken
from tests.e2e.proxy.iptables_faults import IPTABLES
from tests.e2e.proxy.lab import Proxy, ProxyLab, ProxyNode
from tests.e2e.proxy.nftables_faults import NFTABLES
from tests.e2e.proxy.shapes import NAMESPACE, pod
from tests.service_walk import Shares, walked

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
CLIENTS = {
    4: [ip_address(one) for one in ("192.0.2.1", "192.0.2.200", "10.244.3.9")],
    6: [ip_address(one) for one in ("2001:db8::1", "fd00:244:3::9")],
}
"""Outside of the cluster, in the ranges of a load balancer, and a pod."""
OPEN, CLOSED = "203.0.113.9", "203.0.113.10"
"""Load balancers that the address of the switch may and may not use."""
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
    result = checked(lab, f"node{number}", proxy.mode)
    found = of_services(result)
    expected = {"service.wrong-source-ranges"} if proxy[:2] == LETS_IN else set()
    assert {one.code for one in found} == expected, [one.message for one in found]
    assert [one for one in result.facts if one.name == "services not compared"] == []
    assert [one for one in result.missing if "service" in one.what] == []


@pytest.mark.parametrize("number", range(1, len(PROXIES) + 1), ids=[f"{one[0]} {one[1]}" for one in PROXIES])
def test_reading_the_rules_gives_what_walking_them_gives(lab: ProxyLab, number: int) -> None:
    """The model of the kernel, which is tested against the kernel, is the other reader."""
    name = f"node{number}"
    asked = 0
    with closing(lab.snapshot(name)) as source:
        cluster, ns = Cluster(source), source.namespace(Place("node", name))
        assert isinstance(ns, NetworkNamespace)
        for wanted in Meaning(cluster).of_node(cluster.node(name)):
            door = wanted.door
            rules = present(ns, door.address.version).used
            assert rules is not None
            for client in CLIENTS[door.address.version]:
                shares: Shares = {}
                for leaf in rules.follow(door, client):
                    shares[leaf.target] = shares.get(leaf.target, 0.0) + leaf.share
                if rules.bars(door, client):
                    shares = {"dropped": 1.0}
                assert shares == pytest.approx(walked(ns, door, client)), (door, client)
                asked += 1
    assert asked > 200


CONNECT = """import socket, sys
for _ in range(3):
    with socket.socket() as made:
        made.setblocking(False)
        made.connect_ex((sys.argv[1], 80))
"""


@pytest.mark.parametrize("number", range(1, len(PROXIES) + 1), ids=[f"{one[0]} {one[1]}" for one in PROXIES])
def test_the_kernel_lets_in_whom_the_source_ranges_let_in(lab: ProxyLab, number: int) -> None:
    """A connection to an endpoint that has an entry has left the node; nobody has to answer."""
    name = f"node{number}"
    node = lab.nodes[name]
    node.room.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    devices = json.loads(node.room.run("ip", "-j", "-4", "address", "show", "dev", "eth0"))
    address = devices[0]["addr_info"][0]["local"]
    let_in = {}
    for balancer in (OPEN, CLOSED):
        lab.outside.run("ip", "route", "replace", balancer, "via", address)
        lab.outside.run(sys.executable, "-c", CONNECT, balancer)
        let_in[balancer] = "src=10.244." in node.room.run("conntrack", "-L", "-d", balancer)
    assert let_in == {OPEN: True, CLOSED: PROXIES[number - 1][:2] == LETS_IN}


ASK = """import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize("number", range(1, len(PROXIES) + 1), ids=[f"{one[0]} {one[1]}" for one in PROXIES])
def test_health_check_ports_answer_as_the_objects_say(lab: ProxyLab, number: int) -> None:
    """In mode nftables kube-proxy listens on the node's first address only."""
    node = lab.nodes[f"node{number}"]
    with closing(lab.snapshot(node.name)) as source:
        cluster = Cluster(source)
        meaning, (address, *_) = Meaning(cluster), cluster.node(node.name).addresses
    asked = {}
    for service in meaning.services:
        if service.health_check_port:
            url = f"http://{address}:{service.health_check_port}/"
            meant = "200" if meaning.ready_on(service, node.name) else "503"
            asked[service.name] = (node.room.run(sys.executable, "-c", ASK, url).strip(), meant)
    assert len(asked) >= 2
    assert {name: found for name, (found, _) in asked.items()} == {
        name: meant for name, (_, meant) in asked.items()
    }


@contextmanager
def stopped(lab: ProxyLab, node: ProxyNode) -> Iterator[None]:
    """Its rules stay as they are; in the end it writes them anew."""
    node.stop()
    try:
        yield
    finally:
        start_anew(lab, node)


def start_anew(lab: ProxyLab, node: ProxyNode) -> None:
    """Returns when it has written its rules, and listens. Rules from before would look like its own."""
    node.room.run("nft", "flush", "ruleset")
    node.start()
    labs.settle(node)
    for service in lab.kubectl.get("services", f"--namespace={NAMESPACE}")["items"]:
        if port := service["spec"].get("healthCheckNodePort"):
            await_listener(node, str(port))


OCCUPY = """import os, socket, sys, time
os.setuid(65534)
made = socket.socket(socket.AF_INET6)
made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
made.bind(("::", int(sys.argv[1])))
made.listen()
time.sleep(600)
"""


def await_listener(node: ProxyNode, port: str) -> None:
    settle("whoever listens", lambda: bool(node.room.run("ss", "-Hltn", f"sport = :{port}")))


def test_another_program_has_the_health_check_port(lab: ProxyLab) -> None:
    node = lab.nodes["node2"]
    service = lab.kubectl.get("service", "balancer-local", f"--namespace={NAMESPACE}")
    port = str(service["spec"]["healthCheckNodePort"])
    with stopped(lab, node):
        other = node.room.start(sys.executable, "-c", OCCUPY, port)
        await_listener(node, port)
        try:
            start_anew(lab, node)
            (found,) = of_services(checked(lab, node.name, "nftables"))
        finally:
            node.stop()
            other.stop()
            node.room.daemons.pop(other.name)
    assert found.code == "service.no-health-check"
    assert f"another program (uid 65534) listens on its healthCheckNodePort {port}" in found.message
    assert of_services(checked(lab, node.name, "nftables")) == []


@pytest.mark.parametrize("mode", ["ipvs", "iptables"])
def test_another_mode_is_configured(lab: ProxyLab, mode: str) -> None:
    found = of_services(checked(lab, "node2", mode))
    assert {one.code for one in found} == {"service.other-mode"}


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def faulty(lab: ProxyLab, request: pytest.FixtureRequest) -> Iterator[tuple[ProxyNode, Names]]:
    node = lab.nodes[FAULTY[request.param]]
    services = lab.kubectl.get("services", f"--namespace={NAMESPACE}")["items"]
    by_name = {one["metadata"]["name"]: one for one in services}
    number = int(node.name.removeprefix("node"))
    by_name["own"] = {"spec": {"clusterIP": pod(number, 10)}}
    tool = ("nft", "--stateless", "list", "ruleset") if request.param == "nftables" else ("iptables-save",)
    with stopped(lab, node):
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
