"""A service with 2,000 endpoints has a verdict in each mode, with a branch for each endpoint."""

import pytest

from kubectl_skoop.diagnosis.cause.passes import untried
from kubectl_skoop.diagnosis.result import Missing
from tests.bench.endpoints import asked
from tests.bench.services import MODES

ENDPOINTS, DEAD = 2_000, 5


@pytest.mark.parametrize("mode", MODES)
def test_each_endpoint_has_its_branch(mode: str) -> None:
    """A few of them refuse. Shares differ by less than a millionth: iptables keeps them in 31 bits."""
    answer = asked(mode, ENDPOINTS, DEAD)
    assert (answer.verdict, answer.symptom) == ("partial", "connection refused")
    assert answer.unknown == 0
    assert float(answer.lost) == pytest.approx(DEAD / ENDPOINTS)
    assert sum(one.share for one in answer.branches) == 1
    assert len(answer.branches) == ENDPOINTS
    assert answer.headline.startswith("partial, 1,995 of 2,000 backends answer, <1 % of connections fail (")
    assert [float(one.share) for one in answer.branches] == pytest.approx([1 / ENDPOINTS] * ENDPOINTS)
    refusing = [one.cause for one in answer.branches if one.fate == "refused"]
    assert len(refusing) == len({*refusing}) == DEAD


def test_what_is_not_tried_with_so_many_ways_is_told() -> None:
    assert untried(300) == Missing(
        "large packets, neighbours", "not tried", "there are 300 ways, more than 256"
    )
