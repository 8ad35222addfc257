"""The same namespace as iproute2 and we print it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.report.inspect import print_table
from kubectl_skoop.snapshot.dump import Table

pytestmark = pytest.mark.kernel

NAME = f"inspect{os.getpid()}"
SET_UP = """
link set lo up
link add br0 type bridge
link add veth1 type veth peer name veth2
link add vx0 type vxlan id 7 local 10.77.1.1 dstport 8472 nolearning
link set veth1 master br0 up
link set veth2 up
link set vx0 up
link set br0 up
addr add 10.77.1.1/24 dev br0
route add blackhole 10.78.0.0/16
route add 10.79.0.0/16 via 10.77.1.5 dev br0 onlink mtu lock 1400 proto bird metric 5 table 100
route add 10.80.0.0/16 nexthop via 10.77.1.5 dev br0 weight 2 nexthop via 10.77.1.6 dev br0
route add default via 10.77.1.5 src 10.77.1.1 proto static
route add throw 10.81.0.1 table 7
rule add from 10.77.1.2 to 10.0.0.0/8 fwmark 0x1/0xff iif br0 ipproto tcp dport 80-90 lookup 100 prio 50
rule add not from all tos 0x10 uidrange 5-6 goto 32766 prio 60
rule add lookup main suppress_prefixlength 0 prio 70
rule add from 10.9.0.0/16 oif nothing blackhole prio 80
neigh add 10.77.1.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent
neigh add 10.77.1.10 lladdr 02:00:00:00:00:10 dev br0 nud stale router
"""
FDB = """
fdb append 02:00:00:00:00:aa dev vx0 dst 10.77.1.7
fdb add 02:00:00:00:00:bb dev veth1 master static
fdb add 02:00:00:00:00:cc dev veth1 master static sticky
"""


def run(*command: str, given: str = "") -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=20).stdout


@pytest.fixture(scope="module")
def tables() -> Iterator[dict[str, Table]]:
    run("ip", "netns", "add", NAME)
    try:
        # IPv6 finds addresses and neighbours by itself, at any time.
        run("ip", "netns", "exec", NAME, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "netns", "exec", NAME, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        run("ip", "-n", NAME, "-batch", "-", given=SET_UP)
        run("bridge", "-n", NAME, "-batch", "-", given=FDB)
        dump = collect_node("n1", Path("/run/netns") / NAME, {})
        yield dict(dump.namespaces[0].tables)
    finally:
        run("ip", "netns", "delete", NAME)


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("routes", "ip -n {} route show table all"),
        ("rules", "ip -n {} -4 rule"),
        ("neighbours", "ip -n {} -4 neigh show nud all"),
        ("fdb", "bridge -n {} fdb"),
    ],
    ids=["routes", "rules", "neighbours", "fdb"],
)
def test_the_tool_prints_the_same(tables: dict[str, Table], what: str, command: str) -> None:
    theirs = run(*command.format(NAME).split())
    ours = print_table(what, tables).split("# IPv6")[0]
    assert squeezed(ours) == squeezed(theirs)
    assert len(squeezed(ours)) > 1


GROUP = re.compile(r"22[4-9]\.|23\d\.")
"""Neighbour entries of groups: the kernel makes them whenever it reports its memberships."""


def squeezed(text: str) -> list[str]:
    """Without differences of white space and our comments."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.split("\n"))
    return sorted(line for line in lines if line and not line.startswith("#") and not GROUP.match(line))
