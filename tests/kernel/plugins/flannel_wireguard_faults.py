"""What is broken between nodes with flannel's backend wireguard; all of it the plugin must name."""

from kubectl_skoop.testing.faults import Fault

A_TO_B = ("pod/default/a to pod/default/b:8080",)


def _fault(name: str, cause: str, place: str, text: str, *steps: str) -> Fault:
    return Fault(id=name, steps=steps, codes=(cause,), places=(place,), texts=(text,), only=A_TO_B)


FAULTS = (
    _fault(
        "a node has no route to the pods of all",
        *("flannel.route.missing", "node/n1", "10.244.0.0/16", "n1: ip route del 10.244.0.0/16 dev {wg}"),
    ),
    _fault(
        "the tunnel is down",
        *("flannel.*", "node/n2", "{wg}", "n2: ip link set {wg} down"),
    ),
    _fault(
        "the peer is gone",
        *("flannel.wireguard-peer.missing", "node/n1", "{wg}", "n1: wg set {wg} peer {key.n2} remove"),
    ),
    _fault(
        "the receiver does not know the sender",
        *("flannel.wireguard-peer.missing", "node/n2", "{wg}", "n2: wg set {wg} peer {key.n1} remove"),
    ),
    _fault(
        "the peer is looked for at an address that nobody has",
        *("flannel.wireguard-peer.differs", "node/n1", "10.0.0.99"),
        "n1: wg set {wg} peer {key.n2} endpoint 10.0.0.99:51820",
    ),
    _fault(
        "the sender's pods are not allowed",
        *("flannel.wireguard-peer.differs", "node/n2", "10.244.1.0/24"),
        "n2: wg set {wg} peer {key.n1} allowed-ips 10.244.9.0/24",
    ),
    _fault(
        "a peer that is gone still has the pods' range",
        *("flannel.wireguard-peer.differs", "node/n1", "10.244.2.0/24"),
        "n1: wg set {wg} peer {key.gone} allowed-ips 10.244.2.0/24",
    ),
    _fault(
        "the device listens on another port",
        *("flannel.device.differs", "node/n2", "51999", "n2: wg set {wg} listen-port 51999"),
    ),
    _fault(
        "a node does not forward",
        *("flannel.sysctl.differs", "node/n2", "ip_forward", "n2: sysctl net.ipv4.ip_forward=0"),
    ),
)
GONE = _fault(
    "the tunnel is gone",
    *("flannel.device.missing", "node/n1", "{wg}", "n1: ip link del {wg}"),
)
"""No trial can put it right, its private key being gone: it is found, and is not the cause."""
