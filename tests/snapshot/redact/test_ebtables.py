"""Rules of ebtables: what stays, what is replaced, and what becomes unknown."""

from ipaddress import ip_network

import pytest

from kubectl_skoop.netstack.netfilter.ebtables.rule import expressions
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.redact.ebtables import ARPTABLES, ebtables_text
from kubectl_skoop.snapshot.redact.left_out import LeftOut


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"k" * 32, [ip_network("10.244.0.0/16")])


def test_a_rule_keeps_its_form(pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    before = "-A FORWARD -p IPv4 -s ! 00:1b:21:aa:bb:cc -o acme7 --ip-src 10.244.0.0/16 --ip-dport 80 -j DROP"
    mac, device = pseudonyms.mac("00:1b:21:aa:bb:cc"), pseudonyms.name("acme7")
    pods = pseudonyms.masked("10.244.0.0/16")
    assert ebtables_text(before, pseudonyms, left_out, "ebtables-nft") == (
        f"-A FORWARD -p IPv4 -s ! {mac} -o {device} --ip-src {pods} --ip-dport 80 -j DROP"
    )
    assert not left_out.total


def test_a_rule_of_arptables_keeps_its_form(pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    before = (
        "# arptables-legacy -n -L\n*filter\n:INPUT DROP\n:acme -\n"
        "-A INPUT ! -s 10.244.0.0/16 -i acme7 --src-mac 00:1b:21:aa:bb:cc --opcode 1 -j acme\nCOMMIT\n"
    )
    chain, device = pseudonyms.name("acme"), pseudonyms.name("acme7")
    pods, mac = pseudonyms.masked("10.244.0.0/16"), pseudonyms.mac("00:1b:21:aa:bb:cc")
    assert ebtables_text(before, pseudonyms, left_out, "arptables-legacy", ARPTABLES) == (
        f"# arptables-legacy -n -L\n*filter\n:INPUT DROP\n:{chain} -\n"
        f"-A INPUT ! -s {pods} -i {device} --src-mac {mac} --opcode 1 -j {chain}\nCOMMIT\n"
    )
    assert not left_out.total


@pytest.mark.parametrize(
    "rule",
    [
        "-A FORWARD --among-src 00:1b:21:aa:bb:cc -j DROP",
        "-A FORWARD -j log --log-prefix acme",
        "-A FORWARD -s 00:1b:21:aa:bb:cc/ff:ff:ff:00:00:00 -j DROP",
        "-A FORWARD --ip-src acme -j DROP",
        "-A FORWARD 'acme",
    ],
)
def test_what_is_not_known_goes_and_leaves_an_unknown_rule(rule: str, pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    kept = ebtables_text(rule, pseudonyms, left_out, "ebtables-nft")
    assert "acme" not in kept
    assert "1b:21" not in kept
    assert left_out.total == 1
    assert expressions(kept) == expressions("-A FORWARD --unheard 1 -j DROP".replace("unheard", "redacted"))


@pytest.mark.parametrize("line", ["acme", ":acme", "-I FORWARD -j DROP"])
def test_lines_of_an_unknown_form_go(line: str, pseudonyms: Pseudonyms) -> None:
    left_out = LeftOut()
    assert ebtables_text(line, pseudonyms, left_out, "ebtables-nft") == ""
    assert left_out.total == 1
