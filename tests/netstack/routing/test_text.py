"""Words that iproute2 prints for some states only; whole random tables are compared in tests/kernel."""

from ipaddress import ip_network

import pytest

from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.text import route_text, rule_text
from kubectl_skoop.netstack.routing.types import Nexthop, PolicyRule, Route

NAMESPACE = NetworkNamespace(
    id="n", place=Place("node", "n"), node="n", devices={2: Device(index=2, name="eth0")}
)

RULES = {
    "from all fwmark 0/0x10 lookup main": PolicyRule(priority=5, family=4, mask=0x10),
    "from all fwmark 0x1/0 lookup main": PolicyRule(priority=5, family=4, mark=1),
    "from all fwmark 0x1 lookup main": PolicyRule(priority=5, family=4, mark=1, mask=0xFFFFFFFF),
    "from all lookup main suppress_ifgroup default": PolicyRule(priority=5, family=4, suppress_group=0),
    "from all lookup main suppress_ifgroup 7": PolicyRule(priority=5, family=4, suppress_group=7),
    "from all goto 9": PolicyRule(priority=5, family=4, action="goto", goto=9),
    "from all goto 9 [unresolved]": PolicyRule(
        priority=5, family=4, action="goto", goto=9, goto_unresolved=True
    ),
}


@pytest.mark.parametrize(("text", "rule"), RULES.items(), ids=RULES)
def test_a_rule_is_printed(text: str, rule: PolicyRule) -> None:
    assert rule_text(rule) == f"5: {text}"


WAY = "nexthop dev eth0 weight 1"
NEXTHOPS = {
    "all are linkdown": ((True, True), f"linkdown {WAY} linkdown {WAY} linkdown"),
    "one is linkdown": ((True, False), f"{WAY} linkdown {WAY}"),
    "the only one is linkdown": ((True,), "dev eth0 linkdown"),
    "none": ((), ""),
}


@pytest.mark.parametrize(("linkdown", "text"), NEXTHOPS.values(), ids=NEXTHOPS)
def test_linkdown_is_said_of_the_route_if_it_is_of_all_nexthops(
    linkdown: tuple[bool, ...], text: str
) -> None:
    nexthops = tuple(Nexthop(device=2, linkdown=each) for each in linkdown)
    assert route_text(NAMESPACE, Route(destination=ip_network("10.0.0.0/8"), nexthops=nexthops)) == (
        f"10.0.0.0/8 {text}".strip()
    )
