"""Rows that are packed as they come: what is read of the file is what was appended."""

from pathlib import Path

import pytest

from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.limits import PIECE
from kubectl_skoop.snapshot.packed_rows import PackedRows
from tests.snapshot.test_round_trip import namespace_dump, node_dump, reopened, tables_at

ROW = {"orig": {"ip": {"src": "10.0.0.1"}}, "mark": 1 << 31, "raw": b"\x00\xff"}


@pytest.mark.parametrize("count", [0, 1, 10, 11, 1000, 4 * PIECE // 1000])
def test_rows_come_back_in_their_order(tmp_path: Path, count: int) -> None:
    wanted = [{**ROW, "number": number, "fill": "x" * 950} for number in range(count)]
    rows = PackedRows()
    for row in wanted:
        rows.append(row)
    assert (len(rows), list(rows)) == (count, wanted)
    snapshot = reopened(tmp_path / "s", node_dump("n1", namespace_dump(conntrack=Table(data=rows))))
    assert tables_at(snapshot, Place("node", "n1"))["conntrack"].data == wanted
    snapshot.close()


def test_no_piece_is_longer_than_a_piece_may_be() -> None:
    rows = PackedRows()
    for number in range(5000):
        rows.append("x" * (number % 3000))
    pieces = list(rows.arrays())
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= PIECE
