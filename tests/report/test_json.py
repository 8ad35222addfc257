"""`-o json` and `-o yaml`: the schema, the fields, the bytes."""

import json
from fractions import Fraction
from importlib.resources import files
from ipaddress import IPv4Address

import jsonschema
import pytest
import yaml

from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.model.packet import Arp
from kubectl_skoop.model.path import Hop, Link, PacketPath
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.fields import Fields, check_fields, diagnosis_fields
from kubectl_skoop.report.formats import render_check, render_diagnosis
from tests.report.build import NODE_1, NODE_2, check, diagnosis, ending, path, suspicion

SCHEMA = json.loads(files("kubectl_skoop.report").joinpath("schema.json").read_text("utf-8"))

ARP = Arp(
    request=True,
    sender_mac="02:00:00:00:00:01",
    sender=IPv4Address("10.0.0.1"),
    target=IPv4Address("10.0.0.2"),
)

DOCUMENTS = {
    "a packet that a rule drops": diagnosis_fields(diagnosis()),
    "a healthy flow with its answer": diagnosis_fields(diagnosis("reachable", "reachable", reply=path())),
    "no verdict, with what is missing": diagnosis_fields(
        diagnosis("unknown", "unknown", missing=(Missing(what="node/n2", state="not collected"),))
    ),
    "one backend of three is broken": diagnosis_fields(
        diagnosis(
            "partial", "partial", branches=(ending(Fraction(2, 3)), ending(Fraction(1, 3), suspicion()))
        )
    ),
    "a finding about the whole cluster": diagnosis_fields(
        diagnosis(suspicions=(suspicion(level=Level.WARNING, where=Where()),))
    ),
    "a check with findings": check_fields(check(suspicion("flannel.fdb.missing", Level.WARNING))),
    "a check without": check_fields(check()),
}


@pytest.mark.parametrize("fields", DOCUMENTS.values(), ids=DOCUMENTS)
def test_output_fits_the_schema(fields: Fields) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(fields)))


def test_the_schema_refuses_a_field_that_nobody_documented() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**check_fields(check()), "extra": 1}, SCHEMA)


def test_shares_are_numbers_that_add_up() -> None:
    shares = json.loads(render_diagnosis(diagnosis("partial", "partial"), "json"))["shares"]
    assert shares == {"arrives": pytest.approx(2 / 3), "lost": pytest.approx(1 / 3), "unknown": 0}


def test_a_link_has_the_packet_as_it_came_and_as_it_left() -> None:
    links = json.loads(render_diagnosis(diagnosis(), "json"))["path"]["links"]
    assert links[0]["before"] is None
    assert (links[1]["before"]["dst"], links[1]["before"]["dport"]) == ("10.96.0.10", 80)
    assert (links[1]["after"]["inner"]["dst"], links[1]["after"]["vni"]) == ("10.244.2.3", 1)


def test_an_arp_question_on_a_link_fits_the_schema() -> None:
    made = diagnosis(
        reply=PacketPath(
            nodes=(),
            links=(Link(id=0, kind="infra", source=NODE_1, oif="ens3", hop=Hop(place=NODE_2), packet=ARP),),
        )
    )
    document = json.loads(render_diagnosis(made, "json"))
    jsonschema.validate(document, SCHEMA)
    assert document["reply"]["links"][0]["after"]["operation"] == "request"


def test_a_place_has_only_the_fields_that_apply() -> None:
    cause = json.loads(
        render_diagnosis(diagnosis(cause=suspicion(where=Where(place=NODE_1, device="eth0"))), "json")
    )["cause"]
    assert cause["where"] == {"kind": "node", "name": "n1", "device": "eth0"}


def test_yaml_says_the_same_as_json() -> None:
    made = diagnosis(reply=path())
    assert yaml.safe_load(render_diagnosis(made, "yaml")) == json.loads(render_diagnosis(made, "json"))
    assert yaml.safe_load(render_check(check(suspicion()), "yaml")) == json.loads(
        render_check(check(suspicion()), "json")
    )


def test_yaml_has_no_anchors() -> None:
    same = suspicion()
    assert "&id" not in render_diagnosis(diagnosis(cause=same, suspicions=(same, same)), "yaml")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_text_of_a_snapshot_cannot_control_the_terminal(form: str) -> None:
    evil = suspicion(message="\x1b]0;owned\x07 \x9b31m \u202e", evidence=("a\r\nb",))
    text = render_diagnosis(diagnosis(cause=evil), "json" if form == "json" else "yaml")
    assert text.isascii()
    assert not set(text) & {chr(code) for code in range(32) if code != 10}
