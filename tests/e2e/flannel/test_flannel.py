"""What real flannelds leave on nodes is what the plugin wants, and what they fail to do it names."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.comparing import check_flow, check_lab, request_of, take_snapshot
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import ANSWER, run_flows
from kubectl_skoop.testing.topology import Mode
from tests.e2e.flannel.faults import FAULTS, HOST_GW, VXLAN, Fault
from tests.e2e.flannel.lab import FlannelLab
from tests.e2e.lab_api import Api, served

pytestmark = pytest.mark.e2e
HEALTHY: Mapping[str, tuple[Mode, Mapping[str, object]]] = {
    "vxlan": ("flannel-vxlan", VXLAN),
    "vxlan with another VNI and port": ("flannel-vxlan", {**VXLAN, "VNI": 7, "Port": 4789}),
    "vxlan with direct routing": ("flannel-vxlan", {**VXLAN, "DirectRouting": True}),
    "host-gw": ("flannel-host-gw", HOST_GW),
}
ASKED = "pod/default/a to pod/default/b:8080 tcp bulk"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with served() as made:
        yield made


@pytest.mark.parametrize(("mode", "backend"), HEALTHY.values(), ids=HEALTHY)
def test_what_flanneld_leaves_is_what_is_wanted(
    api: Api, mode: Mode, backend: Mapping[str, object], tmp_path: Path
) -> None:
    with FlannelLab(api, mode, backend) as lab:
        assert [str(one) for one in check_lab(lab, tmp_path, None, None)] == []
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            assert check(source, Options()).suspicions == ()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_goes_wrong_is_named(api: Api, fault: Fault, tmp_path: Path) -> None:
    with FlannelLab(api, fault.mode, fault.backend) as lab:
        fault.do(lab)
        (flow,) = (one for one in standard_flows(lab.topology, lab.mode) if one.id == ASKED)
        snapshot = take_snapshot(lab, tmp_path)
        (outcome,) = run_flows(lab, [flow]).values()
    with closing(open_snapshot(snapshot)) as source:
        diagnosis = diagnose(source, request_of(flow), Options())
    assert (outcome.symptom != ANSWER) == fault.breaks
    assert check_flow(flow, [outcome], diagnosis) == []
    named = [one for one in diagnosis.suspicions if one.code == fault.code]
    told = {str(one.where.place): " ".join((one.message, *one.evidence)) for one in named}
    assert fault.text in told[fault.place]
