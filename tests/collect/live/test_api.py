"""Requests: pages, versions, repetition, whom they come from; answers as the API concepts page has them."""

from pathlib import Path
from typing import NoReturn

import pytest

from kubectl_skoop.collect.live import api as api_module
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.errors import ClusterError, Forbidden, Unreachable
from kubectl_skoop.collect.live.kubeconfig import Access
from tests.collect.live.server import Answer, serving

PODS = "/api/v1/pods"


def _page(*names: str, token: str = "") -> Answer:
    return 200, {
        "metadata": {"resourceVersion": "7", "continue": token},
        "items": [{"metadata": {"name": name}} for name in names],
    }


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "PAUSE", 0.0)


def test_a_list_comes_page_by_page(tmp_path: Path) -> None:
    answers = {
        f"GET {PODS}?limit=500": [_page("a", token="t/1")],
        f"GET {PODS}?limit=500&continue=t%2F1": [_page("b")],
    }
    with serving(answers) as server:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        pages = [page["items"] for page in api.pages(PODS)]
    assert pages == [[{"metadata": {"name": "a"}}], [{"metadata": {"name": "b"}}]]


@pytest.mark.parametrize("status", [400, 410, 504])
def test_a_version_that_the_server_has_no_more_gives_the_newest(status: int, tmp_path: Path) -> None:
    answers: dict[str, list[Answer]] = {
        f"GET {PODS}?limit=500&resourceVersion=3&resourceVersionMatch=Exact": [(status, {"message": "gone"})],
        f"GET {PODS}?limit=500": [_page("a")],
    }
    with serving(answers) as server:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        pages = list(api.pages(PODS, version="3"))
    assert len(pages) == 1


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    answers: dict[str, list[Answer]] = {f"GET {PODS}": [(503, {}), (429, {}), (200, {"items": []})]}
    with serving(answers) as server:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        assert api.get(PODS) == {"items": []}
        assert len(server.asked) == 3


def test_what_makes_something_is_not_repeated(tmp_path: Path) -> None:
    with serving({"POST /x": [(503, {"message": "try later"})]}) as server:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        with pytest.raises(ClusterError, match="try later"):
            api.create("/x", {})
        assert server.asked == ["POST /x"]


def test_what_is_not_there_is_deleted(tmp_path: Path) -> None:
    with serving({}) as server:
        Api(Access(kubeconfig=str(server.kubeconfig(tmp_path)))).delete("/x")
        assert server.asked == ["DELETE /x"]


def test_a_missing_right_is_told_in_the_servers_words(tmp_path: Path) -> None:
    answers: dict[str, list[Answer]] = {
        f"GET {PODS}": [(403, {"message": "u cannot list pods", "reason": "Forbidden"})]
    }
    with serving(answers) as server:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        with pytest.raises(Forbidden, match="u cannot list pods"):
            api.get(PODS)


def test_requests_bear_the_token_and_whom_it_is_lent_to(tmp_path: Path) -> None:
    with serving({f"GET {PODS}": [(200, {})]}) as server:
        path = str(server.kubeconfig(tmp_path))
        api = Api(Access(kubeconfig=path, impersonate="jane", groups=("dev", "ops")))
        api.get(PODS)
        sent = [(name.lower(), value) for name, value in server.headers[0]]
    assert ("authorization", "Bearer secret") in sent
    assert ("impersonate-user", "jane") in sent
    assert [value for name, value in sent if name == "impersonate-group"] == ["dev", "ops"]


def test_a_server_that_is_not_there_cannot_be_reached(tmp_path: Path) -> None:
    with serving({}) as server:
        path = server.kubeconfig(tmp_path)
    with pytest.raises(Unreachable, match="cannot be reached"):
        Api(Access(kubeconfig=str(path), timeout=2)).get(PODS)


@pytest.mark.parametrize(("known", "times"), [(True, api_module.ATTEMPTS), (False, 1)])
def test_only_a_server_that_has_answered_before_is_asked_again(known: bool, times: int) -> None:
    asked: list[int] = []

    def ask() -> NoReturn:
        asked.append(1)
        raise Unreachable("gone")

    with pytest.raises(Unreachable, match="gone"):
        api_module.repeated(ask, known=known)
    assert len(asked) == times
