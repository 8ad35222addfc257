"""What is broken on nodes of Calico with IPIP; its labs run in the guest's kernel, which has the module."""

from dataclasses import replace
from pathlib import Path

from kubectl_skoop.testing.faults import Fault, load

A_TO_B, BIG = "pod/default/a to pod/default/b:8080", "pod/default/a to pod/default/b icmp 1480"
ANYWHERE = (
    "pod/default/a to pod/default/a2:8080",
    A_TO_B,
    "pod/default/a to svc/default/web",
    "pod/default/b to pod/default/a",
    "node/n1 to pod/default/b:8080",
)
"""What is asked where a row does not say."""


def _fault(
    name: str, codes: tuple[str, ...], place: str, text: str, *steps: str, only: str = A_TO_B
) -> Fault:
    return Fault(id=name, steps=steps, codes=codes, places=(place,), texts=(text,), only=(only,))


OWN = (
    _fault(
        "tunl0 of the receiver is down",
        ("calico.device.differs", "calico.route.missing"),
        *("node/n2", "tunl0", "n2: ip link set tunl0 down"),
    ),
    _fault(
        "tunl0 of the sender is down",
        ("calico.device.differs", "calico.route.missing"),
        *("node/n1", "tunl0", "n1: ip link set tunl0 down"),
    ),
    _fault(
        "there is no tunl0",
        ("calico.device.missing", "calico.route.missing"),
        *("node/n2", "tunl0", "n2: ip link set tunl0 down", "n2: ip link set tunl0 name ipip0"),
    ),
    _fault(
        "the route leads past the tunnel, to a router that knows no pods",
        ("calico.route.differs",),
        *("node/n1", "{range.n2}", "n1: ip route replace {range.n2} via 10.0.0.254 dev eth0 proto bird"),
    ),
    _fault(
        "the route leads to another node than the block's",
        ("calico.route.differs",),
        *("node/n1", "10.0.0.9", "n1: ip route replace {range.n2} via 10.0.0.9 dev tunl0 onlink proto bird"),
    ),
    _fault(
        "the route has no node behind the tunnel",
        ("calico.route.differs",),
        *("node/n1", "{range.n2}", "n1: ip route replace {range.n2} dev tunl0 scope link"),
    ),
    _fault(
        "what comes out of the tunnel is not forwarded",
        ("calico.sysctl.differs",),
        *("node/n2", "tunl0.forwarding", "n2: sysctl net.ipv4.conf.tunl0.forwarding=0"),
    ),
    _fault(
        "the tunnel takes smaller packets than the pods",
        ("forwarding.too-big",),
        *("node/n1", "tunl0 mtu 1400", "n1: ip link set tunl0 mtu 1400"),
        only=BIG,
    ),
    _fault(
        "the receiver drops protocol 4",
        ("netfilter.drop",),
        *("node/n2", "-j DROP", "n2: iptables -I INPUT -p 4 -j DROP"),
    ),
    _fault(
        "the sender drops protocol 4",
        ("netfilter.drop",),
        *("node/n1", "-j DROP", "n1: iptables -I OUTPUT -p 4 -j DROP"),
    ),
    _fault(
        "the strict check of sources, and the way back past the tunnel",
        ("calico.route.differs",),
        *("node/n2", "{range.n1}", "n2: sysctl net.ipv4.conf.tunl0.rp_filter=1"),
        "n2: ip route replace {range.n1} via 10.0.0.1 dev eth0 proto bird",
    ),
)
_BGP = (fault for fault in load(Path(__file__).parent) if "calico" in fault.modes)
FAULTS = (*OWN, *(replace(fault, modes=("calico-ipip",), only=fault.only or ANYWHERE) for fault in _BGP))
