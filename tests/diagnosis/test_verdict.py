"""From the ways of a flow to one answer: shares, verdict, first line."""

from fractions import Fraction
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from kubectl_skoop.diagnosis import verdict
from kubectl_skoop.diagnosis.branch import Branch
from kubectl_skoop.diagnosis.fan_out import Way
from kubectl_skoop.diagnosis.flow import FlowResult
from kubectl_skoop.diagnosis.result import FateKind
from kubectl_skoop.diagnosis.world import World
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
    nodes=lambda: (),
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
    cause = None if shares.arrives == 1 else suspicion("ip_forward is 0", "n2")
    told = verdict.headline(PROBE, verdict.verdict(shares), shares, "timeout", cause, hole)
    assert told == expected
