"""Many small sections, or a short text, that would unfold into more memory than a snapshot may take."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot import tables as snapshot_tables
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NamespaceDump, Table
from kubectl_skoop.snapshot.format import Header, pack_header
from kubectl_skoop.snapshot.limits import MAX_JSON, MAX_TEXT, Refused, parse_json, unpack
from kubectl_skoop.snapshot.source import open_snapshot
from tests.fuzzing.targets.sections import LINK, packed

MIB = 1 << 20
CONTAINERS = 50_000
"""In place of MAX_CONTAINERS, so that the test is quick."""


def file_with(table: object, parts: int) -> bytes:
    """A node whose table `x` is one section, so many times."""
    entry = {"state": "ok", "reason": "", "time": 0, "form": "sequence", "sections": [[LINK, 0]] * parts}
    host = {"id": "4:1", "kind": "host", "pods": [], "section": [LINK, 1]}
    node = {"node": "n", "time": 0, "kernel": "", "tools": {}, "namespaces": [host], "lost": []}
    index: dict[str, object] = {"header": b"", "nodes": {"n": [LINK, 2]}, "objects": {}, "owners": []}
    index |= {"names": [], "pods": [], "infra": {}, "notes": []}
    sections = [["table", table], ["netns", {"tables": {"x": entry}}], ["node", node], ["index", index]]
    return packed(unpack(pack_header(Header())), sections)


@pytest.mark.parametrize(
    ("part", "parts", "reason"),
    [
        pytest.param("x" * (4 * MIB), MAX_TEXT // (4 * MIB) + 1, "more text than", id="text"),
        pytest.param([{"a": 0}] * 10_000, CONTAINERS // 10_000 + 1, "too many values", id="maps"),
        pytest.param([[]] * 10_000, CONTAINERS // 10_000 + 1, "too many values", id="lists"),
    ],
)
def test_a_table_is_bounded_as_a_whole(
    part: object, parts: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_tables, "MAX_CONTAINERS", CONTAINERS)
    path = tmp_path / "s"
    path.write_bytes(file_with(part, parts))
    with closing(open_snapshot(path)) as snapshot:
        tables = snapshot.raw_tables(Place("node", "n"))
        assert not isinstance(tables, NotCollected)
        assert tables["x"].state == "failed"
        assert reason in tables["x"].reason


def test_json_in_a_text_is_bounded_by_what_it_would_become() -> None:
    with pytest.raises(Refused, match="too many values"):
        parse_json("[" + "[]," * (MAX_JSON // 2) + "[]]")
    assert parse_json('{"nftables": []}') == {"nftables": []}


def test_rules_that_would_become_too_much_are_unknown() -> None:
    text = "[" + "{}," * (MAX_JSON // 2) + "{}]"
    dump = NamespaceDump(id="4:1", kind="host", tables={"nft": Table(data=text)})
    assert (
        decode_namespace(dump, "n", Place("node", "n")).gaps["nft"] == "damaged: $.nft: holds too many values"
    )
