"""Many small sections, or a short text, that would unfold into more memory than a snapshot may take."""

from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.collect.selection import MAX_ENTRIES
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot import tables as snapshot_tables
from kubectl_skoop.snapshot.decode import decode_namespace, entry
from kubectl_skoop.snapshot.dump import NamespaceDump, Table
from kubectl_skoop.snapshot.format import Header, pack_header
from kubectl_skoop.snapshot.limits import (
    MAX_CONTAINERS,
    MAX_JSON,
    MAX_TEXT,
    Refused,
    containers_in,
    parse_json,
    unpack,
)
from kubectl_skoop.snapshot.packed_rows import PackedRows
from kubectl_skoop.snapshot.source import open_snapshot
from tests.fuzzing.targets.sections import LINK, packed

MIB = 1 << 20
CONTAINERS = 50_000
"""In place of MAX_CONTAINERS, so that the test is quick."""


def file_with(table: object, parts: int) -> bytes:
    """A node whose table `x` is one section, so many times."""
    table_entry = {
        "state": "ok",
        "reason": "",
        "time": 0,
        "form": "sequence",
        "sections": [[LINK, 0]] * parts,
    }
    host = {"id": "4:1", "kind": "host", "pods": [], "section": [LINK, 1]}
    node = {"node": "n", "time": 0, "kernel": "", "tools": {}, "namespaces": [host], "lost": []}
    index: dict[str, object] = {"header": b"", "nodes": {"n": [LINK, 2]}, "objects": {}, "owners": []}
    index |= {"names": [], "pods": [], "infra": {}, "notes": []}
    sections = [["table", table], ["netns", {"tables": {"x": table_entry}}], ["node", node], ["index", index]]
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


def test_a_table_of_too_many_rows_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "MAX_ROWS", 3)
    rule = {"family": 2, "action": 1, "table": 254, "priority": 32766, "dst_len": 0, "src_len": 0}
    gaps = {}
    for count in (3, 4):
        tables = {"rules": Table(data=[{**rule, "tos": 0, "flags": 0}] * count)}
        dump = NamespaceDump(id="4:1", kind="host", tables=tables)
        gaps[count] = decode_namespace(dump, "n", Place("node", "n")).gaps.get("rules", "")
    assert gaps[4] == "damaged: $.rules: 4 rows, more than the 3 that are read"
    assert "rows" not in gaps[3]


def test_all_connections_that_the_agent_keeps_fit_into_a_table() -> None:
    """Each with all that the kernel may tell of one, and with chance in its numbers."""
    dice = Random(8)
    rows = PackedRows()
    for _ in range(2_000):
        number = dice.getrandbits
        counted = {"packets": number(40), "bytes": number(50)}
        end = {"ip": {"src": f"10.{number(8)}.{number(8)}.{number(8)}", "dst": "10.96.0.1"}}
        side = end | {"proto": {"num": 6, "src_port": number(16), "dst_port": number(16)}}
        flags = {"flags_orig": b"\x23\0", "flags_reply": b"\x23\0"}
        tcp = {"state": 3, "wscale_orig": 7, "wscale_reply": 7, **flags}
        row = {"family": 2, "orig": side, "reply": side, "protoinfo": {"tcp": tcp}, "status": number(9)}
        row |= {"counters_orig": counted, "counters_reply": counted, "timestamp": {"start": number(60)}}
        row |= {"mark": number(32), "id": number(32), "use": 1, "timeout": number(19), "zone": 1}
        rows.append(row)
    each = sum(map(containers_in, rows.arrays())) / len(rows)
    assert each * MAX_ENTRIES < MAX_CONTAINERS
