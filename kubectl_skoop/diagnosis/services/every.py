"""All services, and what every node does with them: which nodes can be compared, and what is found."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kubectl_skoop.cluster.node import NodeInfo
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.result import Fact, Missing
from kubectl_skoop.diagnosis.services.bounded import bounded
from kubectl_skoop.diagnosis.services.compare import not_masqueraded
from kubectl_skoop.diagnosis.services.health import health_ports
from kubectl_skoop.diagnosis.services.kube_proxy_config import masquerades_all
from kubectl_skoop.diagnosis.services.left_over import Known, left_over, other_modes
from kubectl_skoop.diagnosis.services.meaning import Meaning, Wanted
from kubectl_skoop.diagnosis.services.objects import of_objects
from kubectl_skoop.diagnosis.services.present import Present, obstacle, present
from kubectl_skoop.diagnosis.services.replaced import Replaced, replaced
from kubectl_skoop.diagnosis.services.rules import Kind, Proxy, ServiceRules, restart
from kubectl_skoop.diagnosis.services.shared import Comparisons
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.diagnosis.services.stale import Ends, stale_connections
from kubectl_skoop.diagnosis.unread import missing
from kubectl_skoop.model.listed import listed
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

MAX_DOORS = 10_000_000
"""Addresses and ports of services on nodes that one check compares."""


class Compared(NamedTuple):
    """What comparing the services gave."""

    findings: tuple[Suspicion, ...] = ()
    facts: tuple[Fact, ...] = ()
    unread: tuple[Missing, ...] = ()


class EveryService:
    """What is gathered while nodes are compared, one after another."""

    def __init__(self, ctx: Context, *, by_plugin: bool = False, alone: bool = False) -> None:
        """`by_plugin`: programs of the network plugin serve the services; `alone`: one node will be compared.

        Raises: InputError (proxy mode).
        """
        self._ctx = ctx
        self._by_plugin = by_plugin
        self.meaning, pods = Meaning(ctx.cluster), pod_networks(ctx)
        self.listed = self.meaning.unlisted is None
        """The objects tell who serves the services."""
        networks = Networks(pods)
        self.masqueraded: dict[int, Address] = {}
        """By family, an address of the pods whose connections are to be masqueraded as those from outside."""
        if masquerades_all(ctx.cluster):
            self.masqueraded = {network.version: network.network_address for network in networks}
        given = ctx.given_service_networks
        self.findings: list[Suspicion] = of_objects(ctx.cluster, self.meaning, networks, given)
        self.known = Known(ctx.cluster, self.meaning.all)
        self.configured = ctx.proxy_mode.value
        """The proxy mode; empty: not known."""
        self.comparisons = Comparisons(pods, alone=alone)
        self.ends = Ends(ctx, networks)
        self.unread: dict[Missing, None] = {}
        if self.meaning.services and self.meaning.unlisted is not None:
            self.unread[missing(self.meaning.unlisted)] = None
        self.modes: set[Kind] = set()
        """Of the rules that were compared."""
        self.doors = MAX_DOORS
        """That are left."""
        self.silent: list[tuple[Place, int]] = []
        """Nodes without rules of a proxy for a family."""
        self.left_out: dict[str, list[str]] = {}
        """Nodes by the reason why they were not compared."""

    def compare(self, name: str) -> None:
        """A node that was collected."""
        node, ns = self._ctx.node(name), self._ctx.namespace(Place("node", name))
        if self.meaning.services and node is not None and not isinstance(ns, NotCollected):
            problem = _node(self, node, ns)
            if problem:
                self.left_out.setdefault(problem, []).append(name)

    def compared(self) -> Compared:
        """After all nodes."""
        silent = _silent(self, by_plugin=self._by_plugin) if self.silent else ()
        return Compared(
            (*self.findings, *silent),
            tuple(_left_out(reason, found) for reason, found in self.left_out.items()),
            tuple(self.unread),
        )


def every_service(ctx: Context, names: Sequence[str]) -> Compared:
    """`names`: of the nodes that were collected. Raises: InputError (proxy mode)."""
    services = EveryService(ctx, alone=len(names) == 1)
    for name in names:
        services.compare(name)
    return services.compared()


def pod_networks(ctx: Context) -> tuple[str, ...]:
    """As written; of those that the user gives the nodes' ranges that are in none are left out."""
    written = (one.strip() for one in ctx.cluster_cidr.value.split(","))
    return (*filter(None, written), *(one for node in ctx.cluster.nodes() for one in ctx.pod_cidrs_of(node)))


def _node(nodes: EveryService, node: NodeInfo, ns: NetworkNamespace) -> str:
    """Why the node cannot be compared; empty: it was."""
    place = Place("node", node.name)
    found = {family: present(ns, family, nodes.configured, bare=True) for family in (4, 6)}
    instead = replaced(nodes.known.cluster, ns)
    if instead is not None and (instead.certain or not any(each.used for each in found.values())):
        nodes.findings += _beside(found, place, instead)
        return instead.reason
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
    proxies = {each.used.proxy for each in found.values() if each.used is not None}
    proxy: Proxy = "kube-router" if "kube-router" in proxies else "kube-proxy"
    wanted = [*nodes.meaning.of_node(node, own, kube_router=proxy == "kube-router")]
    nodes.doors -= len(wanted)
    if nodes.doors < 0:
        return f"more than {MAX_DOORS} addresses and ports of services"
    for family in sorted({each.door.address.version for each in wanted}):
        of_family = [each for each in wanted if each.door.address.version == family]
        _family(nodes, node, found[family], of_family)
    if not nodes.listed:
        return "the objects do not tell who serves the services"
    nodes.findings += bounded([*health_ports(ns, place, nodes.meaning, proxy)])
    nodes.findings += bounded([*stale_connections(ns, place, wanted, nodes.ends)])
    return ""


def _beside(found: Mapping[int, Present], place: Place, instead: Replaced) -> Iterator[Suspicion]:
    for family, each in found.items():
        if each.used is not None:
            yield Suspicion(
                code="service.two-modes",
                level=Level.WARNING,
                where=Where(place=place),
                message=f"there are rules of {each.used.proxy} for IPv{family}, {each.used.title}, beside "
                "BPF programs that serve the services: what these do not take meets the rules",
                evidence=(instead.reason, each.used.title),
                remedy=f"remove {each.used.proxy}, and then what it left: {each.used.proxy} --cleanup",
            )


def _family(nodes: EveryService, node: NodeInfo, found: Present, wanted: Sequence[Wanted]) -> None:
    rules, place = found.used, Place("node", node.name)
    family = wanted[0].door.address.version
    if rules is None:
        nodes.silent.append((place, family))
        return
    nodes.modes.add(rules.mode)
    nodes.findings += rules.shared_faults(place)
    nodes.findings += other_modes(found, place, family, nodes.configured)
    nodes.findings += _unserved_node_ports(nodes, rules, wanted, node)
    nodes.findings += _spares_pods(nodes, rules, wanted, place)
    if nodes.listed:
        nodes.findings += bounded(_doors(nodes, rules, wanted, place))
    nodes.findings += bounded([*left_over(rules, nodes.known, place)])


def _doors(
    nodes: EveryService, rules: ServiceRules, wanted: Sequence[Wanted], place: Place
) -> list[Suspicion]:
    """Each service port once for each code, at the first of its doors that shows it."""
    findings: dict[tuple[object, ...], Suspicion] = {}
    bare: list[Wanted] = []
    masqueraded = 0
    comparison = nodes.comparisons.of_node(rules, wanted[0].door.address.version, place)
    for each in wanted:
        compared = comparison.of(each)
        if compared.unread:
            gap = Missing(f"{place}: service {each.service.key} at {each.door}", "unread", compared.unread)
            nodes.unread[gap] = None
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


def _spares_pods(
    nodes: EveryService, rules: ServiceRules, wanted: Sequence[Wanted], place: Place
) -> Iterator[Suspicion]:
    """One finding a node: kube-proxy reads its configuration when it starts."""
    client = nodes.masqueraded.get(wanted[0].door.address.version)
    if client is None or rules.proxy != "kube-proxy":
        return
    for each in wanted:
        if each.door.kind != "cluster":
            continue
        spared = [
            leaf for leaf in rules.follow(each.door, client) if leaf.target and not leaf.masquerades(client)
        ]
        if spared:
            yield Suspicion(
                code="service.missing-masquerade",
                level=Level.WARNING,
                where=Where(place=place),
                message="kube-proxy's configuration says masqueradeAll, but its rules spare the pods",
                evidence=(
                    f"{client} to {each.service.key} at {each.door}",
                    *(step.text for step in spared[0].steps),
                ),
                remedy=restart(rules.proxy),
            )
            return


def _unserved_node_ports(
    nodes: EveryService, rules: ServiceRules, wanted: Sequence[Wanted], node: NodeInfo
) -> list[Suspicion]:
    """No rule sends the node's own addresses to the node ports, and the configuration does not say so."""
    if any(each.door.kind == "node-port" for each in wanted) or nodes.known.node_port_addresses:
        return []
    if not rules.habits.needs_node_ports():
        return []
    family = wanted[0].door.address.version
    having = next((each for each in wanted if each.port.node_port), None)
    if having is None or not any(one.version == family for one in node.addresses):
        return []
    return [
        Suspicion(
            code="service.no-rules",
            level=Level.CRITICAL,
            where=Where(place=Place("node", node.name)),
            message=f"no rule leads from the node's addresses to node ports (IPv{family})",
            evidence=(f"{rules.dispatch}: nothing leads to node ports", f"service {having.service.key}"),
            remedy=restart(rules.proxy),
        )
    ]


def _silent(nodes: EveryService, *, by_plugin: bool) -> list[Suspicion]:
    """Another program may serve the services of nodes without rules, unless other nodes have some."""
    expected = nodes.configured or ", ".join(sorted(nodes.modes))
    if expected and not by_plugin:
        return [_no_rules(place, family, expected) for place, family in nodes.silent]
    named = dict.fromkeys(place.name for place, _ in nodes.silent)
    why = "programs of the network plugin serve them" if by_plugin else "proxy mode not known"
    nodes.left_out.setdefault(why, []).extend(named)
    return []


def _no_rules(place: Place, family: int, expected: str) -> Suspicion:
    proxy = "kube-router" if expected == "kube-router" else "kube-proxy"
    return Suspicion(
        code="service.no-rules",
        level=Level.CRITICAL,
        where=Where(place=place),
        message=f"no rules of {proxy} for IPv{family}: no service works there",
        evidence=(f"looked for: mode {expected}, and rules of the other modes",),
        remedy=f"see whether {proxy} runs on this node and in which mode: kubectl -n kube-system logs",
    )


def _left_out(reason: str, nodes: Sequence[str]) -> Fact:
    return Fact(name="services not compared", value=listed(nodes), source=reason)
