"""All services on every node: which nodes can be compared, and what is found there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.diagnosis.result import Fact, Missing
from kubectl_skoop.diagnosis.services.compare import (
    RESTART,
    compare_door,
    compare_masquerade,
    not_masqueraded,
)
from kubectl_skoop.diagnosis.services.found import NODE_PORTS, SERVICES, ProxyRules, proxy_rules
from kubectl_skoop.diagnosis.services.meaning import Meaning, Wanted
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

IPVS_SET = "KUBE-CLUSTER-IP"
"""The set of all service addresses, that the mode ipvs asks in its few rules."""
IPVS_RULES = 16
"""Rules of the portal that are looked at for that set."""
MAX_DOORS = 1_000_000
"""Addresses and ports of services on nodes that one check compares."""
MAX_SERVICES = 20
"""Findings of one code on one node that are told one by one."""
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

    findings: list[Suspicion] = field(default_factory=list)
    unread: dict[Missing, None] = field(default_factory=dict)
    compared: int = 0
    silent: list[tuple[Place, int]] = field(default_factory=list)
    """Nodes without rules of kube-proxy for a family."""
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Nodes by the reason why they were not compared."""


def every_service(ctx: Context, names: Sequence[str]) -> Compared:
    """`names`: of the nodes that were collected. Raises: InputError (proxy mode)."""
    meaning = Meaning(ctx.cluster)
    if not meaning.services:
        return Compared()
    nodes, doors = _Nodes(), MAX_DOORS
    for name in names:
        place, node = Place("node", name), ctx.node(name)
        ns = ctx.namespace(place)
        if node is None or isinstance(ns, NotCollected):
            continue
        rules = {family: proxy_rules(ns, family) for family in (4, 6)}
        problem = obstacle(ns, rules)
        wanted = [] if problem else [*meaning.of_node(node)]
        doors -= len(wanted)
        if doors < 0:
            problem = f"more than {MAX_DOORS} addresses and ports of services"
        if problem:
            nodes.left_out.setdefault(problem, []).append(name)
        else:
            _node(nodes, place, rules, wanted)
    mode = ctx.proxy_mode.value
    if mode == "iptables" or (not mode and nodes.compared):
        nodes.findings += [_no_rules(place, family) for place, family in nodes.silent]
    elif nodes.silent:
        reason = f"proxy mode {mode}" if mode else "proxy mode not known"
        nodes.left_out.setdefault(reason, []).extend(dict.fromkeys(place.name for place, _ in nodes.silent))
    return Compared(
        tuple(nodes.findings),
        tuple(_left_out(reason, found) for reason, found in nodes.left_out.items()),
        tuple(nodes.unread),
    )


def obstacle(ns: NetworkNamespace, rules: Mapping[int, ProxyRules | None]) -> str:
    """Why the node cannot be compared; empty: it can."""
    portals = [line for found in rules.values() if found for line in found.nat.lines(SERVICES)[:IPVS_RULES]]
    if ns.ipvs or any(f"--match-set {IPVS_SET} " in line for line in portals):
        return "proxy mode ipvs"
    native = (base.table.name for base in ns.netfilter.base_chains if base.engine == "nft")
    if any(name.endswith("kube-proxy") for name in native):
        return "proxy mode nftables"
    needed = ("netfilter",) if portals else ("netfilter", "nft", "ipvs")
    unread = [name for name in ns.gaps if "tables" in name or name in needed]
    return f"{unread[0]} could not be read" if unread else ""


def _node(
    nodes: _Nodes, place: Place, rules_of: Mapping[int, ProxyRules | None], wanted: Sequence[Wanted]
) -> None:
    for family in sorted({each.door.address.version for each in wanted}):
        rules = rules_of[family]
        if rules is None:
            nodes.silent.append((place, family))
            continue
        nodes.compared += 1
        nodes.findings += _unreached(rules, place, family)
        nodes.findings += compare_masquerade(rules, place)
        of_family = [each for each in wanted if each.door.address.version == family]
        nodes.findings += _bounded(_doors(nodes, rules, of_family, place))


def _doors(nodes: _Nodes, rules: ProxyRules, wanted: Sequence[Wanted], place: Place) -> list[Suspicion]:
    """Each service port once for each code, at the first of its doors that shows it."""
    findings: dict[tuple[object, ...], Suspicion] = {}
    bare: list[Wanted] = []
    masqueraded, node_ports = 0, rules.nat.leads(SERVICES, NODE_PORTS)
    for each in wanted:
        if each.door.kind == "node-port" and not node_ports:
            continue
        compared = compare_door(rules, each, place)
        if compared.unread:
            missing = Missing(
                f"{place}: service {each.service.key} at {each.door}", "unread", compared.unread
            )
            nodes.unread[missing] = None
        for finding in compared.findings:
            findings.setdefault((each.service.key, each.port, finding.code), finding)
        if each.door.kind == "cluster" and each.targets and not compared.findings and not compared.unread:
            masqueraded += compared.masquerades_outside
            if not compared.masquerades_outside:
                bare.append(each)
    if len(bare) < masqueraded:
        for each in bare:
            finding = not_masqueraded(rules, each, place)
            findings.setdefault((each.service.key, each.port, finding.code), finding)
    return list(findings.values())


def _unreached(rules: ProxyRules, place: Place, family: int) -> list[Suspicion]:
    """The rules are there, but packets do not get to them."""
    return [
        _no_way(place, family, chain)
        for chain in ("PREROUTING", "OUTPUT")
        if not rules.nat.leads(chain, SERVICES)
    ]


def _no_way(place: Place, family: int, chain: str) -> Suspicion:
    who = "pods and the outside" if chain == "PREROUTING" else "the node itself"
    return Suspicion(
        code="service.no-rules",
        level=Level.CRITICAL,
        where=Where(place=place, table="nat", chain=chain),
        message=f"{chain} does not lead to {SERVICES} (IPv{family}): no service works for {who}",
        evidence=(f"table nat, {chain}: no rule with -j {SERVICES}",),
        remedy=RESTART,
    )


def _no_rules(place: Place, family: int) -> Suspicion:
    return Suspicion(
        code="service.no-rules",
        level=Level.CRITICAL,
        where=Where(place=place, table="nat", chain=SERVICES),
        message=f"no rules of kube-proxy for IPv{family}: no service works there",
        evidence=(f"table nat, {SERVICES}: no rule in either back end",),
        remedy="see whether kube-proxy runs on this node and in which mode: kubectl -n kube-system logs",
    )


def _bounded(findings: Sequence[Suspicion]) -> list[Suspicion]:
    """Many services with the same thing wrong are told by the first of them."""
    by_code: dict[str, list[Suspicion]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    told = []
    for found in by_code.values():
        told += found[:MAX_SERVICES]
        if len(found) > MAX_SERVICES:
            more = len(found) - MAX_SERVICES
            told[-1] = replace(told[-1], message=f"{told[-1].message}; the same of {more} more service ports")
    return told


def _left_out(reason: str, nodes: Sequence[str]) -> Fact:
    named = ", ".join(nodes[:MAX_NAMED]) + (
        f" and {len(nodes) - MAX_NAMED} more" if nodes[MAX_NAMED:] else ""
    )
    return Fact(name="services not compared", value=named, source=reason)
