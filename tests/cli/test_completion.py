"""What the tab key offers: as kubectl is told, and in real shells."""

import json
import os
import pty
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kubectl_skoop import __version__
from kubectl_skoop.cli import complete
from kubectl_skoop.cli.completion import script
from kubectl_skoop.cli.group import COMMANDS, load
from tests.cli.run import PROGRAM, skoop

ROOT = Path(__file__).parents[2]
SNAPSHOT = ("--snapshot", str(ROOT / "snapshots" / "healthy-vxlan.skoop"))
NOTHING = [":4"]
PATIENCE = 120
"""Seconds after which a shell that does not end is killed."""

OFFERED: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "a command": (["diag"], ["diagnose", ":4"]),
    "a command, after an option": (["--debug", "diag"], ["diagnose", ":4"]),
    "an option": (["version", "--h"], ["--help", ":4"]),
    "an option once only": (["diagnose", "--src", "a", "--sr"], NOTHING),
    "an option that may be repeated": (["check", "--as-group", "a", "--as-g"], ["--as-group", ":4"]),
    "an option of a plugin": (["check", "--flannel-br"], ["--flannel-bridge", ":4"]),
    "a value": (["check", "-o", "y"], ["yaml", ":4"]),
    "a value after an equals sign": (["check", "--output=y"], ["yaml", ":4"]),
    "a value of a plugin's option": (["check", "--flannel-backend-type", "h"], ["host-gw", ":4"]),
    "a plugin": (["check", "--network-plugin", "cal"], ["calico", ":4"]),
    "a code": (["explain", "bridge.h"], ["bridge.hairpin", ":4"]),
    "a table": (["inspect", *SNAPSHOT, "node/n1", "ro"], ["routes", ":4"]),
    "kinds of places": (
        ["diagnose", *SNAPSHOT, ""],
        ["pod/", "svc/", "node/", "deploy/", "sts/", "ds/", ":6"],
    ),
    "a pod, with and without its namespace": (
        ["diagnose", *SNAPSHOT, "pod/"],
        ["pod/a", "pod/a2", "pod/b", "pod/b2", "pod/default/", ":4"],
    ),
    "a namespace is no whole name": (["diagnose", *SNAPSHOT, "pod/d"], ["pod/default/", ":6"]),
    "a pod of a namespace": (
        ["diagnose", *SNAPSHOT, "pod/default/b"],
        ["pod/default/b", "pod/default/b2", ":4"],
    ),
    "a pod as NAMESPACE/NAME": (["diagnose", *SNAPSHOT, "default/a"], ["default/a", "default/a2", ":4"]),
    "the receiver": (["diagnose", "pod/a", *SNAPSHOT, "svc/w"], ["svc/web", ":4"]),
    "the receiver by its option": (
        ["diagnose", *SNAPSHOT, "-d", "svc/default/p"],
        ["svc/default/pair", ":4"],
    ),
    "a node": (["diagnose", *SNAPSHOT, "-s", "node/"], ["node/n1", "node/n2", ":4"]),
    "a pod in the namespace that was named": (
        ["diagnose", *SNAPSHOT, "-n", "default", "-s", "pod/a"],
        ["pod/a", "pod/a2", ":4"],
    ),
    "a namespace": (["diagnose", *SNAPSHOT, "-n", ""], ["default", ":4"]),
    "senders of a policy": (["connectivity", *SNAPSHOT, "--from", "pod/a"], ["pod/a", "pod/a2", ":4"]),
    "a file": (["check", "--snapshot", ""], [":0"]),
    "a file, though its option is a text": (["check", "--kubeconfig", ""], [":0"]),
    "a number is free": (["diagnose", "--source-port", ""], NOTHING),
    "a kind that is none": (["inspect", *SNAPSHOT, "svc/"], NOTHING),
    "a command that is none": (["foo", ""], NOTHING),
    "a snapshot that is none": (["diagnose", "--snapshot", "/nonexistent", "pod/"], NOTHING),
    "no cluster": (["diagnose", "pod/"], NOTHING),
}


def _values(out: str) -> list[str]:
    return [line.partition("\t")[0] for line in out.splitlines()]


@pytest.mark.parametrize(("words", "offered"), OFFERED.values(), ids=OFFERED)
def test_what_is_offered(words: Sequence[str], offered: Sequence[str]) -> None:
    ran = skoop("__complete", *words)
    assert (ran.code, ran.err) == (0, "")
    assert _values(ran.out) == list(offered)


def test_all_commands_are_offered_with_what_they_do() -> None:
    lines = skoop("__complete", "").out.splitlines()
    assert lines[: len(COMMANDS)] == [f"{name}\t{command.text}" for name, command in COMMANDS.items()]


def test_a_default_names_the_snapshot() -> None:
    ran = skoop("__complete", "inspect", "node/", env={"SKOOP_SNAPSHOT": SNAPSHOT[1]})
    assert _values(ran.out) == ["node/n1", "node/n2", ":4"]


def test_manifests_are_asked_for_names(objects: Path) -> None:
    ran = skoop("__complete", "connectivity", "--manifests", str(objects), "--to", "svc/")
    assert _values(ran.out) == ["svc/web", "svc/default/", "svc/shop/", ":4"]


def test_a_name_of_two_namespaces_is_offered_with_them_only(snapshot: Path) -> None:
    ran = skoop("__complete", "diagnose", "--snapshot", str(snapshot), "pod/")
    assert _values(ran.out) == ["pod/a", "pod/b", "pod/c", "pod/default/", "pod/shop/", ":4"]


def test_every_parameter_is_known_or_free() -> None:
    free = {
        *("cluster_cidr", "deadline", "debug_image", "groups", "image", "impersonate", "netns", "policy"),
        *("port", "pull_secrets", "request_timeout", "wait", "conntrack", "address"),
        *("resume", "claim", "account", "run_deadline", "service_cidr", "checkpoint", "owner"),
    }
    for command in COMMANDS:
        for parameter in load(command).params:
            name = parameter.name or ""
            if type(parameter.type).__name__ == "StringParamType":
                assert name in complete.KNOWN or name in complete._FILE_PARAMETERS or name in free, name


# ------------------------------------------------------------------- live


NAMES = {
    "/api/v1/namespaces": ("default", "shop"),
    "/api/v1/nodes": ("w1", "w2"),
    "/api/v1/namespaces/default/pods": ("cart",),
    # What a shell would run is never offered.
    "/api/v1/namespaces/shop/pods": ("db-0", "db-1", "db-$(reboot)", "db-\x1b[2J", "db-2\ndb-3"),
    "/apis/apps/v1/namespaces/shop/deployments": ("web",),
}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Of an API server that lists names, and does not let services be listed."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            asked.append(path)
            found = NAMES.get(path)
            body = {"items": [{"metadata": {"name": name}} for name in found or ()]}
            self.send_response(200 if found else 403)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield _kubeconfig(tmp_path / "config", server.server_port)
        server.shutdown()


def _kubeconfig(path: Path, port: int) -> Path:
    content = {
        "clusters": [{"name": "kube", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "kube"}},
            {"name": "shopping", "context": {"cluster": "kube", "namespace": "shop"}},
        ],
        "current-context": "here",
    }
    path.write_text(json.dumps(content))
    return path


LIVE: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "pods of the context's namespace": (
        ["diagnose", "pod/"],
        ["pod/cart", "pod/default/", "pod/shop/", ":4"],
    ),
    "pods of another context": (
        ["diagnose", "--context", "shopping", "pod/d"],
        ["pod/db-0", "pod/db-1", "pod/default/", ":4"],
    ),
    "pods of a namespace": (["diagnose", "pod/shop/"], ["pod/shop/db-0", "pod/shop/db-1", ":4"]),
    "workloads": (["diagnose", "deploy/shop/"], ["deploy/shop/web", ":4"]),
    "nodes": (["inspect", "node/w"], ["node/w1", "node/w2", ":4"]),
    "nodes in a list": (["snapshot", "--nodes", "w1,"], ["w1,w1", "w1,w2", ":4"]),
    "namespaces": (["diagnose", "-n", "s"], ["shop", ":4"]),
    "what may not be listed": (["diagnose", "svc/shop/"], NOTHING),
    "contexts": (["check", "--context", ""], ["here", "shopping", ":4"]),
    "clusters": (["check", "--cluster", ""], ["kube", ":4"]),
}


@pytest.mark.parametrize(("words", "offered"), LIVE.values(), ids=LIVE)
def test_what_a_live_cluster_offers(words: Sequence[str], offered: Sequence[str], kubeconfig: Path) -> None:
    ran = skoop("__complete", *words, env={"KUBECONFIG": str(kubeconfig)})
    assert (_values(ran.out), ran.err) == (list(offered), "")


def test_a_cluster_that_does_not_answer_offers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    def hang(words: Sequence[str]) -> complete.Completion:
        never.wait()
        return complete.NOTHING

    monkeypatch.setattr(complete, "complete", hang)
    monkeypatch.setattr(complete, "PATIENCE", 0.01)
    assert skoop("__complete", "diagnose", "pod/").out == ":4\n"
    never.set()


# ------------------------------------------------------------------- shells


def _shell(name: str) -> str:
    """Its program. CI has all of them."""
    program = shutil.which(name)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(f"there is no {name}")
        pytest.skip(f"there is no {name}")
    return program


def _environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": f"{PROGRAM.parent}:/usr/bin:/bin",
        "SKOOP_SNAPSHOT": SNAPSHOT[1],
        "TERM": "dumb",
    }


def _typed(command: Sequence[str], text: str, home: Path) -> str:
    """What a terminal shows when this is typed into an interactive shell that then ends."""
    parent, child = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=child,
        stdout=child,
        stderr=child,
        env=_environment(home),
        cwd=home,
        start_new_session=True,
    ) as process:
        os.close(child)
        patience = threading.Timer(PATIENCE, process.kill)
        patience.start()
        os.write(parent, text.encode())
        shown = b""
        # The terminal's end is an error on Linux, and an empty read elsewhere.
        try:
            while part := os.read(parent, 4096):
                shown += part
        except OSError:
            pass
        process.wait()
        patience.cancel()
    os.close(parent)
    return shown.decode()


INTERACTIVE: Mapping[str, tuple[Sequence[str], str]] = {
    "bash": (["--norc", "--noprofile", "-i"], "source {script}\n"),
    "zsh": (["-f", "-i"], "autoload -U compinit; compinit -u -D; source {script}\n"),
}


@pytest.mark.parametrize("name", INTERACTIVE)
def test_the_tab_key_of_a_real_shell_completes_a_command(name: str, tmp_path: Path) -> None:
    arguments, prepare = INTERACTIVE[name]
    path = tmp_path / "script"
    path.write_text(script(name))  # type: ignore[arg-type]
    typed = f"{prepare.format(script=path)}kubectl-skoop vers\t\nexit\n"
    assert f"kubectl-skoop {__version__}" in _typed([_shell(name), *arguments], typed, tmp_path)


WORDS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "a command": (["kubectl-skoop", "diag"], ["diagnose"]),
    "a pod": (["kubectl-skoop", "diagnose", "pod/default/a"], ["pod/default/a", "pod/default/a2"]),
    "a new word": (["kubectl-skoop", "inspect", "node/n1", ""], ["conntrack", "fdb", "ipsec", "ipset"]),
    "a value": (["kubectl-skoop", "check", "-o", "y"], ["yaml"]),
}


@pytest.mark.parametrize(("words", "offered"), WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("name", ["bash", "fish"])
def test_what_a_real_shell_offers(
    name: str, words: Sequence[str], offered: Sequence[str], tmp_path: Path
) -> None:
    assert SHELLS[name](_shell(name), words, tmp_path)[: len(offered)] == list(offered)


def test_bash_offers_a_value_after_an_equals_sign(tmp_path: Path) -> None:
    """bash takes the sign for a word of its own."""
    words = ["kubectl-skoop", "check", "--output", "=", "y"]
    assert _bash(_shell("bash"), words, tmp_path, line="kubectl-skoop check --output=y") == ["yaml"]


def test_bash_offers_files(tmp_path: Path) -> None:
    (tmp_path / "one.skoop").touch()
    assert _bash(_shell("bash"), ["kubectl-skoop", "check", "--snapshot", "on"], tmp_path) == ["one.skoop"]


def test_fish_offers_a_value_after_an_equals_sign(tmp_path: Path) -> None:
    assert _fish(_shell("fish"), ["kubectl-skoop", "check", "--output=y"], tmp_path) == ["--output=yaml"]


def _bash(program: str, words: Sequence[str], home: Path, line: str = "") -> list[str]:
    """As bash calls the function. `compopt` complains outside of a real completion."""
    path = home / "script"
    path.write_text(script("bash"))
    code = (
        f'source {path}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_POINT=${{#COMP_LINE}}; '
        'compopt() { :; }; __kubectl_skoop; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = _environment(home) | {"COMP_LINE": line or " ".join(words)}
    return _output([program, "--norc", "-c", code, "bash", *words], environment, home)


def _fish(program: str, words: Sequence[str], home: Path) -> list[str]:
    path = home / "script"
    path.write_text(script("fish"))
    code = f'source {path}; complete --do-complete "{" ".join(words)}"'
    return [
        line.partition("\t")[0]
        for line in _output([program, "--no-config", "-c", code], _environment(home), home)
    ]


SHELLS: Mapping[str, Callable[[str, Sequence[str], Path], list[str]]] = {"bash": _bash, "fish": _fish}


def _output(command: Sequence[str], environment: Mapping[str, str], home: Path) -> list[str]:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=home, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


# ------------------------------------------------------------------- completion, the command


def test_install_puts_the_script_where_the_shell_looks_and_the_door_beside_the_program(
    tmp_path: Path,
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "kubectl-skoop").symlink_to(PROGRAM)
    environment = {"HOME": str(tmp_path), "PATH": f"{tools}:/usr/bin:/bin", "SHELL": "/bin/bash"}
    ran = skoop("completion", "--install", env={**environment, "XDG_DATA_HOME": ""})
    written = tmp_path / ".local/share/bash-completion/completions/kubectl-skoop"
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"bash: {written}",
        "  read by the package bash-completion; without it: source the file in ~/.bashrc",
        f"kubectl: {tools / 'kubectl_complete-skoop'}",
    ]
    assert written.read_text() == script("bash")
    door = [str(tools / "kubectl_complete-skoop"), "vers"]
    assert _output(door, environment, tmp_path) == [":4", f"version\t{COMMANDS['version'].text}"]


PLACES = {
    "zsh": ".local/share/zsh/site-functions/_kubectl-skoop",
    "fish": ".config/fish/completions/kubectl-skoop.fish",
}


@pytest.mark.parametrize("name", PLACES)
def test_install_knows_the_place_of_each_shell(name: str, tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "PATH": f"{PROGRAM.parent}:/usr/bin:/bin",
        "XDG_DATA_HOME": "",
        "XDG_CONFIG_HOME": "",
    }
    ran = skoop("completion", name, "--install", env=environment)
    assert (ran.code, ran.err) == (0, "")
    assert (tmp_path / PLACES[name]).read_text() == script(name)  # type: ignore[arg-type]
    # pip has put kubectl's door there.
    assert f"kubectl: {PROGRAM.with_name('kubectl_complete-skoop')}" in ran.out


REFUSED = {
    "no shell": ([], {}, "the shell is missing (completion bash, zsh or fish; or completion --install)"),
    "a shell that we do not know": (["--install"], {"SHELL": "/bin/ksh"}, "SHELL is ksh, for which"),
    "another shell's name": (["ksh"], {}, "Invalid value for '[bash|zsh|fish]'"),
    "no program on the PATH": (
        ["bash", "--install"],
        {"PATH": "/nonexistent"},
        "kubectl-skoop is not on the PATH",
    ),
}


@pytest.mark.parametrize(("words", "environment", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_installed_is_one_line(
    words: Sequence[str], environment: Mapping[str, str], message: str, tmp_path: Path
) -> None:
    ran = skoop("completion", *words, env={"HOME": str(tmp_path), **environment})
    assert ran.code == 2
    assert ran.err.startswith(f"error: {message}")
    assert ran.err.count("\n") == 1
