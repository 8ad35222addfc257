"""KubeSkoop's flags: understood, or answered with the new form."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from kubectl_skoop.cli.old_flags import NEW_FORMS
from tests.cli.run import skoop

SNAPSHOT = ("--snapshot", str(Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"))
UNDERSTOOD = (
    *("--network-plugin", "flannel"),
    *("--cloud-provider", "generic"),
    *("--proxy-mode", "iptables"),
    *("--cluster-cidr", "10.244.0.0/16"),
    *("--flannel-backend-type", "vxlan"),
    *("--flannel-host-interface", "eth0"),
    *("--flannel-bridge", "cni0"),
    *("--flannel-pod-mtu", "1450"),
    *("--collector-image", "kubeskoop/agent:v1.0.0"),
    *("--collector-image-pull-policy", "Always"),
    *("--collector-namespace", "skoop"),
    *("--collector-cri-address", "/run/containerd/containerd.sock"),
    *("--collector-pod-wait-timeout", "120s"),
)


def test_old_flags_are_understood() -> None:
    ran = skoop("diagnose", "-s", "10.244.1.2", "-d", "10.244.2.2", "--dport", "8080", *SNAPSHOT, *UNDERSTOOD)
    assert (ran.code, ran.err) == (0, "")


def test_the_old_name_of_the_kubeconfig_is_understood() -> None:
    ran = skoop("diagnose", "-s", "10.0.0.1", "-d", "10.0.0.2", "-p", "80", "--kube-config", "/nonexistent")
    assert "--kubeconfig /nonexistent: no such file" in ran.err


WITHOUT_COMMAND = {"-s", "--src", "-d", "--dst", "-p", "--dport", "--protocol", "--version"}


def _words(flag: str) -> Sequence[str]:
    if flag in WITHOUT_COMMAND:
        return (flag, "10.0.0.1")
    plugin = (
        ("--network-plugin", flag[2:].partition("-")[0]) if flag.startswith(("--flannel", "--calico")) else ()
    )
    return (
        "diagnose",
        "pod/default/a",
        "pod/default/b",
        "-p",
        "8080",
        *SNAPSHOT,
        *plugin,
        f"{flag}=1",
    )


@pytest.mark.parametrize("flag", NEW_FORMS)
def test_an_old_flag_is_answered_with_the_new_form(flag: str) -> None:
    ran = skoop(*_words(flag))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(f"({NEW_FORMS[flag]})\n")
    assert ran.err.count("\n") == 1


def test_other_unknown_options_are_answered_as_before() -> None:
    assert (
        skoop("version", "--foo").err == "error: No such option: --foo (see 'kubectl skoop version --help')\n"
    )


@pytest.mark.parametrize(
    "flag", ["--kube-config", "--cloud-provider", "--collector-image", "--flannel-bridge", "--snapshot", "-o"]
)
def test_a_flag_before_the_command_is_told_where_it_belongs(flag: str) -> None:
    ran = skoop(flag, "x", "diagnose")
    assert ran.code == 2
    where = f"options come after the command: kubectl skoop diagnose {flag} ..."
    assert ran.err == f"error: No such option: {flag} ({where})\n"


@pytest.mark.parametrize("file", ["-", "way.svg", "folder/way"])
def test_output_is_no_file_here(file: str) -> None:
    ran = skoop("diagnose", "-s", "pod/default/a", "-d", "pod/default/b", *SNAPSHOT, "--output", file)
    assert ran.code == 2
    assert ran.err.endswith("(-o names a format, and the answer goes to standard output: -o svg > FILE)\n")


@pytest.mark.parametrize(
    "words", [("-h",), ("diagnose", "-h"), ("check", "--snapshot", "x", "-h")], ids=" ".join
)
def test_help_has_a_short_name_as_with_kubectl(words: Sequence[str]) -> None:
    ran = skoop(*words, env={"SKOOP_CONFIG": "/nonexistent"})
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: kubectl skoop")
