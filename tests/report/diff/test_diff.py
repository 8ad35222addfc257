"""What counts as a change, and what does not."""

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.diff import Difference, difference, difference_fields, difference_text, flow_change
from kubectl_skoop.report.diff.order import canonical
from kubectl_skoop.report.style import Style
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.snapshot.tables import Tables
from kubectl_skoop.snapshot.write import writing
from tests.report.build import diagnosis, path

SCHEMA = json.loads(files("kubectl_skoop.report").joinpath("schema.json").read_text("utf-8"))
Make = Callable[..., Snapshot]
LINK = {"index": 4, "ifname": "eth0", "flags": 0, "mtu": 1500, "type": 1, "address": "02:00:00:00:00:01"}
BRIDGE = {"kind": "bridge", "data": {"gc_timer": 5, "hello_timer": 1, "ageing_time": 300}}
NEIGHBOUR = {
    "family": 2,
    "ifindex": 4,
    "dst": "10.0.0.2",
    "lladdr": "02:00:00:00:00:02",
    "flags": 0,
    "state": 2,
}
SOCKET = {"protocol": 6, "state": 10, "src": "0.0.0.0", "sport": 80, "dst": "0.0.0.0", "dport": 0, "inode": 1}
SAVED = "*filter\n:FORWARD ACCEPT [1:2]\n{}\nCOMMIT\n"


def route(**fields: object) -> Mapping[str, object]:
    plain = {"family": 2, "dst": "10.1.0.0", "dst_len": 16, "src_len": 0, "tos": 0, "table": 254, "scope": 0}
    return {**plain, "protocol": 4, "type": 1, "flags": 0, "oif": 4, "gateway": "10.0.0.2", **fields}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A snapshot of the node n1 with these tables; those that are no Table are `ok`."""

    def make(objects: Mapping[str, list[Object]] | None = None, node: str = "n1", **tables: Any) -> Snapshot:
        plain: dict[str, Any] = {"links": [LINK], "addresses": [], **tables}
        named = {
            name.replace("_nft", "-nft"): data if isinstance(data, Table) else Table(data=data)
            for name, data in plain.items()
        }
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.skoop"
        with writing(file, new_header(1.0)) as writer:
            for kind, found in (objects or {}).items():
                writer.add_objects(kind, found)
            host = NamespaceDump(id="4:1", kind="host", tables=named)
            writer.add_node(NodeDump(node=node, time=1.0, kernel="6.1", namespaces=(host,)))
        opened.append(open_snapshot(file))
        return opened[-1]

    opened: list[Snapshot] = []
    yield make
    for source in opened:
        source.close()


def lines(found: Difference) -> tuple[list[str], list[str]]:
    tables = [table for place in found.places for table in place.tables]
    return (
        [line for table in tables for line in table.lines.removed],
        [line for table in tables for line in table.lines.added],
    )


SAME: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "counters of rules and chains": (
        {"iptables_nft": SAVED.format("[1:60] -A FORWARD -j DROP")},
        {"iptables_nft": SAVED.format("[7:99] -A FORWARD -j DROP").replace("[1:2]", "[8:9]")},
    ),
    "the time of a save": ({"iptables_nft": "# on Monday\n"}, {"iptables_nft": "# on Tuesday\n"}),
    "the order of routes": (
        {"routes": [route(), route(dst="10.2.0.0")]},
        {"routes": [route(dst="10.2.0.0"), route()]},
    ),
    "the index of a device": (
        {"links": [LINK], "routes": [route()]},
        {"links": [{**LINK, "index": 9}], "routes": [route(oif=9)]},
    ),
    "timers of a bridge": (
        {"links": [{**LINK, "linkinfo": BRIDGE}]},
        {"links": [{**LINK, "linkinfo": {**BRIDGE, "data": {"gc_timer": 6, "ageing_time": 300}}}]},
    ),
    "how long ago a neighbour was heard of": (
        {"neighbours": [NEIGHBOUR]},
        {"neighbours": [{**NEIGHBOUR, "state": 4}]},
    ),
    "queues of a socket": ({"sockets": [SOCKET]}, {"sockets": [{**SOCKET, "rqueue": 3, "inode": 9}]}),
    "connections": ({"sockets": []}, {"sockets": [{**SOCKET, "state": 1}]}),
    "sizes and ages of sets": (
        {"ipset": "create a hash:ip hashsize 64\nadd a 10.0.0.1 timeout 5\n"},
        {"ipset": "create a hash:ip hashsize 128\nadd a 10.0.0.1 timeout 4\n"},
    ),
    "a number of connections": (
        {"sysctls": {"net.netfilter.nf_conntrack_count": "1"}},
        {"sysctls": {"net.netfilter.nf_conntrack_count": "2"}},
    ),
}


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_what_does_not_count(before: Mapping[str, Any], after: Mapping[str, Any], make: Make) -> None:
    found = difference(make(**before), make(**after))
    assert not found, lines(found)
    assert found.uncompared == ()
    assert difference_text(found, Style()) == "no difference\n"


CHANGED: Mapping[str, tuple[Mapping[str, object], Mapping[str, object], list[str], list[str]]] = {
    "a route": (
        {"routes": [route()]},
        {"routes": [route(gateway="10.0.0.3")]},
        ["10.1.0.0/16 via 10.0.0.2 dev eth0 proto static"],
        ["10.1.0.0/16 via 10.0.0.3 dev eth0 proto static"],
    ),
    "a rule": (
        {"iptables_nft": SAVED.format("-A FORWARD -j ACCEPT")},
        {"iptables_nft": SAVED.format("-A FORWARD -s 10.0.0.1/32 -j DROP\n-A FORWARD -j ACCEPT")},
        [],
        ["iptables-nft filter: -A FORWARD -s 10.0.0.1/32 -j DROP"],
    ),
    "a policy": (
        {"iptables_nft": SAVED.format("")},
        {"iptables_nft": SAVED.format("").replace("ACCEPT", "DROP")},
        ["iptables-nft filter: :FORWARD ACCEPT"],
        ["iptables-nft filter: :FORWARD DROP"],
    ),
    "a setting": (
        {"sysctls": {"net.ipv4.ip_forward": "1"}},
        {"sysctls": {"net.ipv4.ip_forward": "0"}},
        ["net.ipv4.ip_forward = 1"],
        ["net.ipv4.ip_forward = 0"],
    ),
    "an MTU": (
        {"links": [LINK]},
        {"links": [{**LINK, "mtu": 1400}]},
        ["eth0: <> mtu 1500 state UNKNOWN"],
        ["eth0: <> mtu 1400 state UNKNOWN"],
    ),
    "a device with its settings": (
        {"links": [], "sysctls": {}},
        {"links": [LINK], "sysctls": {"net.ipv4.conf.all.forwarding": "1"}},
        [],
        [
            "eth0: <> mtu 1500 state UNKNOWN",
            "eth0: link/ether 02:00:00:00:00:01",
            "net.ipv4.conf.all.forwarding = 1",
        ],
    ),
    "a neighbour that no longer answers": (
        {"neighbours": [NEIGHBOUR]},
        {"neighbours": [{**NEIGHBOUR, "state": 32}]},
        ["10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE"],
        ["10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 FAILED"],
    ),
    "a socket": ({"sockets": []}, {"sockets": [SOCKET]}, [], ["tcp 0.0.0.0:80"]),
    "a member of a set": (
        {"ipset": "create a hash:ip\nadd a 10.0.0.1"},
        {"ipset": "create a hash:ip\nadd a 10.0.0.2"},
        ["add a 10.0.0.1"],
        ["add a 10.0.0.2"],
    ),
}


@pytest.mark.parametrize(("before", "after", "removed", "added"), CHANGED.values(), ids=CHANGED)
def test_what_counts(
    before: Mapping[str, Any], after: Mapping[str, Any], removed: list[str], added: list[str], make: Make
) -> None:
    found = difference(make(**before), make(**after))
    assert found
    assert lines(found) == (removed, added)


def nft(*rules: str, packets: int = 0, elements: tuple[str, ...] = ()) -> str:
    listed: list[object] = [
        {"table": {"family": "ip", "name": "t", "handle": packets}},
        {"chain": {"family": "ip", "table": "t", "name": "c", "handle": packets}},
        {"set": {"family": "ip", "table": "t", "name": "s", "type": "ipv4_addr", "elem": list(elements)}},
    ]
    for rule in rules:
        counter = {"counter": {"packets": packets, "bytes": packets}}
        expr = [counter, {"jump": {"target": rule}}]
        listed.append({"rule": {"family": "ip", "table": "t", "chain": "c", "handle": packets, "expr": expr}})
    return json.dumps({"nftables": listed})


def test_nft_by_rule_and_element(make: Make) -> None:
    before = make(nft=nft("a", "b", elements=("10.0.0.1",)))
    assert not difference(before, make(nft=nft("a", "b", packets=9, elements=("10.0.0.1",))))
    found = difference(before, make(nft=nft("a", elements=("10.0.0.1", "10.0.0.2"))))
    assert lines(found) == (["ip t c: counter jump b"], ["ip t s: 10.0.0.2"])
    (table,) = difference(before, make(nft=nft("b", "a", elements=("10.0.0.1",)))).places[0].tables
    assert table.reordered == ("ip t c",)


ONE, OTHER, ALL = "-A F -d 10.0.0.1/32 -j A", "-A F -d 10.0.0.2/32 -j B", "-A F -j DROP"
PORT = '-A F -p tcp -m comment --comment " -d 10.0.0.9/32 " -m tcp --dport {} -j A'


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([ONE, OTHER], [OTHER, ONE], True),
        ([ONE, ALL], [ALL, ONE], False),
        ([ONE, OTHER, ALL], [ONE, ALL, OTHER], False),
        ([PORT.format(80), PORT.format(81)], [PORT.format(81), PORT.format(80)], True),
        ([PORT.format(80), f"{PORT.format(80)}B"], [f"{PORT.format(80)}B", PORT.format(80)], False),
        (["-A F ! -d 10.0.0.1/32 -j A", OTHER], [OTHER, "-A F ! -d 10.0.0.1/32 -j A"], False),
        ([ONE, PORT.format(80)], [PORT.format(80), ONE], False),
    ],
)
def test_the_order_of_rules_counts_where_it_may_matter(one: list[str], other: list[str], same: bool) -> None:
    assert (canonical(one) == canonical(other)) == same


def test_another_order_is_told_with_the_chain(make: Make) -> None:
    before = make(iptables_nft=SAVED.format(f"{ONE}\n{ALL}"))
    found = difference(before, make(iptables_nft=SAVED.format(f"{ALL}\n{ONE}")))
    assert found
    assert "iptables-nft filter F: the same rules in another order" in difference_text(found, Style())


def test_a_table_that_was_not_read_is_not_gone(make: Make) -> None:
    read, unread = make(routes=[route()]), make(routes=Table(state="failed", reason="torn"))
    for pair in ((read, unread), (unread, read), (unread, unread)):
        found = difference(*pair)
        assert not found
        assert [one.what for one in found.uncompared] == ["node/n1 routes"]
    assert "node/n1 routes: routes after: failed: torn" in difference_text(difference(read, unread), Style())


def test_a_node_that_the_cluster_has_but_nobody_collected_is_not_gone(make: Make) -> None:
    n1: Object = {"kind": "Node", "metadata": {"name": "n1"}}
    n2: Object = {"kind": "Node", "metadata": {"name": "n2"}}
    found = difference(make({"Node": [n1, n2]}), make({"Node": [n1, n2]}, node="n2"))
    assert not found
    assert [one.what for one in found.uncompared] == ["node/n1", "node/n2"]


def test_nodes_and_objects_come_and_go(make: Make) -> None:
    def service(name: str, **spec: object) -> Object:
        return {"kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}

    before = make({"Service": [service("web", type="ClusterIP", clusterIPs=["1", "2"]), service("old")]})
    after = make(
        {"Service": [service("web", type="NodePort", clusterIPs=["2", "1"]), service("new")]}, node="n2"
    )
    text = difference_text(difference(before, after), Style())
    assert text == (
        "node/n1: gone\n\nnode/n2: new\n\nobjects\n"
        "  Service/shop/new: new\n  Service/shop/old: gone\n"
        "  Service/shop/web\n    - spec.type: ClusterIP\n    + spec.type: NodePort\n"
    )


def test_the_json_fits_the_schema(make: Make) -> None:
    flow = flow_change(diagnosis(), diagnosis("reachable", "reachable", reply=path()))
    before = make({"Node": []}, iptables_nft=SAVED.format(f"{ONE}\n{ALL}"), routes=[route()])
    after = make(
        {"Node": [{"kind": "Node", "metadata": {"name": "n1"}}]},
        iptables_nft=SAVED.format(f"{ALL}\n{ONE}"),
        routes=Table(state="failed"),
    )
    fields = difference_fields(difference(before, after, flow))
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(fields)))
    assert fields["flow"]["differs"]  # type: ignore[index]
    assert fields["objects"]
    assert fields["uncompared"]


def cloud(folder: Path, *, gap: str = "", **fields: object) -> Snapshot:
    """A snapshot with nothing but what a cloud said."""
    file = folder / f"cloud{len(list(folder.iterdir()))}.skoop"
    with writing(file, new_header(1.0)) as writer:
        if gap:
            writer.add_note("infra/aws", "not collected", gap)
        elif fields:
            writer.add_infra("aws", fields)
    return open_snapshot(file)


def test_what_a_cloud_said_is_compared(tmp_path: Path) -> None:
    before = cloud(tmp_path, groups={"sg-1": {"ports": [80, 443]}})
    after = cloud(tmp_path, groups={"sg-1": {"ports": [80]}})
    same = cloud(tmp_path, groups={"sg-1": {"ports": [443, 80]}})
    unknown, without = cloud(tmp_path, gap="no credentials"), cloud(tmp_path)
    found = difference(before, after)
    assert difference_text(found, Style(False)) == "objects\n  infra/aws\n    - groups.sg-1.ports: 443\n"
    jsonschema.validate(difference_fields(found), SCHEMA)
    assert not difference(before, same)
    assert difference(before, same).uncompared == ()
    assert difference(without, without).uncompared == ()
    for one, other, which in ((before, unknown, "after"), (without, before, "before")):
        (gap,) = difference(one, other).uncompared
        assert gap.what == "infra/aws"
        assert gap.reason.startswith(f"{which}: not collected (")
    for source in (before, after, same, unknown, without):
        source.close()


def test_what_two_files_have_alike_is_not_read(make: Make) -> None:
    """But for its hashes: of a table that is as long as this one the file has sections."""
    many = [route(dst=f"10.{high}.{low}.0", dst_len=24) for high in range(99) for low in range(99)]
    snapshots = [make(routes=routes) for routes in (many, many, [*many, route()])]
    tables = [snapshot.raw_tables(Place("node", "n1")) for snapshot in snapshots]
    before, after, later = (found.identity("routes") for found in tables if isinstance(found, Tables))
    assert before == after != later
    assert before is not None


def test_each_node_is_told_while_it_is_compared(make: Make) -> None:
    told: list[tuple[str, str]] = []
    difference(make(), make(), watch=lambda node, progress: told.append((node, progress)))
    assert told[-1] == ("n1", "is compared, 1 of 1")
