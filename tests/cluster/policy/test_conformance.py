"""All cases of the conformance generator: the whole connectivity, and single questions."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from kubectl_skoop.cluster.connectivity import Connectivity, connectivity
from kubectl_skoop.cluster.policy.interval import contains
from kubectl_skoop.cluster.policy.port import NUMBERS, port_at
from tests.cluster.policy.conformance import cases
from tests.cluster.policy.conformance_cluster import PORTS, PROTOCOLS, Case, State
from tests.cluster.policy.world import World

DATA = Path(__file__).parents[2] / "data" / "policy-conformance.json"
EXPECTED: dict[str, list[str]] = json.loads(DATA.read_text("utf-8"))
CASES = {name: (name, steps) for name, steps in cases()}
EVERY = 11
"""Of the questions that are asked one by one; all were asked once (docs/policies.md)."""


def flows(world: World) -> Iterator[tuple[str, str, int, str]]:
    """In the order of the bits."""
    keys = sorted(world.keys())
    for source in keys:
        for destination in keys:
            if source != destination:
                for port in PORTS:
                    for protocol in PROTOCOLS:
                        yield source, destination, port, protocol


def states(case: Case) -> Iterator[tuple[World, str]]:
    """The cluster after each step, and the digits of what is denied."""
    name, steps = case
    state = State()
    for step, bits in zip(steps, EXPECTED[name], strict=True):
        step.apply(state)
        yield state.world(), bin(int(bits, 16))[3:]


def test_each_case_has_an_expectation() -> None:
    assert list(EXPECTED) == list(CASES)
    assert len(CASES) == 230


def allowed(found: Connectivity, flow: tuple[str, str, int, str]) -> bool:
    source, destination, port, protocol = flow
    place = {name: at for at, one in enumerate(found.classes) for name in one.members}
    at = port_at(NUMBERS[protocol], port)
    rows = found.ends[place[destination]].allowed
    return any(row.sources >> place[source] & 1 and contains(row.ports, at) for row in rows)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_whole_connectivity(case: Case) -> None:
    for world, denied in states(case):
        found = connectivity(world.cluster, world.policies)
        assert "".join("0" if allowed(found, flow) else "1" for flow in flows(world)) == denied
        assert not any(ends.unknown for ends in found.ends)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_single_questions(case: Case) -> None:
    for number, (world, denied) in enumerate(states(case)):
        asked = islice(zip(flows(world), denied, strict=True), number, None, EVERY)
        for flow, digit in asked:
            assert world.verdict(*flow) == ("deny" if digit == "1" else "accept"), flow
