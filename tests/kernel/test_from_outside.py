"""Packets from a host outside to node ports and external addresses: real ones, and walked ones."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import Desk, diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import fill, placeholders, run_steps
from kubectl_skoop.testing.cluster_lab import SWITCH, ClusterLab
from kubectl_skoop.testing.comparing import check_flow, describe, take_snapshot
from kubectl_skoop.testing.flows import CLOSED_PORT, Flow, FlowProtocol
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.probes import Outcome, run_flows
from kubectl_skoop.testing.topology import BACKENDS, KUBELET_PORT, MODES, NODE_PORT, Backend, Mode

pytestmark = pytest.mark.kernel

CLIENT, EXTERNAL = "203.0.113.7", "198.51.100.9"
"""Of the switch, which is the nodes' router; and an address of `web`, which the switch leads to n1."""
N1, N2 = "10.0.0.1", "10.0.0.2"
OUTSIDE = (
    # It asks for nodes with its own address on their network, as a router does for whom it forwards.
    "switch: sysctl net.ipv4.conf.br0.arp_announce=2",
    f"switch: ip addr add {CLIENT}/32 dev br0",
    f"switch: ip route replace 10.0.0.0/24 dev br0 scope link proto kernel src {CLIENT}",
    f"switch: ip route add {EXTERNAL} via {N1} src {CLIENT}",
    f"n1: iptables -t nat -I KUBE-SERVICES -d {EXTERNAL} -p tcp --dport 80 -j {{ext.web}}",
    f"n2: iptables -t nat -I KUBE-SERVICES -d {EXTERNAL} -p tcp --dport 80 -j {{ext.web}}",
)


class OutsideLab(ClusterLab):
    """A cluster lab with a client outside, and an external address of the service `web`."""

    policy = "Cluster"

    def objects(self) -> list[Object]:
        found = super().objects()
        for item in found:
            if item["kind"] == "Service" and item["metadata"]["name"] == "web":
                item["spec"] |= {"externalIPs": [EXTERNAL], "externalTrafficPolicy": self.policy}
        return found

    def run(self, steps: Sequence[str]) -> None:
        values = placeholders(self)
        values["ext.web"] = values["chain.web"].replace("KUBE-SVC", "KUBE-EXT")
        run_steps(self, [fill(step, values) for step in steps])


def flow(address: str, port: int, protocol: FlowProtocol = "tcp", *, bulk: bool = False) -> Flow:
    return Flow(f"external/{SWITCH}", address, address, protocol, port, bulk=bulk)


NODE_PORTS = (flow(N1, NODE_PORT, bulk=True), flow(N2, NODE_PORT, bulk=True))
FLOWS = (
    *NODE_PORTS,
    flow(N1, KUBELET_PORT),
    flow(N2, 0, "icmp"),
    flow(N2, CLOSED_PORT),
    flow(N1, CLOSED_PORT, "udp"),
    flow(EXTERNAL, 80),
)


def asked(lab: ClusterLab, folder: Path, flows: Sequence[Flow]) -> dict[Flow, tuple[Outcome, Diagnosis]]:
    snapshot = take_snapshot(lab, folder)
    outcomes = run_flows(lab, flows)
    with closing(open_snapshot(snapshot)) as source:
        desk = Desk(source, Options())
        return {
            each: (
                outcome,
                desk.answer(
                    Request(
                        source=CLIENT,
                        destination=each.destination,
                        port=str(each.port) if each.port else "",
                        protocol=each.protocol,
                    )
                ),
            )
            for each, outcome in outcomes.items()
        }


def differences(found: dict[Flow, tuple[Outcome, Diagnosis]]) -> list[str]:
    return [
        str(one)
        for each, (outcome, diagnosis) in found.items()
        for one in check_flow(each, [outcome], diagnosis)
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_healthy_lab_answers_the_outside_as_the_walk_says(
    mode: Mode, backend: Backend, tmp_path: Path
) -> None:
    with OutsideLab(mode, backend) as lab:
        lab.run(OUTSIDE)
        found = asked(lab, tmp_path, FLOWS)
    assert differences(found) == []
    for each, (outcome, diagnosis) in found.items():
        assert outcome.symptom == ("connection refused" if each.port == CLOSED_PORT else "answer"), each.id
        loud = [one for one in diagnosis.suspicions if one.level >= Level.WARNING]
        assert each.port == CLOSED_PORT or loud == [], describe(diagnosis)
        assert diagnosis.path.nodes[0].place == Place("external", CLIENT)


FAULTS = {
    "the node port has no rule": (
        ["n1: iptables -t nat -F KUBE-NODEPORTS"],
        "socket.closed",
        "node/n1",
    ),
    "the node does not forward": (
        ["n1: sysctl net.ipv4.ip_forward=0"],
        "forwarding.disabled",
        "node/n1",
    ),
    "a rule drops what comes from outside": (
        [f"n1: iptables -I FORWARD -s {CLIENT} -j DROP"],
        "netfilter.drop",
        "node/n1",
    ),
    "the answer leaves by itself, past the node that translated": (
        ["n1: iptables -t nat -F KUBE-POSTROUTING"],
        "reply.unexpected-source",
        f"external/{CLIENT}",
    ),
    "the node sends its answers elsewhere, and checks where packets come from": (
        [
            "n1: sysctl net.ipv4.conf.eth0.rp_filter=1",
            f"n1: ip route add blackhole {CLIENT}",
        ],
        "source.",
        "node/n1",
    ),
    "the node has no way back": (
        ["n1: ip route del default", "n1: sysctl net.ipv4.conf.eth0.rp_filter=0"],
        "route.none",
        "node/n1",
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("steps", "code", "place"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_what_the_kernel_makes_of_it(
    mode: Mode, steps: Sequence[str], code: str, place: str, tmp_path: Path
) -> None:
    with OutsideLab(mode) as lab:
        lab.run((*OUTSIDE, *steps))
        found = asked(lab, tmp_path, NODE_PORTS)
    assert differences(found) == []
    (outcome, diagnosis), (_, other) = found.values()
    assert outcome.symptom != "answer"
    assert other.verdict == "reachable"
    found_there = {one.code for one in diagnosis.suspicions if str(one.where.place) == place}
    assert any(one.startswith(code) for one in found_there), describe(diagnosis)


@pytest.mark.parametrize("mode", MODES)
def test_the_service_is_asked_by_its_external_address(mode: Mode, tmp_path: Path) -> None:
    """Which node takes it is not known: the nodes agree, or the answer is unknown."""
    with OutsideLab(mode) as lab:
        lab.run(OUTSIDE)
        snapshot = take_snapshot(lab, tmp_path)
        lab.run([f"n2: iptables -I FORWARD -s {CLIENT} -j DROP"])
        (tmp_path / "broken").mkdir()
        broken = take_snapshot(lab, tmp_path / "broken")
    request = Request(source=CLIENT, destination="svc/default/web")
    with closing(open_snapshot(snapshot)) as source:
        assert diagnose(source, request, Options()).verdict == "reachable"
    with closing(open_snapshot(broken)) as source:
        diagnosis = diagnose(source, request, Options())
    assert diagnosis.verdict == "unknown"
    assert diagnosis.cause is not None
    assert f"which node takes packets for {EXTERNAL} is not known" in diagnosis.cause.message
