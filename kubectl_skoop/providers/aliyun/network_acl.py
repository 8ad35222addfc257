"""Network ACLs: ordered rules of a vSwitch, the first that fits decides, each direction for itself.

They are stateless: an answer is judged as a packet of its own, by the port that the client happened to pick.
They are asked where a packet enters or leaves the vSwitch. (VPC documentation, "Network ACLs".)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kubectl_skoop.api import Packet, Protocol, Unknown, raw
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.aliyun.security_group import Direction
from kubectl_skoop.providers.network import contains
from kubectl_skoop.providers.protocol import NUMBERS, WITH_PORTS

CUSTOM = "custom"
"""The entries that a user wrote, in their order; the cloud's own come behind them."""
_ALL, _ANY_PORT = "all", "-1/-1"
_ENTRIES: Mapping[Direction, tuple[str, str, str]] = {
    "ingress": ("IngressAclEntries", "IngressAclEntry", "SourceCidrIp"),
    "egress": ("EgressAclEntries", "EgressAclEntry", "DestinationCidrIp"),
}
_PROTOCOLS: Mapping[str, int] = {**NUMBERS, "gre": Protocol.GRE}


class Decision(NamedTuple):
    """What one ACL says to one packet."""

    accepts: bool
    acl: str
    rule: str


def decide(known: Inventory, vswitch: str, direction: Direction, packet: Packet) -> Decision | Unknown | None:
    """None: the vSwitch has no ACL. Raises: ValueError (a rule that the API does not answer)."""
    item = known.one("VSwitches", vswitch)
    key = "" if isinstance(item, Unknown) else raw.text(item, "NetworkAclId")
    if isinstance(item, Unknown) or not key:
        return item if isinstance(item, Unknown) else None
    acl = known.one("NetworkAcls", key)
    if isinstance(acl, Unknown):
        return Unknown(f"the network ACL of {vswitch}: {acl.reason}")
    told = raw.text(acl, "NetworkAclName")
    name = f"{key} ({told})" if told else key
    if _ENTRIES[direction][0] not in acl:
        return Unknown(f"the {direction} rules of {name} were not collected")
    for number, entry in enumerate(_in_order(acl, direction), 1):
        if _fits(entry, direction, packet):
            accepts = _accepts(entry)
            return Decision(accepts, name, f"{name} {direction} {number}: {_text(entry, direction)}")
    return Unknown(f"no {direction} rule of {name} fits, and what becomes of the rest is not documented")


def _in_order(acl: object, direction: Direction) -> Sequence[object]:
    entries = raw.items(acl, *_ENTRIES[direction][:2])
    return sorted(entries, key=lambda entry: (raw.text(entry, "EntryType") or CUSTOM) != CUSTOM)


def _accepts(entry: object) -> bool:
    policy = raw.text(entry, "Policy").lower()
    if policy not in ("accept", "drop"):
        raise ValueError(f"a network ACL's policy is {policy or 'empty'}")
    return policy == "accept"


def _fits(entry: object, direction: Direction, packet: Packet) -> bool:
    far = packet.dst if direction == "egress" else packet.src
    if not contains(raw.text(entry, _ENTRIES[direction][2]), far):
        return False
    protocol = raw.text(entry, "Protocol").lower()
    if protocol == _ALL:
        return True
    if protocol not in _PROTOCOLS:
        raise ValueError(f"a network ACL's protocol is {protocol or 'empty'}")
    return packet.protocol == _PROTOCOLS[protocol] and _port_fits(entry, packet)


def _port_fits(entry: object, packet: Packet) -> bool:
    """Of either direction the destination port counts."""
    written = raw.text(entry, "Port") or _ANY_PORT
    if written == _ANY_PORT or packet.protocol not in WITH_PORTS:
        return True
    low, _, high = written.partition("/")
    return int(low) <= packet.dport <= int(high or low)


def _text(entry: object, direction: Direction) -> str:
    return " ".join(_words(entry, direction))


def _words(entry: object, direction: Direction) -> Iterator[str]:
    port = raw.text(entry, "Port")
    yield raw.text(entry, "Policy").lower()
    yield raw.text(entry, "Protocol").lower() + ("" if port in ("", _ANY_PORT) else f" {port}")
    yield "to" if direction == "egress" else "from"
    yield raw.text(entry, _ENTRIES[direction][2])
    if note := raw.text(entry, "NetworkAclEntryName"):
        yield f"({note})"
