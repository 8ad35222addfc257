"""Rules of kube-proxy's iptables mode, each read whole by one pattern where it has the usual form."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.diagnosis.services.iptables_rule import USUAL, read_by_option, read_rule

DATA = Path(__file__).parents[1] / "data" / "services"
RECORDED = sorted(DATA.glob("node*-iptables-*.gz"))
OPTIONS = st.sampled_from(
    [
        *("-s 10.0.0.0/8", "! -s 10.0.0.0/8", "-d 10.96.0.1/32", "! -d 10.96.0.1/32", "-s fd00::1/128"),
        *("-p tcp", "-p udp", "! -p tcp", "-m tcp", "-m udp", "-m nfacct --nfacct-name ct_state"),
        *("--dport 80", "! --dport 80", "--dport 80:90", "--dport 123456", "-m addrtype --dst-type LOCAL"),
        *('-m comment --comment "ns/name -> 10.1.1.1:80"', "-m comment --comment ns/name"),
        *(r'-m comment --comment "a \" -s 10.0.0.0/8 b"', '-m comment --comment "a"b', "-i eth0"),
        *("-m statistic --mode random --probability 0.50000000000", "-m conntrack --ctstate NEW"),
        *("-j KUBE-MARK-MASQ", "-j DNAT --to-destination 10.1.1.1:80", "-j DNAT --to-destination [::1]:80"),
        *("-j DNAT --to-destination :80", "-j RETURN", "-j REJECT --reject-with icmp-port-unreachable", "!"),
    ]
)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_rules_of_the_usual_form_say_the_same_option_by_option(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    rules = {line[line.index("-A ") :] for line in lines if "-A KUBE-" in line}
    assert len([one for one in rules if USUAL.fullmatch(one)]) > 0.8 * len(rules) > 80
    assert [one for one in rules if read_rule(one) != read_by_option(one)] == []


@given(st.lists(OPTIONS, max_size=7))
def test_rules_of_whatever_options_are_read_alike(options: list[str]) -> None:
    text = " ".join(("-A KUBE-SVC-X", *options))
    assert read_rule(text) == read_by_option(text)


@pytest.mark.parametrize(
    "text", ["-A X ! -p tcp -j Y", "-A X -i eth0 -j Y", "-A X -m x --probability 1e9 -j Y"]
)
def test_options_that_are_not_understood(text: str) -> None:
    assert read_rule(text).unread
