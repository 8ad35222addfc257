"""All names of a snapshot, as its index has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot

FILE = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"


@pytest.fixture
def source() -> Iterator[Snapshot]:
    opened = open_snapshot(FILE)
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", ["Pod", "Service"])
def test_the_index_names_every_object(source: Snapshot, kind: str) -> None:
    objects = source.objects(kind)
    assert not isinstance(objects, NotCollected)
    wanted = sorted(f"{ref.namespace}/{ref.name}" for ref in map(ref_of, objects))
    assert sorted(source.keys(kind)) == wanted
    assert len(wanted) > 3


def test_without_names_in_the_index_the_objects_are_read(source: Snapshot) -> None:
    by_index = sorted(source.keys("Pod"))
    source.file.index = source.file.index._replace(names=())
    assert sorted(source.keys("Pod")) == by_index


def test_pods_whose_namespaces_were_collected(source: Snapshot) -> None:
    assert sorted(source.collected_pods()) == ["default/a", "default/a2", "default/b", "default/b2"]


def test_what_is_no_name_is_passed_over(source: Snapshot) -> None:
    strange: dict[object, object] = {
        b"Pod/a": ["x"],
        "Pod/b": "x",
        "Pod/c": [3, "x", None],
        "Podd": ["x"],
        "Service/d": ["y"],
    }
    source.file.index = source.file.index._replace(names=strange, pods=strange)  # type: ignore[arg-type]
    assert source.keys("Pod") == ("x/c",)
    assert source.collected_pods() == ("Pod/c", "Podd", "Service/d")
