"""Network ACLs: numbered rules of a subnet, the first that fits decides, each direction for itself.

They are stateless: an answer is judged as a packet of its own, by the port that the client happened to pick.
They are asked where a packet enters or leaves the subnet. (VPC User Guide, "Network ACL basics".)
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, NamedTuple

from kubectl_skoop.api import Packet, Unknown, raw
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws import match
from kubectl_skoop.providers.aws.inventory import Inventory, named
from kubectl_skoop.providers.network import contains

Direction = Literal["ingress", "egress"]
DEFAULT_RULE = 32767
"""The last rule, shown as `*`: it denies what no other rule decides."""
EPHEMERAL = (32768, 60999)
"""Ports that Linux picks for clients (net.ipv4.ip_local_port_range), both included."""


class Decision(NamedTuple):
    """What one ACL says to one packet."""

    allows: bool
    acl: str
    rule: str


def decide(inventory: Inventory, subnet: str, direction: Direction, packet: Packet) -> Decision | Unknown:
    """Raises: ValueError (a rule that the API does not answer)."""
    acl = _acl_of(inventory, subnet)
    if isinstance(acl, Unknown):
        return acl
    name = named(acl, "NetworkAclId")
    for entry in _entries(acl, direction):
        if _fits(entry, direction, packet):
            allows = raw.text(entry, "RuleAction") == "allow"
            return Decision(allows, name, f"{name} {direction} {_text(entry, direction)}")
    return Decision(False, name, f"{name} {direction} *: nothing else fits")


def ephemeral_share(
    inventory: Inventory, subnet: str, direction: Direction, packet: Packet
) -> tuple[int, str] | None:
    """How many of a client's ports an answer gets back to, and which; None: the port makes no difference."""
    acl = _acl_of(inventory, subnet)
    low, high = EPHEMERAL
    if isinstance(acl, Unknown) or packet.protocol not in (6, 17) or not low <= packet.dport <= high:
        return None
    edges = {low, high + 1}
    for entry in _entries(acl, direction):
        begin, end = _ports(entry)
        edges |= {port for port in (begin, end + 1) if low < port <= high}
    allowed: list[tuple[int, int]] = []
    for begin, after in pairwise(sorted(edges)):
        found = decide(inventory, subnet, direction, replace(packet, dport=begin))
        if isinstance(found, Decision) and found.allows:
            if allowed and allowed[-1][1] == begin - 1:
                allowed[-1] = (allowed[-1][0], after - 1)
            else:
                allowed.append((begin, after - 1))
    if allowed in ([], [EPHEMERAL]):
        return None
    return sum(end - begin + 1 for begin, end in allowed), ", ".join(
        f"{begin}-{end}" for begin, end in allowed
    )


def _acl_of(inventory: Inventory, subnet: str) -> Item | Unknown:
    acls = inventory.all("NetworkAcls")
    if isinstance(acls, Unknown):
        return acls
    for acl in acls:
        if any(raw.text(entry, "SubnetId") == subnet for entry in raw.items(acl, "Associations")):
            return acl
    whole = inventory.whole("NetworkAcls")
    why = whole.reason if isinstance(whole, Unknown) else "none is associated with it"
    return Unknown(f"the network ACL of {subnet} is not known: {why}")


def _entries(acl: Item, direction: Direction) -> Sequence[object]:
    entries = [
        entry for entry in raw.items(acl, "Entries") if raw.flag(entry, "Egress") == (direction == "egress")
    ]
    return sorted(entries, key=lambda entry: raw.number(entry, "RuleNumber"))


def _fits(entry: object, direction: Direction, packet: Packet) -> bool:
    written = raw.text(entry, "CidrBlock") or raw.text(entry, "Ipv6CidrBlock")
    protocol = raw.text(entry, "Protocol")
    far = packet.dst if direction == "egress" else packet.src
    if not contains(written, far) or not match.protocol_fits(protocol, packet):
        return False
    return protocol == match.ALL or match.ports_fit(*_selector(entry, packet), packet)


def _selector(entry: object, packet: Packet) -> tuple[int, int]:
    if raw.dig(entry, "IcmpTypeCode") is not None and packet.protocol in (1, 58):
        return raw.number(entry, "IcmpTypeCode", "Type"), raw.number(entry, "IcmpTypeCode", "Code")
    return _ports(entry) if packet.protocol in (6, 17) else (-1, -1)


def _ports(entry: object) -> tuple[int, int]:
    if raw.dig(entry, "PortRange") is None:
        return 0, 65535
    return raw.number(entry, "PortRange", "From"), raw.number(entry, "PortRange", "To")


def _text(entry: object, direction: Direction) -> str:
    number = raw.number(entry, "RuleNumber")
    written = raw.text(entry, "CidrBlock") or raw.text(entry, "Ipv6CidrBlock")
    low, high = _ports(entry)
    if raw.dig(entry, "IcmpTypeCode") is not None:
        low, high = raw.number(entry, "IcmpTypeCode", "Type"), raw.number(entry, "IcmpTypeCode", "Code")
    preposition = "to" if direction == "egress" else "from"
    shown = "*" if number == DEFAULT_RULE else str(number)
    ports = match.range_text(raw.text(entry, "Protocol"), low, high)
    return f"{shown}: {raw.text(entry, 'RuleAction')} {ports} {preposition} {written}"
