"""What guards an interface and its vSwitch, as findings: source/destination check, groups, network ACLs."""

from collections.abc import Iterator

from kubectl_skoop.api import Address, NodeInfo, Packet, Protocol, Suspicion, Unknown
from kubectl_skoop.providers.aliyun import network_acl, security_group
from kubectl_skoop.providers.aliyun.interface import Interface
from kubectl_skoop.providers.aliyun.inventory import Inventory, is_service
from kubectl_skoop.providers.aliyun.security_group import Denied, Direction, Peer
from kubectl_skoop.providers.finding import open_question, stops
from kubectl_skoop.providers.protocol import NUMBERS, WITH_PORTS, what

_RULES_FOR = {**{number: name for name, number in NUMBERS.items()}, Protocol.GRE: "gre"}
"""Protocols that rules can name; the rest is let in by all."""
_LAST = 100
"""Priority of a rule that any other one comes before."""


def own_address(node: NodeInfo, at: Interface, address: Address, role: str) -> Iterator[Suspicion]:
    """Where the check is on: what it sends has its address as source, what it gets as destination.

    `role`: source or destination.
    """
    if not at.source_dest_check or at.has(address):
        return
    yield stops(
        "aliyun.source-dest-check",
        node,
        f"{at.id} of {at.instance or node.name} has the source/destination check, and the packet's {role} "
        f"{address} is not one of its addresses",
        (f"SourceDestCheck: true; addresses: {', '.join(map(str, (*at.addresses, *at.prefixes)))}",),
        f"aliyun ecs ModifyNetworkInterfaceAttribute --NetworkInterfaceId {at.id} --SourceDestCheck false",
    )


def groups(
    known: Inventory,
    node: NodeInfo | None,
    at: Interface,
    direction: Direction,
    packet: Packet,
    peer: Peer,
) -> Iterator[Suspicion]:
    """For the first packet of a connection."""
    answer = security_group.permits(known, at.groups, direction, packet, peer)
    if isinstance(answer, Unknown):
        yield open_question("aliyun.unknown", node, answer)
    elif isinstance(answer, Denied):
        word = "from" if direction == "ingress" else "to"
        if is_service(peer.address):
            reason = f"whether security groups are asked for the cloud's own {peer.address} is not documented"
            yield open_question("aliyun.unknown", node, Unknown(f"{reason}; they drop it"))
            return
        yield stops(
            f"aliyun.security-group.{direction}",
            node,
            f"the security groups of {at.id} ({', '.join(answer.groups)}) drop {what(packet)} {word} "
            f"{peer.address}",
            answer.rules,
            _remedy(at.groups[0], direction, packet, peer.address, answer.priority),
        )


def _remedy(group: str, direction: Direction, packet: Packet, far: Address, priority: int) -> str:
    if priority == 1:
        return "remove the rule: nothing comes before priority 1, where what drops is first"
    action = "AuthorizeSecurityGroup" if direction == "ingress" else "AuthorizeSecurityGroupEgress"
    side, family = ("Source" if direction == "ingress" else "Dest"), "Ipv6" if far.version == 6 else ""
    port = packet.dport if packet.protocol in WITH_PORTS else -1
    fields = {
        "Policy": "accept",
        "Priority": str(min(priority - 1, _LAST)),
        "IpProtocol": _RULES_FOR.get(packet.protocol, "ALL"),
        "PortRange": f"{port}/{port}",
        f"{family}{side}CidrIp": f"{far}/{far.max_prefixlen}",
    }
    shown = " ".join(f"--Permissions.1.{name} {value}" for name, value in fields.items())
    return f"aliyun ecs {action} --SecurityGroupId {group} {shown}"


def acl(
    known: Inventory,
    node: NodeInfo | None,
    vswitch: str,
    direction: Direction,
    packet: Packet,
    *,
    answer: bool = False,
) -> Iterator[Suspicion]:
    """For every packet that crosses the border of a vSwitch; `answer`: of a connection that passed before."""
    decision = network_acl.decide(known, vswitch, direction, packet)
    if isinstance(decision, Unknown):
        yield open_question("aliyun.unknown", node, decision)
    elif decision is not None and not decision.accepts:
        far = f"to {packet.dst}" if direction == "egress" else f"from {packet.src}"
        back = " (an answer: network ACLs are stateless)" if answer else ""
        yield stops(
            f"aliyun.network-acl.{direction}",
            node,
            f"the network ACL {decision.acl} of {vswitch} drops {what(packet)} {far}{back}",
            (decision.rule,),
            f"add a rule that accepts it to {decision.acl}, before that one",
        )
