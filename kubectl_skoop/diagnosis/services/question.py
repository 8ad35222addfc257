"""The service that a diagnosis asks for, compared with the rules of the node that the flow starts on."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.services.compare import compare_door
from kubectl_skoop.diagnosis.services.every import pod_networks
from kubectl_skoop.diagnosis.services.intent import PROTOCOL_NAMES
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.present import Present, obstacle, present
from kubectl_skoop.diagnosis.services.replaced import replaced
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

KEPT = 8
"""Rules for services, of a node and family each, that the next questions may ask again."""


def in_question(ctx: Context, probe: Probe, told: Collection[Suspicion]) -> Iterator[Suspicion]:
    """As warnings; what is already told of the service is not repeated."""
    if probe.destination.kind not in ("service", "lb"):
        return
    node = ctx.node(_node_name(ctx, probe))
    place = Place("node", node.name) if node is not None else None
    ns = ctx.namespace(place) if place is not None else None
    if node is None or place is None or ns is None or isinstance(ns, NotCollected):
        return
    family = probe.destination.address.version
    rules = _present(ctx, ns, family).used
    instead = replaced(ctx.cluster, ns)
    if rules is None or obstacle(ns, rules) or (instead is not None and instead.certain):
        return
    known = {finding.code for finding in told}
    asked = (probe.destination.address, probe.dport, PROTOCOL_NAMES.get(probe.protocol, "").lower())
    service = ctx.cluster.service(probe.destination.name)
    meaning = Meaning(ctx.cluster, service)
    if meaning.unlisted is not None:
        return
    for wanted in meaning.of_node(node, kube_router=rules.proxy == "kube-router"):
        door = wanted.door
        if (door.address, door.port, door.protocol) == asked:
            for finding in compare_door(rules, wanted, place, pod_networks(ctx)).findings:
                if finding.code not in known:
                    yield replace(finding, level=Level.WARNING)


def _present(ctx: Context, ns: NetworkNamespace, family: int) -> Present:
    kept, key = ctx.service_rules, (ns.id, family)
    if key not in kept:
        if len(kept) == KEPT:
            del kept[next(iter(kept))]
        kept[key] = present(ns, family, ctx.proxy_mode.value)
    return kept[key]


def _node_name(ctx: Context, probe: Probe) -> str:
    """Where the flow starts; empty: outside of the cluster."""
    if probe.source.kind == "pod":
        pod = ctx.pod(probe.source.name)
        return pod.node if pod is not None else ""
    return probe.source.name if probe.source.kind == "node" else ""
