"""A lab without a fault: every flow ends as in a healthy cluster."""

from collections.abc import Iterator

import pytest

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.flows import CLOSED_PORT, Flow, standard_flows
from kubectl_skoop.testing.probes import Outcome, run_flows
from kubectl_skoop.testing.topology import BACKENDS, MODES, Backend, Mode, standard

pytestmark = pytest.mark.kernel

Results = dict[Flow, Outcome]


@pytest.fixture(
    scope="module", params=[(mode, backend) for mode in MODES for backend in BACKENDS], ids=" ".join
)
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    mode, backend = request.param
    with ClusterLab(mode, backend) as lab:
        yield run_flows(lab, standard_flows(lab.topology, mode))


def test_every_flow_gets_its_answer(results: Results) -> None:
    for flow, outcome in results.items():
        refused = flow.port == CLOSED_PORT or flow.destination == "svc/default/empty"
        assert outcome.symptom == ("connection refused" if refused else "answer"), flow.id


def test_bulk_passes_both_ways(results: Results) -> None:
    assert {outcome.large for flow, outcome in results.items() if flow.bulk} == {"passes"}


def test_the_right_server_answers(results: Results) -> None:
    backends = {
        f"svc/default/{service.name}": {backend.pod or backend.node for backend in service.backends}
        for service in standard().services
    }
    served = [(flow, outcome.served_by) for flow, outcome in results.items() if outcome.served_by]
    assert served
    for flow, server in served:
        assert server in backends.get(flow.destination, {"b", flow.destination.rsplit("/", 1)[-1]}), flow.id


def test_a_pod_reaches_pods_with_its_own_address_and_its_own_service_with_another(results: Results) -> None:
    seen = {
        (flow.source, flow.destination): outcome.seen_source
        for flow, outcome in results.items()
        if flow.bulk or "svc/" in flow.destination
    }
    assert seen["pod/default/a", "pod/default/b"] == "10.244.1.2"
    assert seen["pod/default/a", "svc/default/web"] == "10.244.1.2"
    assert seen["pod/default/a", "svc/default/self"] != "10.244.1.2"


def test_the_trail_leads_from_the_sender_to_the_receiver_and_back(results: Results) -> None:
    flow = next(flow for flow in results if flow.destination == "pod/default/b" and flow.bulk)
    places = [sighting.place for sighting in results[flow].trail]
    assert places[0] == places[-1] == "a"
    assert "b" in places


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_left_behind(mode: Mode, backend: Backend) -> None:
    with ClusterLab(mode, backend) as lab:
        paths = [namespace.path for namespace in lab.namespaces.values()]
        assert all(path.exists() for path in paths)
    assert not any(path.exists() for path in paths)
