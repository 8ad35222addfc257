"""Pods with addresses of the nodes' own network, where nobody asked the cloud which interface has them."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.aws_vpc_cni import AwsLab
from kubectl_skoop.testing.comparing import check_lab, take_snapshot
from kubectl_skoop.testing.terway import EniIpLab

pytestmark = pytest.mark.kernel


class Unasked(AwsLab):
    def infra(self) -> tuple[str, Mapping[str, object]] | None:
        return None


class UnknownCloud(Unasked):
    def provider_id(self, node: str) -> str:
        return ""


class UnaskedTerway(EniIpLab):
    def infra(self) -> tuple[str, Mapping[str, object]] | None:
        return None


@pytest.mark.parametrize("lab", [Unasked, UnknownCloud, UnaskedTerway])
def test_the_nodes_network_is_taken_to_know_pods(
    lab: type[Unasked] | type[UnaskedTerway], tmp_path: Path
) -> None:
    with lab() as built:
        assert [str(one) for one in check_lab(built, tmp_path, None, None)] == []


def asked(lab: UnknownCloud, folder: Path, destination: str) -> Diagnosis:
    """From a pod to an address outside; nothing is sent: the lab has no outside."""
    request = Request(source="pod/default/a", destination=destination, port="443", protocol="tcp")
    with closing(open_snapshot(take_snapshot(lab, folder))) as source:
        return diagnose(source, request, Options())


@pytest.mark.parametrize("destination", ["192.0.2.80", "10.9.0.1"])
def test_what_leaves_the_vpc_is_translated_by_the_node(destination: str, tmp_path: Path) -> None:
    with UnknownCloud() as lab:
        assert asked(lab, tmp_path, destination).verdict == "reachable"


@pytest.mark.parametrize(
    ("destination", "verdict", "text"),
    [("192.0.2.80", "unknown", "NAT gateway"), ("10.9.0.1", "reachable", "")],
)
def test_without_translation_it_hangs_on_the_vpc(
    destination: str, verdict: str, text: str, tmp_path: Path
) -> None:
    with UnknownCloud() as lab:
        for node in lab.topology.nodes:
            lab.namespace(node.name).run(lab.backend, "-t", "nat", "-F", "AWS-SNAT-CHAIN-0")
        told = asked(lab, tmp_path, destination)
    assert told.verdict == verdict
    assert text in told.headline
