"""Security groups: what any rule of any group of an interface permits passes; there are no rules that deny.

They are stateful: who is asked here is the first packet of a connection only.
(EC2 User Guide, "Security group rules", "Security group connection tracking".)
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from kubectl_skoop.api import Address, Packet, Unknown, raw
from kubectl_skoop.providers.aws import match
from kubectl_skoop.providers.aws.inventory import Inventory, named
from kubectl_skoop.providers.network import contains

Direction = Literal["ingress", "egress"]
_LISTS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}
_PREPOSITION = {"ingress": "from", "egress": "to"}
_SHOWN = 12
"""Rules that are shown of what does not permit."""


class Peer(NamedTuple):
    """Who is at the other end."""

    address: Address
    groups: frozenset[str] | Unknown
    """Of the interface that has the address."""
    barred: str = ""
    """Why rules that refer to its groups do not mean it; empty: they do."""


class Permitted(NamedTuple):
    """By this rule."""

    rule: str


class Denied(NamedTuple):
    """By none of these."""

    rules: tuple[str, ...]
    groups: tuple[str, ...]


def permits(
    inventory: Inventory, groups: Sequence[str], direction: Direction, packet: Packet, peer: Peer
) -> Permitted | Denied | Unknown:
    """What all groups together say of a new connection; Unknown only where no rule that is known permits it.

    Raises: ValueError (a rule that the API does not answer).
    """
    if not groups:
        return Unknown("which security groups the interface has is not known")
    open_questions: list[Unknown] = []
    texts: list[str] = []
    names: list[str] = []
    for key in groups:
        group = inventory.one("SecurityGroups", key)
        if isinstance(group, Unknown):
            open_questions.append(group)
            continue
        name = named(group, "GroupId")
        names.append(name)
        for permission in raw.items(group, _LISTS[direction]):
            fits = _fits(permission, packet)
            for text, answer in _peers(inventory, permission, peer):
                rule = f"{name} {direction}: {_ports(permission)} {_PREPOSITION[direction]} {text}"
                texts.append(rule)
                if fits and isinstance(answer, Unknown):
                    open_questions.append(answer)
                elif fits and answer:
                    return Permitted(rule)
    if open_questions:
        return open_questions[0]
    more = [f"and {len(texts) - _SHOWN} rules more"] if len(texts) > _SHOWN else []
    return Denied((*texts[:_SHOWN], *more), tuple(names))


def _fits(permission: object, packet: Packet) -> bool:
    protocol = raw.text(permission, "IpProtocol")
    if not match.protocol_fits(protocol, packet):
        return False
    if protocol == match.ALL:
        return True
    low, high = _range(permission)
    return match.ports_fit(-1 if low is None else low, -1 if high is None else high, packet)


def _range(permission: object) -> tuple[int | None, int | None]:
    low, high = raw.dig(permission, "FromPort"), raw.dig(permission, "ToPort")
    return (low if isinstance(low, int) else None), (high if isinstance(high, int) else None)


def _ports(permission: object) -> str:
    return match.range_text(raw.text(permission, "IpProtocol"), *_range(permission))


def _peers(inventory: Inventory, permission: object, peer: Peer) -> Iterator[tuple[str, bool | Unknown]]:
    """Each other end that a rule names, and whether the peer is it."""
    for key, field in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
        for entry in raw.items(permission, key):
            written = raw.text(entry, field)
            note = raw.text(entry, "Description")
            yield written + (f" ({note})" if note else ""), contains(written, peer.address)
    for entry in raw.items(permission, "PrefixListIds"):
        key = raw.text(entry, "PrefixListId")
        networks = inventory.prefix_list(key)
        yield (
            key,
            networks
            if isinstance(networks, Unknown)
            else any(contains(network, peer.address) for network in networks),
        )
    for entry in raw.items(permission, "UserIdGroupPairs"):
        key = raw.text(entry, "GroupId")
        text, member = _group_text(inventory, key), _is_member(key, peer)
        if member is True and peer.barred:
            text, member = f"{text} (does not count: {peer.barred})", False
        yield text, member


def _is_member(group: str, peer: Peer) -> bool | Unknown:
    """A rule that refers to a group means the private addresses of the interfaces that have it."""
    if isinstance(peer.groups, Unknown):
        return Unknown(
            f"whether {peer.address} is of the security group {group} is not known: {peer.groups.reason}"
        )
    return group in peer.groups


def _group_text(inventory: Inventory, key: str) -> str:
    """A group that is not there is nobody's: whose interface it was on has lost it."""
    group = inventory.one("SecurityGroups", key)
    if not isinstance(group, Unknown):
        return named(group, "GroupId")
    partly = isinstance(inventory.whole("SecurityGroups"), Unknown)
    return key if partly else f"{key} (not among the groups: deleted, or of another account or region)"
