"""A field read in all rows at once is what it is when read row by row, and so is the complaint about it."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.snapshot.decode.columns import BATCH, Columns, columns
from kubectl_skoop.snapshot.decode.entry import MAX_ROWS, Entry, entries
from kubectl_skoop.snapshot.packed_rows import PackedRows

ADDRESSES = st.sampled_from(["10.0.0.1", "fd00::1", "fe80::1%eth0", "nowhere", ""])
VALUES: st.SearchStrategy[object] = ADDRESSES | st.sampled_from(
    [0, 7, 24, 33, 64, -1, True, None, 1.5, b"\x0a\x00\x00\x01", [], {}]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "a": VALUES,
            "dst": st.just("10.0.0.0") | VALUES,
            "dst_len": st.just(24) | VALUES,
            "family": st.sampled_from([2, 10]) | VALUES,
            "inside": st.just({"a": 1}) | VALUES,
        },
    ),
    max_size=4,
)
READERS: dict[str, tuple[Callable[[Columns], Iterable[object]], Callable[[Entry], object]]] = {
    "numbers": (lambda rows: rows.numbers("a"), lambda row: row.number("a")),
    "numbers with a default": (lambda rows: rows.numbers("a", 5), lambda row: row.number("a", 5)),
    "numbers of some": (
        lambda rows: rows.optional_numbers("a"),
        lambda row: row.number("a") if "a" in row.fields else None,
    ),
    "texts": (lambda rows: rows.texts("a"), lambda row: row.text("a")),
    "texts with a default": (lambda rows: rows.texts("a", ""), lambda row: row.text("a", "")),
    "addresses": (lambda rows: rows.addresses("a"), lambda row: row.address("a")),
    "addresses of some": (lambda rows: rows.optional_addresses("a"), lambda row: row.optional_address("a")),
}


def told(read: Callable[[], Iterable[object]]) -> list[object] | str:
    try:
        return list(read())
    except FormatError as error:
        return str(error)


@pytest.mark.parametrize("name", READERS)
@given(rows=ROWS)
def test_a_field_of_all_rows(name: str, rows: list[dict[str, object]]) -> None:
    at_once, each = READERS[name]
    together = told(lambda: at_once(Columns(rows, range(len(rows)), "$.t")))
    assert together == told(lambda: [each(row) for row in entries(rows, "$.t")])


@given(rows=ROWS)
def test_networks(rows: list[dict[str, object]]) -> None:
    """With several things wrong it is one of them that is told."""
    together = told(lambda: Columns(rows, range(len(rows)), "$.t").networks("dst", "dst_len"))
    single = told(lambda: [row.network("dst", "dst_len", row.family()) for row in entries(rows, "$.t")])
    assert isinstance(together, str) == isinstance(single, str)
    if not isinstance(together, str):
        assert together == single


@given(rows=ROWS)
def test_a_map_inside_of_rows(rows: list[dict[str, object]]) -> None:
    together = told(lambda: Columns(rows, range(len(rows)), "$.t").inside("inside").numbers("a", 0))
    having = [row for row in entries(rows, "$.t") if "inside" in row.fields]
    single = told(lambda: [row.entry("inside") for row in having])
    if not isinstance(single, str):
        single = told(lambda: [row.entry("inside").number("a", 0) for row in having])
    assert together == single


def test_a_long_table_comes_in_batches_whose_rows_keep_their_places() -> None:
    rows: list[object] = [{"a": place} for place in range(2 * BATCH)]
    assert [number for batch in columns(rows, "$.t") for number in batch.numbers("a")] == [*range(2 * BATCH)]
    rows[BATCH + 3] = {"a": "seven"}
    with pytest.raises(FormatError, match=rf"\$\.t\[{BATCH + 3}\]\.a: a number is wanted"):
        [batch.numbers("a") for batch in columns(rows, "$.t")]
    rows[BATCH + 3] = "no row"
    with pytest.raises(FormatError, match=rf"\$\.t\[{BATCH + 3}\]: a map is wanted"):
        list(columns(rows, "$.t"))


def test_rows_that_are_packed_are_read_too() -> None:
    packed = PackedRows()
    for number in range(3):
        packed.append({"a": number})
    assert [batch.numbers("a") for batch in columns(packed, "$.t")] == [[0, 1, 2]]


@pytest.mark.parametrize(
    "data", [7, {"a": 1}, [None] * (MAX_ROWS + 1)], ids=["a number", "a map", "too long"]
)
def test_what_is_no_table_is_refused(data: object) -> None:
    with pytest.raises(FormatError):
        list(columns(data, "$.t"))
