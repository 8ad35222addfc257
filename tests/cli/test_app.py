"""The program: start, help, errors as one line, exit codes."""

import gc
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from kubectl_skoop import __version__
from kubectl_skoop.cli import app, explain, version
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.group import COMMANDS
from kubectl_skoop.model.errors import (
    FormatError,
    InputError,
    NoVerdict,
    SectionDamaged,
    SkoopError,
    UnknownName,
)
from tests.cli.run import PROGRAM, shell, skoop
from tests.golden.cases import SNAPSHOTS

SLOW = (
    "rich",
    "pydantic",
    "kubernetes",
    "yaml",
    "tabulate",
    "zstandard",
    "msgpack",
    "kubectl_skoop.netstack",
)


def _raising(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def test_help_lists_each_command() -> None:
    ran = shell("--help")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.partition("Commands:\n")[2].splitlines()] == list(COMMANDS)


def test_without_arguments_there_is_help() -> None:
    assert skoop() == skoop("--help")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    ran = skoop(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: kubectl skoop {name}")


def test_an_empty_value_of_a_plugins_option_is_not_among_its_words() -> None:
    told = skoop("diagnose", "--help").out
    assert "--bridge-type bridge|ptp " in told
    assert " |" not in told


def test_the_version() -> None:
    assert shell("version", "--client").out.startswith(f"kubectl-skoop {__version__}\n")


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from kubectl_skoop.cli.app import main; main(['--help']);"
        f"print([module for module in {SLOW} if module in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


OF_OTHER_QUESTIONS = (
    *("boto3", "botocore", "moto", "kubernetes", "urllib3", "zipfile", "yaml", "jsonschema"),
    *("kubectl_skoop.web", "kubectl_skoop.report.html", "kubectl_skoop.report.picture"),
    *("kubectl_skoop.snapshot.redact", "kubectl_skoop.collect.live.api", "kubectl_skoop.providers.aws.ask"),
)
OF_WHAT_NO_NODE_HAS = tuple(
    f"kubectl_skoop.{module}"
    for module in (
        *("netstack.netfilter.nft", "netstack.ipset.member", "netstack.ipvs.service", "netstack.ipvs.hook"),
        *(
            "netstack.xfrm.ipsec",
            "netstack.xfrm.ipsec_types",
            "netstack.xfrm.ipsec_out",
            "netstack.xfrm.sealing",
        ),
        *("netstack.devices.wireguard_types", "netstack.devices.team_types", "netstack.devices.fou_types"),
        *("netstack.devices.stacked_types", "netstack.devices.tunnel_types", "snapshot.decode.rare_devices"),
        *("netstack.devices.ip6_tunnel_types", "diagnosis.walk.entrance", "diagnosis.expectations.rule"),
        *(
            "snapshot.decode.ipsec",
            "snapshot.decode.wireguard",
            "snapshot.decode.team",
            "snapshot.decode.fou",
        ),
    )
)


def test_a_small_diagnosis_imports_nothing_of_other_questions() -> None:
    snapshot = SNAPSHOTS / "healthy-vxlan.skoop"
    words = [
        "diagnose",
        "-s",
        "pod/default/a",
        "-d",
        "pod/default/b",
        "-p",
        "8080",
        "--snapshot",
        str(snapshot),
    ]
    code = (
        f"import sys; from kubectl_skoop.cli.app import main; main({words});"
        f"print([module for module in {OF_OTHER_QUESTIONS + OF_WHAT_NO_NODE_HAS} if module in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("reachable")
    assert ran.stdout.splitlines()[-1] == "[]"


ERRORS: dict[str, tuple[BaseException, int, str]] = {
    "a wrong request": (InputError("no way"), 2, "error: no way\n"),
    "a wrong request with a hint": (InputError("no way", hint="do so"), 2, "error: no way (do so)\n"),
    "an unknown name": (UnknownName("no such pod"), 2, "error: no such pod\n"),
    "a file of another form": (FormatError("a:1: bad"), 2, "error: a:1: bad\n"),
    "any other error of ours": (SkoopError("hm"), 2, "error: hm\n"),
    "no verdict": (NoVerdict("not known"), 3, "error: not known\n"),
    "a damaged section": (SectionDamaged("lost"), 3, "error: lost\n"),
    "a file that the system refuses": (
        PermissionError(13, "Permission denied", "x"),
        2,
        "error: x: Permission denied\n",
    ),
    "a message of several lines": (InputError("a\nb\x1b[31m"), 2, "error: a\\nb\\x1b[31m\n"),
    "a bug": (
        ZeroDivisionError("oops"),
        4,
        "error: a bug of kubectl skoop: ZeroDivisionError: oops (run with --debug and report it)\n",
    ),
    "Ctrl-C": (KeyboardInterrupt(), 130, ""),
}


@pytest.mark.parametrize(("error", "code", "line"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_one_line_and_an_exit_code(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(version, "run", _raising(error))
    assert app.main(["version"]) == code
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize(
    "arguments", [["--debug", "version"], ["version", "--debug"]], ids=["before", "after"]
)
def test_debug_shows_the_traceback(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "run", _raising(ZeroDivisionError("oops")))
    with pytest.raises(ZeroDivisionError):
        app.main(arguments)


def test_debug_says_what_the_run_took(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["explain", "bridge.hairpin", "--debug"]) == ExitCode.OK
    assert re.fullmatch(
        r"debug: \d+\.\d{3} s, \d+\.\d{3} s of the processor with start-up, \d+ MiB\n",
        capsys.readouterr().err,
    )


USAGE = {
    "an unknown command": (["foo"], "no such command: foo"),
    "a command that is nearly one": (["diagnos"], "no such command: diagnos (did you mean diagnose?)"),
    "an unknown option": (["version", "--foo"], "No such option: --foo"),
    "an option without its value": (["check", "--snapshot"], "Option '--snapshot' requires an argument"),
    "a value that is none of the choices": (
        ["diagnose", "a", "b", "--protocol", "gre"],
        "Invalid value for '--protocol'",
    ),
    "a port that is no port": (
        ["diagnose", "a", "b", "--source-port", "70000"],
        "Invalid value for '--source-port'",
    ),
    "an option that must be given": (["collect", "-f", "x"], "Missing option '--node'"),
    "an argument too much": (["version", "x"], "Got unexpected extra argument"),
}


@pytest.mark.parametrize(("arguments", "begin"), USAGE.values(), ids=USAGE)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    arguments: list[str], begin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(arguments) == ExitCode.INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {begin}")
    assert err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ran = subprocess.run([PROGRAM, "explain"], stdout=write, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(write)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_terminal_that_knows_only_ascii_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = shell("explain", "bridge.hairpin", env={"PYTHONIOENCODING": "ascii"})
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.isascii()


@pytest.fixture(autouse=True)
def _garbage_threshold() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_explain_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    explain.run()
    assert "netfilter.drop " in capsys.readouterr().out
    explain.run("netfilter.drop")
    assert capsys.readouterr().out.startswith(
        "netfilter.drop: a rule or a chain's policy drops the packet\n\nMeans: "
    )
    explain.run("flannel.fdb.missing")
    assert capsys.readouterr().out.startswith("flannel.fdb.missing: a deviation")
    with pytest.raises(UnknownName, match=r"no such code: netfilter\.dorp") as raised:
        explain.run("netfilter.dorp")
    assert raised.value.hint.startswith("did you mean netfilter.drop")


def test_output_is_escaped_where_the_encoding_cannot_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(version, "run", lambda: print("→"))
    app.main(["version"])
    sys.stdout.flush()
    assert raw.getvalue() == b"\\u2192\n"
