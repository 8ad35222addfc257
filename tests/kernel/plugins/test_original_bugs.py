"""What the tool that this one is to replace does wrong in its CNI checks, asked of this one.

The numbers are those of our list of its defects; `tests/test_original_bugs.py` has the others. What is
harmless must raise no suspicion; a fault must be found at its place and end no run.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.cni import CniLab, programs
from kubectl_skoop.testing.comparing import check_lab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.plugin import CompareLab
from kubectl_skoop.testing.topology import CNI_MODES, Mode


class Harmless(NamedTuple):
    bug: str
    says: str
    mode: Mode
    steps: tuple[str, ...]


HARMLESS = (
    Harmless(
        "B-9",
        "the node's network is another one than /24",
        "flannel-host-gw",
        tuple(
            f"{node}: ip addr {change} dev eth0"
            for node, own in (("n1", "10.0.0.1"), ("n2", "10.0.0.2"))
            for change in (f"add {own}/16", f"del {own}/24")
        ),
    ),
    Harmless(
        "B-10",
        "the nodes' link takes jumbo frames",
        "flannel-host-gw",
        (
            *(f"switch: ip link set u{number} mtu 9000" for number in (1, 2)),
            "switch: ip link set br0 mtu 9000",
            *(f"{node}: ip link set eth0 mtu 9000" for node in ("n1", "n2")),
        ),
    ),
    Harmless(
        "B-11",
        "the bridge has a name of its own",
        "bridge",
        tuple(
            f"{node}: ip link set {change}"
            for node in ("n1", "n2")
            for change in ("cni0 down", "cni0 name pods0", "pods0 up")
        ),
    ),
    Harmless(
        "B-21",
        "a route was written by another daemon than BIRD",
        "calico",
        ("n1: ip route replace {range.n2} via 10.0.0.2 dev eth0 proto static",),
    ),
    Harmless(
        "B-27",
        "a chain that was gone to ends at the policy, not behind the rule that went there",
        "flannel-host-gw",
        (
            "n1: iptables -N GONE-TO",
            "n1: iptables -I FORWARD 1 -d {b} -g GONE-TO",
            "n1: iptables -I FORWARD 2 -d {b} -j DROP",
        ),
    ),
    Harmless(
        "B-34",
        "a new connection is not invalid",
        "flannel-host-gw",
        ("n1: iptables -I FORWARD -m conntrack --ctstate INVALID -j DROP",),
    ),
    Harmless(
        "B-37",
        "the source is not one of the node's own addresses, the destination is",
        "flannel-host-gw",
        ("n2: iptables -I INPUT ! -i lo -m addrtype --src-type LOCAL -j DROP",),
    ),
    Harmless(
        "B-38",
        "the way back leads by the device that a packet came in by",
        "flannel-host-gw",
        ("n1: iptables -t raw -I PREROUTING -m rpfilter --validmark --invert -j DROP",),
    ),
    Harmless(
        "B-46",
        "the neighbour entry of a tunnel is not permanent",
        "flannel-vxlan",
        ("n1: ip neigh replace {vtep.n2} lladdr 0e:00:00:00:00:02 dev {uplink} nud noarp",),
    ),
    Harmless(
        "B-43",
        "a route has a preferred source",
        "calico",
        (
            "n1: ip addr add 10.0.0.101/24 dev eth0",
            "n1: ip route replace {range.n2} via 10.0.0.2 dev eth0 proto bird src 10.0.0.101",
        ),
    ),
    Harmless(
        "B-44",
        "a rule for a mark that no packet has leads elsewhere",
        "flannel-vxlan",
        ("n1: ip rule add fwmark 0x10/0x10 lookup 100", "n1: ip route add blackhole default table 100"),
    ),
    Harmless(
        "B-47",
        "a route has two nexthops, both good",
        "calico",
        ("n1: ip route replace {range.n2} proto bird nexthop via 10.0.0.2 nexthop via 10.0.0.2 weight 2",),
    ),
)


class Wrong(NamedTuple):
    bug: str
    says: str
    mode: Mode
    fault: Fault


def fault(*steps: str, codes: tuple[str, ...], place: str, only: tuple[str, ...]) -> Fault:
    return Fault(id="bug", steps=steps, codes=codes, places=(place,), only=only)


A_TO_B, A_TO_WEB = "pod/default/a to pod/default/b:8080", "pod/default/a to svc/default/web"
DROPS: tuple[tuple[str, str, Mode, tuple[str, ...], str], ...] = (
    (
        "B-23",
        "a rule of FORWARD names the port that a service's packet has after its translation",
        "flannel-host-gw",
        ("n1: iptables -I FORWARD -d {b} -p tcp --dport 8080 -j DROP",),
        A_TO_WEB,
    ),
    (
        "B-26",
        "a match is negated",
        "flannel-host-gw",
        ("n1: iptables -I FORWARD ! -s 10.9.0.0/16 -d {b} -j DROP",),
        A_TO_B,
    ),
    *(
        (
            "B-28",
            f"a rule asks for {words}",
            "flannel-host-gw",
            (f"n1: iptables -I FORWARD -d {{b}} -p tcp {words} -j DROP",),
            A_TO_B,
        )
        for words in ("--dport 8000:8100", "--tcp-flags SYN,RST SYN", "--syn")
    ),
    (
        "B-29",
        "a chain that was called goes on behind its own call",
        "flannel-host-gw",
        (
            "n1: iptables -N OUTER",
            "n1: iptables -N INNER",
            "n1: iptables -A INNER -d 10.9.9.9 -j ACCEPT",
            "n1: iptables -A OUTER -j INNER",
            "n1: iptables -A OUTER -d {b} -j DROP",
            "n1: iptables -I FORWARD -j OUTER",
        ),
        A_TO_B,
    ),
    (
        "B-32",
        "a mark is set, and the rules behind it are asked",
        "flannel-host-gw",
        (
            "n1: iptables -t mangle -A FORWARD -d {b} -j MARK --set-mark 0x1",
            "n1: iptables -t mangle -A FORWARD -m mark --mark 0x1 -j DROP",
        ),
        A_TO_B,
    ),
    (
        "B-36",
        "a device is named by its beginning",
        "calico",
        ("n1: iptables -I FORWARD -i cali+ -d {b} -j DROP",),
        A_TO_B,
    ),
    (
        "B-38",
        "the way back leads by another device, and a rule has two options of one match",
        "flannel-host-gw",
        (
            "n1: ip route add {a} dev eth0 table 100",
            "n1: ip rule add to {a} lookup 100",
            "n1: iptables -t raw -I PREROUTING -s {a} -d {b} -m rpfilter --validmark --invert -j DROP",
        ),
        A_TO_B,
    ),
    (
        "B-39",
        "a mark has the highest bit",
        "flannel-host-gw",
        (
            "n1: iptables -t mangle -A FORWARD -d {b} -j MARK --set-xmark 0x7fffffff/0xffffffff",
            "n1: iptables -t mangle -A FORWARD -d {b} -m mark ! --mark 0xffffffff -j DROP",
        ),
        A_TO_B,
    ),
    (
        "B-40",
        "a set has networks and ports",
        "flannel-host-gw",
        (
            "n1: ipset create skoop-lab hash:net,port",
            "n1: ipset add skoop-lab {b},tcp:8080",
            "n1: iptables -I FORWARD -m set --match-set skoop-lab dst,dst -j DROP",
        ),
        A_TO_B,
    ),
    (
        "B-41",
        "a rule is of the other back end",
        "flannel-host-gw",
        ("n1: other-iptables -I FORWARD -d {b} -j DROP",),
        A_TO_B,
    ),
    (
        "B-41",
        "a rule stands beside one with a rare match",
        "flannel-host-gw",
        (
            "n1: iptables -I FORWARD -d {b} -j DROP",
            "n1: iptables -I FORWARD -m time --timestart 00:00 --timestop 00:00:01 -j ACCEPT",
        ),
        A_TO_B,
    ),
)
"""Rules of node n1 that drop a flow."""


WRONG = (
    Wrong(
        "B-9",
        "the route to the nodes' own network leads elsewhere",
        "flannel-host-gw",
        fault(
            "n1: ip route replace 10.0.0.0/24 dev cni0",
            codes=("flannel.route.differs",),
            place="node/n1",
            only=("node/n1 to node/n2",),
        ),
    ),
    Wrong(
        "B-13",
        "a node without a route to the pod asks",
        "flannel-vxlan",
        fault(
            "n1: ip route del {range.n2}",
            "n1: ip route del default",
            codes=("flannel.route.missing",),
            place="node/n1",
            only=("node/n1 to pod/default/b",),
        ),
    ),
    Wrong(
        "B-15",
        "the client of a service is no port of the bridge",
        "flannel-host-gw",
        fault(
            "n1: ip link set {dev.a} nomaster",
            codes=("flannel.device.differs",),
            place="node/n1",
            only=("pod/default/a to svc/default/web",),
        ),
    ),
    Wrong(
        "B-45",
        "the default route is in a table that is not asked",
        "flannel-host-gw",
        fault(
            "a: ip route del default",
            "a: ip route del 10.244.0.0/16",
            "a: ip route add default via {gw.a} table 100",
            codes=("flannel.route.missing",),
            place="pod/default/a",
            only=("pod/default/a to pod/default/b:8080",),
        ),
    ),
    Wrong(
        "B-22",
        "the rule that leads to the main table is gone",
        "flannel-host-gw",
        fault(
            "n1: ip rule del lookup main",
            codes=("route.none", "source.rp-filter"),
            place="node/n1",
            only=("pod/default/a to pod/default/b:8080",),
        ),
    ),
    Wrong(
        "B-24",
        "the node's device is up, but has no carrier",
        "calico",
        fault(
            "switch: ip link set u2 down",
            codes=("device.down",),
            place="node/n2",
            only=("pod/default/a to pod/default/b:8080",),
        ),
    ),
    Wrong(
        "B-30",
        "a rule rejects",
        "calico",
        fault(
            "n1: iptables -I FORWARD -d {b} -j REJECT",
            codes=("netfilter.reject",),
            place="node/n1",
            only=("pod/default/a to pod/default/b:8080",),
        ),
    ),
    Wrong(
        "B-42",
        "INPUT filters before it translates",
        "flannel-host-gw",
        fault(
            "n2: iptables -t nat -I INPUT -p tcp --dport 10250 -j SNAT --to-source 10.9.9.9",
            "n2: iptables -I INPUT -s 10.0.0.1 -p tcp --dport 10250 -j DROP",
            codes=("netfilter.drop",),
            place="node/n2",
            only=("pod/default/a to node/n2:10250",),
        ),
    ),
    *(
        Wrong(bug, says, mode, fault(*steps, codes=("netfilter.drop",), place="node/n1", only=(flow,)))
        for bug, says, mode, steps, flow in DROPS
    ),
)

pytestmark = pytest.mark.kernel


def lab_of(mode: Mode) -> ClusterLab:
    return CniLab(mode) if mode in CNI_MODES else ClusterLab(mode)


@pytest.mark.skipif(programs() is None, reason="containernetworking-plugins is not installed")
@pytest.mark.parametrize("row", HARMLESS, ids=lambda row: f"{row.bug}: {row.says}")
def test_nothing_is_wrong(row: Harmless, tmp_path: Path) -> None:
    with lab_of(row.mode) as lab:
        run_steps(lab, row.steps)
        assert [str(one) for one in check_lab(lab, tmp_path, None, None)] == []


@pytest.mark.parametrize("row", WRONG, ids=lambda row: f"{row.bug}: {row.says}")
def test_it_is_found(row: Wrong, compare_lab: CompareLab) -> None:
    assert compare_lab(lambda: lab_of(row.mode), row.fault) == []
