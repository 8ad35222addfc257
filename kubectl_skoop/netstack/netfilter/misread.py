"""Native rules in tables of iptables-nft that its save text has otherwise, without a word (seen of 1.8.9).

It prints the rule without what it does not understand of an expression that it knows: look-ups in sets and
maps, ranges, fields of TCP and UDP, changes of a header. Where it does not know the expression it refuses.
"""

from collections.abc import Iterator, Mapping, Set

_RANGES = frozenset({"sport", "dport", "ttl", "hoplimit"})
_TRANSPORT = frozenset({"sport", "dport", "flags"})


def misread_tables(nft: object, saved: Set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of which only the listing of nft is right. `saved`: tables by family and name."""
    found: set[tuple[str, str]] = set()
    for rule in _rules(nft):
        table = str(rule.get("family")), str(rule.get("table"))
        if table in saved and table not in found and _misread(rule.get("expr")):
            found.add(table)
    return found


def _rules(nft: object) -> Iterator[Mapping[str, object]]:
    listed = nft.get("nftables") if isinstance(nft, Mapping) else None
    for entry in listed if isinstance(listed, list) else []:
        match entry:
            case {"rule": dict(rule)}:
                yield rule


def _misread(expressions: object) -> bool:
    for expression in expressions if isinstance(expressions, list) else []:
        match expression:
            case {"vmap": _} | {"mangle": {"key": {"payload": _}}} | {"match": {"left": {"concat": _}}}:
                return True
            case {"match": {"right": {"set": _} | {"map": _}}}:
                return True
            case {"match": {"right": str(name)}} if name.startswith("@"):
                return True
            case {"match": {"left": left, "right": {"range": _}}} if _field(left) not in _RANGES:
                return True
            case {"match": {"left": {"payload": {"protocol": "tcp" | "udp", "field": str(field)}}}}:
                if field not in _TRANSPORT:
                    return True
    return False


def _field(left: object) -> str:
    match left:
        case {"payload": {"field": str(field)}}:
            return field
    return ""
