"""Expressions of nft that few rule sets have, each against the kernel's counters."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import IpsecHeader, Packet, Protocol, TcpFlags
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.rule_lab import DATAGRAM, DATAGRAM6, RuleLab, rule_lab
from tests.kernel.counted import load_native

pytestmark = pytest.mark.kernel

BOUND, WILDCARD, TRANSPARENT, MARKED, FREE = 4001, 4002, 4003, 4004, 4009
IP_TRANSPARENT = 19
SYN = TcpFlags.SYN
PACKET, PACKET6 = replace(DATAGRAM, dport=80), replace(DATAGRAM6, dport=80)
SEGMENT = replace(PACKET, protocol=Protocol.TCP, flags=SYN, mss=1460, length=60)
SPI = 0x03E80050
"""Its halves stand where ports would."""


def sealed(packet: Packet, protocol: int, spi: int) -> Packet:
    header = IpsecHeader(protocol, spi, "transport", "aes", packet.src, packet.dst)
    return replace(packet, protocol=protocol, ipsec=header)


PACKETS = (
    PACKET,
    SEGMENT,
    replace(SEGMENT, flags=TcpFlags.RST, mss=0),
    replace(PACKET, protocol=Protocol.ICMP, icmp_type=8, sport=0, dport=0),
    replace(PACKET, df=True, ttl=5, tos=0xB8, length=300),
    replace(PACKET, more_fragments=True),
    replace(PACKET, protocol=Protocol.SCTP),
    sealed(PACKET, Protocol.ESP, SPI),
    sealed(replace(PACKET, sport=0x1104, dport=0), Protocol.AH, 0),
    PACKET6,
    replace(SEGMENT, src=PACKET6.src, dst=PACKET6.dst, length=80),
    replace(PACKET6, protocol=Protocol.ICMPV6, icmp_type=128, sport=0, dport=0),
    replace(PACKET6, more_fragments=True),
    sealed(PACKET6, Protocol.ESP, SPI),
)


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made, ExitStack() as sockets:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for family, address, port in (
                (socket.AF_INET, "10.77.1.1", BOUND),
                (socket.AF_INET6, "::", WILDCARD),
                (socket.AF_INET, "10.77.1.1", TRANSPARENT),
                (socket.AF_INET, "", MARKED),
            ):
                with entered(made.router.path):
                    one = sockets.enter_context(socket.socket(family, kind))
                if port == TRANSPARENT:
                    one.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
                if port == MARKED:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)
                one.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    one.listen()
        yield made


@pytest.fixture(autouse=True)
def without_rules(lab: RuleLab) -> Iterator[None]:
    yield
    lab.router.run("nft", "flush", "ruleset")


def test_extension_headers_and_options_are_absent(lab: RuleLab) -> None:
    """Of the other IP version the rule ends, even if it asks for what is missing."""
    matches = [
        f"exthdr {name} {word}" for name in ("hbh", "dst", "rt", "mh") for word in ("exists", "missing")
    ]
    matches += [f"ip option {name} {word}" for name in ("lsrr", "ra", "rr") for word in ("exists", "missing")]
    matches += ["hbh hdrlength 0", "rt type != 0", "ip option lsrr length != 3", "exthdr frag missing"]
    counted = load_native(lab.router, {"prerouting": matches, "forward": matches})
    for sent in PACKETS:
        counted.arrives(lab, sent)
    assert not counted.unknown


def test_what_only_one_protocol_has(lab: RuleLab) -> None:
    matches = [
        *(
            f"tcp option {name} {word}"
            for name in ("sack-perm", "timestamp", "mptcp")
            for word in ("exists", "missing")
        ),
        *(f"sctp chunk {name} {word}" for name in ("init", "data") for word in ("exists", "missing")),
        "sctp chunk init num-inbound-streams 1",
        *(f"esp spi {negation}{SPI:#x}" for negation in ("", "!= ")),
        *(f"esp spi {negation}0x1" for negation in ("", "!= ", "< ", "> ")),
        f"esp spi {{ 1, {SPI} }}",
        "ah spi 0",
        "ah spi != 0",
        "comp cpi != 1",
    ]
    counted = load_native(lab.router, {"prerouting": matches, "forward": matches})
    for sent in PACKETS:
        counted.unknown.clear()
        counted.arrives(lab, sent)
        assert bool(counted.unknown) == (sent.protocol in (Protocol.TCP, Protocol.SCTP)), counted.unknown


def test_bits_of_headers(lab: RuleLab) -> None:
    bits = {
        "nh": (
            (0, 8),
            (0, 4),
            (4, 4),
            (8, 8),
            (16, 16),
            (48, 8),
            (50, 14),
            (64, 8),
            (72, 8),
            (96, 32),
            (128, 32),
            (200, 16),
        ),
        "th": ((0, 32), (0, 8), (3, 7), (104, 8), (110, 1), (8, 8)),
        "ll": ((0, 48), (0, 8), (40, 8), (96, 16), (112, 8), (176, 16)),
    }
    numbers = (0, 1, 3, 4, 5, 6, 17, 64, 69, 80, 184, 255, 0x800, 0x0A4D0102, 0x03E80050, 0x020000000102)
    matches = [
        f"@{base},{offset},{length} {operator}{number}"
        for base, places in bits.items()
        for offset, length in places
        for number in numbers
        for operator in ("", "> ")
        if number < 1 << length
    ]
    matches += [
        "@nh,0,8 { 0x45, 0x60 }",
        "@nh,64,16 0x4011",
        "@th,0,32 & 0xffff == 0x50",
        "@ll,0,48 0x020000000102",
        "@ll,48,48 { 0x020000000101, 0x020000000103 }",
    ]
    counted = load_native(lab.router, {"prerouting": matches, "forward": matches[::5]})
    for sent in PACKETS:
        if not sent.more_fragments:
            counted.arrives(lab, sent)
    assert counted.known > 2000


SOCKET = (
    "socket transparent 0",
    "socket transparent 1",
    "socket wildcard 0",
    "socket wildcard 1",
    "socket mark 7",
    "socket mark != 7",
    "socket mark 0",
    "socket mark { 1, 7 }",
    "socket wildcard . meta l4proto { 1 . tcp }",
)


def test_sockets(lab: RuleLab) -> None:
    counted = load_native(lab.router, {"prerouting": SOCKET, "input": SOCKET})
    here, here6 = ip_address("10.77.1.1"), ip_address("fd77:1::1")
    for port in (BOUND, WILDCARD, TRANSPARENT, MARKED, FREE):
        for number, kind in enumerate((PACKET, SEGMENT, PACKET6)):
            to = here6 if kind.dst.version == 6 else here
            counted.arrives(lab, replace(kind, dst=to, sport=port + 1000 + number, dport=port))
    counted.arrives(lab, replace(PACKET, protocol=Protocol.ICMP, icmp_type=8, dst=here, sport=0, dport=0))
    assert not counted.unknown


def test_no_state_opened_what_came_in_plain(lab: RuleLab) -> None:
    matches = ["ipsec in reqid 1", "ipsec in reqid != 1", "ipsec in spi 0", "ipsec in spnum 1 spi != 0"]
    matches += ["ipsec in ip saddr 10.0.0.1", "ipsec in ip daddr != 10.0.0.1"]
    counted = load_native(lab.router, {"prerouting": matches, "forward": matches})
    for sent in (PACKET, SEGMENT):
        counted.arrives(lab, sent)
    assert not counted.unknown


def test_a_transparent_proxy_takes_the_packet_or_the_rule_ends(lab: RuleLab) -> None:
    """K-23. What is taken is unknown."""
    ports = (BOUND, WILDCARD, TRANSPARENT, FREE)
    matches = [
        f"meta l4proto {kind} tproxy ip to 10.77.1.1:{port}" for kind in ("tcp", "udp") for port in ports
    ]
    matches += [
        "meta l4proto tcp tproxy ip6 to [fd77:1::1]:4002",
        f"meta l4proto udp tproxy to :{TRANSPARENT}",
    ]
    matches += ["meta l4proto tcp tproxy ip to 10.77.1.1"]
    for number, sent in enumerate(
        (PACKET, SEGMENT, replace(SEGMENT, dport=TRANSPARENT), PACKET6, PACKETS[3])
    ):
        counted = load_native(lab.router, {"prerouting": matches})
        counted.arrives(lab, replace(sent, sport=6000 + number))
        assert all(str(TRANSPARENT) in text or sent.dport == TRANSPARENT for text in counted.unknown)
        assert bool(counted.unknown) == (sent.dst.version == 4 and sent.protocol != Protocol.ICMP)
    lab.router.run("nft", "flush", "ruleset")


def test_a_connection_is_taken_to_be_the_only_one(lab: RuleLab) -> None:
    matches = [f"ct count {over}{limit}" for over in ("", "over ") for limit in (0, 1, 5)]
    counted = load_native(lab.router, {"forward": matches})
    counted.arrives(lab, replace(PACKET, sport=7000))
    assert not counted.unknown
