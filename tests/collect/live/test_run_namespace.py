"""Where a run works: its own namespace, or one that others use or made."""

from pathlib import Path

import pytest

from kubectl_skoop.collect.live import run_namespace
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.errors import ClusterError
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.run_namespace import RunNamespace
from tests.collect.live.server import Answer, Server, serving

JOBS = "POST /apis/batch/v1/namespaces/ns/jobs"
MADE: Answer = (201, {})
GOING: Answer = (403, {"message": "unable to create: namespace ns is being terminated"})
OURS = {"metadata": {"labels": {"app.kubernetes.io/name": "kubectl-skoop", "kubectl-skoop/run": "r"}}}
OTHERS_SELECTOR = "labelSelector=kubectl-skoop%2Frun%2Ckubectl-skoop%2Frun%21%3Dr"
OTHERS = f"GET /apis/batch/v1/namespaces/ns/jobs?{OTHERS_SELECTOR}&limit=1"


def _place(server: Server, folder: Path, *, shared: bool) -> RunNamespace:
    return RunNamespace(Api(Access(kubeconfig=str(server.kubeconfig(folder)))), "ns", "r", shared=shared)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_namespace, "AGAIN", 0.0)


def test_it_is_made_before_the_first_job_and_once(tmp_path: Path) -> None:
    with serving({"POST /api/v1/namespaces": [MADE], JOBS: [MADE]}) as server:
        place = _place(server, tmp_path, shared=False)
        before = place.used
        for _ in range(2):
            place.create_job({}, 5.0, lambda: None)
        assert (before, place.used) == (False, True)
        assert server.asked == ["POST /api/v1/namespaces", JOBS, JOBS]


@pytest.mark.parametrize("status", [403, 409], ids=["may not make one", "it is there"])
def test_one_that_is_there_is_used(status: int, tmp_path: Path) -> None:
    with serving({"POST /api/v1/namespaces": [(status, {})], JOBS: [MADE]}) as server:
        _place(server, tmp_path, shared=True).create_job({}, 5.0, lambda: None)
        assert server.asked[-1] == JOBS


def test_who_may_not_make_its_own_is_told(tmp_path: Path) -> None:
    with serving({"POST /api/v1/namespaces": [(403, {"message": "no right"})]}) as server:
        place = _place(server, tmp_path, shared=False)
        with pytest.raises(ClusterError, match="no right"):
            place.create_job({}, 5.0, lambda: None)


def test_one_that_another_run_removes_is_made_again(tmp_path: Path) -> None:
    answers = {"POST /api/v1/namespaces": [(409, {}), (409, {}), MADE], JOBS: [GOING, (404, {}), MADE]}
    with serving(answers) as server:
        _place(server, tmp_path, shared=True).create_job({}, 5.0, lambda: None)
        assert server.asked.count(JOBS) == 3


def test_patience_ends(tmp_path: Path) -> None:
    with serving({"POST /api/v1/namespaces": [(409, {})], JOBS: [GOING]}) as server:
        place = _place(server, tmp_path, shared=True)
        with pytest.raises(ClusterError, match="being terminated"):
            place.create_job({}, 0.0, lambda: None)


def test_its_own_is_removed(tmp_path: Path) -> None:
    with serving({"DELETE /api/v1/namespaces/ns": [(200, {})]}) as server:
        _place(server, tmp_path, shared=False).remove()
        assert server.asked == ["DELETE /api/v1/namespaces/ns"]


@pytest.mark.parametrize(
    ("namespace", "jobs", "removed"),
    [
        ((200, OURS), [], True),
        ((200, OURS), [{}], False),
        ((200, {"metadata": {"labels": {}}}), [], False),
        ((403, {}), [], False),
        ((404, {}), [], False),
    ],
    ids=["ours, and the last", "another run is in it", "it was there before", "who knows", "gone"],
)
def test_a_shared_one_is_removed_by_the_last_of_us(
    namespace: Answer, jobs: list[object], removed: bool, tmp_path: Path
) -> None:
    answers: dict[str, list[Answer]] = {
        "GET /api/v1/namespaces/ns": [namespace],
        OTHERS: [(200, {"items": jobs})],
        "DELETE /api/v1/namespaces/ns": [(200, {})],
    }
    with serving(answers) as server:
        _place(server, tmp_path, shared=True).remove()
        assert ("DELETE /api/v1/namespaces/ns" in server.asked) is removed
