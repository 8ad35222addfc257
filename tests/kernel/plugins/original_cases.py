"""The end-to-end cases of the tool that this one is to replace, for flannel and Calico: the same findings.

The level is by our rule: fatal only for what stops this packet. What it asks of healthy clusters is asked of
every mode's healthy lab (`test_modes.py`, `tests/kernel/guest/test_calico_ipip.py`).
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import fill, placeholders
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Observed, check_flow, describe, request_of
from kubectl_skoop.testing.flows import Flow, standard_flows
from kubectl_skoop.testing.probes import ANSWER
from kubectl_skoop.testing.topology import Mode

FLANNEL: tuple[Mode, ...] = ("flannel-host-gw", "flannel-vxlan")
IPIP: Mode = "calico-ipip"
"""Its labs are in the guest, whose kernel has the module."""
HERE: tuple[Mode, ...] = (*FLANNEL, "calico", "calico-vxlan")
"""With labs in the kernel of this machine."""
CALICO: tuple[Mode, ...] = ("calico", "calico-vxlan", IPIP)
ALL: tuple[Mode, ...] = (*FLANNEL, *CALICO)
HOST_GW: tuple[Mode, ...] = ("flannel-host-gw",)
VXLAN: tuple[Mode, ...] = ("flannel-vxlan",)
A_TO_B, N1_TO_B = "pod/default/a to pod/default/b:8080 tcp bulk", "node/n1 to pod/default/b:8080 tcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    modes: tuple[Mode, ...] = ALL
    steps: tuple[str, ...]
    flows: tuple[str, ...] = (A_TO_B,)
    asked_by: tuple[str, ...] = ()
    """Who else asks the same."""
    codes: tuple[str, ...]
    """Where one begins with a dot, the plugin's name stands before it."""
    places: tuple[str, ...]
    """At each of them."""
    text: str
    level: Level = Level.FATAL
    path: int | None = None
    """How many places the packet came to; None: whatever."""

    def asks(self, lab: ClusterLab) -> list[Flow]:
        flows = [flow for flow in standard_flows(lab.topology, lab.mode) if flow.id in self.flows]
        assert len(flows) == len(self.flows)
        return [*flows, *(replace(flow, source=other) for flow in flows for other in self.asked_by)]

    def differences(self, lab: ClusterLab, observed: Observed) -> list[str]:
        """What the tool says otherwise than the kernel or the row. `lab` need not stand any more."""
        return [*self._differences(lab, observed)]

    def _differences(self, lab: ClusterLab, observed: Observed) -> Iterator[str]:
        with closing(open_snapshot(observed.snapshot)) as source:
            for flow, outcome in observed.outcomes.items():
                told = diagnose(source, request_of(flow), Options())
                yield from map(str, check_flow(flow, [outcome], told))
                if (outcome.symptom == ANSWER) == (self.level is Level.FATAL):
                    yield f"{flow.id}: the kernel: {outcome.symptom}"
                if missing := set(self.places) - self._named(lab, told):
                    yield f"{flow.id}: nothing of it at {', '.join(sorted(missing))}: {describe(told)}"
                if self.path not in (None, len(told.path.nodes)):
                    yield f"{flow.id}: came to {len(told.path.nodes)} places"

    def _named(self, lab: ClusterLab, told: Diagnosis) -> set[str]:
        """Where it found what the row says."""
        plugin, text = lab.mode.partition("-")[0], fill(self.text, placeholders(lab))
        codes = {f"{plugin}{code}" if code[0] == "." else code for code in self.codes}
        return {
            str(one.where.place) if one.where.place else "cluster"
            for one in told.suspicions
            if one.code in codes
            and one.level == self.level
            and text in " ".join((one.message, *one.evidence))
        }


CASES = {
    "eth0 of the server is down": Case(
        steps=("b: ip link set eth0 down",),
        codes=(".device.differs",),
        places=("pod/default/b",),
        text="eth0",
    ),
    "lo of the server is down": Case(
        steps=("b: ip link set lo down",),
        codes=(".device.differs",),
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
        codes=(".route.missing",),
        places=("pod/default/b",),
        text="the default route",
    ),
    "the client has no routes": Case(
        steps=("a: ip route flush table main",),
        codes=(".route.missing",),
        places=("pod/default/a",),
        text="the default route",
        path=1,
    ),
    "the client's default route leads to lo": Case(
        steps=("a: ip route flush table main", "a: ip route add default dev lo"),
        codes=(".route.differs",),
        places=("pod/default/a",),
        text="goes by lo",
    ),
    "a service has no endpoint": Case(
        modes=HERE,
        steps=(),
        flows=("pod/default/a to svc/default/empty:80 tcp",),
        asked_by=("node/n1",),
        codes=("service.no-endpoints",),
        places=("cluster",),
        text="default/empty",
    ),
    "pods have another MTU than their nodes' devices": Case(
        modes=FLANNEL,
        steps=("a: ip link set eth0 mtu 1400", "b: ip link set eth0 mtu 1400"),
        codes=(".device.differs",),
        places=("node/n1", "node/n2"),
        text="MTU",
        level=Level.WARNING,
    ),
    "the bridge is down": Case(
        modes=FLANNEL,
        steps=("n2: ip link set cni0 down",),
        codes=(".device.differs", ".route.missing"),
        places=("node/n2",),
        text="cni0",
    ),
    "a node has no route to its own pods": Case(
        modes=HOST_GW,
        steps=("n2: ip route del {range.n2}",),
        codes=(".route.missing",),
        places=("node/n2",),
        text="10.244.2.0/24",
    ),
    "a node has no route to another's pods": Case(
        steps=("n1: ip route del {range.n2}",),
        codes=(".route.missing",),
        places=("node/n1",),
        text="{range.n2}",
    ),
    "the route to another node's pods leads to a wrong node": Case(
        modes=HOST_GW,
        steps=("n1: ip route replace {range.n2} via 10.0.0.254 dev eth0",),
        codes=(".route.differs",),
        places=("node/n1",),
        text="10.0.0.254",
    ),
    "the route to another node's pods leads past the tunnel": Case(
        modes=VXLAN,
        steps=("n1: ip route replace {range.n2} dev eth0 scope link",),
        codes=(".route.differs",),
        places=("node/n1",),
        text="goes by eth0",
    ),
    "the tunnel is down": Case(
        modes=VXLAN,
        steps=("n1: ip link set flannel.1 down",),
        codes=(".device.differs", ".route.missing"),
        places=("node/n1",),
        text="flannel.1",
    ),
}
CASES |= {
    "both pods' devices are down on their nodes": Case(
        modes=CALICO,
        steps=("n1: ip link set {dev.a} down", "n2: ip link set {dev.b} down"),
        codes=(".device.differs", ".route.missing"),
        places=("node/n1",),
        text="{dev.a}",
    ),
    "the other pod's device is down on its node": Case(
        modes=CALICO,
        steps=("n2: ip link set {dev.b} down",),
        codes=(".device.differs", ".route.missing"),
        places=("node/n2",),
        text="{dev.b}",
    ),
    "a node has no route to its own pod": Case(
        modes=CALICO,
        steps=("n2: ip route del {b}",),
        codes=(".route.missing",),
        places=("node/n2",),
        text="{b}",
    ),
    "a node's route to its own pod leads to the other nodes": Case(
        modes=CALICO,
        steps=("n2: ip route replace {b} dev eth0 scope link",),
        codes=(".route.differs",),
        places=("node/n2",),
        text="goes by eth0",
    ),
    "a route to the other pod alone leads past the tunnel": Case(
        modes=("calico-vxlan", IPIP),
        steps=("n1: ip route add {b} dev eth0 scope link",),
        codes=(".route.differs",),
        places=("node/n1",),
        text="eth0",
    ),
}


def outside_of_the_cluster(snapshot: Path) -> None:
    """Nothing is wrong on the way there; and a pod's address is none that the outside has a route to."""
    out = Request(source="pod/default/a", destination="123.123.123.123", port="80")
    back = Request(source="123.123.123.123", destination="pod/default/a", port="8080")
    with closing(open_snapshot(snapshot)) as source:
        there = diagnose(source, out, Options())
        assert there.verdict == "reachable"
        assert [one for one in there.suspicions if one.level >= Level.WARNING] == []
        assert diagnose(source, back, Options()).verdict != "reachable"
