"""A node as calico-node sets it up: BGP without encapsulation, host routes to cali* devices, Felix's chains."""

# Rules stand as iptables-save prints them.
# ruff: noqa: E501

from collections.abc import Iterator

from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import (
    CLUSTER_CIDR,
    IPIP_OVERHEAD,
    UNDERLAY_MTU,
    VXLAN_OVERHEAD,
    LabNode,
    LabPod,
    Mode,
    Topology,
)

GATEWAY = "169.254.1.1"
HOST_MAC = "ee:ee:ee:ee:ee:ee"
MODE: Mode = "calico"
TUNNEL, VNI, PORT = "vxlan.calico", 4096, 4789


def node_links(topology: Topology, node: LabNode, namespace_of: dict[str, str]) -> list[str]:
    """`ip -batch` lines for the node; the pods' namespaces get their eth0."""
    lines = [f"route add blackhole {node.block} proto bird"]
    lines += [
        f"route add {peer.block} via {peer.address} dev eth0 proto bird"
        for peer in topology.nodes
        if peer != node
    ]
    return lines + workload_links(topology, node, namespace_of)


def tunnel_links(topology: Topology, node: LabNode) -> list[str]:
    """`ip -batch` lines: vxlan.calico, and the blocks of the other nodes behind it (felix, vxlan_mgr.go)."""
    lines = [
        f"route add blackhole {node.block} proto 80",
        f"link add {TUNNEL} address {node.vtep_mac} mtu {UNDERLAY_MTU - VXLAN_OVERHEAD} type vxlan id {VNI} "
        f"local {node.address} dev eth0 dstport {PORT} nolearning",
        f"addr add {node.tunnel_address}/32 dev {TUNNEL}",
        f"link set {TUNNEL} up",
    ]
    for peer in topology.nodes:
        if peer != node:
            lines += [
                f"neigh replace {peer.tunnel_address} lladdr {peer.vtep_mac} dev {TUNNEL} nud permanent",
                f"route add {peer.block} via {peer.tunnel_address} dev {TUNNEL} onlink proto 80",
            ]
    return lines


def ipip_links(topology: Topology, node: LabNode) -> list[str]:
    """`ip -batch` lines: tunl0, and the blocks of the other nodes behind it (felix, ipip_mgr.go; BIRD)."""
    lines = [
        f"route add blackhole {node.block} proto bird",
        f"link set tunl0 mtu {UNDERLAY_MTU - IPIP_OVERHEAD} up",
        f"addr add {node.tunnel_address}/32 dev tunl0",
    ]
    return lines + [
        f"route add {peer.block} via {peer.address} dev tunl0 onlink proto bird"
        for peer in topology.nodes
        if peer != node
    ]


def workload_links(
    topology: Topology, node: LabNode, namespace_of: dict[str, str], *, mtu: int = UNDERLAY_MTU
) -> list[str]:
    """`ip -batch` lines: the veths of the node's pods, with their routes."""
    lines = []
    for pod in topology.pods_of(node):
        device = pod.host_device(MODE)
        lines += [
            f"link add {device} address {HOST_MAC} mtu {mtu} type veth peer name eth0 address {pod.mac} "
            f"mtu {mtu} netns {namespace_of[pod.key]}",
            f"link set {device} up",
            f"route add {pod.address}/32 dev {device} scope link",
        ]
    return lines


def node_sysctls(topology: Topology, node: LabNode) -> dict[str, object]:
    """What Felix writes for each cali* device (endpoint_mgr.go, configureInterface)."""
    values: dict[str, object] = {}
    for pod in topology.pods_of(node):
        device = pod.host_device(MODE)
        values |= {
            f"net.ipv4.conf.{device}.rp_filter": 1,
            f"net.ipv4.conf.{device}.route_localnet": 1,
            f"net.ipv4.conf.{device}.proxy_arp": 1,
            f"net.ipv4.conf.{device}.forwarding": 1,
            f"net.ipv4.neigh.{device}.proxy_delay": 0,
        }
    return values


def pod_links(pod: LabPod) -> list[str]:
    return [
        f"addr add {pod.address}/32 dev eth0",
        "link set eth0 up",
        f"route add {GATEWAY} dev eth0 scope link",
        f"route add default via {GATEWAY} dev eth0",
    ]


def ipsets(*, version: int = 4, network: str = CLUSTER_CIDR) -> str:
    """`ipset restore` input: the pools, all and those with natOutgoing."""
    family = "inet6" if version == 6 else "inet"
    names = (f"cali{version}0all-ipam-pools", f"cali{version}0masq-ipam-pools")
    return "".join(
        f"create {name} hash:net family {family} maxelem 1048576\nadd {name} {network}\n" for name in names
    )


def rules(topology: Topology, node: LabNode) -> Ruleset:
    """Felix's static chains and those of the workloads without any policy (felix/rules)."""
    devices = [pod.host_device(MODE) for pod in topology.pods_of(node)]
    workload = [chain for device in devices for chain in (f"cali-fw-{device}", f"cali-tw-{device}")]
    return Ruleset(
        chains={
            "raw": ("cali-PREROUTING", "cali-rpf-skip"),
            "mangle": ("cali-PREROUTING",),
            "filter": (
                *("cali-FORWARD", "cali-INPUT", "cali-OUTPUT", "cali-wl-to-host"),
                *("cali-from-wl-dispatch", "cali-to-wl-dispatch"),
                *("cali-pri-kns.default", "cali-pro-kns.default"),
                *workload,
            ),
            "nat": ("cali-POSTROUTING", "cali-nat-outgoing"),
        },
        rules={
            "raw": _RAW.splitlines(),
            "mangle": _MANGLE.splitlines(),
            "filter": [*_FILTER.splitlines(), *_workload_rules(devices)],
            "nat": _NAT.splitlines(),
        },
    )


def rules6(topology: Topology, node: LabNode) -> str:
    """The same for IPv6, which knows no IPIP, as input for ip6tables-restore."""
    lines = rules(topology, node).text(appended()).replace("cali40", "cali60").splitlines()
    return "".join(f"{line}\n" for line in lines if "-p ipencap" not in line)


def appended() -> Ruleset:
    """What Felix puts at the end of the kernel's chains, behind everybody else's rules."""
    return Ruleset(chains={}, rules={"filter": _APPENDED.splitlines()})


_RAW = """\
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A cali-PREROUTING -m comment --comment "cali:XFX5xbM8B9qR10JG" -j MARK --set-xmark 0x0/0xf0000
-A cali-PREROUTING -i cali+ -m comment --comment "cali:EWMPb0zVROM-woQp" -j MARK --set-xmark 0x40000/0x40000
-A cali-PREROUTING -m comment --comment "cali:PWuxTAIaFCtsg5Qa" -m mark --mark 0x40000/0x40000 -j cali-rpf-skip
-A cali-PREROUTING -m comment --comment "cali:fSSbGND7dgyemWU7" -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP
-A cali-PREROUTING -m comment --comment "cali:ImU0-4Rl2WoOI9Ou" -m mark --mark 0x10000/0x10000 -j ACCEPT
"""
_MANGLE = """\
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A cali-PREROUTING -m comment --comment "cali:6BJqBjBC7crtA-7-" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A cali-PREROUTING -m comment --comment "cali:KX7AGNd6rMcDUai6" -m mark --mark 0x10000/0x10000 -j ACCEPT
"""
_FILTER = """\
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A cali-FORWARD -m comment --comment "cali:vjrMJCRpqwy5oRoX" -j MARK --set-xmark 0x0/0xe0000
-A cali-FORWARD -i cali+ -m comment --comment "cali:8ZoYfO5HKXWbB3pk" -j cali-from-wl-dispatch
-A cali-FORWARD -o cali+ -m comment --comment "cali:jdEuaPBe14V2hutn" -j cali-to-wl-dispatch
-A cali-INPUT -i cali+ -m comment --comment "cali:FewJpBykm9iJ-YNH" -g cali-wl-to-host
-A cali-INPUT -m comment --comment "cali:hder3ARWznqqv8Va" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-OUTPUT -m comment --comment "cali:Mq1_rAdXXH3YkrzW" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-OUTPUT -o cali+ -m comment --comment "cali:69FkRTJDvD5Vu6Vl" -j RETURN
-A cali-wl-to-host -m comment --comment "cali:Ee9Sbo10IpVujdIY" -j cali-from-wl-dispatch
-A cali-wl-to-host -m comment --comment "cali:nSZbcOoG1xPONxb8" -m comment --comment "Configured DefaultEndpointToHostAction" -j ACCEPT
-A cali-pri-kns.default -m comment --comment "cali:WMSw8BmYOknRHfsz" -m comment --comment "Profile kns.default ingress" -j MARK --set-xmark 0x10000/0x10000
-A cali-pri-kns.default -m comment --comment "cali:z015c6bLvwqqyjkp" -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-pro-kns.default -m comment --comment "cali:nzmfuW2aAL4UpHEs" -m comment --comment "Profile kns.default egress" -j MARK --set-xmark 0x10000/0x10000
-A cali-pro-kns.default -m comment --comment "cali:oRhkRKPv0Av50VvH" -m mark --mark 0x10000/0x10000 -j RETURN
"""
_APPENDED = """\
-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m comment --comment "Policy explicitly accepted packet." -m mark --mark 0x10000/0x10000 -j ACCEPT
-A FORWARD -m comment --comment "cali:mp77cMpurHhyjLrM" -j MARK --set-xmark 0x10000/0x10000
"""
_NAT = """\
-A POSTROUTING -m comment --comment "cali:O3lYWMrLQYEMJtB5" -j cali-POSTROUTING
-A cali-POSTROUTING -m comment --comment "cali:Z-c7XtVd2Bq7s_hA" -j cali-nat-outgoing
-A cali-nat-outgoing -m comment --comment "cali:flqWnvo8yq4ULQLa" -m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE --random-fully
"""


def _workload_rules(devices: list[str]) -> Iterator[str]:
    for device in devices:
        yield f"-A cali-from-wl-dispatch -i {device} -g cali-fw-{device}"
    yield '-A cali-from-wl-dispatch -m comment --comment "Unknown interface" -j DROP'
    for device in devices:
        yield f"-A cali-to-wl-dispatch -o {device} -g cali-tw-{device}"
    yield '-A cali-to-wl-dispatch -m comment --comment "Unknown interface" -j DROP'
    for device in devices:
        yield from _endpoint_rules(f"cali-fw-{device}", "cali-pro-kns.default", from_workload=True)
        yield from _endpoint_rules(f"cali-tw-{device}", "cali-pri-kns.default", from_workload=False)


def _endpoint_rules(chain: str, profile: str, *, from_workload: bool) -> Iterator[str]:
    yield f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    yield f"-A {chain} -m conntrack --ctstate INVALID -j DROP"
    yield f"-A {chain} -j MARK --set-xmark 0x0/0x10000"
    if from_workload:
        yield (
            f'-A {chain} -p udp -m comment --comment "Drop VXLAN encapped packets originating in workloads" '
            "-m multiport --dports 4789 -j DROP"
        )
        yield (
            f'-A {chain} -p ipencap -m comment --comment "Drop IPinIP encapped packets originating in workloads" '
            "-j DROP"
        )
    yield f"-A {chain} -j {profile}"
    yield (
        f'-A {chain} -m comment --comment "Return if profile accepted" -m mark --mark 0x10000/0x10000 -j RETURN'
    )
    yield f'-A {chain} -m comment --comment "Drop if no profiles matched" -j DROP'
