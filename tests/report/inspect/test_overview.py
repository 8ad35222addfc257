"""The overview of a snapshot."""

import json
from pathlib import Path

import pytest

from kubectl_skoop.report.inspect import overview, overview_data
from kubectl_skoop.report.inspect.overview import MOST_NODES
from kubectl_skoop.snapshot.assemble import assemble, new_header, write_node_dump
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, NodeFacts, Table
from kubectl_skoop.snapshot.read import SnapshotFile
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import OBJECTS_PER_SHARD, writing
from tests.snapshot.test_round_trip import namespace_dump, node_dump, pod


def made(folder: Path) -> Snapshot:
    host = NamespaceDump(
        id="4:1",
        kind="host",
        tables={
            "routes": Table(data=[{"n": n} for n in range(5000)]),
            "ipset": Table(state="forbidden", reason="not root"),
            "ipvs": Table(state="absent", reason="ip_vs is not loaded"),
        },
    )
    pod = NamespaceDump(
        id="4:2", kind="pod", pods=("default/a", "default/\x1b[2J"), tables={"routes": Table(data=[])}
    )
    dump = NodeDump(
        node="n1",
        time=1.0,
        ended=3.5,
        kernel="6.1",
        namespaces=(host, pod),
        facts=NodeFacts(boot_id="b3c5"),
    )
    write_node_dump(dump, folder / "n1.dump")
    nodes = [{"kind": "Node", "metadata": {"name": name}} for name in ("n1", "n2")]
    assemble([folder / "n1.dump"], {"Node": nodes, "Pod": []}, folder / "s", time=1_000_000_000.0)
    return open_snapshot(folder / "s")


def test_nodes_pods_tables_and_what_is_missing_are_told(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    printed = [line.rstrip() for line in overview(snapshot).split("\n")]
    snapshot.close()
    assert printed[0] == "format 1, written 2001-09-09 01:46:40 UTC by kubectl-skoop 0.1.0"
    assert printed[1] == "nodes read within 2.5 s, from 1970-01-01 00:00:01 UTC"
    assert printed[2] == "objects: 2 Node, 0 Pod"
    assert [line.split(maxsplit=5) for line in printed[5:7]] == [
        ["n1", "host", "4:1", "3", "29", "KiB  ipset (forbidden)"],
        ["n1", "default/a,", "default/\\x1b[2J", "4:2", "1", "0 KiB"],
    ]
    assert printed[7].split(maxsplit=5) == [
        "n2",
        "-",
        "-",
        "-",
        "-",
        "not collected: no dump of this node was given",
    ]
    assert printed[-2:] == ["missing:", "  node/n2: not collected (no dump of this node was given)"]


def test_the_json_form_has_the_state_of_each_table(tmp_path: Path) -> None:
    snapshot = made(tmp_path)
    data = json.loads(json.dumps(overview_data(snapshot)))
    snapshot.close()
    assert data["moments"] == {"first": 1.0, "last": 3.5}
    assert data["objects"] == {"Node": 2, "Pod": 0}
    assert [node["name"] for node in data["nodes"]] == ["n1", "n2"]
    assert (data["nodes"][0]["kernel"], data["nodes"][0]["facts"]["boot_id"]) == ("6.1", "b3c5")
    assert data["nodes"][1] == {"name": "n2", "namespaces": []}
    host = data["nodes"][0]["namespaces"][0]
    assert (host["id"], host["kind"], host["pods"]) == ("4:1", "host", [])
    assert host["tables"]["ipset"] == {"state": "forbidden", "reason": "not root", "time": 0.0}
    assert data["missing"][0]["what"] == "node/n2"


def test_times_of_nodes_are_told_by_the_clock_of_the_api_server(tmp_path: Path) -> None:
    begun = {"n1": (100.0, 0.5), "n2": (140.0, 38.0), "n3": (90.0, -12.0)}
    with writing(tmp_path / "s", new_header(0.0)) as writer:
        for name, (time, ahead) in begun.items():
            facts = NodeFacts(clock_offset=ahead)
            writer.add_node(NodeDump(node=name, time=time, ended=time + 1, kernel="6.1", facts=facts))
    snapshot = open_snapshot(tmp_path / "s")
    printed = overview(snapshot).split("\n")
    snapshot.close()
    assert printed[1:4] == [
        "nodes read within 3.5 s, from 1970-01-01 00:01:39 UTC",
        "the clock of n2 is 38 s ahead of the API server's",
        "the clock of n3 is 12 s behind the API server's",
    ]


def test_what_a_cloud_said_is_named(tmp_path: Path) -> None:
    with writing(tmp_path / "s", new_header(1.0)) as writer:
        writer.add_infra("aws", {"resources": {}})
        writer.add_note("infra/other", "failed", "no answer")
    snapshot = open_snapshot(tmp_path / "s")
    printed, data = overview(snapshot), overview_data(snapshot)
    snapshot.close()
    assert "\ncloud: aws\n" in printed
    assert "  infra/other: failed (no answer)" in printed
    assert data["infra"] == ["aws"]


def test_of_many_nodes_some_are_listed_and_no_object_is_missed(tmp_path: Path) -> None:
    pods = [pod(f"p{number:04}") for number in range(OBJECTS_PER_SHARD * 2 + 7)]
    with writing(tmp_path / "many", new_header(0.0)) as writer:
        writer.add_objects("Pod", pods)
        writer.add_objects("Service", [])
        for number in range(MOST_NODES + 3):
            writer.add_node(node_dump(f"n{number:03}", namespace_dump()))
    snapshot = open_snapshot(tmp_path / "many")
    text = overview(snapshot)
    snapshot.close()
    assert f"objects: {len(pods)} Pod, 0 Service" in text
    listed = [line.split()[0] for line in text.splitlines() if " host " in line]
    assert listed == [f"n{number:03}" for number in range(MOST_NODES)]
    assert "and 3 more nodes: inspect node/NAME shows one, -o json all of them" in text


def test_neither_long_tables_nor_further_nodes_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With thousands of nodes that is what takes the time."""
    rules = Table(data="-A INPUT -j ACCEPT\n" * 1000)
    host = NamespaceDump(id="4:1", kind="host", tables={"iptables-nft": rules})
    with writing(tmp_path / "many", new_header(0.0)) as writer:
        for number in range(MOST_NODES + 3):
            writer.add_node(node_dump(f"n{number:03}", host))
    snapshot = open_snapshot(tmp_path / "many")
    nodes: list[str] = []
    read_node = SnapshotFile.node

    def noted(file: SnapshotFile, name: str) -> object:
        nodes.append(name)
        return read_node(file, name)

    monkeypatch.setattr(SnapshotFile, "raw", lambda file, ref, what: pytest.fail(f"{what} was read"))
    monkeypatch.setattr(SnapshotFile, "node", noted)
    assert "n049" in overview(snapshot)
    assert len(nodes) == MOST_NODES
    assert len(overview_data(snapshot)["nodes"]) == MOST_NODES + 3  # type: ignore[arg-type]
    snapshot.close()
