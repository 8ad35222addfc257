"""`numgen`, `jhash`, `symhash`: numbers that nobody can foretell (nft_numgen.c, nft_hash.c)."""

from dataclasses import dataclass
from fractions import Fraction

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled, unknown_part
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.expression.value import Absent, Expression, Random, Reading
from kubectl_skoop.netstack.netfilter.types import RuleContext

MAX_MODULUS = 65536
_MAX_FOLLOWED = 64
"""Results of a hash that are told apart; of one with more of them each packet draws anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Hash:
    """The seed is not read, so each result is as likely; but the same input has the same one again."""

    values: range
    what: str
    seed: int | None
    """None: the kernel drew one for this expression alone (nft_jhash_init)."""
    hashed: Expression
    types: tuple[Datatype, ...] = (types.INTEGER,)

    def read(self, ctx: RuleContext) -> Reading:
        given = self.hashed.read(ctx)
        if isinstance(given, Absent):
            return given
        if isinstance(given, Unknown) or unknown_part(given):
            return Random(self.types, self.what, self.values).read(ctx)
        share = Fraction(1, len(self.values))
        whose = self if self.seed is None else (self.what, self.seed, self.values)
        key = ctx.stack.ns.id, whose, given
        return ctx.stack.choices.pick_by_hash(key, self.what, [(share, value) for value in self.values])


@dataclass(frozen=True, slots=True)
class BothEnds:
    """What is alike in both directions of a flow (__skb_get_hash_symmetric_net)."""

    types: tuple[Datatype, ...] = ()

    def read(self, ctx: RuleContext) -> Reading:
        packet = ctx.frame
        if not isinstance(packet, Packet):
            return 0
        ends = sorted(((int(packet.src), packet.sport), (int(packet.dst), packet.dport)))
        return packet.protocol, *ends[0], *ends[1]


def parse_numgen(body: object) -> Random:
    """Incremental ones give each number equally often, too. Raises Unmodelled."""
    what = f"numgen {field(body, 'mode')} mod {field(body, 'mod')}"
    return Random((types.INTEGER,), what, _values(body, what))


def parse_jhash(body: object, hashed: Expression) -> Hash | Random:
    """Raises Unmodelled."""
    seed = field(body, "seed")
    return _hash(body, "jhash", seed if isinstance(seed, int) else None, hashed)


def parse_symhash(body: object) -> Hash | Random:
    """Raises Unmodelled."""
    return _hash(body, "symhash", 0, BothEnds())


def _hash(body: object, name: str, seed: int | None, hashed: Expression) -> Hash | Random:
    what = f"{name} mod {field(body, 'mod')}"
    values = _values(body, what)
    if len(values) > _MAX_FOLLOWED:
        return Random((types.INTEGER,), what, values)
    return Hash(values, what, seed, hashed)


def _values(body: object, what: str) -> range:
    modulus, offset = field(body, "mod"), field(body, "offset") or 0
    if not isinstance(modulus, int) or not isinstance(offset, int) or not 0 < modulus <= MAX_MODULUS:
        raise Unmodelled(what)
    return range(offset, offset + modulus)
