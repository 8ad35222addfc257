"""A run in the cluster as it is followed: whole, failed, gone, or out of reach."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from kubectl_skoop.collect.live import api as api_module
from kubectl_skoop.collect.live import gathering as module
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.errors import ClusterError, Unreachable
from kubectl_skoop.collect.live.gathering import Gathering, Whole, api_servers
from kubectl_skoop.collect.live.kubeconfig import Access
from tests.collect.live.server import Answer, Server, serving

SELECTOR = "labelSelector=kubectl-skoop%2Frun%3D0123abcd"
OURS = "labelSelector=app.kubernetes.io%2Fname%3Dkubectl-skoop"
PODS = f"GET /api/v1/namespaces/kubectl-skoop-0123abcd/pods?{SELECTOR}"
JOBS = f"GET /apis/batch/v1/namespaces/kubectl-skoop-0123abcd/jobs?{SELECTOR}"
NO_POD: Answer = (200, {"items": []})
AT_WORK: Answer = (200, {"items": [{"status": {"active": 1}}]})
WHOLE = {"size": 7, "sha256": "ab", "collected": 2, "wanted": 3, "gaps": ["node/n3: not collected"]}


def _pod(
    name: str,
    state: Mapping[str, object],
    created: str = "1",
    last: Mapping[str, object] | None = None,
    **metadata: str,
) -> dict[str, object]:
    status = {"containerStatuses": [{"name": "gatherer", "state": state, "lastState": last or {}}]}
    return {"metadata": {"name": name, "creationTimestamp": created, **metadata}, "status": status}


RUNNING: Answer = (200, {"items": [_pod("p", {"running": {"startedAt": "now"}})]})


def _gathering(server: Server, folder: Path, given: str = "") -> Gathering:
    api = Api(Access(kubeconfig=str(server.kubeconfig(folder))))
    return Gathering(api, "0123abcd", given, lambda node, text: None)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 0.0)


def _says(monkeypatch: pytest.MonkeyPatch, *said: bytes | ClusterError) -> None:
    """What the gatherer answers, one after the other."""
    left = list(said)

    def ask(self: Gathering, pod: str, *where: int) -> bytes:
        answer = left.pop(0)
        if isinstance(answer, ClusterError):
            raise answer
        return answer

    monkeypatch.setattr(Gathering, "ask", ask)


def test_it_is_followed_until_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, lost = ClusterError("the container is being started"), Unreachable("cut off")
    _says(monkeypatch, b'{"dumps": 1}', busy, lost, b"", json.dumps(WHOLE).encode())
    with serving({PODS: [NO_POD, RUNNING], JOBS: [AT_WORK]}) as server:
        whole = _gathering(server, tmp_path).follow(60)
    assert whole == Whole(7, "ab", 2, 3, ("node/n3: not collected",))


def test_a_server_that_is_busy_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "PAUSE", 0.0)
    _says(monkeypatch, json.dumps(WHOLE).encode())
    with serving({PODS: [*[(503, {})] * (api_module.ATTEMPTS + 1), RUNNING]}) as server:
        assert _gathering(server, tmp_path).follow(60).size == 7


def test_a_cluster_that_stays_away_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    _says(monkeypatch, Unreachable("cut off"))
    with serving({PODS: [RUNNING]}) as server, pytest.raises(Unreachable, match="cut off"):
        _gathering(server, tmp_path).follow(60)


FAILED = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
WRONG = {"exitCode": 2, "reason": "Error", "message": "error: no cloud provider 'mine' is installed\n"}
ENDINGS: Mapping[str, tuple[Answer, Answer, str]] = {
    "nobody knows it": (NO_POD, (200, {"items": []}), "there is no run 0123abcd"),
    "its Job failed": (NO_POD, (200, {"items": [{"status": {"conditions": [FAILED]}}]}), "DeadlineExceeded"),
    "its image is not there": (
        (200, {"items": [_pod("p", {"waiting": {"reason": "ErrImagePull", "message": "no"}})]}),
        AT_WORK,
        "failed: ErrImagePull: no$",
    ),
    "its command is wrong": (
        (200, {"items": [_pod("p", {"terminated": WRONG})]}),
        AT_WORK,
        "failed: Error: error: no cloud provider 'mine' is installed, exit code 2$",
    ),
    "its command is wrong, and it is started anew": (
        (
            200,
            {"items": [_pod("p", {"waiting": {"reason": "CrashLoopBackOff"}}, last={"terminated": WRONG})]},
        ),
        AT_WORK,
        "failed: Error: error: no cloud provider 'mine' is installed, exit code 2$",
    ),
    "no node takes it": (NO_POD, AT_WORK, "no pod ran within 0 s"),
}


@pytest.mark.parametrize(("pods", "jobs", "told"), ENDINGS.values(), ids=ENDINGS)
def test_a_run_that_comes_to_nothing_is_told(pods: Answer, jobs: Answer, told: str, tmp_path: Path) -> None:
    with serving({PODS: [pods], JOBS: [jobs]}) as server, pytest.raises(ClusterError, match=told):
        _gathering(server, tmp_path).follow(0)


def test_a_container_that_was_killed_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    starts = (200, {"items": [_pod("p", {"waiting": {"reason": "CrashLoopBackOff"}}, last=killed)]})
    _says(monkeypatch, json.dumps(WHOLE).encode())
    with serving({PODS: [starts, RUNNING], JOBS: [AT_WORK]}) as server:
        assert _gathering(server, tmp_path).follow(60).size == 7


def test_of_several_pods_the_newest_counts_that_stays(tmp_path: Path) -> None:
    running = {"running": {"startedAt": "now"}}
    pods = [
        _pod("older", running, "2026-01-01T00:00:00Z"),
        _pod("newer", running, "2026-01-01T00:00:05Z"),
        _pod("going", running, "2026-01-01T00:00:09Z", deletionTimestamp="2026-01-01T00:01:00Z"),
    ]
    with serving({PODS: [(200, {"items": pods})]}) as server:
        pod = _gathering(server, tmp_path).pod()
    assert pod is not None
    assert pod.name == "newer"


def test_with_its_namespace_all_goes(tmp_path: Path) -> None:
    with serving({}) as server:
        _gathering(server, tmp_path).remove()
        root = "/namespaces/kubectl-skoop-0123abcd"
        assert server.asked == [
            f"DELETE /apis/batch/v1{root}/jobs?{OURS}&propagationPolicy=Background",
            f"DELETE /api/v1{root}/pods?{OURS}&gracePeriodSeconds=0",
            f"DELETE /api/v1{root}",
        ]


def test_of_another_namespace_only_what_the_run_made_goes(tmp_path: Path) -> None:
    with serving({}) as server:
        _gathering(server, tmp_path, "skoop").remove()
        assert len(server.asked) == 2
        assert all("/namespaces/skoop/" in line and SELECTOR in line for line in server.asked)


def test_the_addresses_of_the_api_servers(tmp_path: Path) -> None:
    endpoints = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
        {"addresses": ["fd00::3"]},
    ]
    path = (
        "GET /apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        "?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes"
    )
    slices = {"items": [{"ports": [{"port": 6443}], "endpoints": endpoints}]}
    with serving({path: [(200, slices)]}) as server:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        assert api_servers(api) == ("10.0.0.1:6443", "[fd00::3]:6443")
    with serving({}) as server:
        assert api_servers(Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))) == ()
