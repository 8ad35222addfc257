"""The virtual servers of IPVS on a node, as far as a proxy gives them the addresses of services."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.iptables import RuleTable, fits
from kubectl_skoop.diagnosis.services.iptables_rule import IptablesRule, SetMatch
from kubectl_skoop.diagnosis.services.rules import Entry
from kubectl_skoop.diagnosis.services.walk import Leaf, Recall, Way
from kubectl_skoop.model.packet import Address, Packet, Protocol
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.ipset import Direction, Subject, lookup
from kubectl_skoop.netstack.ipvs.service import VirtualService
from kubectl_skoop.netstack.namespace import NetworkNamespace

DISPATCH = "ipvsadm -Ln"
CONNTRACK = "net.ipv4.vs.conntrack"

_PROTOCOLS: Mapping[str, Protocol] = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "sctp": Protocol.SCTP}
_NAMES: Mapping[int, str] = {int(protocol): name for name, protocol in _PROTOCOLS.items()}
_DIRECTIONS: Mapping[str, Direction] = {"src": "src", "dst": "dst"}


@dataclass(frozen=True)
class Served:
    """A virtual server, as a step on a connection's way."""

    text: str
    never: ClassVar[bool] = False
    source: ClassVar[str] = ""
    marks: ClassVar[bool] = False
    recall: ClassVar[Recall | None] = None
    remembers: ClassVar[str] = ""
    unread: ClassVar[bool] = False

    def ways(self, door: Door) -> Sequence[Way]:
        return ()


@dataclass(frozen=True)
class SetChains:
    """Rules that ask sets about a packet of this sender."""

    table: RuleTable
    ns: NetworkNamespace
    source: Address

    def steps(self, chain: str, door: Door) -> Iterator[IptablesRule]:
        packet = first_packet(self.source, door.address, door.protocol, door.port)
        for rule in self.table.rules(chain):
            if fits(rule, door) and (asked := self._asked(rule, packet)) is not False:
                yield rule if asked is True else replace(rule, unread=True)

    def _asked(self, rule: IptablesRule, packet: Subject) -> Ternary:
        for one in rule.sets:
            found = member(self.ns, one, packet)
            if isinstance(found, Unknown):
                return found
            if found is one.negated:
                return False
        return True


class VirtualServers:
    """Of one node and family."""

    def __init__(self, ns: NetworkNamespace, family: int, dummy: str) -> None:
        """`dummy`: the device that has the services' addresses, so that packets for them are for the node."""
        self._ns = ns
        self._dummy = dummy
        self._by_door: dict[tuple[int, Address | None, int], VirtualService] = {
            (one.protocol, one.address, one.port): one for one in ns.ipvs if one.family == family
        }

    def __len__(self) -> int:
        return len(self._by_door)

    def __iter__(self) -> Iterator[VirtualService]:
        return iter(self._by_door.values())

    def find(self, door: Door) -> VirtualService | None:
        return self._by_door.get((number(door.protocol), door.address, door.port))

    def leaves(self, door: Door, way: Leaf) -> list[Leaf]:
        """One for each real server; without any the connection is not translated. `way`: what came before."""
        if door.address not in self._ns.local_addresses:
            absent = Served(f"ip address: no device has {door.address}, so packets for it do not get to IPVS")
            return [way._replace(steps=(absent,))]
        service = self.find(door)
        servers = [one for one in service.servers if one.weight > 0] if service else []
        if service is None or not servers:
            unserved = (Served(f"IPVS {service}: no server with a weight"),) if service else ()
            return [way._replace(steps=unserved)]
        total = sum(one.weight for one in servers)
        return [
            way._replace(
                share=one.weight / total,
                target=Target(one.address, one.port),
                steps=(
                    Served(f"IPVS {service} {service.scheduler} → {one} {one.method} weight {one.weight}"),
                ),
                affinity=service.timeout if service.persistent else 0,
            )
            for one in servers
        ]

    def refuses(self, door: Door) -> bool:
        """A virtual server without real servers answers that the port is unreachable (ip_vs_leave), and the
        node itself what it does not listen on. Packets for an address that no device has are forwarded."""
        if door.address not in self._ns.local_addresses:
            return False
        return self.find(door) is not None or not self._listens(door)

    def node_ports(self, own: Iterable[Address]) -> list[Address]:
        """Of the node's addresses those that have any virtual server."""
        served = {address for _, address, _ in self._by_door}
        return [one for one in own if one in served]

    def serves_node(self) -> bool:
        """An address that the node has itself has a virtual server."""
        return any(
            address and self._holder(address) not in ("", self._dummy) for _, address, _ in self._by_door
        )

    def entries(self) -> Iterator[Entry]:
        """Of the node's own addresses none: other programs may have virtual servers there."""
        for (protocol, address, port), service in self._by_door.items():
            name = _NAMES.get(protocol)
            if name and address is not None and self._holder(address) == self._dummy:
                yield Entry(address, port, name, "", f"IPVS {service}")

    def usual_scheduler(self) -> tuple[str, int]:
        """With how many have it; empty: there is no virtual server."""
        counted = Counter(one.scheduler for one in self)
        return counted.most_common(1)[0] if counted else ("", 0)

    def _listens(self, door: Door) -> bool:
        return any(
            (one.protocol, one.port) == (number(door.protocol), door.port)
            and one.state in ("listen", "unconnected")
            and (one.local.is_unspecified or one.local == door.address)
            for one in self._ns.sockets
        )

    def _holder(self, address: Address) -> str:
        """The device that has it; empty: none has."""
        held = self._ns.local_addresses.get(address)
        return self._ns.device_name(held.device) if held is not None else ""


def untracked(ns: NetworkNamespace, place: Place, proxy: str) -> Iterator[Suspicion]:
    """Without conntrack what IPVS forwards never meets the table nat, where it would be masqueraded."""
    if ns.sysctls.text(CONNTRACK) == "0":
        yield Suspicion(
            code="service.missing-masquerade",
            level=Level.CRITICAL,
            where=Where(place=place),
            message=f"{CONNTRACK} is 0: connections of IPVS are not masqueraded",
            evidence=(f"{CONNTRACK} = 0",),
            remedy=f"sysctl -w {CONNTRACK}=1; {proxy} sets it when it starts",
        )


@lru_cache(maxsize=4)
def first_packet(source: Address, to: Address, protocol: str, port: int) -> Subject:
    """Sets are asked about it at one chain after another."""
    return Subject(packet=Packet(src=source, dst=to, protocol=number(protocol), dport=port))


def number(protocol: str) -> int:
    """0 for one that IPVS does not know."""
    return _PROTOCOLS.get(protocol, 0)


def member(ns: NetworkNamespace, asked: SetMatch, packet: Subject) -> Ternary:
    return lookup(ns.ipsets, asked.name, packet, _directions(asked.fields))


@lru_cache
def _directions(fields: str) -> Sequence[Direction]:
    return tuple(_DIRECTIONS[one] for one in fields.split(",") if one in _DIRECTIONS)
