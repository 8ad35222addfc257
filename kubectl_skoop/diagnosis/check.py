"""Without a flow: what the plugin wants on nodes and pods, what must be unique, services, the underlay."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.diagnosis import address_plan, policy_intent
from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.diagnosis.expectation import Expectation
from kubectl_skoop.diagnosis.interface import NetNodeAction, Passing, Wishes
from kubectl_skoop.diagnosis.registry import Setup, set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check, Fact, Missing
from kubectl_skoop.diagnosis.services.every import every_service
from kubectl_skoop.diagnosis.underlay_check import of_underlay
from kubectl_skoop.diagnosis.unique import duplicates
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Packet, Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.source import Snapshot

MAX_PEERS = 64
"""Other nodes that each node is compared with."""
MAX_NAMED = 5
"""Places that a finding names when it is the same at many."""


def check(source: Snapshot, options: Options) -> Check:
    """The same thing at many places is told once. Raises: InputError (options), PluginError."""
    found = check_each(source, options)
    return found._replace(suspicions=_worst_first(merged(found.suspicions)))


def check_each(source: Snapshot, options: Options) -> Check:
    """Each finding at its own place. Raises: InputError (options), PluginError."""
    cluster = Cluster(source)
    source.prefetch(node.name for node in cluster.nodes())
    setup = set_up(Context(source=source, cluster=cluster, options=options))
    names = source.nodes()
    pods = {name: setup.ctx.pods_of(name) for name in names}
    found: list[Suspicion] = [*setup.remarks]
    unread: dict[Missing, None] = {}
    for position, name in enumerate(names):
        peers = [*names[position + 1 :], *names[:position]][:MAX_PEERS]
        found += _node(setup, name, pods[name], [pods[peer][0] for peer in peers if pods[peer]], unread)
    found += duplicates(setup.ctx, pods)
    found += address_plan.findings(cluster)
    services = every_service(setup.ctx, names)
    found += services.findings
    found += policy_intent.of_cluster(setup)
    underlay = of_underlay(setup, pods)
    found += underlay.findings
    facts = [*setup.facts, *services.facts, *underlay.facts]
    if len(names) > MAX_PEERS + 1:
        facts.append(Fact(name="peers compared", value=str(MAX_PEERS), source=f"of {len(names) - 1} a node"))
    return Check(
        suspicions=_worst_first(found),
        facts=tuple(facts),
        missing=(*map(_missing, filter(_is_gap, source.missing)), *unread, *services.unread),
    )


def _node(
    setup: Setup,
    name: str,
    own: tuple[PodInfo, ...],
    remote: list[PodInfo],
    unread: dict[Missing, None],
) -> Iterator[Suspicion]:
    node = setup.ctx.node(name)
    if node is not None:
        action = setup.plugin.create_node(node)
        sources = own[0].addresses if own else node.addresses
        yield from _compare(setup, action, _node_wishes(action, [*own, *remote], sources), unread)
    for pod in own:
        pod_action = setup.plugin.create_pod(pod)
        yield from _compare(setup, pod_action, pod_action.always(), unread)


def _node_wishes(action: NetNodeAction, pods: list[PodInfo], sources: tuple[Address, ...]) -> Wishes:
    yield from action.always()
    for pod in pods:
        for address in pod.addresses:
            source = next((own for own in sources if own.version == address.version), None)
            if source is not None:
                packet = Packet(src=source, dst=address, protocol=Protocol.TCP, dport=80)
                yield from action.wishes(Passing(upstream=None, arrived=packet, left=(packet,)))


def _compare(
    setup: Setup, action: NetNodeAction, wishes: Wishes, unread: dict[Missing, None]
) -> Iterator[Suspicion]:
    ns = setup.ctx.namespace(action.place)
    if isinstance(ns, NotCollected):
        return
    for section, reason in ns.gaps.items():
        state, _, why = reason.partition(": ")
        unread[Missing(what=f"{action.place}/{section}", state=state, reason=why)] = None
    for wish in dict.fromkeys(wishes):
        finding = _finding(setup.network.plugin.name, action.place, ns, wish)
        if finding is not None:
            yield finding


def _finding(
    plugin: str, place: Place, ns: NetworkNamespace, wish: Expectation | Suspicion
) -> Suspicion | None:
    if isinstance(wish, Suspicion):
        return wish
    deviation = wish.compare(ns)
    if deviation is None or deviation.state == "unreadable":
        return None
    return deviation.suspicion(plugin, place)


def _worst_first(found: Iterable[Suspicion]) -> tuple[Suspicion, ...]:
    return tuple(sorted(found, key=lambda finding: -finding.level))


def merged(findings: Iterable[Suspicion]) -> Iterator[Suspicion]:
    """The same thing wrong at many places is one finding that names some of them."""
    groups: dict[tuple[str, str, str], dict[str, Suspicion]] = {}
    for finding in findings:
        key = (finding.code, finding.message, finding.where.device)
        groups.setdefault(key, {})[str(finding.where.place)] = finding
    for group in groups.values():
        first = next(iter(group.values()))
        if len(group) == 1:
            yield first
            continue
        named = ", ".join(islice(group, MAX_NAMED)) + (" …" if len(group) > MAX_NAMED else "")
        evidence = dict.fromkeys(text for finding in group.values() for text in finding.evidence)
        yield replace(
            first,
            where=replace(first.where, place=None),
            message=f"{first.message} (at {len(group)} places: {named})",
            evidence=tuple(islice(evidence, 2 * MAX_NAMED)),
        )


def _is_gap(entry: NotCollected) -> bool:
    """That nobody asked the cloud its provider remarks; the network is taken to carry everything then."""
    return not (entry.what.startswith("infra/") and entry.state == "not collected")


def _missing(entry: NotCollected) -> Missing:
    return Missing(what=entry.what, state=entry.state, reason=entry.reason)
