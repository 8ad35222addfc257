"""Which tables switch conntrack on for their families, whether a packet meets the rule or not (K-5).

Kernel: the callers of nf_ct_netns_get; `notrack` and an empty nat chain are none.
"""

from collections.abc import Iterator

from kubectl_skoop.netstack.netfilter.nft.document import field, single
from kubectl_skoop.netstack.netfilter.nft.ruleset import NftTable

_STATEMENTS = frozenset(
    {"ct", "ct count", "ct helper", "ct timeout", "ct expectation", "snat", "dnat", "masquerade", "redirect"}
    | {"flow", "synproxy"}
)
_XT = frozenset(
    {"conntrack", "state", "connmark", "connbytes", "connlabel", "connlimit", "helper", "cluster", "nat"}
    | {"DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "CONNMARK", "CONNSECMARK", "SYNPROXY", "CT"}
)


def needs_conntrack(table: NftTable) -> bool:
    return any(
        _mentions(expression)
        for chain in table.chains.values()
        for rule in chain.json_rules
        for expression in _values(field(rule, "expr"))
    )


def _mentions(json: object) -> bool:
    pending = [json]
    while pending:
        value = pending.pop()
        kind, body = single(value)
        if kind in _STATEMENTS or value in ("masquerade", "redirect"):
            return True
        if kind == "xt" and str(field(body, "name")) in _XT:
            return True
        pending += _values(value)
    return False


def _values(json: object) -> Iterator[object]:
    if isinstance(json, dict):
        yield from json.values()
    elif isinstance(json, list):
        yield from json
