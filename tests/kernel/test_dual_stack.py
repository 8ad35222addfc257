"""Pods with IPv6 addresses, whole and with a fault each: the tool says what the kernel does, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.dual_stack import OVERLAY, DualStackLab, flows, pod_address
from kubectl_skoop.testing.flows import FlowProtocol
from kubectl_skoop.testing.trap_flow import Flow
from kubectl_skoop.testing.trap_probes import ask

pytestmark = pytest.mark.kernel

PROTOCOLS: Mapping[str, FlowProtocol] = {"tcp": "tcp", "udp": "udp", "icmp": "icmp"}
QUIET = 0.5
SLOWLY = "for i in $(seq 600); do {} && exit; sleep 0.1; done; exit 1"
"""What the kernel does by and by."""
NS, NA = "-p icmpv6 --icmpv6-type 135", "-p icmpv6 --icmpv6-type 136"
A, A2, B = "fd00:244:1::2", "fd00:244:1::3", "fd00:244:2::2"
N2 = "fd00:10::2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    steps: Mapping[str, str]
    """A command by place; `{b}` is the node's end of the device of pod b."""
    breaks: str
    """`from to`: a flow that it breaks."""
    code: str = ""
    place: str = ""
    text: str = ""
    overlay: bool | None = None
    """None: in both kinds."""


FAULTS = {
    "a pod drops solicitations": Fault(
        steps={"b": f"ip6tables -A INPUT {NS} -j DROP"},
        breaks=f"a {B}",
        code="netfilter.drop",
        place="pod/default/b",
        text="icmpv6-type 135",
    ),
    "a pod drops advertisements": Fault(
        steps={"a": f"ip6tables -A INPUT {NA} -j DROP"},
        breaks=f"a {B}",
        code="netfilter.drop",
        place="pod/default/a",
        text="icmpv6-type 136",
    ),
    "a node drops solicitations of other nodes": Fault(
        steps={"n2": f"ip6tables -I INPUT -i eth0 {NS} -j DROP"},
        breaks=f"n1 {N2}",
        code="netfilter.drop",
        place="node/n2",
    ),
    "a node's bridge drops solicitations": Fault(
        steps={"n1": f"ip6tables -I FORWARD {NS} -j DROP"},
        breaks=f"a {A2}",
        code="netfilter.drop",
        place="node/n1",
    ),
    "a node does not forward IPv6": Fault(
        steps={"n1": "sysctl -qw net.ipv6.conf.all.forwarding=0"},
        breaks=f"a {B}",
        code="flannel.sysctl.differs",
        place="node/n1",
        text="net.ipv6.conf.all.forwarding",
    ),
    "a node has no route to the other's pods": Fault(
        steps={"n1": "ip -6 route del fd00:244:2::/64"},
        breaks=f"a {B}",
        code="flannel.route.missing",
        place="node/n1",
    ),
    "a pod has no default route": Fault(
        steps={"b": "ip -6 route del default"},
        breaks=f"a {B}",
        code="flannel.route.missing",
        place="pod/default/b",
    ),
    "IPv6 is off in a pod": Fault(
        steps={"b": "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1"},
        breaks=f"a {B}",
        code="neighbour.unresolved",
        place="pod/default/b",
        text="net.ipv6.conf.eth0.disable_ipv6 = 1",
    ),
    "IPv6 is off at a node": Fault(
        steps={"n2": "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1"},
        breaks=f"n1 {N2}",
        code="neighbour.unresolved",
        place="node/n2",
        text="net.ipv6.conf.eth0.disable_ipv6 = 1",
    ),
    "a port of the bridge gets no multicasts": Fault(
        steps={"n1": "bridge link set dev {a2} mcast_flood off"},
        breaks=f"a {A2}",
        code="neighbour.unresolved",
        place="node/n1",
        text="mcast_flood off",
    ),
    "a node has a wrong MAC for a pod": Fault(
        steps={"n2": f"ip -6 neigh replace {B} lladdr 02:00:00:00:00:99 dev cni0 nud permanent"},
        breaks=f"a {B}",
        code="flannel.neighbour.differs",
        place="node/n2",
    ),
    "a pod has a wrong MAC for its gateway": Fault(
        steps={"a": "ip -6 neigh replace fd00:244:1::1 lladdr 02:00:00:00:00:99 dev eth0 nud permanent"},
        breaks=f"a {B}",
        place="pod/default/a",
        text="02:00:00:00:00:99",
    ),
    "a node answers a pod at a wrong MAC": Fault(
        steps={"n1": f"ip -6 neigh replace {A} lladdr 02:00:00:00:00:99 dev cni0 nud permanent"},
        breaks=f"a {B}",
        code="flannel.neighbour.differs",
        place="node/n1",
        text="02:00:00:00:00:99",
    ),
    "a pod's address is in use": Fault(
        steps={
            "b": "sysctl -qw net.ipv6.conf.eth0.accept_dad=1 net.ipv6.conf.eth0.router_solicitation_delay=0",
            "b2": f"ip addr add {B}/64 dev eth0 nodad",
            "b ": f"sh -c 'ip addr del {B}/64 dev eth0; ip addr add {B}/64 dev eth0; "
            f"{SLOWLY.format('ip -6 addr show dev eth0 dadfailed | grep -q inet6')}'",
            "b2 ": f"ip addr del {B}/64 dev eth0",
            "b  ": "ip -6 route replace default via fd00:244:2::1",
        },
        breaks=f"a {B}",
        code="neighbour.silent",
        place="pod/default/b",
        text="dadfailed",
    ),
    "a node has no link-local address towards the others": Fault(
        steps={"n1": "ip addr flush dev eth0 scope link"},
        breaks=f"a {B}",
        code="source.address",
        place="node/n1",
        overlay=False,
    ),
    "the tunnel's entry for a node is missing": Fault(
        steps={"n1": f"bridge fdb del 0e:00:00:00:06:02 dev {OVERLAY} dst {N2}"},
        breaks=f"a {B}",
        code="flannel.fdb.missing",
        place="node/n1",
        overlay=True,
    ),
    "the tunnel's neighbour is missing": Fault(
        steps={"n1": f"ip -6 neigh del fd00:244:2:: dev {OVERLAY}"},
        breaks=f"a {B}",
        code="flannel.neighbour.missing",
        place="node/n1",
        overlay=True,
    ),
}
KINDS = {"host routes": False, "vxlan": True}
CASES = [
    pytest.param(fault, overlay, id=f"{title}, {kind}")
    for title, fault in FAULTS.items()
    for kind, overlay in KINDS.items()
    if fault.overlay in (None, overlay)
]


def break_it(lab: DualStackLab, fault: Fault) -> None:
    devices = {pod.name: lab.host_device(pod) for pod in lab.topology.pods}
    for place, command in fault.steps.items():
        lab.namespace(place.strip()).run("sh", "-c", command.format(**devices))


def diagnosed(lab: DualStackLab, folder: Path, asked: Sequence[Flow]) -> Iterator[Diagnosis]:
    source = open_snapshot(take_snapshot(lab, folder))
    try:
        desk = Desk(source, Options())
        for flow in asked:
            place = ("node/" if flow.host.startswith("n") else "pod/default/") + flow.host
            port = str(flow.port) if flow.port else ""
            protocol = PROTOCOLS[flow.protocol]
            destination = flow.address + (f"%{flow.device}" if flow.device else "")
            request = Request(source=place, destination=destination, port=port, protocol=protocol)
            yield desk.answer(request)
    finally:
        source.close()


def compared(
    lab: DualStackLab, folder: Path, asked: Sequence[Flow], *, quiet: float = QUIET
) -> tuple[list[Diagnosis], dict[Flow, str]]:
    """The diagnoses, and what the kernel says otherwise. Collected before the first packet."""
    diagnoses = list(diagnosed(lab, folder, asked))
    different = {}
    for flow, diagnosis, told in zip(asked, diagnoses, ask(lab.sockets, asked, quiet=quiet), strict=True):
        symptom = told.split(",")[0]
        verdict = "reachable" if symptom == "answer" else "unreachable"
        if (diagnosis.verdict, diagnosis.symptom) != (verdict, symptom):
            different[flow] = (
                f"{flow.host} {flow.protocol} {flow.address}: the kernel says {told}, the tool "
                f"{diagnosis.verdict}, {diagnosis.symptom}: {diagnosis.headline}"
            )
    return diagnoses, different


@pytest.mark.parametrize("overlay", KINDS.values(), ids=KINDS)
def test_a_healthy_lab(overlay: bool, tmp_path: Path) -> None:
    with DualStackLab(overlay=overlay) as lab:
        assert ip_address(pod_address(lab.topology.pod("b"))) == ip_address(B)
        diagnoses, different = compared(lab, tmp_path, list(flows(lab)))
    assert not different
    assert {diagnosis.verdict for diagnosis in diagnoses} == {"reachable"}
    loud = [one for found in diagnoses for one in found.suspicions if one.level >= Level.WARNING]
    assert not loud


def test_a_pod_that_a_question_is_only_flooded_to_is_not_blamed(tmp_path: Path) -> None:
    with DualStackLab(overlay=False) as lab:
        lab.namespace("a2").run("ip6tables", "-t", "raw", "-A", "PREROUTING", *NS.split(), "-j", "DROP")
        asked = [Flow(host="a", protocol="icmp", address="fd00:244:1::99", port=0)]
        (diagnosis,), different = compared(lab, tmp_path, asked)
    assert not different
    assert diagnosis.cause is not None
    assert diagnosis.cause.code == "neighbour.unresolved"


def test_what_works_only_while_neighbours_are_known(tmp_path: Path) -> None:
    with DualStackLab(overlay=False) as lab:
        asked = [Flow(host="a", protocol="icmp", address=B, port=0)]
        assert ask(lab.sockets, asked) == ["answer"]
        lab.namespace("b").run("ip6tables", "-A", "INPUT", *NS.split(), "-j", "DROP")
        (diagnosis,), different = compared(lab, tmp_path, asked)
    assert not different
    assert diagnosis.verdict == "reachable"
    (warning,) = (one for one in diagnosis.suspicions if one.level >= Level.WARNING)
    assert (warning.code, str(warning.where.place)) == ("netfilter.drop", "pod/default/b")
    assert warning.message.startswith("works only until the neighbour entry expires")


def test_link_local_addresses(tmp_path: Path) -> None:
    n2, gateway = "fe80::ff:fe00:2", "fe80::858:aff:fef4:101"
    with DualStackLab(overlay=False) as lab:
        asked = [
            Flow(host="n1", protocol="tcp", address=n2, device="eth0", port=80),
            Flow(host="a", protocol="icmp", address=gateway, device="eth0", port=0),
            Flow(host="a", protocol="icmp", address=n2, device="eth0", port=0),
            Flow(host="a", protocol="udp", address=gateway, port=53),
        ]
        diagnoses, different = compared(lab, tmp_path, asked)
    assert not different
    assert [one.symptom for one in diagnoses] == ["answer", "answer", "no route to host", "invalid argument"]


def test_the_address_of_the_tunnel_is_anycast_for_pods(tmp_path: Path) -> None:
    """It is the first of the pod range, for which the bridge has an anycast route."""
    with DualStackLab(overlay=True) as lab:
        asked = [
            Flow(host="a", protocol="tcp", address="fd00:244:1::", port=80),
            Flow(host="a", protocol="icmp", address="fd00:244:1::", port=0),
            Flow(host="n2", protocol="tcp", address="fd00:244:1::", port=80),
        ]
        diagnoses, different = compared(lab, tmp_path, asked)
    assert not different
    assert [diagnosis.verdict for diagnosis in diagnoses] == ["unreachable", "reachable", "reachable"]


@pytest.mark.parametrize(("fault", "overlay"), CASES)
def test_a_fault(fault: Fault, overlay: bool, tmp_path: Path) -> None:
    """Only the broken flows are sent: others would teach neighbours. No TCP: connect() misses errors that
    come at once, until a SYN's first repetition."""
    with DualStackLab(overlay=overlay) as lab:
        break_it(lab, fault)
        asked = [flow for flow in flows(lab) if f"{flow.host} {flow.address}" == fault.breaks]
        diagnoses, different = compared(lab, tmp_path, [flow for flow in asked if flow.protocol != "tcp"])
    assert not different
    for diagnosis in diagnoses:
        assert diagnosis.verdict == "unreachable"
        cause = diagnosis.cause
        assert cause is not None
        assert fault.code in ("", cause.code)
        assert str(cause.where.place) == fault.place
        assert fault.text in " ".join((cause.message, *cause.evidence))
