"""What leads from a key to what has it: in as many sections as keep each small."""

import pytest

from kubectl_skoop.snapshot.lookup import Lookup, shard_of


def filled(count: int) -> Lookup:
    lookup = Lookup()
    for number in range(count):
        lookup.add(f"10.0.{number >> 8}.{number & 255}", ["Pod", "shop", f"cart-{number}"])
    return lookup


@pytest.mark.parametrize(("count", "shards"), [(0, 0), (1, 1), (1000, 1), (1001, 2), (2500, 4)])
def test_every_key_is_where_a_reader_looks(count: int, shards: int) -> None:
    found = [*filled(count).shards()]
    assert len(found) == shards
    assert sum(map(len, found)) == count
    for number, shard in enumerate(found):
        assert all(shard_of(key, shards) == number for key in shard)


def test_values_of_a_key_come_together_in_order() -> None:
    lookup, more = filled(3), Lookup()
    lookup.add("10.0.0.1", ["Node", "", "n1"])
    more.add("10.0.0.1", ["Service", "shop", "db"])
    lookup.update(more)
    (shard,) = lookup.shards()
    assert shard["10.0.0.1"] == [["Pod", "shop", "cart-1"], ["Node", "", "n1"], ["Service", "shop", "db"]]
    assert sorted({*lookup.keys()}) == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]


def test_what_is_no_unicode_is_found_by_what_it_becomes() -> None:
    lookup = Lookup()
    lookup.add("pod-\udcff", "shop")
    (shard,) = lookup.shards()
    assert shard == {"pod-\\udcff": ["shop"]}
    assert shard_of("pod-\udcff", 7) == shard_of("pod-\\udcff", 7)
