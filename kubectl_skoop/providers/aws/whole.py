"""What of a VPC is not as the cluster needs it, without a packet: interfaces, routes, load balancers."""

import re
from collections.abc import Iterator, Sequence

from kubectl_skoop.api import Address, Context, NodeInfo, Suspicion, Unknown
from kubectl_skoop.providers.attachment import Attachments
from kubectl_skoop.providers.aws import balancers
from kubectl_skoop.providers.aws.interface import Interface
from kubectl_skoop.providers.aws.inventory import Inventory
from kubectl_skoop.providers.aws.route_table import LOCAL, VpcRoute, dead_routes, route_of
from kubectl_skoop.providers.exposed import Balancers
from kubectl_skoop.providers.finding import not_told, remark

_NETWORK = re.compile(r"\.elb\.[a-z0-9-]+\.amazonaws\.com")
"""In names of network load balancers; others may be classic ones, which are not asked for."""
_LOOK = "aws ec2 describe-network-interfaces"


def instance_of(node: NodeInfo) -> str:
    """Its id, by `aws:///eu-west-1a/i-0123456789abcdef0`; empty: no instance of EC2."""
    return node.provider_id.rpartition("/")[2] if node.provider_id.startswith("aws://") else ""


def of_cluster(known: Inventory, ctx: Context) -> Iterator[Suspicion]:
    """Raises: ValueError (an answer that is none of the API's)."""
    attached = Attachments(provider="aws", cloud=Inventory.cloud, instance_of=instance_of, look=_LOOK)
    yield from attached.findings(known, ctx, lambda at, address: _is_local(known, at, address))
    yield from _dead_routes(known, ctx)
    yield from _balancers(known, ctx)


def kind_of(known: Inventory, node: NodeInfo) -> str:
    """Subnets and security groups of its interfaces."""
    own = _interfaces_of(known, node)
    return ", ".join(sorted({f"{each.subnet} {' '.join(sorted(each.groups))}" for each in own}))


def _interfaces_of(known: Inventory, node: NodeInfo) -> Sequence[Interface]:
    instance = instance_of(node)
    return known.by_instance.get(instance, ()) if instance else ()


def _is_local(known: Inventory, at: Interface, address: Address) -> bool:
    route = route_of(known, at.subnet, at.vpc, address)
    return isinstance(route, VpcRoute) and route.target == LOCAL


def _dead_routes(known: Inventory, ctx: Context) -> Iterator[Suspicion]:
    """Of the tables of all subnets that nodes are in."""
    at = {
        (each.subnet, each.vpc): node for node in ctx.cluster.nodes() for each in _interfaces_of(known, node)
    }
    found = {route: node for (subnet, vpc), node in at.items() for route in dead_routes(known, subnet, vpc)}
    for route, node in found.items():
        yield remark(
            "aws.route.blackhole",
            node,
            f"the route of {route.table} to {route.destination} is a blackhole: its target {route.target} "
            "is gone",
            (str(route),),
            f"aws ec2 replace-route for {route.destination}, or delete it",
        )


def _balancers(known: Inventory, ctx: Context) -> Iterator[Suspicion]:
    services = [each for each in ctx.cluster.services() if each.type == "LoadBalancer"]
    whole = known.whole("LoadBalancers")
    if isinstance(whole, Unknown) and services:
        yield not_told(
            "aws.unknown", Unknown(f"load balancers and services were not compared: {whole.reason}")
        )
    yield from Balancers(
        provider="aws",
        cloud=Inventory.cloud,
        by_address=lambda address: balancers.by_address(known, address),
        by_name=lambda name: balancers.by_name(known, name),
        must_have=lambda name: not isinstance(whole, Unknown) and _NETWORK.search(name) is not None,
        state=balancers.state,
        listener=lambda one, packet: balancers.listens(known, one, packet),
        registered=lambda one, packet: balancers.registered(known, one, packet),
        health=lambda one, packet: balancers.health(known, one, packet),
        all_sick=lambda one, packet: balancers.all_sick(known, one, packet),
    ).findings(ctx)
