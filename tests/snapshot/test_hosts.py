"""The index tells which node has an address or a MAC: the answer is that of reading all of them."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.hosts import MOST_NODES, Hosts
from kubectl_skoop.snapshot.lookup import Lookup
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import PLAIN_NODES, writing
from tests.snapshot.test_round_trip import node_dump

NODES = 40
SHARED, OF_FEW = "10.96.0.10", "10.0.9.9"
EVERYWHERE = "ee:ee:ee:ee:ee:ee"


def mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def link(index: int, name: str, address: str) -> dict[str, object]:
    return {"index": index, "ifname": name, "address": address, "flags": 0x11043, "mtu": 1500}


def address(index: int, text: str) -> dict[str, object]:
    return {"index": index, "family": 2, "prefixlen": 24, "scope": 0, "address": text, "local": text}


def dump(number: int) -> NodeDump:
    addresses = [address(2, f"10.0.0.{number}"), address(2, SHARED)]
    if number in (3, 30):
        addresses.append(address(2, OF_FEW))
    links = [link(2, "eth0", mac(number)), link(3, "cali0", EVERYWHERE)]
    own = {"links": Table(data=links), "addresses": Table(data=addresses)}
    pod = {"links": Table(data=[link(2, "eth0", mac(100 + number))])}
    return node_dump(
        f"n{number:02}",
        NamespaceDump(id="4:1", kind="host", tables=own),
        NamespaceDump(id="4:2", kind="pod", pods=(f"shop/pod-{number}",), tables=pod),
    )


def snapshot(path: Path, count: int) -> Snapshot:
    with writing(path, new_header(0.0)) as writer:
        for number in range(count):
            writer.add_node(dump(number))
        writer.add_missing_node("n99", "forbidden", "no collector may run there")
    return open_snapshot(path)


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Snapshot]:
    opened = snapshot(tmp_path / "many", NODES)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("owned", "nodes"),
    [
        ("10.0.0.7", {"n07"}),
        (mac(7), {"n07"}),
        (OF_FEW, {"n03", "n30"}),
        ("10.0.0.77", set()),
        (mac(107), set()),
    ],
)
def test_nodes_by_what_they_have(many: Snapshot, owned: str, nodes: set[str]) -> None:
    """One without a dump may have anything; what pods have is asked of the objects."""
    assert set(many.nodes_with(owned)) == {*nodes, "n99"}


def test_what_many_nodes_have_is_asked_of_all(many: Snapshot) -> None:
    assert NODES > MOST_NODES
    for owned in (SHARED, EVERYWHERE):
        assert set(many.nodes_with(owned)) == set(many.nodes())


def test_a_small_file_has_no_such_part(tmp_path: Path) -> None:
    few = snapshot(tmp_path / "few", PLAIN_NODES - 1)
    assert few.file.index.hosts is None
    assert set(few.nodes_with("10.0.0.7")) == set(few.nodes())
    few.close()


def test_a_damaged_part_tells_nothing(many: Snapshot) -> None:
    refs = many.file.index.hosts
    assert isinstance(refs, list)
    whole = bytearray(many.file.path.read_bytes())
    for ref in refs:
        whole[ref.offset + ref.size // 2] ^= 0x10
    many.file.path.write_bytes(whole)
    damaged = open_snapshot(many.file.path)
    assert set(damaged.nodes_with("10.0.0.7")) == set(damaged.nodes())
    damaged.close()


def test_only_who_may_have_it_is_read(many: Snapshot) -> None:
    """The owner is found as by reading all nodes, and the one without a dump is told."""
    world = World(many, lambda address: None)
    for number in (0, 39):
        by_address = world.owner_of_address(ip_address(f"10.0.0.{number}"))
        by_mac = world.owner_of_mac(mac(number), ())
        assert by_address is not None
        assert by_address.ns.place == Place("node", f"n{number:02}")
        assert by_mac == by_address
    assert world.owner_of_address(ip_address("10.0.0.77")) is None
    assert list(world.missing) == ["node/n99"]
    first = world.owner_of_address(ip_address(SHARED))
    assert first is not None
    assert first.ns.place.name == "n00"


def test_a_mended_node_is_asked_whatever_the_index_says(many: Snapshot) -> None:
    world = World(many, lambda address: None)
    before = world.at(Place("node", "n05"))
    assert not isinstance(before, NotCollected)
    given = before.addresses[0]._replace(address=ip_address("10.0.0.77"))
    mended = world.with_mended(replace(before, addresses=(*before.addresses, given)))
    found = mended.owner_of_address(ip_address("10.0.0.77"))
    assert found is not None
    assert found.ns.place.name == "n05"


def test_keys_come_in_the_order_of_the_rows_so_that_the_same_dump_makes_the_same_bytes() -> None:
    macs = [f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(500)]
    links = Table(data=[link(number, f"eth{number}", own) for number, own in enumerate(macs, 1)])
    hosts, expected = Hosts(), Lookup()
    hosts.add(node_dump("n1", NamespaceDump(id="4:1", kind="host", tables={"links": links})))
    for own in macs:
        expected.add(own, "n1")
    assert [*hosts.lookup.keys()] == [*expected.keys()]
