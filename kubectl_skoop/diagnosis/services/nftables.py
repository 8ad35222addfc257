"""What the tables `ip kube-proxy` and `ip6 kube-proxy` do with a new connection to a service."""

from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from functools import cached_property

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.habits import KubeProxy
from kubectl_skoop.diagnosis.services.nftables_rule import (
    MARK_MASQ,
    NftablesRule,
    Reader,
    Unread,
    asked_bits,
)
from kubectl_skoop.diagnosis.services.rules import SHOWN, Entry, Kind, Proxy, restart
from kubectl_skoop.diagnosis.services.walk import Leaf, reach, walk
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.nft.ruleset import NftTable, base_chains
from kubectl_skoop.netstack.netfilter.types import BaseChain, Hook

TABLE = "kube-proxy"
SERVICES, MASQUERADING = "services", "masquerading"
ADDRESSES, NODE_PORTS = "service-ips", "service-nodeports"
NODE_ADDRESSES, HAIRPINS = "nodeport-ips", "hairpin-connections"
_NAME_PARTS = 3
"""`HASH-namespace/name/protocol/port` (servicePortChainNameBase)."""


class NftablesRules:
    """Of one node and family."""

    mode: Kind = "nftables"
    proxy: Proxy = "kube-proxy"
    habits = KubeProxy(drops_without_local=True)

    def __init__(self, table: NftTable) -> None:
        self._table = table
        self._asked_mark = 0
        for rule in self._origins(MASQUERADING):
            self._asked_mark |= asked_bits(rule)
        self._reader = Reader(table, self._asked_mark)
        self._rules: dict[str, Sequence[NftablesRule]] = {}
        self.dispatch = f"table {table.name}, map {ADDRESSES}"

    @property
    def size(self) -> int:
        try:
            return len(self._reader.elements(ADDRESSES).verdicts)
        except Unread:
            return 0

    @property
    def title(self) -> str:
        return f"those of nftables mode (table {self._table.name})"

    def steps(self, chain: str, door: Door) -> Iterator[NftablesRule]:
        return (rule for rule in self.rules(chain) if rule.fits(door))

    def rules(self, chain: str) -> Sequence[NftablesRule]:
        rules = self._rules.get(chain)
        if rules is None:
            rules = self._rules[chain] = [self._reader.read(origin) for origin in self._origins(chain)]
        return rules

    def told(self, door: Door) -> Hashable:
        hooks = (Hook.PREROUTING, _forwarding(door))
        services = reach(self, SERVICES, door)
        targets = {way.target for _, rules in services for met in rules for way in met.ways if way.target}
        return (
            services,
            tuple(reach(self, base.chain, door) for base in self._filters if base.hook in hooks),
            frozenset(target for target in targets if self._meets_itself(target, door)),
        )

    def follow(self, door: Door, source: Address) -> Sequence[Leaf]:
        return [self._with_hairpin(leaf, door) for leaf in walk(self, SERVICES, door, source)]

    def bars(self, door: Door, source: Address) -> bool:
        """The ranges of a load balancer's sources are asked before its address is translated."""
        return self._refused(Hook.PREROUTING, door, source)

    def refuses(self, door: Door, source: Address) -> bool:
        """What node ports get is for the node itself, other addresses are forwarded: nobody has them."""
        return self.bars(door, source) or self._refused(_forwarding(door), door, source)

    def scheduler(self, door: Door) -> str:
        return ""

    def node_ports(self, own: Iterable[Address]) -> Sequence[Address]:
        """`fib daddr type local` takes all, `@nodeport-ips` those that `nodePortAddresses` leaves."""
        taken = []
        for address in own:
            door = Door("node-port", address, 0, "")
            if any(_asks(rule, NODE_PORTS) and rule.fits(door) for rule in self.rules(SERVICES)):
                taken.append(address)
        return taken

    def shared_faults(self, place: Place) -> Iterator[Suspicion]:
        for hook, who in ((Hook.PREROUTING, "pods and the outside"), (Hook.OUTPUT, "the node itself")):
            if not self._leads(hook, SERVICES):
                yield self._fault(
                    place,
                    "service.no-rules",
                    f"nat-{hook}",
                    f"nothing leads to {SERVICES} at {hook}: no service works for {who}",
                )
        if not self._leads(Hook.POSTROUTING, MASQUERADING):
            problem = f"nothing leads to {MASQUERADING} at {Hook.POSTROUTING}"
        elif not any(rule.masquerades for rule in self.rules(MASQUERADING)):
            problem = f"{MASQUERADING} masquerades nothing"
        else:
            problem = self._other_mark()
        if problem:
            message = f"{problem}: answers to masqueraded connections of services go astray"
            yield self._fault(place, "service.missing-masquerade", MASQUERADING, message)

    def entries(self, known: Container[str] = ()) -> Iterator[Entry]:
        for name in (ADDRESSES, NODE_PORTS):
            try:
                elements = self._reader.elements(name).verdicts.items()
            except Unread:
                continue
            for key, way in elements:
                match key:
                    case (str(address), str(protocol), int(port)):
                        at = parse_address(address)
                    case (str(protocol), int(port)):
                        at = None
                    case _:
                        continue
                rule = f"{name}: {' . '.join(map(str, key))} : goto {way.chain}"
                yield Entry(at, port, protocol, _service_of(way.chain), rule)

    @cached_property
    def _base_chains(self) -> Sequence[BaseChain]:
        return tuple(base_chains(self._table))

    @cached_property
    def _filters(self) -> Sequence[BaseChain]:
        return [base for base in self._base_chains if base.type == "filter"]

    @cached_property
    def _hairpins(self) -> frozenset[tuple[object, ...]]:
        """Connections of an endpoint of the node to itself; empty if no rule asks for them.

        Up to 1.35 the chain of an endpoint marks them.
        """
        asked = any(HAIRPINS in rule.text and rule.masquerades for rule in self.rules(MASQUERADING))
        try:
            return self._reader.elements(HAIRPINS).members if asked else frozenset()
        except Unread:
            return frozenset()

    def _with_hairpin(self, leaf: Leaf, door: Door) -> Leaf:
        if leaf.target is None or not self._meets_itself(leaf.target, door):
            return leaf
        return leaf._replace(marking=(*leaf.marking, str(leaf.target.address)))

    def _meets_itself(self, target: Target, door: Door) -> bool:
        """An endpoint whose connections to itself are masqueraded."""
        address = str(target.address)
        return (address, address, door.protocol, target.port) in self._hairpins

    def _refused(self, hook: Hook, door: Door, source: Address) -> bool:
        return any(
            leaf.refused
            for base in self._filters
            if base.hook == hook
            for leaf in walk(self, base.chain, door, source)
        )

    def _leads(self, hook: Hook, chain: str) -> bool:
        return any(
            way.chain == chain
            for base in self._base_chains
            if base.type == "nat" and base.hook == hook
            for rule in self.rules(base.chain)
            if isinstance(rule.sends, tuple)
            for way in rule.sends
        )

    def _other_mark(self) -> str:
        """The bit that is asked for before masquerading must be the one that is set."""
        given = 0
        for chain in (MARK_MASQ, SERVICES):
            for rule in self.rules(chain):
                given |= rule.mark
        if not self._asked_mark:
            return f"{MASQUERADING} asks for no mark"
        if given and not self._asked_mark & given:
            return f"{MASQUERADING} asks for the mark 0x{self._asked_mark:x}, but rules set 0x{given:x}"
        return ""

    def _origins(self, chain: str) -> Sequence[NftRule]:
        found = self._table.chains.get(chain)
        return [rule for _, rule in found.all_rules] if found else ()

    def _fault(self, place: Place, code: str, chain: str, message: str) -> Suspicion:
        lines = [rule.text for rule in self._origins(chain)[:SHOWN]]
        return Suspicion(
            code=code,
            level=Level.CRITICAL,
            where=Where(place=place, table=self._table.name, chain=chain),
            message=message,
            evidence=tuple(lines) or (f"table {self._table.name}, {chain}: no rule",),
            remedy=restart(),
        )


def _forwarding(door: Door) -> Hook:
    """What node ports get is for the node itself, other addresses are forwarded."""
    return Hook.INPUT if door.kind == "node-port" else Hook.FORWARD


def _asks(rule: NftablesRule, name: str) -> bool:
    """It looks the packet up in that map."""
    return f"@{name}" in rule.text


def _service_of(chain: str) -> str:
    """`namespace/name` of a chain `service-HASH-namespace/name/protocol/port`."""
    kind_and_namespace, *rest = chain.split("/")
    namespace = kind_and_namespace.split("-", 2)[-1]
    return f"{namespace}/{rest[0]}" if len(rest) == _NAME_PARTS else ""
