"""One rule of nft: statements from left to right until one ends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.document import field, too_deep
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable
from kubectl_skoop.netstack.netfilter.nft.statement.opaque import Opaque
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Executable, Progress
from kubectl_skoop.netstack.netfilter.nft.statement.parse import parse_statement
from kubectl_skoop.netstack.netfilter.nft.text import print_rule
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Stolen, Verdict


@dataclass(frozen=True)
class NftRule:
    json: object
    scope: Scope
    place: str
    """`family table chain rule N`."""

    @cached_property
    def text(self) -> str:
        return "…" if too_deep(self.json) else print_rule(self.json)

    @cached_property
    def statements(self) -> Sequence[Executable]:
        """What is unknown names the rule."""
        if too_deep(self.json):
            return [Opaque(Unknown("a rule nested this deep"))]
        expressions = field(self.json, "expr")
        listed = expressions if isinstance(expressions, list) else []
        return [self._named(parse_statement(each, self.scope)) for each in listed]

    def evaluate(self, ctx: RuleContext) -> Verdict:
        """What cannot be told is asked where it stands: the statements before it have been carried out."""
        for statement in self.statements:
            outcome = statement.execute(ctx)
            if outcome is Progress.BREAK:
                return Continue()
            if isinstance(outcome, Stolen):
                return Stolen(self._name(outcome.unknown))
            if not isinstance(outcome, Progress):
                return outcome
        return Continue()

    def if_matched(self, ctx: RuleContext) -> Verdict:
        return self.evaluate(ctx)

    def _named(self, statement: Executable) -> Executable:
        return Undecidable(self._name(statement.unknown)) if isinstance(statement, Undecidable) else statement

    def _name(self, unknown: Unknown) -> Unknown:
        if unknown.reason.startswith(self.place):
            return unknown
        return Unknown(f"{self.place}: {unknown.reason}: {self.text}")
