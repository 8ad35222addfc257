"""Rules that no kernel printed: the answer is *unknown* at that place, or what the rules say; never a crash,
never a rule that is passed over in silence."""

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_skoop.netstack.netfilter.outcome import Dropped, Stolen
from tests.netstack.netfilter.test_traverse import nft, saved

Make = Callable[..., Any]
DEEP = 100
DROP = {"drop": None}
IN_SET = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@gone"}}


def nested_iptables(depth: int, end: str) -> str:
    """The last chain has the rule `end`."""
    heads = "\n".join(f":C{number} - [0:0]" for number in range(depth))
    jumps = "\n".join(f"-A C{number} -j C{number + 1}" for number in range(depth - 1))
    return f"\n{heads}\n-A FORWARD -j C0\n{jumps}\n-A C{depth - 1} {end}"


def nested_nft(depth: int) -> dict[str, Any]:
    document = nft([{"jump": {"target": "c0"}}])
    place = {"family": "ip", "table": "t"}
    for number in range(depth):
        onward = {"jump": {"target": f"c{number + 1}"}} if number < depth - 1 else DROP
        document["nftables"] += [
            {"chain": {**place, "name": f"c{number}"}},
            {"rule": {**place, "chain": f"c{number}", "expr": [onward]}},
        ]
    return document


@pytest.mark.parametrize("engine", ["iptables_legacy", "iptables_nft"])
def test_a_hundred_nested_chains_are_walked_to_the_last(router: Make, tcp: Make, engine: str) -> None:
    made = router(**{engine: saved(filter=nested_iptables(DEEP, "-j DROP"))})
    end = made.forward(tcp())
    assert isinstance(end, Dropped)
    assert f"C{DEEP - 1}" in str(end)


def test_a_hundred_nested_chains_of_nft_are_walked_to_the_last(router: Make, tcp: Make) -> None:
    assert isinstance(router(nft=nested_nft(DEEP)).forward(tcp()), Dropped)


def test_more_nested_chains_than_anybody_has_are_unknown(router: Make, tcp: Make) -> None:
    end = router(iptables_legacy=saved(filter=nested_iptables(600, "-j DROP"))).forward(tcp())
    assert isinstance(end, Stolen)
    assert "too often" in end.unknown.reason


@pytest.mark.parametrize("word", ["-j", "-g"])
@pytest.mark.parametrize("back", [0, DEEP - 1], ids=["to the first of many", "to itself"])
def test_a_chain_that_leads_back_is_unknown(router: Make, tcp: Make, word: str, back: int) -> None:
    made = router(iptables_legacy=saved(filter=nested_iptables(DEEP, f"{word} C{back}")))
    end = made.forward(tcp())
    assert isinstance(end, Stolen)
    assert "loop" in end.unknown.reason


@pytest.mark.parametrize("answer", [0, 1])
@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        pytest.param(
            {"iptables_legacy": saved(filter="-A FORWARD -m set --match-set gone src -j DROP")},
            "set gone is not in the dump",
            id="a set that is not there",
        ),
        pytest.param({"nft": nft([IN_SET, DROP])}, "the set @gone", id="a set of nft that is not there"),
        pytest.param(
            {"iptables_legacy": saved(filter="-A FORWARD -m flux --capacitor 88 -j DROP")},
            "flux",
            id="a match that nobody knows",
        ),
        pytest.param(
            {"iptables_legacy": saved(filter="-A FORWARD -p tcp --dport eighty -j DROP")},
            "eighty",
            id="a value that nobody can read",
        ),
        pytest.param({"nft": nft([{"match": 7}, DROP])}, "ip t c rule 1", id="no match at all"),
    ],
)
def test_a_rule_that_nobody_can_read_is_followed_both_ways(
    router: Make, tcp: Make, rules: dict[str, Any], reason: str, answer: int
) -> None:
    made = router(script=(answer,), **rules)
    assert isinstance(made.forward(tcp()), Dropped) == (answer == 0)
    (choice,) = made.stack.choices.made
    assert reason in choice.reason


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        pytest.param(
            {"iptables_legacy": saved(filter="-A FORWARD -j WARP --factor 9")}, "WARP", id="a target"
        ),
        pytest.param({"nft": nft([{"warp": {"factor": 9}}])}, "warp", id="a statement"),
        pytest.param({"nft": nft([{"jump": {"target": "gone"}}])}, "gone", id="a chain that is not there"),
    ],
)
def test_what_nobody_knows_that_ends_a_rule_makes_the_fate_unknown(
    router: Make, tcp: Make, rules: dict[str, Any], reason: str
) -> None:
    end = router(**rules).forward(tcp())
    assert isinstance(end, Stolen)
    assert reason in end.unknown.reason
