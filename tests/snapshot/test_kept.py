"""What is kept of a snapshot is bounded, and what was forgotten is read again."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot import read, source
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.format import SectionRef
from kubectl_skoop.snapshot.kept import Kept
from kubectl_skoop.snapshot.lookup import shard_of
from kubectl_skoop.snapshot.read import SnapshotFile
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing
from snapshots.demo import HERE


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    kept: Kept[str] = Kept(10)
    for name in ("a", "b", "c"):
        assert kept.put(name, name.upper(), 4) == name.upper()
    assert [kept.get(name) for name in ("a", "b", "c")] == [None, "B", "C"]
    kept.get("b")
    kept.put("d", "D", 4)
    assert [kept.get(name) for name in ("b", "c", "d")] == ["B", None, "D"]


def test_the_newest_stays_whatever_its_size() -> None:
    kept: Kept[str] = Kept(10)
    kept.put("a", "A", 4)
    kept.put("b", "B", 40)
    assert (kept.get("a"), kept.get("b")) == (None, "B")
    kept.put("b", "C", 3)
    kept.put("a", "A", 7)
    assert (kept.get("a"), kept.get("b")) == ("A", "C")


def test_a_namespace_that_was_forgotten_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_KEPT", 1)
    snapshot = open_snapshot(HERE / "dead-backend.skoop")
    places = [Place("node", "n1"), Place("node", "n2"), Place("pod", "default/a")]
    first = [snapshot.namespace(place) for place in places]
    again = [snapshot.namespace(place) for place in places]
    snapshot.close()
    for one, other in zip(first, again, strict=True):
        assert not isinstance(one, NotCollected)
        assert not isinstance(other, NotCollected)
        assert one is not other
        assert (one.id, one.devices, one.routes) == (other.id, other.devices, other.routes)


def test_what_is_made_of_each_object_is_what_objects_have(tmp_path: Path) -> None:
    path = tmp_path / "s.skoop"
    pods = [
        {"kind": "Pod", "metadata": {"namespace": f"n{number % 7}", "name": f"p{number}"}}
        for number in range(1200)
    ]
    with writing(path, new_header(0.0)) as writer:
        stream = writer.objects("Pod")
        for pod in pods:
            stream.add(pod)
        stream.finish()
    snapshot = open_snapshot(path)
    made, missing = snapshot.each("Pod", ref_of), snapshot.each("Service", ref_of)
    objects = snapshot.objects("Pod")
    snapshot.close()
    assert isinstance(missing, NotCollected)
    assert not isinstance(objects, NotCollected)
    assert not isinstance(made, NotCollected)
    assert list(made) == [ref_of(item) for item in objects] == sorted(map(ref_of, pods))


def test_a_node_that_is_forgotten_is_not_kept() -> None:
    snapshot = open_snapshot(HERE / "dead-backend.skoop")
    n1, n2 = Place("node", "n1"), Place("node", "n2")
    first, other = snapshot.namespace(n1), snapshot.namespace(n2)
    snapshot.forget("n1")
    again, kept = snapshot.namespace(n1), snapshot.namespace(n2)
    snapshot.close()
    assert again is not first
    assert again == first
    assert kept is other


def test_nothing_is_kept_where_the_limit_is_0() -> None:
    kept: Kept[str] = Kept(10)
    kept.put("a", "A", 4)
    kept.limit(0)
    assert kept.get("a") is None


@pytest.mark.parametrize(("most", "reads"), [(1, 6), (read.MOST_LOOKED_UP, 4)])
def test_parts_of_the_index_are_kept_as_far_as_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, reads: int
) -> None:
    monkeypatch.setattr(read, "MOST_LOOKED_UP", most)
    path = tmp_path / "s.skoop"
    pods = [{"kind": "Pod", "metadata": {"namespace": f"n{n}", "name": f"p{n}"}} for n in range(3000)]
    with writing(path, new_header(0.0)) as writer:
        writer.add_objects("Pod", pods)
    made: list[SectionRef] = []
    one = SnapshotFile._read_shard

    def counted(file: SnapshotFile, ref: SectionRef) -> Mapping[str, object]:
        made.append(ref)
        return one(file, ref)

    monkeypatch.setattr(SnapshotFile, "_read_shard", counted)
    snapshot = open_snapshot(path)
    one_of_each = [*{shard_of(f"Pod/p{n}", 4): n for n in range(3000)}.values()]
    for n in [*one_of_each, *one_of_each[:2]]:
        assert snapshot.namespaces_of("Pod", f"p{n}") == (f"n{n}",)
    snapshot.close()
    assert len(made) == reads
