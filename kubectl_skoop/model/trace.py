"""What happened to a packet inside one namespace, step by step."""

from typing import Literal, NamedTuple

from kubectl_skoop.model.place import Where

StepKind = Literal[
    "device", "bridge", "neighbour", "route", "rule", "policy", "conntrack", "nat", "tunnel", "socket", "send"
]


class Trace(NamedTuple):
    """One step. `text` is the rule, route or setting as the usual tool prints it; `effect` what it did."""

    kind: StepKind
    where: Where
    text: str
    effect: str = ""
    tool: str = ""
    """Of a rule or policy: the back end that it belongs to (iptables-legacy, iptables-nft, nft)."""
