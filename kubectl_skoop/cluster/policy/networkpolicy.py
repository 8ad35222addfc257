"""NetworkPolicy, networking.k8s.io/v1. Fields and defaults: k8s.io/api/networking/v1/types.go."""

from collections.abc import Iterator, Mapping
from functools import partial

from kubectl_skoop.cluster.policy.interval import EMPTY, Intervals, union
from kubectl_skoop.cluster.policy.port import EVERY, PROTOCOLS, ports
from kubectl_skoop.cluster.policy.rule import (
    DEFAULT,
    Direction,
    Invalid,
    NamedPort,
    Policy,
    Rule,
    Rules,
    Verdict,
    unreadable,
)
from kubectl_skoop.cluster.policy.selector import selector
from kubectl_skoop.cluster.policy.term import (
    PODS,
    All,
    Everybody,
    InBlock,
    InNamespace,
    Some,
    Term,
    Undecided,
)
from kubectl_skoop.cluster.policy.written import (
    Fields,
    Reader,
    cidr,
    fields,
    maps,
    port_name,
    port_range,
    protocol,
    words,
)
from kubectl_skoop.cluster.raw import Object

KIND = "NetworkPolicy"
PEERS: Mapping[Direction, str] = {"ingress": "from", "egress": "to"}
ORDER = 1000.0
"""That of Calico for these policies, inside its default tier."""


def network_policy(item: Object, *, blocks_match_pods: bool = True) -> tuple[Policy, Reader]:
    """`blocks_match_pods`: an ipBlock is compared with the addresses of pods, too; Cilium does not."""
    reader = Reader(item, KIND)
    ref = reader.ref
    own = All((PODS, InNamespace(ref.namespace)))
    spec = reader.attempt(
        "spec", lambda: fields(item.get("spec"), "spec", ("podSelector", "policyTypes", "ingress", "egress"))
    )
    if reader.version not in ("", "v1"):
        spec = reader.problem("apiVersion", f"unknown version {reader.version}")
    if isinstance(spec, str):
        return Policy(
            kind=KIND,
            name=ref.name,
            namespace=ref.namespace,
            subject=Undecided(own, spec),
            ingress=_unreadable(spec),
            egress=_unreadable(spec),
        ), reader
    picked = reader.attempt("spec.podSelector", lambda: selector(spec.get("podSelector") or {}, "pod"))
    subject: Term = Undecided(own, picked) if isinstance(picked, str) else All((*own.terms, picked))
    types = reader.attempt("spec.policyTypes", lambda: _types(spec))
    directions: dict[Direction, Rules | None] = {}
    for side, peers in PEERS.items():
        if isinstance(types, str):
            directions[side] = _unreadable(types)
            continue
        if side not in types:
            directions[side] = None
            continue
        rules = reader.rules(
            f"spec.{side}",
            spec.get(side),
            partial(_rule, peers=peers, namespace=ref.namespace, blocks_match_pods=blocks_match_pods),
            lambda _: Verdict.ACCEPT,
        )
        directions[side] = Rules(rules=rules)
    return Policy(
        kind=KIND,
        name=ref.name,
        namespace=ref.namespace,
        tier=DEFAULT,
        rank=(ORDER, ""),
        subject=subject,
        ingress=directions["ingress"],
        egress=directions["egress"],
    ), reader


def _unreadable(reason: str) -> Rules:
    return unreadable(reason, Verdict.ACCEPT, isolates=True)


def _types(spec: Fields) -> frozenset[str]:
    """Ingress always, egress if there are such rules: pkg/apis/networking/v1/defaults.go."""
    written = words(spec.get("policyTypes"), "policyTypes")
    if unknown := sorted({*written} - {"Ingress", "Egress"}):
        raise Invalid(f"unknown type {unknown[0]!r}: Ingress, Egress")
    if written:
        return frozenset(name.lower() for name in written)
    return frozenset({"ingress", "egress"} if spec.get("egress") else {"ingress"})


def _rule(
    entry: Fields, where: str, *, peers: str, namespace: str, blocks_match_pods: bool
) -> Iterator[Rule]:
    fields(entry, "a rule", (peers, "ports"))
    matched: Intervals = EMPTY
    named: tuple[NamedPort, ...] = ()
    written = maps(entry.get("ports"), "ports")
    for port in written:
        numbers, name = _port(port)
        matched = union((*matched, *numbers))
        named = (*named, *name)
    sides = [_peer(peer, namespace, blocks_match_pods) for peer in maps(entry.get(peers), peers)]
    yield Rule(
        verdict=Verdict.ACCEPT,
        peers=Some(tuple(sides)) if sides else Everybody(),
        ports=matched if written else EVERY,
        named=named,
        where=where,
    )


def _peer(written: Fields, namespace: str, blocks_match_pods: bool) -> Term:
    fields(written, "a peer", ("podSelector", "namespaceSelector", "ipBlock"))
    block = written.get("ipBlock")
    pods, namespaces = written.get("podSelector"), written.get("namespaceSelector")
    if block is not None:
        if pods is not None or namespaces is not None:
            raise Invalid("a peer with ipBlock takes no selectors")
        known = fields(block, "ipBlock", ("cidr", "except"))
        return InBlock(cidr(known.get("cidr"), words(known.get("except"), "except")), blocks_match_pods)
    if pods is None and namespaces is None:
        raise Invalid("a peer needs podSelector, namespaceSelector or ipBlock")
    return All(
        (
            PODS,
            InNamespace(namespace) if namespaces is None else selector(namespaces, "namespace"),
            selector(pods if pods is not None else {}, "pod"),
        )
    )


def _port(written: Fields) -> tuple[tuple[tuple[int, int], ...], tuple[NamedPort, ...]]:
    fields(written, "a port", ("protocol", "port", "endPort"))
    name = protocol(written.get("protocol"), "TCP")
    port, end = written.get("port"), written.get("endPort")
    match port:
        case None:
            if end is not None:
                raise Invalid("endPort needs a port")
            return ports(PROTOCOLS[name]), ()
        case str():
            if end is not None:
                raise Invalid(f"endPort cannot go with the named port {port!r}")
            return EMPTY, (NamedPort(name=port_name(port), protocol=name),)
        case _:
            return port_range(name, port, port if end is None else end), ()
