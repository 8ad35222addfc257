"""Who may talk to whom on which ports, by policy alone: for all classes of pods at once.

Pods that no policy can tell apart are one class. Egress and ingress are judged once for classes that the same
policies select, as sets of peers; then each destination's ingress is met with what may be sent to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.cluster.policy.evaluate import PolicySet, doubted
from kubectl_skoop.cluster.policy.interval import Intervals, intersect, subtract, union
from kubectl_skoop.cluster.policy.judge import Area, Judged, judge
from kubectl_skoop.cluster.policy.party import Class, Surroundings, classes, node_party, pod_party
from kubectl_skoop.cluster.policy.rule import Direction, Policy
from kubectl_skoop.cluster.policy.term import select
from kubectl_skoop.cluster.policy.tiers import stages
from kubectl_skoop.cluster.policy.universe import Party, Universe, bits_of, positions_of

OUTSIDE = "outside"
"""In the place of a workload's name, which has a slash."""
_SHORT = {"Deployment": "deploy", "StatefulSet": "sts", "DaemonSet": "ds"}


class Row(NamedTuple):
    """To one class: which others, as bits, on which ports."""

    ports: Intervals
    sources: int


class Outer(NamedTuple):
    """Between one class and the outside."""

    ports: Intervals
    addresses: Intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """One class: what reaches it, and what it may exchange with the outside."""

    allowed: tuple[Row, ...]
    """With disjoint sources."""
    unknown: tuple[Row, ...]
    from_outside: tuple[Outer, ...]
    to_outside: tuple[Outer, ...]
    from_outside_unknown: tuple[Outer, ...] = ()
    to_outside_unknown: tuple[Outer, ...] = ()
    reasons: tuple[str, ...] = ()
    selecting: tuple[str, ...] = ()
    """Keys of the policies that select the class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectivity:
    classes: tuple[Class, ...]
    ends: tuple[Ends, ...]
    """In the order of the classes."""
    policies: PolicySet

    @property
    def pods(self) -> int:
        """The classes of pods with a network of their own, as bits."""
        own = (at for at, one in enumerate(self.classes) if one.party.kind == "pod")
        return bits_of(own, len(self.classes))

    @property
    def workloads(self) -> int:
        """The classes of pods, those of the host's network too, as bits."""
        own = (at for at, one in enumerate(self.classes) if one.party.kind != "node")
        return bits_of(own, len(self.classes))


@dataclass(slots=True)
class _Sides:
    """Judged once for all classes that meet the same policies in the same way."""

    universe: Universe
    direction: Direction
    found: dict[object, Judged] = field(default_factory=dict)
    keys: list[object] = field(default_factory=list)
    """Of each class."""

    def add(self, at: int, selecting: Sequence[Policy]) -> None:
        ruled = [policy for policy in selecting if policy.rules(self.direction) is not None]
        key: object = tuple(map(id, ruled))
        if any(depends_on_subject(policy, self.direction) for policy in ruled):
            key = (key, self.universe.parties[at].ports, at)
        self.keys.append(key)
        if key not in self.found:
            self.found[key] = judge(self.universe, at, stages(ruled, self.direction), self.direction)

    def of(self, at: int) -> Judged:
        return self.found[self.keys[at]]


def depends_on_subject(policy: Policy, direction: Direction) -> bool:
    """Pods that the policy selects may be judged otherwise, each by itself."""
    rules = policy.rules(direction)
    return rules is not None and any(
        rule.subject is not None or (rule.named and direction == "ingress") for rule in rules.rules
    )


def connectivity(cluster: Cluster, policies: PolicySet) -> Connectivity:
    """All classes against all, and against the outside."""
    found = classes(parties(cluster), policies.policies)
    universe = Universe([one.party for one in found])
    selecting = _selecting(policies.policies, universe)
    egress, ingress = _Sides(universe, "egress"), _Sides(universe, "ingress")
    for at, own in enumerate(selecting):
        egress.add(at, own)
        ingress.add(at, own)
    sent = _Sent.of(egress, universe)
    shared: dict[tuple[Row, ...], tuple[Row, ...]] = {}
    ends = tuple(
        _ends(at, found[at], sent, egress.of(at), ingress.of(at), selecting[at], shared)
        for at in range(len(found))
    )
    return Connectivity(classes=found, ends=ends, policies=policies)


def parties(cluster: Cluster) -> Iterator[tuple[Party, str]]:
    """Every node, and every pod that has not ended, with the workload that it belongs to."""
    around = Surroundings.of(cluster)
    for pod in cluster.pods():
        if not pod.finished:
            yield pod_party(pod, around), workload(pod)
    for node in cluster.nodes():
        yield node_party(node), f"node/{node.name}"


def workload(pod: PodInfo) -> str:
    """Its owner as a user writes it: `deploy/shop/web`; the pod itself if it has none, or is a node's own
    (a static pod)."""
    owner = pod.controller
    if not owner.name or owner.kind in ("", "Node"):
        return f"pod/{pod.namespace}/{pod.name}"
    return f"{_SHORT.get(owner.kind, owner.kind.lower())}/{pod.namespace}/{owner.name}"


def _selecting(policies: Iterable[Policy], universe: Universe) -> list[list[Policy]]:
    """Of each party, the policies that select it or may do so."""
    found: list[list[Policy]] = [[] for _ in universe.parties]
    for policy in policies:
        picked = select(policy.subject, universe)
        for at in positions_of(picked.yes.bits):
            found[at].append(policy)
        if picked.maybe.bits:
            doubtful = doubted(policy, picked.reason)
            for at in positions_of(picked.maybe.bits):
                found[at].append(doubtful)
    return found


class _Possible(NamedTuple):
    ports: Intervals
    sources: int
    sure: bool


@dataclass(slots=True)
class _Sent:
    """What is sent to each class: egress, turned around."""

    to_all: list[_Possible]
    """To everybody."""
    to_one: Mapping[int, list[_Possible]]

    @classmethod
    def of(cls, egress: _Sides, universe: Universe) -> "_Sent":
        senders: dict[object, list[int]] = {}
        for at, key in enumerate(egress.keys):
            senders.setdefault(key, []).append(at)
        grouped: dict[tuple[Intervals, int, bool], list[int]] = {}
        for key, sources in senders.items():
            judged = egress.found[key]
            for areas, sure in ((judged.allowed, True), (judged.unknown, False)):
                for area in areas:
                    if area.peers.bits:
                        grouped.setdefault((area.ports, area.peers.bits, sure), []).extend(sources)
        everybody = universe.everybody.bits
        to_all: list[_Possible] = []
        to_one: dict[int, list[_Possible]] = {}
        for (ports, destinations, sure), sources in grouped.items():
            possible = _Possible(ports, bits_of(sources, len(universe.parties)), sure)
            if destinations == everybody:
                to_all.append(possible)
                continue
            for at in positions_of(destinations):
                to_one.setdefault(at, []).append(possible)
        return cls(to_all, to_one)

    def to(self, at: int) -> list[_Possible]:
        return [*self.to_all, *self.to_one.get(at, ())]


def _ends(
    at: int,
    own: Class,
    sent: _Sent,
    egress: Judged,
    ingress: Judged,
    selecting: Sequence[Policy],
    shared: dict[tuple[Row, ...], tuple[Row, ...]],
) -> Ends:
    """`shared`: equal rows of several classes are kept once."""
    alone = ~(1 << at) if len(own.members) == 1 else -1
    offered = sent.to(at)
    sure = _rows(
        (intersect(area.ports, one.ports), area.peers.bits & one.sources & alone)
        for one in offered
        if one.sure
        for area in ingress.allowed
    )
    unknown: tuple[Row, ...] = ()
    if ingress.unknown or any(not one.sure for one in offered):
        possible = _rows(
            (intersect(area.ports, one.ports), area.peers.bits & one.sources & alone)
            for one in offered
            for area in (*ingress.allowed, *ingress.unknown)
        )
        unknown = _without(possible, sure)
    kept_sure, kept_unknown = (shared.setdefault(rows, rows) for rows in (sure, unknown))
    return Ends(
        allowed=kept_sure,
        unknown=kept_unknown,
        from_outside=_outer(ingress.allowed),
        to_outside=_outer(egress.allowed),
        from_outside_unknown=_outer(ingress.unknown),
        to_outside_unknown=_outer(egress.unknown),
        reasons=tuple(dict.fromkeys((*egress.reasons, *ingress.reasons))),
        selecting=tuple(dict.fromkeys(policy.key for policy in selecting)),
    )


def _rows(parts: Iterable[tuple[Intervals, int]]) -> tuple[Row, ...]:
    """Each source once, with the union of its ports."""
    split: list[tuple[int, Intervals]] = []
    for ports, sources in parts:
        if not ports or not sources:
            continue
        left = sources
        after: list[tuple[int, Intervals]] = []
        for known, its_ports in split:
            both = known & left
            if not both:
                after.append((known, its_ports))
                continue
            left &= ~both
            if rest := known & ~both:
                after.append((rest, its_ports))
            after.append((both, union((*its_ports, *ports))))
        if left:
            after.append((left, ports))
        split = after
    merged: dict[Intervals, int] = {}
    for sources, ports in split:
        merged[ports] = merged.get(ports, 0) | sources
    return tuple(Row(ports, sources) for ports, sources in sorted(merged.items()))


def _without(possible: Sequence[Row], sure: Sequence[Row]) -> tuple[Row, ...]:
    found: list[tuple[Intervals, int]] = []
    for row in possible:
        left = row.sources
        for known in sure:
            if both := left & known.sources:
                found.append((subtract(row.ports, known.ports), both))
                left &= ~both
        found.append((row.ports, left))
    return _rows(found)


def _outer(areas: Sequence[Area]) -> tuple[Outer, ...]:
    """Each part of the outside with all of its ports."""
    merged: dict[Intervals, list[tuple[int, int]]] = {}
    for area in areas:
        if area.peers.outside:
            merged.setdefault(area.peers.outside, []).extend(area.ports)
    return tuple(Outer(union(ports), addresses) for addresses, ports in merged.items())
