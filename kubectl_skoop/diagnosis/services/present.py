"""Which rules of a proxy a node has: of one mode, of several, of none."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubectl_skoop.diagnosis.services.iptables import SERVICES, IptablesRules, RuleTable
from kubectl_skoop.diagnosis.services.rules import KUBE_PROXY_DUMMY, KUBE_ROUTER_DUMMY, Kind, ServiceRules
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable
from kubectl_skoop.netstack.netfilter.types import Table

TABLE = "kube-proxy"
CLUSTER_IPS = ("KUBE-CLUSTER-IP", "KUBE-6-CLUSTER-IP")
"""Sets of all cluster addresses, by family, that the mode ipvs asks in its few rules."""
FIRST_RULES = 16
"""Of the portal, that are looked at for those sets."""

_FAMILY_NAMES = {4: "ip", 6: "ip6"}
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "iptables": ("netfilter",),
    "ipvs": ("netfilter", "ipvs", "ipset", "links", "addresses"),
    "nftables": ("netfilter", "nft"),
    "kube-router": ("netfilter", "ipvs", "ipset", "links", "addresses"),
}
"""Tables of a dump without which the rules of a mode say nothing; the saved ones of iptables come to them."""
_SAVED = tuple(f"{tool}-{back_end}" for tool in ("ip6tables", "iptables") for back_end in ("legacy", "nft"))


class Present(NamedTuple):
    """The rules of one family on one node."""

    used: ServiceRules | None
    """Those to be compared; None: there are none."""
    others: tuple[ServiceRules, ...] = ()
    """Rules for services beside them: of another mode, or in the other back end of iptables."""


def present(ns: NetworkNamespace, family: int, configured: str = "", *, bare: bool = False) -> Present:
    """Rules of the mode that is configured come first, then those with more services.

    `bare`: without counters, for who compares all rules with other nodes' rather than those of a flow.
    """
    found = list(_found(ns, family, bare=bare))
    if len(found) > 1:
        found.sort(key=lambda rules: (rules.mode == configured, rules.size), reverse=True)
    return Present(found[0], tuple(found[1:])) if found else Present(None)


def obstacle(ns: NetworkNamespace, used: ServiceRules | None) -> str:
    """What could not be read, without which the rules say nothing; empty: all was."""
    needed = _NEEDED[used.mode] if used is not None else ("netfilter", "nft", "ipvs")
    saved = _SAVED if used is None or used.mode != "nftables" else ()
    unread = next((name for name in (*saved, *needed) if name in ns.gaps), "")
    return f"{unread} could not be read" if unread else ""


def _found(ns: NetworkNamespace, family: int, *, bare: bool) -> Iterator[ServiceRules]:
    """The modules of a mode are loaded where a node has it."""
    saved: dict[tuple[str, str], SavedTable] = {}
    native: dict[str, Table] = {}
    for base in ns.netfilter.base_chains:
        if base.engine == "nft":
            native[base.table.name] = base.table
        elif isinstance(base.table, SavedTable) and base.table.family == family:
            saved[base.engine, base.table.name] = base.table
    if bare:
        saved = {key: table.bare() for key, table in saved.items()}
    has_sets = False
    for engine in [engine for engine, name in saved if name == "nat"]:
        rules = IptablesRules(saved[engine, "nat"], saved.get((engine, "filter")), engine)
        if asks_sets(rules.nat):
            has_sets = True
            yield _of_ipvs(rules, ns, family)
        elif SERVICES in rules.nat:
            yield rules
    if (
        not has_sets
        and KUBE_PROXY_DUMMY in ns.device_by_name
        and any(one.family == family for one in ns.ipvs)
    ):
        yield _of_ipvs(IptablesRules(None, None), ns, family)
    if KUBE_ROUTER_DUMMY in ns.device_by_name:
        yield _of_kube_router(saved, ns, family)
    table = native.get(f"{_FAMILY_NAMES[family]} {TABLE}")
    if table is not None:
        yield _of_nftables(table)


def asks_sets(nat: RuleTable) -> bool:
    """These are the rules of ipvs mode."""
    first = nat.lines(SERVICES)[:FIRST_RULES]
    return any(f"--match-set {name} " in line for line in first for name in CLUSTER_IPS)


def _of_ipvs(rules: IptablesRules, ns: NetworkNamespace, family: int) -> ServiceRules:
    from kubectl_skoop.diagnosis.services.ipvs import IpvsRules

    return IpvsRules(rules, ns, family)


def _of_kube_router(
    saved: Mapping[tuple[str, str], SavedTable], ns: NetworkNamespace, family: int
) -> ServiceRules:
    """Its few rules are in one back end: the one that has its chain, else any."""
    from kubectl_skoop.diagnosis.services.kube_router import SERVICES as CHAIN
    from kubectl_skoop.diagnosis.services.kube_router import KubeRouterRules

    engines = sorted(
        {engine for engine, _ in saved}, key=lambda one: CHAIN in RuleTable(saved.get((one, "filter")))
    )
    engine = engines[-1] if engines else ""
    nat, filtered, mangle = (saved.get((engine, name)) for name in ("nat", "filter", "mangle"))
    return KubeRouterRules(nat, filtered, mangle, ns, family)


def _of_nftables(table: Table) -> ServiceRules:
    from kubectl_skoop.diagnosis.services.nftables import NftablesRules
    from kubectl_skoop.netstack.netfilter.nft.ruleset import NftTable

    assert isinstance(table, NftTable)
    return NftablesRules(table)
