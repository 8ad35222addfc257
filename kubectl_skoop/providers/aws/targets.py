"""Listeners and target groups of load balancers: which targets get connections, with their health."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from ipaddress import ip_address
from typing import NamedTuple

from kubectl_skoop.api import Address, Packet, Protocol, Unknown, raw
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws.inventory import Inventory

_PROTOCOLS: Mapping[int, Sequence[str]] = {
    Protocol.TCP: ("TCP", "TLS", "TCP_UDP", "HTTP", "HTTPS"),
    Protocol.UDP: ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC"),
}
_GONE = ("draining", "unused")
_SOUND = ("healthy", "unavailable")
"""The latter: health is not checked."""


class Target(NamedTuple):
    """A registered target."""

    id: str
    """Of an instance, or an address."""
    port: int
    state: str
    why: str

    @property
    def sound(self) -> bool:
        return self.state in _SOUND


class Group(NamedTuple):
    """A target group of a listener's action."""

    item: Item
    share: Fraction
    targets: tuple[Target, ...]
    """All that are registered and not on their way out."""

    @property
    def healthy(self) -> tuple[Target, ...]:
        """Without any all get connections (fail open)."""
        return tuple(one for one in self.targets if one.sound) or self.targets


def groups_of(known: Inventory, balancer: Item, packet: Packet) -> Sequence[Group] | Unknown:
    """Of the listener's default action; empty: there is no listener, or no target group."""
    listener = _listener(known, balancer, packet)
    if isinstance(listener, Unknown):
        return listener
    if listener is None:
        return ()
    actions = raw.items(listener, "DefaultActions")
    if isinstance(rules := _other_rules(known, balancer, listener), Unknown):
        return rules
    if not actions or raw.text(actions[-1], "Type") != "forward":
        return Unknown(
            f"the listener {packet.dport} of {name_of(balancer)} answers itself, which is not modelled"
        )
    weights = _weights(actions[-1])
    total = sum(weights.values())
    found = []
    for arn, weight in weights.items():
        item, health = known.one("TargetGroups", arn), known.one("TargetHealth", arn)
        if isinstance(item, Unknown):
            return item
        if isinstance(health, Unknown):
            return Unknown(
                f"the health of the targets of {raw.text(item, 'TargetGroupName')}: {health.reason}"
            )
        registered = tuple(target for target in _registered(health) if target.state not in _GONE)
        found.append(Group(item, Fraction(weight, total), registered))
    return [group for group in found if group.share]


def _weights(action: object) -> Mapping[str, int]:
    entries = raw.items(action, "ForwardConfig", "TargetGroups")
    found = {raw.text(entry, "TargetGroupArn"): raw.number(entry, "Weight") for entry in entries}
    if sum(found.values()):
        return found
    return {raw.text(action, "TargetGroupArn") or next(iter(found), ""): 1}


def _registered(health: Item) -> Iterator[Target]:
    for entry in raw.items(health, "TargetHealthDescriptions"):
        yield Target(
            raw.text(entry, "Target", "Id"),
            raw.number(entry, "Target", "Port"),
            raw.text(entry, "TargetHealth", "State"),
            raw.text(entry, "TargetHealth", "Description") or raw.text(entry, "TargetHealth", "Reason"),
        )


def _listener(known: Inventory, balancer: Item, packet: Packet) -> Item | Unknown | None:
    listeners = known.all("Listeners")
    if isinstance(listeners, Unknown):
        return listeners
    arn, names = raw.text(balancer, "LoadBalancerArn"), _PROTOCOLS.get(packet.protocol, ())
    for each in listeners:
        fits = raw.number(each, "Port") == packet.dport and raw.text(each, "Protocol") in names
        if raw.text(each, "LoadBalancerArn") == arn and fits:
            return each
    whole = known.whole("Listeners")
    return whole if isinstance(whole, Unknown) else None


def listening(known: Inventory, balancer: Item) -> Sequence[str]:
    """Its listeners that were collected: `TCP 80`."""
    arn = raw.text(balancer, "LoadBalancerArn")
    own = [one for one in known.known("Listeners") if raw.text(one, "LoadBalancerArn") == arn]
    return [f"{raw.text(one, 'Protocol')} {raw.number(one, 'Port')}" for one in own]


def _other_rules(known: Inventory, balancer: Item, listener: Item) -> Unknown | None:
    """An application load balancer chooses by what is asked, which no packet shows."""
    if raw.text(balancer, "Type") != "application":
        return None
    rules = known.whole("Rules")
    if isinstance(rules, Unknown):
        return rules
    begin = raw.text(listener, "ListenerArn").replace(":listener/", ":listener-rule/") + "/"
    more = [
        rule
        for rule in rules
        if raw.text(rule, "RuleArn").startswith(begin) and not raw.flag(rule, "IsDefault")
    ]
    if not more:
        return None
    name, count = name_of(balancer), len(more) + 1
    return Unknown(f"which of {count} rules of {name} takes a request depends on its host and path")


def address_of(known: Inventory, target: Target) -> Address | Unknown:
    if not target.id.startswith("i-"):
        try:
            return ip_address(target.id)
        except ValueError:
            return Unknown(f"the target {target.id} is neither an instance nor an address")
    instance = known.one("Instances", target.id)
    if isinstance(instance, Mapping) and (written := raw.text(instance, "PrivateIpAddress")):
        return ip_address(written)
    own = [each for each in known.interfaces if each.instance == target.id and each.addresses]
    return own[0].addresses[0] if own else Unknown(f"the address of the target {target.id} is not known")


def name_of(balancer: Item) -> str:
    return raw.text(balancer, "LoadBalancerName") or raw.text(balancer, "LoadBalancerArn")
