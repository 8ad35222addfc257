"""A live cluster's cloud: asked once, when the first question needs it, and kept in the snapshot."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kubectl_skoop.cluster.allow import BUILT_IN
from kubectl_skoop.collect.live.api import PAGE, Api
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.manifest import CollectorOptions
from kubectl_skoop.collect.live.run import Run
from kubectl_skoop.collect.live.source import LiveSource, live
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import Infra
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.collect.live.server import Answer, serving

NODES = {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list"]}
EMPTY: Mapping[str, Answer] = {
    "GET /apis": (200, {"kind": "APIGroupList", "groups": []}),
    "GET /api/v1": (200, {"kind": "APIResourceList", "resources": [NODES]}),
    f"GET /api/v1/nodes?limit={PAGE}": (200, {"metadata": {"resourceVersion": "7"}, "items": []}),
    "GET /version": (200, {"gitVersion": "v1.36.0"}),
}
GAP = NotCollected("infra/made", "not collected", "the cloud does not answer")


@contextmanager
def cluster(folder: Path, infra: Infra | None) -> Iterator[LiveSource]:
    """Without any object."""
    with serving({path: [answer] for path, answer in EMPTY.items()}) as server:
        access = Access(kubeconfig=str(server.kubeconfig(folder)))
        run = Run(Api(access), CollectorOptions(image="x"), lambda node, text: None)
        with live(run, BUILT_IN, keep=folder / "kept", infra=infra) as source:
            yield source


def asking(answer: Mapping[str, object] | NotCollected, asked: list[None]) -> Infra:
    def gather(source: Snapshot) -> tuple[str, Mapping[str, object] | NotCollected]:
        asked.append(None)
        return "made", answer

    return gather


def question(source: Snapshot) -> object:
    return source.infra("made")


def test_it_is_asked_once_and_kept(tmp_path: Path) -> None:
    asked: list[None] = []
    with cluster(tmp_path, asking({"rules": [1]}, asked)) as source:
        assert asked == []
        assert source.ask(question) == {"rules": [1]}
        assert source.ask(question) == {"rules": [1]}
    assert len(asked) == 1
    with closing(open_snapshot(tmp_path / "kept")) as kept:
        assert kept.missing == ()
        assert kept.infra("made") == {"rules": [1]}


def test_why_it_says_nothing_is_kept_too(tmp_path: Path) -> None:
    asked: list[None] = []
    with cluster(tmp_path, asking(GAP, asked)) as source:
        assert source.ask(question) == GAP
        assert source.ask(question) == GAP
    assert len(asked) == 1
    with closing(open_snapshot(tmp_path / "kept")) as kept:
        assert kept.missing == (GAP,)
        assert kept.infra("made") == GAP
        assert kept.wanted_infra == ()


def test_a_question_that_needs_no_cloud_asks_none(tmp_path: Path) -> None:
    asked: list[None] = []
    with cluster(tmp_path, asking({}, asked)) as source:
        assert source.ask(lambda snapshot: snapshot.nodes()) == ()
    assert asked == []


@pytest.mark.parametrize("infra", [None, asking({}, [])], ids=["nobody asks", "it needs none"])
def test_nothing_is_not_collected(tmp_path: Path, infra: Infra | None) -> None:
    with cluster(tmp_path, infra) as source:
        answer = source.ask(question)
    assert isinstance(answer, NotCollected)
    assert answer.state == "not collected"


def test_a_file_that_is_wrong_ends_the_question(tmp_path: Path) -> None:
    def gather(source: Snapshot) -> tuple[str, Mapping[str, object]]:
        raise InputError("rules.json: is empty")

    with cluster(tmp_path, gather) as source, pytest.raises(InputError, match=r"rules\.json"):
        source.ask(question)
