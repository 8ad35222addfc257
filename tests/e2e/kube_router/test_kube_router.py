"""What real kube-routers leave on nodes is what the plugin wants, and what is broken there it names."""

from collections.abc import Iterator
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
from tests.e2e.kube_router.faults import FAULTS, Fault
from tests.e2e.kube_router.lab import KubeRouterLab
from tests.e2e.lab_api import Api, served

pytestmark = pytest.mark.e2e
ASKED = "pod/default/a to pod/default/b:8080 tcp bulk"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with served() as made:
        yield made


def test_what_kube_router_leaves_is_what_is_wanted(api: Api, tmp_path: Path) -> None:
    with KubeRouterLab(api) as lab:
        assert [str(one) for one in check_lab(lab, tmp_path, None, None)] == []
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            assert check(source, Options()).suspicions == ()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_goes_wrong_is_named(api: Api, fault: Fault, tmp_path: Path) -> None:
    with KubeRouterLab(api) as lab:
        fault.do(lab)
        (flow,) = (one for one in standard_flows(lab.topology, lab.mode) if one.id == ASKED)
        snapshot = take_snapshot(lab, tmp_path)
        (outcome,) = run_flows(lab, [flow]).values()
    with closing(open_snapshot(snapshot)) as source:
        diagnosis = diagnose(source, request_of(flow), Options())
    assert outcome.symptom != ANSWER
    assert check_flow(flow, [outcome], diagnosis) == []
    assert diagnosis.cause is not None
    told = (diagnosis.cause.code, str(diagnosis.cause.where.place))
    assert told == (fault.code, fault.place)
    assert fault.text in " ".join((diagnosis.cause.message, *diagnosis.cause.evidence))
