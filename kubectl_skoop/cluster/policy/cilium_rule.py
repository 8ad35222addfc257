"""One rule of a Cilium policy."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from kubectl_skoop.cluster.policy.address import ANYWHERE
from kubectl_skoop.cluster.policy.cilium_peer import Facts, cidr_set, cidrs, endpoints
from kubectl_skoop.cluster.policy.interval import EMPTY, Intervals, union
from kubectl_skoop.cluster.policy.port import EVERY, NUMBERS, PROTOCOLS, ports
from kubectl_skoop.cluster.policy.rule import Direction, Invalid, NamedPort, Rule, Verdict
from kubectl_skoop.cluster.policy.selector import selector
from kubectl_skoop.cluster.policy.term import (
    EVERYBODY,
    HOSTS,
    All,
    Outside,
    Some,
    Term,
    Undecided,
)
from kubectl_skoop.cluster.policy.written import Fields, fields, maps, port_name, port_range, words

_PEERS = ("Endpoints", "Requires", "CIDR", "CIDRSet", "Entities", "Services", "FQDNs", "Groups", "Nodes")
_LAYER_7 = ("rules", "terminatingTLS", "originatingTLS", "serverNames", "listener")
_ECHO = {"IPv4": ("ICMP", 8), "IPv6": ("ICMPV6", 128)}


def cilium_rule(
    entry: Fields, where: str, *, verdict: Verdict, direction: Direction, namespace: str, facts: Facts
) -> Iterator[Rule]:
    """One for each entry of toPorts; none for a rule that says nothing. Raises: Invalid."""
    word = "from" if direction == "ingress" else "to"
    names = {f"{word}{name}": name for name in _PEERS}
    fields(entry, "a rule", (*names, "toPorts", "icmps", "authentication"))
    terms = [
        _peer(name, entry[field], namespace, facts)
        for field, name in names.items()
        if entry.get(field) is not None and name != "Requires"
    ]
    peers: Term = Some(tuple(terms)) if terms else EVERYBODY
    if entry.get(f"{word}Requires") is not None:
        peers = Undecided(peers, f"{word}Requires is not judged")
    doubt = "it depends on mutual authentication" if entry.get("authentication") is not None else ""
    rule = partial(Rule, verdict=verdict, peers=peers, where=where)
    written, icmps = maps(entry.get("toPorts"), "toPorts"), maps(entry.get("icmps"), "icmps")
    if not written and not icmps:
        if terms:
            yield rule(ports=EVERY, doubt=doubt)
        return
    for part in written:
        layer7 = [name for name in _LAYER_7 if part.get(name)]
        matched, named = _ports(part)
        yield rule(
            ports=matched, named=named, doubt=f"it depends on layer 7 ({layer7[0]})" if layer7 else doubt
        )
    if icmps:
        yield rule(ports=union(row for icmp in icmps for row in _icmp(icmp)), doubt=doubt)


def _peer(name: str, written: object, namespace: str, facts: Facts) -> Term:
    readers: Mapping[str, Callable[[], Term]] = {
        "Endpoints": lambda: _endpoints(written, namespace),
        "CIDR": lambda: cidrs(written),
        "CIDRSet": lambda: cidr_set(written, facts),
        "Entities": lambda: Some(tuple(facts.entity(entity) for entity in words(written, "entities"))),
        "Services": lambda: _services(written, facts),
        "FQDNs": lambda: Undecided(Outside(ANYWHERE), "the addresses of DNS names are not known (toFQDNs)"),
        "Groups": lambda: Undecided(Outside(ANYWHERE), "the addresses of cloud groups are not known"),
        "Nodes": lambda: Some(
            tuple(All((HOSTS, selector(entry, "node"))) for entry in maps(written, "nodes"))
        ),
    }
    return readers[name]()


def _endpoints(written: object, namespace: str) -> Term:
    found = maps(written, "endpoints")
    if not found:
        return Undecided(EVERYBODY, "an empty list of endpoints has no meaning that is documented")
    return Some(tuple(endpoints(entry, namespace) for entry in found))


def _services(written: object, facts: Facts) -> Term:
    terms: list[Term] = []
    for entry in maps(written, "services"):
        fields(entry, "a service", ("k8sService", "k8sServiceSelector"))
        if entry.get("k8sService") is None:
            chosen = fields(entry.get("k8sServiceSelector"), "k8sServiceSelector", ("selector", "namespace"))
            terms.append(facts.services(str(chosen.get("namespace") or ""), chosen.get("selector")))
            continue
        known = fields(entry["k8sService"], "k8sService", ("serviceName", "namespace"))
        terms.append(facts.service(str(known.get("namespace") or ""), str(known.get("serviceName"))))
    return Some(tuple(terms))


def _ports(part: Fields) -> tuple[Intervals, tuple[NamedPort, ...]]:
    fields(part, "toPorts", ("ports", *_LAYER_7))
    written = maps(part.get("ports"), "ports")
    if not written:
        return EVERY, ()
    found: Intervals = EMPTY
    named: tuple[NamedPort, ...] = ()
    for port in written:
        fields(port, "a port", ("port", "endPort", "protocol"))
        spoken = _protocols(port.get("protocol"))
        number, end = str(port.get("port", "")), port.get("endPort")
        if number in ("", "0"):
            found = union((*found, *(row for name in spoken for row in ports(PROTOCOLS[name]))))
        elif number.isdecimal():
            low = int(number[:7])
            high = end if end not in (None, 0) else low
            found = union((*found, *(row for name in spoken for row in port_range(name, low, high))))
        else:
            named = (*named, *(NamedPort(name=port_name(number.lower()), protocol=name) for name in spoken))
    return found, named


def _protocols(written: object) -> tuple[str, ...]:
    match written:
        case None | "" | "ANY":
            return tuple(PROTOCOLS)
        case str() if written.upper() in PROTOCOLS:
            return (written.upper(),)
        case _:
            raise Invalid(f"unknown protocol {written!r}: TCP, UDP, SCTP, ANY")


def _icmp(written: Fields) -> Intervals:
    """A question about ICMP is about a new echo: rules for other types do not match it."""
    found: Intervals = EMPTY
    for entry in maps(fields(written, "icmps", ("fields",)).get("fields"), "fields"):
        family = entry.get("family") or "IPv4"
        if not isinstance(family, str) or family not in _ECHO:
            raise Invalid(f"unknown family {family!r}: IPv4, IPv6")
        protocol, echo = _ECHO[family]
        if entry.get("type") in (echo, str(echo), "EchoRequest"):
            found = union((*found, *ports(NUMBERS[protocol])))
    return found
