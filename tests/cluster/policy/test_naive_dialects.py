"""Random policies of Calico and of Cilium: the engine and a naive implementation of each agree.

`SKOOP_EXAMPLES=N` asks more clusters with new seeds.
"""

import os
from collections.abc import Callable
from ipaddress import ip_address
from itertools import product
from random import SystemRandom
from typing import Protocol

import pytest

from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.evaluate import Dialect
from tests.cluster.policy.naive import Side
from tests.cluster.policy.random_calico import PORTS, PROTOCOLS, calico_cluster
from tests.cluster.policy.random_cilium import cilium_cluster
from tests.cluster.policy.world import World

EXAMPLES = int(os.environ.get("SKOOP_EXAMPLES", "0"))
FIRST = SystemRandom().randrange(1 << 32) if EXAMPLES else 1
CLUSTERS = 60


class Naive(Protocol):
    def allowed(self, source: Side, destination: Side, port: int, protocol: str) -> bool: ...


Made = Callable[[int], tuple[list[Object], Naive, list[Side]]]


def both_agree(made: Made, seed: int, dialect: Dialect) -> set[str]:
    """The verdicts that there were."""
    objects, naive, sides = made(seed)
    world = World(objects, dialect)
    assert not world.policies.problems, (seed, world.policies.problems)
    seen: set[str] = set()
    for source, destination in product(sides, repeat=2):
        if not _meet(source, destination):
            continue
        for port, protocol in product(PORTS, PROTOCOLS):
            flow = (source.name or source.address, destination.name or destination.address, port, protocol)
            expected = "accept" if naive.allowed(source, destination, port, protocol) else "deny"
            assert world.verdict(*flow) == expected, (seed, flow)
            seen.add(expected)
    return seen


def _meet(source: Side, destination: Side) -> bool:
    """One of them is a pod, and a packet can have both addresses."""
    versions = {ip_address(side.address).version for side in (source, destination)}
    return bool(source.name or destination.name) and len(versions) == 1


DIALECTS: dict[Dialect, Made] = {"calico": calico_cluster, "cilium": cilium_cluster}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_both_agree(dialect: Dialect) -> None:
    seeds = range(FIRST, FIRST + (EXAMPLES or CLUSTERS))
    seen = [both_agree(DIALECTS[dialect], seed, dialect) for seed in seeds]
    assert sum(len(one) == 2 for one in seen) > len(seen) // 2, "most clusters let through some flows only"
