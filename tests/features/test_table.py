"""docs/kernel.md is what the code says, leaves out nothing that is registered, and its proofs are there."""

import re
from pathlib import Path

import pytest

from kubectl_skoop.netstack.ipset.types import TYPES
from kubectl_skoop.netstack.netfilter.iptables import match, target
from tests.features import listed
from tests.features.table import document

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/kernel.md"
TABLES = {
    "matches": listed.MATCHES,
    "targets": listed.TARGETS,
    "set types": listed.SET_TYPES,
    "devices": listed.DEVICES,
    "methods": listed.IPVS_METHODS,
    "schedulers": listed.IPVS_SCHEDULERS,
}


def test_the_page_is_what_the_code_says(request: pytest.FixtureRequest) -> None:
    written = document()
    if request.config.getoption("--update"):
        PAGE.write_text(written)
    assert PAGE.read_text() == written, "run: pytest tests/features --update"


@pytest.mark.parametrize(
    ("registered", "table"),
    [
        pytest.param(match.MODULES, listed.MATCHES, id="matches"),
        pytest.param(target.MODULES, listed.TARGETS, id="targets"),
        pytest.param(TYPES, listed.SET_TYPES, id="set types"),
    ],
)
def test_what_is_registered_is_listed_once(registered: dict[str, object], table: dict[str, str]) -> None:
    names = [name for line in table.values() for name in line.split()]
    assert len(names) == len(set(names))
    assert set(registered) <= set(names)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_each_proof_is_there(table: dict[str, str]) -> None:
    assert all((ROOT / proof).is_file() for proof in table if proof)


@pytest.mark.parametrize(
    ("name", "proof"),
    [
        (name, proof)
        for table in (listed.MATCHES, listed.TARGETS)
        for proof, names in table.items()
        for name in names.split()
        if proof.startswith("tests/kernel/test_iptables")
    ],
)
def test_a_proof_speaks_of_what_it_proves(name: str, proof: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / proof).read_text())


@pytest.mark.parametrize(
    "one",
    [
        *listed.EXPRESSIONS,
        *listed.STATEMENTS,
        *listed.NEIGHBOURS,
        *listed.LINK_HOOKS,
        *listed.BRIDGE_PARTS,
        *listed.IPSEC_PARTS,
    ],
    ids=lambda one: one.name,
)
def test_each_named_proof_is_there(one: listed.Native | listed.Part) -> None:
    assert not one.proof or (ROOT / one.proof).is_file()
