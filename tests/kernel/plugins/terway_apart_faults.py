"""What is broken with Terway's pods that are on the VPC by themselves: on an ipvlan, on a VLAN of a trunk."""

from collections.abc import Mapping

from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.terway_apart import ApartLab, IpvlanLab, TrunkLab

A_TO_B = "pod/default/a to pod/default/b:8080"
SERVICE = "pod/default/a to svc/default/web"
LABS: Mapping[str, type[ApartLab]] = {"ipvlan": IpvlanLab, "trunk": TrunkLab}


def _fault(name: str, cause: str, place: str, text: str, *steps: str, only: str = A_TO_B) -> Fault:
    return Fault(
        id=name,
        steps=tuple(f"{place.rpartition('/')[2]}: {step}" for step in steps),
        codes=(cause,),
        places=(place,),
        texts=(text,),
        only=(only,),
    )


_BOTH = (
    _fault(
        "the client's device is down", "*.device.differs", "pod/default/a", "eth0", "ip link set eth0 down"
    ),
    _fault(
        "the server's device is down", "*.device.differs", "pod/default/b", "eth0", "ip link set eth0 down"
    ),
    _fault(
        "the client has no default route",
        *("*.route.missing", "pod/default/a", "the default route", "ip route del default"),
    ),
    _fault(
        "the server has no default route",
        *("*.route.missing", "pod/default/b", "the default route", "ip route del default"),
    ),
    _fault(
        "the server has another address than Kubernetes says",
        *("*.address.missing", "pod/default/b", "{b}", "ip addr del {b}/24 dev eth0"),
        "ip addr add 10.244.2.77/24 dev eth0",
        "ip route replace default via 10.244.2.1 dev eth0 onlink",
    ),
    _fault(
        "the client's default route leads to nobody",
        *("*.route.differs", "pod/default/a", "the default route"),
        "ip route replace default via 10.244.1.99 dev eth0 onlink",
    ),
    _fault("the interface is down", "*.device.differs", "node/n2", "eth1", "ip link set eth1 down"),
)
_IPVLAN = (
    _fault(
        "tc leads services to the node's ipvlan, which is down",
        *("*.device.differs", "node/n1", "ipvl_3 is down", "ip link set ipvl_3 down"),
        only=SERVICE,
    ),
    _fault(
        "tc no longer leads services to the node",
        *("aliyun.route.none", "node/n1", "10.96.0.10", "tc filter del dev eth1 egress"),
        only=SERVICE,
    ),
    _fault(
        "the node does not forward what tc leads in",
        *("*.sysctl.differs", "node/n1", "ipvl_3", "sysctl net.ipv4.conf.ipvl_3.forwarding=0"),
        only=SERVICE,
    ),
)
FAULTS: Mapping[str, tuple[Fault, ...]] = {"ipvlan": (*_BOTH, *_IPVLAN), "trunk": _BOTH}
