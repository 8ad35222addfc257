"""The connection table of a kernel, cut to what is wanted: what is left out is never taken for nothing."""

from collections.abc import Iterator

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from kubectl_skoop.collect.nfnetlink.conntrack import read_conntrack
from kubectl_skoop.collect.selection import Wanted, parse_wanted
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix

pytestmark = pytest.mark.kernel

POD, SERVICE, BACKEND, OTHER = "10.1.0.1", "10.96.0.1", "10.1.0.2", "10.1.0.3"
NODES = ("192.168.0.1", "192.168.0.2", "192.168.0.3")
ENTRIES = (
    f"-s {POD} -d {SERVICE} --sport 1 --dport 80 --reply-src {BACKEND} --reply-dst {POD}"
    " --reply-port-src 80 --reply-port-dst 1",
    f"-s {OTHER} -d {BACKEND} --sport 2 --dport 80",
    f"-s {OTHER} -d {OTHER} --sport 3 --dport 80",
    f"-s {NODES[0]} -d {NODES[1]} --sport 4 --dport 80",
    f"-s {NODES[1]} -d {NODES[0]} --sport 5 --dport 80",
    f"-s {NODES[0]} -d {NODES[2]} --sport 6 --dport 80",
    "-s fd00::1 -d fd00::2 --sport 7 --dport 80",
)


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    made = Namespace(f"{lab_prefix()}ct")
    create((made.name,))
    try:
        # Connection tracking of a namespace begins with its first rule that needs it.
        made.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW")
        for entry in ENTRIES:
            made.run("conntrack", "-I", "-p", "tcp", "--state", "ESTABLISHED", "-t", "600", *entry.split())
        yield made
    finally:
        delete((made.name,))


def collected(namespace: Namespace, wanted: Wanted) -> tuple[dict[str, Table], NetworkNamespace]:
    dump = collect_node("n1", namespace.path, {}, conntrack=wanted).namespaces[0]
    return dict(dump.tables), decode_namespace(dump, "n1", Place("node", "n1"))


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        pytest.param("all", [1, 2, 3, 4, 5, 6, 7], id="all"),
        pytest.param(POD, [1], id="an address of the original direction"),
        pytest.param(BACKEND, [1, 2], id="one of the reply"),
        pytest.param(f"{NODES[0]}-{NODES[1]}", [4, 5], id="a pair, both ways"),
        pytest.param(f"fd00::2,{SERVICE}", [1, 7], id="both families"),
        pytest.param("10.77.0.1", [], id="one that nobody has"),
        pytest.param("10.1.0.0/16,192.168.0.0/31,192.168.0.2/32", [1, 2, 3, 4, 5], id="within networks"),
        pytest.param(f"fd00::/16,{NODES[2]}", [6, 7], id="a network, and an address beyond it"),
    ],
)
def test_what_is_kept(namespace: Namespace, wanted: str, kept: list[int]) -> None:
    tables, ns = collected(namespace, parse_wanted(wanted))
    assert sorted(entry.original.sport for entry in ns.conntrack) == kept
    assert tables["conntrack"].state == "ok"
    assert ns.gaps.get("conntrack") is None
    if wanted == "all":
        assert (tables["conntrack"].reason, ns.conntrack_cut) == ("", None)
    else:
        assert tables["conntrack"].reason.startswith("only entries with")
        assert ns.conntrack_cut is not None


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [(f"{POD},{NODES[0]}-{NODES[1]}", (1, 4, 5)), ("10.1.0.0/16,192.168.0.0/31", (1, 2, 3))],
    ids=["addresses", "networks"],
)
def test_what_was_left_out_is_not_known(namespace: Namespace, wanted: str, kept: tuple[int, ...]) -> None:
    _, whole = collected(namespace, "all")
    _, ns = collected(namespace, parse_wanted(wanted))
    cut = ns.conntrack_cut
    assert cut is not None
    found = {entry.original for entry in ns.conntrack}
    for connection in (entry.original for entry in whole.conntrack):
        known = connection in found or not cut.leaves_out(connection)
        assert known == (connection.sport in kept), connection


def test_without_any_the_table_counts_as_not_collected(namespace: Namespace) -> None:
    tables, ns = collected(namespace, "none")
    assert "conntrack" not in tables
    assert ns.gaps["conntrack"] == "was not collected"


def test_the_number_is_bounded(namespace: Namespace) -> None:
    with entered(namespace.path), NetlinkSocket(NETLINK_NETFILTER) as socket:
        found, cut = read_conntrack(socket, limit=3)
    assert (len(found), cut.left_out) == (3, len(ENTRIES) - 3)


def test_a_namespace_without_connections_is_empty_not_unread_and_nothing_was_cut() -> None:
    """Its number is asked for first: the list would be looked through for every namespace of the machine."""
    empty = Namespace(f"{lab_prefix()}none")
    create((empty.name,))
    try:
        for wanted in ("all", POD):
            tables, ns = collected(empty, parse_wanted(wanted))
            assert (tables["conntrack"].state, ns.conntrack, ns.gaps.get("conntrack")) == ("ok", (), None)
            assert (tables["conntrack"].reason, ns.conntrack_cut) == ("", None)
    finally:
        delete((empty.name,))
