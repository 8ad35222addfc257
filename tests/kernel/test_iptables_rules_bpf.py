"""-m bpf: programs as tcpdump compiles them, and random ones, against the kernel's counters."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from random import Random

import pytest

from kubectl_skoop.model.packet import Protocol, TcpFlags
from kubectl_skoop.testing.rule_lab import DATAGRAM, RuleLab, rule_lab
from tests.kernel.counted import load_saved

pytestmark = pytest.mark.kernel

PACKET = replace(DATAGRAM, dport=80)
PACKETS = (
    PACKET,
    replace(PACKET, protocol=Protocol.TCP, flags=TcpFlags.SYN, length=60, ttl=7),
    replace(PACKET, protocol=Protocol.TCP, flags=TcpFlags.RST, dport=443, length=40, tos=0xB8),
    replace(PACKET, protocol=Protocol.ICMP, icmp_type=8, sport=0, dport=0, df=True),
    replace(PACKET, length=300, dport=53, src=ip_address("10.77.1.9")),
)
WRITTEN = (
    # ip[9] == 6, then tcp dst port 80 behind a header of any length
    "48 0 0 9,21 0 4 6,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 1,6 0 0 0",
    # udp port 53
    "48 0 0 9,21 0 6 17,177 0 0 0,72 0 0 0,21 2 0 53,72 0 0 2,21 0 1 53,6 0 0 65535,6 0 0 0",
    # tcp[tcpflags] & tcp-syn != 0
    "48 0 0 9,21 0 5 6,177 0 0 0,80 0 0 13,84 0 0 2,21 1 0 0,6 0 0 1,6 0 0 0",
    # len > 90
    "128 0 0 0,37 0 1 90,6 0 0 1,6 0 0 0",
    # src net 10.77.1.0/30
    "32 0 0 12,84 0 0 4294967292,21 0 1 172818688,6 0 0 1,6 0 0 0",
    # memory, and what is returned is A
    "48 0 0 8,2 0 0 3,0 0 0 7,96 0 0 3,20 0 0 7,22 0 0 0",
    # beyond the packet
    "48 0 0 250,6 0 0 1",
)
LOADS = (32, 40, 48)
COMPUTE = (4, 20, 36, 52, 68, 84, 100, 116, 132, 148, 164)
"""Add, sub, mul, div, or, and, lsh, rsh, neg, mod, xor, each with a constant."""
COMPARE = (21, 37, 53, 69)
PROGRAMS = 150


def random_program(random: Random) -> str:
    place = random.randrange(24 if random.random() < 0.8 else 110)
    lines = [f"{random.choice(LOADS)} 0 0 {place}"]
    if random.random() < 0.3:
        lines = ["177 0 0 0", f"{random.choice((64, 72, 80))} 0 0 {random.randrange(0, 20)}"]
    for _ in range(random.randrange(3)):
        code = random.choice(COMPUTE)
        operand = random.choice((1, 2, 7, 8, 0xFF, 0xFFFF, random.getrandbits(32) or 1))
        lines.append(f"{code} 0 0 {random.randrange(32) if code in (100, 116) else operand}")
        if random.random() < 0.2:
            lines += ["7 0 0 0", "135 0 0 0", "12 0 0 0"]
    value = random.choice((0, 1, 6, 17, 64, 80, 0x4500, 0x0A4D0102, random.getrandbits(16)))
    lines.append(f"{random.choice(COMPARE)} 0 1 {value}")
    return ",".join([*lines, "6 0 0 1", "6 0 0 0"])


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def match(program: str) -> str:
    return f'-m bpf --bytecode "{program.count(",") + 1},{program}"'


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_programs_match_as_in_the_kernel(lab: RuleLab, seed: int | None) -> None:
    random = Random(seed)
    programs = WRITTEN if seed is None else [random_program(random) for _ in range(PROGRAMS)]
    counted = load_saved(lab.router, {"PREROUTING": [match(program) for program in programs]})
    for sent in PACKETS:
        counted.arrives(lab, sent)
    if seed is None:
        assert not counted.unknown
    assert counted.known > len(PACKETS) * len(programs) / 3
