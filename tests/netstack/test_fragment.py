"""Datagrams that are cut: sizes, and rules that see no ports in later fragments (K-6)."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack import fragment
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from tests.netstack.builders import changed, routed, walk

DATAGRAM = Packet(
    src=ip_address("10.1.0.2"), dst=ip_address("10.2.0.2"), protocol=Protocol.UDP, dport=53, length=3000
)
LARGE, SMALL = "a udp 10.2.0.2 size=3000", "a udp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
BY_PORT = "-A FORWARD -p udp -m udp --dport 53 -j ACCEPT\n-A FORWARD -d 10.2.0.2/32 -p udp -j DROP\n"
TRACKING = "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"


@pytest.mark.parametrize(
    ("mtu", "length"), [(3000, 3000), (2999, 2996), (1500, 1500), (1499, 1492), (576, 572), (68, 68)]
)
def test_the_payload_of_a_fragment_is_a_multiple_of_8(mtu: int, length: int) -> None:
    first = fragment.largest(DATAGRAM, mtu)
    assert first.length == length
    assert first.more_fragments == (mtu < DATAGRAM.length)
    assert fragment.whole(first) == DATAGRAM


def test_a_fragment_that_is_cut_again_is_still_of_the_same_datagram() -> None:
    assert fragment.whole(fragment.largest(fragment.largest(DATAGRAM, 1500), 576)) == DATAGRAM


def test_a_whole_packet_stays_as_it_is() -> None:
    packet = replace(DATAGRAM, length=100)
    assert fragment.whole(packet) is packet


@pytest.mark.parametrize(
    ("rules", "flow", "expected"),
    [
        pytest.param("", LARGE, SERVED, id="no rules"),
        pytest.param(BY_PORT, SMALL, SERVED, id="a whole datagram has ports"),
        pytest.param(BY_PORT, LARGE, "timeout", id="a later fragment has none"),
        pytest.param(TRACKING + BY_PORT, LARGE, SERVED, id="conntrack puts them together"),
        pytest.param("-A FORWARD -f -j DROP\n", LARGE, "timeout", id="a rule for fragments"),
        pytest.param(
            "-A FORWARD ! -f -d 10.2.0.2/32 -j DROP\n", LARGE, "timeout", id="a rule for first fragments"
        ),
    ],
)
def test_rules_of_a_router(rules: str, flow: str, expected: str) -> None:
    netfilter = load_netfilter(
        iptables_legacy=f"*filter\n:FORWARD ACCEPT [0:0]\n{rules}COMMIT\n",
        ip6tables_legacy=None,
        iptables_nft=None,
        ip6tables_nft=None,
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    assert walk(changed(routed(), "r", netfilter=netfilter), flow) == expected
