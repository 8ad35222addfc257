"""One node's dump. Changes nothing on the node: loads no module, creates no table."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kubectl_skoop.collect.bpf_cgroup import read_cgroup_programs
from kubectl_skoop.collect.bpf_links import read_bpf_links
from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.collect.namespace import read_namespace
from kubectl_skoop.collect.netns import identity
from kubectl_skoop.collect.selection import Wanted
from kubectl_skoop.collect.table import describe, read_table
from kubectl_skoop.collect.tools import Running
from kubectl_skoop.collect.userns import UserNamespaces
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump

WORKERS = 4
VERSIONS = {
    "iptables-legacy": ("iptables-legacy-save", "--version"),
    "iptables-nft": ("iptables-nft-save", "--version"),
    "nft": ("nft", "--version"),
}


def collect_node(
    node: str,
    host_netns: Path,
    pods: Mapping[str, Path],
    *,
    host_pods: Sequence[str] = (),
    lost: Mapping[str, str] | None = None,
    conntrack: Wanted = "all",
) -> NodeDump:
    """The host's namespace first, then each other one once, whatever pods share it.

    `pods`: `namespace/name` → file of the pod's network namespace. `host_pods`: those that live in the host's
    namespace. `lost`: pods without a namespace, with the reason.

    Raises:
        InputError: a path that is no network namespace, or one that may not be entered.
    """
    started = time.time()
    kernel = Kernel()
    users = UserNamespaces()
    host = _identity(host_netns)
    paths = {host: host_netns}
    owners: dict[str, list[str]] = {host: list(host_pods)}
    for pod, path in pods.items():
        number = _identity(path)
        paths.setdefault(number, path)
        owners.setdefault(number, []).append(pod)

    links = read_table(read_bpf_links)

    def read(number: str) -> NamespaceDump:
        others = {other: path for other, path in paths.items() if other != number}
        try:
            tables = read_namespace(paths[number], kernel, others, conntrack)
        except OSError as error:
            raise InputError(
                f"{paths[number]}: cannot be entered: {describe(error)}",
                hint="collect needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, on the node",
            ) from error
        tables["user_namespace"] = read_table(lambda: users.owner(paths[number]))
        tables["bpf_links"] = links
        if number == host:
            tables["bpf_cgroups"] = read_table(read_cgroup_programs)
        return NamespaceDump(
            id=number, kind="host" if number == host else "pod", pods=tuple(owners[number]), tables=tables
        )

    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="namespace") as workers:
        tools = workers.submit(_versions)
        namespaces = tuple(workers.map(read, paths))
    return NodeDump(
        node=node,
        time=started,
        kernel=os.uname().release,
        tools=tools.result(),
        namespaces=namespaces,
        lost=tuple(f"pod/{pod}: {reason}" for pod, reason in (lost or {}).items()),
    )


def _versions() -> dict[str, str]:
    tables = Running(VERSIONS).finish()
    return {name: table.data.strip() for name, table in tables.items() if isinstance(table.data, str)}


def _identity(path: Path) -> str:
    try:
        return identity(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
