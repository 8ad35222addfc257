"""What nodes have nearly alike is redacted as the file has it, to the same as each node's table by itself."""

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NodeDump, Table
from kubectl_skoop.snapshot.redact import Pseudonyms, pseudonyms_for, redact
from kubectl_skoop.snapshot.redact import iptables as redact_iptables
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.table import redact_table
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.tables import Tables
from kubectl_skoop.snapshot.write import PLAIN_NODES, writing
from tests.snapshot.test_records import dumps

KEY = b"k" * 32
NODES = PLAIN_NODES + 10


def written(path: Path, change: Mapping[str, object]) -> Snapshot:
    """`change`: by table what each node has besides: a line, or a row."""
    with writing(path, new_header(0.0)) as writer:
        for dump in dumps(NODES):
            writer.add_node(changed(dump, change))
    return open_snapshot(path)


def changed(dump: NodeDump, change: Mapping[str, object]) -> NodeDump:
    host, *pods = dump.namespaces
    tables = {**host.tables, "routes": Table(data=routes(int(dump.node[1:])))}
    for name, more in change.items():
        data = tables[name].data
        tables[name] = Table(data=f"{data}{more}\n" if isinstance(data, str) else [*rows(data), more])
    return dump._replace(namespaces=(host._replace(tables=tables), *pods))


def rows(data: object) -> list[object]:
    assert isinstance(data, list)
    return data


def routes(number: int) -> list[object]:
    head = {"family": 2, "dst_len": 24, "oif": 4, "table": 254}
    found: list[object] = [
        {**head, "dst": f"10.244.{other}.0", "gateway": f"10.244.{other}.0"}
        for other in range(200)
        if other != number
    ]
    found.append({**head, "dst": f"10.9.{number}.0", "gateway": "10.0.0.9"})
    Random(number).shuffle(found)
    return found


def redacted(source: Snapshot, path: Path) -> tuple[Snapshot, Pseudonyms, list[str]]:
    pseudonyms, told = pseudonyms_for(source, KEY), []

    def certify(_: Path, lines: list[str]) -> Mapping[str, object]:
        told.extend(lines)
        return {}

    redact(source, pseudonyms, path, certify)
    return open_snapshot(path), pseudonyms, told


def host_tables(source: Snapshot, node: str) -> Tables:
    dump = source.node_dump(node)
    assert not isinstance(dump, NotCollected)
    tables = dump.namespaces[0].tables
    assert isinstance(tables, Tables)
    return tables


UNKNOWN: Mapping[str, Mapping[str, object]] = {
    "all is known": {},
    "a line of an unknown form": {"iptables-nft": "site"},
    "a rule with an unknown match": {"iptables-nft": "[1:60] -A KUBE-SERVICES -m site --site x -j ACCEPT"},
    "a line that holds what stands for counters": {"iptables-nft": "-A KUBE-SERVICES -m comment \0"},
    "a field of a row that is not known": {"routes": {"family": 2, "site": "x"}},
    "an age that is not known": {"neighbours": {"dst": "10.0.0.9", "cacheinfo": {"site": 1, "used": 2}}},
    "an age that goes": {"neighbours": {"dst": "10.0.0.9", "cacheinfo": {"cookie": 1, "used": 2}}},
}


@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN)
def test_each_table_is_redacted_as_by_itself(tmp_path: Path, change: Mapping[str, object]) -> None:
    source = written(tmp_path / "before", change)
    after, pseudonyms, told = redacted(source, tmp_path / "after")
    left_out = LeftOut()
    for number, node in enumerate(source.nodes()):
        before, found = host_tables(source, node), host_tables(after, pseudonyms.name(node))
        for name in before:
            assert found[name] == redact_table(name, before[name], pseudonyms, left_out)
            if number >= PLAIN_NODES and name not in change:
                assert found.chunks(name)
    hosts = [line for line in told if not line.startswith("counters")]
    assert hosts == left_out.lines()
    source.close()
    after.close()


def test_lines_that_nodes_share_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    one = redact_iptables.redact_line

    def counted(line: str, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> str | None:
        looked.append(line)
        return one(line, pseudonyms, left_out, where)

    monkeypatch.setattr("kubectl_skoop.snapshot.redact.chunks.redact_line", counted)
    source = written(tmp_path / "before", {})
    after, _, _ = redacted(source, tmp_path / "after")
    source.close()
    after.close()
    lines = {line for line in looked if "STALE" not in line}
    assert len(lines) == len([line for line in looked if "STALE" not in line]) > 500
    assert len(looked) - len(lines) == NODES - PLAIN_NODES


def test_networks_are_learned_from_what_nodes_share_and_from_what_they_do_not(tmp_path: Path) -> None:
    """Their first address stays the first."""
    source = written(tmp_path / "before", {})
    pseudonyms = pseudonyms_for(source, KEY)
    firsts = [f"10.9.{number}.0" for number in range(NODES)] + [f"10.244.{number}.0" for number in range(200)]
    assert all(pseudonyms.address(first).endswith(".0") for first in firsts)
    source.close()


def test_a_damaged_section_is_a_table_that_failed(tmp_path: Path) -> None:
    source = written(tmp_path / "before", {})
    tables = host_tables(source, source.nodes()[-1])
    at = tables.chunks("neighbours")[0]
    source.close()
    damaged = bytearray((tmp_path / "before").read_bytes())
    damaged[at.offset + at.size // 2] ^= 0x10
    (tmp_path / "before").write_bytes(damaged)
    source = open_snapshot(tmp_path / "before")
    after, pseudonyms, _ = redacted(source, tmp_path / "after")
    found = host_tables(after, pseudonyms.name(source.nodes()[-1]))
    assert found["neighbours"].state == "failed"
    assert found["iptables-nft"].state == "ok"
    source.close()
    after.close()


def test_names_and_addresses_are_replaced_by_the_same_when_all_else_is_forgotten(tmp_path: Path) -> None:
    source = written(tmp_path / "before", {})
    after, pseudonyms, _ = redacted(source, tmp_path / "after")
    changed = pseudonyms.changed()
    pseudonyms.forget()
    assert not any(pseudonyms.changed().values())
    assert not pseudonyms.rules
    assert not pseudonyms.rows
    assert {text: pseudonyms.address(text) for text in changed["addresses"]} == changed["addresses"]
    assert [pseudonyms.name(node) for node in source.nodes()] == [
        changed["names"][node] for node in source.nodes()
    ]
    assert sorted(map(pseudonyms.name, source.nodes())) == list(after.nodes())
    source.close()
    after.close()
