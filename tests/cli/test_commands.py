"""The parts of commands that need no snapshot."""

from pathlib import Path

import pytest

from kubectl_skoop.cli import check, diagnose, output
from kubectl_skoop.cli.collect import parse_pods
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.plugin_options import Owners, from_environment, take
from kubectl_skoop.cli.words import spread
from kubectl_skoop.diagnosis.result import Check, Missing
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.suspicion import Level
from tests.report import build

OWNERS = Owners(["flannel", "calico", "calico-next"])
OWN = {"--snapshot", "-o", "--size", "--df", "--flannel-own"}

OPTIONS = {
    "value after the name": (["a", "--flannel-vni", "7", "b"], ["a", "b"], {"flannel-vni": "7"}),
    "value after an equals sign": (["--flannel-vni=7"], [], {"flannel-vni": "7"}),
    "an empty value": (["--flannel-vni="], [], {"flannel-vni": ""}),
    "a value with an equals sign in it": (["--flannel-x=a=b"], [], {"flannel-x": "a=b"}),
    "alone at the end: true": (["--calico-ebpf"], [], {"calico-ebpf": "true"}),
    "alone before another option: true": (["--calico-ebpf", "--df"], ["--df"], {"calico-ebpf": "true"}),
    "the command's own options stay": (["--snapshot", "x", "--df"], ["--snapshot", "x", "--df"], {}),
    "an own option that begins like a plugin": (["--flannel-own", "1"], ["--flannel-own", "1"], {}),
    "an unknown owner stays, for the usual error": (["--cilium-x", "1"], ["--cilium-x", "1"], {}),
    "after -- nothing is an option": (["--", "--flannel-vni", "7"], ["--", "--flannel-vni", "7"], {}),
    "a value of another option that looks like one": (["-o", "json"], ["-o", "json"], {}),
}


@pytest.mark.parametrize(("words", "rest", "typed"), OPTIONS.values(), ids=OPTIONS)
def test_options_of_plugins_are_taken_out(words: list[str], rest: list[str], typed: dict[str, str]) -> None:
    assert take(words, OWN, OWNERS) == (rest, typed)


def test_an_option_of_a_plugin_given_twice_is_an_error() -> None:
    with pytest.raises(InputError, match="--flannel-vni was given twice"):
        take(["--flannel-vni", "1", "--flannel-vni=2"], OWN, OWNERS)


def test_options_come_from_the_environment() -> None:
    environment = {
        "SKOOP_FLANNEL_POD_MTU": "1400",
        "SKOOP_SNAPSHOT": "x",
        "SKOOP_OTHER": "1",
        "FLANNEL_X": "1",
    }
    assert from_environment(environment, OWNERS) == {"flannel-pod-mtu": "1400"}


LISTS = {
    "several files after one option": (
        ["-f", "s", "--node-dump", "a", "b", "--objects", "c", "d"],
        ["-f", "s", "--node-dump", "a", "--node-dump", "b", "--objects", "c", "--objects", "d"],
    ),
    "repeated options": (["--node-dump", "a", "--node-dump", "b"], ["--node-dump", "a", "--node-dump", "b"]),
    "standard input is a word": (
        ["--objects", "a", "-", "-f", "s"],
        ["--objects", "a", "--objects", "-", "-f", "s"],
    ),
    "words after another option stay": (
        ["--objects", "a", "-f", "s", "x"],
        ["--objects", "a", "-f", "s", "x"],
    ),
}


@pytest.mark.parametrize(("words", "spreaded"), LISTS.values(), ids=LISTS)
def test_lists_take_all_words_up_to_the_next_option(words: list[str], spreaded: list[str]) -> None:
    assert spread(words, ("--node-dump", "--objects")) == spreaded


def test_pods_are_named_with_their_namespaces() -> None:
    assert parse_pods(["default/a=/run/netns/a", "shop/b=/proc/7/ns/net"]) == {
        "default/a": Path("/run/netns/a"),
        "shop/b": Path("/proc/7/ns/net"),
    }


@pytest.mark.parametrize("option", ["a=/x", "default/a", "default/=/x", "/a=/x", "a/b/c=/x", "default/a="])
def test_a_pod_without_namespace_name_or_path_is_refused(option: str) -> None:
    with pytest.raises(InputError, match="must be NAMESPACE/POD=PATH"):
        parse_pods([option])


def test_a_pod_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="default/a was given twice"):
        parse_pods(["default/a=/x", "default/a=/y"])


NOT_READ = Missing(what="node/n2", state="not collected")
CHECKS = {
    "nothing found": (build.check(), ExitCode.OK),
    "something good to know": (build.check(build.suspicion(level=Level.INFO)), ExitCode.OK),
    "a warning": (build.check(build.suspicion(level=Level.WARNING)), ExitCode.FINDINGS),
    "a gap": (build.check(missing=(NOT_READ,)), ExitCode.NO_VERDICT),
    "a kernel without the feature is no gap": (
        build.check(missing=(Missing(what="x", state="absent"),)),
        ExitCode.OK,
    ),
    "findings outweigh gaps": (build.check(build.suspicion(), missing=(NOT_READ,)), ExitCode.FINDINGS),
}


@pytest.mark.parametrize(("result", "code"), CHECKS.values(), ids=CHECKS)
def test_exit_code_of_a_check(result: Check, code: ExitCode) -> None:
    assert check.exit_code(result) is code


def test_the_source_may_be_given_once_only() -> None:
    with pytest.raises(InputError, match="the source was given twice: a and b"):
        diagnose.run(ctx=None, src="a", src_argument="b", dst="c")  # type: ignore[arg-type]


COLORS = {
    "always, though no terminal": ("always", {}, False, True),
    "never, though a terminal": ("never", {}, True, False),
    "a terminal": ("auto", {}, True, True),
    "a pipe": ("auto", {}, False, False),
    "NO_COLOR": ("auto", {"NO_COLOR": "1"}, True, False),
    "an empty NO_COLOR says nothing": ("auto", {"NO_COLOR": ""}, True, True),
    "a dumb terminal": ("auto", {"TERM": "dumb"}, True, False),
}


@pytest.mark.parametrize(("mode", "environment", "terminal", "color"), COLORS.values(), ids=COLORS)
def test_color(
    mode: output.ColorMode,
    environment: dict[str, str],
    terminal: bool,
    color: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert output.use_color(mode) is color
