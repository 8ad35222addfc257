"""Listeners of classic (CLB) and network load balancers (NLB), and their servers with their health.

Both kinds are brought to one form: SLB and NLB answer the same in other words.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from kubectl_skoop.api import Address, Packet, Protocol, Unknown, raw
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.allow_list import Item

_PROTOCOLS: Mapping[int, Sequence[str]] = {
    Protocol.TCP: ("tcp", "tcpssl", "http", "https"),
    Protocol.UDP: ("udp",),
}
_SOUND = ("normal", "unavailable")
"""The latter: health is not checked."""


class Balancer(NamedTuple):
    """A load balancer."""

    item: Item
    network: bool
    """NLB, else CLB."""

    @property
    def id(self) -> str:
        return raw.text(self.item, "LoadBalancerId")

    @property
    def name(self) -> str:
        return raw.text(self.item, "LoadBalancerName") or self.id

    @property
    def state(self) -> str:
        return raw.text(self.item, "LoadBalancerStatus").lower()

    @property
    def internal(self) -> bool:
        return raw.text(self.item, "AddressType").lower() == "intranet"

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Its own, public ones first."""
        if not self.network:
            own = raw.text(self.item, "Address")
            return (ip_address(own),) if own else ()
        zones = raw.items(self.item, "ZoneMappings")
        entries = [entry for zone in zones for entry in raw.items(zone, "LoadBalancerAddresses")]
        fields = ("PublicIPv4Address", "PrivateIPv4Address", "Ipv6Address")
        texts = [raw.text(entry, field) for field in fields for entry in entries]
        return tuple(ip_address(text) for text in texts if text)


class Server(NamedTuple):
    """A registered backend server."""

    id: str
    ip: str
    port: int
    weight: int
    state: str

    @property
    def sound(self) -> bool:
        return self.state in _SOUND


def balancers(known: Inventory) -> Iterator[Balancer]:
    """All that were collected."""
    yield from (Balancer(item, False) for item in known.known("LoadBalancers"))
    yield from (Balancer(item, True) for item in known.known("NetworkBalancers"))


def listener(known: Inventory, balancer: Balancer, packet: Packet) -> Item | Unknown | None:
    """For the packet's protocol and port; None: there is none."""
    kind = "NetworkListeners" if balancer.network else "Listeners"
    items, names = known.all(kind), _PROTOCOLS.get(packet.protocol, ())
    if isinstance(items, Unknown):
        return items
    for item in items:
        own = raw.text(item, "LoadBalancerId") == balancer.id
        if own and raw.text(item, "ListenerProtocol").lower() in names and _has_port(item, packet.dport):
            return item
    whole = known.whole(kind)
    return whole if isinstance(whole, Unknown) else None


def listening(known: Inventory, balancer: Balancer) -> Sequence[str]:
    """Its listeners that were collected: `tcp 80`, `udp 1-65535`."""
    kind = "NetworkListeners" if balancer.network else "Listeners"
    own = [one for one in known.known(kind) if raw.text(one, "LoadBalancerId") == balancer.id]
    return [f"{raw.text(one, 'ListenerProtocol').lower()} {_ports(one)}" for one in own]


def _ports(item: Item) -> str:
    if own := raw.number(item, "ListenerPort"):
        return str(own)
    return "-".join(str(raw.dig(item, field) or 0) for field in ("StartPort", "EndPort"))


def _has_port(item: Item, port: int) -> bool:
    """A listener of all ports has 0, and the range beside it as texts."""
    own = raw.number(item, "ListenerPort")
    if own:
        return own == port
    low, high = (str(raw.dig(item, field) or 0) for field in ("StartPort", "EndPort"))
    return int(low) <= port <= int(high)


def is_running(item: Item) -> bool:
    return (raw.text(item, "Status") or raw.text(item, "ListenerStatus")).lower() == "running"


def servers(known: Inventory, balancer: Balancer, item: Item) -> Sequence[Server] | Unknown:
    """Those of a listener that are not on their way out."""
    return _of_network(known, item) if balancer.network else _of_classic(known, balancer, item)


def _of_classic(known: Inventory, balancer: Balancer, item: Item) -> Sequence[Server] | Unknown:
    protocol = raw.text(item, "ListenerProtocol").lower()
    port = raw.number(item, "ListenerPort")
    if protocol not in ("tcp", "udp"):
        return Unknown(f"the {protocol} listener {port} of {balancer.name} is a proxy, which is not modelled")
    config = f"{protocol.upper()}ListenerConfig"
    if pair := raw.text(item, config, "MasterSlaveServerGroupId"):
        return Unknown(f"which of the two servers of {pair} gets connections is not modelled")
    group = raw.text(item, "VServerGroupId")
    kind = "VServerGroups" if group else "DefaultServers"
    registered = known.one(kind, group or balancer.id)
    if isinstance(registered, Unknown):
        return Unknown(f"the servers of the listener {port} of {balancer.name}: {registered.reason}")
    health = known.one("HealthStatus", balancer.id)
    if isinstance(health, Unknown):
        return Unknown(f"the health of the servers of {balancer.name}: {health.reason}")
    states = {
        (raw.text(one, "ServerId"), raw.number(one, "Port")): raw.text(one, "ServerHealthStatus")
        for one in raw.items(health, "BackendServers", "BackendServer")
        if raw.number(one, "ListenerPort") == port and raw.text(one, "Protocol").lower() in ("", protocol)
    }
    made = []
    for one in raw.items(registered, "BackendServers", "BackendServer"):
        key = raw.text(one, "ServerId"), raw.number(one, "Port") or raw.number(item, "BackendServerPort")
        if key not in states:
            return Unknown(f"the health of {key[0]}:{key[1]} of {balancer.name} was not collected")
        made.append(Server(key[0], raw.text(one, "ServerIp"), key[1], raw.number(one, "Weight"), states[key]))
    return made


def _of_network(known: Inventory, item: Item) -> Sequence[Server] | Unknown:
    group, key = raw.text(item, "ServerGroupId"), raw.text(item, "ListenerId")
    known_group = known.one("ServerGroups", group)
    if isinstance(known_group, Unknown):
        return known_group
    if raw.flag(known_group, "AnyPortEnabled"):
        return Unknown(f"the server group {group} is for all ports, which is not modelled")
    whole, health = known.whole("Servers"), known.one("NetworkHealthStatus", key)
    if isinstance(whole, Unknown):
        return whole
    if isinstance(health, Unknown):
        return Unknown(f"the health of the servers of {group}: {health.reason}")
    sick = {
        (raw.text(one, "ServerId"), raw.number(one, "Port")): raw.text(one, "Status").lower()
        for info in raw.items(health, "ServerGroupInfos")
        if raw.text(info, "ServerGroupId") == group
        for one in raw.items(info, "NonNormalServers")
    }
    found = (one for one in whole if raw.text(one, "ServerGroupId") == group)
    return [
        Server(
            raw.text(one, "ServerId"),
            raw.text(one, "ServerIp"),
            raw.number(one, "Port"),
            raw.number(one, "Weight"),
            sick.get((raw.text(one, "ServerId"), raw.number(one, "Port")), "normal"),
        )
        for one in found
        if raw.text(one, "Status") != "Removing"
    ]


def address_of(known: Inventory, server: Server) -> Address | Unknown:
    """Its own, or the primary one of its instance."""
    if server.ip:
        return ip_address(server.ip)
    instance = known.one("Instances", server.id)
    written = raw.texts(instance, "VpcAttributes", "PrivateIpAddress", "IpAddress")
    if written:
        return ip_address(written[0])
    own = [each for each in known.interfaces if each.instance == server.id and each.addresses]
    return own[0].addresses[0] if own else Unknown(f"the address of the server {server.id} is not known")
