"""Rules that ask what a connection has carried, and for its labels."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.packet import Protocol, TcpFlags
from kubectl_skoop.testing.rule_lab import DATAGRAM, RuleLab, rule_lab
from tests.kernel.counted import load_native, load_saved

pytestmark = pytest.mark.kernel

SYN = replace(DATAGRAM, protocol=Protocol.TCP, flags=TcpFlags.SYN, length=60)
PING = replace(DATAGRAM, protocol=Protocol.ICMP, icmp_type=8, sport=0, dport=0)
CARRIED = (
    *(f"ct {direction}packets {count}" for direction in ("", "original ", "reply ") for count in (0, 1, 2)),
    *(f"ct {direction}bytes {size}" for direction in ("", "original ", "reply ") for size in (0, 60, 100)),
    "ct bytes 90-110",
    "ct bytes { 60, 100 }",
    "ct original packets { 0, 2 }",
    "ct bytes > 60",
    "ct original avgpkt 100",
    "ct reply avgpkt 0",
    "ct packets != 1",
)


@pytest.fixture
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def test_what_a_new_connection_has_carried(lab: RuleLab) -> None:
    counted = load_native(lab.router, dict.fromkeys(("prerouting", "forward", "postrouting"), CARRIED))
    for sent in (DATAGRAM, SYN, PING, replace(SYN, flags=TcpFlags.SYN | TcpFlags.ACK, sport=1001)):
        counted.arrives(lab, sent)
    assert not counted.unknown
    counted.again().arrives(lab, DATAGRAM)
    lab.router.run("sysctl", "-q", "net.netfilter.nf_conntrack_acct=0")
    counted.again().arrives(lab, replace(DATAGRAM, sport=1002))


def test_connbytes_of_what_is_not_counted(lab: RuleLab) -> None:
    """Never, negated or not."""
    what = "--connbytes-mode packets --connbytes-dir original"
    matches = [f"-m connbytes {invert}--connbytes 1:1 {what}" for invert in ("", "! ")]
    counted = load_saved(lab.router, {"FORWARD": matches})
    counted.arrives(lab, DATAGRAM)
    lab.router.run("sysctl", "-q", "net.netfilter.nf_conntrack_acct=0")
    counted = counted.again()
    counted.arrives(lab, replace(DATAGRAM, sport=1002))
    assert not counted.unknown


LABELS = (
    "ct label 3",
    "ct label != 3",
    "ct label == 3",
    "ct label & 3 == 3",
    "ct label 3,4",
    "ct label ! 3",
    "ct label ! 4",
    "ct label 127",
)


def test_labels_of_connections(lab: RuleLab) -> None:
    """Each rule that sets one stands between those that ask."""
    asked = (*LABELS, "udp dport 2000 ct label set 3", *LABELS, "udp dport 2000 ct label set 127", *LABELS)
    counted = load_native(lab.router, {"prerouting": asked, "postrouting": LABELS})
    for sent in (DATAGRAM, SYN):
        counted.arrives(lab, sent)
    counted = counted.again()
    assert [entry.labels for entry in counted.ns.conntrack if entry.original.dport == 2000]
    for sent in (DATAGRAM, SYN, replace(DATAGRAM, sport=1001)):
        counted.arrives(lab, sent)
    assert not counted.unknown


def test_connlabel_of_connections_that_exist(lab: RuleLab) -> None:
    asked = ("-m connlabel --label 3", "-m connlabel ! --label 3", "-m connlabel ! --label 64")
    sets = "-p udp -m connlabel --label 3 --set"
    counted = load_saved(lab.router, {"PREROUTING": (*asked, sets, *asked), "POSTROUTING": asked})
    for sent in (DATAGRAM, SYN):
        counted.arrives(lab, sent)
    again = counted.again()
    for sent in (DATAGRAM, SYN, replace(DATAGRAM, sport=1001)):
        again.arrives(lab, sent)
    assert not again.unknown


def test_a_label_that_an_old_connection_may_have_no_room_for(lab: RuleLab) -> None:
    load_saved(lab.router, {"FORWARD": ["-m conntrack --ctstate NEW"]}).arrives(lab, DATAGRAM)
    counted = load_saved(lab.router, {"FORWARD": ["-m connlabel --label 3 --set"]}).again()
    counted.arrives(lab, DATAGRAM)
    assert counted.unknown
    assert lab.router.run("iptables-legacy-save", "-c", "-t", "mangle").count("[0:0] -A FORWARD") == 1


def test_a_rule_whose_set_nft_cannot_list_is_not_taken_for_one_without_a_match(lab: RuleLab) -> None:
    """nft 1.0.6 lists the bare verdict."""
    chain = "chain forward { type filter hook forward priority 0; ct label { 3, 4 } drop; }"
    lab.router.run("nft", "-f", "-", text=f"table inet t {{\n{chain}\n}}\n")
    dump = collect_node("router", lab.router.path, {})
    table = dump.namespaces[0].tables["nft"]
    listed = "ct" in str(table.data)
    assert listed or (table.state == "failed" and "Unknown data type in set" in table.reason)
    lab.router.run("nft", "flush", "ruleset")
