"""Each mode of each plugin in a lab: silent when healthy, and its faults named by the plugin.

The lab is collected by the agent, and real packets judge. Which faults a mode has is `faults.yaml`.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing import cni
from kubectl_skoop.testing.breaking import apply, fill, placeholders
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Observed, check_lab, judge, observe, take_snapshot
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import (
    ALL_MODES,
    CNI_MODES,
    GUEST_MODES,
    HAND_MODES,
    OWN_NIC_MODES,
    VPC_MODES,
    Mode,
)
from tests.kernel.plugins.labs import FLOWS, lab_of
from tests.kernel.plugins.matrix import FAULTS, FURTHER, PAGE, Further, by_plugin, named, with_table

CASES = [(fault, mode) for fault in FAULTS for mode in fault.modes if mode not in GUEST_MODES]

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(cni.programs() is None, reason="containernetworking-plugins is not installed"),
]


class Healthy(NamedTuple):
    """What a lab without a fault was, and what its kernel did."""

    lab: ClusterLab
    """It does not stand any more."""
    observed: Observed


Twin = Callable[[Mode], Healthy]


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    """Each mode's is made once."""

    @cache
    def healthy(mode: Mode) -> Healthy:
        with lab_of(mode) as lab:
            return Healthy(lab, observe(lab, tmp_path_factory.mktemp(mode), None))

    return healthy


@pytest.mark.parametrize("mode", [*HAND_MODES, *CNI_MODES, *VPC_MODES, *OWN_NIC_MODES])
def test_a_healthy_lab_is_silent(mode: Mode, twin: Twin) -> None:
    assert [str(one) for one in judge(*twin(mode), None, None)] == []


@pytest.mark.parametrize("mode", [*HAND_MODES, *CNI_MODES, *VPC_MODES, *OWN_NIC_MODES])
def test_check_finds_nothing_in_a_healthy_lab(mode: Mode, twin: Twin) -> None:
    with closing(open_snapshot(twin(mode).observed.snapshot)) as source:
        result = check(source, Options())
    assert result.suspicions == ()
    assert result.missing == ()


def test_what_only_nodes_tell_is_detected(tmp_path: Path) -> None:
    """No ConfigMap of kube-proxy, and a chained portmap: as on k3s."""

    class Silent(cni.CniLab):
        def objects(self) -> list[Object]:
            return [item for item in super().objects() if item["kind"] != "ConfigMap"]

    with Silent("bridge") as lab:
        lab.namespace("n1").run("iptables-nft", "-t", "nat", "-N", "CNI-HOSTPORT-DNAT")
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            found = {each.name: each for each in detected(Context(source=source, cluster=Cluster(source)))}
    assert found["bridge: pods"].value == "ports of cni0"
    assert found["bridge: hairpin"].value == "on"
    assert found["bridge: routes"].value == "on the nodes"
    assert (found["proxy mode"].value, found["proxy mode"].source) == (
        "iptables",
        "no ConfigMap of kube-proxy; the rules on node/n1",
    )
    assert found["also"].value == "portmap, chained"


def test_portmaps_table_of_nft_is_detected(tmp_path: Path) -> None:
    """plugins/meta/portmap/portmap_nftables.go"""
    chain = "add chain ip cni_hostport prerouting { type nat hook prerouting priority dstnat; }"
    with cni.CniLab("bridge") as lab:
        lab.namespace("n1").run("nft", "-f", "-", text=f"add table ip cni_hostport\n{chain}\n")
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            found = {each.name: each for each in detected(Context(source=source, cluster=Cluster(source)))}
    assert found["also"].value == "portmap, chained"
    assert "cni_hostport on node/n1" in found["also"].source


@pytest.mark.parametrize(("fault", "mode"), CASES, ids=[f"{fault.id} {mode}" for fault, mode in CASES])
def test_a_fault_is_named(fault: Fault, mode: Mode, twin: Twin, tmp_path: Path) -> None:
    healthy = twin(mode).observed.outcomes
    with lab_of(mode) as lab:
        apply(lab, fault)
        only = tuple(fill(one, placeholders(lab)) for one in fault.only)
        asked = replace(fault, only=only or FLOWS)
        assert [str(one) for one in check_lab(lab, tmp_path, asked, healthy)] == []


@pytest.mark.parametrize("mode", [*ALL_MODES, *GUEST_MODES, *VPC_MODES, *OWN_NIC_MODES])
def test_each_mode_has_five_faults_that_its_plugin_names(mode: Mode) -> None:
    assert len([fault for fault in FAULTS if mode in fault.modes and named(fault)]) >= 5


@pytest.mark.parametrize("further", FURTHER, ids=lambda further: f"{further.row.plugin} {further.row.mode}")
def test_so_has_each_mode_with_a_table_of_its_own(further: Further) -> None:
    assert sum(map(by_plugin, further.codes)) >= 5


def test_the_page_has_the_table_of_today(request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text("utf-8")
    if request.config.getoption("--update"):
        PAGE.write_text(with_table(page), "utf-8")
    assert PAGE.read_text("utf-8") == with_table(page), "run: pytest tests/kernel/plugins --update"
