"""Routes and rules are printed as iproute2 prints them."""

import pytest

from kubectl_skoop.netstack.routing.text import route_text, rule_text
from kubectl_skoop.testing.route_lab import RouteLab
from kubectl_skoop.testing.route_oracle import read_state

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("seed", range(1, 8))
def test_routes_and_rules_as_ip_prints_them(seed: int) -> None:
    with RouteLab(seed, rules=True) as lab:
        ns = read_state(lab.namespace.path)
        printed_routes = lab.namespace.run("ip", "-oneline", "-4", "route", "show", "table", "all")
        printed_rules = lab.namespace.run("ip", "-4", "rule", "show")
    ours = [route_text(ns, route) for route in ns.routes if route.destination.version == 4]
    assert sorted(ours) == sorted(_words(printed_routes))
    assert [rule_text(rule) for rule in ns.rules if rule.family == 4] == _words(printed_rules)


def _words(printed: str) -> list[str]:
    """One line each, blanks in place of tabs and of the backslashes between nexthops."""
    return [" ".join(line.replace("\\", " ").split()) for line in printed.splitlines()]
