"""Walks through rules that nobody but a forger would write."""

from ipaddress import ip_address

from kubectl_skoop.diagnosis.services.compare import compare_door
from kubectl_skoop.diagnosis.services.door import Door
from kubectl_skoop.diagnosis.services.iptables import IptablesRules
from kubectl_skoop.netstack.netfilter.iptables.save import SavedTable
from tests.diagnosis.test_services import OUTSIDE, PLACE, A, endpoint, endpoint_slice, service, wanted


def test_chains_that_double_the_ways_are_not_understood() -> None:
    """Followed to their end they would take years."""
    chains = "".join(f"-A X{at} -j X{at + 1}\n" * 9 for at in range(14))
    text = f"\n-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j X0\n{chains}"
    rules = IptablesRules(SavedTable("nat", 4, native=False, text=text), None)
    door = Door("cluster", ip_address("10.96.0.10"), 80, "tcp")
    leaves = rules.follow(door, OUTSIDE)
    assert any(leaf.unread for leaf in leaves)
    (one,) = wanted(service(), endpoint_slice([endpoint(A)]))
    compared = compare_door(rules, one, PLACE)
    assert compared.unread.startswith("-A X")
    assert compared.findings == ()
