"""Links with what other tables tell of them: VLANs of bridge ports, offloads, programs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.model.packet import ETHERTYPE_8021Q
from kubectl_skoop.netstack.device import (
    IFF_LOWER_UP,
    IFF_NOARP,
    IFF_UP,
    SAME_NAMESPACE,
    Bridge,
    BridgePort,
    Device,
    LedIn,
    PortVlan,
    Vlan,
    Vxlan,
)
from kubectl_skoop.netstack.routing.types import Route
from kubectl_skoop.snapshot.decode.entry import Entry, entries, table_map
from kubectl_skoop.snapshot.decode.redirects import EGRESS, INGRESS, decode_led_in, decode_redirects

if TYPE_CHECKING:
    from kubectl_skoop.netstack.devices.team_types import Team
    from kubectl_skoop.netstack.devices.wireguard_types import Wireguard

_EVERYWHERE = frozenset({"", "bridge", "dummy", "veth", "vlan", "vrf", "vxlan"})
"""Kinds of devices whose settings are decoded here, or that have none."""
_NAMED = frozenset({"index", "ifname", "address", "mtu", "flags", "master", "link", "link_netnsid"})
BRIDGE_VLAN_INFO_PVID, BRIDGE_VLAN_INFO_UNTAGGED = 1 << 1, 1 << 2
BRIDGE_VLAN_INFO_RANGE_BEGIN, BRIDGE_VLAN_INFO_RANGE_END = 1 << 3, 1 << 4
MAX_VLAN, MAX_MTU = 4095, 65535
BR_BOOLOPT_MST = 1 << 2


class Additions(NamedTuple):
    """By device index, but `features` by name."""

    vlans: Mapping[int, tuple[PortVlan, ...]]
    features: Mapping[str, Mapping[str, object]]
    programs: Mapping[int, tuple[str, ...]]
    redirects: Mapping[int, int]
    led_in: Mapping[int, tuple[LedIn, ...]]
    wireguard: "Mapping[int, Wireguard]"
    team: "Mapping[int, Team]"


def decode_devices(
    data: object, namespace_of: Callable[[int], str], additions: Additions
) -> dict[int, Device]:
    """`namespace_of`: the identity behind an IFLA_LINK_NETNSID. Raises: FormatError."""
    return {
        device.index: device
        for device in (_device(entry, namespace_of, additions) for entry in entries(data, "$.links"))
    }


def _device(entry: Entry, namespace_of: Callable[[int], str], additions: Additions) -> Device:
    index, name = entry.number("index"), entry.text("ifname")
    info = entry.entry("linkinfo")
    kind, port_of = info.text("kind", ""), info.text("slave_kind", "")
    features = additions.features.get(name, {})
    elsewhere = "link_netnsid" in entry.fields
    xdp = entry.entry("xdp")
    programs = additions.programs.get(index, ())
    if xdp.number("attached", 0):
        programs = (f"XDP program {xdp.number('prog_id', 0)}", *programs)
    device = Device(
        index=index,
        name=name,
        kind=kind,
        mac=entry.text("address", ""),
        mtu=entry.number("mtu", 0),
        flags=entry.number("flags"),
        master=entry.number("master", 0),
        link=entry.number("link", 0),
        link_netns=namespace_of(entry.number("link_netnsid")) if elsewhere else SAME_NAMESPACE,
        bridge=_bridge(info.entry("data")) if kind == "bridge" else None,
        vlans=additions.vlans.get(index, ()),
        port=_port(info.entry("slave_data")) if port_of == "bridge" else None,
        vxlan=_vxlan(info.entry("data")) if kind == "vxlan" else None,
        wireguard=additions.wireguard.get(index),
        team=additions.team.get(index),
        vlan=_vlan(info.entry("data")) if kind == "vlan" else None,
        vrf_table=info.entry("data").number("table", 0) if kind == "vrf" else 0,
        promiscuous=bool(entry.number("promiscuity", 0)),
        redirect=additions.redirects.get(index, 0),
        led_in=additions.led_in.get(index, ()),
        programs=programs,
        tso=_takes_large_packets(features),
        details={key: value for key, value in entry.fields.items() if key not in _NAMED},
    )
    if kind in _EVERYWHERE and port_of in _EVERYWHERE:
        return device
    from kubectl_skoop.snapshot.decode.rare_devices import with_settings

    return with_settings(device, info)


def _takes_large_packets(features: Mapping[str, object]) -> bool:
    """GSO alone cuts a packet before the device gets it (validate_xmit_skb): only TSO hands it over whole."""
    return bool(features.get("tx-tcp-segmentation", True))


def _bridge(data: Entry) -> Bridge:
    return Bridge(
        vlan_filtering=data.flag("vlan_filtering"),
        vlan_protocol=data.number("vlan_protocol", ETHERTYPE_8021Q),
        nf_call_iptables=data.flag("nf_call_iptables"),
        nf_call_ip6tables=data.flag("nf_call_ip6tables"),
        nf_call_arptables=data.flag("nf_call_arptables"),
        stp=data.flag("stp_state"),
        snooping=data.flag("mcast_snooping", True),
        querier6=data.flag("mcast_querier") or "address6" in data.entry("mcast_querier_state").fields,
        group_fwd_mask=data.number("group_fwd_mask", 0),
        mst=bool(data.entry("multi_boolopt").number("optval", 0) & BR_BOOLOPT_MST),
    )


def _vlan(data: Entry) -> Vlan:
    return Vlan(id=data.number("id"), protocol=data.number("protocol", ETHERTYPE_8021Q))


def _port(data: Entry) -> BridgePort:
    return BridgePort(
        state=data.number("state"),
        hairpin=data.flag("hairpin"),
        isolated=data.flag("isolated"),
        learning=data.flag("learning", True),
        unicast_flood=data.flag("unicast_flood", True),
        multicast_flood=data.flag("mcast_flood", True),
        broadcast_flood=data.flag("bcast_flood", True),
        proxy_arp=data.flag("proxyarp"),
        proxy_arp_wifi=data.flag("proxyarp_wifi"),
        neigh_suppress=data.flag("neigh_suppress"),
        locked=data.flag("locked"),
        vlan_tunnel=data.flag("vlan_tunnel"),
    )


def _vxlan(data: Entry) -> Vxlan:
    return Vxlan(
        vni=data.number("id"),
        port=data.number("port"),
        local=data.optional_address("local") or data.optional_address("local6"),
        link=data.number("link", 0),
        group=data.optional_address("group") or data.optional_address("group6"),
        learning=data.flag("learning", True),
        ttl=data.number("ttl", 0),
        tos=data.number("tos", 0),
        df=data.number("df", 0),
        external=data.flag("collect_metadata"),
        filtered=data.flag("vnifilter"),
        proxy=data.flag("proxy"),
        short_circuit=data.flag("rsc"),
        l2miss=data.flag("l2miss"),
        l3miss=data.flag("l3miss"),
    )


def decode_vlans(data: object) -> dict[int, tuple[PortVlan, ...]]:
    """VLANs of each port, and of the bridge itself. Raises: FormatError."""
    found = {}
    for entry in entries(data, "$.bridge_vlans"):
        vlans: dict[int, PortVlan] = {}
        first = 0
        for info in entry.entry("af_spec").entries("vlan_info"):
            flags, vlan = info.number("flags"), info.number("vid")
            if not 0 <= vlan <= MAX_VLAN:
                raise info.wrong("vid", f"no VLAN: {vlan}")
            if flags & BRIDGE_VLAN_INFO_RANGE_BEGIN:
                first = vlan
            low = first if flags & BRIDGE_VLAN_INFO_RANGE_END else vlan
            pvid, untagged = bool(flags & BRIDGE_VLAN_INFO_PVID), bool(flags & BRIDGE_VLAN_INFO_UNTAGGED)
            vlans |= {vid: PortVlan(vid, pvid, untagged) for vid in range(low, vlan + 1)}
        found[entry.number("index")] = tuple(vlans[vid] for vid in sorted(vlans))
    return found


def decode_vlan_states(data: object) -> dict[int, dict[int, int]]:
    """BR_STATE_* by device and VLAN. Raises: FormatError."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for entry in entries(data, "$.vlan_states"):
        states = found[entry.number("ifindex")]
        for vlans in entry.entries("entries"):
            first = vlans.entry("info").number("vid")
            last = vlans.number("range", first)
            if not 0 <= first <= last <= MAX_VLAN:
                raise vlans.wrong("range", f"no VLANs: {first} to {last}")
            if "state" in vlans.fields:
                states |= dict.fromkeys(range(first, last + 1), vlans.number("state"))
    return found


def with_states(
    vlans: Mapping[int, tuple[PortVlan, ...]], states: Mapping[int, Mapping[int, int]]
) -> Mapping[int, tuple[PortVlan, ...]]:
    """VLANs of each port with their states, where these were told."""
    if not states:
        return vlans
    return {
        index: tuple(vlan._replace(state=states.get(index, {}).get(vlan.vid)) for vlan in found)
        for index, found in vlans.items()
    }


def decode_features(data: object) -> dict[str, Mapping[str, object]]:
    """Offloads of each device by their ethtool names. Raises: FormatError."""
    root = Entry(table_map(data, "$.ethtool"), "$.ethtool")
    return {name: root.entry(name).entry("features").fields for name in root.fields}


def decode_programs(filters: object, bpf: object) -> dict[int, tuple[str, ...]]:
    """tc filters and BPF programs of each device, each as text, without redirects. Raises: FormatError."""
    found: dict[int, dict[str, None]] = defaultdict(dict)
    redirects, led_in = decode_redirects(filters), decode_led_in(filters)
    for entry in entries(filters, "$.tc_filters"):
        parent, index = entry.number("parent"), entry.number("ifindex")
        if (parent in INGRESS and index in redirects) or (parent == EGRESS and index in led_in):
            continue
        place = _PARENTS.get(parent, f"parent {parent >> 16:x}:{parent & 0xFFFF:x}")
        text = f"tc filter {place} {entry.text('kind', '')} pref {entry.number('info') >> 16}"
        found[index][text] = None
    for entry in entries(bpf, "$.bpf"):
        programs = " ".join(str(number) for number in _list(entry, "programs"))
        found[entry.number("ifindex")][f"BPF {entry.text('attach')} program {programs}"] = None
    return {index: tuple(texts) for index, texts in found.items()}


def _list(entry: Entry, name: str) -> list[object]:
    value = entry.fields.get(name, [])
    if not isinstance(value, list):
        raise entry.wrong(name, "a list is wanted")
    return value


_PARENTS = {0xFFFF0000: "ingress", 0xFFFFFFF2: "ingress", 0xFFFFFFF3: "egress"}


def missing_devices(routes: Iterable[Route], devices: Mapping[int, Device]) -> dict[int, Device]:
    """Stand-ins for those that routes lead to though they are not listed: what leaves by one is unknown."""
    named = {nexthop.device for route in routes for nexthop in route.nexthops}
    flags = IFF_UP | IFF_LOWER_UP | IFF_NOARP
    return {
        index: Device(index=index, name=f"if{index}", kind="missing", flags=flags, mtu=MAX_MTU)
        for index in named - devices.keys()
    }
