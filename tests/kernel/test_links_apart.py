"""A route that seeks a node of another subnet on the own link: a router passes no such question on."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.aws_vpc_cni import AwsLab
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.calico_subnets import CalicoSubnets
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import check_lab, take_snapshot
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.terway import RoutedLab

pytestmark = pytest.mark.kernel

ASKED = Fault(id="one flow", steps=(), codes=(), only=("node/n1 to node/n2:10250",))
ALONE = ("switch: sysctl net.ipv4.conf.u1.proxy_arp=0",)
"""The router of a VPC answers for its own address."""


@pytest.mark.parametrize("make", [AwsLab, RoutedLab])
def test_where_the_cloud_tells_subnets_nobody_answers(make: Callable[[], ClusterLab], tmp_path: Path) -> None:
    with make() as lab:
        run_steps(lab, (*ALONE, "n1: ip route add {node.n2} dev eth0 scope link"))
        assert [str(one) for one in check_lab(lab, tmp_path, ASKED, None)] == []


@pytest.mark.parametrize("make", [AwsLab, RoutedLab])
def test_by_the_router_it_arrives(make: Callable[[], ClusterLab], tmp_path: Path) -> None:
    with make() as lab:
        run_steps(lab, ALONE)
        assert [str(one) for one in check_lab(lab, tmp_path, ASKED, None)] == []


def test_where_no_cloud_tells_them_it_is_not_known(tmp_path: Path) -> None:
    """Two subnets may share a link."""
    with CalicoSubnets(tunnel="") as lab:
        run_steps(lab, ("n1: ip route replace {range.n2} via 10.0.2.10 dev eth0 onlink proto bird",))
        flow = next(
            one
            for one in standard_flows(lab.topology, lab.mode)
            if one.id.startswith("pod/default/a to pod/default/b:8080")
        )
        snapshot = take_snapshot(lab, tmp_path)
        (real,) = run_flows(lab, [flow]).values()
    with closing(open_snapshot(snapshot)) as source:
        found = diagnose(source, Request(source="default/a", destination="default/b", port="8080"), Options())
    assert real.symptom == "no route to host"
    assert found.verdict == "unknown"
    assert found.cause is not None
    assert "eth0 of node/n1 is in 10.0.1.0/24, eth0 of node/n2 in 10.0.2.0/24" in found.cause.message
