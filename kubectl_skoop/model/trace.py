"""What happened to a packet inside one namespace, step by step."""

from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.model.place import Where

StepKind = Literal[
    "device", "bridge", "neighbour", "route", "rule", "policy", "conntrack", "nat", "tunnel", "socket", "send"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One step. `text` is the rule, route or setting as the usual tool prints it; `effect` what it did."""

    kind: StepKind
    where: Where
    text: str
    effect: str = ""
    tool: str = ""
    """Of a rule or policy: the back end that it belongs to (iptables-legacy, iptables-nft, nft)."""
