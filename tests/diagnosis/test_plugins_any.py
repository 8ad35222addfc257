"""`any` wants what Kubernetes demands of every CNI, and no more."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kubectl_skoop.api import Expectation
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import standard


def test_what_it_wants(make_context: Any) -> None:
    ctx = make_context(cluster_objects("calico", standard()), options=Options(network_plugin="any"))
    plugin = set_up(ctx).plugin
    actions = (plugin.create_node(ctx.cluster.node("n1")), plugin.create_pod(ctx.cluster.pod("default/a")))
    assert [
        [wish.want for wish in action.always() if isinstance(wish, Expectation)] for action in actions
    ] == [
        ["net.ipv4.ip_forward = 1"],
        ["eth0 up with a carrier", "lo up", "eth0 inet 10.244.1.2/32"],
    ]


SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
FLOW = Request(source="pod/default/a", destination="pod/default/b", port="8080")


@pytest.mark.parametrize(
    ("snapshot", "plugin", "said"),
    [
        ("route-withdrawn", "any", True),
        ("route-withdrawn", "", False),
        ("healthy-calico", "any", False),
    ],
    ids=["a flow is lost", "a flow is lost, and Calico's plugin speaks", "the flow arrives"],
)
def test_it_says_what_it_could_not_know(snapshot: str, plugin: str, said: bool) -> None:
    with closing(open_snapshot(SNAPSHOTS / f"{snapshot}.skoop")) as source:
        told = diagnose(source, FLOW, Options(network_plugin=plugin))
    assert ("plugin.none" in [one.code for one in told.suspicions]) is said


@pytest.mark.parametrize(("plugin", "said"), [("any", True), ("", False)])
def test_check_says_it_always(plugin: str, said: bool) -> None:
    with closing(open_snapshot(SNAPSHOTS / "healthy-calico.skoop")) as source:
        told = check(source, Options(network_plugin=plugin))
    assert [one.code for one in told.suspicions] == (["plugin.none"] if said else [])


def test_it_is_said_with_what_was_detected(make_context: Any) -> None:
    ctx = make_context([], options=Options(network_plugin="any"))
    told = {each.name: each for each in detected(ctx)}["not known"]
    assert told.option == "network-plugin"
    assert "was not compared" in told.source
