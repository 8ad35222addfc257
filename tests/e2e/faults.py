"""Faults in running nodes and pods: put in, and taken back again.

A step is `PLACE: COMMAND`. PLACE is one of `flow.places`, or `cluster`. Commands run in the place's network
namespace with this machine's tools; beside them there are

- `sysctl NAME=VALUE`, whose old value comes back by itself
- `inside COMMAND`, in all namespaces of a pod, with the tools of its image
- `cluster: kubectl ARGUMENTS`

`{name}` stands for a value of the running cluster, see `_Values`.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from kubectl_skoop.testing.netns import entered, finish, sysctl_file
from tests.e2e.cluster import Cluster
from tests.e2e.errors import ClusterError
from tests.e2e.flow import Flow, Place
from tests.e2e.underlay import pod_range

_PLACEHOLDER = re.compile(r"\{([a-z0-9.-]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    id: str
    source: str = ""
    """The kind of real failure, by the name that the lists of faults give it."""
    says: str
    flow: Flow
    """What fails."""
    symptoms: tuple[str, ...]
    """One of which the client sees."""
    partly: bool = False
    """Only some of the questions fail."""
    where: str
    """The place whose setting is wrong."""
    text: str = ""
    """A part of that setting, with placeholders; empty where one is missing."""
    prepare: tuple[str, ...] = ()
    """What must be there for the fault to matter; with it alone the flow still works."""
    do: tuple[str, ...]
    undo: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    """Takes away what was prepared."""
    rules_of: str = ""
    """A node whose rules of kube-proxy are changed: it is paused meanwhile, and its rules come back."""


@contextmanager
def prepared(fault: Fault, cluster: Cluster, where: Mapping[str, Place]) -> Iterator[None]:
    """All is there that the fault needs, but not the fault. Raises: ClusterError, LabError."""
    with _applied(fault.prepare, fault.clear, cluster, where):
        yield


@contextmanager
def put(fault: Fault, cluster: Cluster, where: Mapping[str, Place]) -> Iterator[None]:
    """The fault is there; in the end it is not.

    Raises:
        ClusterError, LabError: a step failed.
    """
    with ExitStack() as stack:
        stack.enter_context(prepared(fault, cluster, where))
        if fault.rules_of:
            stack.enter_context(_own_rules(cluster, fault.rules_of))
        stack.enter_context(_applied(fault.do, fault.undo, cluster, where))
        yield


@contextmanager
def _applied(
    do: Sequence[str], undo: Sequence[str], cluster: Cluster, where: Mapping[str, Place]
) -> Iterator[None]:
    """What `undo` says is taken from the cluster as it was before."""
    with ExitStack() as stack:
        steps = _Steps(cluster, where, stack)
        back = [filled(step, cluster, where) for step in undo]
        stack.callback(steps.run_all, back)
        steps.run_all([filled(step, cluster, where) for step in do])
        yield


@contextmanager
def _own_rules(cluster: Cluster, name: str) -> Iterator[None]:
    """kube-proxy writes its rules again when it likes, so it is stopped in its tracks."""
    node = cluster.nodes[name]
    proxy, namespace = node.room.daemons["kube-proxy"], node.namespace
    proxy.pause()
    try:
        if node.proxy_mode == "nftables":
            rules = namespace.run("nft", "list", "table", "ip", "kube-proxy")
            restore, text = "nft -f -", f"delete table ip kube-proxy\n{rules}"
        else:
            restore, text = "iptables-restore", namespace.run("iptables-save")
        try:
            yield
        finally:
            namespace.run(*restore.split(), text=text)
    finally:
        proxy.resume()


def filled(text: str, cluster: Cluster, where: Mapping[str, Place]) -> str:
    """With the values of the running cluster for its placeholders."""
    values = _Values(cluster, where)
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


class _Steps:
    def __init__(self, cluster: Cluster, where: Mapping[str, Place], stack: ExitStack) -> None:
        self._cluster, self._where, self._stack = cluster, where, stack

    def run_all(self, steps: Sequence[str]) -> None:
        for step in steps:
            name, _, command = step.partition(": ")
            self._run(name, shlex.split(command))

    def _run(self, name: str, words: list[str]) -> None:
        if name == "cluster" and words[0] == "kubectl":
            self._cluster.kubectl(*words[1:])
            return
        place = self._where[name]
        if place.namespace is None:
            raise ClusterError(f"no command can run in {name}")
        match words:
            case ["sysctl", setting]:
                key, _, value = setting.partition("=")
                with entered(place.namespace.path):
                    file = sysctl_file(key)
                    before = file.read_text().strip()
                self._stack.callback(place.namespace.set_sysctls, {key: before})
                place.namespace.set_sysctls({key: value})
            case ["inside", *command] if place.pod:
                pid = place.pod.pid
                finish(
                    place.namespace.start("nsenter", f"--target={pid}", "--mount", "--pid", "--", *command)
                )
            case _:
                place.namespace.run(*words)


class _Values:
    """What a step may say of the cluster.

    - `{one}`, `{node1}`, `{svc.web}`: an address
    - `{range.node1}`: a node's pods; `{gateway.node1}`: their gateway; `{gone.node1}`: an address of no pod
    - `{netns.node1}`: its network namespace, as ip(8) names it
    - `{port.one}`: the port of the bridge that leads to a pod
    - `{chain.one}`: the chain of the service `one` for TCP; `{sep.one}`: that of its only endpoint (iptables)
    - `{nft.one}`: the same chain of the service in nftables mode
    """

    def __init__(self, cluster: Cluster, where: Mapping[str, Place]) -> None:
        self._cluster, self._where = cluster, where

    def __getitem__(self, name: str) -> str:
        if name in self._where:
            return self._where[name].address
        kind, _, of = name.partition(".")
        match kind:
            case "range":
                return str(pod_range(self._cluster.nodes[of].number))
            case "gateway":
                return str(pod_range(self._cluster.nodes[of].number)[1])
            case "gone":
                return str(pod_range(self._cluster.nodes[of].number)[250])
            case "netns":
                return self._cluster.nodes[of].namespace.name
            case "port":
                return self._port(of)
            case "chain":
                return self._chain(rf"-A (KUBE-SVC-\S+) .*default/{of}:http -> ")
            case "sep":
                return self._chain(rf"-A (KUBE-SEP-\S+) .*default/{of}:http\" .*-j DNAT")
            case "nft":
                return self._nft_chain(f"-default/{of}/tcp/http")
            case _:
                raise KeyError(f"no value {{{name}}}")

    def _port(self, name: str) -> str:
        """The host's end of a veth pair: its index is the pod's `link`."""
        pod = self._where[name].pod
        if pod is None:
            raise KeyError(f"{name} is no pod")
        device: list[dict[str, Any]] = json.loads(
            pod.namespace.run("ip", "-j", "link", "show", "dev", "eth0")
        )
        links = json.loads(self._cluster.nodes[pod.node].namespace.run("ip", "-j", "link"))
        found: str = next(link["ifname"] for link in links if link["ifindex"] == device[0]["link_index"])
        return found

    def _chain(self, pattern: str) -> str:
        """The names of chains are the same on all nodes: a hash of service, protocol and endpoint."""
        saved = self._cluster.nodes["node1"].namespace.run("iptables-save", "-t", "nat")
        found = re.search(pattern, saved)
        if found is None:
            raise KeyError(f"no rule like {pattern}")
        return found[1]

    def _nft_chain(self, end: str) -> str:
        listed = self._cluster.nodes["node2"].namespace.run("nft", "-j", "list", "chains", "ip")
        chains = (entry["chain"]["name"] for entry in json.loads(listed)["nftables"] if "chain" in entry)
        found: str = next(name for name in chains if name.startswith("service-") and name.endswith(end))
        return found
