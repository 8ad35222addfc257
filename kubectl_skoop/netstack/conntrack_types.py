"""Conntrack entries (NFNL_SUBSYS_CTNETLINK)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address, Network


class Tuple(NamedTuple):
    """One direction of a connection. For ICMP `sport` is the id, `dport` type·256+code."""

    src: Address
    dst: Address
    protocol: int
    sport: int = 0
    dport: int = 0


class ConntrackEntry(NamedTuple):
    """A connection as the table of the dump has it."""

    original: Tuple
    reply: Tuple
    status: int = 0
    """IPS_*: seen_reply 0x2, assured 0x4, confirmed 0x8, src_nat 0x10, dst_nat 0x20."""
    tcp_state: str = ""
    mark: int = 0
    zone: int = 0
    reply_zone: int | None = None
    """Where the tuple of the replies is found, if elsewhere (CT --zone-orig, --zone-reply)."""
    timeout: int = 0
    """Seconds left at collection."""
    helper: str = ""
    """That reads it; empty: none."""
    master: Tuple | None = None
    """Of one that a helper expected: the original direction of the connection that it read."""
    labels: int | None = 0
    """A bit for each; None: they are in the table, and not known (redacted)."""

    @property
    def zone_of_replies(self) -> int:
        return self.zone if self.reply_zone is None else self.reply_zone


class Expectation(NamedTuple):
    """A connection that a helper waits for (struct nf_conntrack_expect)."""

    wanted: Tuple
    source_mask: int
    """Which bits of the source address count; all of the destination do."""
    port_mask: int
    """The same of the source port."""
    master: Tuple
    """The original direction of the connection that the helper reads."""
    zone: int = 0
    helper: str = ""
    translates: bool = False
    """The helper will translate it, as the one that it reads is translated."""

    def fits(self, packet: Tuple) -> bool:
        """nf_ct_tuple_mask_cmp."""
        ports = (packet.sport ^ self.wanted.sport) & self.port_mask
        sources = (int(packet.src) ^ int(self.wanted.src)) & self.source_mask
        there = (packet.src.version, packet.dst, packet.protocol, packet.dport)
        return (
            not ports
            and not sources
            and there
            == (
                self.wanted.src.version,
                self.wanted.dst,
                self.wanted.protocol,
                self.wanted.dport,
            )
        )


class ConntrackCut(NamedTuple):
    """Which entries of the table were kept when it was read."""

    addresses: frozenset[Address] = frozenset()
    pairs: frozenset[frozenset[Address]] = frozenset()
    """Entries between two addresses."""
    networks: tuple[Network, ...] = ()
    """Entries between two addresses of these."""
    everything: bool = False
    """The above do not count."""
    left_out: int = 0
    """Entries above the number that is kept."""

    def leaves_out(self, wanted: Tuple) -> str:
        """Why it is not known whether there is an entry that was not found; empty: there is none."""
        if not self._keeps(frozenset({wanted.src, wanted.dst})):
            return f"entries between {wanted.src} and {wanted.dst} were left out when it was read"
        return f"{self.left_out} entries were left out when it was read" if self.left_out else ""

    def _keeps(self, ends: frozenset[Address]) -> bool:
        if self.everything or ends & self.addresses or ends in self.pairs:
            return True
        return all(any(end in network for network in self.networks) for end in ends)
