"""Lines of rules: what they become, and what is unknown about them."""

from dataclasses import replace
from fractions import Fraction
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Owner, Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.ipset import parse_ipsets
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.iptables.match.statistic import share_of
from kubectl_skoop.netstack.netfilter.iptables.options import Unreadable, Word, words
from kubectl_skoop.netstack.netfilter.iptables.rule import parse_rule
from kubectl_skoop.netstack.netfilter.types import (
    Accept,
    Continue,
    Drop,
    Hook,
    Jump,
    Nat,
    Reject,
    Return,
    RuleContext,
    Stolen,
    Verdict,
)
from kubectl_skoop.netstack.stack import Stack

SETS = (
    "create a hash:ip family inet\ncreate b list:set\nadd b a\ncreate c hash:ip family inet\nadd c 10.0.0.1\n"
)


def context(*, family: int = 4, dport: int = 80, choices: Choices | None = None) -> RuleContext:
    source, destination = ("10.0.0.1", "10.0.0.2") if family == 4 else ("fd00::1", "fd00::2")
    ns = NetworkNamespace(id="n/1", place=Place("node", "n"), node="n")
    packet = Packet(
        src=ip_address(source),
        dst=ip_address(destination),
        protocol=Protocol.TCP,
        sport=40000,
        dport=dport,
        flags=TcpFlags.SYN,
        mss=1460,
    )
    return RuleContext(
        stack=Stack(ns, choices or Choices()), hook=Hook.FORWARD, frame=packet, passage=Passage(mark=0x10)
    )


def evaluate(line: str, family: int = 4) -> Verdict | Unknown:
    return parse_rule(f"-A X {line}".rstrip(), family).evaluate(context(family=family))


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("", Continue()),
        ("-j ACCEPT", Accept()),
        ("-j DROP", Drop()),
        ("-j RETURN", Return()),
        ("-j KUBE-SVC-X", Jump("KUBE-SVC-X")),
        ("-g KUBE-SVC-X", Jump("KUBE-SVC-X", goto=True)),
        ("-p udp -j DROP", Continue()),
        ("-p tcp --dport 80 -j DROP", Drop()),
        ("-p tcp -m tcp ! --dport 80 -j DROP", Continue()),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", Drop()),
        ("-p tcp -m tcp --syn -j DROP", Drop()),
        ("-j REJECT --reject-with icmp-host-prohibited", Reject("icmp-host-prohibited")),
        ("-p tcp -j REJECT --reject-with tcp-reset", Reject("tcp-reset")),
        ("-j REJECT", Reject("icmp-port-unreachable")),
        ('-j LOG --log-prefix "-j DROP " --log-level 7', Continue()),
        ("-j NFLOG --nflog-group 1", Continue()),
        ("-p tcp -m owner --uid-owner 0 -j DROP", Continue()),
        ("-p tcp -m owner ! --uid-owner 0 -j DROP", Drop()),
    ],
)
def test_a_rule_gives(line: str, verdict: Verdict) -> None:
    assert evaluate(line) == verdict


@pytest.mark.parametrize(
    ("family", "line", "nat"),
    [
        (
            4,
            "-j DNAT --to-destination 10.1.0.1",
            Nat(kind="dnat", low=ip_address("10.1.0.1"), high=ip_address("10.1.0.1")),
        ),
        (
            4,
            "-p tcp -j DNAT --to-destination 10.1.0.1-10.1.0.9:8080-8090 --random --persistent",
            Nat(
                kind="dnat",
                low=ip_address("10.1.0.1"),
                high=ip_address("10.1.0.9"),
                port_low=8080,
                port_high=8090,
                random=True,
            ),
        ),
        (4, "-p tcp -j DNAT --to-destination :8080", Nat(kind="dnat", port_low=8080, port_high=8080)),
        (
            6,
            "-p tcp -j DNAT --to-destination [fd00::9]:8080",
            Nat(
                kind="dnat",
                low=ip_address("fd00::9"),
                high=ip_address("fd00::9"),
                port_low=8080,
                port_high=8080,
            ),
        ),
        (
            6,
            "-j DNAT --to-destination fd00::9",
            Nat(kind="dnat", low=ip_address("fd00::9"), high=ip_address("fd00::9")),
        ),
        (
            6,
            "-p tcp -j SNAT --to-source [fd00::8-fd00::9]:1-2",
            Nat(kind="snat", low=ip_address("fd00::8"), high=ip_address("fd00::9"), port_low=1, port_high=2),
        ),
        (4, "-j MASQUERADE --random-fully", Nat(kind="masquerade", random=True)),
        (
            4,
            "-p tcp -j MASQUERADE --to-ports 1024-2048",
            Nat(kind="masquerade", port_low=1024, port_high=2048),
        ),
        (4, "-p tcp -j REDIRECT --to-ports 15001", Nat(kind="redirect", port_low=15001, port_high=15001)),
        (
            4,
            "-j NETMAP --to 10.9.0.0/16",
            Nat(kind="netmap", low=ip_address("10.9.0.0"), high=ip_address("10.9.255.255"), netmap_prefix=16),
        ),
    ],
)
def test_a_translation_is_asked_for(family: int, line: str, nat: Nat) -> None:
    assert evaluate(line, family) == nat


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("-j MARK --set-xmark 0x4000/0x4000", 0x4010),
        ("-j MARK --set-xmark 0x4000/0x0", 0x4010),
        ("-j MARK --set-xmark 0x1/0xffffffff", 0x1),
        ("-j MARK --set-mark 0x3", 0x3),
        ("-j MARK --set-mark 0x1/0x10", 0x1),
        ("-j MARK --and-mark 0xf", 0x0),
        ("-j MARK --or-mark 0x1", 0x11),
        ("-j MARK --xor-mark 0x11", 0x1),
    ],
)
def test_a_mark_is_set(line: str, mark: int) -> None:
    ctx = context()
    assert parse_rule(f"-A X {line}", 4).evaluate(ctx) == Continue()
    assert ctx.passage.mark == mark


@pytest.mark.parametrize(
    "line",
    [
        "-m realm --realm 0x1 -j DROP",
        '-m bpf --bytecode "4,48 0 0 9" -j DROP',
        '-m osf --genre "-j ACCEPT" --ttl 0 -j DROP',
        "-m time --timestart 10:00:00 -j DROP",
        "-p tcp -m tcp --dport 80 -m nosuchmatch ! --foo bar baz -j DROP",
        "-m osf --genre Linux -m nosuchmatch --foo -m time --timestart 10:00 -j DROP",
        "-m conntrack --ctstate FUTURE -j DROP",
        "-m conntrack --ctfuture 3 -j DROP",
        "--future-option -j DROP",
        "-p nosuchprotocol -j DROP",
        "-s 10.0.0.0/33x -j DROP",
    ],
)
def test_what_cannot_be_read_makes_the_rule_unknown_and_keeps_its_target(line: str) -> None:
    rule = parse_rule(f"-A X {line}", 4)
    assert isinstance(rule.evaluate(context()), Unknown)
    verdict = rule.if_matched(context())
    assert verdict == Drop() or isinstance(verdict, Stolen)


@pytest.mark.parametrize(
    "line",
    [
        "-p udp -m osf --genre Linux -j DROP",
        "-m osf --genre Linux -m mark --mark 0x1 -j DROP",
        "-p tcp -m tcp --dport 81 -m nosuchmatch --foo -j DROP",
        "-p udp -j NOSUCHTARGET --foo",
    ],
)
def test_a_certain_no_outweighs_what_is_unknown(line: str) -> None:
    assert evaluate(line) == Continue()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-j NOSUCHTARGET --foo 1", "-j NOSUCHTARGET is not modelled: -A X -j NOSUCHTARGET --foo 1"),
        ("-j MARK --future 1", "-j MARK --future is not modelled: -A X -j MARK --future 1"),
        ("-j NFQUEUE --queue-num 3", "a program in user space decides: -A X -j NFQUEUE --queue-num 3"),
        (
            "-p 6 -j DNAT --to-destination :8-9/80",
            "-j DNAT: shifted ports 8-9/80 is not modelled: -A X -p 6 -j DNAT --to-destination :8-9/80",
        ),
    ],
)
def test_an_unknown_target_loses_the_packet_and_says_which_rule(line: str, reason: str) -> None:
    assert evaluate(line) == Stolen(Unknown(reason))


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0.50000000000", Fraction(1, 2)),
        ("0.33333333349", Fraction(1, 3)),
        ("0.25000000000", Fraction(1, 4)),
        ("0.14285714272", Fraction(1, 7)),
        ("0.00100000016", Fraction(1, 1000)),
        ("1.00000000000", Fraction(1)),
        ("0.00000000000", Fraction(0)),
    ],
)
def test_a_probability_is_the_simplest_fraction_that_the_kernel_keeps_alike(
    text: str, share: Fraction
) -> None:
    assert share_of(text) == share


def test_a_random_match_splits_the_walk_only_where_all_else_matches() -> None:
    rule = parse_rule(
        "-A X -m statistic --mode random --probability 0.25 -p tcp -m tcp --dport 80 -j DROP", 4
    )
    other, asked = context(dport=81), context()
    assert rule.evaluate(other) == Continue()
    assert not other.stack.choices.made
    assert rule.evaluate(asked) == Drop()
    (choice,) = asked.stack.choices.made
    assert (choice.what, choice.probabilities) == (rule.text, (Fraction(1, 4), Fraction(3, 4)))
    assert rule.evaluate(context(choices=Choices(script=(1,)))) == Continue()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--path kubepods", True),
        ("--path kubepods/pod1", True),
        ("--path kubepods/pod", False),
        ("! --path system", True),
        ("! --path /", False),
    ],
)
def test_a_control_group_holds_those_below_it(line: str, expected: bool) -> None:
    ctx = context()
    ctx.passage.owner = Owner(cgroup="/kubepods/pod1")
    assert parse_rule(f"-A X -m cgroup {line}", 4).asks_for(ctx) is expected


def test_a_set_that_a_rule_changed_is_unknown_from_then_on() -> None:
    ctx = context()
    ctx.stack.ns = replace(ctx.stack.ns, ipsets=parse_ipsets(SETS))
    match, listed, other = (parse_rule(f"-A X -m set --match-set {name} src", 4) for name in "abc")
    same = parse_rule("-A X -j SET --add-set c src", 4)
    assert same.evaluate(ctx) == Continue()
    assert [rule.asks_for(ctx) for rule in (match, listed, other)] == [False, False, True]
    assert parse_rule("-A X -j SET --add-set a src --exist", 4).evaluate(ctx) == Continue()
    assert match.asks_for(ctx) == Unknown("a rule changed set a on the way")
    assert listed.asks_for(ctx) == Unknown("a rule changed set b on the way")
    assert other.asks_for(ctx) is True


def test_an_idle_meter_passes_and_the_walk_says_so() -> None:
    ctx = context()
    assert parse_rule("-A X -m limit --limit 5/min -j ACCEPT", 4).evaluate(ctx) == Accept()
    assert ctx.stack.assumptions == ["-m limit is not used up by other traffic"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('a "b c" d', [Word("a"), Word("b c", quoted=True), Word("d")]),
        (r'"a \"b\" it\'s \\"', [Word('a "b" it\'s \\', quoted=True)]),
        ('"" x', [Word("", quoted=True), Word("x")]),
        ("a  b", [Word("a"), Word("b")]),
    ],
)
def test_words_are_split_as_iptables_restore_does(line: str, expected: list[Word]) -> None:
    assert words(line) == expected


def test_a_line_that_ends_within_quotes_is_refused() -> None:
    with pytest.raises(Unreadable, match="within quotes"):
        words('-m comment --comment "first line')


@pytest.mark.parametrize(
    "program",
    [
        "2,204 0 0 1,6 0 0 1",
        "1,5 0 0 4294967295",
        "2,100 0 0 4000000000,6 0 0 1",
        "1,0 0 0 1",
        "2,32 0 0 4294963200,22 0 0 0",
        "3,32 0 0 4,21 0 0 1,6 0 0 1",
    ],
)
def test_a_program_that_no_kernel_takes_or_asks_for_the_unknown_is_unknown(program: str) -> None:
    assert isinstance(evaluate(f'-m bpf --bytecode "{program}" -j DROP'), Unknown)


@pytest.mark.parametrize("program", ["3,6 0 0 1", "1,6 0 0", "", "0", "1,6 0 0 x"])
def test_a_program_that_is_none_is_unknown(program: str) -> None:
    assert isinstance(evaluate(f'-m bpf --bytecode "{program}" -j DROP'), Unknown)
