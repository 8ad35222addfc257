"""Statements after which the simulator cannot follow, and xt extensions without their parameters (K-25)."""

from dataclasses import dataclass

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.document import field
from kubectl_skoop.netstack.netfilter.nft.statement.mangle import Ignored
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Outcome
from kubectl_skoop.netstack.netfilter.types import RuleContext, Stolen

_HARMLESS = frozenset({"comment", "LOG", "NFLOG"})


@dataclass(frozen=True, slots=True)
class Opaque:
    unknown: Unknown

    def execute(self, ctx: RuleContext) -> Outcome:
        return Stolen(self.unknown)


def parse_xt(body: object) -> Opaque | Undecidable | Ignored:
    name = str(field(body, "name"))
    if name in _HARMLESS:
        return Ignored()
    unknown = Unknown(f"the parameters of the xtables extension {name} are not in the nft listing")
    return Undecidable(unknown) if field(body, "type") == "match" else Opaque(unknown)
