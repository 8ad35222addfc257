"""What is broken with flannel's DirectRouting, on one link and between subnets; the plugin names it all."""

from collections.abc import Callable, Mapping

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.flannel_direct import OneLink, TwoSubnets
from kubectl_skoop.testing.topology import Backend

A_TO_B = ("pod/default/a to pod/default/b:8080",)
LABS: Mapping[str, Callable[[Backend], ClusterLab]] = {
    "flannel vxlan, one link": lambda backend: OneLink("flannel-vxlan", backend),
    "flannel vxlan, two subnets": lambda backend: TwoSubnets("flannel-vxlan", backend),
    "flannel ipip, one link": lambda backend: OneLink("flannel-ipip", backend),
    "flannel ipip, two subnets": lambda backend: TwoSubnets("flannel-ipip", backend),
}
IN_GUEST = frozenset(name for name in LABS if "ipip" in name)


def _fault(name: str, cause: str, place: str, text: str, *steps: str) -> Fault:
    return Fault(id=name, steps=steps, codes=(cause,), places=(place,), texts=(text,), only=A_TO_B)


_ANYWHERE = (
    _fault("no route", "*.route.missing", "node/n1", "{range.n2}", "n1: ip route del {range.n2}"),
    _fault("no route back", "*.route.missing", "node/n2", "{range.n1}", "n2: ip route del {range.n1}"),
    _fault(
        "a node does not forward",
        *("*.sysctl.differs", "node/n2", "ip_forward", "n2: sysctl net.ipv4.ip_forward=0"),
    ),
    _fault(
        "a pod's address is taken away",
        *("*.route.differs", "node/n1", "more specific", "n1: ip route add blackhole {b}"),
    ),
)
_ON_A_LINK = (
    *_ANYWHERE,
    _fault(
        "the route leads to nobody",
        *(
            "*.route.differs",
            "node/n1",
            "10.0.0.99",
            "n1: ip route replace {range.n2} via 10.0.0.99 dev eth0",
        ),
    ),
    _fault(
        "the route leads by the router, which knows no pods",
        *("*.route.differs", "node/n1", "10.0.0.254", "n1: ip route replace {range.n2} via 10.0.0.254"),
    ),
)
_BETWEEN_SUBNETS = (
    *_ANYWHERE,
    _fault(
        "the route leads past the tunnel",
        *("*.route.differs", "node/n1", "10.0.1.1", "n1: ip route replace {range.n2} via 10.0.1.1 dev eth0"),
    ),
    _fault(
        "the tunnel is down",
        *("flannel.*", "node/n2", "{uplink}", "n2: ip link set {uplink} down"),
    ),
)
_VXLAN_ALONE = (
    _fault(
        "the tunnel's neighbour is gone",
        *("*.neighbour.missing", "node/n1", "{vtep.n2}", "n1: ip neigh del {vtep.n2} dev {uplink}"),
    ),
    _fault(
        "the tunnel's remote is gone",
        *("*.fdb.missing", "node/n1", "{uplink}", "n1: bridge fdb del 0e:00:00:00:00:02 dev {uplink}"),
    ),
)
FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "flannel vxlan, one link": _ON_A_LINK,
    "flannel vxlan, two subnets": (*_BETWEEN_SUBNETS, *_VXLAN_ALONE),
    "flannel ipip, one link": _ON_A_LINK,
    "flannel ipip, two subnets": _BETWEEN_SUBNETS,
}
