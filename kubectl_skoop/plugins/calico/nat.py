"""natOutgoing: whose packets leave with the node's address (felix/dataplane/linux/masq_mgr.go)."""

from kubectl_skoop.api import Level, NodeInfo, NotCollected, Packet, Place, Suspicion, Where, Wishes, expect
from kubectl_skoop.plugins.calico.fabric import Fabric

ALL_POOLS = {4: "cali40all-ipam-pools", 6: "cali60all-ipam-pools"}
MASQUERADED = {4: "cali40masq-ipam-pools", 6: "cali60masq-ipam-pools"}
"""Sets of the iptables mode; the nftables mode has sets of nft, which are not compared."""


def sets(fabric: Fabric, node: NodeInfo) -> Wishes:
    """What the rule of cali-nat-outgoing asks."""
    ns = fabric.ctx.namespace(Place("node", node.name))
    there = () if isinstance(ns, NotCollected) else ns.ipsets
    for pool in fabric.pools:
        version = pool.network.version
        because = f"Felix adds it with the IPPool {pool.name}"
        if MASQUERADED[version] in there and pool.nat_outgoing:
            yield expect.member(MASQUERADED[version], pool.network, because=f"{because}, for natOutgoing")
        if ALL_POOLS[version] in there:
            yield expect.member(ALL_POOLS[version], pool.network, because=because)


def leaving(fabric: Fabric, node: NodeInfo, packet: Packet) -> Wishes:
    """Of a packet to an address that is no pod's and no node's."""
    pool = fabric.pool_of(packet.src)
    if pool is None or pool.nat_outgoing or fabric.pool_of(packet.dst) is not None:
        return
    yield Suspicion(
        code="calico.nat-outgoing.missing",
        level=Level.INFO,
        where=Where(place=Place("node", node.name)),
        message=(
            f"the packet leaves with the pod's own address {packet.src}: the IPPool {pool.name} has "
            "natOutgoing off, so the answer comes only where somebody routes pods' addresses back"
        ),
        evidence=(f"IPPool {pool.name}: cidr {pool.network}, natOutgoing false",),
        remedy=f"set natOutgoing of IPPool {pool.name}, unless routers outside know the pods",
    )
