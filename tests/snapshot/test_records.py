"""Tables that nodes have nearly alike: each record is stored once, and each node gets back what it had."""

import io
import os
import random
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot import records
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.format import SectionRef, parse_section
from kubectl_skoop.snapshot.limits import Refused, unpack
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import PLAIN_NODES, writing
from tests.snapshot.test_round_trip import node_dump

KEPT, KEPT_NODES = Path(__file__).parent / "formats" / "1-many-nodes.skoop", 20
LINES = [
    f"-A KUBE-SERVICES -d 10.96.{n >> 8}.{n & 255}/32 -j KUBE-SVC-{n * 7919 % 10_000:04}" for n in range(600)
]
PERMANENT = [{"dst": f"10.244.{n}.0", "lladdr": f"0e:00:00:00:00:{n:02x}", "state": 128} for n in range(200)]


def rules(number: int) -> str:
    """The rules of all nodes in an order of this one, with its counters and a rule of its own."""
    order = random.Random(number)
    lines = [f"[{number * 7 if order.random() < 0.1 else 0}:0] {line}" for line in LINES]
    lines.append(f"[0:{number}] -A KUBE-SERVICES -d 10.97.0.{number}/32 -j STALE-{number}")
    order.shuffle(lines)
    return "\n".join(["*nat", ":KUBE-SERVICES - [0:0]", *lines, "COMMIT", ""])


def neighbours(number: int) -> list[object]:
    order = random.Random(number)
    rows: list[object] = [
        {**row, "cacheinfo": {"used": 10 * number + place, "confirmed": 0, "updated": 10 * number + place}}
        for place, row in enumerate(PERMANENT)
        if place != number
    ]
    order.shuffle(rows)
    return [*rows, {"dst": "10.0.0.1", "state": 2}]


def dumps(count: int) -> Iterator[NodeDump]:
    for number in range(count):
        tables = {
            "iptables-nft": Table(data=rules(number)),
            "neighbours": Table(data=neighbours(number)),
        }
        host = NamespaceDump(id="4:1", kind="host", tables=tables)
        counters = {"snmp": "Ip: Forwarding DefaultTTL InReceives\n" * 200 + f"Ip: 1 64 {number}"}
        pod = NamespaceDump(
            id="4:2",
            kind="pod",
            pods=(f"shop/pod-{number}",),
            tables={"counters": Table(data=counters), "links": Table(data=[{"ifname": f"eth{number}"}] * 50)},
        )
        yield node_dump(f"n{number:03}", host, pod)


def places(dump: NodeDump) -> tuple[Place, Place]:
    return Place("node", dump.node), Place("pod", f"shop/pod-{int(dump.node[1:])}")


def write_many(path: Path, count: int) -> None:
    with writing(path, new_header(0.0)) as writer:
        for dump in dumps(count):
            writer.add_node(dump)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("written") / "many"
    write_many(path, 100)
    return path.read_bytes()


@pytest.fixture
def many(tmp_path: Path, written: bytes) -> Path:
    """A copy that the test may damage."""
    (tmp_path / "many").write_bytes(written)
    return tmp_path / "many"


@pytest.mark.parametrize("kept", [False, True], ids=["written now", "written by the first version"])
def test_each_node_gets_back_what_it_had(many: Path, kept: bool) -> None:
    snapshot = open_snapshot(KEPT if kept else many)
    if os.environ.get("SKOOP_UPDATE_FORMATS"):
        write_many(KEPT, KEPT_NODES)
    for dump in dumps(KEPT_NODES if kept else 100):
        for namespace, place in zip(dump.namespaces, places(dump), strict=True):
            assert dict(snapshot.raw_tables(place)) == namespace.tables  # type: ignore[arg-type]
    snapshot.close()


def test_a_further_node_costs_its_order_and_its_numbers(many: Path, tmp_path: Path) -> None:
    write_many(tmp_path / "few", PLAIN_NODES)
    plain = (tmp_path / "few").stat().st_size / PLAIN_NODES
    further = (many.stat().st_size - (tmp_path / "few").stat().st_size) / (100 - PLAIN_NODES)
    assert further < plain / 2


def test_what_is_lost_with_a_shared_section_is_named(many: Path) -> None:
    """The dictionary of pods that follow, and the lines of all nodes: never anything wrong."""
    whole = many.read_bytes()
    wanted = {
        place: namespace.tables
        for dump in dumps(100)
        if dump.node in ("n000", "n040", "n099")
        for namespace, place in zip(dump.namespaces, places(dump), strict=True)
    }
    lost = set()
    for at in range(1_000, len(whole) - 5_000, 1_499):
        many.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        snapshot = open_snapshot(many)
        for place, tables in wanted.items():
            found = snapshot.raw_tables(place)
            if isinstance(found, NotCollected):
                lost.add((place, "all"))
                continue
            for name, table in tables.items():
                assert found[name] == table or found[name].state == "failed"
                lost |= {(place, name)} if found[name].state == "failed" else set()
        snapshot.close()
    assert (Place("node", "n099"), "iptables-nft") in lost


def test_who_needs_a_dictionary_that_is_damaged_says_so(many: Path) -> None:
    whole = bytearray(many.read_bytes())
    spans = {
        section.dictionary
        for fields in msgpack.Unpacker(io.BytesIO(whole))
        if isinstance(fields, dict) and "codec" in fields
        if (section := parse_section(msgpack.packb(fields))).dictionary
        if section.name.endswith("counters/0")
    }
    assert spans
    for span in filter(None, spans):
        whole[span.offset + span.size // 2] ^= 0x10
    many.write_bytes(whole)
    snapshot = open_snapshot(many)
    tables = snapshot.raw_tables(Place("pod", "shop/pod-40"))
    assert not isinstance(tables, NotCollected)
    assert tables["counters"].state == "failed"
    assert "needs another one" in tables["counters"].reason
    assert tables["links"].state == "ok"
    snapshot.close()


def test_the_index_may_be_lost(many: Path) -> None:
    many.write_bytes(many.read_bytes()[:-10])
    snapshot = open_snapshot(many)
    assert "index" in [entry.what for entry in snapshot.missing]
    for dump in dumps(100):
        tables = snapshot.raw_tables(Place("node", dump.node))
        assert dict(tables) == dump.namespaces[0].tables  # type: ignore[arg-type]
    snapshot.close()


def test_the_index_sums_up_what_nodes_say(many: Path) -> None:
    """A file of the first version has no summaries: there each node's section is read."""
    for path in (many, KEPT):
        snapshot = open_snapshot(path)
        assert bool(snapshot.file.index.summaries) == (path == many)
        for name in snapshot.nodes():
            node, summary = snapshot.node(name), snapshot.summary(name)
            assert not isinstance(node, NotCollected)
            assert not isinstance(summary, NotCollected)
            assert (summary.time, summary.ended) == (node.time, node.ended)
            assert (summary.clock_offset, summary.lacking) == (node.facts.clock_offset, bool(node.lost))
        snapshot.close()


def test_records_that_no_table_uses_any_longer_are_forgotten() -> None:
    """What a node has of its own would otherwise be remembered until the last one."""
    sections: list[object] = []

    def write(raw: bytes) -> SectionRef:
        sections.append(unpack(raw))
        return SectionRef(len(sections) - 1, 0, 0, b"")

    chunks = records.Chunks()
    for number in range(600):
        lines = [*LINES[:70], *(f"of {number} alone {n}" for n in range(10))]
        refs, steps = chunks.arrange(lines, write)
        assert records.join([sections[ref.offset] for ref in refs], steps, []) == "\n".join(lines)
    assert chunks.known < 70 + 10 * 512
    assert sum(line in part for part in sections for line in LINES[:1] if isinstance(part, list)) == 1


COUNTED = st.text(alphabet="ab [:]\n0127", max_size=400)


@given(st.lists(COUNTED, min_size=1, max_size=4), st.randoms())
def test_any_text_comes_back(texts: list[str], order: random.Random) -> None:
    sections: list[object] = []
    chunks = records.Chunks()

    def write(raw: bytes) -> SectionRef:
        sections.append(unpack(raw))
        return SectionRef(len(sections) - 1, 0, 0, b"")

    for text in texts:
        lines = [*text.split("\n"), *LINES[:70]]
        order.shuffle(lines)
        whole = "\n".join(lines)
        found = records.split(whole)
        if found is not None:
            refs, steps = chunks.arrange(found.records, write)
            used = [sections[ref.offset] for ref in refs]
            assert records.join(used, steps, found.numbers) == whole


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param("short\n", "short", id="short"),
        pytest.param("x\n" * 100 + "[007:1]", "leading zeros", id="a number with zeros in front"),
        pytest.param("x\n" * 100 + "\0", "the hole", id="text with the sign for a number"),
        pytest.param([{"cacheinfo": "young"}] * 100, "no numbers", id="ages that are none"),
        pytest.param([1] * 100, "no maps", id="no maps"),
        pytest.param({"a": 1}, "a map", id="another type"),
    ],
)
def test_what_would_not_be_the_same_again_is_not_taken_apart(data: object, why: str) -> None:
    assert records.split(data) is None, why


@pytest.mark.parametrize(
    ("chunks", "steps", "numbers"),
    [
        pytest.param([["a"]], [2], [], id="beyond the records"),
        pytest.param([["a"]], [0], [], id="before the records"),
        pytest.param([["a"]], ["1"], [], id="no number"),
        pytest.param([["a"]], 1, [], id="no list of steps"),
        pytest.param([["a"]], [1], {"a": 1}, id="no list of numbers"),
        pytest.param(["a"], [1], [], id="no list of records"),
        pytest.param([[1]], [1], [], id="a record that is none"),
        pytest.param([["a" * (1 << 20)]], [1, *[0] * 200], [], id="a bomb"),
        pytest.param([["a"]], [1, *[0] * records.MAX_RECORDS], [], id="too many records"),
    ],
)
def test_hostile_parts_are_refused(chunks: list[object], steps: object, numbers: object) -> None:
    with pytest.raises(Refused):
        records.join(chunks, steps, numbers)


def test_zeros_may_be_as_many_as_they_like() -> None:
    """A count of zeros takes no memory, and nothing is asked of them beyond the holes."""
    assert records.join([["[\0:\0] x"]], [1], [10**12, 1]) == "[0:0] x"


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], "a 0:0\nb 0"),
        ([0, 7], "a 7:0\nb 0"),
        ([1, 7], "a 0:7\nb 0"),
        ([2, 7], "a 0:0\nb 7"),
        ([3, 7], "a 0:0\nb 0"),
        ([0, 7, 0, 2], "a 7:9\nb 0"),
        ([0, 7, 1, -4], "a 7:0\nb 3"),
        ([-5, 7, 0, 1], "a 7:8\nb 0"),
        ([0, 1, 0, 1, 0, 1, 0, 1], "a 1:2\nb 3"),
        ([0], "a 0:0\nb 0"),
    ],
)
def test_numbers_are_put_where_they_were_and_zeros_elsewhere(numbers: list[int], text: str) -> None:
    lines = [f"a {records.HOLE}:{records.HOLE}", f"b {records.HOLE}"]
    assert records.join([lines], [1, 1], numbers) == text
