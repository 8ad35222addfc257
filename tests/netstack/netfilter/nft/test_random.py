"""numgen and hashes: results of numgen are grouped, and the shares add up."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from kubectl_skoop.netstack.netfilter.outcome import Dropped, Passed

Make = Callable[..., Any]
MARK = {"meta": {"key": "mark"}}


def nft(*rules: list[object]) -> dict[str, Any]:
    place = {"family": "ip", "table": "t"}
    chain = {**place, "name": "c", "hook": "forward", "type": "filter", "prio": 0, "policy": "accept"}
    listed = [{"rule": {**place, "chain": "c", "expr": rule}} for rule in rules]
    return {"nftables": [{"table": {"family": "ip", "name": "t"}}, {"chain": chain}, *listed]}


def numgen(modulus: int, offset: int = 0) -> dict[str, Any]:
    return {"numgen": {"mode": "random", "mod": modulus, "offset": offset}}


@pytest.mark.parametrize(
    ("key", "right", "operator", "share"),
    [
        (numgen(100), 20, "<", Fraction(1, 5)),
        (numgen(10), {"set": [1, 2, 3]}, "==", Fraction(3, 10)),
        (numgen(4, offset=10), {"range": [10, 11]}, "==", Fraction(1, 2)),
        (
            {"jhash": {"mod": 2, "expr": {"payload": {"protocol": "ip", "field": "saddr"}}}},
            0,
            "==",
            Fraction(1, 2),
        ),
        ({"symhash": {"mod": 3}}, 2, "!=", Fraction(2, 3)),
    ],
    ids=["less than", "a set", "an offset", "a hash of a field", "a symmetric hash"],
)
def test_the_outcomes_of_a_comparison_have_their_shares(
    router: Make, tcp: Make, key: object, right: object, operator: str, share: Fraction
) -> None:
    rules = nft([{"match": {"op": operator, "left": key, "right": right}}, {"drop": None}])
    shares: dict[type, Fraction] = {}
    answer, answers = 0, 1
    while answer < answers:
        made = router(nft=rules, script=(answer,))
        end = type(made.forward(tcp()))
        (choice,) = made.stack.choices.made
        shares[end] = shares.get(end, Fraction()) + choice.probabilities[answer]
        answer, answers = answer + 1, len(choice.probabilities)
    assert shares == {Dropped: share, Passed: 1 - share}


def test_a_verdict_map_groups_equal_verdicts(router: Make, tcp: Make) -> None:
    data = {"set": [[0, {"drop": None}], [1, {"accept": None}], [2, {"drop": None}], [3, {"drop": None}]]}
    made = router(nft=nft([{"vmap": {"key": numgen(4), "data": data}}]))
    assert isinstance(made.forward(tcp()), Dropped)
    (choice,) = made.stack.choices.made
    assert choice.probabilities == (Fraction(3, 4), Fraction(1, 4))


def test_a_number_that_the_map_lacks_ends_the_rule(router: Make, tcp: Make) -> None:
    data = {"set": [[0, {"drop": None}]]}
    ends = [
        router(nft=nft([{"vmap": {"key": numgen(2), "data": data}}]), script=(answer,)).forward(tcp())
        for answer in (0, 1)
    ]
    assert [type(end) for end in ends] == [Dropped, Passed]


def test_a_modulus_of_one_is_no_choice(router: Make, tcp: Make) -> None:
    made = router(nft=nft([{"mangle": {"key": MARK, "value": numgen(1, offset=7)}}]))
    assert isinstance(made.forward(tcp()), Passed)
    assert not made.stack.choices.made
    (step,) = [each for each in made.stack.trace if each.kind == "rule"]
    assert step.effect == "mark 0x0 → 0x7"
