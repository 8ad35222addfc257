"""What a node wants of its own blocks, and of their claims."""

from collections.abc import Sequence

from kubectl_skoop.api import Level, NodeInfo, Place, PodInfo, Suspicion, Where, Wishes, expect
from kubectl_skoop.plugins.calico.fabric import Fabric
from kubectl_skoop.plugins.calico.ipam import Affinity


def own(fabric: Fabric, node: NodeInfo, pods: Sequence[PodInfo]) -> Wishes:
    """Packets for addresses of a block that no pod has must not go back to where they came from."""
    blocks = {
        pool.block_of(address): None
        for pod in pods
        for address in pod.addresses
        if (pool := fabric.pool_of(address)) is not None
    }
    for block in blocks:
        if block.num_addresses > 1 and fabric.blocks.owners(block) == {node.name}:
            because = "BIRD or Felix adds it with the node's block, against loops"
            yield expect.route(block, type="blackhole", because=because)


def claims(fabric: Fabric, node: NodeInfo) -> Wishes:
    for affinity, other in fabric.blocks.clashes.get(node.name, ()):
        yield _claimed_twice(affinity, other)


def _claimed_twice(affinity: Affinity, other: Affinity) -> Suspicion:
    return Suspicion(
        code="calico.block.differs",
        level=Level.WARNING,
        where=Where(place=Place("node", affinity.node)),
        message=(
            f"the block {affinity.block} of node {affinity.node} has addresses that node {other.node} has in "
            f"its block {other.block}, too: other nodes split or lose the packets for them"
        ),
        evidence=tuple(f"BlockAffinity: {one.block} of node {one.node}" for one in (affinity, other)),
        remedy="calicoctl ipam check, then delete the BlockAffinity of the node without pods in the block",
    )
