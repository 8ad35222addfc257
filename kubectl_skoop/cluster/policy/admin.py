"""Policies of the cluster's administrator, policy.networking.k8s.io.

AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1), ClusterNetworkPolicy (v1alpha2). Fields and
meaning: the type definitions of kubernetes-sigs/network-policy-api. They select no pod of the host's network.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from kubectl_skoop.cluster.policy.address import ANYWHERE
from kubectl_skoop.cluster.policy.interval import EMPTY, Intervals, union
from kubectl_skoop.cluster.policy.networkpolicy import PEERS
from kubectl_skoop.cluster.policy.port import EVERY, PROTOCOLS, ports
from kubectl_skoop.cluster.policy.rule import (
    ADMIN,
    BASELINE,
    Direction,
    Invalid,
    NamedPort,
    Policy,
    Rule,
    Rules,
    Tier,
    Verdict,
    unreadable,
)
from kubectl_skoop.cluster.policy.selector import selector
from kubectl_skoop.cluster.policy.term import (
    HOSTS,
    PODS,
    All,
    InBlock,
    Outside,
    Some,
    Term,
    Undecided,
)
from kubectl_skoop.cluster.policy.written import (
    Fields,
    Reader,
    cidr,
    fields,
    listed,
    maps,
    port_name,
    port_range,
    protocol,
    words,
)
from kubectl_skoop.cluster.raw import Object

_HIGHEST = 1000
Ports = tuple[Intervals, tuple[NamedPort, ...]]


def admin_network_policy(item: Object) -> tuple[Policy, Reader]:
    actions = {"Allow": Verdict.ACCEPT, "Deny": Verdict.DENY, "Pass": Verdict.NEXT}
    return _policy(Reader(item, "AdminNetworkPolicy"), "v1alpha1", actions, _numbered, tier=ADMIN)


def baseline_admin_network_policy(item: Object) -> tuple[Policy, Reader]:
    """There is one, named `default`. It stands behind the baseline tier's other policies."""
    actions = {"Allow": Verdict.ACCEPT, "Deny": Verdict.DENY}
    return _policy(Reader(item, "BaselineAdminNetworkPolicy"), "v1alpha1", actions, _numbered, tier=BASELINE)


def cluster_network_policy(item: Object) -> tuple[Policy, Reader]:
    actions = {"Accept": Verdict.ACCEPT, "Deny": Verdict.DENY, "Pass": Verdict.NEXT}
    return _policy(Reader(item, "ClusterNetworkPolicy"), "v1alpha2", actions, _protocols, tier=None)


def _policy(
    reader: Reader,
    version: str,
    actions: Mapping[str, Verdict],
    ports_of: Callable[[Fields], Ports],
    *,
    tier: Tier | None,
) -> tuple[Policy, Reader]:
    """`tier`: None: the policy names its own."""
    name = reader.ref.name
    head = reader.attempt("spec", lambda: _head(reader, version, tier))
    if isinstance(head, str):
        rules = unreadable(head, *actions.values())
        return Policy(
            kind=reader.kind,
            name=name,
            tier=tier or ADMIN,
            rank=(0, ""),
            subject=Undecided(PODS, head),
            ingress=rules,
            egress=rules,
        ), reader
    spec, own_tier, priority = head
    picked = reader.attempt("spec.subject", lambda: _pods(spec.get("subject"), "subject"))
    directions: dict[Direction, Rules | None] = {}
    for side, peers in PEERS.items():
        rules_of_side = reader.rules(
            f"spec.{side}",
            spec.get(side),
            partial(_rule, peers=peers, actions=actions, ports_of=ports_of),
            lambda entry: (
                actions.get(str(entry.get("action")), Verdict.DENY)
                if isinstance(entry, Mapping)
                else Verdict.DENY
            ),
        )
        directions[side] = Rules(rules=rules_of_side, isolates=False) if rules_of_side else None
    return Policy(
        kind=reader.kind,
        name=name,
        tier=own_tier,
        rank=(priority, ""),
        subject=Undecided(PODS, picked) if isinstance(picked, str) else picked,
        ingress=directions["ingress"],
        egress=directions["egress"],
    ), reader


def _head(reader: Reader, version: str, tier: Tier | None) -> tuple[Fields, Tier, float]:
    """The spec, where the policy stands, and its priority there."""
    if reader.version not in ("", version):
        raise Invalid(f"unknown version {reader.version} (known: {version})")
    spec = fields(reader.item.get("spec"), "spec", ("tier", "priority", "subject", "ingress", "egress"))
    if tier is BASELINE:
        return spec, BASELINE, float(_HIGHEST + 1)
    own = tier
    if own is None:
        named = {"Admin": ADMIN, "Baseline": BASELINE}
        written = spec.get("tier")
        if not isinstance(written, str) or written not in named:
            raise Invalid(f"unknown tier {written!r}: Admin, Baseline")
        own = named[written]
    priority = spec.get("priority")
    if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= _HIGHEST:
        raise Invalid(f"priority {priority!r}: 0 to {_HIGHEST}")
    return spec, own, float(priority)


def _rule(
    entry: Fields,
    where: str,
    *,
    peers: str,
    actions: Mapping[str, Verdict],
    ports_of: Callable[[Fields], Ports],
) -> Iterator[Rule]:
    fields(entry, "a rule", ("name", "action", peers, "ports", "protocols"))
    action = entry.get("action")
    if not isinstance(action, str) or action not in actions:
        raise Invalid(f"unknown action {action!r}: {', '.join(actions)}")
    sides = [_peer(peer, egress=peers == "to") for peer in maps(entry.get(peers), peers)]
    if not sides:
        raise Invalid(f"a rule needs an entry in {peers}")
    matched, named = ports_of(entry)
    yield Rule(verdict=actions[action], peers=Some(tuple(sides)), ports=matched, named=named, where=where)


def _peer(written: Fields, *, egress: bool) -> Term:
    only_egress = ("nodes", "networks", "domainNames")
    fields(written, "a peer", ("namespaces", "pods", *(only_egress if egress else ())))
    match [*written.items()]:
        case [("namespaces" | "pods", _)]:
            return _pods(written, "a peer")
        case [("nodes", labels)]:
            return All((HOSTS, selector(labels, "node")))
        case [("networks", networks)]:
            return InBlock(union(part for entry in words(networks, "networks") for part in cidr(entry)))
        case [("domainNames", names)]:
            shown = ", ".join(words(names, "domainNames")[:3])
            return Undecided(Outside(ANYWHERE), f"the addresses of {shown} are not known (domainNames)")
        case _:
            raise Invalid("a peer needs exactly one of its fields")


def _pods(written: object, what: str) -> Term:
    known = fields(written, what, ("namespaces", "pods"))
    match [*known.items()]:
        case [("namespaces", labels)]:
            return All((PODS, selector(labels, "namespace")))
        case [("pods", pods)]:
            both = fields(pods, f"pods of {what}", ("namespaceSelector", "podSelector"))
            return All(
                (
                    PODS,
                    selector(both.get("namespaceSelector") or {}, "namespace"),
                    selector(both.get("podSelector") or {}, "pod"),
                )
            )
        case _:
            raise Invalid(f"{what} needs exactly one of namespaces, pods")


def _numbered(entry: Fields) -> Ports:
    """`ports` of v1alpha1."""
    fields(entry, "a rule", ("name", "action", "from", "to", "ports"))
    if entry.get("ports") is None:
        return EVERY, ()
    found: Intervals = EMPTY
    named: tuple[NamedPort, ...] = ()
    for port in maps(entry.get("ports"), "ports"):
        match [*port.items()]:
            case [("portNumber", written)]:
                known = fields(written, "portNumber", ("protocol", "port"))
                number = known.get("port")
                part = port_range(protocol(known.get("protocol"), "TCP"), number, number)
            case [("portRange", written)]:
                known = fields(written, "portRange", ("protocol", "start", "end"))
                part = port_range(
                    protocol(known.get("protocol"), "TCP"), known.get("start"), known.get("end")
                )
            case [("namedPort", str(name))]:
                part, named = EMPTY, (*named, *_any_protocol(name))
            case _:
                raise Invalid("a port needs exactly one of portNumber, portRange, namedPort")
        found = union((*found, *part))
    return found, named


def _protocols(entry: Fields) -> Ports:
    """`protocols` of v1alpha2."""
    fields(entry, "a rule", ("name", "action", "from", "to", "protocols"))
    if not listed(entry.get("protocols"), "protocols"):
        return EVERY, ()
    found: Intervals = EMPTY
    named: tuple[NamedPort, ...] = ()
    for part in maps(entry.get("protocols"), "protocols"):
        match [*part.items()]:
            case [("destinationNamedPort", str(name))]:
                named = (*named, *_any_protocol(name))
            case [(("tcp" | "udp" | "sctp") as name, written)]:
                found = union((*found, *_destination(name.upper(), written)))
            case _:
                raise Invalid("a protocol needs exactly one of tcp, udp, sctp, destinationNamedPort")
    return found, named


def _destination(name: str, written: object) -> Intervals:
    port = fields(written, name.lower(), ("destinationPort",)).get("destinationPort")
    if port is None:
        return ports(PROTOCOLS[name])
    known = fields(port, "destinationPort", ("number", "range"))
    match [*known.items()]:
        case [("number", number)]:
            return port_range(name, number, number)
        case [("range", written_range)]:
            ends = fields(written_range, "range", ("start", "end"))
            return port_range(name, ends.get("start"), ends.get("end"))
        case _:
            raise Invalid("destinationPort needs exactly one of number, range")


def _any_protocol(name: str) -> tuple[NamedPort, ...]:
    known = port_name(name)
    return tuple(NamedPort(name=known, protocol=protocol) for protocol in PROTOCOLS)
