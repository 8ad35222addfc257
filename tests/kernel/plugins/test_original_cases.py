"""The end-to-end cases of the tool that this one is to replace, for flannel: the same finding and place.

The level is by our rule: fatal only for what stops this packet. What it asks of healthy clusters is asked of
every mode's healthy lab (`test_modes.py`).
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import check_flow, request_of, take_snapshot
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import ANSWER, run_flows
from kubectl_skoop.testing.topology import Mode

pytestmark = pytest.mark.kernel
BOTH: tuple[Mode, ...] = ("flannel-host-gw", "flannel-vxlan")
HOST_GW: tuple[Mode, ...] = ("flannel-host-gw",)
VXLAN: tuple[Mode, ...] = ("flannel-vxlan",)
A_TO_B, N1_TO_B = "pod/default/a to pod/default/b:8080 tcp bulk", "node/n1 to pod/default/b:8080 tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    modes: tuple[Mode, ...] = BOTH
    steps: tuple[str, ...]
    flows: tuple[str, ...] = (A_TO_B,)
    codes: tuple[str, ...]
    places: tuple[str, ...]
    """At each of them."""
    text: str
    level: Level = Level.FATAL
    path: int | None = None
    """How many places the packet came to; None: whatever."""


CASES = {
    "eth0 of the server is down": Case(
        steps=("b: ip link set eth0 down",),
        codes=("flannel.device.differs",),
        places=("pod/default/b",),
        text="eth0",
    ),
    "lo of the server is down": Case(
        steps=("b: ip link set lo down",),
        codes=("flannel.device.differs",),
        places=("pod/default/b",),
        text="lo",
        level=Level.WARNING,
    ),
    "the server does not listen": Case(
        steps=("b: shut tcp 8080",),
        codes=("socket.closed",),
        places=("pod/default/b",),
        text="8080",
    ),
    "a rule in the server drops": Case(
        steps=("b: iptables -I INPUT -j DROP",),
        codes=("netfilter.drop",),
        places=("pod/default/b",),
        text="-j DROP",
    ),
    "the server has no routes": Case(
        steps=("b: ip route flush table main",),
        flows=(A_TO_B, N1_TO_B),
        codes=("flannel.route.missing",),
        places=("pod/default/b",),
        text="the default route",
    ),
    "the client has no routes": Case(
        steps=("a: ip route flush table main",),
        codes=("flannel.route.missing",),
        places=("pod/default/a",),
        text="the default route",
        path=1,
    ),
    "the client's default route leads to lo": Case(
        steps=("a: ip route flush table main", "a: ip route add default dev lo"),
        codes=("flannel.route.differs",),
        places=("pod/default/a",),
        text="goes by lo",
    ),
    "a service has no endpoint": Case(
        steps=(),
        flows=("pod/default/a to svc/default/empty:80 tcp",),
        codes=("service.no-endpoints",),
        places=("cluster",),
        text="default/empty",
    ),
    "pods have another MTU than their nodes' devices": Case(
        steps=("a: ip link set eth0 mtu 1400", "b: ip link set eth0 mtu 1400"),
        codes=("flannel.device.differs",),
        places=("node/n1", "node/n2"),
        text="MTU",
        level=Level.WARNING,
    ),
    "the bridge is down": Case(
        steps=("n2: ip link set cni0 down",),
        codes=("flannel.device.differs", "flannel.route.missing"),
        places=("node/n2",),
        text="cni0",
    ),
    "a node has no route to its own pods": Case(
        modes=HOST_GW,
        steps=("n2: ip route del {range.n2}",),
        codes=("flannel.route.missing",),
        places=("node/n2",),
        text="10.244.2.0/24",
    ),
    "a node has no route to another's pods": Case(
        steps=("n1: ip route del {range.n2}",),
        codes=("flannel.route.missing",),
        places=("node/n1",),
        text="10.244.2.0/24",
    ),
    "the route to another node's pods leads to a wrong node": Case(
        modes=HOST_GW,
        steps=("n1: ip route replace {range.n2} via 10.0.0.254 dev eth0",),
        codes=("flannel.route.differs",),
        places=("node/n1",),
        text="10.0.0.254",
    ),
    "the route to another node's pods leads past the tunnel": Case(
        modes=VXLAN,
        steps=("n1: ip route replace {range.n2} dev eth0 scope link",),
        codes=("flannel.route.differs",),
        places=("node/n1",),
        text="goes by eth0",
    ),
    "the tunnel is down": Case(
        modes=VXLAN,
        steps=("n1: ip link set flannel.1 down",),
        codes=("flannel.device.differs", "flannel.route.missing"),
        places=("node/n1",),
        text="flannel.1",
    ),
}
ROWS = [pytest.param(case, mode, id=f"{name}, {mode}") for name, case in CASES.items() for mode in case.modes]


@pytest.mark.parametrize(("case", "mode"), ROWS)
def test_the_finding_is_the_same(case: Case, mode: Mode, tmp_path: Path) -> None:
    with ClusterLab(mode) as lab:
        run_steps(lab, case.steps)
        flows = [flow for flow in standard_flows(lab.topology, mode) if flow.id in case.flows]
        assert len(flows) == len(case.flows)
        snapshot = take_snapshot(lab, tmp_path)
        outcomes = run_flows(lab, flows)
    with closing(open_snapshot(snapshot)) as source:
        for flow, outcome in outcomes.items():
            told = diagnose(source, request_of(flow), Options())
            assert check_flow(flow, [outcome], told) == []
            assert (outcome.symptom == ANSWER) == (case.level is not Level.FATAL)
            named = [
                str(one.where.place) if one.where.place else "cluster"
                for one in told.suspicions
                if one.code in case.codes
                and one.level == case.level
                and case.text in " ".join((one.message, *one.evidence))
            ]
            assert set(named) >= set(case.places)
            assert case.path is None or len(told.path.nodes) == case.path


@pytest.mark.parametrize("mode", BOTH)
def test_outside_of_the_cluster(mode: Mode, tmp_path: Path) -> None:
    """Nothing is wrong on the way there; and a pod's address is none that the outside has a route to."""
    with ClusterLab(mode) as lab:
        snapshot = take_snapshot(lab, tmp_path)
    out = Request(source="pod/default/a", destination="123.123.123.123", port="80")
    back = Request(source="123.123.123.123", destination="pod/default/a", port="8080")
    with closing(open_snapshot(snapshot)) as source:
        there = diagnose(source, out, Options())
        assert there.verdict == "reachable"
        assert [one for one in there.suspicions if one.level >= Level.WARNING] == []
        assert diagnose(source, back, Options()).verdict != "reachable"
