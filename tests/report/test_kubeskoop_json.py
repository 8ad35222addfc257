"""`-o kubeskoop-json`: the keys and types of KubeSkoop's `--format json`."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from kubectl_skoop.model.place import Where
from kubectl_skoop.report.formats import render_diagnosis
from tests.report.build import diagnosis, suspicion
from tests.report.hostile import STRINGS, hostile_diagnosis

STRING: dict[str, Any] = {"type": "string"}
SUSPICION: dict[str, Any] = {
    "type": "object",
    "properties": {"level": {"type": "integer", "minimum": 0, "maximum": 3}, "message": STRING},
}
ACTION: dict[str, Any] = {
    "type": "object",
    "properties": {"type": {"enum": ["send", "forward", "service", "serve"]}},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "cluster": {
            "type": "object",
            "properties": {"suspicions": {"type": "array", "items": SUSPICION}},
        },
        "nodes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": STRING,
                    "type": {"enum": ["pod", "node", "external", "generic"]},
                    "suspicions": {"type": ["array", "null"], "items": SUSPICION},
                    "actions": {"type": "object", "additionalProperties": ACTION},
                },
            },
        },
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": STRING,
                    "source": STRING,
                    "source_attributes": {"type": "object", "additionalProperties": STRING},
                    "destination_attributes": {"type": "object", "additionalProperties": STRING},
                    "destination": STRING,
                    "type": {"enum": ["veth", "infra", "external"]},
                    "action": STRING,
                    "packet": {
                        "type": "object",
                        "properties": {
                            "source": STRING,
                            "destination": STRING,
                            "dport": {"type": "integer"},
                            "protocol": STRING,
                        },
                    },
                },
            },
        },
    },
}


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Each property is there, and no other."""
    made = {key: _strict(value) if isinstance(value, dict) else value for key, value in schema.items()}
    if "properties" in made and isinstance(made.get("type"), str):
        made["required"] = sorted(made["properties"])
        made["additionalProperties"] = False
    return made


def _document(made: str) -> dict[str, Any]:
    document = json.loads(made)
    jsonschema.Draft202012Validator(_strict(SCHEMA)).validate(document)
    assert isinstance(document, dict)
    names = {node["id"] for node in document["nodes"]}
    links = {link["id"] for link in document["links"]}
    assert len(links) == len(document["links"])
    for link in document["links"]:
        assert {link["source"], link["destination"]} <= names
    for node in document["nodes"]:
        assert set(node["actions"]) <= links | {""}
    return document


def test_nodes_links_and_actions_have_kubeskoops_names() -> None:
    document = _document(render_diagnosis(diagnosis(), "kubeskoop-json"))
    assert [(node["id"], node["type"], node["actions"]) for node in document["nodes"]] == [
        ("default/a", "pod", {"": {"type": "send"}}),
        ("n1", "node", {"veth,default/a,n1,10.96.0.10:80": {"type": "service"}}),
        ("n2", "node", {"infra,n1,n2,192.168.0.2:8472": {"type": "forward"}}),
    ]
    assert document["links"][1] == {
        "id": "infra,n1,n2,192.168.0.2:8472",
        "source": "n1",
        "source_attributes": {"if": "ens3"},
        "destination_attributes": {"if": "ens3"},
        "destination": "n2",
        "type": "infra",
        "action": "",
        "packet": {"source": "192.168.0.1", "destination": "192.168.0.2", "dport": 8472, "protocol": "udp"},
    }


def test_a_finding_is_at_its_node_and_else_of_the_cluster() -> None:
    made = diagnosis(suspicions=(suspicion(), suspicion(where=Where(), message="of all")))
    document = _document(render_diagnosis(made, "kubeskoop-json"))
    assert document["cluster"]["suspicions"] == [{"level": 3, "message": "of all"}]
    assert [node["suspicions"] for node in document["nodes"]] == [
        None,
        None,
        [{"level": 3, "message": "rule 3 of FORWARD drops the packet"}],
    ]


def test_every_branch_of_a_service_is_shown() -> None:
    document = _document(render_diagnosis(hostile_diagnosis("x"), "kubeskoop-json"))
    assert [link["destination"] for link in document["links"]] == ["x", "bx", "x"]


def test_a_flow_without_a_way_is_a_document() -> None:
    made = diagnosis("unknown", "unknown")
    empty = made.path._replace(nodes=(), links=())
    made = replace(made, path=empty, branches=(made.branches[0]._replace(path=empty),))
    assert _document(render_diagnosis(made, "kubeskoop-json"))["nodes"] == []


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_a_hostile_cluster_keeps_the_shape(text: str) -> None:
    assert json.loads(render_diagnosis(hostile_diagnosis(text), "kubeskoop-json"))["nodes"]
