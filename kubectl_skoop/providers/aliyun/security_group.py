"""Security groups: the rules of all groups of an interface, by priority; at the same one what drops is first.

They are stateful: who is asked here is the first packet of a connection only. What no rule decides a default
does: basic groups let out everything, and in what comes from an interface of the same group unless it is
isolated; enterprise groups drop both. (ECS User Guide, "Security group rules".)
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from kubectl_skoop.api import Address, Packet, Unknown, raw
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.network import contains
from kubectl_skoop.providers.protocol import NUMBERS, WITH_PORTS, number_in

Direction = Literal["ingress", "egress"]
_NEAR_AND_FAR = {"ingress": ("Dest", "Source"), "egress": ("Source", "Dest")}
_PREPOSITION = {"ingress": "from", "egress": "to"}
_GRE = 47
_FIRST, _DEFAULT = 1, 101
"""Priorities of rules are 1 to 100."""
_SHOWN = 12
"""Rules that are shown where the default drops."""


class Peer(NamedTuple):
    """Who is at the other end."""

    address: Address
    groups: frozenset[str] | Unknown
    """Of the interface that has the address."""


class Permitted(NamedTuple):
    """By this rule."""

    rule: str


class Denied(NamedTuple):
    """By the first of these; the others do not fit."""

    rules: tuple[str, ...]
    groups: tuple[str, ...]
    priority: int
    """Of the rule that drops; above 100: it is the default."""


class _Rule(NamedTuple):
    priority: int
    accepts: bool
    text: str
    fits: bool | Unknown


def permits(
    known: Inventory, groups: Sequence[str], direction: Direction, packet: Packet, peer: Peer
) -> Permitted | Denied | Unknown:
    """What all groups together say of a new connection; Unknown only where what is not known may decide.

    Raises: ValueError (a rule that the API does not answer).
    """
    if not groups:
        return Unknown("which security groups the interface has is not known")
    rules = [rule for key in groups for rule in _rules(known, key, direction, packet, peer)]
    rules += _defaults(known, groups, direction, peer)
    rules.sort(key=lambda rule: (rule.priority, rule.accepts))
    open_rules: list[_Rule] = []
    for rule in rules:
        if isinstance(rule.fits, Unknown):
            open_rules.append(rule)
        elif rule.fits:
            other = [one.fits for one in open_rules if one.accepts != rule.accepts]
            if other and isinstance(other[0], Unknown):
                return other[0]
            if rule.accepts:
                return Permitted(rule.text)
            return Denied(_shown(rule, rules), tuple(name_of(known, key) for key in groups), rule.priority)
    return next(rule.fits for rule in open_rules if isinstance(rule.fits, Unknown))


def _shown(decisive: _Rule, rules: Sequence[_Rule]) -> tuple[str, ...]:
    if decisive.priority < _DEFAULT:
        return (decisive.text,)
    texts = [rule.text for rule in rules if rule.fits is False and rule.accepts]
    more = [f"and {len(texts) - _SHOWN} rules more"] if len(texts) > _SHOWN else []
    return (decisive.text, *texts[:_SHOWN], *more)


def _rules(known: Inventory, key: str, direction: Direction, packet: Packet, peer: Peer) -> Iterator[_Rule]:
    """Rules that were not collected may be of any kind, and come first."""
    group, whole = known.one("SecurityGroupRules", key), known.whole("SecurityGroupRules")
    for state in (group, whole):
        if isinstance(state, Unknown):
            yield from (_Rule(_FIRST, accepts, "", state) for accepts in (False, True))
            break
    if isinstance(group, Unknown):
        return
    for permission in raw.items(group, "Permissions", "Permission"):
        if raw.text(permission, "Direction") != direction or raw.text(permission, "NicType") == "internet":
            continue
        far = _far(known, permission, direction, peer)
        fits = _fits(permission, direction, packet)
        accepts = raw.text(permission, "Policy").lower() == "accept"
        priority = number_in(str(raw.dig(permission, "Priority")), f"the priority of a rule of {key}")
        text = _text(known, key, permission, direction, accepts)
        yield _Rule(priority, accepts, text, _both(fits, far))


def _both(first: bool | Unknown, second: bool | Unknown) -> bool | Unknown:
    if first is False or second is False:
        return False
    return next((one for one in (first, second) if isinstance(one, Unknown)), True)


def _fits(permission: object, direction: Direction, packet: Packet) -> bool | Unknown:
    """Protocol, ports and the near end. Rules of a classic network's outer side do not come here."""
    near = packet.dst if direction == "ingress" else packet.src
    side = _NEAR_AND_FAR[direction][0]
    for cidr in (raw.text(permission, f"{side}CidrIp"), raw.text(permission, f"Ipv6{side}CidrIp")):
        if cidr and not contains(cidr, near):
            return False
    protocol = raw.text(permission, "IpProtocol").lower()
    if protocol != "all" and _number(protocol) != packet.protocol:
        return False
    if packet.protocol not in WITH_PORTS:
        return True
    source = raw.text(permission, "SourcePortRange")
    if not _in_range(source, packet.sport):
        return False
    if ports := raw.text(permission, "PortRangeListId"):
        return Unknown(f"the ports of the list {ports} are not modelled")
    return _in_range(raw.text(permission, "PortRange"), packet.dport)


def _number(protocol: str) -> int:
    return (
        _GRE if protocol == "gre" else NUMBERS.get(protocol) or number_in(protocol, "the protocol of a rule")
    )


def _in_range(written: str, port: int) -> bool:
    """`80/80`; `-1/-1` and nothing are all."""
    if written in ("", "-1/-1"):
        return True
    low, _, high = written.partition("/")
    ends = (number_in(end, f"an end of the ports {written} of a rule") for end in (low, high))
    return next(ends) <= port <= next(ends)


def _far(known: Inventory, permission: object, direction: Direction, peer: Peer) -> bool | Unknown:
    side = _NEAR_AND_FAR[direction][1]
    cidrs = [raw.text(permission, field) for field in (f"{side}CidrIp", f"Ipv6{side}CidrIp")]
    if any(cidrs):
        return any(contains(cidr, peer.address) for cidr in cidrs if cidr)
    if key := raw.text(permission, f"{side}PrefixListId"):
        networks = known.prefix_list(key)
        if isinstance(networks, Unknown):
            return networks
        return any(contains(network, peer.address) for network in networks)
    group = raw.text(permission, f"{side}GroupId")
    if not group:
        raise ValueError(f"a security group rule says not {_PREPOSITION[direction]} where")
    if isinstance(peer.groups, Unknown):
        return Unknown(f"whether {peer.address} is of {group} is not known: {peer.groups.reason}")
    return group in peer.groups


def _defaults(known: Inventory, groups: Sequence[str], direction: Direction, peer: Peer) -> Iterator[_Rule]:
    types = [known.one("SecurityGroups", key) for key in groups]
    name = " and ".join(name_of(known, key) for key in groups)
    basic = next((one for one in types if isinstance(one, Unknown)), True)
    if any(_is_enterprise(one) for one in types):
        yield _Rule(_DEFAULT, False, f"{name} {direction}: an enterprise group drops the rest", True)
    elif direction == "egress":
        text = f"{name} egress: a basic group accepts the rest"
        if isinstance(basic, Unknown):
            yield _Rule(_DEFAULT, False, "", basic)
        yield _Rule(_DEFAULT + 1, True, text, True)
    else:
        yield from (_within(known, key, peer, basic) for key in groups)
        yield _Rule(_DEFAULT + 1, False, f"{name} ingress: the rest is dropped", True)


def _within(known: Inventory, key: str, peer: Peer, basic: bool | Unknown) -> _Rule:
    """Interfaces of one basic group reach each other, unless it isolates them; `basic`: whether it is one."""
    text = f"{name_of(known, key)} ingress: accepts its own interfaces"
    rules = known.one("SecurityGroupRules", key)
    if isinstance(peer.groups, Unknown):
        fits: bool | Unknown = Unknown(
            f"whether {peer.address} is of {key} is not known: {peer.groups.reason}"
        )
    elif key not in peer.groups:
        fits = False
    elif isinstance(rules, Unknown):
        fits = rules
    else:
        fits = basic if raw.text(rules, "InnerAccessPolicy").lower() != "drop" else False
    return _Rule(_DEFAULT, True, text, fits)


def _is_enterprise(group: Item | Unknown) -> bool:
    return raw.text(group, "SecurityGroupType").lower() == "enterprise"


def name_of(known: Inventory, key: str) -> str:
    """`sg-1 (nodes)`."""
    name = raw.text(known.one("SecurityGroupRules", key), "SecurityGroupName")
    return f"{key} ({name})" if name else key


def _text(known: Inventory, key: str, permission: object, direction: Direction, accepts: bool) -> str:
    near, far = _NEAR_AND_FAR[direction]
    ends = (f"{far}CidrIp", f"Ipv6{far}CidrIp", f"{far}GroupId", f"{far}PrefixListId")
    peers = ", ".join(text for field in ends if (text := raw.text(permission, field)))
    nears = (raw.text(permission, f"{near}CidrIp"), raw.text(permission, f"Ipv6{near}CidrIp"))
    own = "".join(f" at {text}" for text in nears if text)
    ports = raw.text(permission, "PortRangeListId") or raw.text(permission, "PortRange")
    what = raw.text(permission, "IpProtocol").lower() + ("" if ports in ("", "-1/-1") else f" {ports}")
    note = raw.text(permission, "Description")
    return (
        f"{name_of(known, key)} {direction} {raw.dig(permission, 'Priority')}: "
        f"{'accept' if accepts else 'drop'} {what} {_PREPOSITION[direction]} {peers}{own}"
        f"{f' ({note})' if note else ''}"
    )
