"""Comparisons of the protocol that a rule makes in the kernel, whether nft lists them or not (K-25).

nft 1.0.6 lists `meta protocol ip6 ip ttl 9` as `ip ttl 9` alone. The agent reads from the kernel's own rules
what nft may take for implied (collect/nfnetlink/nft_checks.py); here it is put back where it stands.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kubectl_skoop.netstack.netfilter.nft.datatype import Value
from kubectl_skoop.netstack.netfilter.nft.expression.meta import Meta
from kubectl_skoop.netstack.netfilter.nft.expression.payload import Payload
from kubectl_skoop.netstack.netfilter.nft.expression.value import Expression
from kubectl_skoop.netstack.netfilter.nft.statement.match import Comparison

NFPROTO = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
FIELDS: Mapping[str, Expression] = {
    **{f"meta {key}": Meta(key) for key in ("protocol", "iiftype", "nfproto", "l4proto")},
    **{
        f"{layer} {field}": Payload(layer, field, checked=True)
        for layer, fields in (
            ("ether", ("type",)),
            ("vlan", ("type",)),
            ("ip", ("protocol",)),
            ("ip6", ("nexthdr",)),
            ("arp", ("htype", "ptype", "hlen", "plen")),
        )
        for field in fields
    },
}
"""What may be compared."""


class Check(NamedTuple):
    after: int
    """How many statements, matches aside, stand before it."""
    comparison: Comparison


class RuleChecks(NamedTuple):
    statements: int
    """How many the rule has, matches aside."""
    checks: tuple[Check, ...]
    ranges: int | None = None
    """How many of its matches are of a range; None: an older agent did not count them."""

    def at(self, passed: int) -> Iterator[Comparison]:
        """Those that stand behind so many statements, and before the next."""
        return (check.comparison for check in self.checks if check.after == passed)


NOT_READ = RuleChecks(-1, ())
"""Of a rule that is listed, but was not there when the kernel's own rules were read."""
ByHandle = Mapping[int, RuleChecks]


def read_checks(nft_raw: object) -> dict[tuple[str, str], ByHandle]:
    """By family and name of a table, then by the handle of a rule; empty if an older agent wrote the dump."""
    checks = _get(nft_raw, "checks")
    kinds = [_rule_checks(kind) for kind in _list(_get(checks, "kinds"))]
    return {
        (NFPROTO.get(family, ""), str(_get(entry, "table"))): dict(_by_handle(entry, kinds))
        for entry in _list(_get(checks, "rules"))
        if isinstance(family := _get(entry, "family"), int)
    }


def _by_handle(entry: object, kinds: Sequence[RuleChecks | None]) -> Iterator[tuple[int, RuleChecks]]:
    for handle, index in zip(_list(_get(entry, "handles")), _list(_get(entry, "kinds")), strict=False):
        if isinstance(handle, int) and isinstance(index, int) and 0 <= index < len(kinds):
            kind = kinds[index]
            if kind is not None:
                yield handle, kind


def _rule_checks(kind: object) -> RuleChecks | None:
    """None: not what the agent writes."""
    statements, listed = _get(kind, "statements"), _list(_get(kind, "checks"))
    checks = [_check(each) for each in listed]
    if not isinstance(statements, int) or None in checks:
        return None
    ranges = _get(kind, "ranges")
    return RuleChecks(
        statements,
        tuple(check for check in checks if check is not None),
        ranges if isinstance(ranges, int) else None,
    )


def _check(listed: object) -> Check | None:
    match listed:
        case [int(after), str(field), bool(equal), int(value)] if field in FIELDS:
            return Check(after, Comparison(FIELDS[field], _test(equal, value)))
    return None


def _test(equal: bool, wanted: int) -> Callable[[Value], bool]:
    return lambda value: (value == wanted) == equal


def _get(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
