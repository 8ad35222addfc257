"""`collect`."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit, report_error
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.snapshot.dump import NodeDump

STANDARD = Path("-")
HOST_NETNS = Path("/proc/1/ns/net")


def run(
    node: Annotated[str, typer.Option("--node", metavar="NAME", help="The node's name in the cluster.")],
    file: Annotated[
        Path, typer.Option("--file", "-f", metavar="FILE", help="The dump to write; -: to standard output.")
    ],
    host_netns: Annotated[
        Path, typer.Option("--host-netns", metavar="PATH", help="The node's own network namespace.")
    ] = HOST_NETNS,
    netns: Annotated[
        list[str] | None,
        typer.Option("--netns", metavar="NAMESPACE/POD=PATH", help="A pod's network namespace; repeatable."),
    ] = None,
    pods: Annotated[
        str,
        typer.Option(
            "--pods",
            metavar="FILE",
            help="The pods that the cluster has here, as JSON: their namespaces are looked for; -: one line.",
        ),
    ] = "",
    conntrack: Annotated[
        str,
        typer.Option(
            "--conntrack",
            metavar="WHICH",
            help="all, none, or a list of ADDRESS, ADDRESS-ADDRESS (between two), NETWORK (within them all).",
        ),
    ] = "all",
    runtime_socket: Annotated[
        str,
        typer.Option(
            "--runtime-socket",
            metavar="PATH",
            help="The container runtime's, which is asked for --pods; default: the usual ones.",
        ),
    ] = "",
) -> int:
    """On a node, as root: dump what its kernel would use for a packet. Nothing on the node is changed.

    A namespace is given by a file: /proc/PID/ns/net, or one below /run/netns.
    """
    if not node:
        raise InputError("--node is empty", hint="the node's name in the cluster")
    named = parse_pods(netns or [])
    if sys.platform != "linux":
        raise InputError("collect reads the Linux kernel of the node it runs on, this is another system")
    if os.geteuid() != 0:
        raise InputError("collect must run as root", hint="it enters network namespaces and reads netfilter")
    from kubectl_skoop.collect.agent import collect_node
    from kubectl_skoop.collect.cri.sandboxes import read_sandboxes
    from kubectl_skoop.collect.pods import FoundPods, find_pods, parse_expected
    from kubectl_skoop.collect.priority import low_priority
    from kubectl_skoop.collect.selection import parse_wanted
    from kubectl_skoop.snapshot.assemble import send_node_dump, write_node_dump

    wanted = parse_wanted(conntrack)
    found = FoundPods()
    if pods:
        expected = parse_expected(_text(pods))
        found = find_pods(expected, sandboxes=read_sandboxes(runtime_socket))
    with low_priority():
        dump = collect_node(
            node,
            host_netns,
            {**found.paths, **named},
            host_pods=found.host,
            lost=found.lost,
            ended=found.ended,
            conntrack=wanted,
        )
        if file == STANDARD:
            send_node_dump(dump, sys.stdout.buffer)
        else:
            write_node_dump(dump, file)
    if file != STANDARD:
        emit(f"{file}: node {node}, {len(dump.namespaces)} network namespaces")
    unread = list(_unread(dump))
    if unread:
        report_error(f"{len(unread)} tables could not be read, the dump says which: {'; '.join(unread[:3])}")
    return ExitCode.NO_VERDICT if unread else ExitCode.OK


def _text(file: str) -> str:
    """One line of standard input, which may stay open. Raises: OSError."""
    return sys.stdin.readline() if file == "-" else Path(file).read_text()


def parse_pods(options: Sequence[str]) -> dict[str, Path]:
    """`NAMESPACE/POD=PATH` each. Raises: InputError."""
    pods: dict[str, Path] = {}
    for option in options:
        name, _, path = option.partition("=")
        namespace, _, pod = name.partition("/")
        if not namespace or not pod or "/" in pod or not path:
            raise InputError(f"--netns {option}: must be NAMESPACE/POD=PATH")
        if name in pods:
            raise InputError(f"--netns: {name} was given twice")
        pods[name] = Path(path)
    return pods


def _unread(dump: NodeDump) -> Iterator[str]:
    for namespace in dump.namespaces:
        for name, table in namespace.tables.items():
            if table.state not in ("ok", "absent"):
                owner = ", ".join(namespace.pods) or namespace.kind
                yield f"{owner} {name}: {table.state} ({table.reason})"
