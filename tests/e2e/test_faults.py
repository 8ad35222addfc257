"""Each fault stops its flow with the symptom that the table says, and nothing is left of it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.fault_table import FAULTS
from tests.e2e.faults import Fault, filled, prepared, put
from tests.e2e.flow import SETTLED, Place, eventually, send
from tests.e2e.probe import ANSWER

pytestmark = pytest.mark.e2e

ASKED = 30
"""With half of the questions failing, all alike is a chance of one in 500 million."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_the_flow_fails_while_the_fault_is_there(
    cluster: Cluster, where: Mapping[str, Place], fault: Fault
) -> None:
    def symptom() -> str:
        return send(fault.flow, where).symptom

    assert eventually(symptom, (ANSWER,)) == ANSWER, "before"
    with prepared(fault, cluster, where):
        assert symptom() == ANSWER, "prepared"
    with put(fault, cluster, where):
        if fault.partly:
            # More than the server's backlog at once.
            with ThreadPoolExecutor(ASKED) as clients:
                asked = [clients.submit(send, fault.flow, where, patience=SETTLED) for _ in range(ASKED)]
            assert {one.result().symptom for one in asked} == {ANSWER, *fault.symptoms}
        else:
            assert eventually(symptom, fault.symptoms) in fault.symptoms
    assert eventually(symptom, (ANSWER,)) == ANSWER, "afterwards"


def test_places_and_settings_are_those_of_the_cluster(cluster: Cluster, where: Mapping[str, Place]) -> None:
    for fault in FAULTS:
        assert fault.where in where, fault.id
        assert "{" not in filled(fault.text, cluster, where), fault.id


def test_ids_are_unique() -> None:
    ids = [fault.id for fault in FAULTS]
    assert len(set(ids)) == len(ids) >= 30
