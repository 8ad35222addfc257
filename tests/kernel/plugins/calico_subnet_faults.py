"""What is broken between two subnets of Calico's nodes; all of it the plugin must name."""

from kubectl_skoop.testing.calico_subnets import Tunnel
from kubectl_skoop.testing.faults import Fault

A_TO_B, B_TO_A = "pod/default/a to pod/default/b:8080", "pod/default/b to pod/default/a"


def _fault(name: str, code: str, place: str, text: str, *steps: str, only: tuple[str, ...]) -> Fault:
    return Fault(id=name, steps=steps, codes=(code,), places=(place,), texts=(text,), only=only)


_OF_BOTH = (
    _fault(
        "a node has no route to its pod",
        *("calico.route.missing", "node/n2", "{b}", "n2: ip route del {b}"),
        only=(A_TO_B,),
    ),
    _fault(
        "a node does not forward",
        *("calico.sysctl.differs", "node/n2", "ip_forward", "n2: sysctl net.ipv4.ip_forward=0"),
        only=(A_TO_B,),
    ),
    _fault(
        "a pod has no default route",
        *("calico.route.missing", "pod/default/a", "the default route", "a: ip route del default"),
        only=(A_TO_B,),
    ),
    _fault(
        "a node's end of a veth is down",
        *("calico.*", "node/n2", "{dev.b}", "n2: ip link set {dev.b} down"),
        only=(A_TO_B,),
    ),
    _fault(
        "a node does not answer for its pods' gateway",
        *("calico.sysctl.differs", "node/n1", "proxy_arp"),
        *("n1: sysctl net.ipv4.conf.{dev.a}.proxy_arp=0", "a: ip neigh flush dev eth0"),
        only=(A_TO_B,),
    ),
)
FAULTS: dict[Tunnel, tuple[Fault, ...]] = {
    "vxlan": (
        *_OF_BOTH,
        _fault(
            "the route through the tunnel is gone",
            *("calico.route.missing", "node/n1", "{range.n2}", "n1: ip route del {range.n2}"),
            only=(A_TO_B,),
        ),
        _fault(
            "the route leads to the router, which knows no pods",
            *("calico.route.differs", "node/n1", "{range.n2}"),
            "n1: ip route replace {range.n2} via 10.0.1.1 dev eth0 proto bird",
            only=(A_TO_B,),
        ),
        _fault(
            "the tunnel's neighbour is gone",
            *("calico.neighbour.missing", "node/n1", "{vtep.n2}", "n1: ip neigh del {vtep.n2} dev {uplink}"),
            only=(A_TO_B,),
        ),
        _fault(
            "the tunnel's remote is gone",
            *(
                "calico.fdb.missing",
                "node/n1",
                "{uplink}",
                "n1: bridge fdb del 0e:00:00:00:00:02 dev {uplink}",
            ),
            only=(A_TO_B,),
        ),
        _fault(
            "the tunnel is down",
            *("calico.*", "node/n2", "{uplink}", "n2: ip link set {uplink} down"),
            only=(A_TO_B,),
        ),
    ),
    "": _OF_BOTH,
}
"""With a tunnel, and without."""
IPIP = (
    *_OF_BOTH,
    _fault(
        "the route through the tunnel is gone",
        *("calico.route.missing", "node/n1", "{range.n2}", "n1: ip route del {range.n2}"),
        only=(A_TO_B,),
    ),
    _fault(
        "the route leads to the router, which knows no pods",
        *("calico.route.differs", "node/n1", "{range.n2}"),
        "n1: ip route replace {range.n2} via 10.0.1.1 dev eth0 proto bird",
        only=(A_TO_B,),
    ),
    _fault(
        "the tunnel is down",
        *("calico.*", "node/n2", "{uplink}", "n2: ip link set {uplink} down"),
        only=(A_TO_B,),
    ),
)
"""Of a tunnel that only the guest's kernel has."""
