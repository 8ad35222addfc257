"""What IPVS, its sets and kube-proxy's few rules around them do with a new connection to a service.

kube-proxy makes a virtual server for each address and port (pkg/proxy/ipvs/proxier.go), gives the addresses
to the device kube-ipvs0, so that packets for them are for the node itself, and keeps in sets of ipset what
must be masqueraded.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kubectl_skoop.diagnosis.kube_proxy_config import Mode
from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.iptables import (
    POSTROUTING,
    SERVICES,
    IptablesRules,
    RuleTable,
    fits,
    jumps,
    refused,
    unmasqueraded,
    unreached,
)
from kubectl_skoop.diagnosis.services.iptables_rule import MARK_DROP, IptablesRule, SetMatch
from kubectl_skoop.diagnosis.services.present import DUMMY
from kubectl_skoop.diagnosis.services.rules import RESTART, SHOWN, Entry
from kubectl_skoop.diagnosis.services.walk import Leaf, Recall, Way, walk
from kubectl_skoop.model.packet import Address, Packet, Protocol
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.ipset import Direction, Subject, lookup
from kubectl_skoop.netstack.ipvs.service import RealServer, VirtualService
from kubectl_skoop.netstack.namespace import NetworkNamespace

USUAL = 2 / 3
"""Of the virtual servers, that must have one scheduler for another one to be remarkable."""
CONNTRACK = "net.ipv4.vs.conntrack"
FIREWALL = "KUBE-FIREWALL"
"""Of kubelet, in the table filter."""

_PROTOCOLS: Mapping[str, Protocol] = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "sctp": Protocol.SCTP}
_DIRECTIONS: Mapping[str, Direction] = {"src": "src", "dst": "dst"}


@dataclass(frozen=True)
class Served:
    """A virtual server, as a step on a connection's way."""

    text: str
    never: bool = False
    source: str = ""
    marks: bool = False
    recall: Recall | None = None
    remembers: str = ""
    unread: bool = False

    def ways(self, door: Door) -> Sequence[Way]:
        return ()


@dataclass(frozen=True)
class _SetChains:
    """Rules that ask sets about a packet of this sender."""

    table: RuleTable
    ns: NetworkNamespace
    source: Address

    def steps(self, chain: str, door: Door) -> Iterator[IptablesRule]:
        for rule in self.table.rules(chain):
            if fits(rule, door) and (asked := self._asked(rule, door)) is not False:
                yield rule if asked is True else replace(rule, unread=True)

    def _asked(self, rule: IptablesRule, door: Door) -> Ternary:
        packet = Packet(src=self.source, dst=door.address, protocol=_number(door.protocol), dport=door.port)
        for one in rule.sets:
            member = _member(self.ns, one, packet)
            if isinstance(member, Unknown):
                return member
            if member is one.negated:
                return False
        return True


class IpvsRules:
    """Of one node and family."""

    mode: Mode = "ipvs"
    local_or_all = True
    drops_without_local = False
    dispatch = "ipvsadm -Ln"

    def __init__(self, rules: IptablesRules, ns: NetworkNamespace, family: int) -> None:
        self._rules = rules
        self._ns = ns
        self._family = family
        self._servers: dict[tuple[int, Address | None, int], VirtualService] = {
            (one.protocol, one.address, one.port): one for one in ns.ipvs if one.family == family
        }

    @property
    def size(self) -> int:
        return len(self._servers)

    @property
    def title(self) -> str:
        return "those of ipvs mode"

    def told(self, door: Door) -> None:
        """Sets are asked about the sender, too."""

    def follow(self, door: Door, source: Address) -> Sequence[Leaf]:
        rules = walk(_SetChains(self._rules.nat, self._ns, source), SERVICES, door, source)
        if any(leaf.unread for leaf in rules):
            return rules
        way = rules[0]
        if door.address not in self._ns.local_addresses:
            absent = Served(f"ip address: no device has {door.address}, so packets for it do not get to IPVS")
            return [way._replace(steps=(absent,))]
        service = self._service(door)
        servers = [one for one in service.servers if one.weight > 0] if service else []
        if service is None or not servers:
            unserved = (Served(f"IPVS {service}: no server with a weight"),) if service else ()
            return [way._replace(steps=unserved)]
        total = sum(one.weight for one in servers)
        return [self._leaf(way, service, one, one.weight / total) for one in servers]

    def bars(self, door: Door, source: Address) -> bool:
        """IPVS takes packets after the table filter has seen them for the node itself.

        Up to 1.24 they are marked in the table nat, and kubelet's rules (up to 1.27) drop what is marked.
        """
        chains = _SetChains(self._rules.filter, self._ns, source)
        if any(refused(chains, chain, door, source) for chain in jumps(self._rules.filter, "INPUT")):
            return True
        marked = _SetChains(self._rules.nat, self._ns, source)
        return self._drops_marked and refused(marked, SERVICES, door, source)

    def refuses(self, door: Door, source: Address) -> bool:
        """A virtual server without real servers answers that the port is unreachable (ip_vs_leave), and the
        node itself what it does not listen on. Packets for an address that no device has are forwarded."""
        if door.address not in self._ns.local_addresses:
            return False
        return self._service(door) is not None or self.bars(door, source) or not self._listens(door)

    def node_ports(self, own: Iterable[Address]) -> Sequence[Address]:
        """Those that have any virtual server: `nodePortAddresses` chooses; all, if no address has."""
        all_own = list(own)
        served = {address for _, address, _ in self._servers}
        others = any(address and self._holder(address) not in ("", DUMMY) for address in served)
        return [one for one in all_own if one in served] if others else all_own

    def shared_faults(self, place: Place) -> Iterator[Suspicion]:
        yield from unreached(self._rules.nat, place)
        yield from unmasqueraded(self._rules.nat, place)
        if self._ns.sysctls.text(CONNTRACK) == "0":
            yield Suspicion(
                code="service.missing-masquerade",
                level=Level.CRITICAL,
                where=Where(place=place),
                message=f"{CONNTRACK} is 0: connections of IPVS are not masqueraded",
                evidence=(f"{CONNTRACK} = 0",),
                remedy=f"sysctl -w {CONNTRACK}=1; kube-proxy sets it when it starts",
            )
        yield from self._schedulers(place)

    def entries(self) -> Iterator[Entry]:
        """Of the node's own addresses none: other programs may have virtual servers there."""
        names = {int(protocol): name for name, protocol in _PROTOCOLS.items()}
        for (protocol, address, port), service in self._servers.items():
            if address is not None and self._holder(address) == DUMMY:
                yield Entry(address, port, names.get(protocol, ""), "", f"IPVS {service}")

    def _listens(self, door: Door) -> bool:
        return any(
            (one.protocol, one.port) == (_number(door.protocol), door.port)
            and one.state in ("listen", "unconnected")
            and (one.local.is_unspecified or one.local == door.address)
            for one in self._ns.sockets
        )

    @cached_property
    def _drops_marked(self) -> bool:
        filtered = self._rules.filter
        drops = any(" --mark " in line and " -j DROP" in line for line in filtered.lines(FIREWALL))
        return drops and filtered.leads("INPUT", FIREWALL) and self._rules.nat.leads(MARK_DROP, "MARK")

    def _service(self, door: Door) -> VirtualService | None:
        return self._servers.get((_number(door.protocol), door.address, door.port))

    def _holder(self, address: Address) -> str:
        """The device that has it; empty: none has."""
        held = self._ns.local_addresses.get(address)
        return self._ns.device_name(held.device) if held is not None else ""

    def _leaf(self, way: Leaf, service: VirtualService, server: RealServer, share: float) -> Leaf:
        target = Target(server.address, server.port)
        step = Served(f"IPVS {service} {service.scheduler} → {server} {server.method} weight {server.weight}")
        marking = (*way.marking, str(target.address)) if self._meets_itself(service, target) else way.marking
        affinity = service.timeout if service.persistent else 0
        return way._replace(share=share, target=target, marking=marking, steps=(step,), affinity=affinity)

    @cached_property
    def _loop_back(self) -> Sequence[IptablesRule]:
        rules = self._rules.nat.rules(POSTROUTING)
        return [rule for rule in rules if rule.target == "MASQUERADE" and rule.sets]

    def _meets_itself(self, service: VirtualService, target: Target) -> bool:
        """Asked after the translation: KUBE-LOOP-BACK has the endpoints of this node."""
        packet = Packet(src=target.address, dst=target.address, protocol=service.protocol, dport=target.port)
        return any(
            all(_member(self._ns, one, packet) is not one.negated for one in rule.sets)
            for rule in self._loop_back
        )

    def _schedulers(self, place: Place) -> Iterator[Suspicion]:
        counted = Counter(one.scheduler for one in self._servers.values())
        if not counted:
            return
        usual, number = counted.most_common(1)[0]
        others = [one for one in self._servers.values() if one.scheduler != usual]
        if others and number > USUAL * len(self._servers):
            named = ", ".join(f"{one} {one.scheduler}" for one in others[:SHOWN])
            yield Suspicion(
                code="service.wrong-scheduler",
                level=Level.WARNING,
                where=Where(place=place),
                message=f"IPVS: {len(others)} of {len(self._servers)} virtual servers have another scheduler "
                f"than the others, {usual}: {named}",
                evidence=tuple(f"IPVS {one} {one.scheduler}" for one in others[:SHOWN]),
                remedy=RESTART,
            )


def _number(protocol: str) -> int:
    """0 for one that IPVS does not know."""
    return _PROTOCOLS.get(protocol, 0)


def _member(ns: NetworkNamespace, asked: SetMatch, packet: Packet) -> Ternary:
    directions = [_DIRECTIONS[one] for one in asked.fields.split(",") if one in _DIRECTIONS]
    return lookup(ns.ipsets, asked.name, Subject(packet=packet), directions)
