"""The example in the docs is a plugin, and the guide names every function that it may use."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_skoop.api import expect
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.diagnosis.extension import registry
from kubectl_skoop.diagnosis.extension.entry_point import EntryPoint
from kubectl_skoop.diagnosis.extension.interface import Passing
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import standard

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(DOCS / "examples" / "examplenet")
    ours = registry.installed
    example = EntryPoint("examplenet", "examplenet:Examplenet", registry.PLUGINS)

    def with_example(group: str) -> dict[str, EntryPoint]:
        return {**ours(group), **({"examplenet": example} if group == registry.PLUGINS else {})}

    monkeypatch.setattr(registry, "installed", with_example)
    yield
    sys.modules.pop("examplenet", None)


@pytest.mark.usefixtures("installed")
def test_a_strangers_plugin_takes_part(make_context: Any) -> None:
    agent = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "examplenet-agent", "namespace": "x"},
    }
    objects = [item for item in cluster_objects("flannel-vxlan", standard()) if item["kind"] != "DaemonSet"]
    ctx = make_context([*objects, agent], options=Options(plugin={"examplenet-vni": "9"}))
    setup = registry.set_up(ctx)
    assert (setup.facts[0].value, setup.facts[0].source) == ("examplenet", "DaemonSet x/examplenet-agent")
    action = setup.plugin.create_node(ctx.cluster.node("n1"))
    assert [wish.want for wish in action.always() if isinstance(wish, Expectation)] == [
        "ex0 vxlan id 9 up",
        "net.ipv4.ip_forward = 1",
    ]
    target = ctx.cluster.pod("default/b").addresses[0]
    packet = Packet(src=ctx.cluster.node("n1").addresses[0], dst=target, protocol=Protocol.TCP)
    route, finding = action.wishes(Passing(upstream=None, arrived=packet, left=(packet,)))
    assert isinstance(route, Expectation)
    assert route.want == "10.244.2.0/24 via 10.244.2.0 dev ex0 onlink"
    assert isinstance(finding, Suspicion)
    assert finding.code == "examplenet.annotation.missing"


def test_the_guide_names_every_wish_and_its_arguments() -> None:
    text = (DOCS / "write-a-plugin.md").read_text()
    for name, function in vars(expect).items():
        if getattr(function, "__module__", "") != expect.__name__ or name.startswith("_"):
            continue
        line = next((line for line in text.splitlines() if line.startswith(f"| `expect.{name}(")), "")
        assert line, name
        arguments = set(function.__annotations__) - {"because", "remedy", "return"}
        assert [argument for argument in arguments if argument not in line] == [], name
