"""A node that has all that some wishes want, and ways to take that away."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from types import MappingProxyType

from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import (
    IFF_LOOPBACK,
    IFF_UP,
    Bridge,
    BridgePort,
    Device,
    InterfaceAddress,
    Vxlan,
)
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NUD_PERMANENT,
    FdbEntry,
    Neighbour,
)
from kubectl_skoop.netstack.routing.types import (
    PROTO_KERNEL,
    SCOPE_LINK,
    Nexthop,
    PolicyRule,
    Route,
)
from kubectl_skoop.netstack.sysctl import Sysctls

LO, ETH0, CNI0, VETH, FLANNEL = 1, 2, 3, 4, 5
PEER_MAC, OTHER_MAC = "0e:00:00:00:00:02", "0e:00:00:00:00:99"
RULES = tuple(
    PolicyRule(priority=priority, family=4, table=table)
    for priority, table in ((0, 255), (32766, 254), (32767, 253))
)


def hop(device: int, gateway: str = "", onlink: bool = False) -> Nexthop:
    return Nexthop(device=device, gateway=ip_address(gateway) if gateway else None, onlink=onlink)


def route(destination: str, *hops: Nexthop, **fields: object) -> Route:
    made = Route(destination=ip_network(destination), nexthops=hops)
    return made._replace(**fields)  # type: ignore[arg-type]


DEFAULT = route("0.0.0.0/0", hop(ETH0, "10.0.0.254"))
CONNECTED = route("10.244.1.0/24", hop(CNI0), scope=SCOPE_LINK, protocol=PROTO_KERNEL)
TO_PEER = route("10.244.2.0/24", hop(FLANNEL, "10.244.2.0", onlink=True))
NODE = NetworkNamespace(
    id="n1/4:1",
    place=Place("node", "n1"),
    node="n1",
    devices=MappingProxyType(
        {
            LO: Device(index=LO, name="lo", mtu=65536, flags=IFF_UP | IFF_LOOPBACK),
            ETH0: Device(index=ETH0, name="eth0", mac="02:00:00:00:00:01"),
            CNI0: Device(index=CNI0, name="cni0", kind="bridge", bridge=Bridge(), mtu=1450),
            VETH: Device(
                index=VETH, name="veth1", kind="veth", master=CNI0, port=BridgePort(hairpin=True), mtu=1450
            ),
            FLANNEL: Device(
                index=FLANNEL,
                name="flannel.1",
                kind="vxlan",
                mtu=1450,
                vxlan=Vxlan(vni=1, port=8472, local=ip_address("10.0.0.1")),
            ),
        }
    ),
    addresses=(
        InterfaceAddress(device=ETH0, address=ip_address("10.0.0.1"), prefix=24),
        InterfaceAddress(device=CNI0, address=ip_address("10.244.1.1"), prefix=24),
    ),
    rules=RULES,
    routes=(DEFAULT, CONNECTED, TO_PEER),
    neighbours=(
        Neighbour(device=FLANNEL, address=ip_address("10.244.2.0"), mac=PEER_MAC, state=NUD_PERMANENT),
    ),
    fdb=(FdbEntry(mac=PEER_MAC, port=FLANNEL, destination=ip_address("10.0.0.2"), static=True),),
    sysctls=Sysctls(
        {
            "net.ipv4.ip_forward": "1",
            "net.ipv4.conf.all.forwarding": "1",
            "net.ipv4.conf.cni0.forwarding": "1",
            "net.ipv4.conf.flannel/1.forwarding": "1",
            "net.ipv4.conf.eth0.rp_filter": "2",
        }
    ),
)
PEER_ROUTE = expect.route(
    "10.244.2.0/24",
    dev="flannel.1",
    via="10.244.2.0",
    onlink=True,
    carries="10.244.2.7",
    source="10.244.1.9",
    because="flanneld adds it",
)
PORT = expect.bridge_port(
    "veth1",
    state="forwarding",
    hairpin=True,
    isolated=False,
    learning=True,
    flood=True,
    broadcast=True,
    because="CNI",
)
TUNNEL = expect.device(
    "flannel.1", kind="vxlan", up=True, vni=1, port=8472, local="10.0.0.1", because="flanneld"
)
HOST_END = expect.device("veth1", kind="veth", up=True, carrier=True, master="cni0", mtu=1450, because="CNI")
VTEP = expect.neighbour("10.244.2.0", dev="flannel.1", mac=PEER_MAC, because="annotation")
REMOTE = expect.fdb(PEER_MAC, dev="flannel.1", dst="10.0.0.2", because="annotation")
GATEWAY = expect.address("cni0", "10.244.1.1/24", because="podCIDR")
FORWARD = expect.sysctl("net.ipv4.ip_forward", 1, because="nodes route")
DEVICE_FORWARD = expect.sysctl(
    "net.ipv4.conf.cni0.forwarding", 1, follows="net.ipv4.ip_forward", because="nodes route"
)


Breaks = Callable[[NetworkNamespace], NetworkNamespace]


def with_device(index: int, **fields: object) -> Breaks:
    def breaks(ns: NetworkNamespace) -> NetworkNamespace:
        changed = replace(ns.devices[index], **fields)  # type: ignore[arg-type]
        return replace(ns, devices={**ns.devices, index: changed})

    return breaks


def with_port(**fields: object) -> Breaks:
    return with_device(VETH, port=BridgePort(hairpin=True)._replace(**fields))  # type: ignore[arg-type]


def with_sysctl(key: str, value: str | None) -> Breaks:
    def breaks(ns: NetworkNamespace) -> NetworkNamespace:
        values = {**ns.sysctls.values, key: value}
        return replace(ns, sysctls=Sysctls({name: text for name, text in values.items() if text is not None}))

    return breaks


def with_routes(*routes: Route) -> Breaks:
    return lambda ns: replace(ns, routes=routes)


def with_neighbour(**fields: object) -> Breaks:
    return lambda ns: replace(ns, neighbours=(ns.neighbours[0]._replace(**fields),))  # type: ignore[arg-type]


DIVERTING = PolicyRule(priority=100, family=4, table=100, source=ip_network("10.244.1.9/32"))
STRANGE_ADDRESS = InterfaceAddress(device=CNI0, address=ip_address("10.9.9.1"), prefix=24)
