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
