"""All services, and what every node does with them: which nodes can be compared, and what is found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.diagnosis.kube_proxy_config import Mode
from kubectl_skoop.diagnosis.result import Fact, Missing
from kubectl_skoop.diagnosis.services.bounded import bounded
from kubectl_skoop.diagnosis.services.compare import compare_door, not_masqueraded
from kubectl_skoop.diagnosis.services.health import health_ports
from kubectl_skoop.diagnosis.services.left_over import Known, left_over, other_modes
from kubectl_skoop.diagnosis.services.meaning import Meaning, Wanted
from kubectl_skoop.diagnosis.services.objects import of_objects
from kubectl_skoop.diagnosis.services.present import Present, obstacle, present
from kubectl_skoop.diagnosis.services.rules import RESTART, ServiceRules
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.diagnosis.services.stale import Ends, stale_connections
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

MAX_DOORS = 1_000_000
"""Addresses and ports of services on nodes that one check compares."""
MAX_NAMED = 5
"""Nodes that a fact names."""


class Compared(NamedTuple):
    """What comparing the services gave."""

    findings: tuple[Suspicion, ...] = ()
    facts: tuple[Fact, ...] = ()
    unread: tuple[Missing, ...] = ()


@dataclass(slots=True)
class _Nodes:
    """What is gathered while nodes are compared."""

    meaning: Meaning
    known: Known
    configured: str
    """The proxy mode; empty: not known."""
    pods: tuple[str, ...]
    """Networks of all pods."""
    ends: Ends
    findings: list[Suspicion] = field(default_factory=list)
    unread: dict[Missing, None] = field(default_factory=dict)
    modes: set[Mode] = field(default_factory=set)
    """Of the rules that were compared."""
    doors: int = MAX_DOORS
    """That are left."""
    silent: list[tuple[Place, int]] = field(default_factory=list)
    """Nodes without rules of kube-proxy for a family."""
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Nodes by the reason why they were not compared."""


def every_service(ctx: Context, names: Sequence[str]) -> Compared:
    """`names`: of the nodes that were collected. Raises: InputError (proxy mode)."""
    meaning, pods = Meaning(ctx.cluster), pod_networks(ctx)
    networks = Networks(pods)
    of_themselves = of_objects(ctx.cluster, meaning, networks)
    if not meaning.services:
        return Compared(tuple(of_themselves))
    known, ends = Known(ctx.cluster, meaning.all), Ends(ctx, networks)
    nodes = _Nodes(meaning, known, ctx.proxy_mode.value, pods, ends, of_themselves)
    for name in names:
        node, ns = ctx.node(name), ctx.namespace(Place("node", name))
        if node is not None and not isinstance(ns, NotCollected):
            problem = _node(nodes, node, ns)
            if problem:
                nodes.left_out.setdefault(problem, []).append(name)
    if nodes.silent:
        by_plugin = ctx.chosen is not None and ctx.chosen.serves_services()
        nodes.findings += _silent(nodes, by_plugin=by_plugin)
    return Compared(
        tuple(nodes.findings),
        tuple(_left_out(reason, found) for reason, found in nodes.left_out.items()),
        tuple(nodes.unread),
    )


def pod_networks(ctx: Context) -> tuple[str, ...]:
    written = (one.strip() for one in ctx.cluster_cidr.value.split(","))
    return (*filter(None, written), *(one for node in ctx.cluster.nodes() for one in node.pod_cidrs))


def _node(nodes: _Nodes, node: NodeInfo, ns: NetworkNamespace) -> str:
    """Why the node cannot be compared; empty: it was."""
    place = Place("node", node.name)
    found = {family: present(ns, family, nodes.configured) for family in (4, 6)}
    for each in found.values():
        problem = obstacle(ns, each.used)
        if problem:
            return problem
    own = [
        address
        for family, each in found.items()
        if each.used is not None
        for address in each.used.node_ports(one for one in node.addresses if one.version == family)
    ]
    wanted = [*nodes.meaning.of_node(node, own)]
    nodes.doors -= len(wanted)
    if nodes.doors < 0:
        return f"more than {MAX_DOORS} addresses and ports of services"
    for family in sorted({each.door.address.version for each in wanted}):
        of_family = [each for each in wanted if each.door.address.version == family]
        _family(nodes, place, ns, found[family], of_family)
    nodes.findings += bounded([*health_ports(ns, place, nodes.meaning)])
    nodes.findings += bounded([*stale_connections(ns, place, wanted, nodes.ends)])
    return ""


def _family(
    nodes: _Nodes, place: Place, ns: NetworkNamespace, found: Present, wanted: Sequence[Wanted]
) -> None:
    rules = found.used
    family = wanted[0].door.address.version
    if rules is None:
        nodes.silent.append((place, family))
        return
    nodes.modes.add(rules.mode)
    nodes.findings += rules.shared_faults(place)
    nodes.findings += other_modes(found, place, family, nodes.configured)
    nodes.findings += _unserved_node_ports(nodes, rules, wanted, place)
    nodes.findings += bounded(_doors(nodes, rules, wanted, place))
    nodes.findings += bounded([*left_over(rules, nodes.known, place)])


def _doors(nodes: _Nodes, rules: ServiceRules, wanted: Sequence[Wanted], place: Place) -> list[Suspicion]:
    """Each service port once for each code, at the first of its doors that shows it."""
    findings: dict[tuple[object, ...], Suspicion] = {}
    bare: list[Wanted] = []
    masqueraded = 0
    for each in wanted:
        compared = compare_door(rules, each, place, nodes.pods)
        if compared.unread:
            missing = Missing(
                f"{place}: service {each.service.key} at {each.door}", "unread", compared.unread
            )
            nodes.unread[missing] = None
        for finding in compared.findings:
            findings.setdefault((each.service.key, each.port, finding.code), finding)
        if each.door.kind == "cluster" and not compared.findings:
            masqueraded += compared.masquerades_outside is True
            if compared.masquerades_outside is False:
                bare.append(each)
    if len(bare) < masqueraded:
        for each in bare:
            finding = not_masqueraded(rules, each, place)
            findings.setdefault((each.service.key, each.port, finding.code), finding)
    return list(findings.values())


def _unserved_node_ports(
    nodes: _Nodes, rules: ServiceRules, wanted: Sequence[Wanted], place: Place
) -> list[Suspicion]:
    """No rule sends the node's own addresses to the node ports, and the configuration does not say so."""
    if any(each.door.kind == "node-port" for each in wanted) or nodes.known.node_port_addresses:
        return []
    family = wanted[0].door.address.version
    having = next((each for each in wanted if each.port.node_port), None)
    if having is None or not nodes.known.has_address(place, family):
        return []
    return [
        Suspicion(
            code="service.no-rules",
            level=Level.CRITICAL,
            where=Where(place=place),
            message=f"no rule leads from the node's addresses to node ports (IPv{family})",
            evidence=(f"{rules.dispatch}: nothing leads to node ports", f"service {having.service.key}"),
            remedy=RESTART,
        )
    ]


def _silent(nodes: _Nodes, *, by_plugin: bool) -> list[Suspicion]:
    """Another program may serve the services of nodes without rules, unless other nodes have some."""
    expected = nodes.configured or ", ".join(sorted(nodes.modes))
    if expected and not by_plugin:
        return [_no_rules(place, family, expected) for place, family in nodes.silent]
    named = dict.fromkeys(place.name for place, _ in nodes.silent)
    why = "programs of the network plugin serve them" if by_plugin else "proxy mode not known"
    nodes.left_out.setdefault(why, []).extend(named)
    return []


def _no_rules(place: Place, family: int, expected: str) -> Suspicion:
    return Suspicion(
        code="service.no-rules",
        level=Level.CRITICAL,
        where=Where(place=place),
        message=f"no rules of kube-proxy for IPv{family}: no service works there",
        evidence=(f"looked for: mode {expected}, and rules of the other modes",),
        remedy="see whether kube-proxy runs on this node and in which mode: kubectl -n kube-system logs",
    )


def _left_out(reason: str, nodes: Sequence[str]) -> Fact:
    named = ", ".join(nodes[:MAX_NAMED]) + (
        f" and {len(nodes) - MAX_NAMED} more" if nodes[MAX_NAMED:] else ""
    )
    return Fact(name="services not compared", value=named, source=reason)
