"""Nodes that are not ready, or new, and agents that are not ready there: what they set up may be missing."""

import time
from collections.abc import Iterable, Iterator

from kubectl_skoop.cluster.objects import NodeInfo, PodInfo
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.registry import Setup
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

NEW = 300.0
"""Seconds since a node joined; mostly its agents have their images and are ready in less."""


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


def agents_not_ready(setup: Setup, nodes: Iterable[NodeInfo]) -> Iterator[Suspicion]:
    """Of the CNI: its pods on these nodes, all of which are in one namespace."""
    names = {node.name for node in nodes}
    if setup.agent is None or not names:
        return
    for pod in setup.ctx.cluster.pods(setup.agent.namespace):
        if pod.node in names and pod.controller == setup.agent and pod.ready is False and not pod.finished:
            yield Suspicion(
                code="agent.not-ready",
                level=Level.WARNING,
                where=Where(place=Place("node", pod.node)),
                message=f"{pod.key}, the agent of {setup.network.plugin.name} on node {pod.node}, is not "
                "ready: what it sets up there may be missing or old",
                evidence=tuple(_unready(pod)),
                remedy=f"kubectl logs -n {pod.namespace} {pod.name} --all-containers",
            )


def _unready(pod: PodInfo) -> Iterator[str]:
    for container in pod.containers:
        if container.ready is False:
            state = container.waiting or "not ready"
            yield f"container {container.name}: {state}, started anew {container.restarts} times"


def just_added(
    ctx: Context, nodes: Iterable[NodeInfo], found: Iterable[Suspicion] | None = None
) -> Iterator[Suspicion]:
    """Of `found`, where it is given, something must be about the node."""
    added = [
        (node, born, ctx.source.read_at(node.name)) for node in nodes if (born := node.created) is not None
    ]
    new = [(node, born, read) for node, born, read in added if 0 <= read - born < NEW]
    concerned = set(_concerned(ctx, found)) if new and found is not None else None
    for node, born, read in new:
        if concerned is None or node.name in concerned:
            yield Suspicion(
                code="node.just-added",
                level=Level.INFO,
                where=Where(place=Place("node", node.name)),
                message=f"node {node.name} joined the cluster {read - born:.0f} s before it was read: its "
                "agents, and those of the other nodes, may not have set up everything for it yet",
                evidence=(f"creationTimestamp: {_utc(born)}", f"read: {_utc(read)}"),
                remedy="wait until its agents are ready, then diagnose again: "
                f"kubectl get pods -A -o wide --field-selector spec.nodeName={node.name}",
            )


def _concerned(ctx: Context, found: Iterable[Suspicion]) -> Iterator[str]:
    """Nodes that findings are about, by their pods, too, if these are more than good to know."""
    for one in found:
        if one.level > Level.INFO:
            for place in (one.where.place, *one.about):
                if place is not None and place.kind == "node":
                    yield place.name
                elif place is not None and place.kind == "pod" and (pod := ctx.pod(place.name)) is not None:
                    yield pod.node


def _utc(seconds: float) -> str:
    """As the API server writes times."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
