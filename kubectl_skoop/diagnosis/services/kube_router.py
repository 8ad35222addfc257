"""What kube-router's service proxy made of the services on a node, and does with a new connection to one.

As kube-proxy in ipvs mode it has a virtual server for each address and port; the addresses are those of
kube-dummy-if (pkg/controllers/proxy/service_endpoints_sync.go). A set has all of them with their ports, and
its chain in the table filter rejects what else comes for them (setupIpvsFirewall). Connections that leave the
node, and are not of its own pods, get its address (ensureMasqueradeIptablesRule).
"""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cached_property

from kubectl_skoop.diagnosis.services.direct_return import DirectReturn
from kubectl_skoop.diagnosis.services.door import Door
from kubectl_skoop.diagnosis.services.habits import KubeRouter
from kubectl_skoop.diagnosis.services.iptables import RuleTable, refused
from kubectl_skoop.diagnosis.services.rules import KUBE_ROUTER_DUMMY as DUMMY
from kubectl_skoop.diagnosis.services.rules import SHOWN, Entry, Kind, Proxy, restart
from kubectl_skoop.diagnosis.services.sources import covers
from kubectl_skoop.diagnosis.services.virtual_servers import (
    DISPATCH,
    Served,
    SetChains,
    VirtualServers,
    untracked,
)
from kubectl_skoop.diagnosis.services.walk import Leaf
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

PROTOCOLS = ("tcp", "udp")
"""Of services (convertSvcProtoToSysCallProto)."""
SERVICES, HAIRPIN = "KUBE-ROUTER-SERVICES", "KUBE-ROUTER-HAIRPIN"

_MASQUERADE = re.compile(
    r"-A POSTROUTING (?:! -s (\S+) ! -d (\S+) )?-m ipvs (?:--ipvs )?--vdir ORIGINAL --vmethod MASQ "
    r"(?:-m comment --comment \"\" )?-j SNAT --to-source \S+( --random-fully)?"
)
_HAIRPIN = re.compile(
    rf"-A {HAIRPIN} -s (\S+) -d (\S+) -m ipvs --vaddr (\S+) --vport (\d+) -j SNAT --to-source \S+(?: .*)?"
)


class KubeRouterRules:
    """Of one node and family."""

    mode: Kind = "kube-router"
    proxy: Proxy = "kube-router"
    habits = KubeRouter()
    dispatch = DISPATCH
    title = "those of kube-router"

    def __init__(
        self,
        nat: SavedTable | None,
        filtered: SavedTable | None,
        mangle: SavedTable | None,
        ns: NetworkNamespace,
        family: int,
    ) -> None:
        self._nat = RuleTable(nat)
        self._filter = RuleTable(filtered)
        self._ns = ns
        self._servers = VirtualServers(ns, family, DUMMY)
        self._direct = DirectReturn(mangle, ns, family)

    @property
    def size(self) -> int:
        return len(self._servers)

    def told(self, door: Door) -> None:
        """Sets are asked about the sender, too."""

    def follow(self, door: Door, source: Address) -> Sequence[Leaf]:
        if door.protocol not in PROTOCOLS:
            return [Leaf(1.0, None, (), (Served(f"kube-router does not serve {door.protocol.upper()}"),))]
        direct = self._direct.leaves(door)
        if direct is not None:
            return direct
        start = Leaf(1.0, None, (), ())
        return [self._masqueraded(leaf, door) for leaf in self._servers.leaves(door, start)]

    def bars(self, door: Door, source: Address) -> bool:
        """IPVS takes packets after the table filter has seen them for the node itself."""
        chains = SetChains(self._filter, self._ns, source)
        leads = any(rule.target == SERVICES for rule in chains.steps("INPUT", door))
        return leads and refused(chains, SERVICES, door, source)

    def refuses(self, door: Door, source: Address) -> bool:
        return self._servers.refuses(door)

    def scheduler(self, door: Door) -> str:
        service = self._direct.find(door) or self._servers.find(door)
        return service.scheduler if service is not None else ""

    def node_ports(self, own: Iterable[Address]) -> Sequence[Address]:
        """The node's first address, or all of them (--nodeport-bindon-all-ip)."""
        all_own = list(own)
        either = any(VirtualServers(self._ns, family, DUMMY).serves_node() for family in (4, 6))
        return self._servers.node_ports(all_own) if either else all_own

    def shared_faults(self, place: Place) -> Iterator[Suspicion]:
        yield from untracked(self._ns, place, self.proxy)
        if not self._masquerades and self.size:
            yield Suspicion(
                code="service.missing-masquerade",
                level=Level.CRITICAL,
                where=Where(place=place, table="nat", chain="POSTROUTING"),
                message="POSTROUTING has no rule that gives connections of IPVS the node's address: answers "
                "of other nodes' pods to connections from outside of the cluster go astray",
                evidence=tuple(self._nat.lines("POSTROUTING")[:SHOWN]) or ("POSTROUTING: no rule",),
                remedy=f"{restart(self.proxy)}, with --run-router or --masquerade-all",
            )

    def entries(self, known: Container[str] = ()) -> Iterator[Entry]:
        return self._servers.entries()

    def _masqueraded(self, leaf: Leaf, door: Door) -> Leaf:
        """Where no rule does at all, that is told once, and not of each service."""
        if leaf.target is None:
            return leaf
        target = leaf.target.address
        outside = [
            f"!{pods}" if pods else "" for pods in self._masquerades if not pods or not covers(pods, target)
        ]
        own = [str(target)] if (str(target), str(door.address), door.port) in self._hairpins else []
        return leaf._replace(marking=(*(outside if self._masquerades else ("",)), *own))

    @cached_property
    def _masquerades(self) -> Sequence[str]:
        """The networks of the node's own pods, of which nothing is masqueraded; empty: everything is."""
        found = (_MASQUERADE.fullmatch(line) for line in self._nat.lines("POSTROUTING"))
        return [one[1] or "" for one in found if one and one[1] == one[2]]

    @cached_property
    def _hairpins(self) -> frozenset[tuple[str, str, int]]:
        """Endpoint, address and port of the service."""
        if not self._nat.leads("POSTROUTING", HAIRPIN):
            return frozenset()
        found = (_HAIRPIN.fullmatch(line) for line in self._nat.lines(HAIRPIN))
        return frozenset(
            (_bare(one[1]), _bare(one[3]), int(one[4])) for one in found if one and one[1] == one[2]
        )


def _bare(address: str) -> str:
    return address.partition("/")[0]
