"""One node's dump. Changes nothing on the node: loads no module, creates no table."""

import errno
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from kubectl_skoop.collect.bpf_cgroup import read_cgroup_programs
from kubectl_skoop.collect.bpf_links import read_bpf_links
from kubectl_skoop.collect.features import Kernel
from kubectl_skoop.collect.namespace import read_namespace
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import NETLINK_ROUTE, NetlinkSocket
from kubectl_skoop.collect.netns import CannotEnter, identity
from kubectl_skoop.collect.node_facts import read_facts
from kubectl_skoop.collect.rtnetlink.tables import read_neighbour_tables
from kubectl_skoop.collect.selection import Wanted
from kubectl_skoop.collect.table import describe, read_table
from kubectl_skoop.collect.tools import Running
from kubectl_skoop.collect.userns import UserNamespaces
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.snapshot.dump import NamespaceDump, NamespaceKind, NodeDump, Table

WORKERS = 4
_VANISHED = frozenset({errno.ENOENT, errno.ESRCH})
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
    ended: Callable[[], Mapping[str, str]] = dict,
    conntrack: Wanted = "all",
) -> NodeDump:
    """The host's namespace first, then each other one once, whatever pods share it.

    `pods`: `namespace/name` → file of the pod's network namespace. `host_pods`: those that live in the host's
    namespace. `lost`: pods without a namespace, with the reason. `ended`: asked when all is read, those that
    have ended meanwhile.

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

    of_kernel = {
        "bpf_links": read_table(read_bpf_links),
        "neighbour_tables": read_table(_read_neighbour_tables),
    }

    def read(number: str) -> Mapping[str, Table] | str:
        """The tables, or why there are none."""
        others = {other: path for other, path in paths.items() if other != number}
        try:
            tables = read_namespace(paths[number], kernel, others, conntrack)
        except OSError as error:
            if number == host or (isinstance(error, CannotEnter) and error.errno not in _VANISHED):
                raise _unreadable(paths[number], error) from error
            return f"its network namespace could not be read: {describe(error)}"
        tables |= of_kernel
        tables["user_namespace"] = read_table(lambda: users.owner(paths[number]))
        if number == host:
            tables["bpf_cgroups"] = read_table(read_cgroup_programs)
        return tables

    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="namespace") as workers:
        tools = workers.submit(_versions)
        found = dict(zip(paths, workers.map(read, paths), strict=True))
    gone = {**(lost or {}), **ended()}
    namespaces = []
    for number, tables in found.items():
        if isinstance(tables, str):
            gone = {**dict.fromkeys(owners[number], tables), **gone}
            continue
        alive = tuple(pod for pod in owners[number] if pod not in gone)
        if number == host or alive:
            kind: NamespaceKind = "host" if number == host else "pod"
            namespaces.append(NamespaceDump(id=number, kind=kind, pods=alive, tables=tables))
    return NodeDump(
        node=node,
        time=started,
        ended=time.time(),
        kernel=os.uname().release,
        tools=tools.result(),
        namespaces=tuple(namespaces),
        lost=tuple(f"pod/{pod}: {reason}" for pod, reason in gone.items()),
        facts=read_facts(kernel),
    )


def _read_neighbour_tables() -> list[Fields]:
    with NetlinkSocket(NETLINK_ROUTE, strict=True) as socket:
        return read_neighbour_tables(socket)


def _unreadable(path: Path, error: OSError) -> InputError:
    if isinstance(error, CannotEnter):
        hint = "collect needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, on the node"
        return InputError(f"{path}: cannot be entered: {describe(error)}", hint=hint)
    return InputError(f"{path}: cannot be read: {describe(error)}")


@cache
def _versions() -> Mapping[str, str]:
    """Asked once: a node's tools stay what they are for as long as the agent runs."""
    tables = Running(VERSIONS).finish()
    return {name: table.data.strip() for name, table in tables.items() if isinstance(table.data, str)}


def _identity(path: Path) -> str:
    try:
        return identity(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
