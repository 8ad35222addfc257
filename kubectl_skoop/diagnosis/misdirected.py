"""A frame reached a device whose MAC it does not bear: which entry of its sender sent it there."""

from dataclasses import replace

from kubectl_skoop.diagnosis.branch import Branch
from kubectl_skoop.diagnosis.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbour import entry_text
from kubectl_skoop.netstack.stack import Loss


def explain(world: World, branch: Branch, loss: Loss) -> Suspicion:
    """The finding at the neighbour or forwarding entry to blame: of who sent the frame, or of who made it,
    before the bridges that it came over."""
    because = loss.because
    visit = next((one for one in branch.visits if loss in one.journey.losses), None)
    while visit is not None and visit.input is not None:
        link = visit.input
        if link.packet.dst_mac != loss.frame.dst_mac:
            return because
        ns = world.at(link.source)
        if isinstance(ns, NotCollected):
            return because
        found = _forwarding_entry(because, ns, link, loss) or _neighbour(because, ns, link, loss)
        if found is not None:
            return found
        visit = next((one for one in branch.visits if link in one.outputs), None)
    return because


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
