"""Who takes part: parties, each with a bit, and indexes that find them by label, namespace and address."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar

from kubectl_skoop.cluster.policy.address import ANYWHERE
from kubectl_skoop.cluster.policy.interval import EMPTY, Intervals, intersect, subtract, union

PartyKind = Literal["pod", "host-pod", "node"]
Scope = Literal["pod", "namespace", "node", "account"]
K = TypeVar("K")
NAME_LABEL = "kubernetes.io/metadata.name"
"""The API server sets it on each namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One pod or node, or a class of them that no policy can tell apart."""

    kind: PartyKind
    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] | None = None
    """None: there is no Namespace object, only its name is known."""
    node_labels: Mapping[str, str] = field(default_factory=dict)
    """Of the node itself, or of that which a hostNetwork pod runs on."""
    account: str = ""
    """Name of the service account."""
    address: int = -1
    """`address_at`; -1: none yet."""
    ports: tuple[tuple[str, str, int], ...] = ()
    """Named ports of its containers: name, protocol (`TCP` …), number."""

    def label(self, scope: Scope, key: str) -> str | None:
        match scope:
            case "pod":
                return self.labels.get(key)
            case "node":
                return self.node_labels.get(key)
            case "account":
                return self.account or None
            case "namespace":
                if key == NAME_LABEL and self.namespace:
                    return self.namespace
                return (self.namespace_labels or {}).get(key)


class PeerSet(NamedTuple):
    """Parties as bits, and addresses outside of the cluster."""

    bits: int = 0
    outside: Intervals = EMPTY

    def __and__(self, other: "PeerSet") -> "PeerSet":
        return PeerSet(self.bits & other.bits, intersect(self.outside, other.outside))

    def __or__(self, other: "PeerSet") -> "PeerSet":
        if self.outside == other.outside or not other.outside:
            return PeerSet(self.bits | other.bits, self.outside)
        return PeerSet(self.bits | other.bits, union((*self.outside, *other.outside)))

    def __sub__(self, other: "PeerSet") -> "PeerSet":
        return PeerSet(self.bits & ~other.bits, subtract(self.outside, other.outside))

    def __bool__(self) -> bool:
        return bool(self.bits or self.outside)


NOBODY = PeerSet()


@dataclass(slots=True)
class Universe:
    parties: Sequence[Party]
    everybody: PeerSet = field(init=False)
    cache: dict[object, object] = field(default_factory=dict, repr=False)
    """Of what terms select, by term."""
    _labels: dict[tuple[Scope, str], dict[str, int]] = field(default_factory=dict, repr=False)
    _namespaces: dict[str, int] = field(default_factory=dict, repr=False)
    _kinds: dict[PartyKind, int] = field(default_factory=dict, repr=False)
    _addresses: list[tuple[int, int]] = field(default_factory=list, repr=False)
    _unlabelled: int = 0
    _ports: dict[tuple[str, str], dict[int, int]] | None = None

    def __post_init__(self) -> None:
        self.everybody = PeerSet((1 << len(self.parties)) - 1, ANYWHERE)
        self._namespaces = self._indexed((party.namespace, at) for at, party in enumerate(self.parties))
        self._kinds = self._indexed((party.kind, at) for at, party in enumerate(self.parties))
        known = ((party.address, at) for at, party in enumerate(self.parties))
        self._addresses = sorted(entry for entry in known if entry[0] >= 0)
        self._unlabelled = bits_of(
            (
                at
                for at, party in enumerate(self.parties)
                if party.namespace and party.namespace_labels is None
            ),
            len(self.parties),
        )

    def labelled(self, scope: Scope, key: str) -> Mapping[str, int]:
        """The parties by their value of a label."""
        found = self._labels.get((scope, key))
        if found is None:
            labels = ((party.label(scope, key), at) for at, party in enumerate(self.parties))
            found = self._indexed((value, at) for value, at in labels if value is not None)
            self._labels[scope, key] = found
        return found

    def unlabelled(self, scope: Scope, key: str) -> int:
        """Parties of which nobody can say whether they have the label: those without a Namespace object."""
        return self._unlabelled if scope == "namespace" and key != NAME_LABEL else 0

    def in_namespace(self, name: str) -> int:
        return self._namespaces.get(name, 0)

    def of_kind(self, *kinds: PartyKind) -> int:
        bits = 0
        for kind in kinds:
            bits |= self._kinds.get(kind, 0)
        return bits

    def in_block(self, block: Intervals) -> int:
        found: list[int] = []
        for low, high in block:
            first = bisect_left(self._addresses, (low, 0))
            last = bisect_left(self._addresses, (high + 1, 0))
            found += (at for _, at in self._addresses[first:last])
        return bits_of(found, len(self.parties))

    def serving(self, name: str, protocol: str) -> Mapping[int, int]:
        """The parties by the number that they give to a named port."""
        if self._ports is None:
            by_name: dict[tuple[str, str], list[tuple[int, int]]] = {}
            for at, party in enumerate(self.parties):
                for port, its_protocol, number in party.ports:
                    by_name.setdefault((port, its_protocol), []).append((number, at))
            self._ports = {key: self._indexed(found) for key, found in by_name.items()}
        return self._ports.get((name, protocol), {})

    def _indexed(self, pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
        found: dict[K, list[int]] = {}
        for key, at in pairs:
            found.setdefault(key, []).append(at)
        return {key: bits_of(positions, len(self.parties)) for key, positions in found.items()}


def bits_of(positions: Iterable[int], size: int) -> int:
    row = bytearray((size >> 3) + 1)
    for at in positions:
        row[at >> 3] |= 1 << (at & 7)
    return int.from_bytes(row, "little")


def positions_of(bits: int) -> list[int]:
    """Ascending."""
    found: list[int] = []
    digits = bin(bits)[:1:-1]
    at = digits.find("1")
    while at >= 0:
        found.append(at)
        at = digits.find("1", at + 1)
    return found
