"""Tables that nodes share are decoded once, and say the same as if each was decoded by itself."""

import random
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.decode.rows import SharedRows
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.read import SnapshotFile
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.write import PLAIN_NODES, writing
from tests.snapshot.test_decode import ROUTE, with_data
from tests.snapshot.test_round_trip import node_dump

NODES = PLAIN_NODES + 6
RTM_F_CLONED = 0x200
AF_BRIDGE = 7
GOLDEN = Path(__file__).parents[2] / "snapshots"


def ages(order: random.Random) -> dict[str, int]:
    return {name: order.randrange(3) * 700 for name in ("confirmed", "used", "updated", "refcnt")}


def rows(number: int) -> dict[str, list[dict[str, object]]]:
    """What all nodes have, in an order and with ages of this one, and a row that no other node has."""
    order = random.Random(number)
    peers = [*range(200), 200 + number]
    routes = [{**ROUTE, "dst": f"10.{n}.0.0", "dst_len": 16, "oif": 2} for n in peers]
    routes += [
        {**ROUTE, "dst": "10.250.0.0", "dst_len": 16, "oif": 2, "flags": RTM_F_CLONED},
        *(
            {**ROUTE, "dst": f"11.{n}.0.0", "dst_len": 16, "oif": 2, "cacheinfo": {"expires": -number}}
            for n in peers
        ),
    ]
    neighbours: list[dict[str, object]] = [
        {"family": 2, "ifindex": 2, "state": 4, "dst": f"10.{n}.0.1", "flags": 0, "cacheinfo": ages(order)}
        for n in peers
    ]
    neighbours.append({"family": AF_BRIDGE, "ifindex": 2, "state": 4, "cacheinfo": ages(order)})
    fdb: list[dict[str, object]] = [
        {"lladdr": f"02:00:00:00:00:{n:02x}", "ifindex": 9, "master": n % 2, "state": 2, "flags": 0}
        | ({"cacheinfo": ages(order)} if n % 3 else {})
        for n in range(100)
    ]
    for table in (routes, neighbours, fdb):
        order.shuffle(table)
    return {"routes": routes, "neighbours": neighbours, "fdb": fdb}


def dump(number: int, changed: Mapping[str, Table] | None = None) -> NodeDump:
    tables = {**with_data(**rows(number)), **(changed or {})}
    return node_dump(f"n{number:03}", NamespaceDump(id="4:1", kind="host", tables=tables))


@contextmanager
def opened(path: Path, last: Mapping[str, Table] | None = None) -> Iterator[Snapshot]:
    """`last`: tables of the last node."""
    with writing(path, new_header(0.0)) as writer:
        for number in range(NODES):
            writer.add_node(dump(number, last if number == NODES - 1 else None))
    with closing(open_snapshot(path)) as source:
        yield source


def decoded(source: Snapshot, number: int) -> NetworkNamespace:
    found = source.namespace(Place("node", f"n{number:03}"))
    assert not isinstance(found, NotCollected)
    return found


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables that were taken from what is shared."""
    taken: list[str] = []
    of = SharedRows.of

    def told(self: SharedRows[object], tables: Mapping[str, Table]) -> tuple[object, ...] | None:
        found = of(self, tables)
        taken.extend([self.decoder.table] if found is not None else [])
        return found

    monkeypatch.setattr(SharedRows, "of", told)
    return taken


def test_each_node_has_what_it_would_have_alone(tmp_path: Path, shared: list[str]) -> None:
    with opened(tmp_path / "many") as source:
        for number in range(NODES):
            ns = decoded(source, number)
            (whole,) = dump(number).namespaces
            alone = decode_namespace(whole, f"n{number:03}", Place("node", f"n{number:03}"))
            assert (ns.routes, ns.neighbours, ns.fdb) == (alone.routes, alone.neighbours, alone.fdb)
            assert ns.gaps == alone.gaps == {}
    assert sorted(shared) == sorted(["routes", "neighbours", "fdb"] * (NODES - PLAIN_NODES))


def test_routes_of_nodes_share_what_they_are_made_of(tmp_path: Path) -> None:
    with opened(tmp_path / "many") as source:
        one, other = ({id(route) for route in decoded(source, NODES - n).routes} for n in (1, 2))
    assert len(one & other) >= 200


def test_a_damaged_row_is_named_with_its_place(tmp_path: Path, shared: list[str]) -> None:
    bad = rows(NODES - 1)["neighbours"]
    bad[7] = {**bad[7], "dst": "nowhere"}
    with opened(tmp_path / "many", {"neighbours": Table(data=bad)}) as source:
        ns = decoded(source, NODES - 1)
        assert set(ns.gaps) == {"neighbours"}
        assert ns.gaps["neighbours"].startswith("damaged: $.neighbours[7].dst:")
        assert sorted(shared) == ["fdb", "routes"]
        assert decoded(source, NODES - 2).gaps == {}


def test_a_table_that_could_not_be_read_is_not_taken_from_another_node(tmp_path: Path) -> None:
    failed = Table(state="failed", reason="changed at each reading")
    with opened(tmp_path / "many", {"fdb": failed}) as source:
        ns = decoded(source, NODES - 1)
    assert (ns.fdb, ns.gaps) == ((), {"fdb": "failed: changed at each reading"})


def test_whether_there_is_a_table_is_told_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "many") as source:
        dump = source.namespace_dump(f"n{NODES - 1:03}/4:1")
        assert isinstance(dump, NamespaceDump)
        monkeypatch.delattr(SnapshotFile, "raw")
        assert "routes" in dump.tables
        assert "router" not in dump.tables


CONNECTION = {
    "orig": {
        "ip": {"src": "10.0.0.1", "dst": "10.0.0.2"},
        "proto": {"num": 17, "src_port": 1, "dst_port": 53},
    },
    "reply": {
        "ip": {"src": "10.0.0.2", "dst": "10.0.0.1"},
        "proto": {"num": 17, "src_port": 53, "dst_port": 1},
    },
    "status": 8,
}


def alone(**data: object) -> NetworkNamespace:
    tables = with_data(**data)
    return decode_namespace(NamespaceDump(id="4:1", kind="host", tables=tables), "n", Place("node", "n"))


def test_connections_are_decoded_when_somebody_looks() -> None:
    ns = alone(conntrack=[CONNECTION, CONNECTION])
    assert len(ns.conntrack) == 2
    assert ns.conntrack[0] == ns.conntrack[1:][0]
    assert ns.conntrack == tuple(ns.conntrack)
    assert ns.conntrack != ()
    assert ns.gaps == {}


@pytest.mark.parametrize("asked", ["get", "in", "[]", "all"])
def test_a_damaged_connection_is_a_gap_before_anybody_looked_at_it(asked: str) -> None:
    gaps = alone(conntrack=[CONNECTION, {**CONNECTION, "status": "assured"}]).gaps
    match asked:
        case "get":
            assert (gaps.get("conntrack") or "").startswith("damaged: $.conntrack[1].status")
        case "in":
            assert "conntrack" in gaps
            assert "routes" not in gaps
        case "[]":
            assert gaps["conntrack"].startswith("damaged: $.conntrack[1].status")
        case _:
            assert (set(gaps), len(gaps)) == ({"conntrack"}, 1)


class WithExpectations(Snapshot):
    """Of an agent of today: without them all connections are looked through for helpers."""

    def namespace_dump(self, identity: str) -> NamespaceDump | NotCollected:
        found = super().namespace_dump(identity)
        if isinstance(found, NotCollected):
            return found
        return found._replace(tables={**found.tables, "expectations": Table(data=[])})


def test_a_question_without_a_source_port_reads_no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    monkeypatch.setattr("kubectl_skoop.snapshot.decode.namespace.decode_conntrack", looked.append)
    with closing(WithExpectations(open_snapshot(GOLDEN / "dead-backend.skoop").file)) as source:
        first, *_, last = source.nodes()
        request = Request(source=f"node/{first}", destination=f"node/{last}", protocol="icmp")
        assert Desk(source, Options()).fate(request).verdict == "reachable"
    assert not looked
