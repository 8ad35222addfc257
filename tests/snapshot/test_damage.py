"""A damaged or hostile file: never a traceback, never wrong data, never more memory than allowed."""

import hashlib
import random
import tracemalloc
from pathlib import Path

import msgpack
import pytest
import zstandard

from kubectl_skoop.cluster.raw import Object, Ref
from kubectl_skoop.model.errors import FormatError, SectionDamaged
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.format import Header, SectionRef, pack, pack_header, pack_section, pack_trailer
from kubectl_skoop.snapshot.limits import MAX_SECTION, Refused, inflate, unpack
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.kernel.volume import VOLUME

PODS: tuple[Object, ...] = tuple(
    {"kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "status": {"podIP": address}}
    for name, address in (("a", "10.0.0.1"), ("b", "10.0.0.2"))
)
TABLES = {
    "links": Table(time=1.0, data=[{"ifname": "eth0"}]),
    "iptables": Table(time=1.0, data="*filter\n" + "-A FORWARD -j DROP\n" * 300),
    "ipset": Table(state="absent", reason="no ipset"),
}
FLIPS = 800 * VOLUME
PLACES = {Place("node", "n1"), Place("pod", "default/a"), Place("node", "n2")}


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    for node, pods in (("n1", ("default/a",)), ("n2", ())):
        namespaces = [NamespaceDump(id="4:1", kind="host", tables={**TABLES, "node": Table(data=node)})]
        namespaces += [
            NamespaceDump(id="4:2", kind="pod", pods=(pod,), tables={**TABLES, "node": Table(data=pod)})
            for pod in pods
        ]
        dump = NodeDump(node=node, time=1.0, kernel="6.1", namespaces=tuple(namespaces))
        write_node_dump(dump, tmp_path / node)
    assemble([tmp_path / "n1", tmp_path / "n2"], {"Pod": PODS, "Node": []}, tmp_path / "s", time=3.0)
    return (tmp_path / "s").read_bytes()


def expected_tables(place: Place) -> dict[str, Table]:
    return {**TABLES, "node": Table(data=place.name)}


def wrong(snapshot: Snapshot) -> list[str]:
    """Answers that differ from what was written and do not say that they are missing."""
    found = []
    for place in PLACES:
        tables = snapshot.raw_tables(place)
        if not isinstance(tables, NotCollected):
            for name, table in expected_tables(place).items():
                if name in tables and tables[name] != table and not tables[name].reason.startswith("lost: "):
                    found.append(f"{place} {name}")
                if name not in tables:
                    found.append(f"{place} lacks {name}")
    pods = snapshot.objects("Pod")
    if not isinstance(pods, NotCollected) and pods != PODS:
        found.append("pods")
    try:
        if snapshot.owner("10.0.0.2") not in (Ref("Pod", "default", "b"), None):
            found.append("owner")
    except SectionDamaged:
        pass
    return found


def complete(snapshot: Snapshot) -> bool:
    """Everything is there and right."""
    tables = {place: snapshot.raw_tables(place) for place in PLACES}
    return (
        all(
            not isinstance(found, NotCollected) and dict(found) == expected_tables(at)
            for at, found in tables.items()
        )
        and snapshot.objects("Pod") == PODS
        and snapshot.objects("Node") == ()
    )


def test_a_file_cut_off_anywhere_gives_what_is_whole(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "cut"
    places_left = set()
    refused = 0
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            snapshot = open_snapshot(path)
        except FormatError:
            refused += 1
            continue
        assert wrong(snapshot) == [], length
        assert snapshot.missing, length
        places_left.add(sum(not isinstance(snapshot.raw_tables(place), NotCollected) for place in PLACES))
        snapshot.close()
    assert places_left == {0, 1, 2, 3}
    assert refused < 100, "only a file that is cut off in its header cannot be opened"


def test_a_flipped_bit_is_noticed_or_does_not_matter(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "flipped"
    dice = random.Random(7)
    for _ in range(FLIPS):
        at, bit = dice.randrange(len(whole)), dice.randrange(8)
        flipped = bytearray(whole)
        flipped[at] ^= 1 << bit
        path.write_bytes(flipped)
        try:
            snapshot = open_snapshot(path)
        except FormatError:
            continue
        assert wrong(snapshot) == [], (at, bit)
        snapshot.close()


def test_a_damaged_section_loses_only_itself(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "s"
    at = whole.index(b"data", whole.index(b"n1/4:1/iptables/0")) + 6
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    snapshot = open_snapshot(path)
    tables = snapshot.raw_tables(Place("node", "n1"))
    assert not isinstance(tables, NotCollected)
    assert tables["iptables"].state == "failed"
    assert tables["iptables"].reason.startswith(
        "lost: n1/host/iptables is damaged: its section does not decompress"
    )
    assert {name: tables[name] for name in ("links", "ipset")} == {
        name: TABLES[name] for name in ("links", "ipset")
    }
    snapshot.close()


def test_bytes_in_the_middle_that_are_garbage_lose_only_what_they_hit(tmp_path: Path, whole: bytes) -> None:
    """The index is lost, too: the scan finds the next section behind the damage."""
    path = tmp_path / "s"
    at = whole.index(b"\x86\xa4kind", whole.index(b"n1/4:1"))
    path.write_bytes(whole[:at] + b"\xc1" * 20 + whole[at + 20 : -30])
    snapshot = open_snapshot(path)
    assert wrong(snapshot) == []
    assert not isinstance(snapshot.raw_tables(Place("node", "n2")), NotCollected)
    assert any(entry.what.startswith(f"bytes {at} to ") for entry in snapshot.missing)
    snapshot.close()


def other_snapshot(folder: Path) -> bytes:
    """Of the same names, with other content in everything."""
    tables = {name: Table(time=9.0, data="other") for name in (*TABLES, "node")}
    namespaces = (
        NamespaceDump(id="4:1", kind="host", tables=tables),
        NamespaceDump(id="4:2", kind="pod", pods=("default/a",), tables=tables),
    )
    for node in ("n1", "n2"):
        write_node_dump(NodeDump(node=node, time=9.0, kernel="6.9", namespaces=namespaces), folder / node)
    pods: list[Object] = [{**pod, "status": {"podIP": "10.9.9.9"}} for pod in PODS]
    assemble([folder / "n1", folder / "n2"], {"Pod": pods, "Node": []}, folder / "other", time=9.0)
    return (folder / "other").read_bytes()


def test_of_two_joined_files_only_the_first_is_read(tmp_path: Path, whole: bytes) -> None:
    other = other_snapshot(tmp_path)
    path = tmp_path / "joined"
    path.write_bytes(whole + other)
    snapshot = open_snapshot(path)
    assert complete(snapshot)
    reason = f"bytes {len(whole)} to {len(whole) + len(other)}: lost (another snapshot begins there)"
    assert [str(gap) for gap in snapshot.missing] == [reason]
    snapshot.close()


def test_nothing_is_taken_of_a_file_that_follows_one_that_is_cut_off(tmp_path: Path, whole: bytes) -> None:
    other = other_snapshot(tmp_path)
    path = tmp_path / "joined"
    begin = whole.index(b"\x86\xa4kind")
    for length in range(begin, len(whole), 7):
        path.write_bytes(whole[:length] + other)
        snapshot = open_snapshot(path)
        assert wrong(snapshot) == [], length
        assert any("another snapshot begins there" in str(gap) for gap in snapshot.missing)
        snapshot.close()


def test_sections_that_changed_places_are_lost_not_mistaken(tmp_path: Path, whole: bytes) -> None:
    """Each pair of neighbours; with the index, and without it."""
    starts = [at for at in range(len(whole)) if whole.startswith(b"\x86\xa4kind", at)]
    path = tmp_path / "swapped"
    assert len(starts) > 8
    for first, second, end in zip(starts, starts[1:], starts[2:], strict=False):
        swapped = whole[:first] + whole[second:end] + whole[first:second] + whole[end:]
        for content in (swapped, swapped[:-30]):
            path.write_bytes(content)
            snapshot = open_snapshot(path)
            assert wrong(snapshot) == [], first
            snapshot.close()


def test_a_whole_file_is_complete(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "whole").write_bytes(whole)
    snapshot = open_snapshot(tmp_path / "whole")
    assert complete(snapshot)
    assert snapshot.missing == ()
    snapshot.close()


def test_a_damaged_section_raises_when_it_is_asked_for(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "s").write_bytes(whole)
    snapshot = open_snapshot(tmp_path / "s")
    with pytest.raises(SectionDamaged, match="rules is damaged: its section lies outside of the file"):
        snapshot.file.content(SectionRef(len(whole) - 5, 100, 100, b""), "rules")
    snapshot.close()


def nested(depth: int, kind: bytes) -> bytes:
    return kind * depth + b"\xc0"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"\x80" * (20 << 20), "more than the 16777216 allowed", id="20 MB of empty maps"),
        pytest.param(
            b"\xdd\x00\xe0\x00\x00" + b"\x80" * (14 << 20), "too many values", id="a list of 14 M maps"
        ),
        pytest.param(b"\xdd\xff\xff\xff\xff\x00", "is no msgpack", id="a list that states 4 G entries"),
        pytest.param(b"\xc6\xff\xff\xff\xff\x00", "is no msgpack", id="bytes that state 4 GB"),
        pytest.param(nested(33, b"\x91"), "nested too deep", id="33 lists in each other"),
        pytest.param(nested(900, b"\x81\xa0"), "nested too deep", id="900 maps in each other"),
        pytest.param(nested(100_000, b"\x91"), "is no msgpack", id="100,000 lists in each other"),
        pytest.param(b"\xd4\x05\x00", "is no msgpack", id="an extension type"),
        pytest.param(b"\x91\xd6\xff\x00\x00\x00\x00", "is no msgpack", id="a timestamp"),
        pytest.param(b"\x81\x01\x02", "is no msgpack", id="a number as a key"),
        pytest.param(b"\xa1\xff", "is no msgpack", id="text that is no UTF-8"),
        pytest.param(b"\x01\x02", "is no msgpack", id="two values"),
        pytest.param(b"", "is no msgpack", id="nothing"),
        pytest.param(b"\xc1", "is no msgpack", id="the byte that msgpack never uses"),
    ],
)
def test_data_beyond_the_limits_is_refused_before_memory_is_spent(data: bytes, reason: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match=reason):
            unpack(data)
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("stated", [True, False], ids=["with its size", "without its size"])
def test_a_bomb_does_not_unfold(stated: bool) -> None:
    bomb = zstandard.ZstdCompressor(write_content_size=stated).compress(b"\x00" * (1 << 27))
    assert len(bomb) < 100_000
    with pytest.raises(Refused, match="another length"):
        inflate(bomb, 1000)
    with pytest.raises(Refused, match="more than the"):
        inflate(bomb, MAX_SECTION + 1)


def test_a_window_that_is_too_large_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True, write_content_size=False)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = frame.compress(random.Random(1).randbytes(1000)) + frame.flush()
    with pytest.raises(Refused, match="does not decompress"):
        inflate(data, 1000)


def test_a_table_whose_sections_repeat_is_bounded(tmp_path: Path, whole: bytes) -> None:
    """A small file that leads to one section a thousand times."""
    path = tmp_path / "s"
    raw: bytes = msgpack.packb("x" * (4 << 20))

    def add(kind: str, value: bytes) -> list[object]:
        sha256 = hashlib.sha256(value).digest()
        section = pack_section("table", kind, value, sha256)
        place = [len(content), len(section), len(value), sha256]
        content.extend(section)
        return place

    content = bytearray(pack_header(Header()))
    table = {
        "state": "ok",
        "reason": "",
        "time": 0,
        "form": "sequence",
        "sections": [add("table", raw)] * 1000,
    }
    netns = add("netns", pack({"tables": {"nft": table}}))
    host = {"id": "4:1", "kind": "host", "pods": [], "section": netns}
    node = add(
        "node", pack({"node": "n", "time": 0, "kernel": "", "tools": {}, "namespaces": [host], "lost": []})
    )
    index = {"header": hashlib.sha256(content[: len(pack_header(Header()))]).digest(), "nodes": {"n": node}}
    index |= {"objects": {}, "owners": [], "names": [], "pods": [], "infra": {}, "notes": []}
    raw = pack(index)
    offset = len(content)
    content += pack_section("index", "", raw, hashlib.sha256(raw).digest())
    path.write_bytes(content + pack_trailer(offset, len(content) - offset))
    snapshot = open_snapshot(path)
    assert snapshot.missing == ()
    tables = snapshot.raw_tables(Place("node", "n"))
    assert not isinstance(tables, NotCollected)
    assert (tables["nft"].state, tables["nft"].reason) == ("failed", "lost: is longer than a table may be")
    snapshot.close()


def test_a_name_is_found_without_the_index(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "s").write_bytes(whole[:-1])
    snapshot = open_snapshot(tmp_path / "s")
    assert snapshot.missing
    assert snapshot.namespaces_of("Pod", "b") == ("default",)
    assert snapshot.namespaces_of("Pod", "c") == ()
    assert snapshot.namespaces_of("Service", "b") == ()
    snapshot.close()
