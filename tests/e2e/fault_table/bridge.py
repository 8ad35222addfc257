"""Faults of the devices, the bridge and the neighbours of a node."""

from tests.e2e.faults import Fault
from tests.e2e.flow import ACROSS, Flow
from tests.e2e.probe import NO_ROUTE, SILENCE
from tests.e2e.workloads import POD_ECHO_PORT, SERVICE_PORT

_SAME_NODE = Flow("client.node1", "web.node1")
_HAIRPIN = Flow("one", "svc.one", SERVICE_PORT)
_LARGE = Flow("client.node1", "web.node3", size=3000)
_LARGE_DATAGRAM = Flow("client.node1", "web.node2", POD_ECHO_PORT, "udp", size=1400)

BRIDGE = (
    Fault(
        id="veth-down",
        source="F-20",
        says="the host's end of the pod's veth pair is down",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="node2",
        text="{port.web.node2}",
        do=("node2: ip link set {port.web.node2} down",),
        undo=("node2: ip link set {port.web.node2} up",),
    ),
    Fault(
        id="veth-without-bridge",
        source="F-20",
        says="the pod's veth is no port of the bridge any more",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="node2",
        text="{port.web.node2}",
        do=("node2: ip link set {port.web.node2} nomaster",),
        undo=(
            "node2: ip link set {port.web.node2} master cni0",
            "node2: bridge link set dev {port.web.node2} hairpin on",
        ),
    ),
    Fault(
        id="bridge-port-disabled",
        source="F-22",
        says="the port of the bridge is disabled",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="node2",
        text="{port.web.node2}",
        do=("node2: bridge link set dev {port.web.node2} state 0",),
        undo=("node2: bridge link set dev {port.web.node2} state 3",),
    ),
    Fault(
        id="bridge-ports-isolated",
        source="F-23",
        says="two pods of one node are on isolated ports",
        flow=_SAME_NODE,
        symptoms=(SILENCE, NO_ROUTE),
        where="node1",
        text="{port.web.node1}",
        do=(
            "node1: bridge link set dev {port.client.node1} isolated on",
            "node1: bridge link set dev {port.web.node1} isolated on",
        ),
        undo=(
            "node1: bridge link set dev {port.client.node1} isolated off",
            "node1: bridge link set dev {port.web.node1} isolated off",
        ),
    ),
    Fault(
        id="hairpin-off",
        source="F-25",
        says="a pod that is its service's only backend cannot ask it",
        flow=_HAIRPIN,
        symptoms=(SILENCE,),
        where="node1",
        text="{port.one}",
        do=("node1: bridge link set dev {port.one} hairpin off",),
        undo=("node1: bridge link set dev {port.one} hairpin on",),
    ),
    Fault(
        id="bridge-without-address",
        source="F-21",
        says="the bridge lost its address, and the node its route to its pods",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="node2",
        text="cni0",
        do=("node2: ip addr del {gateway.node2}/24 dev cni0",),
        undo=("node2: ip addr add {gateway.node2}/24 brd + dev cni0",),
    ),
    Fault(
        id="bridge-of-another-range",
        source="F-21",
        says="the bridge has the address of another range than the node's",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="node2",
        text="cni0",
        do=(
            "node2: ip addr add 10.244.9.1/24 dev cni0",
            "node2: ip addr del {gateway.node2}/24 dev cni0",
        ),
        undo=(
            "node2: ip addr add {gateway.node2}/24 brd + dev cni0",
            "node2: ip addr del 10.244.9.1/24 dev cni0",
        ),
    ),
    Fault(
        id="neighbour-of-pod-wrong",
        source="F-27",
        says="the node has a MAC for the pod that is not the pod's",
        flow=ACROSS,
        symptoms=(SILENCE,),
        where="node2",
        text="02:00:00:00:00:99",
        do=("node2: ip neigh replace {web.node2} lladdr 02:00:00:00:00:99 dev cni0 nud permanent",),
        undo=("node2: ip neigh del {web.node2} dev cni0",),
    ),
    Fault(
        id="neighbour-of-node-wrong",
        source="F-27",
        says="a node has a MAC for the other that nobody has",
        flow=ACROSS,
        symptoms=(SILENCE,),
        where="node1",
        text="02:00:00:00:00:98",
        do=("node1: ip neigh replace {node2} lladdr 02:00:00:00:00:98 dev eth0 nud permanent",),
        undo=("node1: ip neigh del {node2} dev eth0",),
    ),
    Fault(
        id="gateway-ignores-arp",
        source="F-32",
        says="the bridge does not answer ARP, and the pod does not know it yet",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="node1",
        text="arp_ignore",
        do=(
            "node1: sysctl net.ipv4.conf.cni0.arp_ignore=8",
            "client.node1: ip neigh flush dev eth0",
        ),
    ),
    Fault(
        id="mtu-of-port-small",
        source="F-14",
        says="the host's end of the veth pair has a smaller MTU than the bridge: large datagrams vanish",
        flow=_LARGE_DATAGRAM,
        symptoms=(SILENCE,),
        where="node2",
        text="{port.web.node2}",
        do=("node2: ip link set {port.web.node2} mtu 1300", "node2: ip link set cni0 mtu 1500"),
        undo=("node2: ip link set {port.web.node2} mtu 1500",),
    ),
    Fault(
        id="mtu-of-uplink-small-without-icmp",
        source="F-78",
        says="the node's MTU is smaller than the pod's, and the message that says so is dropped",
        flow=_LARGE,
        symptoms=(SILENCE,),
        where="node1",
        text="--icmp-type 3/4",
        do=(
            "node1: ip link set eth0 mtu 1300",
            "node1: iptables -I OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP",
        ),
        undo=(
            "node1: iptables -D OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP",
            "node1: ip link set eth0 mtu 1500",
        ),
    ),
)
