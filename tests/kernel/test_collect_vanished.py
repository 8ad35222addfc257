"""Namespaces and pods that go away while the node is read: the others are there, and the reason is."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_skoop.collect import agent
from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.namespace import read_namespace
from kubectl_skoop.collect.netns import CannotEnter
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.snapshot.assemble import write_node_dump
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def namespaces() -> Iterator[list[Namespace]]:
    prefix = lab_prefix()
    made = [Namespace(f"{prefix}{name}") for name in ("host", "a", "b")]
    create(one.name for one in made)
    try:
        yield made
    finally:
        delete(one.name for one in made)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> dict[Path, OSError]:
    """Path → what happens when its namespace is read."""
    errors: dict[Path, OSError] = {}

    def read(netns: Path, *arguments: object) -> object:
        if netns in errors:
            raise errors[netns]
        return read_namespace(netns, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(agent, "read_namespace", read)
    return errors


def collected(namespaces: list[Namespace], **options: object) -> NodeDump:
    host, a, b = (one.path for one in namespaces)
    return collect_node("n1", host, {"shop/a": a, "shop/b": b}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [CannotEnter(errno.ENOENT, "No such file"), CannotEnter(errno.ESRCH, "?"), OSError(errno.EMFILE, "full")],
)
def test_one_that_vanishes_does_not_cost_the_others(
    namespaces: list[Namespace], fails: dict[Path, OSError], error: OSError, tmp_path: Path
) -> None:
    fails[namespaces[1].path] = error
    dump = collected(namespaces)
    assert [one.pods for one in dump.namespaces] == [(), ("shop/b",)]
    assert dump.lost == (f"pod/shop/a: its network namespace could not be read: {error.strerror}",)
    assert all(one.tables["links"].state == "ok" for one in dump.namespaces)
    write_node_dump(dump, tmp_path / "n1")
    snapshot = open_snapshot(tmp_path / "n1")
    assert snapshot.node("n1").lost == dump.lost  # type: ignore[union-attr]
    snapshot.close()


@pytest.mark.parametrize(
    ("which", "error"),
    [
        pytest.param(0, CannotEnter(errno.ENOENT, "No such file"), id="the node's own"),
        pytest.param(1, CannotEnter(errno.EPERM, "Operation not permitted"), id="a pod's, by missing rights"),
    ],
)
def test_what_concerns_the_whole_node_is_an_error(
    namespaces: list[Namespace], fails: dict[Path, OSError], which: int, error: OSError
) -> None:
    fails[namespaces[which].path] = error
    with pytest.raises(InputError, match=f"cannot be entered: {error.strerror}"):
        collected(namespaces)


def test_what_was_read_of_a_pod_that_ended_is_not_the_pods(namespaces: list[Namespace]) -> None:
    dump = collected(namespaces, ended=lambda: {"shop/a": "it has ended while its node was read"})
    assert [one.pods for one in dump.namespaces] == [(), ("shop/b",)]
    assert dump.lost == ("pod/shop/a: it has ended while its node was read",)


def test_begin_and_end_are_told(namespaces: list[Namespace]) -> None:
    dump = collected(namespaces)
    times = [table.time for one in dump.namespaces for table in one.tables.values()]
    assert 0 < dump.time <= min(times) <= max(times) <= dump.ended
    assert dump.facts.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
