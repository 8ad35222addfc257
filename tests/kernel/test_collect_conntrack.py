"""Of connection tracking as much as was asked for, and what was left out is said."""

from collections.abc import Iterator

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.nfnetlink import conntrack
from kubectl_skoop.collect.nfnetlink.conntrack import parse_wanted
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix

pytestmark = pytest.mark.kernel
REST = "--dport 53 -t 600 -u SEEN_REPLY"
ENTRIES = (
    f"-p udp -s 10.0.0.1 -d 10.96.0.10 --reply-src 10.0.0.7 --reply-dst 10.0.0.1 --sport 1 {REST}"
    " --reply-port-src 53 --reply-port-dst 1",
    f"-p udp -s 10.0.0.2 -d 10.0.0.3 --sport 2 {REST}",
    f"-p udp -s fd00::1 -d fd00::2 --sport 3 {REST}",
)


@pytest.fixture(scope="module")
def node() -> Iterator[Namespace]:
    made = Namespace(f"{lab_prefix()}ct")
    create((made.name,))
    try:
        made.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
        for entry in ENTRIES:
            made.run("conntrack", "-I", *entry.split())
        yield made
    finally:
        delete((made.name,))


def table(node: Namespace, asked: str) -> Table:
    dump = collect_node("n1", node.path, {}, connections=parse_wanted(asked))
    return dump.namespaces[0].tables["conntrack"]


def count(found: Table) -> int:
    assert isinstance(found.data, list)
    return len(found.data)


def test_all(node: Namespace) -> None:
    found = table(node, "all")
    assert (found.state, found.reason, count(found)) == ("ok", "", 3)


@pytest.mark.parametrize(
    ("asked", "left"),
    [("10.0.0.1", 1), ("10.96.0.10", 1), ("10.0.0.7", 1), ("10.0.0.3,fd00:0::2", 2), ("10.0.0.9", 0)],
    ids=["the sender", "the service", "the backend", "two, one written otherwise", "nobody"],
)
def test_entries_with_an_address(node: Namespace, asked: str, left: int) -> None:
    found = table(node, asked)
    assert (found.state, count(found)) == ("ok", left)
    assert found.reason.startswith("only entries with one of ")


def test_entries_that_nat_changed(node: Namespace) -> None:
    found = table(node, "relevant")
    assert (found.reason, count(found)) == ("only entries that NAT changed", 1)


def test_none(node: Namespace) -> None:
    found = table(node, "none")
    assert (found.state, found.reason, found.data) == ("absent", "was not asked for", None)


def test_no_more_than_a_dump_can_hold(node: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conntrack, "MOST", 2)
    found = table(node, "all")
    assert (found.reason, count(found)) == ("only 2 of 3 entries", 2)


@pytest.mark.parametrize("asked", ["", "some", "10.0.0.1,", "10.0.0.0/8"])
def test_what_is_no_address_is_refused(asked: str) -> None:
    with pytest.raises(InputError, match="must be all, relevant, none, or addresses"):
        parse_wanted(asked)
