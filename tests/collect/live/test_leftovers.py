"""What is ours in a cluster, by its labels, and whether somebody is still at work there."""

from pathlib import Path

from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.leftovers import Leftover, leftovers, remove
from tests.collect.live.server import Answer, serving

SELECTOR = "labelSelector=app.kubernetes.io%2Fname%3Dkubectl-skoop%2Ckubectl-skoop%2Frun"


def _item(name: str, run: str, namespace: str = "", **status: object) -> dict[str, object]:
    labels = {"kubectl-skoop/run": run}
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "status": status}


def test_namespaces_and_jobs_are_told_apart(tmp_path: Path) -> None:
    jobs = [_item("j1", "a", "mine-a", active=1), _item("j2", "b", "shared"), _item("j3", "c", "mine-c")]
    namespaces = [_item("mine-a", "a"), _item("mine-c", "c"), _item("mine-d", "d", phase="Terminating")]
    answers: dict[str, list[Answer]] = {
        f"GET /apis/batch/v1/jobs?{SELECTOR}": [(200, {"items": jobs})],
        f"GET /api/v1/namespaces?{SELECTOR}": [(200, {"items": namespaces})],
    }
    with serving(answers) as server:
        found = leftovers(Api(Access(kubeconfig=str(server.kubeconfig(tmp_path)))))
    assert found == (
        Leftover("mine-a", "a", True, True),
        Leftover("mine-c", "c", True, False),
        Leftover("shared", "b", False, False),
    )
    assert [str(one) for one in found[1:]] == ["namespace mine-c", "Jobs of run b in shared"]


def test_in_a_namespace_of_others_only_what_is_ours_is_removed(tmp_path: Path) -> None:
    with serving({}) as server:
        remove(
            Api(Access(kubeconfig=str(server.kubeconfig(tmp_path)))), Leftover("shared", "b", False, False)
        )
        assert all("kubectl-skoop%2Frun%3Db" in line for line in server.asked)
        assert [line.split("?")[0] for line in server.asked] == [
            "DELETE /apis/batch/v1/namespaces/shared/jobs",
            "DELETE /api/v1/namespaces/shared/pods",
        ]
