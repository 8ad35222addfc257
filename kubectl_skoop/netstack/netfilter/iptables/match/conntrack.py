"""-m conntrack, -m state."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Passage
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.netfilter.conntrack import (
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_DST_NAT,
    IPS_EXPECTED,
    IPS_SEEN_REPLY,
    IPS_SRC_NAT,
    Connection,
    connection_of,
    state,
)
from kubectl_skoop.netstack.netfilter.iptables.address import MaskedAddress, masked_address
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Option, Options, Unreadable, interval, member
from kubectl_skoop.netstack.netfilter.iptables.protocol import protocol_number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_STATES = frozenset({"INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED"})
_NAT_STATES = {"SNAT": IPS_SRC_NAT, "DNAT": IPS_DST_NAT}
_STATUS = {
    "NONE": 0,
    "EXPECTED": IPS_EXPECTED,
    "SEEN_REPLY": IPS_SEEN_REPLY,
    "ASSURED": IPS_ASSURED,
    "CONFIRMED": IPS_CONFIRMED,
}
_ADDRESSES = {
    "--ctorigsrc": (False, "src"),
    "--ctorigdst": (False, "dst"),
    "--ctreplsrc": (True, "src"),
    "--ctrepldst": (True, "dst"),
}
_PORTS = {
    "--ctorigsrcport": (False, "sport"),
    "--ctorigdstport": (False, "dport"),
    "--ctreplsrcport": (True, "sport"),
    "--ctrepldstport": (True, "dport"),
}


class States(NamedTuple):
    """--ctstate, --state."""

    names: frozenset[str]
    negated: bool = False

    def covers(self, passage: Passage) -> bool:
        connection = connection_of(passage)
        found = state(passage) in self.names
        if connection is not None:
            found = found or any(
                name in self.names and connection.status & bit for name, bit in _NAT_STATES.items()
            )
        return found != self.negated


class AddressOf(NamedTuple):
    """--ctorigsrc, --ctorigdst, --ctreplsrc, --ctrepldst."""

    reply: bool
    side: str
    wanted: MaskedAddress
    negated: bool

    def covers(self, connection: Connection) -> bool:
        found = _direction(connection, self.reply)
        return self.wanted.contains(found.src if self.side == "src" else found.dst) != self.negated


class PortOf(NamedTuple):
    """--ctorigsrcport, --ctorigdstport, --ctreplsrcport, --ctrepldstport."""

    reply: bool
    side: str
    low: int
    high: int
    negated: bool

    def covers(self, connection: Connection) -> bool:
        found = _direction(connection, self.reply)
        port = found.sport if self.side == "sport" else found.dport
        return (self.low <= port <= self.high) != self.negated


class ProtocolOf(NamedTuple):
    """--ctproto."""

    protocol: int
    negated: bool

    def covers(self, connection: Connection) -> bool:
        return (connection.original.protocol == self.protocol) != self.negated


class StatusOf(NamedTuple):
    """--ctstatus."""

    mask: int
    negated: bool

    def covers(self, connection: Connection) -> bool:
        return bool(connection.status & self.mask) != self.negated


class Conntrack(NamedTuple):
    """Kernel: xt_conntrack.c, conntrack_mt.

    Without a connection only the state is looked at, and a rule that asks for no state never matches.
    """

    states: States | None = None
    reply: bool | None = None
    """--ctdir."""
    tests: tuple[AddressOf | PortOf | ProtocolOf | StatusOf, ...] = ()
    more: str = ""

    def matches(self, ctx: RuleContext) -> Ternary:
        passage = ctx.passage
        if self.states is not None and not self.states.covers(passage):
            return False
        connection = connection_of(passage)
        if connection is None:
            return self.states is not None
        if self.reply is not None and passage.ct_reply != self.reply:
            return False
        if not all(test.covers(connection) for test in self.tests):
            return False
        return Unknown(f"{self.more} is not modelled") if self.more else True


def _direction(connection: Connection, reply: bool) -> Tuple:
    return connection.reply if reply else connection.original


def _states(option: Option | None) -> States | None:
    if option is None:
        return None
    names = frozenset(option.values[0].split(","))
    if unknown := names - _STATES - _NAT_STATES.keys():
        raise Unreadable(f"state {', '.join(sorted(unknown))}")
    return States(names, option.negated)


def _parse(options: Options) -> Conntrack:
    tests: list[AddressOf | PortOf | ProtocolOf | StatusOf] = []
    reply: bool | None = None
    for option in options.given:
        name, value = option.name, option.values[0]
        if name in _ADDRESSES:
            tests.append(AddressOf(*_ADDRESSES[name], masked_address(value, options.family), option.negated))
        elif name in _PORTS:
            tests.append(PortOf(*_PORTS[name], *interval(value), option.negated))
        elif name == "--ctproto":
            tests.append(ProtocolOf(protocol_number(value.lower()), option.negated))
        elif name == "--ctstatus":
            tests.append(StatusOf(member(value, _STATUS), option.negated))
        elif name == "--ctdir":
            reply = (value.upper() == "REPLY") != option.negated
    return Conntrack(
        states=_states(options.find("--ctstate", "--state")),
        reply=reply,
        tests=tuple(tests),
        more="-m conntrack --ctexpire" if options.has("--ctexpire") else "",
    )


_OTHERS = ("--ctstate", "--ctproto", "--ctstatus", "--ctexpire", "--ctdir")

KINDS = {
    "conntrack": MatchKind(dict.fromkeys((*_OTHERS, *_ADDRESSES, *_PORTS), 1), _parse),
    "state": MatchKind({"--state": 1}, _parse),
}
