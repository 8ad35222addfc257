"""Calico's NetworkPolicy and GlobalNetworkPolicy with their tiers and network sets (projectcalico.org/v3).

Order: tiers by order and name, in a tier policies by order and name, in a policy rules as they are written. A
tier whose policies select the pod without deciding denies, unless its defaultAction is Pass. Behind the last
tier stands the profile of the namespace, which allows. Sources: docs.tigera.io/calico/latest/reference,
felix/calc/policy_sorter.go.
"""

import math
import sys
from collections.abc import Collection, Mapping
from functools import partial

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.calico_host import Hosts, Moment
from kubectl_skoop.cluster.policy.calico_peer import GLOBAL, Sets, selected
from kubectl_skoop.cluster.policy.calico_rule import calico_rule
from kubectl_skoop.cluster.policy.rule import (
    ADMIN,
    BASELINE,
    DEFAULT,
    Compiled,
    Direction,
    Invalid,
    Policy,
    PolicyProblem,
    Rules,
    Tier,
    Verdict,
    unreadable,
)
from kubectl_skoop.cluster.policy.term import (
    EVERYBODY,
    HOSTS,
    PODS,
    All,
    InNamespace,
    Nobody,
    Some,
    Term,
    Undecided,
)
from kubectl_skoop.cluster.policy.written import Fields, Reader, fields, words, written_in
from kubectl_skoop.cluster.raw import Object, dig, ref_of, text

_KINDS = {
    "CalicoNetworkPolicy": "networkpolicies.projectcalico.org",
    "CalicoGlobalNetworkPolicy": "globalnetworkpolicies.projectcalico.org",
}
_KNOWN_TIERS = {"default": DEFAULT, "kube-admin": ADMIN, "kube-baseline": BASELINE}
_SPEC = (
    "tier",
    "order",
    "selector",
    "namespaceSelector",
    "serviceAccountSelector",
    "types",
    "ingress",
    "egress",
    "doNotTrack",
    "preDNAT",
    "applyOnForward",
    "performanceHints",
)
_LAST = sys.float_info.max
"""Order of a tier without one; behind it there are profiles."""
_ANYTHING = (Verdict.ACCEPT, Verdict.DENY, Verdict.NEXT)
_ACTIONS = {"allow": Verdict.ACCEPT, "deny": Verdict.DENY, "pass": Verdict.NEXT}
Tiers = Mapping[str, tuple[Tier, bool] | Invalid]
"""By name, with whether it denies at its end; or what is wrong with it."""


def calico_policies(cluster: Cluster, namespaces: Collection[str] | None = None) -> Compiled:
    tiers = _tiers(cluster)
    hosts = Hosts.of(cluster)
    sets = Sets.of(cluster, hosts)
    policies: list[Policy] = []
    problems: list[PolicyProblem] = []
    for kind in _KINDS:
        for item in written_in(cluster, kind, namespaces):
            found, reader = calico_policy(item, tiers, sets, hosts)
            policies += found
            problems += reader.problems
    policies += hosts.of_themselves(cluster)
    return Compiled(policies=tuple(policies), problems=tuple(problems))


def calico_policy(item: Object, tiers: Tiers, sets: Sets, hosts: Hosts) -> tuple[list[Policy], Reader]:
    """As it is for pods, and for the host endpoints that it selects."""
    ref = ref_of(item)
    reader = Reader(item, _KINDS[ref.kind])
    own: Term = All((PODS, InNamespace(ref.namespace))) if ref.namespace else PODS
    broken = partial(
        Policy, kind=reader.kind, name=ref.name, namespace=ref.namespace, subject=own, rank=(0.0, "")
    )
    head = reader.attempt("spec", lambda: _head(reader, tiers))
    if isinstance(head, str):
        rules = unreadable(head, *_ANYTHING, isolates=True)
        everybody = own if ref.namespace or not hosts.endpoints else Some((PODS, HOSTS))
        return [broken(subject=Undecided(everybody, head), ingress=rules, egress=rules)], reader
    spec, (tier, denies), order, types = head
    picked = reader.attempt("spec.selector", lambda: _subject(spec, own, sets))
    directions: dict[Direction, Rules | None] = {"ingress": None, "egress": None}
    for side in directions:
        if side in types:
            rules_of_side = reader.rules(
                f"spec.{side}",
                spec.get(side),
                partial(calico_rule, direction=side, namespace=ref.namespace, sets=sets),
                lambda entry: _ACTIONS.get(text(entry, "action").lower(), Verdict.DENY),
            )
            directions[side] = Rules(rules=rules_of_side, isolates=denies)
    policy = broken(
        tier=tier,
        rank=(order, f"{ref.name}/{ref.namespace}"),
        subject=Undecided(own, picked) if isinstance(picked, str) else picked,
        ingress=directions["ingress"],
        egress=directions["egress"],
    )
    moment: Moment = (
        "raw" if spec.get("doNotTrack") is True else "mangle" if spec.get("preDNAT") is True else "filter"
    )
    found = [policy] if moment == "filter" else []
    if (chosen := hosts.chosen(_host_subject(spec, picked, ref.namespace))) is not None:
        place = sorted({known[0] for known in tiers.values() if not isinstance(known, Invalid)}).index(tier)
        found.append(hosts.judged(policy, chosen, moment, place))
        if moment != "filter" or spec.get("applyOnForward") is True:
            found += hosts.on_forward(policy, chosen, moment, place)
    return found, reader


def _head(reader: Reader, tiers: Tiers) -> tuple[Fields, tuple[Tier, bool], float, frozenset[str]]:
    """The spec, its tier, its order there, and its directions."""
    if reader.version not in ("", "v1", "v3"):
        raise Invalid(f"unknown version {reader.version} (known: v3)")
    spec = fields(reader.item.get("spec"), "spec", _SPEC)
    name = spec.get("tier") or "default"
    if not isinstance(name, str) or name not in tiers:
        raise Invalid(f"there is no tier {name!r}")
    tier = tiers[name]
    if isinstance(tier, Invalid):
        raise Invalid(f"tier {name!r}: {tier}")
    return spec, tier, _order(spec.get("order")), _types(spec)


def _types(spec: Fields) -> frozenset[str]:
    """Ingress if there is nothing or rules for it, egress if there are rules for it."""
    written = words(spec.get("types"), "types")
    if unknown := sorted({*written} - {"Ingress", "Egress"}):
        raise Invalid(f"unknown type {unknown[0]!r}: Ingress, Egress")
    if written:
        return frozenset(name.lower() for name in written)
    if not spec.get("egress"):
        return frozenset({"ingress"})
    return frozenset({"ingress", "egress"} if spec.get("ingress") else {"egress"})


def _order(written: object) -> float:
    """Without one it is the last."""
    if written is None:
        return math.inf
    if isinstance(written, bool) or not isinstance(written, int | float) or math.isnan(written):
        raise Invalid(f"order {written!r} is no number")
    return float(written)


def _subject(spec: Fields, own: Term, sets: Sets) -> Term:
    terms = [own, selected(spec.get("selector") or "", "pod")]
    if spec.get("namespaceSelector"):
        terms.append(selected(spec.get("namespaceSelector"), "namespace"))
    if spec.get("serviceAccountSelector"):
        terms.append(selected(spec.get("serviceAccountSelector"), "account"))
    return All(tuple(terms))


def _host_subject(spec: Fields, picked: Term | str, namespace: str) -> Term:
    """The host endpoints that a policy selects: they have no namespace and no service account."""
    if (
        namespace
        or spec.get("serviceAccountSelector")
        or spec.get("namespaceSelector") not in (None, "", GLOBAL)
    ):
        return Nobody()
    return (
        Undecided(EVERYBODY, picked)
        if isinstance(picked, str)
        else selected(spec.get("selector") or "", "pod")
    )


def _tiers(cluster: Cluster) -> Tiers:
    """Of equal order that which comes first by name is asked first."""
    found: dict[str, tuple[Tier, bool] | Invalid] = {
        name: (tier, tier is DEFAULT) for name, tier in _KNOWN_TIERS.items()
    }
    for item in cluster.objects("CalicoTier"):
        name = ref_of(item).name
        try:
            found[name] = _tier(name, item)
        except Invalid as error:
            found[name] = error
    return found


def _tier(name: str, item: Object) -> tuple[Tier, bool]:
    order = min(_order(dig(item, "spec", "order")), _LAST)
    action = text(item, "spec", "defaultAction") or "Deny"
    if action not in ("Deny", "Pass"):
        raise Invalid(f"unknown defaultAction {action!r}: Deny, Pass")
    return DEFAULT if name == "default" else Tier(order=order, name=name), action == "Deny"
