"""The bridge: which ports a frame goes out of (net/bridge/br_input.c, br_forward.c, br_fdb.c)."""

from ipaddress import IPv6Address

from kubectl_skoop.model.packet import BROADCAST_MAC, Frame, Packet, PacketType, Passage, is_group
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import gap, receive, xmit
from kubectl_skoop.netstack.device import BR_STATE_FORWARDING, BR_STATE_LEARNING, BridgePort, Device
from kubectl_skoop.netstack.devices import (
    bridge_conntrack,
    bridge_fdb,
    bridge_loss,
    bridge_netfilter,
    bridge_port,
    bridge_vlan,
    link_hooks,
)
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack

ALL_NODES = IPv6Address("ff02::1")


def handle_frame(stack: Stack, bridge: Device, port: Device, frame: Frame, passage: Passage) -> None:
    """br_handle_frame: a frame comes in by a port."""
    state = bridge_port.own_state(bridge, port)
    if state not in (BR_STATE_FORWARDING, BR_STATE_LEARNING) or not bridge.up:
        bridge_loss.refuse_port(stack, bridge, port, frame)
        return
    if frame.dst_mac == bridge.mac:
        passage.packet_type = PacketType.HOST
    passed = bridge_netfilter.prerouting(stack, bridge, port, frame, passage)
    if passed is not None:
        finish(stack, bridge, port, passed, passage)


def finish(stack: Stack, bridge: Device, port: Device, frame: Frame, passage: Passage) -> None:
    """br_handle_frame_finish."""
    settings = port.port or BridgePort()
    if settings.vlan_tunnel:
        reason = f"port {port.name} of {bridge.name} maps VLANs to tunnels, which is not modelled"
        stack.give_up("bridge.program", frame, reason, where=stack.where(device=port.name))
        return
    admitted = bridge_vlan.ingress(stack, bridge, port, frame)
    if admitted is None:
        return
    frame, vlan = admitted, bridge_vlan.key(bridge, admitted)
    state = bridge_port.state(bridge, port, frame)
    if state not in (BR_STATE_FORWARDING, BR_STATE_LEARNING):
        bridge_loss.refuse_port(stack, bridge, port, frame)
        return
    known = bridge_fdb.entry(stack, bridge, frame.src_mac, vlan)
    if settings.locked and (unread := gap.table(stack, "fdb")):
        stack.give_up("bridge.no-destination", frame, unread, where=stack.where(device=port.name))
        return
    if settings.locked and (known is None or known.port != port.index):
        stack.lose(
            "bridge.port-down",
            frame,
            f"port {port.name} is locked and does not know {frame.src_mac}",
            where=stack.where(device=port.name),
            evidence=[f"{port.name}: locked on"],
            remedy=f"bridge link set dev {port.name} locked off",
        )
        return
    if settings.learning and not (known is not None and known.sticky):
        stack.fdb[(bridge.index, vlan, frame.src_mac)] = port.index
    if state == BR_STATE_LEARNING:
        bridge_loss.refuse_port(stack, bridge, port, frame)
        return
    answered = _answered(stack, bridge, port, frame, vlan)
    if is_group(frame.dst_mac):
        _flood(stack, bridge, frame, passage, port, answered=answered)
        _pass_up(stack, bridge, port, frame, passage)
    elif bridge_fdb.is_local(stack, bridge, frame.dst_mac, vlan):
        _pass_up(stack, bridge, port, frame, passage)
    else:
        _towards(stack, bridge, frame, passage, port)


def _answered(stack: Stack, bridge: Device, port: Device | None, frame: Frame, vlan: int) -> bool:
    """The bridge answers a question for a neighbour itself, or need not ask it everywhere."""
    if frame.neighbour is None or not any(
        one.port is not None and (one.port.silent or one.port.proxy_arp)
        for one in bridge_port.ports(stack, bridge)
    ):
        return False
    from kubectl_skoop.netstack.devices import bridge_proxy

    return bridge_proxy.answered(stack, bridge, port, frame, vlan)


def transmit(stack: Stack, bridge: Device, frame: Frame, passage: Passage) -> None:
    """br_dev_xmit: the namespace itself sends by the bridge."""
    with receive.deeper(stack, bridge, frame) as goes_on:
        if goes_on:
            _transmit(stack, bridge, frame, passage)


def _transmit(stack: Stack, bridge: Device, frame: Frame, passage: Passage) -> None:
    stack.step("bridge", f"{bridge.name} sends to {frame.dst_mac}", device=bridge.name)
    admitted = bridge_vlan.ingress(stack, bridge, bridge, frame)
    if admitted is None:
        return
    answered = _answered(stack, bridge, None, admitted, bridge_vlan.key(bridge, admitted))
    if is_group(frame.dst_mac):
        _flood(stack, bridge, admitted, passage, None, answered=answered)
    else:
        _towards(stack, bridge, admitted, passage, None)


def _towards(stack: Stack, bridge: Device, frame: Frame, passage: Passage, source: Device | None) -> None:
    if unread := gap.table(stack, "fdb"):
        stack.give_up("bridge.no-destination", frame, unread, where=stack.where(device=bridge.name))
        return
    vlan = bridge_vlan.key(bridge, frame)
    target = bridge_fdb.port_of(stack, bridge, frame.dst_mac, vlan)
    if target is None:
        _flood(stack, bridge, frame, passage, source)
        return
    port = stack.ns.devices.get(target)
    if port is None or port.master != bridge.index:
        stack.lose(
            "bridge.no-destination",
            frame,
            f"{bridge.name} knows {frame.dst_mac} by a port that is gone",
            where=stack.where(device=bridge.name),
        )
        return
    stack.step("bridge", f"{frame.dst_mac} is known by {port.name}", device=bridge.name)
    if _may_leave(stack, bridge, port, frame, source):
        send(stack, bridge, port, frame, passage, source)


def _flood(
    stack: Stack,
    bridge: Device,
    frame: Frame,
    passage: Passage,
    source: Device | None,
    *,
    answered: bool = False,
) -> None:
    """br_flood: copies to all ports that may have them; the receivers sort out by MAC.

    `answered`: the bridge has answered this question itself, or need not ask it everywhere.
    """
    group = is_group(frame.dst_mac)
    ports = [
        port for port in bridge_port.ports(stack, bridge) if source is None or port.index != source.index
    ]
    if answered:
        ports = [port for port in ports if port.port is None or not port.port.silent]
    allowed = [port for port in ports if _floods(port, frame, group, local=source is None)]
    if (joined := _snooped(stack, bridge, frame)) is not None:
        allowed = [port for port in allowed if port.index in joined]
    members = [port for port in allowed if bridge_vlan.member(bridge, port, frame)]
    open_ports = [
        port
        for port in members
        if bridge_port.is_open(bridge, port, frame) and not bridge_port.isolated(port, source)
    ]
    if not group:
        stack.step(
            "bridge",
            f"{frame.dst_mac} is not known",
            f"flooded to {len(open_ports)} ports",
            device=bridge.name,
        )
    hairpin = source is not None and (source.port or BridgePort()).hairpin
    if (
        hairpin
        and source is not None
        and _floods(source, frame, group, local=False)
        and bridge_vlan.member(bridge, source, frame)
        and not bridge_port.isolated(source, source)
    ):
        open_ports.append(source)
    if not open_ports:
        taken = group and source is not None and _takes(bridge, frame)
        if allowed and not members and not taken:
            bridge_loss.vlan(stack, bridge, frame, allowed)
        elif not group or not (ports or answered):
            bridge_loss.nowhere(stack, bridge, frame, ports, members, source)
        elif any(bridge_port.isolated(port, source) for port in allowed):
            bridge_loss.isolated(stack, bridge, frame, source)
        return
    for port in open_ports:
        send(stack, bridge, port, frame, passage.copy(), source)


def send(
    stack: Stack,
    bridge: Device,
    port: Device,
    frame: Frame,
    passage: Passage,
    source: Device | None = None,
) -> None:
    """__br_forward, br_dev_queue_push_xmit; without a source the namespace itself sends."""
    frame = bridge_vlan.egress(bridge, port, frame)
    if source is None:
        sent = link_hooks.run(stack, "bridge", Hook.OUTPUT, frame, passage, outdev=port.index)
    else:
        sent = bridge_netfilter.forward(stack, bridge, source, port, frame, passage)
    if sent is not None:
        sent = link_hooks.run(stack, "bridge", Hook.POSTROUTING, sent, passage, outdev=port.index)
    if sent is not None and source is not None:
        if bridge_netfilter.takes(stack, bridge, sent) and not bridge_conntrack.comes_last(
            stack, sent, passage
        ):
            return
        sent = bridge_netfilter.postrouting(stack, bridge, port, sent, passage)
    if sent is None or not bridge_conntrack.confirm(stack, sent, passage):
        return
    frame = sent
    most = port.mtu + xmit.VLAN_SLACK
    if isinstance(frame, Packet) and not frame.gso and not stack.reliance.fits(frame.length, most):
        stack.lose(
            "device.mtu",
            frame,
            f"{frame.length} bytes do not fit port {port.name} (MTU {port.mtu}); a bridge tells nobody",
            where=stack.where(device=port.name),
            evidence=[f"{port.name} mtu {port.mtu}", f"{bridge.name} mtu {bridge.mtu}"],
            remedy=f"ip link set {port.name} mtu {bridge.mtu}",
        )
        return
    xmit.transmit(stack, port, frame, passage)


def _snooped(stack: Stack, bridge: Device, frame: Frame) -> frozenset[int] | None:
    """br_multicast_flood: the ports that have joined the frame's group; None: it is flooded (K-85).

    So it is without a querier, and to all nodes. Which ports lead to routers is not known, so where nobody
    has joined both are followed.
    """
    settings = bridge.bridge
    if settings is None or not settings.snooping or not settings.querier6:
        return None
    if (
        not isinstance(frame, Packet)
        or frame.family == 4
        or frame.dst == ALL_NODES
        or not frame.dst.is_multicast
    ):
        return None
    joined = {
        entry.port for entry in stack.ns.groups if (entry.bridge, entry.group) == (bridge.index, frame.dst)
    }
    if joined:
        return frozenset(joined)
    reason = gap.table(stack, "mdb") or f"no port of {bridge.name} has joined {frame.dst}"
    if stack.choices.undecided(Unknown(f"whether {bridge.name} floods a multicast: {reason}")):
        return None
    where = stack.where(device=bridge.name)
    evidence = [f"{bridge.name}: mcast_snooping 1, and there is a querier"]
    stack.lose("bridge.no-destination", frame, reason, where=where, evidence=evidence)
    return frozenset()


def _may_leave(stack: Stack, bridge: Device, port: Device, frame: Frame, source: Device | None) -> bool:
    """should_deliver: state, hairpin, isolation; each refusal is a loss of its own."""
    where = stack.where(device=port.name)
    if not bridge_port.is_open(bridge, port, frame):
        bridge_loss.refuse_port(stack, bridge, port, frame)
        return False
    if source is not None and source.index == port.index and not (port.port or BridgePort()).hairpin:
        stack.lose(
            "bridge.hairpin",
            frame,
            f"the frame would go back out of {port.name}, whose hairpin mode is off",
            where=where,
            evidence=[f"{port.name}: hairpin off"],
            remedy=f"bridge link set dev {port.name} hairpin on",
        )
        return False
    if not bridge_vlan.member(bridge, port, frame):
        bridge_vlan.lose(stack, bridge, port, frame)
        return False
    if bridge_port.isolated(port, source):
        bridge_loss.isolated(stack, bridge, frame, source)
        return False
    return True


def _pass_up(stack: Stack, bridge: Device, port: Device, frame: Frame, passage: Passage) -> None:
    """br_pass_frame_up"""
    if not bridge.up:
        bridge_loss.refuse_port(stack, bridge, bridge, frame)
        return
    if not _takes(bridge, frame):
        if is_group(frame.dst_mac):
            return
        if bridge_vlan.member(bridge, bridge, frame):
            bridge_loss.refuse_port(stack, bridge, bridge, frame)
        else:
            bridge_vlan.lose(stack, bridge, bridge, frame)
        return
    frame = bridge_vlan.egress(bridge, bridge, frame)
    passed = link_hooks.run(stack, "bridge", Hook.INPUT, frame, passage, indev=port.index)
    if passed is not None:
        receive.take(stack, bridge, passed, passage)


def _takes(bridge: Device, frame: Frame) -> bool:
    """The bridge itself is a port of its VLANs like others."""
    in_vlan = bridge_vlan.member(bridge, bridge, frame)
    return in_vlan and bridge_port.state(bridge, bridge, frame) == BR_STATE_FORWARDING


def _floods(port: Device, frame: Frame, group: bool, *, local: bool) -> bool:
    """br_flood: what the bridge itself sends to a group goes to all ports but those with proxy_arp."""
    settings = port.port or BridgePort()
    if settings.proxy_arp:
        return False
    if not group:
        return settings.unicast_flood
    if local:
        return True
    return settings.broadcast_flood if frame.dst_mac == BROADCAST_MAC else settings.multicast_flood
