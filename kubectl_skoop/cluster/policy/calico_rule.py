"""One rule of a Calico policy."""

from collections.abc import Iterator, Sequence

from kubectl_skoop.cluster.policy.address import IPV4, IPV6
from kubectl_skoop.cluster.policy.calico_peer import Sets, side
from kubectl_skoop.cluster.policy.interval import EMPTY, Intervals, intersect, subtract, union
from kubectl_skoop.cluster.policy.port import EVERY, NUMBERS, PROTOCOLS, ports, protocol_name
from kubectl_skoop.cluster.policy.rule import Direction, Invalid, NamedPort, Rule, Verdict
from kubectl_skoop.cluster.policy.term import All, InBlock, Not, Term
from kubectl_skoop.cluster.policy.written import Fields, fields, listed, port_name, port_range
from kubectl_skoop.cluster.raw import dig

_FIELDS = (
    "action",
    "name",
    "protocol",
    "notProtocol",
    "ipVersion",
    "icmp",
    "notICMP",
    "source",
    "destination",
    "http",
    "metadata",
)
_ACTIONS = {"allow": Verdict.ACCEPT, "deny": Verdict.DENY, "pass": Verdict.NEXT}
_ECHO = {NUMBERS["ICMP"]: 8, NUMBERS["ICMPV6"]: 128}
"""The type of the ICMP message that a question is about."""


def calico_rule(
    entry: Fields, where: str, *, direction: Direction, namespace: str, sets: Sets
) -> Iterator[Rule]:
    """None for the action Log, which decides nothing. Raises: Invalid."""
    fields(entry, "a rule", _FIELDS)
    action = entry.get("action")
    if isinstance(action, str) and action.lower() == "log":
        return
    if not isinstance(action, str) or action.lower() not in _ACTIONS:
        raise Invalid(f"unknown action {action!r}: Allow, Deny, Pass, Log")
    ends = ("source", "destination") if direction == "ingress" else ("destination", "source")
    peers, own = (side(entry.get(end), namespace, sets) for end in ends)
    matched, named = _ports(entry)
    yield Rule(
        verdict=_ACTIONS[action.lower()],
        peers=_of_version(peers, entry.get("ipVersion")),
        ports=matched,
        named=named,
        subject=own if entry.get(ends[1]) is not None else None,
        doubt=_doubt(entry),
        where=where,
    )


def _doubt(entry: Fields) -> str:
    if entry.get("http") is not None:
        return "it depends on the HTTP request (layer 7)"
    if dig(entry, "source", "ports") or dig(entry, "source", "notPorts"):
        return "it depends on the sender's port"
    if entry.get("notICMP") is not None:
        return "it depends on the ICMP type"
    return ""


def _of_version(peers: Term, version: object) -> Term:
    match version:
        case None:
            return peers
        case 4 | 6:
            return All((peers, Not(InBlock(IPV6 if version == 4 else IPV4))))
        case _:
            raise Invalid(f"ipVersion {version!r}: 4, 6")


def _ports(entry: Fields) -> tuple[Intervals, tuple[NamedPort, ...]]:
    rows = _row(entry.get("protocol"))
    if entry.get("notProtocol") is not None:
        rows = subtract(rows, _row(entry.get("notProtocol")))
    rows = _of_type(rows, entry)
    wanted = listed(dig(entry, "destination", "ports"), "ports")
    unwanted = listed(dig(entry, "destination", "notPorts"), "notPorts")
    spoken = [name for name, number in PROTOCOLS.items() if intersect(rows, ports(number))]
    if (wanted or unwanted) and (entry.get("protocol") is None or not spoken):
        raise Invalid("ports need the protocol TCP, UDP or SCTP")
    matched, named = _destination(wanted, spoken) if wanted else (rows, ())
    without, nameless = _destination(unwanted, spoken)
    if nameless:
        raise Invalid(f"notPorts with the named port {nameless[0].name!r} is not judged")
    return subtract(matched, without), named


def _destination(written: Sequence[object], spoken: list[str]) -> tuple[Intervals, tuple[NamedPort, ...]]:
    found: Intervals = EMPTY
    named: tuple[NamedPort, ...] = ()
    for port in written:
        for protocol in spoken:
            match port:
                case str() if port.replace(":", "").isdecimal():
                    low, _, high = port.partition(":")
                    part = port_range(protocol, _number(low), _number(high or low))
                    found = union((*found, *part))
                case str():
                    named = (*named, NamedPort(name=port_name(port), protocol=protocol))
                case _:
                    found = union((*found, *port_range(protocol, port, port)))
    return found, named


def _number(digits: str) -> int:
    if not digits.isdecimal() or len(digits) > 5:
        raise Invalid(f"port {digits[:20]!r}: 1 to 65535")
    return int(digits)


def _row(written: object) -> Intervals:
    """All of a protocol, by name or number."""
    match written:
        case None:
            return EVERY
        case str() if written.upper() in NUMBERS:
            return ports(NUMBERS[written.upper()])
        case str() if written.isdecimal() and len(written) < 4 and 1 <= int(written) <= 255:
            return ports(int(written))
        case int() if not isinstance(written, bool) and 1 <= written <= 255:
            return ports(written)
        case _:
            raise Invalid(f"unknown protocol {written!r}")


def _of_type(rows: Intervals, entry: Fields) -> Intervals:
    """A question about ICMP is about a new echo: rules for other types do not match it."""
    icmp = entry.get("icmp")
    if icmp is None:
        return rows
    kind = fields(icmp, "icmp", ("type", "code")).get("type")
    for number, echo in _ECHO.items():
        if rows == ports(number):
            return rows if kind in (None, echo) else EMPTY
    names = " or ".join(protocol_name(number) for number in _ECHO)
    raise Invalid(f"icmp needs the protocol {names}")
