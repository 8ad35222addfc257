"""A packet in one line."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from kubectl_skoop.model.packet import Arp, Discovery, Frame, Packet, Protocol, TcpFlags
from kubectl_skoop.report.packet import frame_text, translations
from tests.report.build import OUTER, SYN, TRANSLATED

PING = Packet(src=ip_address("10.0.0.1"), dst=ip_address("10.0.0.2"), protocol=Protocol.ICMP, icmp_type=8)
ASK = Arp(
    request=True,
    sender_mac="02:00:00:00:00:01",
    sender=IPv4Address("10.0.0.1"),
    target=IPv4Address("10.0.0.2"),
)
SOUGHT = IPv6Address("fd00::2")
SOLICIT = Packet(
    src=IPv6Address("fd00::1"),
    dst=IPv6Address("ff02::1:ff00:2"),
    protocol=Protocol.ICMPV6,
    icmp_type=135,
    discovery=Discovery(SOUGHT, "02:00:00:00:00:01"),
)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        pytest.param(SYN, "10.244.1.2:41000 > 10.96.0.10:80 tcp SYN", id="a SYN"),
        pytest.param(
            replace(SYN, flags=TcpFlags.SYN | TcpFlags.ACK),
            "10.244.1.2:41000 > 10.96.0.10:80 tcp SYN-ACK",
            id="its answer",
        ),
        pytest.param(
            replace(SYN, protocol=Protocol.UDP), "10.244.1.2:41000 > 10.96.0.10:80 udp", id="a datagram"
        ),
        pytest.param(PING, "10.0.0.1 > 10.0.0.2 icmp echo request", id="an echo"),
        pytest.param(
            replace(PING, icmp_type=3, icmp_code=4, icmp_mtu=1400),
            "10.0.0.1 > 10.0.0.2 icmp fragmentation needed (mtu 1400)",
            id="too big, with the MTU",
        ),
        pytest.param(
            replace(PING, icmp_type=3, icmp_code=13),
            "10.0.0.1 > 10.0.0.2 icmp unreachable: admin prohibited",
            id="prohibited",
        ),
        pytest.param(
            Packet(
                src=ip_address("fd00::1"),
                dst=ip_address("fd00::2"),
                protocol=6,
                sport=1,
                dport=2,
                flags=TcpFlags.RST,
            ),
            "[fd00::1]:1 > [fd00::2]:2 tcp RST",
            id="IPv6 in brackets",
        ),
        pytest.param(
            OUTER,
            "[10.244.1.2:41000 > 10.244.2.3:8080 tcp SYN] in vxlan 1 192.168.0.1 > 192.168.0.2",
            id="inside a tunnel",
        ),
        pytest.param(replace(PING, protocol=89), "10.0.0.1 > 10.0.0.2 89", id="a protocol without a name"),
        pytest.param(SOLICIT, "icmpv6 who has fd00::2", id="a question for an IPv6 neighbour"),
        pytest.param(
            replace(SOLICIT, icmp_type=136, discovery=Discovery(SOUGHT, "02:00:00:00:00:02")),
            "icmpv6 fd00::2 is at 02:00:00:00:00:02",
            id="its answer",
        ),
        pytest.param(ASK, "arp who has 10.0.0.2", id="a question for a neighbour"),
        pytest.param(
            replace(ASK, request=False), "arp 10.0.0.1 is at 02:00:00:00:00:01", id="its answer by ARP"
        ),
    ],
)
def test_a_frame_in_one_line(frame: Frame, text: str) -> None:
    assert frame_text(frame) == text


def test_translations_are_seen_through_the_tunnel() -> None:
    masqueraded = replace(OUTER, inner=replace(TRANSLATED, src=ip_address("10.244.1.1"), sport=50000))
    assert list(translations(SYN, masqueraded)) == [
        "snat 10.244.1.2:41000 -> 10.244.1.1:50000",
        "dnat 10.96.0.10:80 -> 10.244.2.3:8080",
    ]


def test_a_packet_that_was_only_forwarded_has_no_translation() -> None:
    assert list(translations(SYN, replace(SYN, ttl=62))) == []
