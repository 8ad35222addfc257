"""IPv6 neighbour discovery: asking and answering (net/ipv6/ndisc.c; K-24, K-81 to K-87)."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address

from kubectl_skoop.model.packet import (
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    Address,
    Discovery,
    Packet,
    Passage,
    Protocol,
)
from kubectl_skoop.netstack import gap, ip
from kubectl_skoop.netstack.device import (
    IFA_F_DADFAILED,
    IFA_F_OPTIMISTIC,
    IFA_F_TENTATIVE,
    Device,
    InterfaceAddress,
)
from kubectl_skoop.netstack.neighbours import capacity, neighbour
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_NOARP, NUD_PERMANENT
from kubectl_skoop.netstack.routing.input6 import takes_groups
from kubectl_skoop.netstack.routing.local import anycast_addresses
from kubectl_skoop.netstack.routing.select6 import select_address6
from kubectl_skoop.netstack.routing.way import OutputRoute
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import device_key

HOP_LIMIT = 255
"""RFC 4861, 7.1: another one has been forwarded, and does not count."""
LENGTH = 72
"""IPv6 and ICMPv6 header, target, link-layer address option, bytes."""
_GROUPS = int(IPv6Address("ff02::1:ff00:0"))
_UNSPECIFIED = IPv6Address(0)


def solicited_group(address: IPv6Address) -> IPv6Address:
    """addrconf_addr_solict_mult."""
    return IPv6Address(_GROUPS | int(address) & 0xFFFFFF)


def solicit(stack: Stack, device: Device, target: IPv6Address, packet_source: Address) -> None:
    """ndisc_solicit: the solicited-node group is asked.

    From the packet's source if the device has it, else from the device's link-local address; without one
    nobody is asked (K-82).
    """
    source = _asks_from(stack, device, packet_source)
    question = compose(
        NEIGHBOUR_SOLICITATION,
        source or _UNSPECIFIED,
        solicited_group(target),
        Discovery(target, device.mac),
    )
    if source is None:
        where = stack.where(device=device.name)
        if unread := gap.table(stack, "addresses"):
            stack.give_up("neighbour.unresolved", question, unread, where=where)
            return
        stack.lose(
            "source.address",
            question,
            f"{device.name} cannot ask for {target}: it does not have {packet_source}, and no link-local "
            "address",
            where=where,
            evidence=_address_texts(device, stack.ns.addresses_of(6, device.index)),
            remedy=f"ip link set {device.name} addrgenmode eui64; ip link set {device.name} down, up",
        )
        return
    stack.step("neighbour", f"who has {target} tell {source}", "asked", device=device.name)
    _send(stack, device, question)


def heard(stack: Stack, device: Device, message: Packet, mark: int) -> bool:
    """ip6_mc_input: whether the device is a member of the group that is asked.

    It is of the groups of its addresses (addrconf_join_solict), and of those that it answers for
    (pndisc_constructor); not if it is set NOARP. Who should answer and does not hear is recorded.
    """
    if message.discovery is None:
        return False
    if not device.arp and not device.loopback:
        _explain(stack, device, message, message.discovery.target)
        return False
    if unread := gap.table(stack, "addresses", "routes"):
        stack.give_up("neighbour.silent", message, unread, where=stack.where(device=device.name))
        return False
    if any(solicited_group(address) == message.dst for address in _answered_for(stack, device)):
        return _comes_in(stack, device, message, mark)
    if unread := gap.table(stack, "proxy_neighbours"):
        stack.give_up("neighbour.silent", message, unread, where=stack.where(device=device.name))
        return False
    _explain(stack, device, message, message.discovery.target)
    return False


def _comes_in(stack: Stack, device: Device, message: Packet, mark: int) -> bool:
    if takes_groups(stack, message, device.index, mark):
        return True
    reason = f"there is no route by it for the group {message.dst} that is asked"
    remedy = f"ip -6 route add multicast ff00::/8 dev {device.name} table local"
    _stay_silent(stack, device, message, reason, [f"no route to {message.dst} by {device.name}"], remedy)
    return False


def receive(stack: Stack, device: Device, message: Packet) -> None:
    """ndisc_rcv."""
    if message.discovery is None:
        return
    if message.ttl != HOP_LIMIT:
        stack.lose(
            "neighbour.silent",
            message,
            f"{device.name} ignores neighbour discovery with hop limit {message.ttl}, it must be {HOP_LIMIT}",
            where=stack.where(device=device.name),
            evidence=[f"hop limit {message.ttl}"],
            remedy="let no rule change the hop limit of neighbour discovery",
        )
    elif message.asks:
        _asked(stack, device, message, message.discovery)
    else:
        _told(stack, device, message.discovery)


def _asked(stack: Stack, device: Device, message: Packet, said: Discovery) -> None:
    """ndisc_recv_ns."""
    asker = message.src
    if not isinstance(asker, IPv6Address) or not int(asker) or said.target.is_multicast:
        return
    own = _own(stack, device, said.target)
    if own is None:
        if unread := _unread(stack, device):
            stack.give_up("neighbour.silent", message, unread, where=stack.where(device=device.name))
            return
        if not _stands_in(stack, device, said.target):
            _explain(stack, device, message, said.target)
            return
    elif own.tentative:
        _explain(stack, device, message, said.target)
        return
    if full := capacity.refusal(stack, device, asker):
        neighbour.lose_full(stack, device, message, asker, full)
        return
    if said.mac:
        neighbour.learn(stack, device, asker, said.mac, replaces=True)
    _advertise(stack, device, message, said.target, own)


def _advertise(
    stack: Stack, device: Device, message: Packet, target: IPv6Address, own: InterfaceAddress | None
) -> None:
    """ndisc_send_na: to the asker by its neighbour entry, perhaps not the MAC that it asks from (K-83)."""
    asker = message.src
    if not isinstance(asker, IPv6Address):
        return
    source = target if own is not None else select_address6(stack.ns, device.index, asker)
    if source is None:
        return
    inclusive = message.dst.is_multicast
    override = own is not None and inclusive and not own.flags & IFA_F_OPTIMISTIC
    answer = compose(
        NEIGHBOUR_ADVERTISEMENT,
        source,
        asker,
        Discovery(target, device.mac if inclusive else "", override),
    )
    _note_other_station(stack, device, message, answer)
    stack.step("neighbour", f"{target} is at {device.mac}", "answered", device=device.name)
    _send(stack, device, answer)


def _note_other_station(stack: Stack, device: Device, message: Packet, answer: Packet) -> None:
    """A configured entry of the asker is not learned over: the answer goes to its MAC."""
    entry = stack.ns.neighbour_by_key.get((device.index, answer.dst))
    if message.discovery is None or entry is None or not entry.state & (NUD_PERMANENT | NUD_NOARP):
        return
    if entry.mac != message.discovery.mac:
        stack.lose(
            "neighbour.other-host",
            answer,
            f"{stack.ns.place} answers {answer.dst} at {entry.mac}, which asks from {message.discovery.mac}",
            where=stack.where(device=device.name),
            evidence=[neighbour.entry_text(stack.ns, entry)],
            remedy=f"ip neigh del {entry.address} dev {device.name}",
        )


def redirect(stack: Stack, device: Device, message: Packet) -> None:
    """ndisc_send_redirect, to who answered an address that no local route is for: the redirect waits for that
    neighbour behind what was to be sent, so the next question is asked in its name, which is the device's
    link-local address (neigh_probe). If that was answered, further questions are as vain."""
    if (device.index, message.src) not in stack.waiting or not isinstance(message.src, IPv6Address):
        return
    if message.dst != _asks_from(stack, device, _UNSPECIFIED):
        solicit(stack, device, message.src, _UNSPECIFIED)
        return
    stack.lose(
        "source.address",
        message,
        f"{device.name} asks for {message.src} from {message.dst}, and takes no answer: there is no local "
        "route for that address",
        where=stack.where(device=device.name),
        evidence=[f"{message.dst} is forwarded by {device.name}"],
        remedy=f"ip -6 route add local {message.dst} dev {device.name} table local",
    )


def _told(stack: Stack, device: Device, said: Discovery) -> None:
    """ndisc_recv_na: for an address of one's own it is ignored; without a MAC it resolves nothing."""
    if said.mac and _own(stack, device, said.target) is None:
        neighbour.learn(stack, device, said.target, said.mac, replaces=said.override)


def _asks_from(stack: Stack, device: Device, packet_source: Address) -> IPv6Address | None:
    """ndisc_solicit and ipv6_get_lladdr: neither tentative nor optimistic addresses."""
    usable = [
        entry.address
        for entry in stack.ns.addresses_of(6, device.index)
        if isinstance(entry.address, IPv6Address) and not entry.flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)
    ]
    if isinstance(packet_source, IPv6Address) and packet_source in usable:
        return packet_source
    return next((address for address in usable if address.is_link_local), None)


def _answered_for(stack: Stack, device: Device) -> Iterable[IPv6Address]:
    for entry in stack.ns.addresses_of(6, device.index):
        if isinstance(entry.address, IPv6Address):
            yield entry.address
    yield from anycast_addresses(stack.ns, device.index)
    for proxied in stack.ns.neighbours:
        if proxied.proxy and proxied.device == device.index and isinstance(proxied.address, IPv6Address):
            yield proxied.address


def _unread(stack: Stack, device: Device) -> str:
    """Why it cannot be told whether the device answers for others."""
    keys = [f"net.ipv6.conf.{device_key(device.name)}.forwarding"]
    keys += [f"net.ipv6.conf.{name}.proxy_ndp" for name in ("all", device_key(device.name))]
    return gap.table(stack, "proxy_neighbours", "routes") or gap.sysctl(stack, *keys)


def _stands_in(stack: Stack, device: Device, target: IPv6Address) -> bool:
    """Anycast, or a proxy: proxy_ndp and an entry for the address on this device, and forwarding (K-84)."""
    if target in anycast_addresses(stack.ns, device.index):
        return True
    return _forwards(stack, device) and _proxies(stack, device) and _proxied(stack, device, target)


def _forwards(stack: Stack, device: Device) -> bool:
    """The device's own setting, not that of `all` (idev->cnf.forwarding)."""
    return bool(stack.ns.sysctls.device(device.name, "forwarding", 0, 6))


def _proxies(stack: Stack, device: Device) -> bool:
    return any(stack.ns.sysctls.device(name, "proxy_ndp", 0, 6) for name in ("all", device.name))


def _proxied(stack: Stack, device: Device, target: IPv6Address) -> bool:
    return any(
        entry.proxy and entry.address == target and entry.device in (0, device.index)
        for entry in stack.ns.neighbours
    )


def _own(stack: Stack, device: Device, address: Address) -> InterfaceAddress | None:
    """ipv6_get_ifaddr, strict: the device's own addresses alone, unlike ARP (K-81)."""
    return next((entry for entry in stack.ns.addresses_of(6, device.index) if entry.address == address), None)


def _explain(stack: Stack, device: Device, message: Packet, target: IPv6Address) -> None:
    """Why the owner of an address, or the node at the other end of a pod's veth, does not answer."""
    own = _own(stack, device, target)
    elsewhere = next((entry for entry in stack.ns.addresses if entry.address == target), None)
    if own is not None and not device.arp:
        _stay_silent(stack, device, message, "it is set NOARP", [f"{device.name}: NOARP"])
    elif own is not None and own.flags & IFA_F_DADFAILED:
        reason = "the address is in use elsewhere on the link (duplicate address detection failed)"
        _stay_silent(stack, device, message, reason, _address_texts(device, [own]))
    elif own is not None:
        reason = "the address is tentative (duplicate address detection is not done)"
        _stay_silent(stack, device, message, reason, _address_texts(device, [own]))
    elif elsewhere is not None:
        other = stack.ns.device_name(elsewhere.device)
        reason = f"the address is one of {other}, and IPv6 answers for those of the receiving device only"
        _stay_silent(stack, device, message, reason, [f"{elsewhere.address}/{elsewhere.prefix} dev {other}"])
    elif _proxied(stack, device, target) or _other_end_of_pod(stack, device):
        _explain_no_proxy(stack, device, message, target)


def _explain_no_proxy(stack: Stack, device: Device, message: Packet, target: IPv6Address) -> None:
    name = device_key(device.name)
    if not _proxied(stack, device, target):
        reason = f"no proxy entry for {target} dev {device.name}"
        remedy = f"ip -6 neigh add proxy {target} dev {device.name}"
        _stay_silent(stack, device, message, "there is no proxy entry for it", [reason], remedy)
    elif not _proxies(stack, device):
        keys = [f"net.ipv6.conf.{each}.proxy_ndp" for each in ("all", name)]
        evidence = [f"{key} = {stack.ns.sysctls.text(key)}" for key in keys]
        _stay_silent(
            stack, device, message, "proxy_ndp is 0", evidence, f"sysctl -w net.ipv6.conf.{name}.proxy_ndp=1"
        )
    else:
        key = f"net.ipv6.conf.{name}.forwarding"
        evidence = [f"{key} = {stack.ns.sysctls.text(key)}"]
        _stay_silent(stack, device, message, "it does not forward", evidence, f"sysctl -w {key}=1")


def _other_end_of_pod(stack: Stack, device: Device) -> bool:
    """A veth of a node that is no bridge port: whoever asks there can ask nobody else."""
    return device.kind == "veth" and not device.master and stack.ns.place.kind == "node"


def _stay_silent(
    stack: Stack, device: Device, message: Packet, reason: str, evidence: Sequence[str], remedy: str = ""
) -> None:
    stack.lose(
        "neighbour.silent",
        message,
        f"{device.name} does not answer neighbour solicitations for {message.neighbour}: {reason}",
        where=stack.where(device=device.name),
        evidence=evidence,
        remedy=remedy,
    )


def _address_texts(device: Device, entries: Iterable[InterfaceAddress]) -> list[str]:
    """As `ip addr` prints their flags."""
    names = {IFA_F_TENTATIVE: "tentative", IFA_F_DADFAILED: "dadfailed", IFA_F_OPTIMISTIC: "optimistic"}
    return [
        " ".join(
            [f"{entry.address}/{entry.prefix} dev {device.name}"]
            + [name for flag, name in names.items() if entry.flags & flag]
        )
        for entry in entries
    ] or [f"{device.name} has no IPv6 address"]


def compose(
    kind: int,
    source: IPv6Address,
    destination: IPv6Address,
    said: Discovery,
    macs: tuple[str, str] = ("", ""),
) -> Packet:
    """`macs`: source and destination of its frame, where no neighbour is looked up for it."""
    return Packet(
        src=source,
        dst=destination,
        protocol=Protocol.ICMPV6,
        icmp_type=kind,
        discovery=said,
        length=LENGTH,
        ttl=HOP_LIMIT,
        src_mac=macs[0],
        dst_mac=macs[1],
    )


def _send(stack: Stack, device: Device, message: Packet) -> None:
    """ndisc_send_skb: straight out of the device whatever the routes say, but through OUTPUT and
    POSTROUTING (icmp6_dst_alloc)."""
    way = OutputRoute(device=device.index, nexthop=None, source=message.src, route=None)
    ip.send(stack, message, Passage(), way, ttl=HOP_LIMIT)
