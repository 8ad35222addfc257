"""Calico's selector language: what selects, and what is no selector."""

import pytest

from kubectl_skoop.cluster.policy.calico_peer import selected
from kubectl_skoop.cluster.policy.rule import Invalid
from kubectl_skoop.cluster.policy.term import select
from kubectl_skoop.cluster.policy.universe import Party, Universe

LABELS = {"app": "web-1", "tier": "front", "a.b/c": "x"}
SELECTORS = {
    "": True,
    "all()": True,
    "app == 'web-1'": True,
    'app == "web-1"': True,
    "app != 'web-1'": False,
    "none != 'x'": True,
    "has(app)": True,
    "!has(app)": False,
    "has(none)": False,
    "app in {'x', 'web-1'}": True,
    "app in {}": False,
    "app not in {'x'}": True,
    "none not in {'x'}": True,
    "app contains 'eb'": True,
    "app starts with 'web'": True,
    "app ends with '1'": True,
    "app ends with '2'": False,
    "a.b/c == 'x'": True,
    "tier == 'x' || app == 'web-1'": True,
    "tier == 'x' || tier == 'front' && app == 'x'": False,
    "(tier == 'x' || tier == 'front') && app == 'web-1'": True,
    "!(tier == 'x')": True,
    "!!has(app)": True,
    "!tier == 'x' && has(app)": True,
}


@pytest.mark.parametrize(("written", "expected"), SELECTORS.items(), ids=[*SELECTORS])
def test_selectors(written: str, expected: bool) -> None:
    universe = Universe([Party(kind="pod", name="p", namespace="x", labels=LABELS)])
    assert bool(select(selected(written, "pod"), universe).yes.bits) is expected


@pytest.mark.parametrize(
    "written",
    [
        "app",
        "app ==",
        "app == web",
        "app = 'x'",
        "(has(app)",
        "has(app))",
        "app in 'x'",
        "app in {'x'",
        "&& has(app)",
        "has(app) has(app)",
        "app like 'x'",
        "!" * 100 + "has(app)",
        "'x' == app",
        7,
    ],
)
def test_what_is_no_selector(written: object) -> None:
    with pytest.raises(Invalid):
        selected(written, "pod")
