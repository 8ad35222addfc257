"""The lab of rules itself."""

import re
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.testing.rule_lab import ROUTER_MAC, SENDER_MAC, rule_lab

pytestmark = pytest.mark.kernel

HOUR = 3600
RULES = "*filter\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n-A FORWARD -j ACCEPT\nCOMMIT\n"


@pytest.mark.parametrize("protocol", [Protocol.ICMP, Protocol.UDP, 99], ids=["icmp", "udp", "another"])
def test_a_connection_outlasts_a_test_on_a_slow_machine(protocol: int) -> None:
    """The kernel forgets an echo request after 30 s, which a test of some hundred packets may take."""
    sent = Packet(
        src=ip_address("10.77.1.2"),
        dst=ip_address("10.77.2.2"),
        protocol=protocol,
        icmp_type=8 if protocol == Protocol.ICMP else 0,
        sport=1000 if protocol == Protocol.UDP else 0,
        dport=2000 if protocol == Protocol.UDP else 0,
        src_mac=SENDER_MAC,
        dst_mac=ROUTER_MAC,
    )
    with rule_lab() as lab:
        lab.load("nft", 4, RULES)
        before = lab.counts("nft", 4)
        lab.send(sent)
        lab.matched("nft", 4, before, 0)
        listed = lab.router.run("conntrack", "-L")
    (left,) = re.findall(r"^\S+ +\d+ (\d+) ", listed, re.MULTILINE)
    assert int(left) > HOUR
