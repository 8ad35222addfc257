"""`snapshot --in-cluster`: options that do not fit together, and what its pod is told."""

import json
from pathlib import Path

import pytest

from kubectl_skoop.cli import live
from kubectl_skoop.cli.in_cluster import check
from kubectl_skoop.cli.outcome import NOT_ASKED_FOR, Outcome, outcome
from kubectl_skoop.cli.snapshot import SnapshotCommand
from kubectl_skoop.collect.live import gathering, rights
from kubectl_skoop.collect.live.errors import ClusterError, Unreachable
from kubectl_skoop.collect.live.gathering import Gathering, Whole
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump
from kubectl_skoop.snapshot.write import writing
from tests.cli.run import skoop

WRONG: dict[str, tuple[list[str], str]] = {
    "detached, and nothing to detach": (["-f", "x", "--detach"], "--detach without --in-cluster"),
    "a claim without a run in the cluster": (["-f", "x", "--pvc", "c"], "--pvc without --in-cluster"),
    "a new run and an old one": (["-f", "x", "--in-cluster", "--resume", "0123abcd"], "one of them"),
    "an image that has nothing of ours": (["-f", "x", "--in-cluster", "--debug-image", "i"], "our image"),
    "a namespace without an account": (["-f", "x", "--in-cluster", "--collector-namespace", "n"], "together"),
    "an account without a namespace": (["-f", "x", "--in-cluster", "--service-account", "a"], "together"),
    "a claim without a namespace": (["--in-cluster", "--pvc", "c"], "it is in a namespace"),
    "a file that nobody waits for": (["-f", "x", "--in-cluster", "--detach"], "fetched later"),
    "nowhere to write to": (["--in-cluster"], "--file FILE is missing"),
    "nowhere to fetch to": (["--resume", "0123abcd"], "--file FILE is missing"),
    "dumps and a cluster": (["-f", "x", "--in-cluster", "--node-dump", "d"], "not gathered in a cluster"),
    "no name of a run": (["-f", "x", "--resume", "../etc"], "no name of a run"),
    "a time that is none": (["-f", "x", "--in-cluster", "--run-deadline", "soon"], "must be a time"),
}


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


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=WRONG)
def test_options_that_do_not_fit_are_one_line(words: list[str], told: str, kubeconfig: Path) -> None:
    ran = skoop("snapshot", *words, "--kubeconfig", kubeconfig)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert told in ran.err


@pytest.mark.parametrize("given", [{"detach": True}, {"claim": "c", "account": "a"}, {"dry_run": True}])
def test_the_file_may_be_left_out_where_none_is_written_here(given: dict[str, object]) -> None:
    beside = {"collector_namespace": "n"} if "account" in given else {}
    check({"in_cluster": True, **given, **beside}, None, assembles=False, later=())
    with pytest.raises(InputError, match="--file FILE is missing"):
        check({"dry_run": True}, None, assembles=False, later=())


def test_the_options_of_the_pod_are_not_shown() -> None:
    command = SnapshotCommand("snapshot")
    hidden = {option.name for option in command.live if option.hidden}
    assert hidden == {"checkpoint", "owner"}
    assert live.collector({"owner": "p/u"}).owner == ("p", "u")


def test_what_a_file_holds_is_told_by_the_file(tmp_path: Path) -> None:
    dump = NodeDump(node="n1", time=1.0, kernel="6.1", namespaces=(NamespaceDump(id="4:1", kind="host"),))
    with writing(tmp_path / "s", new_header(0)) as writer:
        writer.add_note("objects/IPPool", "forbidden", "no")
        writer.add_node(dump)
        writer.add_missing_node("n2", "not collected", "it is away")
        writer.add_missing_node("n3", "not collected", NOT_ASKED_FOR)
    gaps = ("objects/IPPool: forbidden (no)", "node/n2: not collected (it is away)")
    assert outcome(tmp_path / "s") == Outcome(collected=1, wanted=2, gaps=gaps)


ENDS: dict[str, tuple[BaseException, bool, int, bool]] = {
    "Ctrl-C": (KeyboardInterrupt(), False, 130, True),
    "Ctrl-C of who only follows": (KeyboardInterrupt(), True, 130, False),
    "it has failed": (ClusterError("the run has failed"), False, 3, True),
    "it has failed for who only follows": (ClusterError("the run has failed"), True, 3, False),
    "the cluster is away": (Unreachable("cut off"), False, 3, False),
    "the disk is full": (OSError(28, "No space left on device"), False, 3, False),
}
"""What happens while it is followed, whether it was there before, the exit code, whether it is removed."""


@pytest.mark.parametrize(("error", "resumed", "code", "removed"), ENDS.values(), ids=ENDS)
def test_a_run_is_removed_unless_it_may_still_be_of_use(
    error: BaseException,
    resumed: bool,
    code: int,
    removed: bool,
    kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    def follow(self: Gathering, wait: float) -> Whole:
        raise error

    monkeypatch.setattr(rights, "held", lambda *_: ())
    monkeypatch.setattr(rights, "require", lambda *_: None)
    monkeypatch.setattr(gathering, "api_servers", lambda _: ())
    monkeypatch.setattr(Gathering, "start", lambda *_: done.append("made"))
    monkeypatch.setattr(Gathering, "follow", follow)
    monkeypatch.setattr(Gathering, "remove", lambda _: done.append("removed"))
    words = ["--resume", "0123abcd"] if resumed else ["--in-cluster"]
    ran = skoop("snapshot", "-f", tmp_path / "s", "--kubeconfig", kubeconfig, *words)
    assert (ran.code, done) == (code, [*([] if resumed else ["made"]), *(["removed"] if removed else [])])
    if isinstance(error, OSError | Unreachable):
        assert "(the run goes on: kubectl skoop snapshot --resume" in ran.err


def test_which_cloud_it_is_reaches_the_pod(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "held", lambda *_: ())
    monkeypatch.setattr(gathering, "api_servers", lambda _: ())
    words = ("snapshot", "--in-cluster", "--dry-run", "--kubeconfig", kubeconfig)
    for more, env in (
        (("--cloud-provider", "generic"), {}),
        ((), {"SKOOP_CLOUD_PROVIDER": "generic", "SKOOP_AWS_PROFILE": "mine"}),
    ):
        ran = skoop(*words, *more, env=env)
        assert ran.code == 0, ran.err
        assert "        - --cloud-provider\n        - generic\n" in ran.out
        assert "mine" not in ran.out
    ran = skoop(*words, "--cloud-provider", "no-such")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "no-such" in ran.err


def test_how_to_go_on_is_told_for_the_same_cluster(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def follow(self: Gathering, wait: float) -> Whole:
        raise Unreachable("cut off")

    monkeypatch.setattr(rights, "held", lambda *_: ())
    monkeypatch.setattr(rights, "require", lambda *_: None)
    monkeypatch.setattr(gathering, "api_servers", lambda _: ())
    monkeypatch.setattr(Gathering, "start", lambda *_: None)
    monkeypatch.setattr(Gathering, "follow", follow)
    where = ("--kubeconfig", str(kubeconfig), "--context", "c", "--as", "a b", "--as-group", "g")
    ran = skoop("snapshot", "-f", tmp_path / "s", "--in-cluster", *where)
    told = f"--kubeconfig {kubeconfig} --context c --as 'a b' --as-group g -f FILE"
    assert ran.code == 3
    assert ran.err.count(told) == 2


def test_a_default_of_an_image_that_is_not_ours_is_no_obstacle(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "held", lambda *_: ())
    monkeypatch.setattr(gathering, "api_servers", lambda _: ())
    words = ("snapshot", "--in-cluster", "--dry-run", "--kubeconfig", kubeconfig)
    ran = skoop(*words, env={"SKOOP_DEBUG_IMAGE": "python:3.12", "SKOOP_IMAGE": "ours:1"})
    assert ran.code == 0, ran.err
    assert "image: ours:1" in ran.out
    assert "python:3.12" not in ran.out
    ran = skoop(*words, env={"SKOOP_COLLECTOR_NAMESPACE": "skoop"})
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--collector-namespace '' where a default names one" in ran.err
    assert skoop(*words, "--collector-namespace", "", env={"SKOOP_COLLECTOR_NAMESPACE": "skoop"}).code == 0
