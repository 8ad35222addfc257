"""Rules that ask for the packet's route: `-m realm`, `rt classid`, `rt nexthop`."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.routing.input import Local, Refused, route_input
from kubectl_skoop.netstack.routing.text import route_text, rule_text
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.route_oracle import read_state
from kubectl_skoop.testing.rule_lab import DATAGRAM, NET, RuleLab, rule_lab
from tests.kernel.counted import Counted, load_native, load_saved

pytestmark = pytest.mark.kernel

ROUTES = """\
route add 10.78.1.0/24 via 10.77.2.2 realm 7
route add 10.78.2.0/24 via 10.77.2.3 realm 5/7
route add 10.78.3.0/24 via 10.77.2.4
route add 10.78.4.0/24 nexthop via 10.77.2.5 dev out0 realm 8/9 nexthop via 10.77.2.5 dev out0 realm 8/9
route add unreachable 10.78.9.0/24
rule add pref 14 from 10.99.0.0/16 realms 3/4 unreachable
route add 10.78.5.0/24 via inet6 fd77:2::5 dev out0 realm 7
route add 10.78.6.0/24 via 10.77.2.6 table 100
route add 10.78.7.0/24 via 10.77.2.7 table 101
route add 10.79.1.0/24 via 10.77.1.2 realm 3
route add 10.79.2.0/24 via 10.77.1.2 realm 4/6
route add 10.79.3.0/24 via 10.77.1.2
route add 10.79.4.0/24 via 10.77.1.3 table 102
route add fd78::/64 via fd77:2::4
rule add pref 10 to 10.78.6.0/24 realms 11/12 lookup 100
rule add pref 11 from 10.79.1.0/24 to 10.78.7.0/24 realms 13 lookup 101
rule add pref 12 to 10.78.7.0/24 realms 14 lookup 101
rule add pref 13 to 10.79.4.0/24 realms 15/16 lookup 102
"""
HERE = "10.77.1.1"
SOURCES = ("10.79.1.1", "10.79.2.1", "10.79.3.1", "10.79.4.1", "10.77.1.2", "10.80.0.1")
DESTINATIONS = (*(f"10.78.{net}.1" for net in range(1, 8)), "10.77.2.2", HERE)
REALMS = (0, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16)
UNDECIDED = "10.78.7.1"
"""Two rules with realms lead to it: the nexthop keeps those of the first."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab(router_commands=ROUTES) as made:
        yield made


def packet(source: str, destination: str, port: int = 2000) -> Packet:
    return replace(DATAGRAM, src=ip_address(source), dst=ip_address(destination), dport=port)


def arrive(lab: RuleLab, counted: Counted) -> None:
    """Each source to each destination."""
    for destination in DESTINATIONS:
        counted.unknown.clear()
        for source in SOURCES:
            counted.arrives(lab, packet(source, destination))
        assert bool(counted.unknown) == (destination == UNDECIDED)
    assert counted.known > 500


def send(lab: RuleLab, counted: Counted) -> None:
    with entered(lab.router.path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("", 1000))
        for destination in (*DESTINATIONS, "127.0.0.1"):
            own = HERE if destination == HERE else "127.0.0.1" if "127" in destination else "10.77.2.1"
            counted.unknown.clear()
            leaving = replace(packet(own, destination), src_mac="", dst_mac="")
            counted.leaves(leaving, Passage(), partial(sender.sendto, b"P" * 72, (destination, 2000)))
            assert bool(counted.unknown) == (destination == UNDECIDED)


def test_realms_of_packets_are_those_of_their_routes_and_rules(lab: RuleLab) -> None:
    matches = [f"-m realm --realm {realm:#x}/0xffff" for realm in REALMS]
    matches += [f"-m realm --realm {realm << 16:#x}/0xffff0000" for realm in REALMS]
    matches += [
        f"-m realm {negation}--realm {realm:#x}" for realm in (0, 7, 0x50007) for negation in ("", "! ")
    ]
    counted = load_saved(lab.router, dict.fromkeys(("INPUT", "FORWARD", "OUTPUT", "POSTROUTING"), matches))
    try:
        arrive(lab, counted)
        send(lab, counted)
    finally:
        lab.router.run("iptables-legacy", "-t", "mangle", "-F")


def test_nft_asks_for_realms_and_next_hops(lab: RuleLab) -> None:
    """Before routing there are none, but of what comes by lo."""
    gateways = [f"10.77.{net}.{host}" for net in (1, 2) for host in range(1, 8)]
    matches = [
        *(f"rt classid {source << 16 | realm:#x}" for source in (0, 3, 5, 16) for realm in (0, 3, 7, 12)),
        "meta rtclassid 0x7",
        "rt classid { 7, 9 }",
        "rt ip nexthop { 10.77.2.2, 10.77.2.4 }",
        "rt classid != 0x7",
        *(f"rt ip nexthop {address}" for address in (*gateways, "10.78.5.1", "10.79.3.1", "127.0.0.1")),
        "rt ip nexthop != 10.77.2.2",
        "rt ip6 nexthop fd77:2::4",
        "rt ip6 nexthop != fd77:2::4",
    ]
    hooks = ("prerouting", "input", "forward", "output", "postrouting")
    counted = load_native(lab.router, dict.fromkeys(hooks, matches))
    try:
        arrive(lab, counted)
        send(lab, counted)
        counted.unknown.clear()
        for destination in ("fd78::1", "fd77:2::3", f"{NET[6]}:1"):
            counted.arrives(lab, packet("fd77:1::2", destination))
        assert not counted.unknown
    finally:
        lab.router.run("nft", "flush", "ruleset")


def test_realms_are_printed_as_ip_does(lab: RuleLab) -> None:
    ns = read_state(lab.router.path)
    routes = lab.router.run("ip", "-oneline", "-4", "route", "show", "table", "all").splitlines()
    rules = lab.router.run("ip", "-4", "rule", "show").splitlines()
    ours = sorted(route_text(ns, route) for route in ns.routes if route.destination.version == 4)
    assert ours == sorted(" ".join(line.replace("\\", " ").split()) for line in routes)
    assert [rule_text(rule) for rule in ns.rules if rule.family == 4] == [
        " ".join(line.split()) for line in rules
    ]


@pytest.mark.parametrize(("realm", "passes"), [("", True), ("realm 7", False)])
def test_with_realms_every_source_is_looked_up(realm: str, passes: bool) -> None:
    """A broadcast address passes the quick check of rp_filter 0 only (fib_validate_source)."""
    with rule_lab(router_commands=f"route add 10.78.1.0/24 via 10.77.2.2 {realm}\n") as made:
        counted = load_native(made.router, {"prerouting": (), "input": ()})
        sent = packet("10.77.1.255", HERE)
        found = route_input(Stack(counted.ns, Choices()), sent, made.in_device, 0)
        assert isinstance(found, Local if passes else Refused)
        counted.arrives(made, sent)


def test_what_no_policy_of_ipsec_seals(lab: RuleLab) -> None:
    """One for other packets, and one whose transformation may be left out, without a state."""
    for source, level in (("10.99.0.0/16", "required"), ("10.79.0.0/16", "use")):
        template = f"tmpl proto esp mode transport level {level}"
        lab.router.run("ip", "xfrm", *f"policy add src {source} dst 10.78.0.0/16 dir out {template}".split())
    asked = ["rt ipsec exists", "rt ipsec missing", "ipsec out reqid 0", "ipsec out reqid != 0"]
    routed = [*asked, "rt classid 0x7", "rt ip nexthop 10.77.2.2"]
    hooks = {"prerouting": asked[:2], "forward": routed, "postrouting": routed}
    counted = load_native(lab.router, hooks)
    try:
        counted.arrives(lab, packet("10.79.3.1", "10.78.1.1"))
        counted.arrives(lab, packet("10.80.0.1", "10.78.1.1"))
        assert not counted.unknown
        matches = [f"-m policy --dir out --pol {kind}" for kind in ("none", "ipsec", "ipsec --reqid 1")]
        lab.router.run("nft", "flush", "ruleset")
        counted = load_saved(lab.router, {"FORWARD": matches, "POSTROUTING": matches})
        counted.arrives(lab, packet("10.79.3.1", "10.78.1.1"))
        assert not counted.unknown
    finally:
        lab.router.run("nft", "flush", "ruleset")
        lab.router.run("iptables-legacy", "-t", "mangle", "-F")
        lab.router.run("ip", "xfrm", "policy", "flush")
