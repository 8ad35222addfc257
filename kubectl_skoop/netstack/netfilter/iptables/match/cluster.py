"""-m cluster: the nodes of a cluster share connections by a hash of their sources."""

from dataclasses import dataclass

from kubectl_skoop.model.packet import Address, PacketType
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.conntrack import Connection, connection_of
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.types import RuleContext

_WORD = 0xFFFFFFFF
_JHASH = 0xDEADBEEF
"""JHASH_INITVAL"""
_WORD_LENGTH = 1 << 2
_MOST_NODES = 32


@dataclass(frozen=True, slots=True)
class Cluster:
    """Kernel: xt_cluster.c, xt_cluster_mt: never without a connection, negated or not."""

    nodes: int
    mask: int
    """Of those that this one stands for."""
    seed: int
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        group = ctx.packet.dst.is_multicast
        if ctx.passage.packet_type is PacketType.MULTICAST and not group:
            return Unknown("that a frame to a group counts as one for this node from here on")
        connection = connection_of(ctx.passage)
        if connection is None:
            return False
        source = _source(connection)
        if isinstance(source, Unknown):
            return source
        node = _hash(source, self.seed) * self.nodes >> 32
        return bool(self.mask >> node & 1) != self.negated


def _source(connection: Connection) -> Address | Unknown:
    """Of the connection that it belongs to, if a helper expected it."""
    if connection.expected is not None:
        return connection.expected.master.src
    if connection.master is not None:
        return connection.master.src
    return connection.original.src


def _hash(address: Address, seed: int) -> int:
    """xt_cluster_hash_ipv4, xt_cluster_hash_ipv6, which take the first 32 bits of the address (jhash2 is told
    a length of one word), as a processor has them that has the lowest byte first, which is assumed."""
    start = _JHASH + _WORD_LENGTH + seed
    return _final(start + int.from_bytes(address.packed[:4], "little") & _WORD, start & _WORD, start & _WORD)


def _rotated(value: int, shift: int) -> int:
    return (value << shift | value >> 32 - shift) & _WORD


def _final(a: int, b: int, c: int) -> int:
    """__jhash_final"""
    for shift_c, shift_a, shift_b in ((14, 11, 25), (16, 4, 14)):
        c = (c ^ b) - _rotated(b, shift_c) & _WORD
        a = (a ^ c) - _rotated(c, shift_a) & _WORD
        b = (b ^ a) - _rotated(a, shift_b) & _WORD
    return (c ^ b) - _rotated(b, 24) & _WORD


def _parse(options: Options) -> Cluster:
    mask = options.require("--cluster-local-nodemask")
    nodes = number(options.require("--cluster-total-nodes").values[0])
    if not 0 < nodes <= _MOST_NODES:
        raise Unreadable(f"--cluster-total-nodes {nodes}")
    seed = number(options.require("--cluster-hash-seed").values[0])
    return Cluster(nodes, number(mask.values[0]), seed, mask.negated)


_OPTIONS = ("--cluster-total-nodes", "--cluster-local-nodemask", "--cluster-hash-seed")
KINDS = {"cluster": MatchKind(dict.fromkeys(_OPTIONS, 1), _parse)}
