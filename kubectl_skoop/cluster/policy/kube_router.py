"""What kube-router calls its sets for a NetworkPolicy (pkg/controllers/netpol/policy.go)."""

from base64 import b32encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Literal

from kubectl_skoop.cluster.policy.rule import Direction
from kubectl_skoop.cluster.raw import Object, dig, items, ref_of

Family = Literal[4, 6]
FAMILIES: Mapping[Family, str] = {4: "IPv4", 6: "IPv6"}
Peers = Literal["pod", "ipblock"]
PREFIXES: Mapping[Direction, tuple[str, str]] = {
    "ingress": ("KUBE-DST-", "KUBE-SRC-"),
    "egress": ("KUBE-SRC-", "KUBE-DST-"),
}
"""Of the set of the pods that a policy selects, and of the sets of its peers."""
NAMED_PORTS = 16
"""Numbers that the names of ports in one rule stand for, at most: a name has one on each pod."""


def own_set(namespace: str, name: str, direction: Direction, family: Family) -> str:
    """Of the pods that the policy selects."""
    return _named(PREFIXES[direction][0], namespace + name + FAMILIES[family], family)


def peer_set(namespace: str, name: str, direction: Direction, at: int, family: Family, what: str) -> str:
    """Of the peers of a rule. `what`: `Peers`, or with a number before it `namedport`."""
    number, rest = (what[:-9], "namedport") if what.endswith("namedport") else ("", what)
    written = f"{namespace}{name}{direction}rule{at}{number}{FAMILIES[family]}{rest}"
    prefix = "KUBE-DST-" if rest == "namedport" else PREFIXES[direction][1]
    return _named(prefix, written, family)


def named_ports() -> Iterator[str]:
    """`what` of `peer_set`, for each number that a rule's names of ports may stand for on its pods."""
    return (f"{number}namedport" for number in range(NAMED_PORTS))


def sets_of(policy: Object, namespace: str, name: str) -> Iterator[str]:
    """All that it may have, in an order that its rules alone tell. `namespace`, `name`: what it is called."""
    for family in FAMILIES:
        for direction in PREFIXES:
            yield own_set(namespace, name, direction, family)
            for at, _ in enumerate(items(dig(policy, "spec"), direction)):
                for what in ("pod", "ipblock", *named_ports()):
                    yield peer_set(namespace, name, direction, at, family, what)


def renamed(policy: Object, namespace: str, name: str) -> dict[str, str]:
    """The sets of a policy that gets another name, each with what it is called then."""
    ref = ref_of(policy)
    return dict(zip(sets_of(policy, ref.namespace, ref.name), sets_of(policy, namespace, name), strict=True))


def _named(prefix: str, written: str, family: Family) -> str:
    digest = b32encode(sha256(written.encode()).digest()).decode()[:16]
    return f"{'inet6:' if family == 6 else ''}{prefix}{digest}"
