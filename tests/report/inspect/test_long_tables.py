"""What long tables would cost: each is read once, and copied only where something of it must change."""

from kubectl_skoop.report.inspect import print_table, table_data
from kubectl_skoop.snapshot.dump import Table
from tests.report.inspect.test_printer import LINKS


def test_the_json_form_copies_only_what_must_change() -> None:
    plain = {"ip": {"src": "10.0.0.1", "ports": [1, 2]}}
    changed: dict[object, object] = {"raw": b"\x01", "ip": plain["ip"], b"key": None}
    tables = {"conntrack": Table(data=[plain, changed])}
    told = table_data("conntrack", tables)["conntrack"]
    assert isinstance(told, dict)
    first, second = told["data"]
    assert first is plain
    assert second == {"raw": "01", "ip": plain["ip"], "b'key'": None}
    assert changed["raw"] == b"\x01"


def test_a_table_is_read_once() -> None:
    """A snapshot does not keep a long list: what asks twice has it twice in memory."""
    asked: list[str] = []

    class Tables(dict[str, Table]):
        def get(self, name: str, default: object = None) -> Table | None:  # type: ignore[override]
            asked.append(name)
            return self[name]

    rows = [
        {"family": 2, "ifindex": 2, "dst": "10.0.0.1", "lladdr": "02:00:00:00:00:01", "state": 2, "flags": 0}
    ]
    assert "10.0.0.1 dev" in print_table(
        "neighbours", Tables(neighbours=Table(data=rows), links=LINKS, proxy_neighbours=Table(data=[]))
    )
    assert sorted(asked) == ["links", "neighbours", "proxy_neighbours"]
