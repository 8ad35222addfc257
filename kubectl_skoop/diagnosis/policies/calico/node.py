"""One node's chains and sets of Felix, held against what the policies mean."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.cluster.policy.address import address_at, blocks_text
from kubectl_skoop.cluster.policy.interval import Intervals, contains, union
from kubectl_skoop.cluster.policy.judge import Area, Judged, stretches
from kubectl_skoop.cluster.policy.kube_router import FAMILIES, Family
from kubectl_skoop.cluster.policy.port import NUMBERS, port_at, ports_text
from kubectl_skoop.cluster.policy.rule import DIRECTIONS, Direction
from kubectl_skoop.cluster.policy.universe import NOBODY, PeerSet, positions_of
from kubectl_skoop.diagnosis.policies.calico.meaning import Meaning
from kubectl_skoop.diagnosis.policies.calico.written import PREFIXES, NotRead, Rules
from kubectl_skoop.diagnosis.policies.told import first_of_each_code
from kubectl_skoop.diagnosis.services.iptables import RuleTable
from kubectl_skoop.diagnosis.services.replaced import CALICO_DEVICE
from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

NAME, FORWARD, NATIVE = "Calico", "cali-FORWARD", "calico"
"""The last one: the table of nft that Felix has in its nftables mode."""
_FLOWS = {"ingress": "{peers} to {pods}", "egress": "{pods} to {peers}"}
_REMEDY = "see whether calico-node runs there and follows changes (its log); restarted it writes all anew"


class Difference(NamedTuple):
    direction: Direction
    enforced: bool
    """What is meant to pass is stopped; else the other way round."""
    peers: PeerSet


@dataclass(slots=True)
class Told:
    """One difference, of all pods that have it."""

    ports: Intervals
    pods: list[str] = field(default_factory=list)
    chain: str = ""
    policies: tuple[str, ...] = ()


@dataclass(slots=True)
class Compared:
    """One node, all of whose rules and sets were read."""

    findings: list[Suspicion] = field(default_factory=list)
    not_read: dict[str, list[str]] = field(default_factory=dict)
    """Pods by what in their chains is not understood."""


def compare(ns: NetworkNamespace, wanted: Sequence[Meaning]) -> Compared:
    """Nothing where Felix writes no rules of iptables."""
    compared = Compared()
    if CALICO_DEVICE not in ns.device_by_name and not _is_native(ns):
        found = (one for each in wanted for one in _compare(ns, each, compared.not_read))
        compared.findings += first_of_each_code(found, ns.place.name)
    return compared


def _is_native(ns: NetworkNamespace) -> bool:
    return any(base.table.name == NATIVE for base in ns.netfilter.base_chains)


def _compare(ns: NetworkNamespace, wanted: Meaning, not_read: dict[str, list[str]]) -> Iterator[Suspicion]:
    own = wanted.on_node.get(ns.place.name, [])
    table = _table(ns, wanted.family)
    if table is None:
        selected = [
            wanted.party(at).name for at in own if any(wanted.judged(at, one)[1] for one in DIRECTIONS)
        ]
        if selected:
            yield _unled(ns.place, wanted.family, selected)
        return
    rules = Rules(table, ns.ipsets, wanted.universe)
    devices = _devices(ns)
    told: dict[tuple[Difference, Intervals], Told] = {}
    for at in own:
        party = wanted.party(at)
        for direction, prefix in PREFIXES.items():
            chain = f"{prefix}{devices.get(party.address)}"
            if chain not in table:
                continue
            judged, policies = wanted.judged(at, direction)
            try:
                found = _differences(rules, wanted, at, chain, direction, judged)
            except NotRead as error:
                not_read.setdefault(str(error), []).append(party.name)
                continue
            for difference, ports in found.items():
                one = told.setdefault((difference, ports), Told(ports, chain=chain, policies=policies))
                one.pods.append(party.name)
    for (difference, _), one in told.items():
        yield _finding(ns.place, wanted, difference, one)


def _table(ns: NetworkNamespace, family: Family) -> RuleTable | None:
    """The filter table that has Felix's chains; None: none has."""
    for base in ns.netfilter.base_chains:
        table = base.table
        if isinstance(table, SavedTable) and (table.name, table.family) == ("filter", family):
            rules = RuleTable(table)
            if rules.leads("FORWARD", FORWARD):
                return rules
    return None


def _devices(ns: NetworkNamespace) -> Mapping[int, str]:
    """By the address that a host route leads there."""
    found: dict[int, str] = {}
    for route in ns.routes:
        network = route.destination
        if network.prefixlen == network.max_prefixlen and len(route.nexthops) == 1:
            device = ns.devices.get(route.nexthops[0].device)
            if device is not None:
                found[address_at(network.network_address)] = device.name
    return found


def _differences(
    rules: Rules, wanted: Meaning, at: int, chain: str, direction: Direction, judged: Judged
) -> Mapping[Difference, Intervals]:
    """With their ports. Raises: NotRead."""
    edges = [*rules.edges(chain), *(area.ports for area in (*judged.allowed, *judged.unknown))]
    others, own = wanted.others(at), wanted.party(at).address
    found: dict[Difference, list[tuple[int, int]]] = {}
    for stretch in stretches(wanted.ports, edges):
        there = rules.let_through(chain, direction, own, stretch[0], others)
        meant, perhaps = (_at_port(areas, stretch[0]) & others for areas in (judged.allowed, judged.unknown))
        for enforced, peers in ((True, meant - there), (False, there - meant - perhaps)):
            if peers:
                found.setdefault(Difference(direction, enforced, peers), []).append(stretch)
    return {difference: union(ports) for difference, ports in found.items()}


def _at_port(areas: Sequence[Area], port: int) -> PeerSet:
    found = NOBODY
    for area in areas:
        if contains(area.ports, port):
            found = found | area.peers
    return found


def _unled(place: Place, family: Family, pods: Sequence[str]) -> Suspicion:
    return Suspicion(
        code="policy.not-enforced",
        level=Level.CRITICAL,
        where=Where(place=place, table="filter", chain="FORWARD"),
        message=f"no rule leads to {NAME}'s chains for {FAMILIES[family]}: policies have no effect on "
        f"{listed(sorted(pods))}",
        evidence=(f"table filter, FORWARD: no rule with -j {FORWARD}",),
        remedy=_REMEDY,
    )


def _finding(place: Place, wanted: Meaning, difference: Difference, told: Told) -> Suspicion:
    peers = " and ".join(_shown(wanted, difference.peers))
    flow = _FLOWS[difference.direction].format(peers=peers, pods=listed(told.pods))
    does = "do not let" if difference.enforced else "let"
    mean = "do" if difference.enforced else "do not"
    whole = contains(told.ports, port_at(NUMBERS["ICMP" if wanted.family == 4 else "ICMPV6"], 0))
    ports = ports_text(union((*told.ports, *(wanted.foreign if whole else ()))))
    return Suspicion(
        code="policy.not-meant" if difference.enforced else "policy.not-enforced",
        level=Level.WARNING,
        where=Where(place=place, table="filter", chain=told.chain),
        message=f"{NAME}'s rules on {place.name} {does} {flow} through, ports {ports}: the policies {mean}",
        evidence=(f"policies that select it: {listed(told.policies) or 'none'}",),
        remedy=_REMEDY,
    )


def _shown(wanted: Meaning, peers: PeerSet) -> Iterator[str]:
    if peers.bits:
        pods = [wanted.party(at).name for at in positions_of(peers.bits)]
        yield listed(pods) if len(pods) < len(wanted.universe.parties) - 1 else "all other pods"
    if peers.outside:
        yield (
            f"outside {listed(blocks_text(peers.outside))}"
            if peers.outside != wanted.outside
            else "all outside"
        )
