"""What is broken on nodes as Cilium leaves them, and what the plugin must say."""

from dataclasses import dataclass

from tests.kernel.plugins import programmed
from tests.kernel.plugins.cilium_lab import Routing

BOTH: tuple[Routing, ...] = ("native", "tunnel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(programmed.Fault):
    routing: tuple[Routing, ...] = BOTH


FAULTS = {
    "no program on a pod's device": Fault(
        detached=("n2", "{dev.b}"),
        code="cilium.device.differs",
        place="node/n2",
        text="no program at ingress",
    ),
    "no program on cilium_host": Fault(
        detached=("n1", "cilium_host"),
        code="cilium.device.differs",
        place="node/n1",
        text="no program at ingress",
    ),
    "cilium_host is down": Fault(
        steps=("n1: ip link set cilium_host down",),
        code="cilium.device.differs",
        place="node/n1",
        text="cilium_host is down",
    ),
    "cilium_host has lost its address": Fault(
        steps=("n1: ip addr flush dev cilium_host",),
        code="cilium.address.missing",
        place="node/n1",
        text="10.244.1.200",
    ),
    "a node has no route to another's pods": Fault(
        steps=("n1: ip route del {range.n2}",),
        code="cilium.route.missing",
        place="node/n1",
        text="10.244.2.0/24",
    ),
    "the strict check of sources is on for all devices": Fault(
        steps=("n1: sysctl net.ipv4.conf.all.rp_filter=1",),
        code="cilium.sysctl.differs",
        place="node/n1",
        text="all.rp_filter",
    ),
    "the check of sources is on for a pod's device": Fault(
        steps=("n2: sysctl net.ipv4.conf.{dev.b}.rp_filter=1",),
        code="cilium.sysctl.differs",
        place="node/n2",
        text="rp_filter",
    ),
    "the rule to the proxy is gone": Fault(
        steps=("n2: ip rule del priority 9",), code="cilium.rule.missing", place="node/n2", text="0x200/0xf00"
    ),
    "a node does not forward": Fault(
        steps=("n2: sysctl net.ipv4.ip_forward=0",),
        code="cilium.sysctl.differs",
        place="node/n2",
        text="ip_forward",
    ),
    "a pod has no default route": Fault(
        steps=("a: ip route del default",),
        code="cilium.route.missing",
        place="pod/default/a",
        text="the default route",
        verdict="unreachable",
    ),
    "the tunnel's device is gone": Fault(
        steps=("n1: ip link del cilium_vxlan",),
        code="cilium.device.missing",
        place="node/n1",
        text="cilium_vxlan",
        routing=("tunnel",),
    ),
    "a pod's route is gone": Fault(
        steps=("n2: ip route del {b}",),
        code="cilium.route.missing",
        place="node/n2",
        text="10.244.2.2",
        routing=("native",),
    ),
}


def of(routing: Routing) -> list[Fault]:
    """All of them are named by the plugin."""
    return [fault for fault in FAULTS.values() if routing in fault.routing]
