"""Annotations that Calico needs and a node lacks."""

from kubectl_skoop.api import Level, NodeInfo, Place, Suspicion, Where


def no_annotation(node: NodeInfo, annotation: str, effect: str) -> Suspicion:
    written = node.annotations.get(annotation, "")
    how = f"is no address: {written}" if written else "is missing"
    return Suspicion(
        code="calico.annotation.missing",
        level=Level.WARNING,
        where=Where(place=Place("node", node.name)),
        message=f"the annotation {annotation} of node {node.name} {how}: {effect}",
        evidence=(f"node {node.name}: {annotation}: {written or 'absent'}",),
        remedy=f"look at the log of calico-node on {node.name}; it writes the annotation when it starts",
    )
