"""Hosts made by hand: devices, addresses with their routes, sysctls as each kernel has them; and walks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address, ip_interface, ip_network

from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import (
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_UP,
    Bridge,
    BridgePort,
    Device,
    InterfaceAddress,
    Vxlan,
)
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import (
    PROTO_KERNEL,
    SCOPE_HOST,
    SCOPE_LINK,
    TABLE_DEFAULT,
    TABLE_LOCAL,
    TABLE_MAIN,
    Nexthop,
    PolicyRule,
    Route,
)
from kubectl_skoop.netstack.sysctl import Sysctls
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected
from kubectl_skoop.testing.trap_walk import predict

LO = Device(index=1, name="lo", flags=IFF_UP | IFF_LOOPBACK | IFF_LOWER_UP, mtu=65536)
ALWAYS = {
    "net.ipv4.icmp_echo_ignore_all": "0",
    "net.ipv4.fwmark_reflect": "0",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv6.icmp.echo_ignore_all": "0",
    "net.ipv6.icmp.echo_ignore_anycast": "0",
    "net.ipv6.icmp.echo_ignore_multicast": "0",
    "net.ipv4.tcp_fwmark_accept": "0",
    "net.netfilter.nf_conntrack_count": "0",
    "net.netfilter.nf_conntrack_max": "262144",
}
PER_DEVICE = (
    "rp_filter",
    "accept_local",
    "route_localnet",
    "arp_ignore",
    "arp_filter",
    "arp_announce",
    "proxy_arp",
    "proxy_arp_pvlan",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A veth's end with its address; `peer` is the host at the other end and the index there."""

    name: str
    index: int
    peer: tuple[str, int]
    address: str = ""
    master: int = 0
    port: BridgePort | None = None
    mtu: int = 1500


def mac(host: str, index: int) -> str:
    return f"02:00:00:00:{ord(host[0]):02x}:{index:02x}"


def end_device(host: str, end: End) -> Device:
    return Device(
        index=end.index,
        name=end.name,
        kind="veth",
        mac=mac(host, end.index),
        mtu=end.mtu,
        link=end.peer[1],
        link_netns=f"lab/{end.peer[0]}",
        master=end.master,
        port=end.port,
    )


def bridge_device(host: str, name: str, index: int) -> Device:
    return Device(index=index, name=name, kind="bridge", mac=mac(host, index), bridge=Bridge())


def vxlan_device(host: str, name: str, index: int, local: str) -> Device:
    config = Vxlan(vni=1, local=ip_address(local))
    return Device(index=index, name=name, kind="vxlan", mac=mac(host, index), mtu=1450, vxlan=config)


def host(
    name: str,
    *ends: End,
    devices: Sequence[Device] = (),
    addresses: Mapping[int, str] | None = None,
    gateway: str = "",
    routes: Sequence[Route] = (),
    forwarding: bool = False,
    sysctls: Mapping[str, str] | None = None,
) -> NetworkNamespace:
    """It listens on TCP 80 and UDP 53. `addresses`: of `devices`, by index. `gateway`: by the first end."""
    all_devices = [LO, *(end_device(name, end) for end in ends), *devices]
    texts = {1: "127.0.0.1/8", **{end.index: end.address for end in ends if end.address}, **(addresses or {})}
    entries = [_address(index, text) for index, text in texts.items()]
    entries += [
        InterfaceAddress(
            device=entry.device, address=link_local(name, entry.device), prefix=64, scope=SCOPE_LINK
        )
        for entry in entries
        if entry.address.version == 6
    ]
    made = [route for entry in entries for route in _routes(entry)]
    made += [_route_of_groups(entry.device) for entry in entries if entry.address.is_link_local]
    if gateway:
        nexthop = Nexthop(device=ends[0].index, gateway=ip_address(gateway))
        default = "0.0.0.0/0" if nexthop.gateway and nexthop.gateway.version == 4 else "::/0"
        made.append(Route(destination=ip_network(default), nexthops=(nexthop,)))
    return NetworkNamespace(
        id=f"lab/{name}",
        place=Place("pod", f"lab/{name}"),
        node="lab",
        devices={device.index: device for device in all_devices},
        addresses=tuple(entries),
        rules=(
            PolicyRule(priority=0, family=4, table=TABLE_LOCAL),
            PolicyRule(priority=32766, family=4, table=TABLE_MAIN),
            PolicyRule(priority=32767, family=4, table=TABLE_DEFAULT),
            PolicyRule(priority=0, family=6, table=TABLE_LOCAL),
            PolicyRule(priority=32766, family=6, table=TABLE_MAIN),
        ),
        routes=(*made, *routes),
        sockets=(
            Socket(protocol=6, state="listen", local=ip_address("0.0.0.0"), port=80, backlog=16),
            Socket(protocol=17, state="unconnected", local=ip_address("0.0.0.0"), port=53),
            Socket(protocol=6, state="listen", local=ip_address("::"), port=80, backlog=16),
            Socket(protocol=17, state="unconnected", local=ip_address("::"), port=53),
        ),
        sysctls=Sysctls(
            {**_settings([device.name for device in all_devices], forwarding=forwarding), **(sysctls or {})}
        ),
    )


def link_local(host: str, index: int) -> IPv6Address:
    """Of a device with an IPv6 address."""
    return IPv6Address(f"fe80::{ord(host[0]):x}:{index:x}")


def _address(index: int, text: str) -> InterfaceAddress:
    interface = ip_interface(text)
    broadcast = None if index == 1 or interface.version == 6 else interface.network.broadcast_address
    return InterfaceAddress(
        device=index,
        address=interface.ip,
        prefix=interface.network.prefixlen,
        scope=SCOPE_HOST if index == 1 else 0,
        broadcast=broadcast,
    )


def _routes(entry: InterfaceAddress) -> Iterable[Route]:
    """What the kernel adds with an address (fib_add_ifaddr)."""
    nexthops = (Nexthop(device=entry.device),)
    yield Route(
        destination=ip_network(entry.address),
        table=TABLE_LOCAL,
        type="local",
        nexthops=nexthops,
        prefsrc=entry.address if entry.address.version == 4 else None,
        scope=SCOPE_HOST,
        protocol=PROTO_KERNEL,
    )
    network = ip_network(f"{entry.address}/{entry.prefix}", strict=False)
    yield Route(
        destination=network,
        table=TABLE_LOCAL if entry.device == 1 else TABLE_MAIN,
        type="local" if entry.device == 1 else "unicast",
        nexthops=nexthops,
        prefsrc=entry.address if entry.address.version == 4 else None,
        scope=SCOPE_HOST if entry.device == 1 else SCOPE_LINK,
        protocol=PROTO_KERNEL,
    )


def _route_of_groups(device: int) -> Route:
    """addrconf_add_mroute"""
    return Route(
        destination=ip_network("ff00::/8"),
        table=TABLE_LOCAL,
        type="multicast",
        nexthops=(Nexthop(device=device),),
        metric=256,
        protocol=PROTO_KERNEL,
    )


def _settings(devices: Iterable[str], *, forwarding: bool) -> dict[str, str]:
    values = dict(ALWAYS) | {"net.ipv4.ip_forward": str(int(forwarding))}
    for name in ("all", "default", *devices):
        values[f"net.ipv6.conf.{name}.forwarding"] = str(int(forwarding))
        values[f"net.ipv6.conf.{name}.proxy_ndp"] = "0"
        key = f"net.ipv4.conf.{name.replace('.', '/')}"
        values |= {f"{key}.{setting}": "0" for setting in PER_DEVICE}
        values[f"{key}.forwarding"] = str(int(forwarding))
    return values


def routed() -> dict[str, NetworkNamespace]:
    """a 10.1.0.2 ─ p0 r p1 ─ 10.2.0.2 b"""
    return {
        "a": host("a", End(name="eth0", index=2, peer=("r", 2), address="10.1.0.2/24"), gateway="10.1.0.1"),
        "r": host(
            "r",
            End(name="p0", index=2, peer=("a", 2), address="10.1.0.1/24"),
            End(name="p1", index=3, peer=("b", 2), address="10.2.0.1/24"),
            forwarding=True,
        ),
        "b": host("b", End(name="eth0", index=2, peer=("r", 3), address="10.2.0.2/24"), gateway="10.2.0.1"),
    }


def routed6() -> dict[str, NetworkNamespace]:
    """a fd01::2 ─ p0 r p1 ─ fd02::2 b"""
    return {
        "a": host("a", End(name="eth0", index=2, peer=("r", 2), address="fd01::2/64"), gateway="fd01::1"),
        "r": host(
            "r",
            End(name="p0", index=2, peer=("a", 2), address="fd01::1/64"),
            End(name="p1", index=3, peer=("b", 2), address="fd02::1/64"),
            forwarding=True,
        ),
        "b": host("b", End(name="eth0", index=2, peer=("r", 3), address="fd02::2/64"), gateway="fd02::1"),
    }


def bridged() -> dict[str, NetworkNamespace]:
    """a 10.1.0.2 and b 10.1.0.3 on br0 10.1.0.1 of r"""
    ports = (
        End(name="pa", index=2, peer=("a", 2), master=4, port=BridgePort()),
        End(name="pb", index=3, peer=("b", 2), master=4, port=BridgePort()),
    )
    return {
        "a": host("a", End(name="eth0", index=2, peer=("r", 2), address="10.1.0.2/24"), gateway="10.1.0.1"),
        "b": host("b", End(name="eth0", index=2, peer=("r", 3), address="10.1.0.3/24"), gateway="10.1.0.1"),
        "r": host(
            "r",
            *ports,
            devices=(bridge_device("r", "br0", 4),),
            addresses={4: "10.1.0.1/24"},
            forwarding=True,
            sysctls={"net.bridge.bridge-nf-call-iptables": "0"},
        ),
    }


def bridged6() -> dict[str, NetworkNamespace]:
    """a fd01::2, b fd01::3 and c fd01::4 on br0 of r"""
    names = {"a": "fd01::2/64", "b": "fd01::3/64", "c": "fd01::4/64"}
    ports = (
        End(name=f"p{name}", index=index, peer=(name, 2), master=5, port=BridgePort())
        for index, name in enumerate(names, start=2)
    )
    hosts = {
        name: host(name, End(name="eth0", index=2, peer=("r", index), address=address))
        for index, (name, address) in enumerate(names.items(), start=2)
    }
    return {**hosts, "r": host("r", *ports, devices=(bridge_device("r", "br0", 5),))}


def port(hosts: Mapping[str, NetworkNamespace], index: int, **changes: object) -> dict[str, NetworkNamespace]:
    """The same with other settings of a port of r."""
    router = hosts["r"]
    device = router.devices[index]
    changed = replace(device, port=(device.port or BridgePort())._replace(**changes))  # type: ignore[arg-type]
    return {**hosts, "r": replace(router, devices={**router.devices, index: changed})}


def changed(
    hosts: Mapping[str, NetworkNamespace], name: str, **changes: object
) -> dict[str, NetworkNamespace]:
    return {**hosts, name: replace(hosts[name], **changes)}  # type: ignore[arg-type]


def without_sysctl(
    hosts: Mapping[str, NetworkNamespace], name: str, *keys: str
) -> dict[str, NetworkNamespace]:
    values = hosts[name].sysctls.values
    assert set(keys) <= values.keys()
    return changed(hosts, name, sysctls=Sysctls({k: v for k, v in values.items() if k not in keys}))


def with_sysctl(
    hosts: Mapping[str, NetworkNamespace], name: str, values: Mapping[str, str]
) -> dict[str, NetworkNamespace]:
    return changed(hosts, name, sysctls=Sysctls({**hosts[name].sysctls.values, **values}))


def walk(hosts: Mapping[str, NetworkNamespace], flow: str) -> str:
    """In the words of `trap_flow`; several ways are joined by ` / `."""
    return " / ".join(dict.fromkeys(predict(Collected(hosts.values()), parse_flow(flow))))
