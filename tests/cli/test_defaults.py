"""Which value an option has: command line, environment, configuration file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kubectl_skoop.cli import defaults
from kubectl_skoop.cli.group import COMMANDS, load
from tests.cli.run import skoop

ROOT = Path(__file__).parents[2]
SNAPSHOT = str(ROOT / "snapshots" / "healthy-vxlan.skoop")
QUESTION = ("diagnose", "pod/default/a", "pod/default/b", "-p", "8080")


def _ran(config: Path, text: str, *words: str, **variables: str) -> tuple[int, str, str]:
    config.write_text(text, "utf-8")
    ran = skoop(*words, env={"SKOOP_CONFIG": str(config), **variables})
    return ran.code, ran.out, ran.err


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


OUTPUTS: Mapping[str, tuple[str, Mapping[str, str], Sequence[str], str]] = {
    "the default": ("", {}, (), "reachable"),
    "the file": ('output = "json"', {}, (), "{"),
    "the file's part for this command": ('output = "yaml"\n[diagnose]\noutput = "json"', {}, (), "{"),
    "the file's part for another command": ('[check]\noutput = "json"', {}, (), "reachable"),
    "the environment before the file": (
        '[diagnose]\noutput = "json"',
        {"SKOOP_OUTPUT": "yaml"},
        (),
        "apiVersion",
    ),
    "an empty variable says nothing": ('output = "json"', {"SKOOP_OUTPUT": ""}, (), "{"),
    "the command line before all": (
        'output = "json"',
        {"SKOOP_OUTPUT": "yaml"},
        ("-o", "table"),
        "reachable",
    ),
}


@pytest.mark.parametrize(("text", "variables", "words", "begin"), OUTPUTS.values(), ids=OUTPUTS)
def test_what_outweighs(
    text: str, variables: Mapping[str, str], words: Sequence[str], begin: str, config: Path
) -> None:
    code, out, err = _ran(config, text, *QUESTION, "--snapshot", SNAPSHOT, *words, **variables)
    assert (code, err) == (0, "")
    assert out.startswith(begin)


def test_a_snapshot_may_be_a_default(config: Path) -> None:
    assert _ran(config, f'snapshot = "{SNAPSHOT}"', *QUESTION)[0] == 0
    assert _ran(config, 'snapshot = "/nonexistent"', *QUESTION, SKOOP_SNAPSHOT=SNAPSHOT)[0] == 0


def test_a_plugin_has_its_options_from_the_file_the_variable_and_the_command_line(config: Path) -> None:
    words = (*QUESTION, "--snapshot", SNAPSHOT)
    assert "not 'of-file'" in _ran(config, 'flannel-pod-mtu = "of-file"', *words)[2]
    text = '[diagnose]\nflannel-pod-mtu = "x"'
    assert "not 'variable'" in _ran(config, text, *words, SKOOP_FLANNEL_POD_MTU="variable")[2]
    assert _ran(config, text, *words, "--flannel-pod-mtu", "0")[0] == 0


CLUSTERS: Mapping[str, tuple[str, Mapping[str, str], Sequence[str], bool]] = {
    "a cluster of the command line before a snapshot of the file": (
        f'snapshot = "{SNAPSHOT}"',
        {},
        ("--context", "c"),
        True,
    ),
    "a cluster of the environment before a snapshot of the file": (
        f'snapshot = "{SNAPSHOT}"',
        {"SKOOP_CONTEXT": "c"},
        (),
        True,
    ),
    "a snapshot of the environment before a cluster of the file": (
        'context = "c"',
        {"SKOOP_SNAPSHOT": SNAPSHOT},
        (),
        False,
    ),
    "a snapshot before a cluster of equal weight": (f'snapshot = "{SNAPSHOT}"\ncontext = "c"', {}, (), False),
    "a snapshot of the command line before any cluster": (
        'context = "c"',
        {"SKOOP_CONTEXT": "c"},
        ("--snapshot", SNAPSHOT),
        False,
    ),
}


@pytest.mark.parametrize(("text", "variables", "words", "live"), CLUSTERS.values(), ids=CLUSTERS)
def test_whether_a_cluster_or_a_snapshot_is_asked(
    text: str, variables: Mapping[str, str], words: Sequence[str], live: bool, config: Path
) -> None:
    none = {"KUBECONFIG": "/nonexistent"}
    code, _, err = _ran(config, text, *QUESTION, *words, **variables, **none)
    assert (code, "/nonexistent" in err) == ((2, True) if live else (0, False))


def test_an_image_of_the_command_line_outweighs_the_other_kind_of_image_of_the_file(config: Path) -> None:
    words = ("check", "--debug-image", "python:3.13", "--kubeconfig", "/nonexistent")
    assert "one of them" not in _ran(config, 'image = "ours:1"', *words)[2]


WRONG = {
    "a key that is nearly one": ('ouput = "json"', "unknown key ouput (did you mean output?)"),
    "a key of a command": ("[diagnose]\ndst = 1", "unknown key diagnose.dst (options that may be here: as,"),
    "a table that is no command": ("[diagnos]\noutput = 1", "unknown key diagnos (did you mean diagnose?)"),
    "no TOML": ("output", "Expected '='"),
    "a value that does not fit": ('output = "xml"', "output: 'xml' is not one of 'table', 'wide', 'json'"),
    "a number that does not fit": ("parallel = 0", "parallel: 0 is not in the range 1<=x<=256"),
    "a table as a value": ("output = {a = 1}", "output must be a text, a number, true or false"),
    "an option of a plugin that it does not have": ("flannel-x = 1", "config.toml: flannel-x (meant: --"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_one_line_that_names_it(text: str, message: str, config: Path) -> None:
    code, out, err = _ran(config, text, *QUESTION, "--snapshot", SNAPSHOT)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert str(config) in err


def test_a_wrong_variable_is_one_line_that_names_it(config: Path) -> None:
    code, _, err = _ran(config, "", *QUESTION, "--snapshot", SNAPSHOT, SKOOP_OUTPUT="xml")
    assert code == 2
    assert err.startswith("error: SKOOP_OUTPUT: 'xml' is not one of ")


VALUES = {
    "an option that is judged later": ("SKOOP_PROXY_MODE", "x", "SKOOP_PROXY_MODE: one of iptables, ipvs,"),
    "a time": ("SKOOP_REQUEST_TIMEOUT", "x", "SKOOP_REQUEST_TIMEOUT x: must be a time"),
    "a file": ("SKOOP_SNAPSHOT", "/nonexistent", "SKOOP_SNAPSHOT: /nonexistent: no such file"),
    "a name": ("SKOOP_NETWORK_PLUGIN", "x", "SKOOP_NETWORK_PLUGIN: no network plugin 'x' is installed"),
    "an option of a plugin": ("SKOOP_FLANNEL_POD_MTU", "x", "SKOOP_FLANNEL_POD_MTU: a number, not 'x'"),
    "kubeconfig": ("SKOOP_KUBECONFIG", "/nonexistent", "SKOOP_KUBECONFIG /nonexistent: no such file"),
}


@pytest.mark.parametrize(("variable", "value", "message"), VALUES.values(), ids=VALUES)
def test_an_error_in_a_value_names_where_it_is_from(
    variable: str, value: str, message: str, config: Path
) -> None:
    cluster = "TIMEOUT" in variable or "KUBECONFIG" in variable
    words = () if cluster or "SNAPSHOT" in variable else ("--snapshot", SNAPSHOT)
    assert _ran(config, "", *QUESTION, *words, **{variable: value})[2].startswith(f"error: {message}")
    key = variable.removeprefix("SKOOP_").lower().replace("_", "-")
    of_file = _ran(config, f'{key} = "{value}"', *QUESTION, *words)[2]
    assert of_file.startswith(f"error: {message.replace(variable, f'{config}: {key}')}")
    typed = _ran(config, "", *QUESTION, *words, f"--{key}=y", **{variable: value})[2]
    assert typed.startswith("error: ")
    assert variable not in typed


def test_a_wrong_name_is_not_blamed_on_a_default_that_is_alike(config: Path) -> None:
    words = ("diagnose", "shop", "pod/default/b", "--snapshot", SNAPSHOT)
    err = _ran(config, "", *words, SKOOP_NAMESPACE="shop")[2]
    assert err.startswith("error: 'shop' is no name that can be looked up")


def test_a_wrong_file_keeps_nobody_from_help_and_from_what_needs_no_option(config: Path) -> None:
    for words in (("diagnose", "--help"), ("explain", "bridge.hairpin"), ("--help",)):
        assert _ran(config, "wrong", *words)[0] == 0


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    ran = skoop(*QUESTION, "--snapshot", SNAPSHOT, env={"SKOOP_CONFIG": missing})
    assert (ran.code, ran.err) == (2, f"error: SKOOP_CONFIG={missing}: no such file\n")


def test_a_file_that_cannot_be_read_is_an_error() -> None:
    ran = skoop("version", "--client", env={"SKOOP_CONFIG": "/proc/self/mem"})
    assert (ran.code, ran.err) == (2, "error: /proc/self/mem: input/output error\n")


PLACES = {
    "the usual one": ({"HOME": "/h"}, "/h/.config/kubectl-skoop/config.toml"),
    "of XDG": ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/kubectl-skoop/config.toml"),
    "none": ({"HOME": "/h", "SKOOP_CONFIG": ""}, None),
}


@pytest.mark.parametrize(("environment", "path"), PLACES.values(), ids=PLACES)
def test_where_the_file_is(
    environment: Mapping[str, str], path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", environment["HOME"])
    found = defaults.config_path(environment)
    assert (str(found) if found else None) == path


def test_every_option_that_may_have_a_default_is_one() -> None:
    names = {defaults.option_name(parameter) for command in COMMANDS for parameter in load(command).params}
    assert names >= defaults.OPTIONS


def test_the_answer_says_what_the_file_chose(config: Path) -> None:
    code, out, _ = _ran(config, 'network-plugin = "any"\noutput = "json"', *QUESTION, "--snapshot", SNAPSHOT)
    facts = {fact["name"]: fact["value"] for fact in json.loads(out)["facts"]}
    assert (code, facts["network plugin"]) == (0, "any")


def test_a_command_is_no_option(config: Path) -> None:
    code, out, err = _ran(config, "diagnose = 1", *QUESTION, "--snapshot", SNAPSHOT)
    assert (code, out) == (2, "")
    assert err == f"error: {config}: diagnose is a command ([diagnose] begins a table with its options)\n"


def test_a_snapshot_without_a_name_is_not_sought_in_this_folder(config: Path) -> None:
    code, _, err = _ran(config, 'snapshot = ""', *QUESTION)
    assert (code, err) == (2, f"error: {config}: snapshot: no file is named\n")
