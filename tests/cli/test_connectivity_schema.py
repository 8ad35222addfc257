"""What `connectivity` and `policies` print for programs fits the schema that is published for it."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from tests.cli.run import skoop
from tests.cli.test_connectivity import FROM, FROM_WEB, TO_DB, policy, written

SCHEMA = json.loads(files("kubectl_skoop.report.connectivity").joinpath("schema.json").read_text("utf-8"))
PAGE = Path(__file__).parents[2] / "docs" / "policies.md"
ASKED: dict[str, tuple[str, Sequence[str]]] = {
    "all pairs": ("Connectivity", ("connectivity",)),
    "of some": ("Connectivity", ("connectivity", *TO_DB)),
    "one question": ("PolicyAnswer", ("connectivity", *FROM, "-p", "5432")),
    "from outside": ("PolicyAnswer", ("connectivity", "--from", "8.8.8.8", *TO_DB, "-p", "80")),
    "a ping": (
        "PolicyAnswer",
        ("policies", "-s", "deploy/shop/web", "-d", "deploy/shop/db", "--protocol", "icmp"),
    ),
    "what is open": ("Exposure", ("connectivity", "--exposure")),
    "policies": ("Policies", ("policies",)),
    "policies of a pod": ("SelectingPolicies", ("policies", "-s", "deploy/shop/web", "-d", "deploy/shop/db")),
}
TO_TEN = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}
POLICIES = [
    policy("db", "shop", FROM_WEB),
    policy("out", "shop", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [TO_TEN]}),
    policy("wrong", "shop", {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Nearly"}]}}),
]


@pytest.mark.parametrize(("kind", "words"), ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("policies", [POLICIES, []], ids=["policies", "none"])
def test_output_fits_the_schema(
    kind: str, words: Sequence[str], policies: Sequence[object], tmp_path: Path
) -> None:
    assert _printed(*words, "--manifests", written(tmp_path / "now", *policies))["kind"] == kind


def test_a_difference_fits_the_schema(tmp_path: Path) -> None:
    before, after = written(tmp_path / "before", *POLICIES[:2]), written(tmp_path / "after", POLICIES[0])
    found = _printed("connectivity", "--manifests", before, "--diff", after)
    assert found["kind"] == "ConnectivityDifference"
    assert found["changes"]


def test_the_schema_refuses_a_field_that_nobody_documented(tmp_path: Path) -> None:
    found = _printed("policies", "--manifests", written(tmp_path / "now"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "extra": 1}, SCHEMA)


def test_each_kind_and_field_is_documented() -> None:
    told = PAGE.read_text("utf-8").partition("`-o json`")[2].partition("\n## ")[0]
    kinds = {each["$ref"].rpartition("/")[2] for each in SCHEMA["oneOf"]}
    assert kinds == {kind for kind, _ in ASKED.values()} | {"ConnectivityDifference"}
    assert not [kind for kind in kinds if f"| {kind} |" not in told]
    named = {field for each in SCHEMA["$defs"].values() for field in each.get("properties", {})}
    assert not [field for field in named - {"apiVersion", "kind"} if f"`{field}`" not in told]


def _printed(*words: str | Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(skoop(*words, "-o", "json").out)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found
