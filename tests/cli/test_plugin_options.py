"""Options of plugins and providers that are not the cluster's: they do nothing, and are warned of."""

import json
from pathlib import Path

import pytest

from tests.cli.run import skoop

CALICO = Path(__file__).parents[2] / "snapshots" / "healthy-calico.skoop"
DETECTED = "the network plugin is calico (DaemonSet kube-system/calico-node)"
WARNED = {
    "of another plugin": (("--flannel-bridge", "cni0"), (f"--flannel-bridge does nothing: {DETECTED}",)),
    "of another provider": (
        ("--aws-region", "x"),
        ("--aws-region does nothing: the cloud provider is generic (no provider knows this cloud)",),
    ),
    "of the plugin that was asked for": (("--network-plugin", "flannel", "--flannel-bridge", "cni0"), ()),
    "of what the plugin is made of": (("--network-plugin", "canal", "--flannel-bridge", "cni0"), ()),
    "two": (
        ("--flannel-bridge", "cni0", "--flannel-host-interface=eth0"),
        (f"--flannel-bridge does nothing: {DETECTED}", f"--flannel-host-interface does nothing: {DETECTED}"),
    ),
}


@pytest.mark.parametrize(("words", "warnings"), WARNED.values(), ids=WARNED)
@pytest.mark.parametrize("command", [("check",), ("diagnose", "pod/default/a", "pod/default/b", "-p", "80")])
def test_what_does_nothing_is_warned_of(
    command: tuple[str, ...], words: tuple[str, ...], warnings: tuple[str, ...]
) -> None:
    ran = skoop(*command, "-o", "json", *words, "--snapshot", CALICO)
    assert ran.err.splitlines() == [f"warning: {warning}" for warning in warnings]
    assert json.loads(ran.out)["facts"]


def test_a_default_may_be_for_other_clusters() -> None:
    ran = skoop("check", "--snapshot", CALICO, env={"SKOOP_FLANNEL_BRIDGE": "cni0"})
    assert (ran.code, ran.out, ran.err) == (0, "nothing found\n", "")
