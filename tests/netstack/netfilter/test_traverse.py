"""The order of hooks, and what a hook's end tells."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.model.packet import Owner, Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.netstack.conntrack_types import ConntrackEntry, Tuple
from kubectl_skoop.netstack.netfilter import conntrack
from kubectl_skoop.netstack.netfilter.outcome import Dropped, Passed, Rejected, Stolen
from kubectl_skoop.netstack.netfilter.types import Hook

Make = Callable[..., Any]
SYN, ACK, FIN, RST = TcpFlags.SYN, TcpFlags.ACK, TcpFlags.FIN, TcpFlags.RST
HEADS = {
    "filter": ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n",
    "nat": ":PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n",
    "mangle": ":PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n",
    "raw": ":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n",
}


def saved(**tables: str) -> str:
    return "".join(f"*{name}\n{HEADS[name]}{rules}\nCOMMIT\n" for name, rules in tables.items())


def nft(*rules: object, hook: str = "forward", priority: int = 0, kind: str = "filter") -> dict[str, Any]:
    place = {"family": "ip", "table": "t"}
    chain = {**place, "name": "c", "hook": hook, "type": kind, "prio": priority, "policy": "accept"}
    listed = [{"rule": {**place, "chain": "c", "expr": rule}} for rule in rules]
    return {"nftables": [{"table": {"family": "ip", "name": "t"}}, {"chain": chain}, *listed]}


MARK_IS_1 = {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}}
SET_MARK_1 = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}
UNKNOWN = {"match": {"op": "==", "left": {"osf": {"key": "name"}}, "right": "Linux"}}


def test_equal_priorities_of_two_tools_are_walked_in_both_orders(router: Make, tcp: Make) -> None:
    """K-1: here one order drops and the other does not."""
    rules = {
        "iptables_legacy": saved(mangle="-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff"),
        "nft": nft([MARK_IS_1, {"drop": None}], hook="prerouting", priority=-150),
    }
    outcomes = [type(router(script=(answer,), **rules).forward(tcp())) for answer in (0, 1)]
    assert set(outcomes) == {Passed, Dropped}


@pytest.mark.parametrize(
    "native",
    [nft(hook="prerouting", priority=-150), nft([{"drop": None}], hook="forward", priority=-150)],
    ids=["an idle chain", "a chain of another hook"],
)
def test_where_the_order_changes_nothing_it_is_not_asked(router: Make, tcp: Make, native: object) -> None:
    legacy = saved(mangle="-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff")
    made = router(iptables_legacy=legacy, nft=native)
    made.at(Hook.PREROUTING, tcp())
    assert not made.stack.choices.made


@pytest.mark.parametrize(("answer", "end"), [(0, Dropped), (1, Passed)])
def test_a_rule_that_cannot_be_told_is_followed_both_ways(
    router: Make, tcp: Make, answer: int, end: type
) -> None:
    made = router(script=(answer,), nft=nft([UNKNOWN, {"drop": None}]))
    assert isinstance(made.forward(tcp()), end)
    (choice,) = made.stack.choices.made
    assert choice.reason.startswith("ip t c rule 1: ")


def test_a_change_before_an_unknown_match_is_made_once(router: Make, tcp: Make) -> None:
    flip = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"^": [{"meta": {"key": "mark"}}, 1]}}}
    made = router(nft=nft([flip, UNKNOWN], [MARK_IS_1, {"drop": None}]))
    assert isinstance(made.forward(tcp()), Dropped)


@pytest.mark.parametrize(("answer", "end"), [(0, Passed), (1, Stolen)])
def test_a_table_that_could_not_be_read_may_decide_at_each_hook(
    router: Make, tcp: Make, answer: int, end: type
) -> None:
    made = router(script=(answer,), gaps={"nft": "forbidden: no permission"})
    result = made.at(Hook.FORWARD, tcp())
    assert isinstance(result, end)
    (choice,) = made.stack.choices.made
    assert "no permission" in choice.reason
    assert "forward" in choice.reason


def test_a_queue_takes_the_packet_away(router: Make, tcp: Make) -> None:
    end = router(nft=nft([{"queue": {"num": 3}}])).forward(tcp())
    assert isinstance(end, Stolen)
    assert "nfnetlink_queue" in end.unknown.reason


def test_a_chain_that_jumps_to_itself_ends_as_unknown(router: Make, tcp: Make) -> None:
    """After the first time: what follows would be the same for ever."""
    made = router(nft=nft([{"goto": {"target": "c"}}]))
    end = made.forward(tcp())
    assert isinstance(end, Stolen)
    assert "loop" in end.unknown.reason
    assert len(made.stack.trace) < 5


def test_what_one_question_may_cost_is_bounded(router: Make, tcp: Make) -> None:
    made = router(nft=nft(*([MARK_IS_1, {"drop": None}] for _ in range(9))))
    made.stack.choices.effort.left = 5
    end = made.forward(tcp())
    assert isinstance(end, Stolen)
    assert "more rules lie on the way" in end.unknown.reason


def test_a_chain_may_be_reached_twice_by_jump_and_by_goto(router: Make, tcp: Make) -> None:
    """No loop: the kernel loads this."""
    rules = ("-A FORWARD -j A", "-A FORWARD -j B", "-A FORWARD -g B", "-A A -g B", "-A B -j RETURN")
    chains = "\n".join(("", ":A - [0:0]", ":B - [0:0]", *rules))
    assert isinstance(router(iptables_legacy=saved(filter=chains)).forward(tcp()), Passed)


@pytest.mark.parametrize(
    ("rules", "rerouted"),
    [
        ({"iptables_nft": saved(mangle="-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff")}, True),
        ({"iptables_nft": saved(mangle="-A OUTPUT -j MARK --set-xmark 0x0/0xffffffff")}, False),
        ({"iptables_nft": saved(raw="-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff")}, False),
        ({"nft": nft([SET_MARK_1], hook="output", priority=-150)}, False),
        ({"nft": nft([SET_MARK_1], hook="output", priority=-150, kind="route")}, True),
        ({"iptables_nft": saved(nat="-A OUTPUT -p tcp -j DNAT --to-destination 10.77.2.9")}, True),
        ({"iptables_nft": saved(nat="-A OUTPUT -p tcp -j DNAT --to-destination :81")}, False),
        ({"iptables_nft": saved(nat="-A OUTPUT -p tcp -j REDIRECT --to-ports 81")}, True),
    ],
    ids=[
        "a mark in mangle",
        "the same mark in mangle",
        "a mark in raw",
        "a mark in a filter chain of mangle's priority",
        "a mark in a route chain",
        "dnat to another address",
        "dnat to another port only",
        "redirect",
    ],
)
def test_output_asks_for_a_new_route(
    router: Make, tcp: Make, rules: dict[str, object], rerouted: bool
) -> None:
    """K-12."""
    end = router(**rules).at(Hook.OUTPUT, tcp(), Passage(owner=Owner()))
    assert isinstance(end, Passed)
    assert end.reroute is rerouted


def test_the_new_route_is_looked_up_with_the_mark_of_that_moment(router: Make, tcp: Make) -> None:
    made = router(
        iptables_nft=saved(
            mangle="-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff",
            filter="-A OUTPUT -j MARK --set-xmark 0x2/0xffffffff",
        )
    )
    passage = Passage()
    end = made.at(Hook.OUTPUT, tcp(), passage)
    assert isinstance(end, Passed)
    assert (end.reroute, end.route_mark, passage.mark) == (True, 1, 2)


def test_redirect_on_a_device_without_an_address_drops(router: Make, tcp: Make) -> None:
    """K-10."""
    rules = saved(nat="-A PREROUTING -p tcp -j REDIRECT --to-ports 81")
    end = router(iptables_nft=rules, addresses=[(2, "10.77.2.1")]).forward(tcp())
    assert isinstance(end, Dropped)
    assert end.trace.kind == "nat"


def test_a_masqueraded_connection_does_not_leave_by_another_device(router: Make, tcp: Make) -> None:
    made = router(iptables_nft=saved(nat="-A POSTROUTING -j MASQUERADE"))
    assert isinstance(made.forward(tcp()), Passed)
    passage = Passage(iif=1)
    made.at(Hook.PREROUTING, tcp(), passage)
    made.stack.connections[0].masquerade_device = 7
    assert isinstance(made.at(Hook.POSTROUTING, tcp(), passage), Dropped)


def test_a_source_range_is_a_choice_of_addresses(router: Make, tcp: Make) -> None:
    rules = saved(nat="-A POSTROUTING -j SNAT --to-source 10.77.2.7-10.77.2.8")
    ends = [router(iptables_nft=rules, script=(answer,)).forward(tcp()) for answer in (0, 1)]
    assert [str(end.packet.src) for end in ends] == ["10.77.2.7", "10.77.2.8"]


def test_from_node_to_itself_nat_runs_in_output_and_postrouting_only(router: Make, tcp: Make) -> None:
    """K-4."""
    made = router(
        iptables_nft=saved(
            nat="-A OUTPUT -p tcp -j DNAT --to-destination 10.77.1.1:81\n"
            "-A PREROUTING -p tcp -j DNAT --to-destination 10.77.1.1:82"
        )
    )
    passage = Passage(owner=Owner())
    packet = tcp(src="10.77.1.1", dst="10.96.0.10")
    for hook in (Hook.OUTPUT, Hook.POSTROUTING, Hook.PREROUTING, Hook.INPUT):
        end = made.at(hook, packet, passage)
        packet = end.packet
    assert packet.dport == 81


def entry(state: str) -> ConntrackEntry:
    client, vip, pod = (ip_address(text) for text in ("10.77.1.2", "10.96.0.10", "10.77.2.9"))
    return ConntrackEntry(
        original=Tuple(src=client, dst=vip, protocol=6, sport=40000, dport=80),
        reply=Tuple(src=pod, dst=client, protocol=6, sport=8080, dport=40000),
        status=0x2E,
        tcp_state=state,
    )


@pytest.mark.parametrize(
    ("state", "use_existing", "target"),
    [
        ("ESTABLISHED", True, "10.77.2.9"),
        ("SYN_SENT", True, "10.77.2.9"),
        ("TIME_WAIT", True, "10.77.2.2"),
        ("ESTABLISHED", False, "10.77.2.2"),
    ],
    ids=["established: the old binding", "SYN_SENT: the old binding", "TIME_WAIT: anew", "not asked for"],
)
def test_a_syn_meets_an_entry_of_the_dump(
    router: Make, tcp: Make, state: str, use_existing: bool, target: str
) -> None:
    """K-20."""
    made = router(
        iptables_nft=saved(nat="-A PREROUTING -d 10.96.0.10/32 -j DNAT --to-destination 10.77.2.2"),
        conntrack=[entry(state)],
        use_existing=use_existing,
    )
    end = made.forward(tcp(dst="10.96.0.10"))
    assert str(end.packet.dst) == target


def test_the_reset_of_a_connection_that_was_never_answered_takes_its_entry_away(
    router: Make, tcp: Make
) -> None:
    made = router(iptables_nft=saved(filter="-A FORWARD -m conntrack --ctstate INVALID -j DROP"))
    made.forward(tcp())
    reset = tcp(src="10.77.2.2", dst="10.77.1.2", sport=80, dport=40000, flags=RST | ACK)
    assert isinstance(made.forward(reset, back=True), Passed)
    assert isinstance(made.forward(reset, back=True), Dropped)


def test_neighbour_discovery_is_not_tracked(router: Make) -> None:
    """K-24: a FORWARD that accepts by state only drops it."""
    v6 = ":FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED,RELATED -j ACCEPT"
    made = router(ip6tables_nft=f"*filter\n{v6}\nCOMMIT\n")
    solicitation = Packet(
        src=ip_address("fd77:1::2"), dst=ip_address("ff02::1:ff00:1"), protocol=Protocol.ICMPV6, icmp_type=135
    )
    assert isinstance(made.forward(solicitation), Dropped)
    assert isinstance(made.forward(replace(solicitation, icmp_type=128)), Passed)


def test_conntrack_puts_fragments_together(router: Make, tcp: Make) -> None:
    """K-6: without it a later fragment has no ports."""
    later = replace(tcp(), fragment_offset=1480)
    drop = "-A FORWARD -p tcp -m tcp --dport 80 -j DROP"
    tracked = "-A FORWARD -m conntrack --ctstate INVALID\n" + drop
    assert isinstance(router(iptables_legacy=saved(filter=drop)).forward(later), Passed)
    assert isinstance(router(iptables_legacy=saved(filter=tracked)).forward(later), Dropped)


def test_zones_keep_equal_tuples_apart(router: Make, tcp: Make) -> None:
    made = router(
        iptables_nft=saved(
            raw="-A PREROUTING -i in0 -j CT --zone 1",
            filter="-A FORWARD -m conntrack --ctstate INVALID -j DROP",
        )
    )
    made.forward(tcp())
    assert made.stack.connections[0].zone == 1
    answer = tcp(src="10.77.2.2", dst="10.77.1.2", sport=80, dport=40000, flags=SYN | ACK)
    assert isinstance(made.forward(answer, back=True), Dropped)


def test_an_answer_belongs_to_the_connection_of_its_cause(router: Make, tcp: Make) -> None:
    made = router(iptables_nft=saved(filter="-A FORWARD -m conntrack --ctstate NEW -j REJECT"))
    passage = Passage(iif=1)
    made.at(Hook.PREROUTING, tcp(), passage)
    assert isinstance(made.at(Hook.FORWARD, tcp(), passage), Rejected)
    answer = Passage()
    conntrack.attach(answer, passage)
    assert (answer.ct_state, answer.ct_reply) == ("RELATED", True)
    assert answer.connection is passage.connection


def test_a_drop_names_its_rule(router: Make, tcp: Make) -> None:
    end = router(iptables_nft=saved(filter="-A FORWARD -p udp -j ACCEPT\n-A FORWARD -j DROP")).forward(tcp())
    assert isinstance(end, Dropped)
    where = end.trace.where
    assert (where.table, where.chain, where.rule, where.hook) == ("filter", "FORWARD", 2, "forward")
    assert end.trace.text == "-A FORWARD -j DROP"
