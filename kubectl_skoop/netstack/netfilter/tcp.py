"""The TCP states of conntrack (nf_conntrack_proto_tcp.c), as far as one packet's fate depends on them."""

from typing import Literal

from kubectl_skoop.model.packet import TcpFlags

NONE, ESTABLISHED, TIME_WAIT, CLOSE = "NONE", "ESTABLISHED", "TIME_WAIT", "CLOSE"
SYN_SENT, SYN_RECV = "SYN_SENT", "SYN_RECV"
INVALID, IGNORE = "invalid", "ignore"

Segment = Literal["syn", "synack", "fin", "ack", "rst", "none"]

_STATES = (
    NONE,
    SYN_SENT,
    SYN_RECV,
    ESTABLISHED,
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    TIME_WAIT,
    CLOSE,
    "SYN_SENT2",
)
_CODES = dict(
    zip(
        ("NO", "SS", "SR", "ES", "FW", "CW", "LA", "TW", "CL", "S2", "IV", "IG"),
        (*_STATES, INVALID, IGNORE),
        strict=True,
    )
)
_ORIGINAL: dict[Segment, str] = {
    "syn": "SS SS IG IG IG IG IG SS SS S2",
    "synack": "IV IV SR IV IV IV IV IV IV SR",
    "fin": "IV IV FW FW LA LA LA TW CL IV",
    "ack": "ES IV ES ES CW CW TW TW CL IV",
    "rst": "IV CL CL CL CL CL CL CL CL CL",
    "none": "IV IV IV IV IV IV IV IV IV IV",
}
_REPLY: dict[Segment, str] = {
    "syn": "IV S2 IV IV IV IV IV SS IV S2",
    "synack": "IV SR IG IG IG IG IG IG IG SR",
    "fin": "IV IV FW FW LA LA LA TW CL IV",
    "ack": "IV IG SR ES CW CW TW TW CL IG",
    "rst": "IV CL CL CL CL CL CL CL CL CL",
    "none": "IV IV IV IV IV IV IV IV IV IV",
}
_VALID_FLAGS = frozenset(
    {
        TcpFlags.SYN,
        TcpFlags.SYN | TcpFlags.URG,
        TcpFlags.SYN | TcpFlags.ACK,
        TcpFlags.RST,
        TcpFlags.RST | TcpFlags.ACK,
        TcpFlags.FIN | TcpFlags.ACK,
        TcpFlags.FIN | TcpFlags.ACK | TcpFlags.URG,
        TcpFlags.ACK,
        TcpFlags.ACK | TcpFlags.URG,
    }
)


def _table(rows: dict[Segment, str]) -> dict[tuple[Segment, str], str]:
    return {
        (segment, state): _CODES[code]
        for segment, row in rows.items()
        for state, code in zip(_STATES, row.split(), strict=True)
    }


_NEXT = {False: _table(_ORIGINAL), True: _table(_REPLY)}


def segment(flags: TcpFlags) -> Segment:
    """get_conntrack_index."""
    if flags & TcpFlags.RST:
        return "rst"
    if flags & TcpFlags.SYN:
        return "synack" if flags & TcpFlags.ACK else "syn"
    if flags & TcpFlags.FIN:
        return "fin"
    return "ack" if flags & TcpFlags.ACK else "none"


def valid_flags(flags: TcpFlags) -> bool:
    """tcp_error: combinations outside of this list are INVALID."""
    return (flags & ~TcpFlags.PSH) in _VALID_FLAGS


def next_state(state: str, flags: TcpFlags, *, reply: bool) -> str:
    """The state after this segment; INVALID, or IGNORE for one that passes and changes nothing."""
    return _NEXT[reply][segment(flags), state]


def new_state(flags: TcpFlags, *, loose: bool) -> str:
    """Of a segment without an entry (tcp_new, K-19); INVALID if it cannot open or be picked up."""
    state = next_state(NONE, flags, reply=False)
    return state if state == SYN_SENT or loose else INVALID
