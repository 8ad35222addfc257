"""A packet went astray (to another's MAC, out of the cluster, in a circle): what sent it there."""

from dataclasses import replace

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.cause import silence
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.walk.branch import Branch
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour import entry_text
from kubectl_skoop.netstack.stack import Loss

ROUTES_OF_A_CIRCLE = 2


def other_host(world: World, cluster: Cluster, branch: Branch, loss: Loss) -> Suspicion:
    """The finding at the neighbour or forwarding entry to blame (of who sent the frame, or of who made it,
    before the bridges that it came over), or at the owner of the MAC, whom the bridge could not find."""
    because = loss.because
    visit = next((one for one in branch.visits if loss in one.journey.losses), None)
    while visit is not None and visit.input is not None:
        link = visit.input
        if link.packet.dst_mac != loss.frame.dst_mac:
            return because
        ns = world.at(link.source)
        if isinstance(ns, NotCollected):
            return because
        found = (
            _forwarding_entry(because, ns, link, loss)
            or _unreached(world, cluster, because, ns, link, loss)
            or _neighbour(because, ns, link, loss)
        )
        if found is not None:
            return found
        visit = next((one for one in branch.visits if link in one.outputs), None)
    return because


def leaving(ctx: Context, because: Suspicion, loss: Loss) -> Suspicion:
    """A packet for a pod left its own node: by which device that pod is to be reached there."""
    place, frame = because.where.place, loss.frame
    if place is None or not isinstance(frame, Packet):
        return because
    owner = ctx.cluster.endpoint(frame.innermost.dst)
    pod = ctx.pod(owner.name) if owner.kind == "pod" else None
    device = ctx.host_device(pod.key) if pod is not None and pod.node == place.name else None
    if pod is None or device is None:
        return because
    master = ctx.device_by_index(place, device.master)
    through = f"{device.name}, a port of {master.name}" if master is not None else device.name
    note = f"pod/{pod.key} is on this node, behind {through}, where no route leads"
    return replace(because, evidence=(note, *because.evidence))


def circling(branch: Branch, because: Suspicion, loss: Loss) -> Suspicion:
    """The routes by which two nodes send the packet to each other."""
    routes: dict[str, None] = {}
    goal = loss.frame.innermost.dst if isinstance(loss.frame, Packet) else None
    for visit in reversed(branch.visits):
        if visit.packet is None or visit.packet.innermost.dst != goal:
            continue
        for step in visit.journey.trace:
            if step.kind == "route" and len(routes) < ROUTES_OF_A_CIRCLE:
                routes[f"{visit.place}: {step.text}"] = None
    return replace(because, evidence=(*because.evidence, *routes))


def untold(branch: Branch, because: Suspicion, loss: Loss) -> Suspicion:
    """A packet was too big, and the message that would tell its sender was lost, too."""
    if not isinstance(loss.frame, Packet):
        return because
    for other in branch.losses():
        quoted = other.frame.quoted if isinstance(other.frame, Packet) else None
        if quoted is not None and quoted.dst == loss.frame.dst:
            note = f"the ICMP message that says so is lost: {other.because.where}: {other.because.message}"
            return replace(because, evidence=(*because.evidence, note, *other.because.evidence))
    return because


def _unreached(
    world: World, cluster: Cluster, because: Suspicion, ns: NetworkNamespace, link: Link, loss: Loss
) -> Suspicion | None:
    """The MAC is that of the address's owner, but no port of the bridge leads there."""
    port = ns.device_by_name.get(link.oif)
    bridge = ns.devices.get(port.master) if port is not None else None
    mac = loss.frame.dst_mac
    if bridge is None:
        return None
    for entry in ns.neighbours:
        if entry.mac != mac or entry.device != bridge.index or entry.proxy:
            continue
        owner = _owner(world, cluster, entry.address)
        if owner is None or owner.mac != mac:
            return None
        lost = replace(
            because,
            code="bridge.no-destination",
            where=Where(place=ns.place, device=bridge.name),
            message=f"no port of {bridge.name} leads to {entry.address} ({mac})",
            remedy="",
        )
        return silence.explain(world, cluster, lost, entry.address)
    return None


def _owner(world: World, cluster: Cluster, address: Address) -> Device | None:
    """The device that has the address, by the objects and the state of their place."""
    endpoint = cluster.endpoint(address)
    if endpoint.kind not in ("pod", "node"):
        return None
    ns = world.at(Place("pod" if endpoint.kind == "pod" else "node", endpoint.name))
    entry = None if isinstance(ns, NotCollected) else ns.local_addresses.get(address)
    return None if isinstance(ns, NotCollected) or entry is None else ns.devices.get(entry.device)


def _neighbour(because: Suspicion, ns: NetworkNamespace, link: Link, loss: Loss) -> Suspicion | None:
    """The sender's entry says that MAC of the next hop."""
    device = ns.device_by_name.get(link.oif)
    for entry in ns.neighbours:
        if entry.mac == loss.frame.dst_mac and not entry.proxy and device is not None:
            if entry.device not in (device.index, device.master):
                continue
            return replace(
                because,
                where=Where(place=ns.place, device=ns.device_name(entry.device)),
                message=f"{ns.place} has the wrong MAC for {entry.address}: {because.message}",
                evidence=(entry_text(ns, entry), *because.evidence),
                remedy=f"ip neigh del {entry.address} dev {ns.device_name(entry.device)}",
            )
    return None


def _forwarding_entry(because: Suspicion, ns: NetworkNamespace, link: Link, loss: Loss) -> Suspicion | None:
    """A bridge's entry leads to the port of another."""
    device = ns.device_by_name.get(link.oif)
    for entry in ns.fdb:
        if (
            device is not None
            and entry.bridge
            and (entry.mac, entry.port) == (loss.frame.dst_mac, device.index)
        ):
            bridge = ns.device_name(entry.bridge)
            flags = " sticky" if entry.sticky else ""
            return replace(
                because,
                code="bridge.wrong-port",
                where=Where(place=ns.place, device=device.name),
                message=f"{bridge} of {ns.place} sends frames for {entry.mac} to the wrong port",
                evidence=(f"{entry.mac} dev {device.name} master {bridge}{flags}", *because.evidence),
                remedy=f"bridge fdb del {entry.mac} dev {device.name} master",
            )
    return None
