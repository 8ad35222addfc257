"""Nobody answers for an address: who should, and what is wrong there."""

from dataclasses import replace

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.device import BR_STATE_FORWARDING, SAME_NAMESPACE, Device
from kubectl_skoop.netstack.devices import bridge_port
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.sysctl import device_key


def explain(world: World, cluster: Cluster, unresolved: Suspicion, address: Address) -> Suspicion:
    """The finding with the place that is to blame, if the state of the address's owner tells it."""
    owner = cluster.endpoint(address)
    if owner.kind not in ("pod", "node"):
        return unresolved
    place = Place("pod" if owner.kind == "pod" else "node", owner.name)
    ns = world.at(place)
    if isinstance(ns, NotCollected):
        return unresolved
    entry = ns.local_addresses.get(address)
    if entry is None:
        reason, evidence = _lacks(ns, address)
        return _at(unresolved, Where(place=place), f"{place} does not have this address{reason}", evidence)
    device = ns.devices.get(entry.device)
    if device is None:
        return unresolved
    own, peers = _fault(ns, device, address), _fault_of_peer(world, ns, device, address)
    if peers is not None and (own is None or (device.up and not device.carrier)):
        # Without carrier a veth says only that its other end is down.
        return _at(unresolved, *peers)
    return unresolved if own is None else _at(unresolved, Where(place=place, device=device.name), *own)


def _fault_of_peer(
    world: World, ns: NetworkNamespace, device: Device, address: Address
) -> tuple[Where, str, list[str]] | None:
    peer_ns = world.by_id(device.link_netns) if device.link_netns != SAME_NAMESPACE else ns
    if device.kind != "veth" or isinstance(peer_ns, NotCollected):
        return None
    peer = peer_ns.devices.get(device.link)
    fault = _fault(peer_ns, peer, address) if peer is not None else None
    if peer is None or fault is None:
        return None
    return Where(place=peer_ns.place, device=peer.name), *fault


def _lacks(ns: NetworkNamespace, address: Address) -> tuple[str, list[str]]:
    """Why: IPv6 is switched off there, which takes a device's addresses away."""
    if address.version == 4:
        return "", []
    off = [
        f"{key} = 1"
        for device in ns.devices.values()
        if ns.sysctls.number(key := f"net.ipv6.conf.{device_key(device.name)}.disable_ipv6", 0)
    ]
    return (", and IPv6 is switched off", off) if off else ("", [])


def _fault(ns: NetworkNamespace, device: Device, address: Address) -> tuple[str, list[str]] | None:
    """What keeps questions for an address from a device, as a clause and its evidence."""
    if not device.up or not device.carrier:
        state = "has no carrier" if device.up else "is down"
        return f"{device.name} {state}", [f"{device.name}: {'NO-CARRIER' if device.up else 'not UP'}"]
    if not device.arp:
        how = "ARP" if address.version == 4 else "neighbour discovery"
        return f"{device.name} does no {how}", [f"{device.name}: NOARP"]
    port = device.port
    if port is None:
        if ns.place.kind == "node" and _has_bridge(ns) and not _routed_to(ns, device):
            return f"{device.name} is no port of a bridge, and no route leads to it", [
                f"{device.name}: no master"
            ]
        return None
    bridge = ns.devices.get(device.master)
    if bridge is not None and bridge_port.own_state(bridge, device) != BR_STATE_FORWARDING:
        state = bridge_port.STATE_NAMES.get(port.state, str(port.state))
        return f"bridge port {device.name} is {state}", [f"{device.name}: state {state}"]
    if port.isolated:
        return f"bridge port {device.name} is isolated", [f"{device.name}: isolated on"]
    if address.version == 4 and not port.broadcast_flood:
        return f"bridge port {device.name} gets no broadcasts", [f"{device.name}: bcast_flood off"]
    if address.version == 6 and not port.multicast_flood:
        return f"bridge port {device.name} gets no multicasts", [f"{device.name}: mcast_flood off"]
    return None


def _has_bridge(ns: NetworkNamespace) -> bool:
    return any(device.kind == "bridge" for device in ns.devices.values())


def _routed_to(ns: NetworkNamespace, device: Device) -> bool:
    """Beside the routes for link-local and multicast addresses that every IPv6 device has."""
    return any(
        nexthop.device == device.index
        for route in ns.routes
        if not (route.destination.is_link_local or route.destination.is_multicast)
        for nexthop in route.nexthops
    )


def _at(unresolved: Suspicion, where: Where, reason: str, evidence: list[str]) -> Suspicion:
    return replace(
        unresolved,
        where=where,
        message=f"{unresolved.message}: {reason}",
        evidence=(*evidence, *unresolved.evidence),
        remedy="",
    )
