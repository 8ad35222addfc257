"""What is seen in objects only: flanneld of other nodes has nothing to go by."""

from kubectl_skoop.api import Address, Level, NodeInfo, Place, Suspicion, Where
from kubectl_skoop.plugins.flannel.settings import BackendType


def no_annotation(node: NodeInfo, name: str) -> Suspicion:
    return Suspicion(
        code="flannel.annotation.missing",
        level=Level.WARNING,
        where=Where(place=Place("node", node.name)),
        message=f"node {node.name} has no usable annotation {name}: other nodes cannot reach its pods",
        evidence=(f"{name}: {node.annotations.get(name, 'absent')}",),
        remedy=f"look at the log of flanneld on {node.name}; it writes the annotation when it starts",
    )


def foreign_public_ip(node: NodeInfo, name: str, address: Address) -> Suspicion:
    return Suspicion(
        code="flannel.public-ip.foreign",
        level=Level.INFO,
        where=Where(place=Place("node", node.name)),
        message=f"no device of node {node.name} has the address {address}, which other nodes send to: "
        "something between them must translate it",
        evidence=(f"{name}: {address}",),
        remedy=f"remove the annotation and restart flanneld on {node.name}, or give it --iface",
    )


def unreadable(source: str, problem: str) -> Suspicion:
    return Suspicion(
        code="flannel.configuration.unreadable",
        level=Level.WARNING,
        where=Where(),
        message=f"flanneld does not start with net-conf.json of {source}: {problem}",
        evidence=(f"net-conf.json: {problem}",),
        remedy="correct net-conf.json, and restart flanneld on all nodes",
    )


def no_pod_cidr(node: NodeInfo) -> Suspicion:
    return Suspicion(
        code="flannel.pod-cidr.missing",
        level=Level.WARNING,
        where=Where(place=Place("node", node.name)),
        message=f"node {node.name} has no podCIDR, which flanneld needs",
        remedy="run kube-controller-manager with --allocate-node-cidrs",
    )


def other_backend(node: NodeInfo, own: BackendType, peer: NodeInfo, theirs: BackendType) -> Suspicion:
    return Suspicion(
        code="flannel.backend.differs",
        level=Level.WARNING,
        where=Where(place=Place("node", node.name)),
        message=f"flanneld on {node.name} has the backend {own}, that on {peer.name} {theirs}: "
        "each ignores the other's node",
        evidence=(f"{node.name}: {own}", f"{peer.name}: {theirs}"),
        remedy="restart flanneld on the node that has not read the ConfigMap anew",
    )
