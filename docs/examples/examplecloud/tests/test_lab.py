"""The switch between a lab's nodes stands for the cloud: real packets say whether the provider is right."""

from collections.abc import Mapping

import pytest

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.plugin import CompareLab


class OpenLab(ClusterLab):
    rules: tuple[Mapping[str, object], ...] = ()

    def __init__(self) -> None:
        super().__init__("flannel-host-gw")

    def objects(self) -> list[Object]:
        made = super().objects()
        for item in made:
            if item["kind"] == "Node":
                item["spec"]["providerID"] = f"examplecloud://{item['metadata']['name']}"
        return made

    def infra(self) -> tuple[str, Mapping[str, object]]:
        """What `gather` would return."""
        return "examplecloud", {"rules": list(self.rules)}


class ShutLab(OpenLab):
    rules = ({"source": "10.244.1.0/24", "port": 8080, "action": "deny"},)


AS_THE_RULES = (
    "switch: sysctl net.bridge.bridge-nf-call-iptables=1",
    "switch: iptables -A FORWARD -s 10.244.1.0/24 -p tcp --dport 8080 -j DROP",
)
"""What makes the switch do what ShutLab's cloud says it does."""


@pytest.mark.kernel
def test_an_open_firewall_is_silent(compare_lab: CompareLab) -> None:
    assert compare_lab(OpenLab) == []


@pytest.mark.kernel
def test_a_rule_that_denies_is_named(compare_lab: CompareLab) -> None:
    fault = Fault(id="firewall", steps=AS_THE_RULES, codes=("examplecloud.firewall",), places=("node/n2",))
    assert compare_lab(ShutLab, fault) == []
