"""Random policies: the engine and the naive implementation agree, on single questions and on the whole.

`SKOOP_EXAMPLES=N` asks more clusters with new seeds.
"""

import os
from ipaddress import ip_address
from itertools import product

from hypothesis import HealthCheck, given, settings

from kubectl_skoop.cluster.connectivity import Connectivity, Outer, connectivity
from kubectl_skoop.cluster.policy.address import address_at
from kubectl_skoop.cluster.policy.interval import contains
from kubectl_skoop.cluster.policy.port import NUMBERS, port_at
from kubectl_skoop.model.packet import Address
from tests.cluster.policy.naive import Side, allowed
from tests.cluster.policy.random_clusters import PORTS, PROTOCOLS, Random, clusters
from tests.cluster.policy.world import World

EXAMPLES = int(os.environ.get("SKOOP_EXAMPLES", "0"))


@settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(clusters())
def test_both_agree(random: Random) -> None:
    world = World(random.objects)
    assert not world.policies.problems
    whole = connectivity(world.cluster, world.policies)
    for source, destination in product(random.sides, repeat=2):
        if not source.name and not destination.name:
            continue
        for port, protocol in product(PORTS, PROTOCOLS):
            expected = allowed(random.policies, source, destination, port, protocol)
            flow = (source.name or source.address, destination.name or destination.address, port, protocol)
            assert world.verdict(*flow) == ("accept" if expected else "deny"), flow
            if source.name != destination.name:
                assert in_whole(whole, source, destination, port, protocol) == expected, flow


def in_whole(found: Connectivity, source: Side, destination: Side, port: int, protocol: str) -> bool:
    at = port_at(NUMBERS[protocol], port)
    place = {name: at for at, one in enumerate(found.classes) for name in one.members}
    if not source.name:
        return _outer(found.ends[place[destination.name]].from_outside, ip_address(source.address), at)
    if not destination.name:
        return _outer(found.ends[place[source.name]].to_outside, ip_address(destination.address), at)
    rows = found.ends[place[destination.name]].allowed
    return any(row.sources >> place[source.name] & 1 and contains(row.ports, at) for row in rows)


def _outer(outers: tuple[Outer, ...], address: Address, port: int) -> bool:
    return any(
        contains(ports, port) and contains(addresses, address_at(address)) for ports, addresses in outers
    )
