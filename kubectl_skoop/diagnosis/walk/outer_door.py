"""By which address a service is asked from outside: its load balancer's, an external one, a node port."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.ports import service_port
from kubectl_skoop.cluster.resolve import Target
from kubectl_skoop.cluster.service import Service
from kubectl_skoop.diagnosis.request import Request
from kubectl_skoop.model.errors import NoVerdict
from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.verdict import Unknown


class Cloud(NamedTuple):
    """What is known of load balancers beside the objects."""

    names: Callable[[str], Sequence[Address] | Unknown]
    """The addresses of one, by its host name."""
    has: Callable[[Address], bool]
    """The address is one's."""


NO_CLOUD = Cloud(lambda name: Unknown(f"which addresses {name} has is not known"), lambda address: False)


class Door(NamedTuple):
    """What is asked in the service's place."""

    target: Target
    port: str = ""
    """Instead of the service's; empty: the same."""


def outer_door(cluster: Cluster, service: Service, request: Request, port: str, cloud: Cloud) -> Door:
    """A service that has none is asked at its cluster address, to which the outside has no route.

    Raises: InputError (no such port), NoVerdict (a load balancer whose addresses nobody knows).
    """
    if service.load_balancer_addresses:
        return Door(_target("lb", service, service.load_balancer_addresses, "its load balancer's address"))
    for name in service.load_balancer_names:
        addresses = cloud.names(name)
        if isinstance(addresses, Unknown):
            raise NoVerdict(
                f"service {service.key} is asked by the load balancer {name}: {addresses.reason}",
                hint="ask for its address, if you know it",
            )
        return Door(_target("lb", service, tuple(addresses), f"an address of its load balancer {name}"))
    if service.external_addresses:
        return Door(_target("service", service, service.external_addresses, "its external address"))
    entry = service_port(service, port, request.protocol) if not port.isdecimal() else None
    found = next(
        (one for one in service.ports if one == entry or (port.isdecimal() and one.port == int(port))), None
    )
    ready = sorted(cluster.nodes(), key=lambda node: node.ready is False)
    node = next((node for node in ready if node.addresses), None)
    if found is None or not found.node_port or node is None:
        return Door(Target(kind="service", name=service.key, addresses=service.cluster_addresses))
    note = (
        f"node port {found.node_port} of {service.key} at node {node.name}; the others are asked by node/NAME"
    )
    return Door(
        Target(kind="node", name=node.name, addresses=node.addresses, note=note), str(found.node_port)
    )


def _target(kind: str, service: Service, addresses: tuple[Address, ...], what: str) -> Target:
    return Target(
        kind="lb" if kind == "lb" else "service",
        name=service.key,
        addresses=addresses,
        note=f"{addresses[0]}, {what}" if addresses else "",
    )
