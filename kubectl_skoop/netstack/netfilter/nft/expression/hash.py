"""`numgen`, `jhash`, `symhash`: numbers that nobody can foretell (nft_numgen.c, nft_hash.c)."""

from kubectl_skoop.netstack.netfilter.nft import datatype as types
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.expression.value import Random

MAX_MODULUS = 65536


def parse_numgen(body: object) -> Random:
    """Incremental ones give each number equally often, too. Raises Unmodelled."""
    return _random(body, f"numgen {field(body, 'mode')}")


def parse_hash(body: object) -> Random:
    """The seed is not readable where it was drawn, so each result is as likely. Raises Unmodelled."""
    return _random(body, "hash")


def _random(body: object, what: str) -> Random:
    modulus, offset = field(body, "mod"), field(body, "offset") or 0
    if not isinstance(modulus, int) or not isinstance(offset, int) or not 0 < modulus <= MAX_MODULUS:
        raise Unmodelled(f"{what} mod {modulus}")
    return Random((types.INTEGER,), f"{what} mod {modulus}", range(offset, offset + modulus))
