"""How a statement ends: the rule goes on, the rule ends without a verdict, or the verdict."""

from enum import Enum, auto
from typing import Protocol

from kubectl_skoop.netstack.netfilter.types import RuleContext, Verdict


class Progress(Enum):
    NEXT = auto()
    """To the rule's next statement."""
    BREAK = auto()
    """The rule does not apply (NFT_BREAK)."""


Outcome = Progress | Verdict


class Executable(Protocol):
    def execute(self, ctx: RuleContext) -> Outcome: ...
