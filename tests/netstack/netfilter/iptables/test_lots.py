"""Rules with a chance that stand together are drawn at once: the same shares as one after the other."""

from fractions import Fraction

import pytest

from kubectl_skoop.diagnosis.walk.fan_out import fan_out
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.evaluate import run_base_chain
from kubectl_skoop.netstack.netfilter.iptables.save import parse_save
from tests.netstack.netfilter.iptables.test_rule import context

CHANCE = "-m statistic --mode random --probability"
THIRD, HALF, QUARTER = Fraction(1, 3), Fraction(1, 2), Fraction(1, 4)


def shares(*rules: str) -> dict[str, Fraction]:
    """How connections end, with the mark that they have then, and their shares."""
    text = "\n".join(("*filter", ":FORWARD ACCEPT [0:0]", ":A - [0:0]", *rules, "COMMIT\n"))
    (base,) = parse_save(text, 4, "iptables-nft")

    def walk(choices: Choices) -> str:
        ctx = context(choices=choices)
        verdict = run_base_chain(ctx, base).verdict
        return f"{type(verdict).__name__} {ctx.passage.mark:#x}"

    found: dict[str, Fraction] = {}
    for way in fan_out(walk, lambda result: result):
        found[way.result] = found.get(way.result, Fraction(0)) + way.share
    return found


def marking(mark: str) -> str:
    return f"-A A -j MARK --set-xmark {mark}/0xffffffff"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            [f"-A FORWARD {CHANCE} 0.33333333349 -j DROP", f"-A FORWARD {CHANCE} 0.5 -j REJECT"],
            {"Drop 0x10": THIRD, "Reject 0x10": THIRD, "Accept 0x10": THIRD},
        ),
        (
            [f'-A FORWARD -m comment --comment "a -> b" {CHANCE} 0.5 -j DROP'] * 2,
            {"Drop 0x10": 3 * QUARTER, "Accept 0x10": QUARTER},
        ),
        (
            [f"-A FORWARD {CHANCE} 0.5 -j A", f"-A FORWARD {CHANCE} 0.5 -j DROP", marking("0x1")],
            {"Drop 0x1": QUARTER, "Accept 0x1": QUARTER, "Drop 0x10": QUARTER, "Accept 0x10": QUARTER},
        ),
        (
            [f"-A FORWARD {CHANCE} 0.5 -j DROP", f"-A FORWARD -p udp {CHANCE} 0.5 -j REJECT"],
            {"Drop 0x10": HALF, "Accept 0x10": HALF},
        ),
        (
            [f"-A FORWARD {CHANCE} 0.5 -j DROP", "-A FORWARD -j A", f"-A FORWARD {CHANCE} 0.5 -j DROP"],
            {"Drop 0x10": 3 * QUARTER, "Accept 0x10": QUARTER},
        ),
    ],
    ids=[
        "one of three",
        "with comments",
        "what comes back from a jump draws among the rest",
        "one that asks for more",
        "others between them",
    ],
)
def test_shares(rules: list[str], expected: dict[str, Fraction]) -> None:
    assert shares(*rules) == expected


def test_what_is_drawn_is_one_choice() -> None:
    """Of as many as there are rules, and that none takes it."""
    rules = (f"-A FORWARD {CHANCE} {1 / left:.11f} -j DROP" for left in range(200, 1, -1))
    text = "\n".join(("*filter", ":FORWARD ACCEPT [0:0]", *rules, "COMMIT\n"))
    (base,) = parse_save(text, 4, "iptables-nft")
    choices = Choices(script=(150,))
    decision = run_base_chain(context(choices=choices), base)
    (made,) = choices.made
    assert (len(made.probabilities), sum(made.probabilities)) == (200, 1)
    assert {share.limit_denominator(1000) for share in made.probabilities} == {Fraction(1, 200)}
    assert decision.trace is not None
    assert decision.trace.where.rule == 151
