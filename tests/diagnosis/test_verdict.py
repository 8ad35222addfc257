"""From the ways of a flow to one answer: shares, verdict, first line."""

from fractions import Fraction
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from kubectl_skoop.diagnosis import verdict
from kubectl_skoop.diagnosis.result import Backends, FateKind
from kubectl_skoop.diagnosis.verdict import Reason
from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.diagnosis.walk.fan_out import Way
from kubectl_skoop.diagnosis.walk.flow import FlowResult
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.place import Endpoint, Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.stack import Loss

A, B = ip_address("10.0.0.1"), ip_address("10.0.0.2")
PROBE = Probe(
    source=Endpoint("pod", "default/a", A), destination=Endpoint("pod", "default/b", B), protocol=6, dport=80
)
NOWHERE = SimpleNamespace(
    nodes_with=lambda owned: (),
    namespace=lambda place: NotCollected(str(place), "not collected"),
    namespace_by_id=lambda identity: NotCollected(identity, "not collected"),
)


def suspicion(code: str, place: str = "n1") -> Suspicion:
    return Suspicion(code=code, level=Level.FATAL, where=Where(place=Place("node", place)), message=code)


def way(
    fate: FateKind,
    share: Fraction = Fraction(1),
    *,
    code: str = "",
    symptom: str = "timeout",
    unknown: str = "",
) -> Way[FlowResult]:
    loss = Loss(because=suspicion(code), frame=Packet(src=A, dst=B, protocol=6)) if code else None
    branch = Branch(World(NOWHERE, lambda address: None), Choices())
    result = FlowResult(fate=fate, symptom=symptom, loss=loss, unknown=None, progress=(0, 0), branch=branch)
    return Way(share, result, (), unknown)


HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        pytest.param([way("served")], "reachable", id="nothing lost or unknown"),
        pytest.param([way("dropped")], "unreachable", id="all dropped"),
        pytest.param([way("dropped", HALF), way("refused", HALF)], "unreachable", id="all lost somehow"),
        pytest.param([way("served", HALF), way("dropped", HALF)], "partial", id="some lost"),
        pytest.param([way("unknown", HALF), way("dropped", HALF)], "partial", id="some lost, some unknown"),
        pytest.param([way("served", HALF), way("unknown", HALF)], "unknown", id="some unknown, none lost"),
        pytest.param([way("served", unknown="a rule")], "unknown", id="an unknown decides"),
    ],
)
def test_verdict(ways: list[Way[FlowResult]], expected: str) -> None:
    shares = verdict.shares(ways)
    assert verdict.verdict(shares) == expected
    assert shares.arrives + shares.lost + shares.unknown == 1


def test_the_answer_is_about_the_reason_with_the_largest_share() -> None:
    ways = [
        way("served", QUARTER),
        way("dropped", QUARTER, code="route.none"),
        way("dropped", QUARTER / 2, code="netfilter.drop"),
        way("dropped", QUARTER + QUARTER / 2, code="netfilter.drop"),
    ]
    loss = verdict.deciding(ways).result.loss
    assert loss is not None
    assert loss.because.code == "netfilter.drop"


def test_several_symptoms_are_all_told() -> None:
    one, other = way("dropped"), way("refused", symptom="connection refused")
    both = Way(Fraction(1), one.result, (), alternatives=(other.result,))
    assert verdict.symptom(both) == "timeout or connection refused"


@pytest.mark.parametrize(
    ("ways", "hole", "expected"),
    [
        pytest.param([way("served")], None, "reachable", id="healthy"),
        pytest.param(
            [way("served")],
            1300,
            "reachable, but packets above 1300 bytes are lost",
            id="a hole for large ones",
        ),
        pytest.param(
            [way("dropped")],
            None,
            "unreachable (timeout): node/n2: ip_forward is 0",
            id="lost, with its cause",
        ),
        pytest.param(
            [way("served", HALF), way("dropped", HALF)],
            None,
            "partial, 50 % of connections fail (timeout): node/n2: ip_forward is 0",
            id="half lost",
        ),
    ],
)
def test_headline(ways: list[Way[FlowResult]], hole: int | None, expected: str) -> None:
    shares = verdict.shares(ways)
    cause = Reason(shares.lost, "timeout", suspicion("ip_forward is 0", "n2"), 0)
    because = () if shares.arrives == 1 else (cause,)
    told = verdict.headline(PROBE, verdict.verdict(shares), shares, "timeout", because, hole)
    assert told == expected


def reason(percent: int, code: str) -> Reason:
    return Reason(Fraction(percent, 100), "timeout", suspicion(code), 0)


@pytest.mark.parametrize(
    ("seen", "because", "expected"),
    [
        pytest.param(Backends(3, 2, 0, 1, 0), 1, "partial, 2 of 3 backends answer, 40 % of connections fail"),
        pytest.param(Backends(3, 1, 1, 1, 0), 1, "1 of 3 backends answers, 1 sometimes, 40 % of connections"),
        pytest.param(Backends(3, 0, 1, 1, 1), 1, "0 of 3 backends answer, 1 sometimes, 1 unknown, 40 % of"),
        pytest.param(Backends(3, 1, 0, 2, 0), 2, "fail: 30 % (timeout) node/n1: a; 5 % (timeout) node/n1: b"),
        pytest.param(Backends(9, 1, 0, 8, 0), 5, "node/n1: c; and for 2 more reasons"),
        pytest.param(None, 1, "partial, 40 % of connections fail (t): node/n1: a"),
    ],
)
def test_headline_of_backends(seen: Backends | None, because: int, expected: str) -> None:
    shares = verdict.Shares(Fraction(3, 5), Fraction(2, 5), Fraction(0))
    causes = [reason(30, "a"), *(reason(5, code) for code in "bcde")][:because]
    told = verdict.headline(PROBE, "partial", shares, "t", causes, backends=seen)
    assert expected in told


def test_a_small_share_is_not_told_as_none() -> None:
    shares = verdict.Shares(Fraction(1999, 2000), Fraction(1, 2000), Fraction(0))
    told = verdict.headline(PROBE, "partial", shares, "timeout", (), backends=Backends(2000, 1999, 0, 1, 0))
    assert told == "partial, 1,999 of 2,000 backends answer, <1 % of connections fail (timeout)"
