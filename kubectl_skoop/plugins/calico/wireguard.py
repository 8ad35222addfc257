"""WireGuard between nodes: Felix's device, its table and rule, its peers (felix/wireguard/wireguard.go)."""

import binascii
from base64 import b64decode

from kubectl_skoop.api import IpNetwork, NodeInfo, NotCollected, Packet, Place, Wishes, expect, key_digest
from kubectl_skoop.plugins.calico.fabric import Fabric
from kubectl_skoop.plugins.calico.family import FAMILIES, Family
from kubectl_skoop.plugins.calico.missing import no_annotation
from kubectl_skoop.plugins.calico.objects import node_address, told_address

MADE = "Felix makes it when it starts with WireGuard on"
TABLE = 1
"""The first of RouteTableRanges, which Felix takes; a rule at its place says otherwise."""
KEY_LENGTH = 32


def devices(fabric: Fabric, node: NodeInfo, family: Family) -> Wishes:
    """Of a node that encrypts."""
    felix = fabric.felix_on(node)
    if family.version not in felix.wireguard:
        return
    if not node.annotations.get(family.wireguard_key):
        yield no_annotation(
            node, family.wireguard_key, "other nodes do not encrypt what they send to its pods"
        )
        return
    name = device_name(fabric, node, family)
    yield expect.device(name, kind="wireguard", up=True, because=MADE)
    address = told_address(node, family, family.wireguard_address)
    if address is not None:
        yield expect.address(name, f"{address}/{family.bits}", because=MADE)
    if family.version == 4:
        yield expect.forwarding(name)
    mark, table = _mark(fabric, node, name), _table(fabric, node, family)
    if mark:
        yield expect.rule(
            invert=True,
            mark=mark,
            mask=mark,
            table=table,
            priority=felix.wireguard_priority,
            family=family.version,
            because=f"{MADE}: what {name} has encrypted is left to the main table",
        )


def through(fabric: Fabric, node: NodeInfo, peer: NodeInfo, block: IpNetwork, packet: Packet) -> Wishes:
    """To a node's pods, if both encrypt."""
    family = next(each for each in FAMILIES if each.version == packet.family)
    other = node_address(peer, family)
    if other is None or not encrypted(fabric, node, peer, family):
        return
    name, because = device_name(fabric, node, family), f"Felix adds it when node {peer.name} tells its key"
    yield expect.route(block, dev=name, table=_table(fabric, node, family), because=because)
    digest = _digest(peer.annotations.get(family.wireguard_key, ""))
    if digest:
        port = fabric.felix_on(peer).wireguard_ports[FAMILIES.index(family)]
        yield expect.wireguard_peer(
            name, digest, endpoint=other.ip, port=port, allowed=block, because=because
        )


def encrypted(fabric: Fabric, node: NodeInfo, peer: NodeInfo, family: Family) -> bool:
    return all(
        family.version in fabric.felix_on(each).wireguard and each.annotations.get(family.wireguard_key)
        for each in (node, peer)
    )


def device_name(fabric: Fabric, node: NodeInfo, family: Family) -> str:
    return fabric.felix_on(node).wireguard_names[FAMILIES.index(family)] or family.wireguard


def _mark(fabric: Fabric, node: NodeInfo, name: str) -> int:
    """Of packets that the device has encrypted; 0: not known. Felix takes a bit that is left of its mask."""
    device = fabric.ctx.device(Place("node", node.name), name)
    return 0 if device is None or device.wireguard is None else device.wireguard.mark


def _table(fabric: Fabric, node: NodeInfo, family: Family) -> int:
    """That of the rule at Felix's place."""
    ns, priority = fabric.ctx.namespace(Place("node", node.name)), fabric.felix_on(node).wireguard_priority
    rules = () if isinstance(ns, NotCollected) else ns.rules
    found = (rule.table for rule in rules if (rule.priority, rule.family) == (priority, family.version))
    return next(found, TABLE)


def _digest(key: str) -> str:
    """As the agent makes it of a peer's public key; empty: it is none (a redacted snapshot has none)."""
    try:
        content = b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return key_digest(content) if len(content) == KEY_LENGTH else ""
