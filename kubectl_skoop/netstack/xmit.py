"""A frame leaves by a device (dev_queue_xmit and the ndo_start_xmit of each kind)."""

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Frame, Packet, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap, receive
from kubectl_skoop.netstack.device import SAME_NAMESPACE, Device
from kubectl_skoop.netstack.devices import bridge, link_hooks, vlan_tag, vrf_device, vxlan
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Emission, Stack

VLAN_SLACK = 4
"""A receiver takes VLAN_HLEN bytes more than its MTU (is_skb_forwardable, K-34)."""
ETHERNET_KINDS = frozenset({"", "veth", "tun", "virtio_net"})


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """To the other end of the device, unless it is down, or its egress hook or a program stops it."""
    if not device.up or not device.carrier:
        state = "has no carrier" if device.up else "is down"
        stack.lose(
            "device.down",
            frame,
            f"{device.name} {state}",
            where=stack.where(device=device.name),
            evidence=[f"{device.name}: " + ("NO-CARRIER" if device.up else "not UP")],
            remedy=_remedy(stack, device),
        )
        return
    passed = link_hooks.run(stack, "netdev", Hook.EGRESS, frame, passage, outdev=device.index)
    if passed is None:
        return
    frame = passed
    if not receive.programs_pass(stack, device, frame):
        return
    if device.led_in:
        from kubectl_skoop.netstack.devices import ifb

        if ifb.led_in(stack, device, frame):
            return
    if isinstance(frame, Packet) and frame.gso and not _takes_buffers(stack, device):
        frame = changed(frame, gso=False)
    match device.kind:
        case "bridge":
            bridge.transmit(stack, device, frame, passage)
        case "vxlan":
            vxlan.transmit(stack, device, frame, passage)
        case "veth" if device.link and device.link_netns == SAME_NAMESPACE:
            _to_local_peer(stack, device, frame, passage)
        case "ipip" | "sit" | "gre" | "gretap":
            from kubectl_skoop.netstack.devices import ip_tunnel

            ip_tunnel.transmit(stack, device, frame, passage)
        case "ip6tnl" | "ip6gre" | "ip6gretap":
            from kubectl_skoop.netstack.devices import ip6_tunnel

            ip6_tunnel.transmit(stack, device, frame, passage)
        case "vlan":
            from kubectl_skoop.netstack.devices import vlan

            vlan.transmit(stack, device, frame, passage)
        case "macvlan" | "macvtap":
            from kubectl_skoop.netstack.devices import macvlan

            macvlan.transmit(stack, device, frame, passage)
        case "geneve":
            from kubectl_skoop.netstack.devices import geneve

            geneve.transmit(stack, device, frame, passage)
        case "wireguard":
            from kubectl_skoop.netstack.devices import wireguard

            wireguard.transmit(stack, device, frame, passage)
        case "bond":
            from kubectl_skoop.netstack.devices import bond

            bond.transmit(stack, device, frame, passage)
        case "team":
            from kubectl_skoop.netstack.devices import team

            team.transmit(stack, device, frame, passage)
        case "ipvlan":
            from kubectl_skoop.netstack.devices import ipvlan

            ipvlan.transmit(stack, device, frame, passage)
        case "netkit":
            from kubectl_skoop.netstack.devices import netkit

            netkit.transmit(stack, device, frame)
        case "vrf":
            vrf_device.transmit(stack, device, frame, passage)
        case "dummy" | "ifb":
            message = f"{device.name} is of kind {device.kind}: it discards what is routed into it"
            stack.lose("device.no-peer", frame, message, where=stack.where(device=device.name))
        case "missing":
            reason = f"device {device.index} is not in the snapshot"
            stack.give_up("device.no-peer", frame, reason, where=stack.where(device=device.name))
        case _ if device.loopback:
            receive.receive(stack, device.index, frame, passage)
        case kind if kind in ETHERNET_KINDS:
            stack.step("send", f"out by {device.name}", device=device.name)
            stack.out.append(Emission(device.index, frame, stack.journey))
        case kind:
            reason = f"{device.name} is a {kind} device, which is not modelled"
            stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=device.name))


def _takes_buffers(stack: Stack, device: Device) -> bool:
    if unread := gap.table(stack, "ethtool"):
        return stack.choices.undecided(Unknown(f"whether large buffers are cut before a device: {unread}"))
    return device.tso


def _to_local_peer(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """Both ends of the veth in one namespace: the mark is kept, conntrack is not (K-38)."""
    peer = stack.ns.devices.get(device.link)
    if peer is None:
        stack.lose("device.no-peer", frame, f"the peer of {device.name} is not in the snapshot")
    elif fits(stack, peer, frame):
        receive.receive(stack, peer.index, frame, Passage(mark=passage.mark))


def fits(stack: Stack, receiver: Device, frame: Frame) -> bool:
    """Whether a veth's receiving end takes a frame of this size (__dev_forward_skb, K-34, K-35)."""
    most = receiver.mtu + VLAN_SLACK
    if not isinstance(frame, Packet) or frame.gso or stack.reliance.fits(_size(frame), most):
        return True
    stack.lose(
        "device.mtu",
        frame,
        f"{frame.length} bytes do not fit {receiver.name} (MTU {receiver.mtu}), and nobody is told",
        where=stack.where(device=receiver.name),
        evidence=[f"{receiver.name} mtu {receiver.mtu}"],
        remedy="give both ends of the veth the same MTU",
    )
    return False


def _size(packet: Packet) -> int:
    """The outer tag is beside the frame (skb->vlan_tci), the others are in it."""
    return packet.length + vlan_tag.LENGTH * len(packet.inner_tags)


def _remedy(stack: Stack, device: Device) -> str:
    if not device.up:
        return f"ip link set {device.name} up"
    if device.kind == "veth":
        return f"set the other end of {device.name} up"
    if device.kind == "bridge":
        ports = [entry.name for entry in stack.ns.devices.values() if entry.master == device.index]
        return f"bring a port of {device.name} up ({', '.join(ports) or 'it has none'})"
    return f"look for why {device.name} has no carrier"
