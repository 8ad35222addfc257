"""Connection tracking: which connection a packet belongs to, and what conntrack calls it.

Kernel: nf_conntrack_core.c (nf_conntrack_in, resolve_normal_ct, nf_conntrack_attach) and
nf_conntrack_proto_icmp.c.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.netstack.conntrack_types import ConntrackEntry, Expectation, Tuple
from kubectl_skoop.netstack.netfilter import expectation, tcp
from kubectl_skoop.netstack.netfilter.tuples import invert, is_icmp_error, tuple_of
from kubectl_skoop.netstack.stack import Stack

NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED = "NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"

IPS_EXPECTED, IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED = 0x1, 0x2, 0x4, 0x8
IPS_SRC_NAT, IPS_DST_NAT = 0x10, 0x20
IPS_NAT_MASK = IPS_SRC_NAT | IPS_DST_NAT
IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE = 0x80, 0x100
IPS_DYING = 0x200
IPS_OFFLOAD = 0x4000

_NOWHERE = -1
"""A zone that no connection has."""
_ZONE_MASK = 0xFFFF
_NEW_ICMP = frozenset({8, 13, 15, 17})
_NEW_ICMPV6 = frozenset({128, 139})
_UNTRACKED_ICMPV6 = frozenset({130, 131, 132, 133, 134, 135, 136, 143})
"""Multicast listener and neighbour discovery (nf_conntrack_proto_icmpv6.c, noct_valid_new; K-24)."""


@dataclass(slots=True, kw_only=True)
class Connection:
    """An entry of this branch. `original` is fixed; NAT bindings change `reply`."""

    original: Tuple
    reply: Tuple
    zone: int = 0
    reply_zone: int = 0
    """Of each tuple; they differ by CT --zone-orig, --zone-reply (nf_ct_zone_id)."""
    labels: set[str] | None = field(default_factory=set)
    """Numbers, or names as a rule has them; None: not known."""
    mark: int = 0
    status: int = 0
    """IPS_*."""
    tcp_state: str = ""
    masquerade_device: int = 0
    """Index of the device whose address MASQUERADE took; 0: none."""
    symbolic_port: bool = False
    """The kernel would have chosen the source port (or ICMP id) at random (K-8)."""
    existing: bool = False
    """Copied from the dump."""
    expected: Expectation | None = None
    """A helper waited for it."""
    master: Tuple | None = None
    """Of one from the dump that a helper waited for."""

    def tuple(self, *, reply: bool) -> Tuple:
        return self.reply if reply else self.original

    @property
    def confirmed(self) -> bool:
        return bool(self.status & IPS_CONFIRMED)

    @property
    def dead(self) -> bool:
        return bool(self.status & IPS_DYING)


class Template(NamedTuple):
    """What the CT target leaves on a packet before conntrack sees it."""

    zone: int = 0
    reply_zone: int = 0
    from_mark: bool = False
    """The zone is the packet's mark, where conntrack sees it; in the directions that have one."""

    def zones(self, mark: int) -> tuple[int, int]:
        """Of the original direction, of replies."""
        if not self.from_mark:
            return self.zone, self.reply_zone
        number = mark & _ZONE_MASK
        return number if self.zone else 0, number if self.reply_zone else 0


def connection_of(passage: Passage) -> Connection | None:
    """The connection the packet was found to belong to; None: not yet, invalid or untracked (skb_nfct)."""
    return passage.connection if isinstance(passage.connection, Connection) else None


def state(passage: Passage) -> str:
    """What `ct state` and `-m conntrack --ctstate` see: a packet without a connection is INVALID.

    With a template it is NEW (nf_ct_set in nft_ct_set_zone_eval and xt_ct_target).
    """
    return passage.ct_state or (NEW if isinstance(passage.connection, Template) else INVALID)


def set_untracked(passage: Passage) -> None:
    """NOTRACK, CT --notrack: only before conntrack has seen the packet."""
    if connection_of(passage) is None:
        passage.connection, passage.ct_state = None, UNTRACKED


def forget(passage: Passage) -> None:
    """IPVS without conntrack takes the packet's entry away (ip_vs_notrack)."""
    passage.connection, passage.ct_state, passage.ct_reply = None, UNTRACKED, False


def set_zone(passage: Passage, zone: int) -> None:
    """CT --zone."""
    set_template(passage, Template(zone, zone))


def set_template(passage: Passage, template: Template) -> None:
    """xt_ct_target: not if conntrack already saw the packet."""
    if connection_of(passage) is None and passage.ct_state != UNTRACKED:
        passage.connection = template


def attach(answer: Passage, cause: Passage) -> None:
    """An ICMP error or the RST of a REJECT belongs to its cause's connection (nf_conntrack_attach, K-15)."""
    connection = connection_of(cause)
    if connection is not None:
        answer.connection, answer.ct_state, answer.ct_reply = connection, RELATED, not cause.ct_reply


def find(stack: Stack, wanted: Tuple, zones: tuple[int, int] = (0, 0)) -> tuple[Connection, bool] | None:
    """The live connection with this tuple, and whether it is the tuple of its replies (nf_ct_key_equal)."""
    superseded = not stack.use_existing
    for connection in stack.connections:
        if (zones[0], wanted) == (connection.zone, connection.original) or (
            (zones[1], wanted) == (connection.reply_zone, connection.reply)
        ):
            if not connection.dead:
                return connection, wanted != connection.original
            superseded |= connection.existing
    if superseded:
        return None
    known = stack.ns.conntrack_by_tuple
    entry = known.get((zones[0], wanted)) or known.get((zones[1], wanted))
    if entry is None:
        return None
    connection = _copy(entry)
    stack.connections.append(connection)
    return connection, wanted != connection.original


def track(stack: Stack, packet: Packet, passage: Passage) -> None:
    """nf_conntrack_in: sets the passage's connection, state and direction."""
    if passage.ct_state == UNTRACKED or connection_of(passage) is not None:
        return
    zones = (0, 0) if not isinstance(passage.connection, Template) else passage.connection.zones(passage.mark)
    passage.connection, passage.ct_state, passage.ct_reply = None, INVALID, False
    if is_icmp_error(packet):
        _track_error(stack, packet, passage, zones)
    elif packet.protocol == Protocol.ICMPV6 and packet.icmp_type in _UNTRACKED_ICMPV6:
        passage.ct_state = UNTRACKED
    else:
        _track_flow(stack, packet, passage, zones)


def confirm(stack: Stack, passage: Passage) -> bool:
    """The entry exists once its first packet has passed the last hook (nf_conntrack_confirm, K-20).

    False: another connection has one of its tuples, and the packet is dropped (nf_ct_resolve_clash). A
    source port is made unique before that, but not what has no port, nor the one port that a rule allows.
    """
    connection = connection_of(passage)
    if connection is None or connection.confirmed or passage.ct_reply:
        return True
    original = taken(stack, connection.original, connection, connection.zone)
    if original or taken(stack, connection.reply, connection, connection.reply_zone):
        return False
    connection.status |= IPS_CONFIRMED
    stack.connections.append(connection)
    return True


def taken(stack: Stack, wanted: Tuple, own: Connection, zone: int) -> bool:
    """Another connection has this tuple (nf_conntrack_tuple_taken), of the direction with this zone.

    What is found by a hash with that zone must have it, too, as our own in the direction of what is found.
    """
    zones = (
        own.zone if own.zone == zone else _NOWHERE,
        own.reply_zone if own.reply_zone == zone else _NOWHERE,
    )
    found = find(stack, wanted, zones)
    return found is not None and found[0] is not own


def _track_error(stack: Stack, packet: Packet, passage: Passage, zones: tuple[int, int]) -> None:
    """nf_conntrack_inet_error: RELATED to the connection of the quoted packet, else INVALID."""
    if packet.quoted is None:
        return
    found = find(stack, invert(tuple_of(packet.quoted)), zones)
    if found is None:
        return
    connection, reply = found
    if packet.dst == connection.tuple(reply=reply).dst:
        passage.connection, passage.ct_state, passage.ct_reply = connection, RELATED, reply


def _track_flow(stack: Stack, packet: Packet, passage: Passage, zones: tuple[int, int]) -> None:
    if packet.protocol == Protocol.TCP and not tcp.valid_flags(packet.flags):
        return
    wanted = tuple_of(packet)
    found = find(stack, wanted, zones)
    if found is not None and _reopens(found[0], packet, reply=found[1]):
        found[0].status |= IPS_DYING
        found = None
    if found is None:
        connection = passage.connection = _create(stack, packet, wanted, zones)
        passage.ct_state = NEW if connection else INVALID
        if connection is not None and (expected := expectation.find(stack, wanted, zones[0])):
            connection.status |= IPS_EXPECTED
            connection.expected, connection.mark = expected, expectation.mark(stack, expected)
            passage.ct_state = RELATED
        return
    connection, reply = found
    if packet.protocol == Protocol.TCP and not _advance_tcp(connection, packet, reply=reply):
        return
    passage.connection, passage.ct_reply = connection, reply
    if reply:
        connection.status |= IPS_SEEN_REPLY
    passage.ct_state = ESTABLISHED if connection.status & IPS_SEEN_REPLY else NEW
    if passage.ct_state == NEW and connection.status & IPS_EXPECTED:
        passage.ct_state = RELATED


def _create(stack: Stack, packet: Packet, wanted: Tuple, zones: tuple[int, int]) -> Connection | None:
    connection = Connection(original=wanted, reply=invert(wanted), zone=zones[0], reply_zone=zones[1])
    if packet.protocol == Protocol.TCP:
        loose = bool(stack.ns.sysctls.number("net.netfilter.nf_conntrack_tcp_loose", 1))
        connection.tcp_state = tcp.new_state(packet.flags, loose=loose)
        return None if connection.tcp_state == tcp.INVALID else connection
    if packet.protocol == Protocol.ICMP:
        return connection if packet.icmp_type in _NEW_ICMP else None
    if packet.protocol == Protocol.ICMPV6:
        return connection if packet.icmp_type in _NEW_ICMPV6 else None
    return connection


def _reopens(connection: Connection, packet: Packet, *, reply: bool) -> bool:
    """A SYN on a closed connection deletes it and starts anew (nf_conntrack_tcp_packet, K-20)."""
    if packet.protocol != Protocol.TCP or connection.tcp_state not in (tcp.TIME_WAIT, tcp.CLOSE):
        return False
    return tcp.next_state(connection.tcp_state, packet.flags, reply=reply) == tcp.SYN_SENT


def _advance_tcp(connection: Connection, packet: Packet, *, reply: bool) -> bool:
    """False: the segment does not fit the connection and is INVALID."""
    old = connection.tcp_state or tcp.ESTABLISHED
    new = tcp.next_state(old, packet.flags, reply=reply)
    if new == tcp.INVALID:
        return False
    if new == tcp.IGNORE:
        return True
    connection.tcp_state = new
    if not connection.status & IPS_SEEN_REPLY:
        if tcp.segment(packet.flags) == "rst":
            connection.status |= IPS_DYING
    elif new == tcp.ESTABLISHED and old in (tcp.SYN_RECV, tcp.ESTABLISHED):
        connection.status |= IPS_ASSURED
    return True


def _copy(entry: ConntrackEntry) -> Connection:
    return Connection(
        original=entry.original,
        reply=entry.reply,
        zone=entry.zone,
        reply_zone=entry.zone_of_replies,
        mark=entry.mark,
        status=entry.status | IPS_CONFIRMED | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE,
        tcp_state=entry.tcp_state,
        existing=True,
        master=entry.master,
        labels=None if entry.labels is None else _label_numbers(entry.labels),
    )


def _label_numbers(bits: int) -> set[str]:
    return {str(number) for number in range(bits.bit_length()) if bits >> number & 1}
