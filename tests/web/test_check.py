"""The pages of `check`, of codes and of the cluster."""

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from urllib.parse import unquote

import pytest

from kubectl_skoop.diagnosis.check import check, check_each
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.codes import CODES
from kubectl_skoop.model.errors import NoVerdict
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.html.check_page import FIRST, MOST, Wanted
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.web import session as sessions
from kubectl_skoop.web.checking import Checking
from kubectl_skoop.web.findings import groups_of, narrowed
from kubectl_skoop.web.server import Server
from tests.web.conftest import SNAPSHOTS, serving
from tests.web.snapshots import lacking
from tests.web.test_server import get, page


@pytest.fixture(scope="module")
def unequal() -> Iterator[Server]:
    """A device's MAC was changed, and a neighbour is missing."""
    with serving(SNAPSHOTS / "vtep-mac-changed.skoop") as server:
        yield checked(server)


@pytest.fixture(scope="module")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("lacking") / "lacking.skoop"
    lacking(path)
    with serving(path) as server:
        yield checked(server)


def checked(server: Server) -> Server:
    """Once `check` is through."""
    for _ in range(100):
        if server.session.check() is not None:
            return server
    raise AssertionError("check takes too long")


def finding(code: str, place: Place | None, message: str = "", level: Level = Level.WARNING) -> Suspicion:
    return Suspicion(code=code, level=level, where=Where(place=place), message=message)


N1, N2, CART = Place("node", "n1"), Place("node", "n2"), Place("pod", "shop/cart-0")
FOUND = (
    finding("a.b", N1, "service shop/web at 10.96.0.1:80/tcp"),
    finding("a.b", N2, "service web-shop/web at 10.96.0.2:80/tcp"),
    finding("c.d", CART, "has no route"),
    finding("e.f", None, "of the cluster", Level.CRITICAL),
)
NARROWED = {
    "all": (Wanted(), (), (0, 1, 2, 3)),
    "a node with its pods": (Wanted(place="node/n1"), ("pod/shop/cart-0",), (0, 2)),
    "a node without": (Wanted(place="node/n2"), (), (1,)),
    "a pod": (Wanted(place="pod/shop/cart-0"), (), (2,)),
    "a namespace, by place and by what a text names": (Wanted(namespace="shop"), (), (0, 2)),
    "a namespace whose name ends alike": (Wanted(namespace="web-shop"), (), (1,)),
    "a code": (Wanted(code="a.b"), (), (0, 1)),
    "all of them at once": (Wanted("node/n1", "shop", "c.d"), ("pod/shop/cart-0",), (2,)),
    "a namespace that would be a pattern": (Wanted(namespace=".*"), (), ()),
}


@pytest.mark.parametrize(("wanted", "pods", "left"), NARROWED.values(), ids=NARROWED)
def test_narrowed(wanted: Wanted, pods: tuple[str, ...], left: tuple[int, ...]) -> None:
    assert list(narrowed(FOUND, wanted, pods)) == [FOUND[at] for at in left]


def test_worst_first_then_what_is_found_most_often() -> None:
    found = [finding("z.z", N1), *FOUND]
    assert [(group.code, len(group.found)) for group in groups_of(found)] == [
        ("e.f", 1), ("a.b", 2), ("c.d", 1), ("z.z", 1),
    ]  # fmt: skip


def test_the_page_has_each_finding_at_its_place_where_the_command_merges() -> None:
    source = open_snapshot(SNAPSHOTS / "large-packets-lost.skoop")
    try:
        each, merged = check_each(source, Options()), check(source, Options())
    finally:
        source.close()
    assert [str(one.where.place) for one in each.suspicions] == ["pod/default/a", "pod/default/a2"]
    (one,) = merged.suspicions
    assert one.where.place is None
    assert one.message == f"{each.suspicions[0].message} (at 2 places: pod/default/a, pod/default/a2)"


def test_findings_with_where_they_lead(unequal: Server) -> None:
    found = page(unequal, "check")
    assert "Findings: 2 warning" in found.text
    assert "device flannel.1 has the MAC 0e:aa:bb:cc:dd:ee" in found.text
    assert "codes?code=flannel.neighbour.missing" in found.addresses
    tables = [unquote(address) for address in found.addresses if address.startswith("place?")]
    assert [re.sub("&to.*", "", table) for table in tables] == [
        "place?at=node/n2&what=links", "place?at=node/n2&what=neighbours",
    ]  # fmt: skip
    for address in found.addresses:
        assert get(unequal, address.partition("#")[0].removeprefix("./")).status == 200, address


def test_the_entry_is_marked_in_its_table(unequal: Server) -> None:
    got = get(unequal, "place?at=node/n2&what=links&check=1").text
    (line,) = [line for line in got.split("<li ") if 'class="found"' in line]
    assert "flannel.1: &lt;BROADCAST" in line
    assert "has the MAC 0e:aa:bb:cc:dd:ee" in line
    assert 'id="shown-first"' in line


def test_what_is_missing_is_told_above_the_table(unequal: Server) -> None:
    found = page(unequal, "place", {"at": "node/n2", "what": "neighbours", "check": "1"})
    assert "the neighbour 10.244.1.0 on flannel.1 is missing" in found.text
    assert "found" not in found.classes
    assert "Found here by check" not in page(unequal, "place", {"at": "node/n2", "what": "routes"}).text


def test_of_rules_that_lead_to_each_other_the_last_is_marked(server: Server) -> None:
    checked(server)
    lines = get(server, "place?at=node/n1&what=iptables&check=1").text.split("<li ")
    (last,) = [line for line in lines if 'class="found"' in line]
    assert "-j DNAT --to-destination 10.244.2.77:8080" in last
    assert len([line for line in lines if 'class="decided"' in line]) == 4


NARROW = {
    "the node": ({"at": "node/n2"}, "Findings: 2 warning"),
    "the other node": ({"at": "node/n1"}, "Nothing was found that fits."),
    "one code": ({"code": "flannel.device.differs"}, "Findings: 1 warning"),
    "a code that was not found": ({"code": "bridge.hairpin"}, "Nothing was found that fits."),
    "a namespace": ({"ns": "default"}, "Nothing was found that fits."),
    "no code at all": ({"code": "<script>"}, "Nothing was found that fits."),
}


@pytest.mark.parametrize(("words", "said"), NARROW.values(), ids=NARROW)
def test_narrowed_pages(unequal: Server, words: dict[str, str], said: str) -> None:
    assert said in page(unequal, "check", words).text


def test_many_of_one_code_are_pages(unequal: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    many = Check(tuple(finding("a.b", N1, f"number {at}.") for at in range(MOST + 1)), (), ())
    monkeypatch.setattr(unequal.session, "check", lambda: many)
    whole = page(unequal, "check")
    assert whole.text.count("number ") == FIRST
    assert "check?code=a.b" in whole.addresses
    assert f"number {MOST}." not in page(unequal, "check", {"code": "a.b"}).text
    second = page(unequal, "check", {"code": "a.b", "page": "2"})
    assert f"number {MOST}." in second.text
    assert "page 2 of 2" in second.text


def test_while_it_is_made_out_other_pages_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = Event()

    class Slow:
        def __init__(self, path: object, options: object) -> None:
            pass

        def result(self) -> Check:
            assert go_on.wait(60)
            return Check((), (), ())

        def close(self) -> None:
            go_on.set()

    monkeypatch.setattr(sessions, "Checking", Slow)
    with serving(SNAPSHOTS / "healthy-vxlan.skoop") as server:
        try:
            assert 'http-equiv="refresh"' in get(server, "check").text
            assert get(server, "cluster").status == get(server, "codes").status == 200
            assert 'class="matrix"' in get(server, "matrix").text
            assert page(server, "place", {"at": "node/n1", "what": "links", "check": "1"}).text
        finally:
            go_on.set()
        assert "Nothing was found." in page(checked(server), "check").text


def test_what_check_says_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.skoop"
    file.write_bytes((SNAPSHOTS / "healthy-vxlan.skoop").read_bytes())
    with serving(file) as server:
        file.unlink()
        for _ in range(100):
            got = get(server, "check")
            if "http-equiv" not in got.text:
                break
        assert got.status == 400
        assert "a.skoop: no such file" in got.text


def test_check_ends_with_the_server() -> None:
    with serving(SNAPSHOTS / "healthy-vxlan.skoop") as server:
        process = Checking(server.session.path, Options())
    process.close()
    with pytest.raises(NoVerdict, match="check ended with code -9"):
        process.result()


@pytest.mark.parametrize("code", [*CODES, "flannel.route.missing"])
def test_each_code_has_a_page(unequal: Server, code: str) -> None:
    found = page(unequal, "codes", {"code": code})
    assert code in found.text
    assert "Means:" in found.text
    assert "**" not in found.text


def test_the_list_of_codes(server: Server) -> None:
    checked(server)
    found = page(server, "codes")
    assert {f"codes?code={code}" for code in CODES} <= set(found.addresses)
    assert "Found by check" in found.text
    assert "no such code: x" in page(server, "codes", {"code": "x"}, status=400).text


def test_the_cluster(server: Server) -> None:
    found = page(server, "cluster").text
    for said in (
        "2 nodes, 6 services, 4 pods",
        "network plugin",
        "flannel",
        "node/n1",
        "default/a2",
        "nothing",
    ):
        assert said in found


def test_what_is_missing_and_why(gappy: Server) -> None:
    found = page(gappy, "cluster").text
    for said in (
        "failed: pods cannot be run there",
        "pod/default/a: no process of it was found",
        "host: conntrack timeout (30 s)",
        "objects/NetworkPolicy: forbidden (the API server says no)",
    ):
        assert said in found
    assert "node/n1" not in page(gappy, "cluster", {"q": "n2", "missing": "1"}).text
    assert "Could not be checked" in page(gappy, "check").text


def test_the_command_that_asks_the_same_names_the_file(server: Server) -> None:
    found = page(server, "ask", {"s": "pod/default/a", "d": "pod/default/b", "p": "80"})
    assert f"-p 80 --snapshot {server.session.path}" in found.text
