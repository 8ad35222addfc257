"""Without a flow: what the plugin wants on nodes and pods, what must be unique, nodes, services, underlay."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.diagnosis import address_plan
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.interface import NetNodeAction, Passing, Wishes
from kubectl_skoop.diagnosis.extension.registry import Setup, set_up, unspoken
from kubectl_skoop.diagnosis.findings import Each, Merged
from kubectl_skoop.diagnosis.garbage import searched_often
from kubectl_skoop.diagnosis.limits.found import of_namespace, of_node
from kubectl_skoop.diagnosis.limits.measured import Measurements
from kubectl_skoop.diagnosis.policies.check import EveryPolicy
from kubectl_skoop.diagnosis.readiness import agents_not_ready, just_added, not_ready
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check, Fact, Missing
from kubectl_skoop.diagnosis.services.every import EveryService
from kubectl_skoop.diagnosis.underlay_check import UnderlayCheck
from kubectl_skoop.diagnosis.unique import Duplicates
from kubectl_skoop.diagnosis.unread import missing, unread
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Packet, Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion, worst_first
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.index import NodeEntry
from kubectl_skoop.snapshot.source import Snapshot

NEEDED = ("Node", "Service")
"""Kinds of objects without which nothing is compared with a node, or with its rules."""
MAX_PEERS = 64
"""Other nodes that each node is compared with."""
Watch = Callable[[str, str], None]
"""Is told the node that is checked, and how far that is."""


def unwatched(node: str, progress: str) -> None:
    pass


def check(source: Snapshot, options: Options, watch: Watch = unwatched) -> Check:
    """The same thing at many places is told once. Raises: InputError (options), PluginError."""
    return _check(source, options, Merged(), watch)


def check_each(source: Snapshot, options: Options, watch: Watch = unwatched) -> Check:
    """Each finding at its own place. Raises: InputError (options), PluginError."""
    return _check(source, options, Each(), watch)


def _check(source: Snapshot, options: Options, found: "Merged | Each", watch: Watch) -> Check:
    """Node after node, so that what was read of one can go when the next one comes."""
    cluster = Cluster(source)
    source.prefetch(node.name for node in cluster.nodes())
    setup = set_up(Context(source=source, cluster=cluster, options=options))
    names = source.nodes()
    cluster.pods()
    pods = {name: setup.ctx.pods_of(name) for name in names}
    found.add(setup.remarks)
    found.add(unspoken(setup.facts))
    gaps: dict[Missing, None] = {}
    pods_unread: set[str] = set()
    duplicates = Duplicates(setup.ctx, pods)
    by_plugin = setup.plugin.serves_services()
    if isinstance(by_plugin, Suspicion):
        found.add([by_plugin])
    services = EveryService(setup.ctx, by_plugin=by_plugin is True, alone=len(names) == 1)
    policies, underlay = EveryPolicy(setup), UnderlayCheck(setup, pods)
    with _settled(), searched_often():
        for position, name in enumerate(names):
            watch(name, f"is checked, {position + 1:,} of {len(names):,}")
            peers = [*names[position + 1 :], *names[:position]][:MAX_PEERS]
            found.add(_node(setup, name, pods[name], [pods[peer][0] for peer in peers if pods[peer]], gaps))
            found.add(_limits(setup.ctx, name, pods[name], gaps))
            duplicates.see(name, pods[name])
            services.compare(name)
            policies.compare(name)
            underlay.see(name)
            pods_unread.update(_unread_pods(source, name))
            source.forget(name)
    compared = services.compared()
    found.add(not_ready(cluster.nodes()))
    found.add(agents_not_ready(setup, cluster.nodes()))
    found.add(duplicates.findings())
    found.add(address_plan.findings(cluster))
    found.add(compared.findings)
    found.add(policies.findings())
    asked = underlay.asked()
    found.add(asked.findings)
    found.add(just_added(setup.ctx, cluster.nodes(), found.all()))
    facts = [*setup.facts, *compared.facts, *policies.facts(), *asked.facts]
    if len(names) > MAX_PEERS + 1:
        facts.append(Fact(name="peers compared", value=str(MAX_PEERS), source=f"of {len(names) - 1} a node"))
    if pods_unread := pods_unread - {gap.what for gap in source.missing}:
        number = str(len(pods_unread))
        facts.append(Fact(name="pods not read", value=number, source="ended, or not found on their nodes"))
    return Check(
        suspicions=worst_first(found.all()),
        facts=tuple(facts),
        missing=tuple(dict.fromkeys((*_missing(source), *gaps, *compared.unread))),
    )


@contextmanager
def _settled() -> Iterator[None]:
    """What was made of the objects stays to the end: searches for cycles pass it by."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _node(
    setup: Setup,
    name: str,
    own: tuple[PodInfo, ...],
    remote: list[PodInfo],
    gaps: dict[Missing, None],
) -> Iterator[Suspicion]:
    node = setup.ctx.node(name)
    if node is not None:
        action = setup.plugin.create_node(node)
        sources = own[0].addresses if own else node.addresses
        yield from _compare(setup, action, _node_wishes(action, [*own, *remote], sources), gaps)
    for pod in own:
        pod_action = setup.plugin.create_pod(pod)
        yield from _compare(setup, pod_action, pod_action.always(), gaps)


def _limits(
    ctx: Context, name: str, pods: tuple[PodInfo, ...], gaps: dict[Missing, None]
) -> Iterator[Suspicion]:
    measurements = Measurements(ctx.source)
    places = [
        Place("node", name),
        *(Place("pod", pod.key) for pod in pods if not pod.host_network),
    ]
    states = (ctx.namespace(place) for place in places)
    namespaces = [ns for ns in states if not isinstance(ns, NotCollected)]
    for ns in namespaces:
        measured = measurements.of(ns)
        gaps |= dict.fromkeys(unread(ns.place, measured.unread))
        if ns.place.kind == "node":
            yield from of_node(measured, namespaces)
        yield from of_namespace(measured)


def _node_wishes(action: NetNodeAction, pods: list[PodInfo], sources: tuple[Address, ...]) -> Wishes:
    yield from action.always()
    for pod in pods:
        for address in pod.addresses:
            source = next((own for own in sources if own.version == address.version), None)
            if source is not None:
                packet = Packet(src=source, dst=address, protocol=Protocol.TCP, dport=80)
                yield from action.wishes(Passing(upstream=None, arrived=packet, left=(packet,)))


def _compare(
    setup: Setup, action: NetNodeAction, wishes: Wishes, gaps: dict[Missing, None]
) -> Iterator[Suspicion]:
    ns = setup.ctx.namespace(action.place)
    if isinstance(ns, NotCollected):
        return
    gaps |= dict.fromkeys(unread(action.place, ns.gaps))
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


def _missing(source: Snapshot) -> Iterator[Missing]:
    yield from map(missing, filter(_is_gap, source.missing))
    told = {gap.what for gap in source.missing}
    for what in (f"objects/{kind}" for kind in NEEDED if kind not in source.kinds()):
        if what not in told:
            yield missing(NotCollected(what, "not collected"))


def _unread_pods(source: Snapshot, node: str) -> Iterator[str]:
    """Of which the agent found no namespace: for the most part they have ended, so they are no gap."""
    entry = source.node(node)
    lost = entry.lost if isinstance(entry, NodeEntry) else ()
    yield from (line.partition(":")[0] for line in lost if line.startswith("pod/"))


def _is_gap(entry: NotCollected) -> bool:
    """That nobody asked the cloud its provider remarks; the network is taken to carry everything then."""
    return not (entry.what.startswith("infra/") and entry.state == "not collected")
