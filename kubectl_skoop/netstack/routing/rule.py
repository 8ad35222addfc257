"""Which policy rule takes a flow (net/core/fib_rules.c; fib4_rule_match, fib6_rule_match)."""

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.flow import DSCP_LEGACY, LOOPBACK_INDEX, FlowKey
from kubectl_skoop.netstack.routing.text import rule_text
from kubectl_skoop.netstack.routing.types import PolicyRule


def matches(ns: NetworkNamespace, rule: PolicyRule, key: FlowKey) -> Ternary:
    """Unknown where all that is modelled of the rule matches and the rest is not modelled.

    No packet here has a tunnel's id (flowi_tun_key): those of tunnels in external mode do not come this far.
    """
    if key.vrf and ns.devices[key.vrf].name in (rule.iif, rule.oif):
        return Unknown(f"whether rule {rule_text(rule)} sees a VRF depends on the kernel's release")
    selected = (
        not ((rule.mark ^ key.mark) & rule.mask)
        and _device_matches(ns, rule.iif, rule.iif_detached, key.iif or LOOPBACK_INDEX)
        and _device_matches(ns, rule.oif, rule.oif_detached, key.oif)
        and (rule.uid is None or rule.uid[0] <= key.uid <= rule.uid[1])
        and _addresses_match(rule, key)
        and _tos_matches(rule, key)
        and (not rule.protocol or rule.protocol == key.protocol)
        and (rule.sport is None or rule.sport[0] <= key.sport <= rule.sport[1])
        and (rule.dport is None or rule.dport[0] <= key.dport <= rule.dport[1])
        and not rule.tunnel_id
    )
    if rule.l3mdev and not key.vrf:
        selected = False
    if selected and rule.unsupported:
        return Unknown(f"policy rule {rule_text(rule)}: {rule.unsupported} is not modelled")
    return selected != rule.invert


def _device_matches(ns: NetworkNamespace, name: str, detached: bool, index: int) -> bool:
    """A rule names a device; while none has the name it matches nothing (K-41)."""
    if not name:
        return True
    if detached:
        return False
    if name == "lo":
        return index == LOOPBACK_INDEX
    device = ns.devices.get(index)
    return device is not None and device.name == name


def _addresses_match(rule: PolicyRule, key: FlowKey) -> bool:
    if rule.destination is not None and key.dst not in rule.destination:
        return False
    if rule.source is None or rule.source.prefixlen == 0:
        return True
    if key.src is None:
        # IPv4 compares with 0.0.0.0, IPv6 does not match (RT6_LOOKUP_F_HAS_SADDR).
        return rule.family == 4 and not int(rule.source.network_address)
    return key.src in rule.source


def _tos_matches(rule: PolicyRule, key: FlowKey) -> bool:
    """IPv4 takes the old TOS bits of the packet only (K-49), IPv6 the whole DSCP."""
    return not rule.tos or rule.tos == key.tos & (DSCP_LEGACY if rule.family == 4 else 0xFC)
