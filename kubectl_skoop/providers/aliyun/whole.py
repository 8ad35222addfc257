"""What of a VPC is not as the cluster needs it, without a packet: interfaces, routes, load balancers."""

from collections.abc import Iterator, Sequence

from kubectl_skoop.api import Address, Context, NodeInfo, Suspicion, Unknown
from kubectl_skoop.providers.aliyun import balancers
from kubectl_skoop.providers.aliyun.interface import Interface
from kubectl_skoop.providers.aliyun.inventory import Inventory
from kubectl_skoop.providers.aliyun.route_table import LOCAL, VpcRoute, dead_routes, route_of
from kubectl_skoop.providers.attachment import Attachments
from kubectl_skoop.providers.exposed import Balancers
from kubectl_skoop.providers.finding import not_told, remark

_LOOK = "aliyun ecs DescribeNetworkInterfaces"


def instance_of(node: NodeInfo) -> str:
    """Its id, by `cn-hangzhou.i-bp1a2b3c4d5e6f7g8h9i`; empty: no instance of ECS."""
    last = node.provider_id.rpartition(".")[2]
    return last if last.startswith("i-") else ""


def of_cluster(known: Inventory, ctx: Context) -> Iterator[Suspicion]:
    """Raises: ValueError (an answer that is none of the API's)."""
    attached = Attachments(provider="aliyun", cloud=Inventory.cloud, instance_of=instance_of, look=_LOOK)
    yield from attached.findings(known, ctx, lambda at, address: _is_local(known, at, address))
    yield from _dead_routes(known, ctx)
    yield from _balancers(known, ctx)


def kind_of(known: Inventory, node: NodeInfo) -> str:
    """vSwitches and security groups of its interfaces."""
    own = _interfaces_of(known, node)
    return ", ".join(sorted({f"{each.vswitch} {' '.join(sorted(each.groups))}" for each in own}))


def _interfaces_of(known: Inventory, node: NodeInfo) -> Sequence[Interface]:
    instance = instance_of(node)
    return known.by_instance.get(instance, ()) if instance else ()


def _is_local(known: Inventory, at: Interface, address: Address) -> bool:
    route = route_of(known, at.vswitch, address)
    return isinstance(route, VpcRoute) and route.hop_type == LOCAL


def _dead_routes(known: Inventory, ctx: Context) -> Iterator[Suspicion]:
    """Of the tables of all vSwitches that nodes are in."""
    at = {each.vswitch: node for node in ctx.cluster.nodes() for each in _interfaces_of(known, node)}
    found = {route: (node, why) for vswitch, node in at.items() for route, why in dead_routes(known, vswitch)}
    for route, (node, why) in found.items():
        yield remark(
            "aliyun.route.dead",
            node,
            f"the route of {route.table} to {route.destination} leads to nothing: {why}",
            (str(route),),
            f"remove the route, or lead {route.destination} to who has it now",
        )


def _balancers(known: Inventory, ctx: Context) -> Iterator[Suspicion]:
    services = [each for each in ctx.cluster.services() if each.type == "LoadBalancer"]
    kinds = ("LoadBalancers", "NetworkBalancers")
    if services and all(isinstance(known.all(kind), Unknown) for kind in kinds):
        reason = "load balancers and services were not compared: none of either kind were collected"
        yield not_told("aliyun.unknown", Unknown(reason))
    networks = not isinstance(known.whole("NetworkBalancers"), Unknown)
    yield from Balancers(
        provider="aliyun",
        cloud=Inventory.cloud,
        by_address=lambda address: balancers.by_address(known, address),
        by_name=lambda name: balancers.by_name(known, name),
        must_have=lambda name: networks and ".nlb." in name,
        state=balancers.state,
        listener=lambda one, packet: balancers.listens(known, one, packet),
        registered=lambda one, packet: balancers.registered(known, one, packet),
        health=lambda one, packet: balancers.health(known, one, packet),
        all_sick=lambda one, packet: balancers.all_sick(known, one, packet),
    ).findings(ctx)
