"""What is written comes back, whatever its shape and size."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_skoop.cluster.raw import Object, Ref
from kubectl_skoop.model.errors import FormatError, InputError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.assemble import assemble, new_header, write_node_dump
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, NodeFacts, Table
from kubectl_skoop.snapshot.format import FORMAT, MAGIC, Header, pack_header
from kubectl_skoop.snapshot.index import parse_node
from kubectl_skoop.snapshot.limits import Refused
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import OBJECTS_PER_SHARD, writing

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TABLES = st.builds(
    Table,
    state=st.sampled_from(["ok", "absent", "forbidden", "failed", "timeout"]),
    reason=st.text(max_size=20),
    time=st.floats(min_value=0, max_value=2e9),
    data=DATA,
)
TABLE_NAMES = st.sampled_from(["links", "routes", "iptables", "nft_raw", "ipset", "conntrack", "sysctls"])


def namespace_dump(number: int = 1, pod: str = "", **tables: Table) -> NamespaceDump:
    return NamespaceDump(
        id=f"4:{number}", kind="pod" if pod else "host", pods=(pod,) if pod else (), tables=tables
    )


def node_dump(node: str = "n1", *namespaces: NamespaceDump) -> NodeDump:
    return NodeDump(
        node=node,
        time=1.5,
        kernel="6.1",
        tools={"nft": "1.0.6"},
        facts=NodeFacts(boot_id="b", clock_offset=0.0),
        namespaces=namespaces,
    )


def pod(name: str, namespace: str = "default", address: str = "", node: str = "n1") -> Object:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": node},
        "status": {"podIP": address, "phase": "Running"},
    }


def node_object(name: str) -> Object:
    return {"kind": "Node", "metadata": {"name": name}}


def reopened(path: Path, *dumps: NodeDump) -> Snapshot:
    with writing(path, new_header(2.0)) as writer:
        for dump in dumps:
            writer.add_node(dump)
    return open_snapshot(path)


def tables_at(snapshot: Snapshot, place: Place) -> dict[str, Table]:
    tables = snapshot.raw_tables(place)
    assert not isinstance(tables, NotCollected), tables
    return dict(tables)


@given(tables=st.dictionaries(TABLE_NAMES, TABLES, max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tables_come_back_as_they_were_written(tmp_path: Path, tables: dict[str, Table]) -> None:
    host = NamespaceDump(id="4:1", kind="host", tables=tables)
    write_node_dump(node_dump("n1", host), tmp_path / "n1.dump")
    snapshot = open_snapshot(tmp_path / "n1.dump")
    assert tables_at(snapshot, Place("node", "n1")) == tables
    snapshot.close()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("-A FORWARD -j ACCEPT\n" * 300_000, id="text of several pieces"),
        pytest.param("ü" * 3_000_000, id="text of two bytes a letter"),
        pytest.param(bytes(range(256)) * 20_000, id="bytes"),
        pytest.param([{"src": f"10.0.{n}", "n": n} for n in range(150_000)], id="a list of maps"),
        pytest.param(
            {"4": "x" * 3_000_000, "6": "", "list": list(range(900_000))}, id="a map of long values"
        ),
        pytest.param([["x" * 3_000_000], "short"], id="one row longer than a piece"),
        pytest.param([], id="an empty list"),
    ],
)
def test_a_long_table_is_cut_and_joined(tmp_path: Path, data: object) -> None:
    snapshot = reopened(tmp_path / "s", node_dump("n1", namespace_dump(conntrack=Table(data=data))))
    assert tables_at(snapshot, Place("node", "n1"))["conntrack"] == Table(data=data)
    snapshot.close()


def test_a_table_that_is_too_long_is_failed_and_says_so(tmp_path: Path) -> None:
    snapshot = reopened(tmp_path / "s", node_dump("n1", namespace_dump(nft=Table(data=[["x" * (17 << 20)]]))))
    table = tables_at(snapshot, Place("node", "n1"))["nft"]
    assert (table.state, table.data) == ("failed", None)
    assert "too large" in table.reason
    snapshot.close()


def test_text_that_is_no_unicode_is_written_with_backslashes(tmp_path: Path) -> None:
    snapshot = reopened(tmp_path / "s", node_dump("n1", namespace_dump(ipset=Table(data="a\udcffb"))))
    assert tables_at(snapshot, Place("node", "n1"))["ipset"].data == "a\\udcffb"
    snapshot.close()


def test_equal_tables_are_stored_once(tmp_path: Path) -> None:
    noise = "".join(f"-A KUBE-SEP-{n * 7919 % 100_003} -j DNAT\n" for n in range(40_000))
    nodes = [node_dump(f"n{n}", namespace_dump(iptables=Table(data=noise))) for n in range(5)]
    reopened(tmp_path / "one", nodes[0]).close()
    reopened(tmp_path / "five", *nodes).close()
    assert (tmp_path / "five").stat().st_size < 1.1 * (tmp_path / "one").stat().st_size


@pytest.mark.parametrize(
    ("node", "cluster", "read"),
    [
        ("ahead", {}, 62.0),
        ("unknown", {}, 100.0),
        ("failed", {"clock_offset": -3.0}, 47.0),
        ("failed", {}, 50.0),
        ("failed", {"clock_offset": "soon"}, 50.0),
    ],
)
def test_when_a_node_was_read_is_told_by_the_clock_of_the_api_server(
    node: str, cluster: dict[str, object], read: float, tmp_path: Path
) -> None:
    with writing(tmp_path / "s", new_header(50.0, cluster)) as writer:
        writer.add_node(NodeDump(node="ahead", time=100.0, kernel="6.1", facts=NodeFacts(clock_offset=38.0)))
        writer.add_node(NodeDump(node="unknown", time=100.0, kernel="6.1"))
        writer.add_missing_node("failed", "not collected", "no agent")
    snapshot = open_snapshot(tmp_path / "s")
    assert snapshot.read_at(node) == read
    snapshot.close()


def test_a_node_tells_what_it_is_and_which_namespaces_it_has(tmp_path: Path) -> None:
    dump = node_dump("n1", namespace_dump(1), namespace_dump(2, "default/a", links=Table(data=[1])))
    snapshot = reopened(tmp_path / "s", dump)
    node = snapshot.node("n1")
    assert not isinstance(node, NotCollected)
    assert (node.time, node.kernel, node.tools) == (1.5, "6.1", {"nft": "1.0.6"})
    assert node.facts == NodeFacts(boot_id="b", clock_offset=0.0)
    assert [(entry.id, entry.kind, entry.pods) for entry in node.namespaces] == [
        ("4:1", "host", ()),
        ("4:2", "pod", ("default/a",)),
    ]
    assert snapshot.identity(Place("node", "n1")) == "n1/4:1"
    assert snapshot.identity(Place("pod", "default/a")) == "n1/4:2"
    assert snapshot.missing == ()
    snapshot.close()


def test_a_pod_with_host_network_is_at_its_host(tmp_path: Path) -> None:
    host = NamespaceDump(id="4:1", kind="host", pods=("kube-system/proxy",))
    snapshot = reopened(tmp_path / "s", node_dump("n1", host))
    assert snapshot.identity(Place("pod", "kube-system/proxy")) == "n1/4:1"
    snapshot.close()


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (Place("node", "n9"), "node/n9"),
        (Place("pod", "default/zz"), "pod/default/zz"),
        (Place("external", "1.2.3.4"), "external/1.2.3.4"),
    ],
)
def test_what_is_not_there_is_not_collected(tmp_path: Path, place: Place, what: str) -> None:
    snapshot = reopened(tmp_path / "s", node_dump("n1", namespace_dump()))
    for answer in (snapshot.namespace(place), snapshot.raw_tables(place)):
        assert isinstance(answer, NotCollected)
        assert (answer.what, answer.state) == (what, "not collected")
    snapshot.close()


def test_dumps_and_objects_make_a_snapshot(tmp_path: Path) -> None:
    for node in ("n1", "n2"):
        here = node_dump(node, namespace_dump(1, ipset=Table(state="forbidden", reason="not root")))
        write_node_dump(here, tmp_path / f"{node}.dump")
    objects = {
        "Node": [node_object("n1"), node_object("n2"), node_object("n3")],
        "Pod": [pod("b", address="10.0.0.2"), pod("a", address="10.0.0.1"), pod("a", "shop", "10.0.0.1")],
        "NetworkPolicy": [],
    }
    dumps = [tmp_path / "n1.dump", tmp_path / "n2.dump"]
    missing = assemble(dumps, objects, tmp_path / "s.skoop", time=3.0)
    assert [entry.what for entry in missing] == ["node/n3"]
    snapshot = open_snapshot(tmp_path / "s.skoop")
    assert snapshot.header == new_header(3.0)
    assert snapshot.nodes() == ("n1", "n2", "n3")
    assert isinstance(snapshot.node("n3"), NotCollected)
    assert snapshot.missing == missing
    assert snapshot.objects("NetworkPolicy") == ()
    assert snapshot.objects("Service") == NotCollected("objects/Service", "not collected")
    assert snapshot.objects("Pod", "shop") == (pod("a", "shop", "10.0.0.1"),)
    assert snapshot.objects("Pod", "nobody") == ()
    assert snapshot.owners("10.0.0.1") == (Ref("Pod", "default", "a"), Ref("Pod", "shop", "a"))
    assert snapshot.owner("10.0.0.2") == Ref("Pod", "default", "b")
    assert snapshot.owner("10.0.0.3") is None
    assert snapshot.namespaces_of("Pod", "a") == ("default", "shop")
    assert snapshot.namespaces_of("Pod", "c") == ()
    assert tables_at(snapshot, Place("node", "n2"))["ipset"].state == "forbidden"
    snapshot.close()


def test_a_snapshot_is_merged_like_a_dump(tmp_path: Path) -> None:
    write_node_dump(node_dump("n1", namespace_dump(links=Table(data=[7]))), tmp_path / "n1.dump")
    assemble([tmp_path / "n1.dump"], {"Node": [node_object("n2")]}, tmp_path / "first", time=3.0)
    assemble([tmp_path / "first"], {}, tmp_path / "second", time=3.0)
    snapshot = open_snapshot(tmp_path / "second")
    assert tables_at(snapshot, Place("node", "n1"))["links"].data == [7]
    assert [entry.what for entry in snapshot.missing] == ["node/n2"]
    snapshot.close()


def test_two_dumps_of_one_node_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_node_dump(node_dump("n1"), tmp_path / name)
    with pytest.raises(InputError, match="node n1 is in two dumps"):
        assemble([tmp_path / "a", tmp_path / "b"], {}, tmp_path / "s", time=0)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "b"]


def test_objects_of_many_namespaces_are_read_by_shard(tmp_path: Path) -> None:
    count = 3 * OBJECTS_PER_SHARD + 1
    pods = [pod(f"p{n}", f"ns{n % 40:02}", f"10.1.{n // 250}.{n % 250}") for n in range(count)]
    assemble([], {"Pod": pods}, tmp_path / "s", time=0)
    snapshot = open_snapshot(tmp_path / "s")
    wanted = {str(item["metadata"]) for item in pods if "'ns07'" in str(item["metadata"])}
    found = snapshot.objects("Pod", "ns07")
    assert not isinstance(found, NotCollected)
    assert {str(item["metadata"]) for item in found} == wanted
    everything = snapshot.objects("Pod")
    assert not isinstance(everything, NotCollected)
    assert len(everything) == count
    assert snapshot.owner("10.1.2.3") == Ref("Pod", "ns23", "p503")
    snapshot.close()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty, no snapshot", id="empty"),
        pytest.param(b"apiVersion: v1\n", "is no snapshot of kubectl-skoop", id="a YAML file"),
        pytest.param(b"\x80" * 100_000, "is no snapshot of kubectl-skoop", id="empty maps"),
        pytest.param(pack_header(Header())[:20], "is cut off in its header", id="cut off in the magic"),
        pytest.param(pack_header(Header())[:-3], "is cut off in its header", id="cut off behind the magic"),
        pytest.param(
            pack_header(Header(format=FORMAT + 1, tool="9.0")),
            f"has snapshot format {FORMAT + 1}, written by kubectl-skoop '9.0'; "
            f"this version reads up to {FORMAT}",
            id="a newer format",
        ),
        pytest.param(pack_header(Header(format=0)), "its header is damaged", id="a format that never was"),
        pytest.param(
            b"\x82\xa5magic\xb6" + MAGIC.encode() + b"\xa6format\xc7\x01\x05\x00",
            "is no snapshot of kubectl-skoop",
            id="another map",
        ),
    ],
)
def test_a_file_that_is_no_snapshot_is_named_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "s"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        open_snapshot(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        open_snapshot(tmp_path / "nothing")
    with pytest.raises(FormatError, match="is a directory"):
        open_snapshot(tmp_path)


def test_facts_of_a_node_come_back(tmp_path: Path) -> None:
    facts = NodeFacts(boot_id="b3c5", modules=("bridge", "veth"), iptables="nf_tables")
    dump = node_dump("n1", namespace_dump())._replace(ended=2.5, facts=facts)
    snapshot = reopened(tmp_path / "s", dump)
    found = snapshot.node_dump("n1")
    snapshot.close()
    assert not isinstance(found, NotCollected)
    assert (found.ended, found.facts) == (2.5, facts)


@pytest.mark.parametrize("fields", [{"ended": "late"}, {"facts": []}, {"facts": {"modules": "veth"}}])
def test_damaged_facts_are_refused(fields: dict[str, object]) -> None:
    node = {"node": "n1", "time": 1.0, "kernel": "6.1", "tools": {}, "namespaces": [], "lost": []}
    assert parse_node(node).facts == NodeFacts()
    with pytest.raises(Refused):
        parse_node(node | fields)
