"""Felix's rules as the kernel gives them back, by both back ends: they mean what the policies do."""

from collections.abc import Iterator

import pytest

from kubectl_skoop.diagnosis.policies.calico import compare, meaning
from kubectl_skoop.testing.rule_lab import RuleLab, rule_lab
from tests.cluster.policy.world import World
from tests.diagnosis.test_felix import OBJECTS, felix, instead, node_of

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.mark.parametrize("engine", ["nft", "legacy"])
def test_rules_and_sets_that_were_loaded(lab: RuleLab, engine: str) -> None:
    world = World(OBJECTS)
    wanted = meaning(world.cluster, world.policies)
    rules, sets, devices = felix(world)
    lab.router.run("ipset", "restore", "-exist", text=sets)
    lab.load(engine, 4, rules)
    saved, members = lab.save(engine, 4), lab.router.run("ipset", "save")
    whole = compare(node_of(saved, members, devices), wanted)
    assert (whole.findings, whole.not_read) == ([], {})
    broken = compare(node_of(saved, instead("add cali40s:1-i0 .*", "")(members), devices), wanted)
    assert [one.code for one in broken.findings] == ["policy.not-meant"]
