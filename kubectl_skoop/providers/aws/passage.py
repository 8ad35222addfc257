"""What guards an interface and its subnet, as findings: source/destination check, groups, ACLs."""

from collections.abc import Iterator

from kubectl_skoop.api import Address, NodeInfo, Packet, Suspicion, Unknown
from kubectl_skoop.providers.aws import network_acl, security_group
from kubectl_skoop.providers.aws.interface import Interface
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.network_acl import EPHEMERAL
from kubectl_skoop.providers.aws.security_group import Denied, Direction, Peer
from kubectl_skoop.providers.finding import open_question, remark, stops
from kubectl_skoop.providers.protocol import protocol_name, what


def own_address(node: NodeInfo, at: Interface, address: Address, role: str) -> Iterator[Suspicion]:
    """The source of what it sends and the destination of what it gets must be its own, unless told otherwise.

    `role`: source or destination.
    """
    if at.has(address) or at.source_dest_check is False:
        return
    if at.source_dest_check is None:
        reason = Unknown(f"whether {at.id} has the source/destination check is not known")
        yield open_question("aws.unknown", node, reason)
        return
    yield stops(
        "aws.source-dest-check",
        node,
        f"{at.id} of {at.instance or node.name} has the source/destination check, and the packet's {role} "
        f"{address} is not one of its addresses",
        (f"SourceDestCheck: true; addresses: {', '.join(map(str, (*at.addresses, *at.prefixes)))}",),
        f"aws ec2 modify-network-interface-attribute --network-interface-id {at.id} --no-source-dest-check",
    )


def groups(
    inventory: Inventory,
    node: NodeInfo | None,
    at: Interface,
    direction: Direction,
    packet: Packet,
    peer: Peer,
) -> Iterator[Suspicion]:
    """For the first packet of a connection."""
    answer = security_group.permits(inventory, at.groups, direction, packet, peer)
    if isinstance(answer, Unknown):
        yield open_question("aws.unknown", node, answer)
    elif isinstance(answer, Denied):
        word = "from" if direction == "ingress" else "to"
        add = f"aws ec2 authorize-security-group-{direction} --group-id {at.groups[0]}"
        yield stops(
            f"aws.security-group.{direction}",
            node,
            f"no rule of the security groups of {at.id} ({', '.join(answer.groups)}) permits "
            f"{what(packet)} {word} {peer.address}",
            answer.rules or (f"they have no {direction} rule",),
            f"{add} {_permission(packet, peer.address)}",
        )


def _permission(packet: Packet, far: Address) -> str:
    name = protocol_name(packet.protocol)
    icmp = packet.protocol in (1, 58)
    ports = f"FromPort={packet.icmp_type if icmp else packet.dport},ToPort={-1 if icmp else packet.dport}"
    network = (
        f"IpRanges=[{{CidrIp={far}/32}}]" if far.version == 4 else f"Ipv6Ranges=[{{CidrIpv6={far}/128}}]"
    )
    return f"--ip-permissions 'IpProtocol={name},{ports},{network}'"


def acl(
    inventory: Inventory,
    node: NodeInfo | None,
    subnet: str,
    direction: network_acl.Direction,
    packet: Packet,
    *,
    answer: bool = False,
) -> Iterator[Suspicion]:
    """For every packet; `answer`: it goes back to a port that a client picked."""
    decision = network_acl.decide(inventory, subnet, direction, packet)
    if isinstance(decision, Unknown):
        yield open_question("aws.unknown", node, decision)
        return
    share = network_acl.ephemeral_share(inventory, subnet, direction, packet) if answer else None
    low, high = EPHEMERAL
    if not decision.allows:
        some = f"; of a client's ports {low}-{high} only {share[1]} pass" if share else ""
        back = " (an answer: network ACLs are stateless)" if answer else ""
        yield stops(
            f"aws.network-acl.{direction}",
            node,
            f"the network ACL {decision.acl} of {subnet} denies {what(packet)} "
            f"{'to' if direction == 'egress' else 'from'} "
            f"{packet.dst if direction == 'egress' else packet.src}{back}{some}",
            (decision.rule,),
            f"add an allow rule for it to {decision.acl} with a number below that one's",
        )
    elif share is not None:
        count, ports = share
        yield remark(
            "aws.network-acl.ephemeral",
            node,
            f"the network ACL {decision.acl} of {subnet} lets answers back to {ports} only: "
            f"{100 * count // (high - low + 1)} % of the ports {low}-{high} that Linux picks for clients",
            (decision.rule,),
            f"allow {low}-{high} in {decision.acl}, or 1024-65535 for all kinds of clients",
        )
