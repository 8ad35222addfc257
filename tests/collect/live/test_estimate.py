"""What is said before a large snapshot begins."""

import pytest

from kubectl_skoop.collect.live.estimate import Estimate, by_first, by_objects


@pytest.mark.parametrize(
    ("pods", "services", "text", "large"),
    [
        ([], 0, "0 nodes, about 1.0 kB, about 1.0 s", False),
        ([10, 10, 10], 20, "3 nodes, about 180 kB, about 2.1 s", False),
        ([30] * 1000, 1000, "1,000 nodes, about 280 MB, about 2.6 min", True),
        ([30] * 5000, 5000, "5,000 nodes, about 4.8 GB, about 15 min", True),
    ],
    ids=["nothing", "small", "large", "very large"],
)
def test_by_the_numbers_of_objects(pods: list[int], services: int, text: str, large: bool) -> None:
    found = by_objects(pods, services, parallel=16)
    assert (str(found), found.large) == (text, large)


def test_more_at_a_time_take_less_time_down_to_what_this_machine_can() -> None:
    pods = [30] * 5000
    one, all_of_them = (by_objects(pods, 0, parallel=at_once) for at_once in (1, 5000))
    assert str(one) == "5,000 nodes, about 580 MB, about 3.3 h"
    assert str(all_of_them) == "5,000 nodes, about 580 MB, about 50 s"


def test_by_the_first_nodes() -> None:
    found = by_first(done=32, nodes=3200, size=32e6, seconds=8.0)
    assert found == Estimate(nodes=3200, size=3.2e9, seconds=800.0)
    assert str(found) == "3,200 nodes, about 3.2 GB, about 13 min"
