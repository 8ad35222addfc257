"""What goes wrong around a real kube-router, and what must be said of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.e2e.kube_router.lab import KubeRouterLab


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    do: Callable[[KubeRouterLab], None]
    """Packets from pod a to pod b are lost by it."""
    code: str
    place: str
    text: str


def _bgp_is_dropped(lab: KubeRouterLab) -> None:
    """A firewall of n1 drops it, and kube-router starts anew, as after the node's own start.

    It may have taken its route away as it ended.
    """
    lab.daemons["n1"].stop()
    for port in ("--sport", "--dport"):
        lab.namespace("n1").run("iptables", "-I", "INPUT", "-p", "tcp", port, "179", "-j", "DROP")
    lab.namespace("n1").run("ip", "route", "flush", "exact", "10.244.2.0/24")
    lab.start(lab.topology.node("n1"))


def _hanging(step: str) -> Callable[[KubeRouterLab], None]:
    """kube-router of the node hangs when this is done, and mends nothing: `NODE: COMMAND`."""

    def do(lab: KubeRouterLab) -> None:
        node, _, command = step.partition(": ")
        lab.daemons[node].pause()
        lab.namespace(node).run(*command.split())

    return do


FAULTS = {
    "a firewall drops BGP": Fault(
        do=_bgp_is_dropped, code="kube-router.route.missing", place="node/n1", text="10.244.2.0/24"
    ),
    "a route is removed": Fault(
        do=_hanging("n1: ip route del 10.244.2.0/24"),
        code="kube-router.route.missing",
        place="node/n1",
        text="kube-router adds it by BGP when node n2 joins",
    ),
    "a route leads to an address that nobody has": Fault(
        do=_hanging("n1: ip route replace 10.244.2.0/24 via 10.0.0.99"),
        code="kube-router.route.differs",
        place="node/n1",
        text="10.0.0.99",
    ),
    "the bridge has lost its address": Fault(
        do=_hanging("n2: ip addr flush dev kube-bridge"),
        code="kube-router.address.missing",
        place="node/n2",
        text="10.244.2.1",
    ),
    "the bridge is down": Fault(
        do=_hanging("n2: ip link set kube-bridge down"),
        code="kube-router.device.differs",
        place="node/n2",
        text="kube-bridge",
    ),
    "the node does not forward": Fault(
        do=_hanging("n2: sysctl -qw net.ipv4.ip_forward=0"),
        code="kube-router.sysctl.differs",
        place="node/n2",
        text="net.ipv4.ip_forward",
    ),
}
