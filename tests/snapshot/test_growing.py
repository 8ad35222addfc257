"""A snapshot that grows: objects as a server lists them, and a file that is read while it is written."""

from pathlib import Path

from kubectl_skoop.cluster.raw import Object, Ref, ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.format import SECTION_START, TRAILER_SIZE
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import OBJECTS_PER_SHARD, writing

COUNT = 2 * OBJECTS_PER_SHARD + 1


def pods() -> list[Object]:
    """In the order of a store's keys: all of `a-b` before those of `a`."""
    names = sorted(f"{'a-b' if n % 2 else 'a'}/p{n:05}" for n in range(COUNT))
    return [
        {
            "kind": "Pod",
            "metadata": {"namespace": name.split("/")[0], "name": name.split("/")[1]},
            "status": {"podIP": f"10.0.{n // 250}.{n % 250}", "phase": "Running"},
        }
        for n, name in enumerate(names)
    ]


def write(path: Path, *, finish: bool = True) -> None:
    with writing(path, new_header(0)) as writer:
        stream = writer.objects("Pod")
        for item in pods():
            stream.add(item)
        if finish:
            stream.finish()


def found(snapshot: Snapshot, namespace: str = "") -> list[Ref]:
    objects = snapshot.objects("Pod", namespace)
    assert not isinstance(objects, NotCollected), objects
    return [ref_of(item) for item in objects]


def test_objects_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "s")
    snapshot = open_snapshot(tmp_path / "s")
    assert found(snapshot) == sorted(ref_of(item) for item in pods())
    assert found(snapshot, "a") == sorted(ref_of(item) for item in pods() if ref_of(item).namespace == "a")
    assert snapshot.owner("10.0.0.7") == ref_of(pods()[7])
    snapshot.close()


def test_a_list_that_broke_off_is_none(tmp_path: Path) -> None:
    write(tmp_path / "s", finish=False)
    snapshot = open_snapshot(tmp_path / "s")
    assert isinstance(snapshot.objects("Pod"), NotCollected)
    assert snapshot.owner("10.0.0.7") is None
    snapshot.close()


def test_without_its_index_a_file_knows_whether_a_shard_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "s")
    whole = (tmp_path / "s").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-TRAILER_SIZE])
    snapshot = open_snapshot(tmp_path / "cut")
    assert len(found(snapshot)) == COUNT
    snapshot.close()
    last = whole.rindex(SECTION_START, 0, whole.rindex(b"Pod/2"))
    (tmp_path / "shorter").write_bytes(whole[:last])
    snapshot = open_snapshot(tmp_path / "shorter")
    lost = snapshot.objects("Pod")
    assert isinstance(lost, NotCollected)
    assert lost.reason == "2 of more parts are left"
    snapshot.close()


def _dump(node: str, text: str) -> NodeDump:
    namespace = NamespaceDump(id="4:1", kind="host", tables={"iptables": Table(data=text)})
    return NodeDump(node=node, time=1.0, kernel="6.1", namespaces=(namespace,))


def test_a_file_can_be_asked_before_it_is_finished(tmp_path: Path) -> None:
    with writing(tmp_path / "s", new_header(0)) as writer:
        writer.add_node(_dump("n1", "a" * 5000))
        first = open_snapshot(writer.checkpoint())
        assert first.nodes() == ("n1",)
        assert isinstance(first.node("n2"), NotCollected)
        assert first.wanted == ("n2",)
        first.close()
        # Shorter than the index that it replaces, and equal to a part that is there.
        writer.add_node(_dump("n2", "a" * 5000))
        second = open_snapshot(writer.checkpoint())
        assert second.nodes() == ("n1", "n2")
        second.close()
    assert not list(tmp_path.glob(".*"))
    snapshot = open_snapshot(tmp_path / "s")
    assert snapshot.missing == ()
    for node in ("n1", "n2"):
        tables = snapshot.raw_tables(Place("node", node))
        assert not isinstance(tables, NotCollected)
        assert tables["iptables"].data == "a" * 5000
    snapshot.close()


def test_what_was_tried_in_vain_is_not_wanted_again(tmp_path: Path) -> None:
    with writing(tmp_path / "s", new_header(0)) as writer:
        writer.add_missing_node("n1", "not collected", "it is away")
        snapshot = open_snapshot(writer.checkpoint())
        answer = snapshot.node("n1")
        assert isinstance(answer, NotCollected)
        assert answer.reason == "it is away"
        assert snapshot.wanted == ()
        snapshot.close()


def test_a_pod_whose_node_is_missing_wants_that_node(tmp_path: Path) -> None:
    pod = {"kind": "Pod", "metadata": {"namespace": "a", "name": "p"}, "spec": {"nodeName": "n7"}}
    with writing(tmp_path / "s", new_header(0)) as writer:
        writer.add_objects("Pod", [pod])
        snapshot = open_snapshot(writer.checkpoint())
        answer = snapshot.identity(Place("pod", "a/p"))
        assert isinstance(answer, NotCollected)
        assert answer.reason == "its node n7 was not collected"
        assert snapshot.wanted == ("n7",)
        snapshot.close()


def test_a_dump_says_why_a_pod_is_not_in_it(tmp_path: Path) -> None:
    pod = {"kind": "Pod", "metadata": {"namespace": "a", "name": "p"}, "spec": {"nodeName": "n1"}}
    dump = NodeDump(node="n1", time=1.0, kernel="6.1", lost=("pod/a/p: no process of it is on the node",))
    with writing(tmp_path / "s", new_header(0)) as writer:
        writer.add_objects("Pod", [pod])
        writer.add_node(dump)
    snapshot = open_snapshot(tmp_path / "s")
    answer = snapshot.identity(Place("pod", "a/p"))
    assert isinstance(answer, NotCollected)
    assert answer.reason == "no process of it is on the node"
    snapshot.close()
