"""kube-proxy in ipvs mode, in a guest kernel that has IPVS and stands in a node's place."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.e2e import binaries
from tests.e2e.errors import ClusterError
from tests.e2e.proxy.lab import ProxyLab
from tests.kernel.guest import machine

MODULES = (
    "ip_vs",
    "ip_vs_rr",
    "ip_vs_wrr",
    "ip_vs_sh",
    "dummy",
    "ip_set",
    "xt_set",
    "inet_diag",
    "nf_conntrack_netlink",
)
LAST_WITH_FIREWALL = 27
"""Of the minor versions, whose kubelet drops what kube-proxy marks for it (kubelet_network_linux.go)."""
TAP = "tap0"


def run(lab: ProxyLab, name: str, faults: Sequence[Mapping[str, object]]) -> Path:
    """The folder with `healthy.dump`, and a dump for each fault, by its number.

    Raises:
        ClusterError: there can be no guest.
        GuestError: it or its job failed.
    """
    if reason := machine.why_no_guest():
        raise ClusterError(reason)
    node = lab.nodes[name]
    folder = node.room.folder / "guest"
    folder.mkdir()
    devices = json.loads(node.room.run("ip", "-j", "address", "show", "dev", "eth0"))
    (address,) = (one for one in devices[0]["addr_info"] if one["family"] == "inet")
    _replace_address(node.room.run)
    settings = json.loads((node.room.folder / "kube-proxy.yaml").read_text())
    (folder / "kube-proxy.yaml").write_text(json.dumps(settings))
    program = binaries.built(node.proxy.version, ("kube-proxy",)) / "kube-proxy"
    job = {
        "node": name,
        "address": f"{address['local']}/{address['prefixlen']}",
        "program": str(program),
        "kubelet": binaries.minor(node.proxy.version) <= LAST_WITH_FIREWALL,
        "faults": list(faults),
    }
    (folder / "job.json").write_text(json.dumps(job))
    inside = ("nsenter", f"--net={node.room.namespace.path}")
    script = Path(__file__).with_name("guest_job.py")
    machine.run(script, folder, MODULES, memory="1G", tap=TAP, inside=inside)
    return folder


def _replace_address(run: Callable[..., str]) -> None:
    """The guest gets the node's address; the room only passes frames on."""
    run("ip", "tuntap", "add", TAP, "mode", "tap")
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "address", "flush", "dev", "eth0")
    for device in ("eth0", TAP):
        run("ip", "link", "set", device, "master", "br0")
    for device in ("br0", TAP):
        run("ip", "link", "set", device, "up")
