"""Nodes that their own kubelet, or its silence, says are not ready: agents on them may not run."""

from collections.abc import Iterable, Iterator

from kubectl_skoop.cluster.objects import NodeInfo
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion


def not_ready(nodes: Iterable[NodeInfo]) -> Iterator[Suspicion]:
    for node in nodes:
        if node.not_ready:
            yield Suspicion(
                code="node.not-ready",
                level=Level.WARNING,
                where=Where(place=Place("node", node.name)),
                message=f"node {node.name} is not ready: what its agents set up may be old",
                evidence=(f"condition Ready: {node.not_ready}",),
                remedy=f"kubectl describe node {node.name}",
            )
