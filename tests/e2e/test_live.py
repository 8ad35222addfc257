"""A live verdict is that of the snapshot which it kept, and of a real connection."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import collector_image
from tests.e2e.cluster import Cluster
from tests.e2e.fault_table import FAULTS
from tests.e2e.faults import Fault, filled, put
from tests.e2e.flow import OUTSIDE, Flow, Place, eventually, send
from tests.e2e.probe import ANSWER, Seen, handshake
from tests.e2e.skoop import POD_WAIT, Skoop, question
from tests.e2e.workloads import (
    API_SERVICE,
    ECHO_PORT,
    HOST_NETWORK_PORT,
    HOST_PORT,
    SERVICE_PORT,
    WEB_NODE_PORT,
    Workloads,
)

pytestmark = pytest.mark.e2e

CUT_OFF = frozenset({"uplink-down"})
"""Faults that keep the collector from its node, too."""
NODES = ("node1", "node2", "node3")
Where = Mapping[str, Place]
FOUND = [fault for fault in FAULTS if fault.flow.source != OUTSIDE and fault.id not in CUT_OFF]
"""What a walk can begin with; senders outside of the cluster are not walked."""
FLOWS = (
    *(Flow(f"client.{source}", f"web.{target}") for source in NODES for target in NODES),
    *(Flow(f"client.{node}", "svc.web", SERVICE_PORT) for node in NODES),
    *(Flow(f"client.{node}", "svc.web", ECHO_PORT, "udp") for node in NODES),
    *(Flow(node, "svc.web", SERVICE_PORT) for node in NODES),
    *(Flow(node, "web.node2") for node in NODES),
    *(Flow(f"client.{node}", "node2", WEB_NODE_PORT) for node in NODES),
    *(Flow(node, "node3", WEB_NODE_PORT) for node in NODES),
    *(Flow(f"client.{node}", "node1", HOST_PORT) for node in NODES),
    *(Flow(f"client.{node}", "node3", HOST_NETWORK_PORT) for node in NODES),
    Flow("one", "svc.one", SERVICE_PORT),
)


def asked(skoop: Skoop, words: Any, folder: Path) -> Any:
    """The diagnosis; that of its snapshot is the same, byte for byte."""
    kept = folder / "kept.skoop"
    live = skoop.collecting(*words, "-o", "json", "--save-snapshot", kept)
    assert live.out, live.err
    replayed = skoop.offline(*words, "-o", "json", "--snapshot", kept)
    assert (replayed.out, replayed.code) == (live.out, live.code)
    return live.json


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_what_works_is_reachable(skoop: Skoop, where: Where, flow: Flow, tmp_path: Path) -> None:
    seen = send(flow, where)
    diagnosis = asked(skoop, question(flow, where[flow.source], where[flow.target]), tmp_path)
    assert (seen.symptom, diagnosis["verdict"]) == (ANSWER, "reachable"), diagnosis["headline"]
    if len(diagnosis["branches"]) == 1:
        assert seen.served_by in servers(diagnosis)


def test_the_api_server_is_reachable_once_it_has_answered_a_pod(
    cluster: Cluster, skoop: Skoop, workloads: Workloads, where: Where, tmp_path: Path
) -> None:
    """It is no node, and nobody but itself knows whether it has a route to pods."""
    # Pods of earlier tests have asked it, and were perhaps killed at that.
    cluster.nodes["node3"].namespace.run("conntrack", "--flush")
    words = ["diagnose", "-s", where["web.node3"].reference, "-d", "svc/default/kubernetes"]
    before = asked(skoop, words, tmp_path)
    assert (before["verdict"], before["cause"]["code"]) == ("unknown", "external.unknown")
    assert handshake(workloads.clients["node3"].namespace, API_SERVICE, 443) == Seen(ANSWER)
    after = asked(skoop, words, tmp_path)
    assert after["verdict"] == "reachable", after["headline"]
    assert any("answers other pods by their addresses" in text for text in after["assumptions"])


@pytest.mark.parametrize("fault", FOUND, ids=lambda fault: fault.id)
def test_a_fault_is_found_where_it_is(
    cluster: Cluster, skoop: Skoop, where: Where, fault: Fault, tmp_path: Path
) -> None:
    words = question(fault.flow, where[fault.flow.source], where[fault.flow.target])
    text = filled(fault.text, cluster, where)

    def symptom() -> str:
        return send(fault.flow, where).symptom

    assert eventually(symptom, (ANSWER,)) == ANSWER, "before"
    with put(fault, cluster, where):
        assert eventually(symptom, fault.symptoms) in fault.symptoms
        diagnosis = asked(skoop, words, tmp_path)
    told = {symptom for ending in diagnosis["branches"] for symptom in ending["symptom"].split(" or ")}
    wanted = "partial" if fault.partly else "unreachable"
    assert diagnosis["verdict"] == wanted, diagnosis["headline"]
    assert told & set(fault.symptoms), diagnosis["headline"]
    fatal = [one for one in diagnosis["suspicions"] if one["level"] == "fatal"]
    reference = where[fault.where].reference
    if fault.where.startswith("svc."):
        assert f"service {reference.removeprefix('svc/')}" in json.dumps(fatal), diagnosis["headline"]
    else:
        assert reference in map(place_of, fatal), diagnosis["headline"]
    assert text in json.dumps(diagnosis["suspicions"]), diagnosis["headline"]


def test_the_agent_is_sent_into_an_image_that_has_python_only(
    cluster: Cluster, skoop: Skoop, where: Where, tmp_path: Path
) -> None:
    cluster.import_image(collector_image.python_image())
    sent, ours = tmp_path / "sent.skoop", tmp_path / "ours.skoop"
    image = ("--debug-image", collector_image.PYTHON_NAME, "--image-pull-policy", "Never")
    ran = skoop.live("snapshot", "-f", sent, *image)
    assert ran.code == 0, ran.err
    assert skoop.collecting("snapshot", "-f", ours).code == 0
    for flow in (
        Flow("client.node1", "svc.web", SERVICE_PORT),
        Flow("client.node2", "svc.web", SERVICE_PORT),
    ):
        words = question(flow, where[flow.source], where[flow.target])
        told = [skoop.offline(*words, "--snapshot", file, "-o", "json").json for file in (sent, ours)]
        assert [one["verdict"] for one in told] == ["reachable", "reachable"]
        assert told[0]["path"] == told[1]["path"]


def test_a_node_that_is_cut_off_gives_no_verdict(
    cluster: Cluster, skoop: Skoop, where: Where, tmp_path: Path
) -> None:
    (fault,) = (fault for fault in FAULTS if fault.id in CUT_OFF)
    words = question(fault.flow, where[fault.flow.source], where[fault.flow.target])
    with put(fault, cluster, where):
        diagnosis = asked(skoop, [*words, "--pod-wait", f"{POD_WAIT}s"], tmp_path)
    assert diagnosis["verdict"] == "unknown"
    assert "node2 was not collected" in diagnosis["headline"]
    cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=180s")


def place_of(suspicion: Any) -> str:
    """As flows name it."""
    return "{kind}/{name}".format_map({"kind": "", "name": "", **suspicion["where"]})


def servers(diagnosis: Any) -> set[str]:
    """Names of the places at which the deciding branch was served."""
    return {
        node["name"].rpartition("/")[2]
        for node in diagnosis["path"]["nodes"]
        if any(action["kind"] == "serve" for action in node["actions"])
    }
