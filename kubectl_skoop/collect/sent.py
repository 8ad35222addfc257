"""The agent in a container of somebody else's image: it was sent there, and pure Python is all that it has.

`kubectl_skoop.collect.live.parcel` packs it. The tools that read rules are those of the node's own root.
"""

import sys
from pathlib import Path

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.cri.sandboxes import read_sandboxes
from kubectl_skoop.collect.pods import find_pods, parse_expected
from kubectl_skoop.collect.priority import low_priority
from kubectl_skoop.collect.selection import parse_wanted
from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.snapshot.assemble import send_node_dump

HOST_NETNS = "/proc/1/ns/net"


def main(node: str, conntrack: str, runtime_socket: str = "") -> int:
    """Reads the list of pods from standard input, one line, and sends the dump to standard output."""
    try:
        expected = parse_expected(sys.stdin.buffer.readline().decode())
        found = find_pods(expected, sandboxes=read_sandboxes(runtime_socket))
        with low_priority():
            dump = collect_node(
                node,
                Path(HOST_NETNS),
                found.paths,
                conntrack=parse_wanted(conntrack),
                host_pods=found.host,
                lost=found.lost,
                ended=found.ended,
            )
            send_node_dump(dump, sys.stdout.buffer)
    except SkoopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
