"""When two nodes' rules in iptables mode answer everything about a door alike."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.diagnosis.services.door import Door
from kubectl_skoop.diagnosis.services.iptables import IptablesRules
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable

DOOR = Door("cluster", ip_address("10.96.0.10"), 80, "tcp")
CHAINS = """
[7:420] -A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-A
[0:0] -A KUBE-SERVICES -d 10.96.0.11/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-B
[0:0] -A KUBE-SVC-A -j KUBE-SEP-A
[0:0] -A KUBE-SEP-A -p tcp -m tcp -j DNAT --to-destination 10.244.1.2:8080
[0:0] -A KUBE-SVC-B -j KUBE-SEP-A
"""


def rules(text: str) -> IptablesRules:
    return IptablesRules(SavedTable("nat", 4, native=False, text=text), None)


@pytest.mark.parametrize(
    ("old", "new", "alike"),
    [
        pytest.param("[7:420]", "[9:1]", True, id="other counters"),
        pytest.param("[7:420] ", "", True, id="saved without counters"),
        pytest.param("10.96.0.11/32", "10.96.0.12/32", True, id="another service has another address"),
        pytest.param("10.96.0.10/32", "10.96.0.12/32", False, id="this one has"),
        pytest.param("10.244.1.2", "10.244.1.3", False, id="another endpoint, two chains on"),
        pytest.param("[0:0] -A KUBE-SVC-A -j KUBE-SEP-A\n", "", False, id="a chain without its rule"),
        pytest.param("-A KUBE-SVC-A -j", "-A KUBE-SVC-A -p udp -j", False, id="a rule for less"),
    ],
)
def test_rules_are_alike_for_a_door(old: str, new: str, alike: bool) -> None:
    assert old in CHAINS
    assert (rules(CHAINS).told(DOOR) == rules(CHAINS.replace(old, new)).told(DOOR)) is alike


def test_the_order_of_other_services_does_not_matter() -> None:
    first, second, *rest = CHAINS.strip().split("\n")
    assert rules(CHAINS).told(DOOR) == rules("\n" + "\n".join([second, first, *rest]) + "\n").told(DOOR)
