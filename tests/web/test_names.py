"""Completion: the best fifty of however many names."""

from pathlib import Path

import pytest

from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.web.names import MOST, Names, matching, names_of, ports_of

SNAPSHOT = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"
NAMES = (
    "node/n1",
    "svc/shop/web",
    "svc/web/shop",
    "pod/shop/web-0",
    "pod/shop/cobweb",
    "pod/kube-system/web",
)


TYPED = {
    "nothing: all, as they are": ("", NAMES),
    "a part of a name: where a name begins with it, the shortest first": (
        "web",
        ("svc/shop/web", "svc/web/shop", "pod/shop/web-0", "pod/kube-system/web", "pod/shop/cobweb"),
    ),
    "the beginning of the whole first": ("pod/shop", ("pod/shop/web-0", "pod/shop/cobweb")),
    "all words must be there": ("shop web-", ("pod/shop/web-0",)),
    "case does not matter": ("COBWEB", ("pod/shop/cobweb",)),
    "nothing fits": ("x", ()),
}


@pytest.mark.parametrize(("typed", "wanted"), TYPED.values(), ids=TYPED)
def test_names_that_fit(typed: str, wanted: tuple[str, ...]) -> None:
    found = matching(NAMES, typed)
    assert found.names == wanted
    assert not found.more


@pytest.mark.parametrize("typed", ["", "pod"])
def test_there_are_at_most_fifty(typed: str) -> None:
    found = matching([f"pod/a/b-{number}" for number in range(1000)], typed)
    assert len(found.names) == MOST == 50
    assert found.more


def test_the_names_of_a_snapshot() -> None:
    source = open_snapshot(SNAPSHOT)
    try:
        names = names_of(source)
        assert names.nodes == ("node/n1", "node/n2")
        assert names.pods == ("pod/default/a", "pod/default/a2", "pod/default/b", "pod/default/b2")
        assert "svc/default/web" in names.services
        assert names.all == (*names.nodes, *names.services, *names.pods)
        assert ports_of(source, "svc/default/web") == ("80",)
        assert ports_of(source, "svc/default/none") == ports_of(source, "") == ()
    finally:
        source.close()


def test_names_of_nothing() -> None:
    assert Names((), (), ()).all == ()
