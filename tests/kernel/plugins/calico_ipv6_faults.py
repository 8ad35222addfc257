"""What is broken of IPv6 on nodes of Calico; all of it the plugin must name."""

from collections.abc import Mapping

from kubectl_skoop.testing.calico_dual_stack import GATEWAY, OVERLAY
from tests.kernel.test_dual_stack import Fault

B, N2_BLOCK, N1_BLOCK = "fd00:244:2::2", "fd00:244:2::/122", "fd00:244:1::/122"


def _fault(code: str, place: str, text: str, **steps: str) -> Fault:
    return Fault(steps=steps, breaks=f"a {B}", code=f"calico.{code}", place=place, text=text)


_OF_BOTH = {
    "a node does not forward IPv6": _fault(
        "sysctl.differs", "node/n1", "all.forwarding", n1="sysctl -qw net.ipv6.conf.all.forwarding=0"
    ),
    "a node has no route to the other's block": _fault(
        "route.missing", "node/n1", N2_BLOCK, n1=f"ip -6 route del {N2_BLOCK}"
    ),
    "the server's node has no route to the client's block": _fault(
        "route.missing", "node/n2", N1_BLOCK, n2=f"ip -6 route del {N1_BLOCK}"
    ),
    "a node has no route to its pod": _fault("route.missing", "node/n2", B, n2=f"ip -6 route del {B}"),
    "a pod has no default route": _fault(
        "route.missing", "pod/default/b", "the default route", b="ip -6 route del default"
    ),
    "a pod's default route leads to another gateway": _fault(
        *("route.differs", "pod/default/a", "fe80::1"),
        a="ip -6 route replace default via fe80::1 dev eth0",
    ),
    "the node's end has lost its link-local address": _fault(
        *("address.missing", "node/n1", GATEWAY), n1=f"ip -6 addr del {GATEWAY}/64 dev {{a}}"
    ),
    "a pod has another MAC for its gateway": _fault(
        *("neighbour.differs", "pod/default/a", "02:00:00:00:00:99"),
        a=f"ip -6 neigh replace {GATEWAY} lladdr 02:00:00:00:00:99 dev eth0 nud permanent",
    ),
    "a node has another MAC for its pod": _fault(
        *("neighbour.differs", "node/n2", "02:00:00:00:00:99"),
        n2=f"ip -6 neigh replace {B} lladdr 02:00:00:00:00:99 dev {{b}} nud permanent",
    ),
    "a route to the pod's address alone leads nowhere": _fault(
        "route.differs", "node/n1", "more specific", n1=f"ip -6 route add blackhole {B}/128"
    ),
}
FAULTS: Mapping[bool, Mapping[str, Fault]] = {
    False: {
        **_OF_BOTH,
        "the route leads to a node that is gone": _fault(
            *("route.differs", "node/n1", "fd00:10::9"),
            n1=f"ip -6 route replace {N2_BLOCK} via fd00:10::9 dev eth0 proto bird",
        ),
    },
    True: {
        **_OF_BOTH,
        "the tunnel is down": _fault("device.differs", "node/n2", OVERLAY, n2=f"ip link set {OVERLAY} down"),
        "the tunnel's neighbour is missing": _fault(
            "neighbour.missing", "node/n1", OVERLAY, n1=f"ip -6 neigh del fd00:244:2::20 dev {OVERLAY}"
        ),
        "the tunnel's entry for a node is missing": _fault(
            *("fdb.missing", "node/n1", OVERLAY),
            n1=f"bridge fdb del 0e:00:00:00:06:02 dev {OVERLAY} dst fd00:10::2",
        ),
        "the tunnel has another MAC than the node tells": _fault(
            *("device.differs", "node/n2", "0e:00:00:00:06:99"),
            n2=f"ip link set {OVERLAY} address 0e:00:00:00:06:99",
        ),
    },
}
"""Without and with a tunnel."""
