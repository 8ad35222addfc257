"""Matches for what few packets have, and those by the hash of a source, against the kernel's counters."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Protocol, TcpFlags
from kubectl_skoop.testing.rule_lab import DATAGRAM, DATAGRAM6, RuleLab, rule_lab
from tests.kernel.counted import load_saved

pytestmark = pytest.mark.kernel

SEGMENT = replace(DATAGRAM, protocol=Protocol.TCP, flags=TcpFlags.SYN, length=80)
SEGMENT6 = replace(SEGMENT, src=DATAGRAM6.src, dst=DATAGRAM6.dst)
MOST = 6
"""iptables takes masks of nodes up to 32."""
MADE_OF_MAC = ip_address("fd77:1::ff:fe00:101")


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.fixture(autouse=True)
def without_rules(lab: RuleLab) -> Iterator[None]:
    yield
    for tool in ("iptables", "ip6tables"):
        lab.router.run(f"{tool}-legacy", "-t", "mangle", "-F")


def test_headers_that_a_packet_lacks(lab: RuleLab) -> None:
    matches = ("-p ipcomp -m ipcomp --ipcompspi 1", "-p ipcomp -m ipcomp ! --ipcompspi 1")
    counted = load_saved(lab.router, {"FORWARD": matches})
    for sent in (DATAGRAM, SEGMENT):
        counted.arrives(lab, sent)
    assert not counted.unknown
    counted.arrives(lab, replace(DATAGRAM, protocol=Protocol.COMP))
    assert len(counted.unknown) == len(matches)


def test_headers_that_an_ipv6_packet_lacks(lab: RuleLab) -> None:
    matches = [f"-m srh {invert}--srh-next-hdr 17" for invert in ("", "! ")]
    matches += ["-m srh ! --srh-tag 3", "-m srh --srh-psid ::/0", "-m srh --srh-segs-left-lt 5"]
    matches += ["-p mobility-header -m mh --mh-type 1:3", "-p mobility-header -m mh ! --mh-type 4"]
    counted = load_saved(lab.router, {"PREROUTING": matches, "FORWARD": matches}, 6)
    for sent in (DATAGRAM6, SEGMENT6):
        counted.arrives(lab, sent)
    assert not counted.unknown


def test_an_address_that_was_made_of_a_mac(lab: RuleLab) -> None:
    counted = load_saved(lab.router, dict.fromkeys(("PREROUTING", "INPUT", "FORWARD"), ("-m eui64",)), 6)
    made = MADE_OF_MAC
    for source in (made, ip_address(int(made) ^ 1), ip_address(int(made) ^ 2 << 56), DATAGRAM6.src):
        counted.arrives(lab, replace(DATAGRAM6, src=source))
        counted.arrives(lab, replace(DATAGRAM6, src=source, dst=ip_address("fd77:1::1")))
    assert not counted.unknown


@pytest.mark.parametrize("family", [4, 6])
def test_the_nodes_of_a_cluster(lab: RuleLab, family: int) -> None:
    words = "--cluster-total-nodes {} {}--cluster-local-nodemask {:#x} --cluster-hash-seed {:#x}"
    matches = [
        f"-m cluster {words.format(nodes, invert, 1 << node, seed)}"
        for nodes in (2, 3, 6, 32)
        for node in range(min(nodes, MOST))
        for invert in (("", "! ") if node == 1 else ("",))
        for seed in (0xDEADBEEF, 7)
    ]
    matches += [f"-m cluster {words.format(4, '', 5, 1)}"]
    counted = load_saved(lab.router, {"PREROUTING": matches}, family)
    for host in range(2, 9):
        source = ip_address(f"10.77.1.{host}" if family == 4 else f"fd77:{host:x}::{host * 259:x}")
        to = DATAGRAM.dst if family == 4 else DATAGRAM6.dst
        counted.arrives(lab, replace(DATAGRAM, src=source, dst=to))
        counted.arrives(lab, replace(SEGMENT, src=source, dst=to))
    assert not counted.unknown
    assert counted.known > 500
