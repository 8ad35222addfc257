"""Who tells whom of its blocks: BGPConfiguration and BGPPeers (confd's templates, libcalico-go api/v3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kubectl_skoop.api import (
    Context,
    Level,
    NodeInfo,
    NotCollected,
    Place,
    Suspicion,
    Where,
    calico_selects,
    raw,
)
from kubectl_skoop.plugins.calico.family import FAMILIES
from kubectl_skoop.plugins.calico.kept import BGP_CONFIGURATION, BGP_PEER, REFLECTOR
from kubectl_skoop.plugins.calico.objects import node_address

"""Annotation of a node that tells others what it was told."""
PORT, ROUTE_PROTOCOL = 179, 12
"""Of BGP (RFC 4271), and of BIRD's routes (RTPROT_BIRD)."""


class Peering(NamedTuple):
    """A BGPPeer: sessions of some nodes, with other nodes or with a router."""

    name: str
    node: str
    """Of whom; empty: see the selector."""
    node_selector: str
    peer_selector: str
    """With whom; empty: with `address`."""
    address: str

    def has(self, node: NodeInfo) -> bool:
        """Raises: ValueError."""
        if self.node:
            return self.node == node.name
        return not self.node_selector or calico_selects(self.node_selector, node.labels)

    def names(self, node: NodeInfo) -> bool:
        """Raises: ValueError."""
        if self.peer_selector:
            return calico_selects(self.peer_selector, node.labels)
        own = (node_address(node, family) for family in FAMILIES)
        return self.address in {str(each.ip) for each in own if each is not None}


@dataclass(frozen=True)
class Bgp:
    ctx: Context
    mesh: bool
    """Each node has a session with each other (nodeToNodeMeshEnabled)."""
    peerings: tuple[Peering, ...]
    unreadable: tuple[Suspicion, ...] = ()
    """BGPPeers whose selectors are none."""

    @cached_property
    def reflectors(self) -> Sequence[NodeInfo]:
        return [node for node in self.ctx.cluster.nodes() if node.annotations.get(REFLECTOR)]

    @cached_property
    def routers(self) -> bool:
        """Some session is with somebody who is no node: what is learned there, no object says."""
        nodes = self.ctx.cluster.nodes()
        return any(
            not peering.peer_selector and not any(peering.names(node) for node in nodes)
            for peering in self.peerings
        )

    def learns(self, own: NodeInfo, peer: NodeInfo) -> str:
        """How a node is told of another's blocks; empty: by no session between nodes."""
        if self._session(own, peer):
            return f"from node {peer.name}"
        told, left = [peer], [*self.reflectors]
        while told:
            speaker = told.pop()
            for reflector in [one for one in left if self._session(one, speaker)]:
                if self._session(own, reflector):
                    return f"of node {peer.name} from the route reflector {reflector.name}"
                left.remove(reflector)
                told.append(reflector)
        return ""

    def untold(self, own: NodeInfo, peer: NodeInfo) -> str:
        """Why a node is told of no blocks of another."""
        facts = (
            "the mesh is off" if not self.mesh else "route reflectors are in no mesh",
            "BGPPeers: " + (", ".join(one.name for one in self.peerings) or "none"),
            "route reflectors: " + (", ".join(one.name for one in self.reflectors) or "none"),
        )
        return (
            f"no BGP session leads from node {peer.name} to node {own.name}, so BIRD learns no block there "
            f"({'; '.join(facts)})"
        )

    def _session(self, first: NodeInfo, second: NodeInfo) -> bool:
        if first.name == second.name:
            return False
        if self.mesh and first not in self.reflectors and second not in self.reflectors:
            return True
        return any(
            (peering.has(first) and peering.names(second)) or (peering.has(second) and peering.names(first))
            for peering in self.peerings
        )


def runs(ctx: Context, node: NodeInfo) -> bool:
    """BIRD listens there, or has written routes; True where that was not collected."""
    ns = ctx.namespace(Place("node", node.name))
    if isinstance(ns, NotCollected) or "sockets" in ns.gaps:
        return True
    listens = any(socket.state == "listen" and socket.port == PORT for socket in ns.sockets)
    return listens or any(route.protocol == ROUTE_PROTOCOL for route in ns.routes)


def bgp_of(ctx: Context) -> Bgp:
    configured = ctx.cluster.objects(BGP_CONFIGURATION)
    peerings, unreadable = _read(ctx.cluster.objects(BGP_PEER))
    return Bgp(
        ctx=ctx,
        mesh=all(raw.dig(item, "spec", "nodeToNodeMeshEnabled") is not False for item in configured),
        peerings=peerings,
        unreadable=unreadable,
    )


def _read(items: Iterable[object]) -> tuple[tuple[Peering, ...], tuple[Suspicion, ...]]:
    peerings: list[Peering] = []
    unreadable: list[Suspicion] = []
    for item in items:
        peering = Peering(
            name=raw.text(item, "metadata", "name"),
            node=raw.text(item, "spec", "node"),
            node_selector=raw.text(item, "spec", "nodeSelector"),
            peer_selector=raw.text(item, "spec", "peerSelector"),
            address=raw.text(item, "spec", "peerIP"),
        )
        try:
            for selector in (peering.node_selector, peering.peer_selector):
                calico_selects(selector, {})
        except ValueError as error:
            unreadable.append(_unreadable(peering, str(error)))
        else:
            peerings.append(peering)
    return tuple(peerings), tuple(unreadable)


def _unreadable(peering: Peering, problem: str) -> Suspicion:
    return Suspicion(
        code="calico.bgp-peer.unreadable",
        level=Level.WARNING,
        where=Where(),
        message=f"the BGPPeer {peering.name} has a selector that is none: {problem}",
        evidence=(f"nodeSelector: {peering.node_selector}", f"peerSelector: {peering.peer_selector}"),
        remedy=f"correct the selector of BGPPeer {peering.name}",
    )
