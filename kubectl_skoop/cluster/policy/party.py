"""Pods and nodes as parties of a universe, and the classes that no policy can tell apart."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.cluster.policy.address import address_at
from kubectl_skoop.cluster.policy.interval import Intervals, contains
from kubectl_skoop.cluster.policy.rule import Policy, Rules
from kubectl_skoop.cluster.policy.term import InBlock, Labelled, Term, leaves
from kubectl_skoop.cluster.policy.universe import Party, Scope
from kubectl_skoop.cluster.raw import labels, ref_of
from kubectl_skoop.model.packet import Address


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pod inherits from its namespace and its node."""

    namespaces: Mapping[str, Mapping[str, str]]
    """Labels by name."""
    nodes: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, cluster: Cluster) -> "Surroundings":
        return cls(
            {ref_of(item).name: labels(item, "metadata", "labels") for item in cluster.objects("Namespace")},
            {node.name: node.labels for node in cluster.nodes()},
        )


def pod_party(pod: PodInfo, around: Surroundings, address: Address | None = None) -> Party:
    """`address`: the one that is talked to; default: the primary one."""
    if address is None and pod.addresses:
        address = pod.addresses[0]
    return Party(
        kind="host-pod" if pod.host_network else "pod",
        name=pod.key,
        namespace=pod.namespace,
        labels=pod.labels,
        namespace_labels=around.namespaces.get(pod.namespace),
        node_labels=around.nodes.get(pod.node, {}) if pod.host_network else {},
        account=pod.service_account or "default",
        address=-1 if address is None else address_at(address),
        ports=tuple(
            (port.name, port.protocol, port.port)
            for container in pod.containers
            for port in container.ports
            if port.name
        ),
    )


def node_party(node: NodeInfo, address: Address | None = None) -> Party:
    if address is None and node.addresses:
        address = node.addresses[0]
    return Party(
        kind="node",
        name=node.name,
        node_labels=node.labels,
        address=-1 if address is None else address_at(address),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """Pods or nodes with equal answers to everything that a policy of the cluster asks."""

    party: Party
    members: list[str] = field(default_factory=list)
    """Names: `namespace/name` of pods, names of nodes."""
    workloads: dict[str, None] = field(default_factory=dict)
    """Their owners, as a user writes them: `deploy/shop/web`, `pod/shop/debug`, `node/n1`."""


def classes(parties: Iterable[tuple[Party, str]], policies: Sequence[Policy]) -> tuple[Class, ...]:
    """Of parties with their workloads, in the order in which they come."""
    asked = Asked.by(policies)
    found: dict[object, Class] = {}
    for party, workload in parties:
        known = party.ports and tuple(port for port in party.ports if port[0] in asked.ports)
        key = (
            party.kind,
            party.namespace,
            tuple([party.labels.get(label) for label in asked.labels["pod"]]),
            party.kind != "pod" and tuple([party.node_labels.get(label) for label in asked.labels["node"]]),
            bool(asked.labels["account"]) and party.account,
            known,
            asked.cell(party.address),
        )
        existing = found.get(key)
        if existing is None:
            existing = found[key] = Class(party=replace(party, ports=known or ()))
        existing.members.append(party.name)
        existing.workloads[workload] = None
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """What policies ask of a party."""

    labels: Mapping[Scope, tuple[str, ...]]
    ports: frozenset[str]
    cell: Callable[[int], int]
    """Equal for addresses that are in the same blocks."""

    @classmethod
    def by(cls, policies: Sequence[Policy]) -> "Asked":
        keys: dict[Scope, dict[str, None]] = {"pod": {}, "namespace": {}, "node": {}, "account": {}}
        blocks: dict[Intervals, None] = {}
        named: set[str] = set()
        seen: set[Term] = set()
        for policy in policies:
            for term in _terms(policy, named):
                if term in seen:
                    continue
                seen.add(term)
                for leaf in leaves(term):
                    match leaf:
                        case Labelled():
                            keys[leaf.scope][leaf.key] = None
                        case InBlock(parties=True):
                            blocks[leaf.block] = None
        return cls(
            {scope: tuple(found) for scope, found in keys.items()}, frozenset(named), _cells(tuple(blocks))
        )


def _terms(policy: Policy, named: set[str]) -> Iterable[Term]:
    yield policy.subject
    for rules in (policy.ingress, policy.egress):
        for rule in rules.rules if isinstance(rules, Rules) else ():
            yield rule.peers
            if rule.subject is not None:
                yield rule.subject
            named.update(port.name for port in rule.named)


def _cells(blocks: Sequence[Intervals]) -> Callable[[int], int]:
    edges = sorted({edge for block in blocks for low, high in block for edge in (low, high + 1)})
    numbers: dict[frozenset[int], int] = {}
    known: dict[int, int] = {}

    def cell(address: int) -> int:
        if address < 0:
            return -1
        at = bisect_right(edges, address)
        if at not in known:
            inside = frozenset(number for number, block in enumerate(blocks) if contains(block, address))
            known[at] = numbers.setdefault(inside, len(numbers))
        return known[at]

    return cell
