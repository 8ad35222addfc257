"""A policy rule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, missing
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.text import rule_text
from kubectl_skoop.netstack.routing.types import PolicyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExpectation(Expectation):
    """A policy rule (ip rule)."""

    table: ClassVar[str] = "rule"
    sections: ClassVar[tuple[str, ...]] = ("rules",)

    rule: PolicyRule
    any_priority: bool = False

    @property
    def key(self) -> str:
        return f"the rule `{self.want}`"

    @property
    def want(self) -> str:
        text = rule_text(self.rule)
        return text.split(": ", 1)[1] if self.any_priority else text

    def find(self, ns: NetworkNamespace) -> Sequence[PolicyRule]:
        return tuple(rule for rule in ns.rules if self._as_wanted(rule) == self.rule)

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        if self.find(ns):
            return None
        same_priority = [rule for rule in ns.rules if rule.priority == self.rule.priority]
        found = [] if self.any_priority else [rule_text(rule) for rule in same_priority]
        words = rule_text(self.rule).split(": ", 1)[1]
        priority = "" if self.any_priority else f" priority {self.rule.priority}"
        family = "ip -6" if self.rule.family == 6 else "ip"
        return missing(self, found, command=f"{family} rule add {words}{priority}")

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        rules = sorted((*ns.rules, self.rule), key=lambda rule: rule.priority)
        return replace(ns, rules=tuple(rules))

    def _as_wanted(self, rule: PolicyRule) -> PolicyRule:
        return rule._replace(priority=self.rule.priority) if self.any_priority else rule
