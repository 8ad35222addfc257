"""What a cluster needs of this machine beside the programs that are built."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.e2e import cgroup
from tests.e2e.errors import ClusterError
from tests.e2e.node_files import CNI_PROGRAMS

_PACKAGES: Mapping[str, str] = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "bridge": "iproute2",
    "iptables": "iptables",
    "ipset": "ipset",
    "nft": "nftables",
    "conntrack": "conntrack",
    "nsenter": "util-linux",
    "openssl": "openssl",
    f"{CNI_PROGRAMS}/bridge": "containernetworking-plugins",
    f"{CNI_PROGRAMS}/portmap": "containernetworking-plugins",
    "/bin/busybox": "busybox-static",
}
"""Debian's names, by the program."""


def check() -> None:
    """Raises: ClusterError: something is missing, in one line."""
    if os.geteuid() != 0:
        raise ClusterError("a cluster needs root: it makes namespaces, mounts and cgroups")
    missing = {package for program, package in _PACKAGES.items() if not _is_there(program)}
    if missing:
        raise ClusterError(f"a cluster needs more programs: apt install {' '.join(sorted(missing))}")
    if not cgroup.hierarchies():
        raise ClusterError(f"a cluster needs cgroups: nothing is mounted under {cgroup.MOUNTED}")


def _is_there(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else shutil.which(program) is not None
