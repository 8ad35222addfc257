"""What nft left out of its listing comes from the kernel's own rules, and stands where it stood."""

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack.netfilter.outcome import Dropped, Passed, Stolen
from kubectl_skoop.netstack.netfilter.types import Hook

DROP, COUNTER = {"drop": None}, {"counter": {"packets": 0, "bytes": 0}}
MARK = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}
PORT = {
    "match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80},
}
IPV6, UDP = ["meta protocol", True, 0x86DD], ["meta l4proto", True, 17]


def listed(*statements: object) -> dict[str, Any]:
    place = {"family": "ip", "table": "t"}
    chain = {"name": "c", "hook": "forward", "type": "filter", "prio": 0, "policy": "accept"}
    return {
        "nftables": [
            {"table": {"family": "ip", "name": "t"}},
            {"chain": {**place, **chain}},
            {"rule": {**place, "chain": "c", "handle": 7, "expr": list(statements)}},
        ]
    }


def raw(statements: object, *checks: list[object], handle: object = 7, index: object = 0) -> dict[str, Any]:
    """Each check begins with the number of statements before it."""
    return {
        "tables": [],
        "checks": {
            "kinds": [{"statements": statements, "checks": list(checks)}],
            "rules": [{"family": 2, "table": "t", "handles": [handle], "kinds": [index]}],
        },
    }


def test_a_comparison_that_is_not_listed_keeps_the_rule_from_matching(
    router: Callable[..., Any], tcp: Callable[..., Packet]
) -> None:
    rule = listed(PORT, COUNTER, DROP)
    assert isinstance(router(nft=rule).forward(tcp()), Dropped)
    assert isinstance(router(nft=rule, nft_raw=raw(2, [0, *IPV6])).forward(tcp()), Passed)
    assert isinstance(
        router(nft=rule, nft_raw=raw(2, [0, "meta protocol", False, 0x86DD])).forward(tcp()), Dropped
    )


def test_what_stands_before_the_comparison_is_done(
    router: Callable[..., Any], tcp: Callable[..., Packet]
) -> None:
    passage = Passage()
    made = router(nft=listed(MARK, PORT, DROP), nft_raw=raw(2, [1, *UDP]))
    assert isinstance(made.at(Hook.FORWARD, tcp(), passage), Passed)
    assert passage.mark == 1


def test_a_statement_that_is_not_listed_makes_the_rule_unknown(
    router: Callable[..., Any], tcp: Callable[..., Packet]
) -> None:
    outcome = router(nft=listed(PORT, DROP), nft_raw=raw(2)).forward(tcp())
    assert isinstance(outcome, Stolen)
    assert "nft lists 1 statements of 2" in str(outcome)


@pytest.mark.parametrize(
    "checks",
    [
        raw("two"),
        raw(1, [0, "meta mark", True, 1]),
        raw(1, [0, "meta protocol", True]),
        raw(1, ["0", "meta protocol", True, 1]),
        raw(1, [0, *IPV6], handle="7"),
        raw(1, [0, *IPV6], index=1),
        raw(1, [0, *IPV6], index=-1),
        {"checks": {"kinds": 5, "rules": [5]}},
        {"checks": [5]},
    ],
)
def test_checks_that_no_agent_writes_leave_the_listing(
    router: Callable[..., Any], tcp: Callable[..., Packet], checks: object
) -> None:
    assert isinstance(router(nft=listed(PORT, DROP), nft_raw=checks).forward(tcp()), Dropped)


def test_a_rule_that_was_not_there_when_the_kernels_were_read_is_unknown(
    router: Callable[..., Any], tcp: Callable[..., Packet]
) -> None:
    assert isinstance(router(nft=listed(PORT, DROP), nft_raw=raw(1, handle=8)).forward(tcp()), Stolen)
    assert isinstance(router(nft=listed(PORT, DROP), nft_raw=raw(1, handle=7)).forward(tcp()), Dropped)
