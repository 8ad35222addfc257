"""The options of a live cluster, and what the user is told at the end."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from kubectl_skoop.cli import live
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cluster.allow import BUILT_IN
from kubectl_skoop.collect.live import source
from kubectl_skoop.collect.live.api import PAGE
from kubectl_skoop.collect.live.estimate import Estimate
from kubectl_skoop.model.errors import InputError
from tests.cli.run import skoop
from tests.collect.live.server import Answer, serving
from tests.golden.cases import SNAPSHOTS

HEALTHY = SNAPSHOTS / "healthy-vxlan.skoop"

SNAPSHOT = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("written", "value"), [("30", 30), ("30s", 30), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), ("0", 0)]
)
def test_times(written: str, value: float) -> None:
    assert live.seconds("--x", written) == value


@pytest.mark.parametrize("written", ["", "s", "30 s", "-1", "30x"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(InputError, match="must be a time"):
        live.seconds("--x", written)


def test_the_names_of_the_original_mean_the_same() -> None:
    command = live.LiveCommand("x")
    names = {name: option.name for option in command.live for name in option.opts}
    for old, new in (
        ("--collector-image", "--image"),
        ("--collector-image-pull-policy", "--image-pull-policy"),
        ("--collector-pod-wait-timeout", "--pod-wait"),
    ):
        assert names[old] == names[new]


def test_a_server_that_is_not_there_is_one_line_and_exit_code_3(kubeconfig: Path) -> None:
    ran = skoop("check", "--kubeconfig", kubeconfig, "--request-timeout", "1s")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert "the cluster http://127.0.0.1:1 cannot be reached" in ran.err


@pytest.mark.parametrize("words", [["--image", "a", "--debug-image", "b"], ["--pod-wait", "soon"]])
def test_options_that_do_not_fit_are_refused(words: list[str], kubeconfig: Path) -> None:
    ran = skoop("check", "--kubeconfig", kubeconfig, *words)
    assert (ran.code, ran.out) == (2, "")
    assert words[0] in ran.err


def test_what_is_left_is_told_after_an_error_too(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def leaving(*_: object, **__: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(left="namespace x may be left")

    def fail() -> None:
        with live.opened({"kubeconfig": str(kubeconfig)}, BUILT_IN, keep=None):
            raise InputError("the question is wrong")

    monkeypatch.setattr(source, "live", leaving)
    with pytest.raises(InputError, match="the question is wrong"):
        fail()
    assert "namespace x may be left (kubectl skoop cleanup removes it)" in capsys.readouterr().err


SMALL, LARGE = Estimate(nodes=3, size=2e5, seconds=2.0), Estimate(nodes=5000, size=1.2e9, seconds=240.0)


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        pytest.param(SMALL, [], id="small"),
        pytest.param(
            LARGE,
            [
                "note: 5,000 nodes, about 1.2 GB, about 4.0 min (an estimate by the numbers of pods and "
                "services; connections and image pulls come on top)",
                "note: by the first nodes: 3 nodes, about 200 kB, about 2.0 s",
            ],
            id="large",
        ),
    ],
)
def test_what_to_expect_is_said_before_a_large_snapshot(
    expected: Estimate, told: list[str], kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collect(nodes: object, conntrack: str, watch: Callable[[Estimate], None]) -> None:
        watch(SMALL)

    @contextmanager
    def gathering(*_: object, keep: Path, **__: object) -> Iterator[SimpleNamespace]:
        shutil.copy(SNAPSHOT, keep)
        yield SimpleNamespace(
            nodes=("n1",),
            estimate=lambda nodes: expected,
            ask_cloud=lambda: None,
            collect=collect,
            failed={},
            objects=SimpleNamespace(gaps=[]),
            left="",
        )

    monkeypatch.setattr(source, "live", gathering)
    ran = skoop("snapshot", "--kubeconfig", kubeconfig, "-f", tmp_path / "s.skoop")
    assert (ran.code, ran.err.splitlines()) == (0, told)


@pytest.mark.parametrize("flag", ["--save-snapshot=kept.skoop", "--dry-run"])
@pytest.mark.parametrize("command", ["check", "inspect"])
def test_what_only_a_live_cluster_does_is_refused_of_a_file(command: str, flag: str) -> None:
    told = f"error: {flag.partition('=')[0]} is of a live cluster, and {HEALTHY} is asked (leave one out)\n"
    for ran in (
        skoop(command, "--snapshot", HEALTHY, flag),
        skoop(command, flag, env={"SKOOP_SNAPSHOT": str(HEALTHY)}),
    ):
        assert (ran.code, ran.out, ran.err) == (2, "", told)


def test_who_may_talk_to_whom_is_not_known_where_policies_may_not_be_listed(tmp_path: Path) -> None:
    core = {"nodes": "Node", "pods": "Pod", "namespaces": "Namespace", "services": "Service"}
    group = {
        "name": "networking.k8s.io",
        "versions": [{"version": "v1"}],
        "preferredVersion": {"version": "v1"},
    }
    path = "/apis/networking.k8s.io/v1"
    listed = {
        "nodes": {"metadata": {"name": "n"}},
        "pods": {"metadata": {"namespace": "shop", "name": "a"}, "status": {"podIP": "10.0.0.1"}},
        "namespaces": {"metadata": {"name": "shop"}},
        "services": {"metadata": {"namespace": "shop", "name": "s"}},
    }
    answers: dict[str, list[Answer]] = {
        "GET /apis": [(200, {"groups": [group]})],
        "GET /api/v1": [(200, {"resources": _resources(core)})],
        f"GET {path}": [(200, {"resources": _resources({"networkpolicies": "NetworkPolicy"})})],
        f"GET {path}/networkpolicies?limit={PAGE}": [(403, {"message": "networkpolicies is forbidden"})],
    }
    for name, item in listed.items():
        answers[f"GET /api/v1/{name}?limit={PAGE}"] = [(200, {"metadata": {}, "items": [item]})]
    with serving(answers) as server:
        ran = skoop("connectivity", "--kubeconfig", server.kubeconfig(tmp_path))
    assert (ran.code, ran.out) == (ExitCode.NO_VERDICT, "")
    assert "error: policies could not be read: objects/NetworkPolicy: forbidden (" in ran.err


def _resources(kinds: Mapping[str, str]) -> list[dict[str, object]]:
    return [{"name": name, "kind": kind, "verbs": ["list"]} for name, kind in kinds.items()]
