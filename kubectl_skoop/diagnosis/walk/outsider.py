"""A host outside of the cluster that sends: a Linux host with one address, beyond the underlay."""

from dataclasses import replace
from ipaddress import ip_network

from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import (
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_NOARP,
    IFF_RUNNING,
    IFF_UP,
    Device,
    InterfaceAddress,
)
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import (
    PROTO_KERNEL,
    SCOPE_HOST,
    SCOPE_LINK,
    TABLE_DEFAULT,
    TABLE_LOCAL,
    TABLE_MAIN,
    Nexthop,
    PolicyRule,
    Route,
)

OUTSIDE_MAC = "02:00:00:00:00:00"
"""Stands for the MAC of a host that was not collected."""
ASSUMED = (
    "the host outside is a Linux host with default settings and an MTU of 1500 bytes, without a firewall"
)

_LO = Device(index=1, name="lo", mtu=65536, flags=IFF_UP | IFF_LOOPBACK | IFF_LOWER_UP)
_NIC = Device(index=2, name="eth0", mac=OUTSIDE_MAC, flags=IFF_UP | IFF_RUNNING | IFF_LOWER_UP | IFF_NOARP)
_RULES = ((0, TABLE_LOCAL), (32766, TABLE_MAIN), (32767, TABLE_DEFAULT))


def outsider(address: Address) -> NetworkNamespace:
    """Its routes lead everything out of its device; who is there is not its affair."""
    everywhere = ip_network("0.0.0.0/0" if address.version == 4 else "::/0")
    own = Route(
        destination=ip_network(address),
        table=TABLE_LOCAL,
        type="local",
        nexthops=(Nexthop(device=_NIC.index),),
        prefsrc=address,
        scope=SCOPE_HOST,
        protocol=PROTO_KERNEL,
    )
    default = Route(
        destination=everywhere, nexthops=(Nexthop(device=_NIC.index),), prefsrc=address, scope=SCOPE_LINK
    )
    return NetworkNamespace(
        id=f"external/{address}",
        place=Place("external", str(address)),
        node="",
        devices={device.index: device for device in (_LO, _NIC)},
        addresses=(InterfaceAddress(device=_NIC.index, address=address, prefix=address.max_prefixlen),),
        rules=tuple(
            PolicyRule(priority=priority, family=address.version, table=table) for priority, table in _RULES
        ),
        routes=(own, default),
    )


def translated_back(packet: Packet, asked: Packet) -> Packet:
    """As the host outside expects it: an answer, or an error about what it sent."""
    if packet.quoted is not None:
        source = asked.dst if packet.src == packet.quoted.dst else packet.src
        quoted = replace(asked, length=packet.quoted.length)
        return replace(packet, src=source, dst=asked.src, quoted=quoted)
    return replace(packet, src=asked.dst, dst=asked.src, sport=asked.dport, dport=asked.sport)
