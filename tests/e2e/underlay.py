"""The network between the nodes: a switch, and this machine on one of its ports.

`.1` is this machine, `.2` the control plane, `.11` and on the nodes, `.254` the switch itself: a client
outside of the cluster, and the nodes' default gateway, which forwards nothing.
"""

import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from kubectl_skoop.testing import netns
from kubectl_skoop.testing.netns import Namespace
from tests.e2e.errors import ClusterError
from tests.e2e.slot import Slot

POD_NETWORK = IPv4Network("10.244.0.0/16")
SERVICE_NETWORK = IPv4Network("10.96.0.0/16")
SWITCH, CONTROL_PLANE = "switch", "control"

_MACHINE, _CONTROL_PLANE, _FIRST_NODE, _SWITCH = 1, 2, 10, 254


def node_name(number: int) -> str:
    """Nodes count from 1."""
    return f"node{number}"


def node_address(slot: Slot, number: int) -> IPv4Address:
    return slot.network[_FIRST_NODE + number]


def control_plane_address(slot: Slot) -> IPv4Address:
    return slot.network[_CONTROL_PLANE]


def switch_address(slot: Slot) -> IPv4Address:
    return slot.network[_SWITCH]


def pod_range(number: int) -> IPv4Network:
    """The pods of a node."""
    return list(POD_NETWORK.subnets(new_prefix=24))[number]


def build(slot: Slot, nodes: int) -> Namespace:
    """All network namespaces, their links and routes. Returns the switch.

    Raises:
        ClusterError: the kernel refused.
    """
    numbers = range(1, nodes + 1)
    names = {SWITCH: f"{slot.prefix}-{SWITCH}"}
    ends = {CONTROL_PLANE: control_plane_address(slot)}
    ends |= {node_name(number): node_address(slot, number) for number in numbers}
    names |= {end: f"{slot.prefix}-{end}" for end in ends}
    netns.create(names.values())
    switch = names[SWITCH]
    length = slot.network.prefixlen
    _batch(
        [
            f"link add {slot.prefix} type veth peer name machine netns {switch}",
            f"addr add {slot.network[_MACHINE]}/{length} dev {slot.prefix}",
            f"link set {slot.prefix} up",
        ]
    )
    _batch(
        [
            "link set lo up",
            "link add br0 type bridge",
            f"addr add {slot.network[_SWITCH]}/{length} dev br0",
            "link set br0 up",
            "link set machine master br0 up",
            *(f"link add {end} type veth peer name eth0 netns {names[end]}" for end in ends),
            *(f"link set {end} master br0 up" for end in ends),
        ],
        switch,
    )
    for end, address in ends.items():
        others = (number for number in numbers if node_name(number) != end)
        _batch(
            [
                "link set lo up",
                f"addr add {address}/{length} dev eth0",
                "link set eth0 up",
                f"route add default via {slot.network[_SWITCH]}",
                *(f"route add {pod_range(number)} via {node_address(slot, number)}" for number in others),
            ],
            names[end],
        )
    return Namespace(switch)


def _batch(lines: Sequence[str], namespace: str = "") -> None:
    command = ("ip", *(("-n", namespace) if namespace else ()), "-batch", "-")
    text = "\n".join(lines)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"the network between the nodes: {done.stderr.strip()}")
