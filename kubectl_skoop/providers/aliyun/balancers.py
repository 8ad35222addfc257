"""Load balancers: where their connections go, and what guards the way to them and on."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from kubectl_skoop.api import Address, Balanced, NodeInfo, Packet, Suspicion, Tracked, Unknown, raw
from kubectl_skoop.providers.aliyun import passage, security_group
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.aliyun.security_group import Denied, Peer
from kubectl_skoop.providers.aliyun.servers import (
    Balancer,
    Server,
    address_of,
    balancers,
    is_running,
    listener,
    listening,
    servers,
)
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.finding import open_question, remark, stops
from kubectl_skoop.providers.network import contains, is_public
from kubectl_skoop.providers.protocol import what
from kubectl_skoop.providers.registered import Registered

_SHOWN = 8
_LAST = 100
"""The lowest priority of a rule; at it a load balancer's own hidden group accepts."""


def targets(known: Inventory, packet: Packet) -> Sequence[Balanced] | Unknown | None:
    """For an address of a load balancer, else None."""
    balancer = by_address(known, packet.dst)
    if balancer is None:
        return None
    item = listener(known, balancer, packet)
    if item is None or isinstance(item, Unknown):
        return item if isinstance(item, Unknown) else ()
    found = servers(known, balancer, item)
    if isinstance(found, Unknown):
        return found
    weighted = [one for one in found if one.weight > 0]
    if weighted and not any(one.sound for one in weighted):
        return Unknown(f"no server of {balancer.name} is healthy: whether one gets connections is not known")
    source = _own_source(known, balancer, item)
    if source is not None:
        return source
    taking = [one for one in weighted if one.sound]
    total = sum(_weight(known, item, one) for one in taking)
    made = []
    for one in taking:
        address = address_of(known, one)
        if isinstance(address, Unknown):
            return address
        made.append(Balanced(Fraction(_weight(known, item, one), total), address, one.port))
    return made


def _weight(known: Inventory, item: Item, server: Server) -> int:
    """Weights count for the weighted schedulers; the others share evenly."""
    group = known.one("ServerGroups", raw.text(item, "ServerGroupId")) if "ListenerId" in item else item
    return server.weight if raw.text(group, "Scheduler").lower() in ("", "wrr", "wlc") else 1


def _own_source(known: Inventory, balancer: Balancer, item: Item) -> Unknown | None:
    """CLB keeps the client's address at layer 4, NLB where it is told to."""
    if not balancer.network:
        return None
    group = known.one("ServerGroups", raw.text(item, "ServerGroupId"))
    if isinstance(group, Unknown) or raw.flag(group, "PreserveClientIpEnabled"):
        return None
    return Unknown(f"{balancer.name} asks its servers from an address of its own: which one is not modelled")


def addresses_of(known: Inventory, name: str) -> Sequence[Address] | Unknown:
    """By its host name, which an NLB has."""
    items = known.all("NetworkBalancers")
    if isinstance(items, Unknown):
        return items
    balancer = by_name(known, name)
    if balancer is None:
        return Unknown(f"no load balancer {name} was collected")
    return balancer.addresses or Unknown(f"the addresses of {balancer.name} are not known")


def by_name(known: Inventory, name: str) -> Balancer | None:
    wanted = name.lower().rstrip(".")
    networks = (one for one in balancers(known) if one.network)
    return next((one for one in networks if raw.text(one.item, "DNSName").lower() == wanted), None)


def entering(known: Inventory, packet: Packet) -> Iterator[Suspicion]:
    """From outside to the load balancer. Raises: ValueError (an answer that is none of the API's)."""
    balancer = by_address(known, packet.dst)
    if balancer is None:
        return
    broken = list(state(balancer))
    yield from broken
    if broken:
        return
    if balancer.internal and is_public(packet.src) and packet.dst in balancer.addresses:
        message = f"the load balancer {balancer.name} is internal: {packet.src} has no way to it"
        remedy = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type: internet"
        yield stops("aliyun.balancer.internal", None, message, ("AddressType: intranet",), remedy)
        return
    yield from listens(known, balancer, packet)
    item = listener(known, balancer, packet)
    if item is not None and not isinstance(item, Unknown):
        yield from _access(known, balancer, item, packet)
        yield from health(known, balancer, packet)


def state(balancer: Balancer) -> Iterator[Suspicion]:
    """It does not work."""
    if balancer.state not in ("active", "configuring"):
        message = f"the load balancer {balancer.name} is {balancer.state or 'in no known state'}"
        proof = f"LoadBalancerStatus: {balancer.state or 'none'}"
        yield stops("aliyun.balancer.state", None, message, (proof,), "start it, or pay what is due")


def listens(known: Inventory, balancer: Balancer, packet: Packet) -> Iterator[Suspicion]:
    """It does not, for the packet's protocol and port."""
    item = listener(known, balancer, packet)
    if item is None:
        message = f"the load balancer {balancer.name} has no listener for {what(packet)}"
        remedy = "look at the log of cloud-controller-manager, which makes listeners"
        shown = (f"listeners: {', '.join(listening(known, balancer)) or 'none'}",)
        yield stops("aliyun.balancer.listener", None, message, shown, remedy)
    elif not isinstance(item, Unknown) and not is_running(item):
        found = raw.text(item, "Status") or raw.text(item, "ListenerStatus")
        message = f"the listener for {what(packet)} of {balancer.name} is {found}"
        yield stops("aliyun.balancer.listener", None, message, (f"Status: {found}",), "start the listener")


def registered(known: Inventory, balancer: Balancer, packet: Packet) -> Sequence[Registered]:
    """The servers for it whose addresses are known."""
    found = _servers_for(known, balancer, packet)
    return [
        Registered(one.id, address, one.port)
        for one in (() if isinstance(found, Unknown) else found)
        if not isinstance(address := address_of(known, one), Unknown)
    ]


def all_sick(known: Inventory, balancer: Balancer, packet: Packet) -> bool:
    """No server is healthy, or there is none."""
    found = _servers_for(known, balancer, packet)
    return not isinstance(found, Unknown) and not any(one.sound for one in found)


def _servers_for(known: Inventory, balancer: Balancer, packet: Packet) -> Sequence[Server] | Unknown:
    """None without a listener."""
    item = listener(known, balancer, packet)
    if isinstance(item, Unknown):
        return item
    return () if item is None else servers(known, balancer, item)


def _access(known: Inventory, balancer: Balancer, item: Item, packet: Packet) -> Iterator[Suspicion]:
    """A CLB's lists, an NLB's security groups: those let in what no rule drops."""
    if balancer.network:
        if groups := raw.texts(balancer.item, "SecurityGroupIds"):
            peer = Peer(packet.src, frozenset())
            answer = security_group.permits(known, groups, "ingress", packet, peer)
            if isinstance(answer, Unknown):
                yield open_question("aliyun.unknown", None, answer)
            elif isinstance(answer, Denied) and answer.priority <= _LAST:
                message = f"the security groups of {balancer.name} drop {what(packet)} from {packet.src}"
                yield stops(
                    "aliyun.security-group.ingress", None, message, answer.rules, "remove the rule that drops"
                )
        return
    if raw.text(item, "AclStatus") != "on":
        return
    keys = raw.texts(item, "AclIds") or (raw.text(item, "AclId"),)
    networks: list[str] = []
    for key in keys:
        acl = known.one("AccessControlLists", key)
        if isinstance(acl, Unknown):
            yield open_question("aliyun.unknown", None, acl)
            return
        networks += [raw.text(entry, "AclEntryIP") for entry in raw.items(acl, "AclEntrys", "AclEntry")]
    listed = any(contains(network, packet.src) for network in networks)
    white = raw.text(item, "AclType") == "white"
    whole = known.whole("AccessControlLists")
    if not listed and isinstance(whole, Unknown):
        yield open_question("aliyun.unknown", None, whole)
    elif networks and listed != white:
        verb = "is not on the white list" if white else "is on the black list"
        message = f"{packet.src} {verb} {', '.join(keys)} of the listener {packet.dport} of {balancer.name}"
        remedy = "add it to the list" if white else "remove it from the list"
        yield stops("aliyun.balancer.access", None, message, networks[:_SHOWN], remedy)


def health(known: Inventory, balancer: Balancer, packet: Packet) -> Iterator[Suspicion]:
    found = _servers_for(known, balancer, packet)
    if isinstance(found, Unknown):
        return
    if not found:
        message = f"no server is registered with {balancer.name}: nobody gets its connections"
        remedy = "look at the log of cloud-controller-manager, which registers nodes or pods"
        shown = (f"listener: {what(packet)}",)
        yield remark("aliyun.balancer.unhealthy", None, message, shown, remedy)
    sick = [one for one in found if not one.sound]
    if sick:
        yield remark(
            "aliyun.balancer.unhealthy",
            None,
            f"{len(sick)} of {len(found)} servers of {balancer.name} are not healthy",
            tuple(f"{one.id}:{one.port} {one.state}" for one in sick[:_SHOWN]),
            "look at the health check's port; for the policy Local nodes without an endpoint do not answer",
        )


def onward(
    known: Inventory, address: Address, dst: NodeInfo, packet: Packet, tracked: Tracked
) -> Iterator[Suspicion]:
    """From the load balancer, whichever it is, to a server. Raises: ValueError."""
    there = known.by_mac(packet.dst_mac)
    if isinstance(there, Unknown):
        yield open_question("aliyun.unknown", dst, there)
        return
    yield from passage.own_address(dst, there, packet.dst, "destination")
    if not tracked.destination:
        peer = Peer(packet.src, frozenset())
        answer = security_group.permits(known, there.groups, "ingress", packet, peer)
        if isinstance(answer, Unknown):
            yield open_question("aliyun.unknown", dst, answer)
        elif isinstance(answer, Denied):
            reason = "whether security groups are asked for what a load balancer forwards is not documented"
            rule = answer.rules[0]
            yield open_question(
                "aliyun.unknown", dst, Unknown(f"{reason}: those of {there.id} drop it ({rule})")
            )
    yield from passage.acl(known, dst, there.vswitch, "ingress", packet, answer=tracked.destination)


def back(known: Inventory, address: Address, src: NodeInfo, packet: Packet) -> Iterator[Suspicion]:
    """The answer of a server, whichever the load balancer is."""
    here = known.by_mac(packet.src_mac)
    if isinstance(here, Unknown):
        yield open_question("aliyun.unknown", src, here)
    else:
        yield from passage.acl(known, src, here.vswitch, "egress", packet, answer=True)


def by_address(known: Inventory, address: Address) -> Balancer | None:
    """By its own address, or an elastic one that is bound to it."""
    bound = {
        raw.text(eip, "InstanceId")
        for eip in known.known("EipAddresses")
        if raw.text(eip, "IpAddress") == str(address)
    } - {""}
    return next((one for one in balancers(known) if address in one.addresses or one.id in bound), None)
