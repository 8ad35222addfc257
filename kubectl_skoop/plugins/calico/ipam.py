"""Blocks of addresses, and whose they are (libcalico-go/lib/ipam)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from typing import NamedTuple

from kubectl_skoop.api import Address, Context, IpNetwork, raw
from kubectl_skoop.plugins.calico.objects import Pool


class Affinity(NamedTuple):
    """A BlockAffinity that is not being given up."""

    block: IpNetwork
    node: str


@dataclass(frozen=True)
class Blocks:
    ctx: Context
    _with_pods: dict[IpNetwork, frozenset[str]] = field(default_factory=dict, repr=False)
    """Blocks that were asked for, with the nodes of their pods."""

    @cached_property
    def affinities(self) -> tuple[Affinity, ...]:
        return tuple(_read(self.ctx.cluster.objects("BlockAffinity")))

    @cached_property
    def clashes(self) -> Mapping[str, tuple[tuple[Affinity, Affinity], ...]]:
        """By node: its blocks that others have, too, wholly or in part, with the others' ones."""
        found: dict[str, tuple[tuple[Affinity, Affinity], ...]] = {}
        for one, other in _overlapping(self.affinities):
            for first, second in ((one, other), (other, one)):
                found[first.node] = (*found.get(first.node, ()), (first, second))
        return found

    def owners(self, block: IpNetwork) -> frozenset[str]:
        """Nodes that a block belongs to; if affinities were not collected: nodes with pods in it."""
        if self.affinities:
            return self._owners.get(block, frozenset())
        if block not in self._with_pods:
            found = (owner for address in block for owner in self.ctx.cluster.owners(address))
            pods = (self.ctx.pod(f"{owner.namespace}/{owner.name}") for owner in found if owner.kind == "Pod")
            self._with_pods[block] = frozenset(pod.node for pod in pods if pod is not None)
        return self._with_pods[block]

    def destination(self, pool: Pool, address: Address, node: str) -> IpNetwork | None:
        """What leads to an address on the node: its block, or the address alone if the node has borrowed it
        of another's block. None: it cannot be told whose the block is."""
        block = pool.block_of(address)
        found = self.owners(block)
        if found == {node}:
            return block
        borrowed = self.affinities and found and node not in found
        return ip_network(address) if borrowed else None

    @cached_property
    def _owners(self) -> Mapping[IpNetwork, frozenset[str]]:
        found: dict[IpNetwork, set[str]] = {}
        for affinity in self.affinities:
            found.setdefault(affinity.block, set()).add(affinity.node)
        return {block: frozenset(nodes) for block, nodes in found.items()}


def _read(items: Iterable[object]) -> Iterator[Affinity]:
    for item in items:
        given_up = raw.text(item, "spec", "state") == "pendingDeletion"
        if given_up or raw.text(item, "spec", "deleted") == "true":
            continue
        try:
            yield Affinity(ip_network(raw.text(item, "spec", "cidr")), raw.text(item, "spec", "node"))
        except ValueError:
            continue


def _overlapping(affinities: Iterable[Affinity]) -> Iterator[tuple[Affinity, Affinity]]:
    """Each block with the smallest one around it, or an equal one, that another node has."""
    around: list[Affinity] = []
    for one in sorted(
        affinities, key=lambda one: (one.block.version, int(one.block[0]), one.block.prefixlen)
    ):
        while around and not _inside(one.block, around[-1].block):
            around.pop()
        if around and around[-1].node != one.node:
            yield around[-1], one
        around.append(one)


def _inside(small: IpNetwork, large: IpNetwork) -> bool:
    return small.version == large.version and int(small[-1]) <= int(large[-1])
