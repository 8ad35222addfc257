"""From the JSON of an expression to the expression. Here a new one is entered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kubectl_skoop.netstack.netfilter.nft.datatype import Datatype, Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import field, items, single
from kubectl_skoop.netstack.netfilter.nft.expression.combine import (
    OPERATORS,
    Concatenation,
    MapLookup,
    Operation,
)
from kubectl_skoop.netstack.netfilter.nft.expression.ct import parse_ct
from kubectl_skoop.netstack.netfilter.nft.expression.extension import (
    parse_chunk,
    parse_extension,
    parse_ip_option,
)
from kubectl_skoop.netstack.netfilter.nft.expression.fib import parse_fib
from kubectl_skoop.netstack.netfilter.nft.expression.hash import parse_jhash, parse_numgen, parse_symhash
from kubectl_skoop.netstack.netfilter.nft.expression.ipsec import parse_ipsec
from kubectl_skoop.netstack.netfilter.nft.expression.meta import parse_meta
from kubectl_skoop.netstack.netfilter.nft.expression.option import parse_option
from kubectl_skoop.netstack.netfilter.nft.expression.payload import parse_payload
from kubectl_skoop.netstack.netfilter.nft.expression.route import parse_route
from kubectl_skoop.netstack.netfilter.nft.expression.socket import parse_socket
from kubectl_skoop.netstack.netfilter.nft.expression.value import Constant, Expression
from kubectl_skoop.netstack.netfilter.nft.pattern import parse_value
from kubectl_skoop.netstack.netfilter.nft.sets import NamedSet, parse_value_map

_LEAVES: dict[str, Callable[[object], Expression]] = {
    "meta": parse_meta,
    "fib": parse_fib,
    "numgen": parse_numgen,
    "symhash": parse_symhash,
    "tcp option": parse_option,
    "exthdr": parse_extension,
    "ip option": parse_ip_option,
    "sctp chunk": parse_chunk,
    "socket": parse_socket,
    "ipsec": parse_ipsec,
    "rt": parse_route,
}
MAX_DEPTH = 32
UNTRACKED = frozenset({"netdev", "arp"})
"""The kernel takes no rule of these families that asks for a connection (nf_ct_netns_get)."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the rules of one table can refer to."""

    family: str
    sets: Mapping[str, NamedSet]
    checked: bool = False
    """The rule's own comparisons of the protocol are known, so none need be guessed."""

    def named(self, reference: object) -> NamedSet | None:
        """Of `"@name"`; None for anything else. Raises Unmodelled if the table does not have it."""
        if not isinstance(reference, str) or not reference.startswith("@"):
            return None
        found = self.sets.get(reference[1:])
        if found is None:
            raise Unmodelled(f"the set {reference}, which the table does not have,")
        return found


def parse_expression(json: object, scope: Scope, depth: int = 0) -> Expression:
    """Anything that is read from the packet. Raises Unmodelled."""
    if depth > MAX_DEPTH:
        raise Unmodelled("an expression nested this deep")
    kind, body = single(json)
    if kind == "payload":
        return parse_payload(body, checked=scope.checked)
    if kind in _LEAVES:
        return _LEAVES[kind](body)
    if kind == "jhash":
        return parse_jhash(body, parse_expression(field(body, "expr"), scope, depth + 1))
    if kind == "ct" and scope.family in UNTRACKED:
        raise Unmodelled(f"ct in a table of family {scope.family}")
    if kind == "ct":
        return parse_ct(body, scope.family)
    if kind == "concat":
        return Concatenation(tuple(parse_expression(each, scope, depth + 1) for each in items(body)))
    if kind in OPERATORS:
        operands = items(body)
        if not operands:
            raise Unmodelled(f"{kind} of nothing")
        result = parse_expression(operands[0], scope, depth + 1)
        for each in operands[1:]:
            result = Operation(kind, result, parse_operand(each, result.types, scope, depth + 1))
        return result
    if kind == "map":
        return _parse_map(body, scope, depth)
    raise Unmodelled(f"the expression {kind or json!r}")


def parse_operand(json: object, types: Sequence[Datatype], scope: Scope, depth: int = 0) -> Expression:
    """A constant of these types, or an expression. Raises Unmodelled."""
    kind, _ = single(json)
    if (
        kind in _LEAVES
        or kind in ("payload", "ct", "jhash", "map")
        or (kind in OPERATORS and not _is_constant(json))
    ):
        return parse_expression(json, scope, depth)
    return Constant(tuple(types), parse_value(json, types))


def _is_constant(json: object) -> bool:
    """`{"|": ["syn", "ack"]}` is one, `{"|": [{"meta": …}, 1]}` is not."""
    kind, body = single(json)
    return not kind or (kind == "|" and isinstance(body, list) and all(_is_constant(each) for each in body))


def _parse_map(body: object, scope: Scope, depth: int) -> MapLookup:
    key = parse_expression(field(body, "key"), scope, depth + 1)
    data = field(body, "data")
    named = scope.named(data)
    if named is not None:
        return MapLookup(key, named, named.data_types)
    raise Unmodelled("a map whose result has no type")


def parse_mapping(json: object, types: Sequence[Datatype], scope: Scope) -> Expression:
    """As parse_operand; an anonymous map's data is of these types. Raises Unmodelled."""
    kind, body = single(json)
    kind_of_data, elements = single(field(body, "data"))
    if kind != "map" or kind_of_data != "set":
        return parse_operand(json, types, scope)
    key = parse_expression(field(body, "key"), scope)
    return MapLookup(key, parse_value_map(elements, key.types, types), tuple(types))
