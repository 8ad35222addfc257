"""What is broken on nodes with flannel's backend udp, and what the plugin must say; all of it stops
a packet from a to b."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    steps: tuple[str, ...] = ()
    stopped: str = ""
    """Node whose flanneld does not run."""
    code: str
    place: str
    text: str


FAULTS = {
    "flanneld does not run": Fault(
        stopped="n1",
        code="flannel.device.missing",
        place="node/n1",
        text="flannel0",
    ),
    "the device is down": Fault(
        steps=("n1: ip link set flannel0 down",),
        code="flannel.device.differs",
        place="node/n1",
        text="flannel0 is down",
    ),
    "the route into the device is gone": Fault(
        steps=("n1: ip route del 10.244.0.0/16",),
        code="flannel.route.missing",
        place="node/n1",
        text="10.244.0.0/16",
    ),
    "a more specific route takes a node's pods away": Fault(
        steps=("n1: ip route add blackhole {range.n2}",),
        code="flannel.route.differs",
        place="node/n1",
        text="more specific",
    ),
    "the device has lost its address, and with it its route": Fault(
        steps=("n1: ip addr del 10.244.1.0/32 dev flannel0",),
        code="flannel.address.missing",
        place="node/n1",
        text="10.244.1.0",
    ),
    "a node does not forward": Fault(
        steps=("n1: sysctl net.ipv4.ip_forward=0",),
        code="flannel.sysctl.differs",
        place="node/n1",
        text="ip_forward",
    ),
    "a pod has no default route": Fault(
        steps=("a: ip route del default", "a: ip route del 10.244.0.0/16"),
        code="flannel.route.missing",
        place="pod/default/a",
        text="the default route",
    ),
    "the bridge is down": Fault(
        steps=("n1: ip link set cni0 down",),
        code="flannel.device.differs",
        place="node/n1",
        text="cni0 is down",
    ),
}
