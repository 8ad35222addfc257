"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy (cilium.io/v2), layers 3 and 4.

Rules of all policies that select an endpoint, NetworkPolicies too, are one set: what a deny rule matches is
denied, else what an allow rule matches is allowed, else it is denied if one of the policies says so
(enableDefaultDeny). Layer 7, FQDN and groups are unknown. Sources: docs.cilium.io/en/stable/security/policy,
pkg/policy/api/{rule,ingress,egress}.go.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.cilium_peer import Facts, endpoints
from kubectl_skoop.cluster.policy.cilium_rule import cilium_rule
from kubectl_skoop.cluster.policy.rule import (
    Compiled,
    Direction,
    Invalid,
    Policy,
    PolicyProblem,
    Rule,
    Rules,
    Verdict,
    unreadable,
)
from kubectl_skoop.cluster.policy.selector import selector
from kubectl_skoop.cluster.policy.term import HOSTS, PODS, All, InNamespace, Term, Undecided
from kubectl_skoop.cluster.policy.written import Fields, Reader, fields, maps, written_in
from kubectl_skoop.cluster.raw import Object, dig

KINDS = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
_DENY_RANK, _ALLOW_RANK = (0.0, ""), (1000.0, "")
"""The second is that of NetworkPolicies."""
_SPEC = (
    "description",
    "endpointSelector",
    "nodeSelector",
    "ingress",
    "ingressDeny",
    "egress",
    "egressDeny",
    "enableDefaultDeny",
    "labels",
    "log",
)


def cilium_policies(cluster: Cluster, namespaces: Collection[str] | None = None) -> Compiled:
    facts = Facts(cluster)
    policies: list[Policy] = []
    problems: list[PolicyProblem] = []
    for kind in KINDS:
        for item in written_in(cluster, kind, namespaces):
            reader = Reader(item, kind)
            policies += cilium_policy(reader, facts)
            problems += reader.problems
    return Compiled(policies=tuple(policies), problems=tuple(problems))


class _Spec(NamedTuple):
    where: str
    written: Fields


def cilium_policy(reader: Reader, facts: Facts) -> list[Policy]:
    """For each of its specs a policy of deny rules and one of allow rules."""
    ref = reader.ref
    own: Term = All((PODS, InNamespace(ref.namespace))) if ref.namespace else PODS
    head = reader.attempt("spec", lambda: _specs(reader))
    if isinstance(head, str):
        rules = unreadable(head, Verdict.ACCEPT, Verdict.DENY, isolates=True)
        return [_policy(reader, _ALLOW_RANK, Undecided(own, head), {"ingress": rules, "egress": rules})]
    found: list[Policy] = []
    for spec in head:
        picked = reader.attempt(spec.where, partial(_subject, spec.written, own, ref.namespace))
        subject = Undecided(own, picked) if isinstance(picked, str) else picked
        denying: dict[Direction, Rules | None] = {}
        allowing: dict[Direction, Rules | None] = {}
        for side in _SIDES:
            denied = _rules(reader, spec, side, Verdict.DENY, facts)
            allowed = _rules(reader, spec, side, Verdict.ACCEPT, facts)
            denying[side] = Rules(rules=denied, isolates=False) if denied else None
            touched = bool(spec.written.get(side) or spec.written.get(f"{side}Deny"))
            default = dig(spec.written, "enableDefaultDeny", side)
            isolates = default if isinstance(default, bool) else touched
            allowing[side] = Rules(rules=allowed, isolates=isolates) if touched or isolates else None
        if any(denying.values()):
            found.append(_policy(reader, _DENY_RANK, subject, denying))
        found.append(_policy(reader, _ALLOW_RANK, subject, allowing))
    return found


_SIDES: tuple[Direction, Direction] = ("ingress", "egress")


def _policy(
    reader: Reader, rank: tuple[float, str], subject: Term, sides: Mapping[Direction, Rules | None]
) -> Policy:
    return Policy(
        kind=reader.kind,
        name=reader.ref.name,
        namespace=reader.ref.namespace,
        rank=rank,
        subject=subject,
        ingress=sides["ingress"],
        egress=sides["egress"],
    )


def _specs(reader: Reader) -> list[_Spec]:
    if reader.version not in ("", "v2"):
        raise Invalid(f"unknown version {reader.version} (known: v2)")
    item: Object = reader.item
    written = [_Spec("spec", fields(item["spec"], "spec", _SPEC))] if item.get("spec") is not None else []
    for number, entry in enumerate(maps(item.get("specs"), "specs")):
        written.append(_Spec(f"specs[{number}]", fields(entry, "spec", _SPEC)))
    if not written:
        raise Invalid("it has neither spec nor specs")
    return written


def _subject(spec: Fields, own: Term, namespace: str) -> Term:
    """The endpoints that a policy selects: of its own namespace, if it has one."""
    pods, nodes = spec.get("endpointSelector"), spec.get("nodeSelector")
    if (pods is None) == (nodes is None):
        raise Invalid("exactly one of endpointSelector and nodeSelector is needed")
    if nodes is not None:
        if namespace:
            raise Invalid("nodeSelector is for clusterwide policies")
        return All((HOSTS, selector(nodes, "node")))
    return All((own, endpoints(pods, "")))


def _rules(reader: Reader, spec: _Spec, side: Direction, verdict: Verdict, facts: Facts) -> tuple[Rule, ...]:
    name = side if verdict is Verdict.ACCEPT else f"{side}Deny"
    return reader.rules(
        f"{spec.where}.{name}",
        spec.written.get(name),
        partial(cilium_rule, verdict=verdict, direction=side, namespace=reader.ref.namespace, facts=facts),
        lambda _: verdict,
    )
