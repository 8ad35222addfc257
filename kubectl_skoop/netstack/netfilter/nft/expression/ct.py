"""`ct state`, `ct status`, `ct mark`, `ct original saddr` … (nft_ct.c, nft_ct_get_eval)."""

from collections.abc import Callable
from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.accounting import Direction, carried, is_counted
from kubectl_skoop.netstack.netfilter.conntrack import Connection
from kubectl_skoop.netstack.netfilter.helper import helper_of
from kubectl_skoop.netstack.netfilter.labels import bits
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, text
from kubectl_skoop.netstack.netfilter.nft.expression.value import ABSENT, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext


def _helper(ctx: RuleContext, connection: Connection) -> Reading:
    """Of the connection that this one belongs to: without one, or without its helper, the rule ends."""
    return helper_of(ctx.stack, connection) or ABSENT


_DIRECTED = frozenset(
    {"saddr", "daddr", "ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr", "proto-src", "proto-dst"}
)
_UNREADABLE = frozenset({"expiration", "id"})
_DIRECTIONS: dict[object, Direction] = {None: "both", "original": "original", "reply": "reply"}
_PLAIN: dict[str, tuple[Datatype, Callable[[RuleContext, Connection], Reading]]] = {
    "direction": (types.CT_DIRECTION, lambda ctx, connection: int(ctx.passage.ct_reply)),
    "status": (types.CT_STATUS, lambda ctx, connection: connection.status),
    "mark": (types.MARK, lambda ctx, connection: connection.mark),
    "zone": (types.INTEGER, lambda ctx, connection: connection.zone),
    "l3proto": (types.NFPROTO, lambda ctx, connection: 2 if connection.original.src.version == 4 else 10),
    "helper": (types.NAME, _helper),
    "label": (types.CT_LABEL, lambda ctx, connection: bits(connection)),
    "protocol": (types.PROTOCOL, lambda ctx, connection: connection.original.protocol),
}


@dataclass(frozen=True, slots=True)
class CtState:
    """The only key that a packet without a connection has."""

    types: tuple[Datatype, ...] = (types.CT_STATE,)

    def read(self, ctx: RuleContext) -> Reading:
        return types.CT_STATE.symbols[conntrack.state(ctx.passage).lower()]


@dataclass(frozen=True, slots=True)
class Ct:
    key: str

    @property
    def types(self) -> tuple[Datatype, ...]:
        return (_PLAIN[self.key][0],) if self.key in _PLAIN else (types.INTEGER,)

    def read(self, ctx: RuleContext) -> Reading:
        connection = conntrack.connection_of(ctx.passage)
        if connection is None:
            return ABSENT
        if self.key in _UNREADABLE:
            return Unknown(f"ct {self.key} of the connection")
        return _PLAIN[self.key][1](ctx, connection)


@dataclass(frozen=True, slots=True)
class CtCarried:
    """`ct original packets`, `ct bytes`, `ct avgpkt`; 0 of a connection that is not counted."""

    key: str
    direction: Direction
    types: tuple[Datatype, ...] = (types.COUNTER,)

    def read(self, ctx: RuleContext) -> Reading:
        connection = conntrack.connection_of(ctx.passage)
        if connection is None:
            return ABSENT
        if not is_counted(ctx):
            return 0
        return carried(ctx, connection, self.direction, packets=self.key == "packets")


@dataclass(frozen=True, slots=True)
class CtTuple:
    """A field of the original or of the reply direction."""

    key: str
    reply: bool
    types: tuple[Datatype, ...]

    def read(self, ctx: RuleContext) -> Reading:
        connection = conntrack.connection_of(ctx.passage)
        if connection is None:
            return ABSENT
        value = connection.tuple(reply=self.reply)
        if self.key.startswith("proto"):
            return value.sport if self.key == "proto-src" else value.dport
        if types.IPV4 in self.types and value.src.version == 6:
            return ABSENT
        if types.IPV6 in self.types and value.src.version == 4:
            return ABSENT
        return int(value.src if self.key.endswith("saddr") else value.dst)


def parse_ct(body: object, family: str) -> CtState | Ct | CtCarried | CtTuple:
    """`family` of the table, for keys that do not name theirs. Raises Unmodelled."""
    key, direction = text(body, "key"), field(body, "dir")
    if key == "state":
        return CtState()
    if key in _DIRECTED and direction in ("original", "reply"):
        return CtTuple(key, direction == "reply", (_tuple_type(key, family),))
    if key in ("packets", "bytes", "avgpkt") and direction in _DIRECTIONS:
        return CtCarried(key, _DIRECTIONS[direction])
    if key in _PLAIN or key in _UNREADABLE:
        return Ct(key)
    raise Unmodelled(f"ct {key}")


def _tuple_type(key: str, family: str) -> Datatype:
    if key.startswith("proto"):
        return types.SERVICE
    if key.startswith("ip6") or (key in ("saddr", "daddr") and family == "ip6"):
        return types.IPV6
    return types.IPV4
