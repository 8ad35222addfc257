"""What is broken on nodes of Calico that encrypt; the labs run in an emulated machine, which can."""

from kubectl_skoop.testing.calico_wireguard import DEVICE, PORT, TABLE
from kubectl_skoop.testing.faults import Fault

A_TO_B = ("pod/default/a to pod/default/b:8080",)


def _fault(name: str, code: str, place: str, text: str, *steps: str) -> Fault:
    return Fault(id=name, steps=steps, codes=(code,), places=(place,), texts=(text,), only=A_TO_B)


FAULTS = (
    _fault(
        "a node does not know the other's key",
        "calico.wireguard-peer.missing",
        *("node/n1", "10.0.0.2", f"n1: wg set {DEVICE} peer {{wg.n2}} remove"),
    ),
    _fault(
        "the receiver does not know the sender's key",
        "calico.wireguard-peer.missing",
        *("node/n2", "10.0.0.1", f"n2: wg set {DEVICE} peer {{wg.n1}} remove"),
    ),
    _fault(
        "the other's block is not allowed",
        "calico.wireguard-peer.differs",
        *("node/n1", "{range.n2}", f"n1: wg set {DEVICE} peer {{wg.n2}} allowed-ips 10.244.2.33/32"),
    ),
    _fault(
        "the receiver does not allow the sender's block",
        "calico.wireguard-peer.differs",
        *("node/n2", "{range.n1}", f"n2: wg set {DEVICE} peer {{wg.n1}} allowed-ips 10.244.1.33/32"),
    ),
    _fault(
        "the other node is asked at an address that nobody has",
        "calico.wireguard-peer.differs",
        *("node/n1", "10.0.0.9", f"n1: wg set {DEVICE} peer {{wg.n2}} endpoint 10.0.0.9:{PORT}"),
    ),
    _fault(
        "the receiver's device is down",
        "calico.device.differs",
        *("node/n2", DEVICE, f"n2: ip link set {DEVICE} down"),
    ),
    _fault(
        "the table of WireGuard leads past the device",
        "calico.route.differs",
        *("node/n1", "{range.n2}"),
        f"n1: ip route replace {{range.n2}} via 10.0.0.254 dev eth0 table {TABLE}",
    ),
    _fault(
        "what was decrypted is not forwarded",
        "calico.sysctl.differs",
        *("node/n2", "forwarding", "n2: sysctl net.ipv4.conf.wireguard/cali.forwarding=0"),
    ),
    _fault(
        "the receiver drops WireGuard's port",
        "netfilter.drop",
        *("node/n2", "-j DROP", f"n2: iptables -I INPUT -p udp --dport {PORT} -j DROP"),
    ),
)
