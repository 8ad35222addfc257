"""The pod of `snapshot --in-cluster`, in this process, with an API server that is made up."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.cli import in_pod
from kubectl_skoop.collect.held import Place
from kubectl_skoop.collect.live.api import PAGE
from kubectl_skoop.snapshot.source import open_snapshot
from tests.collect.live.server import Answer, serving

RUN = "0123abcd"
NODE = {
    "metadata": {"name": "n1", "labels": {"eks.amazonaws.com/compute-type": "fargate"}},
    "spec": {"providerID": "aws:///eu-west-1a/i-0123"},
}
"""Of AWS, and one that no collector runs on."""
KIND = {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list"]}
ANSWERS: dict[str, list[Answer]] = {
    "GET /apis": [(200, {"kind": "APIGroupList", "groups": []})],
    "GET /api/v1": [(200, {"kind": "APIResourceList", "resources": [KIND]})],
    f"GET /api/v1/nodes?limit={PAGE}": [(200, {"metadata": {"resourceVersion": "7"}, "items": [NODE]})],
    "GET /version": [(200, {"gitVersion": "v1.36.0"})],
}
NEVER_WAIT = "0"


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """As in the image: without boto3."""
    for module in ("boto3", "botocore", "botocore.config", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("POD_NAME", "gather-x")
    monkeypatch.setenv("POD_UID", "u")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with serving({path: list(listed) for path, listed in ANSWERS.items()}) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path)))
        yield Place(tmp_path, RUN)


def run(place: Place, *words: str) -> tuple[int, list[str]]:
    """The exit code, and what is not in the file, by the words for the user's machine."""
    code = in_pod.main(str(place.folder), RUN, NEVER_WAIT, "", "--collector-namespace", "n", *words)
    gaps = json.loads(place.whole.read_text())["gaps"]
    return code, [str(gap) for gap in gaps]


def test_a_cloud_that_the_pod_cannot_ask_is_a_gap_and_no_failure(pod: Place) -> None:
    code, gaps = run(pod)
    assert code == 0
    (cloud,) = [gap for gap in gaps if gap.startswith("infra/")]
    assert cloud.startswith("infra/aws: not collected (boto3 is not installed")
    assert "--infra" in cloud
    with closing(open_snapshot(pod.file)) as snapshot:
        assert snapshot.clouds() == ("aws",)


def test_a_cloud_that_is_not_to_be_asked_is_no_gap(pod: Place) -> None:
    code, gaps = run(pod, "--cloud-provider", "generic")
    assert code == 0
    assert [gap for gap in gaps if gap.startswith("infra/")] == []
