"""What the plugins want, against the real state of labs: silent when healthy, exact when not."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.interface import Passing
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.objects_file import read_objects
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.testing.breaking import fill, placeholders
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.topology import MODES, Mode

pytestmark = pytest.mark.kernel


Gather = Callable[[ClusterLab], Snapshot]


@pytest.fixture
def gather(tmp_path: Path) -> Iterator[Gather]:
    """Collects a lab into a snapshot, which is closed when the test ends."""
    with ExitStack() as opened:

        def gather(lab: ClusterLab) -> Snapshot:
            assemble(
                dump_nodes(lab, tmp_path), read_objects([tmp_path / "objects.json"]), tmp_path / "s", time=1.0
            )
            return opened.enter_context(closing(open_snapshot(tmp_path / "s")))

        yield gather


def dump_nodes(lab: ClusterLab, folder: Path) -> list[Path]:
    """Beside `objects.json`."""
    dumps = []
    for node in lab.topology.nodes:
        pods = {pod.key: lab.namespace(pod.name).path for pod in lab.topology.pods_of(node)}
        dump = folder / f"{node.name}.dump"
        write_node_dump(collect_node(node.name, lab.namespace(node.name).path, pods), dump)
        dumps.append(dump)
    objects = {"apiVersion": "v1", "kind": "List", "items": lab.objects()}
    (folder / "objects.json").write_text(json.dumps(objects))
    return dumps


def wishes(source: Snapshot) -> Iterator[tuple[NetworkNamespace, Expectation]]:
    """Of every place, and of every pair of a node and a pod."""
    ctx = Context(source=source, cluster=Cluster(source))
    plugin = set_up(ctx).plugin
    pods = ctx.cluster.pods()
    for node in ctx.cluster.nodes():
        action = plugin.create_node(node)
        wanted = [*action.always()]
        for pod in pods:
            packet = Packet(src=node.addresses[0], dst=pod.addresses[0], protocol=Protocol.TCP, dport=80)
            wanted += action.wishes(Passing(upstream=None, arrived=packet, left=(packet,)))
        yield from (
            (namespace(source, action.place), wish) for wish in wanted if isinstance(wish, Expectation)
        )
    for pod in pods:
        pod_action = plugin.create_pod(pod)
        ns = namespace(source, pod_action.place)
        yield from ((ns, wish) for wish in pod_action.always() if isinstance(wish, Expectation))


def namespace(source: Snapshot, place: Place) -> NetworkNamespace:
    ns = source.namespace(place)
    assert not isinstance(ns, NotCollected)
    return ns


@pytest.mark.parametrize("mode", MODES)
def test_a_healthy_cluster_has_no_findings(mode: Mode, gather: Gather) -> None:
    with ClusterLab(mode) as lab:
        source = gather(lab)
    result = check(source, Options())
    assert result.suspicions == ()
    assert result.missing == ()
    assert len(list(wishes(source))) > 40
    assert all(wish.compare(ns) is None for ns, wish in wishes(source))


BROKEN: list[tuple[str, Mode, str, set[str]]] = [
    (
        "pod device down",
        "flannel-vxlan",
        "b: ip link set eth0 down",
        {"device b eth0", "device n2 {dev.b}", "route b eth0"},
    ),
    ("pod loopback down", "calico", "b: ip link set lo down", {"device b lo"}),
    ("pod without default route", "flannel-host-gw", "a: ip route del default", {"route a eth0"}),
    (
        "pod with another range's address",
        "flannel-vxlan",
        "b: ip addr add 10.244.1.77/24 dev eth0",
        {"address b eth0"},
    ),
    ("host end without master", "flannel-vxlan", "n2: ip link set {dev.b} nomaster", {"device n2 {dev.b}"}),
    ("host end with a small MTU", "calico", "n2: ip link set {dev.b} mtu 1300", {"device n2 {dev.b}"}),
    ("hairpin off", "flannel-host-gw", "n2: bridge link set dev {dev.b} hairpin off", {"device n2 {dev.b}"}),
    ("bridge down", "flannel-vxlan", "n2: ip link set cni0 down", {"device n2 cni0", "route n2 cni0"}),
    (
        "bridge without address",
        "flannel-host-gw",
        "n2: ip addr flush dev cni0",
        {"address n2 cni0", "route n2 cni0"},
    ),
    ("route to a peer gone", "flannel-vxlan", "n1: ip route del {range.n2}", {"route n1 flannel.1"}),
    (
        "route to a peer by another",
        "calico",
        "n1: ip route replace {range.n2} via 10.0.0.9",
        {"route n1 eth0"},
    ),
    ("pod hidden by a blackhole", "flannel-host-gw", "n1: ip route add blackhole {b}", {"route n1 eth0"}),
    ("pod's own route gone", "calico", "n2: ip route del {b}", {"route n2 {dev.b}"}),
    ("node hidden behind a pod", "calico", "n1: ip route add 10.0.0.2 dev {dev.a}", {"route n1 eth0"}),
    ("block's blackhole gone", "calico", "n2: ip route del blackhole {range.n2}", {"route n2 "}),
    ("node without default route", "calico", "n1: ip route del default", {"route n1 "}),
    (
        "tunnel with another MAC",
        "flannel-vxlan",
        "n2: ip link set flannel.1 address 0e:00:00:00:00:99",
        {"device n2 flannel.1", "neighbour n2 flannel.1"},
    ),
    (
        "tunnel's neighbour gone",
        "flannel-vxlan",
        "n1: ip neigh del 10.244.2.0 dev flannel.1",
        {"neighbour n1 flannel.1"},
    ),
    (
        "tunnel's remote gone",
        "flannel-vxlan",
        "n1: bridge fdb del 0e:00:00:00:00:02 dev flannel.1",
        {"fdb n1 flannel.1"},
    ),
    ("forwarding off", "calico", "n2: sysctl -qw net.ipv4.ip_forward=0", {"sysctl n2 "}),
    (
        "forwarding off on the bridge",
        "flannel-vxlan",
        "n2: sysctl -qw net.ipv4.conf.cni0.forwarding=0",
        {"sysctl n2 cni0"},
    ),
    (
        "bridge netfilter off",
        "flannel-host-gw",
        "n1: sysctl -qw net.bridge.bridge-nf-call-iptables=0",
        {"sysctl n1 "},
    ),
    ("proxy ARP off", "calico", "n1: sysctl -qw net.ipv4.conf.{dev.a}.proxy_arp=0", {"sysctl n1 {dev.a}"}),
    ("uplink with a small MTU", "flannel-vxlan", "n1: ip link set eth0 mtu 1400", {"device n1 eth0"}),
]
"""What is broken, in which lab, how, and the tables with place and device that deviate then: all of them."""


NOT_MENDABLE = {
    expect.default_route(
        because="a node answers its pods' questions for 169.254.1.1 only if it has a route to it"
    )
}
"""Beside carriers, which the other end gives: nobody says where the node's default route leads."""


@pytest.mark.parametrize(
    ("mode", "step", "expected"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_a_fault_gives_its_deviations_and_no_others(
    mode: Mode, step: str, expected: set[str], gather: Gather
) -> None:
    with ClusterLab(mode) as lab:
        values = placeholders(lab)
        place, _, command = fill(step, values).partition(": ")
        lab.namespace(place).run(*command.split())
        source = gather(lab)
    deviating = [(ns, wish) for ns, wish in wishes(source) if wish.compare(ns) is not None]
    found = {f"{wish.table} {ns.place.name.removeprefix('default/')} {wish.device}" for ns, wish in deviating}
    assert found == {fill(one, values) for one in expected}, [wish.compare(ns) for ns, wish in deviating]
    for ns, wish in deviating:
        mended = wish.mend(ns)
        if mended is None:
            assert wish in NOT_MENDABLE or "carrier" in wish.want
        else:
            assert wish.compare(mended) is None


def test_the_same_thing_wrong_on_several_nodes_is_one_finding(gather: Gather) -> None:
    with ClusterLab("flannel-host-gw") as lab:
        for name in ("n1", "n2"):
            lab.namespace(name).run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        result = check(gather(lab), Options())
    (finding,) = result.suspicions
    assert (finding.code, finding.where.place) == ("flannel.sysctl.differs", None)
    assert "(at 2 places: node/n1, node/n2)" in finding.message


def test_an_address_that_two_pods_have_is_found(gather: Gather) -> None:
    with ClusterLab("flannel-vxlan") as lab:
        lab.namespace("b2").run("ip", "addr", "add", "10.244.2.2/24", "dev", "eth0")
        result = check(gather(lab), Options())
    finding = next(one for one in result.suspicions if one.code == "pod.duplicate-address")
    assert finding.message == "2 places have the address 10.244.2.2: pod/default/b, pod/default/b2"
    assert finding.evidence == (
        "pod/default/b: status.podIPs 10.244.2.2",
        "pod/default/b2: eth0 10.244.2.2/24",
    )


def test_cloned_nodes_are_found_by_their_mac(gather: Gather) -> None:
    with ClusterLab("flannel-host-gw") as lab:
        lab.namespace("n2").run("ip", "link", "set", "eth0", "address", "02:00:00:00:00:01")
        result = check(gather(lab), Options())
    finding = next(one for one in result.suspicions if one.code == "node.duplicate-mac")
    assert finding.message == "2 nodes have the MAC 02:00:00:00:00:01: n1, n2"


def test_a_node_without_a_dump_is_missing_and_the_others_are_checked(tmp_path: Path) -> None:
    with ClusterLab("flannel-vxlan") as lab:
        lab.namespace("n1").run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        dumps = dump_nodes(lab, tmp_path)
    assemble(dumps[:1], read_objects([tmp_path / "objects.json"]), tmp_path / "half", time=1.0)
    with closing(open_snapshot(tmp_path / "half")) as source:
        result = check(source, Options())
    assert [(entry.what, entry.state) for entry in result.missing] == [("node/n2", "not collected")]
    assert [finding.code for finding in result.suspicions] == ["flannel.sysctl.differs"]
