"""Who has the next hop's address on a device (net/core/neighbour.c; K-57, K-69)."""

from ipaddress import IPv4Address, IPv6Address

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import BROADCAST_MAC, Address, Frame, Packet, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap, xmit
from kubectl_skoop.netstack.device import IFF_LOOPBACK, IFF_POINTOPOINT, Device
from kubectl_skoop.netstack.devices import bridge
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours import arp, capacity, discovery
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_NOARP, NUD_PERMANENT, Neighbour
from kubectl_skoop.netstack.reliance import Remembered
from kubectl_skoop.netstack.stack import Stack, Waiting

_ANY, _LIMITED_BROADCAST = IPv4Address(0), IPv4Address(0xFFFFFFFF)


def known(stack: Stack, device: Device, address: Address) -> str | None:
    """The MAC that the kernel would use now: learned on this walk, else a valid entry of the table."""
    learned = stack.neighbours.get((device.index, address))
    if learned is not None:
        return learned
    entry = stack.ns.neighbour_by_key.get((device.index, address))
    if entry is None or not entry.valid or (stack.cold and not _configured(entry)):
        return None
    return entry.mac


def resolve(
    stack: Stack, device: Device, nexthop: Address, packet: Packet, passage: Passage, *, bridge_port: int = 0
) -> str | None:
    """The MAC for a next hop; None: the packet waits for an answer (or is lost, which is then recorded).

    Without ARP it is the device's own MAC, unless it was given an entry (arp_constructor, ndisc_constructor).
    """
    if full := capacity.refusal(stack, device, _key(device, nexthop)):
        lose_full(stack, device, packet, nexthop, full)
        return None
    if nexthop.is_multicast and not device.loopback:
        return group_mac(nexthop)
    if not device.arp:
        return _used(stack, device, _key(device, nexthop), packet) or device.mac
    if _is_broadcast(stack, device, nexthop):
        return BROADCAST_MAC
    if unread := gap.table(stack, "neighbours"):
        stack.give_up("neighbour.unresolved", packet, unread, where=stack.where(device=device.name))
        return None
    mac = _used(stack, device, nexthop, packet)
    if mac is not None:
        stack.step("neighbour", f"{nexthop} dev {device.name} lladdr {mac}", device=device.name)
        return mac
    queue = stack.waiting.setdefault((device.index, nexthop), [])
    queue.append(Waiting(packet, passage, stack.journey, bridge_port))
    if len(queue) == 1:
        solicit(stack, device, nexthop, packet.src)
    return None


def solicit(stack: Stack, device: Device, address: Address, source: Address) -> None:
    """Ask who has it; `source`: of the packet that is to be sent (arp_solicit, ndisc_solicit)."""
    if isinstance(address, IPv6Address):
        discovery.solicit(stack, device, address, source)
    else:
        arp.solicit(stack, device, address, source)


def _used(stack: Stack, device: Device, address: Address, packet: Packet) -> str | None:
    """`known`, for a packet that is sent there."""
    mac, key = known(stack, device, address), (device.index, address)
    if mac is not None and key not in stack.neighbours and not _configured(stack.ns.neighbour_by_key[key]):
        stack.reliance.remembered.setdefault(Remembered(stack.ns.id, *key), packet.src)
    return mac


def lose_full(stack: Stack, device: Device, frame: Frame, address: Address, because: str) -> None:
    """No entry can be made (SKB_DROP_REASON_NEIGH_CREATEFAIL); nobody is told."""
    setting = capacity.SETTING[address.version]
    stack.lose(
        "neighbour.table-full",
        frame,
        f"the table of neighbours is full: there is no room for {address} on {device.name}",
        where=stack.where(device=device.name),
        evidence=[because],
        remedy=f"sysctl -w {setting}=…, and gc_thresh2 below it, on the node",
    )


def _key(device: Device, nexthop: Address) -> Address:
    """IPv4: one entry for all addresses of such a device (__ipv4_neigh_lookup_noref)."""
    single = device.flags & (IFF_LOOPBACK | IFF_POINTOPOINT)
    return _ANY if nexthop.version == 4 and single else nexthop


def group_mac(group: Address) -> str:
    """ip_eth_mc_map, ipv6_eth_mc_map."""
    if group.version == 4:
        return (0x01005E000000 | int(group) & 0x7FFFFF).to_bytes(6, "big").hex(":")
    return (0x333300000000 | int(group) & 0xFFFFFFFF).to_bytes(6, "big").hex(":")


def asker_of(stack: Stack, question: Frame) -> Device | None:
    """The device of this namespace that asked, perhaps one on top of another (a VLAN, a bond); None: the
    question is of another namespace."""
    waiting = (stack.ns.devices[index] for index, asked in stack.waiting if asked == question.neighbour)
    return next((asker for asker in waiting if asker.mac == question.src_mac), None)


def learn(stack: Stack, device: Device, address: Address, mac: str, *, replaces: bool = False) -> None:
    """An ARP or neighbour discovery message told it: remember, and send what waited.

    What ARP learned a moment ago is not replaced (neigh/default/locktime in arp_process); in IPv6 it is by an
    advertisement with the override flag (neigh_update), so which one counts is a matter of time.
    """
    entry = stack.ns.neighbour_by_key.get((device.index, address))
    if entry is not None and entry.state & (NUD_PERMANENT | NUD_NOARP):
        return
    first = stack.neighbours.setdefault((device.index, address), mac)
    if first != mac:
        question = Unknown(
            f"two answer for {address} on {device.name}, {first} and {mac}: which one is taken"
        )
        if replaces and stack.choices.undecided(question):
            stack.neighbours[(device.index, address)] = mac
            return
        stack.assumptions.append(f"of two answers for {address} the first is taken, {first}, not {mac}")
        return
    for waiting in stack.waiting.pop((device.index, address), []):
        here, stack.journey = stack.journey, waiting.journey
        stack.step("neighbour", f"{address} dev {device.name} lladdr {mac}", "resolved", device=device.name)
        _send(stack, device, mac, waiting)
        stack.journey = here


def expire(stack: Stack) -> bool:
    """Nobody answered: the packets that wait are lost, their senders are told (arp_error_report)."""
    if not stack.waiting:
        return False
    for (index, address), queue in list(stack.waiting.items()):
        del stack.waiting[(index, address)]
        device = stack.ns.devices[index]
        for waiting in queue:
            stack.journey = waiting.journey
            _lost(stack, device, address, waiting)
    return True


def _send(stack: Stack, device: Device, mac: str, waiting: Waiting) -> None:
    if waiting.bridge_port:
        port = stack.ns.devices[waiting.bridge_port]
        bridge.finish(stack, device, port, changed(waiting.packet, dst_mac=mac), waiting.passage)
        return
    frame = changed(waiting.packet, src_mac=device.mac, dst_mac=mac)
    xmit.transmit(stack, device, frame, waiting.passage)


def _lost(stack: Stack, device: Device, address: Address, waiting: Waiting) -> None:
    """Its sender is told; of a message of neighbour discovery that is left out, as nobody asks for it, and as
    it may have to ask what the message was to answer, without end."""
    entry = stack.ns.neighbour_by_key.get((device.index, address))
    stack.lose(
        "neighbour.unresolved",
        waiting.packet,
        f"nobody answers for {address} on {device.name}",
        where=stack.where(device=device.name),
        evidence=[
            entry_text(stack.ns, entry) if entry else f"no neighbour entry for {address} dev {device.name}"
        ],
        remedy=f"look who should have {address} on the link of {device.name}",
        unanswered=address,
    )
    if waiting.packet.neighbour is None:
        icmp.send_error(stack, waiting.packet, waiting.passage, icmp.HOST_UNREACHABLE, delayed=True)


def entry_text(ns: NetworkNamespace, entry: Neighbour) -> str:
    """As `ip neigh` prints it."""
    names = {
        0x01: "INCOMPLETE",
        0x02: "REACHABLE",
        0x04: "STALE",
        0x08: "DELAY",
        0x10: "PROBE",
        0x20: "FAILED",
    }
    names |= {NUD_NOARP: "NOARP", NUD_PERMANENT: "PERMANENT"}
    mac = f" lladdr {entry.mac}" if entry.mac else ""
    state = names.get(entry.state, "NONE")
    return f"{entry.address} dev {ns.device_name(entry.device)}{mac} {state}"


def _configured(entry: Neighbour) -> bool:
    return bool(entry.state & (NUD_PERMANENT | NUD_NOARP))


def _is_broadcast(stack: Stack, device: Device, address: Address) -> bool:
    return address == _LIMITED_BROADCAST or (device.index, address) in stack.ns.broadcasts
