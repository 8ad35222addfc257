"""Whom a Calico rule means: selectors over pods and network sets, nets, service accounts."""

from dataclasses import dataclass
from functools import partial

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.address import ANYWHERE
from kubectl_skoop.cluster.policy.calico_host import Hosts
from kubectl_skoop.cluster.policy.calico_selector import calico_selector, labelled
from kubectl_skoop.cluster.policy.interval import Intervals, union
from kubectl_skoop.cluster.policy.rule import Invalid
from kubectl_skoop.cluster.policy.term import (
    EVERYBODY,
    PODS,
    All,
    InBlock,
    InNamespace,
    Labelled,
    Nobody,
    Not,
    Outside,
    Some,
    Term,
    Undecided,
    select,
)
from kubectl_skoop.cluster.policy.universe import NAME_LABEL, Party, Scope, Universe, positions_of
from kubectl_skoop.cluster.policy.written import Fields, cidr, fields, words
from kubectl_skoop.cluster.raw import dig, labels, ref_of, texts

_SIDE = (
    "selector",
    "notSelector",
    "namespaceSelector",
    "serviceAccounts",
    "services",
    "nets",
    "notNets",
    "ports",
    "notPorts",
    "domains",
)
GLOBAL = "global()"


@dataclass(frozen=True, slots=True)
class Sets:
    """NetworkSet, GlobalNetworkSet and HostEndpoint: addresses that selectors find by label."""

    universe: Universe
    """The sets as parties."""
    nets: tuple[Intervals, ...]
    unread: int = 0
    """Those with domains, whose addresses nobody knows, as bits."""

    @classmethod
    def of(cls, cluster: Cluster, hosts: Hosts) -> "Sets":
        spaces = {
            ref_of(item).name: labels(item, "metadata", "labels") for item in cluster.objects("Namespace")
        }
        parties = [one.party for one in hosts.endpoints]
        nets = [one.nets for one in hosts.endpoints]
        unread = 0
        for kind in ("CalicoNetworkSet", "CalicoGlobalNetworkSet"):
            for item in cluster.objects(kind):
                ref = ref_of(item)
                parties.append(
                    Party(
                        kind="pod",
                        name=ref.name,
                        namespace=ref.namespace,
                        labels=labels(item, "metadata", "labels"),
                        namespace_labels=spaces.get(ref.namespace),
                    )
                )
                nets.append(union(part for net in texts(item, "spec", "nets") for part in _net(net)))
                if dig(item, "spec", "allowedEgressDomains"):
                    unread |= 1 << (len(parties) - 1)
        return cls(Universe(parties), tuple(nets), unread)

    def picked(self, term: Term) -> Intervals:
        """The addresses of the sets that meet a term."""
        chosen = positions_of(select(term, self.universe).yes.bits)
        return union(part for at in chosen for part in self.nets[at])

    def has_domains(self, term: Term) -> bool:
        """One of the sets that meet the term has."""
        found = select(term, self.universe)
        return bool((found.yes.bits | found.maybe.bits) & self.unread)


def _net(written: str) -> Intervals:
    try:
        return cidr(written)
    except Invalid:
        return ()


def selected(written: object, scope: Scope) -> Term:
    """A selector over labels of pods, namespaces or service accounts. Raises: Invalid."""
    return calico_selector(written, partial(_label, scope))


def _label(scope: Scope, key: str, test: str, values: tuple[str, ...]) -> Term:
    """The labels that Calico adds are facts that we have elsewhere."""
    match scope, key:
        case ("pod", "projectcalico.org/namespace") | ("namespace", "projectcalico.org/name"):
            return labelled("namespace", NAME_LABEL, test, values)
        case ("pod", "projectcalico.org/serviceaccount") | ("account", "projectcalico.org/name"):
            return labelled("account", "name", test, values)
        case ("pod", "projectcalico.org/orchestrator"):
            return PODS if test == "exists" or "k8s" in values else Nobody()
        case ("pod", _) if key.startswith("pcns."):
            return labelled("namespace", key.removeprefix("pcns."), test, values)
        case ("account", _):
            return Undecided(PODS, f"labels of service accounts are not collected (label {key})")
        case ("pod", _) if key.startswith("pcsa."):
            return Undecided(PODS, f"labels of service accounts are not collected (label {key})")
        case _:
            return labelled(scope, key, test, values)


def side(written: object, namespace: str, sets: Sets) -> Term:
    """`source` or `destination` without its ports. `namespace`: of the policy; empty: a global one.

    Raises: Invalid.
    """
    known = fields(written if written is not None else {}, "source or destination", _SIDE)
    terms: list[Term] = []
    if any(known.get(key) for key in ("selector", "namespaceSelector", "serviceAccounts")):
        terms.append(_members(_scoped(known, namespace), sets))
    if known.get("notSelector"):
        terms.append(Not(_members(selected(known.get("notSelector"), "pod"), sets)))
    if nets := words(known.get("nets"), "nets"):
        terms.append(InBlock(union(part for net in nets for part in cidr(net))))
    if nets := words(known.get("notNets"), "notNets"):
        terms.append(Not(InBlock(union(part for net in nets for part in cidr(net)))))
    for key in ("services", "domains"):
        if known.get(key):
            terms.append(Undecided(EVERYBODY, f"the addresses of {key} are not looked up"))
    match terms:
        case []:
            return EVERYBODY
        case [only]:
            return only
        case several:
            return All(tuple(several))


def _scoped(known: Fields, namespace: str) -> Term:
    terms: list[Term] = []
    spaces = known.get("namespaceSelector")
    if spaces == GLOBAL:
        terms.append(Not(Labelled("namespace", NAME_LABEL)))
    elif spaces:
        terms += [Labelled("namespace", NAME_LABEL), selected(spaces, "namespace")]
    elif namespace:
        terms.append(InNamespace(namespace))
    if known.get("selector"):
        terms.append(selected(known.get("selector"), "pod"))
    if known.get("serviceAccounts"):
        accounts = fields(known.get("serviceAccounts"), "serviceAccounts", ("names", "selector"))
        if names := words(accounts.get("names"), "names"):
            terms.append(Labelled("account", "name", "in", names))
        if accounts.get("selector"):
            terms.append(selected(accounts.get("selector"), "account"))
    return All(tuple(terms))


def _members(term: Term, sets: Sets) -> Term:
    """The pods that meet a term, and the addresses of the sets that do."""
    found: list[Term] = [All((PODS, term))]
    if block := sets.picked(term):
        found.append(InBlock(block))
    if sets.has_domains(term):
        found.append(Undecided(Outside(ANYWHERE), "the addresses of a network set's domains are not known"))
    return Some(tuple(found)) if len(found) > 1 else found[0]
