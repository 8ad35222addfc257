"""What IPVS, its sets and kube-proxy's few rules around them do with a new connection to a service.

kube-proxy makes a virtual server for each address and port (pkg/proxy/ipvs/proxier.go), gives the addresses
to the device kube-ipvs0, so that packets for them are for the node itself, and keeps in sets of ipset what
must be masqueraded.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cached_property

from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.habits import KubeProxy
from kubectl_skoop.diagnosis.services.iptables import (
    POSTROUTING,
    SERVICES,
    IptablesRules,
    jumps,
    refused,
    unmasqueraded,
    unreached,
)
from kubectl_skoop.diagnosis.services.iptables_rule import MARK_DROP, IptablesRule
from kubectl_skoop.diagnosis.services.rules import KUBE_PROXY_DUMMY, SHOWN, Entry, Kind, Proxy, restart
from kubectl_skoop.diagnosis.services.virtual_servers import (
    DISPATCH,
    SetChains,
    VirtualServers,
    first_packet,
    member,
    untracked,
)
from kubectl_skoop.diagnosis.services.walk import Leaf, walk
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

USUAL = 2 / 3
"""Of the virtual servers, that must have one scheduler for another one to be remarkable."""
FIREWALL = "KUBE-FIREWALL"
"""Of kubelet, in the table filter."""


class IpvsRules:
    """Of one node and family."""

    mode: Kind = "ipvs"
    proxy: Proxy = "kube-proxy"
    habits = KubeProxy(local_or_all=True)
    dispatch = DISPATCH

    def __init__(self, rules: IptablesRules, ns: NetworkNamespace, family: int) -> None:
        self._rules = rules
        self._ns = ns
        self._servers = VirtualServers(ns, family, KUBE_PROXY_DUMMY)

    @property
    def size(self) -> int:
        return len(self._servers)

    @property
    def title(self) -> str:
        return "those of ipvs mode"

    def told(self, door: Door) -> None:
        """Sets are asked about the sender, too."""

    def follow(self, door: Door, source: Address) -> Sequence[Leaf]:
        rules = walk(SetChains(self._rules.nat, self._ns, source), SERVICES, door, source)
        if any(leaf.unread for leaf in rules):
            return rules
        return [self._marked(leaf, door) for leaf in self._servers.leaves(door, rules[0])]

    def bars(self, door: Door, source: Address) -> bool:
        """IPVS takes packets after the table filter has seen them for the node itself.

        Up to 1.24 they are marked in the table nat, and kubelet's rules (up to 1.27) drop what is marked.
        """
        chains = SetChains(self._rules.filter, self._ns, source)
        if any(refused(chains, chain, door, source) for chain in jumps(self._rules.filter, "INPUT")):
            return True
        marked = SetChains(self._rules.nat, self._ns, source)
        return self._drops_marked and refused(marked, SERVICES, door, source)

    def refuses(self, door: Door, source: Address) -> bool:
        return self._servers.refuses(door) or (
            door.address in self._ns.local_addresses and self.bars(door, source)
        )

    def scheduler(self, door: Door) -> str:
        return ""

    def node_ports(self, own: Iterable[Address]) -> Sequence[Address]:
        """Those that have any virtual server: `nodePortAddresses` chooses; all, if no address has."""
        all_own = list(own)
        return self._servers.node_ports(all_own) if self._servers.serves_node() else all_own

    def shared_faults(self, place: Place) -> Iterator[Suspicion]:
        yield from unreached(self._rules.nat, place)
        yield from unmasqueraded(self._rules.nat, place)
        yield from untracked(self._ns, place, "kube-proxy")
        yield from self._schedulers(place)

    def entries(self, known: Container[str] = ()) -> Iterator[Entry]:
        return self._servers.entries()

    @cached_property
    def _drops_marked(self) -> bool:
        filtered = self._rules.filter
        drops = any(" --mark " in line and " -j DROP" in line for line in filtered.lines(FIREWALL))
        return drops and filtered.leads("INPUT", FIREWALL) and self._rules.nat.leads(MARK_DROP, "MARK")

    def _marked(self, leaf: Leaf, door: Door) -> Leaf:
        if leaf.target is None or not self._meets_itself(door, leaf.target):
            return leaf
        return leaf._replace(marking=(*leaf.marking, str(leaf.target.address)))

    @cached_property
    def _loop_back(self) -> Sequence[IptablesRule]:
        rules = self._rules.nat.rules(POSTROUTING)
        return [rule for rule in rules if rule.target == "MASQUERADE" and rule.sets]

    def _meets_itself(self, door: Door, target: Target) -> bool:
        """Asked after the translation: KUBE-LOOP-BACK has the endpoints of this node."""
        packet = first_packet(target.address, target.address, door.protocol, target.port)
        return any(
            all(member(self._ns, one, packet) is not one.negated for one in rule.sets)
            for rule in self._loop_back
        )

    def _schedulers(self, place: Place) -> Iterator[Suspicion]:
        usual, having = self._servers.usual_scheduler()
        others = [one for one in self._servers if one.scheduler != usual]
        if others and having > USUAL * len(self._servers):
            named = ", ".join(f"{one} {one.scheduler}" for one in others[:SHOWN])
            yield Suspicion(
                code="service.wrong-scheduler",
                level=Level.WARNING,
                where=Where(place=place),
                message=f"IPVS: {len(others)} of {len(self._servers)} virtual servers have another scheduler "
                f"than the others, {usual}: {named}",
                evidence=tuple(f"IPVS {one} {one.scheduler}" for one in others[:SHOWN]),
                remedy=restart(),
            )
