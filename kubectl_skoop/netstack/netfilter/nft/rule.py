"""One rule of nft: statements from left to right until one ends it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.checks import NOT_READ, RuleChecks
from kubectl_skoop.netstack.netfilter.nft.document import field, single, too_deep
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable
from kubectl_skoop.netstack.netfilter.nft.statement.opaque import Opaque
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Executable, Progress
from kubectl_skoop.netstack.netfilter.nft.statement.parse import parse_statement
from kubectl_skoop.netstack.netfilter.nft.text import print_rule
from kubectl_skoop.netstack.netfilter.types import Continue, RuleContext, Stolen, Verdict

_FOLDED = Undecidable(Unknown("nft lists two comparisons of it as one with a range"))


@dataclass(frozen=True)
class NftRule:
    json: object
    scope: Scope
    place: str
    """`family table chain rule N`."""
    checks: RuleChecks | None = None
    """Of the rule in the kernel; None: the listing is all that is known."""

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
        if self.checks is None:
            return [self._named(parse_statement(each, self.scope)) for each in listed]
        return list(self._with_checks(listed, self.checks))

    def _with_checks(self, listed: Sequence[object], known: RuleChecks) -> Iterator[Executable]:
        """Between two statements the order of matches does not count."""
        if known is NOT_READ:
            yield Opaque(Unknown("it came or went while the rules were read"))
            return
        statements = sum(not _is_match(each) for each in listed)
        if statements != known.statements:
            yield Opaque(Unknown(f"nft lists {statements} statements of {known.statements}"))
            return
        folded = known.ranges is not None and sum(map(_is_range, listed)) > known.ranges
        scope, passed = replace(self.scope, checked=True), 0
        yield from known.at(passed)
        for each in listed:
            doubted = folded and _is_range(each)
            yield self._named(_FOLDED if doubted else parse_statement(each, scope))
            if not _is_match(each):
                passed += 1
                yield from known.at(passed)

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


def _is_match(statement: object) -> bool:
    return single(statement)[0] == "match"


def _is_range(statement: object) -> bool:
    kind, body = single(statement)
    return kind == "match" and single(field(body, "right"))[0] == "range"
