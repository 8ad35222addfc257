"""Whether a load balancer's targets are those that its service has: nodes by its node port, or endpoints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kubectl_skoop.api import Address, Context, Service, ServicePort, Suspicion
from kubectl_skoop.providers.finding import remark

_SHOWN = 8


class Registered(NamedTuple):
    """A target of a load balancer."""

    id: str
    address: Address
    port: int


@dataclass(frozen=True)
class Expected:
    """What a cluster's services want to be registered."""

    code: str
    ctx: Context

    def findings(
        self, service: Service, port: ServicePort, found: Sequence[Registered]
    ) -> Iterator[Suspicion]:
        if self.ctx.cluster.unlisted(service) is not None:
            return
        endpoints = {
            (one.address, one.port): one.node for one in self.ctx.cluster.backends(service, port) if one.ready
        }
        strange = [
            f"{one.id}:{one.port} {why}" for one in found if (why := self._strange(port, endpoints, one))
        ]
        if strange:
            yield remark(
                self.code,
                None,
                f"{len(strange)} of {len(found)} targets for port {port.port} are not the service's",
                strange[:_SHOWN],
                "look at the log and the events of the controller that registers them",
            )
        taking = {name for one in found if (name := self._nodes.get(one.address))}
        idle = sorted({name for name in endpoints.values() if name} - taking)
        if taking and idle and service.external_traffic_policy == "Local":
            yield remark(
                self.code,
                None,
                f"nodes with an endpoint are no targets for port {port.port}: {', '.join(idle[:_SHOWN])}",
                ("externalTrafficPolicy: Local",),
                "look at the log and the events of the controller that registers them, and whether a label "
                "keeps the node out (node.kubernetes.io/exclude-from-external-load-balancers)",
            )

    def _strange(
        self, port: ServicePort, endpoints: Mapping[tuple[Address, int], str], target: Registered
    ) -> str:
        """Why the service has no such target; empty: it has."""
        if (target.address, target.port) in endpoints:
            return ""
        node = self._nodes.get(target.address)
        if node is None:
            return f"is {target.address}, neither a node of the cluster nor a ready endpoint of the service"
        if target.port != port.node_port:
            return f"is node {node}, whose port for the service is {port.node_port or 'none'}"
        return ""

    @cached_property
    def _nodes(self) -> Mapping[Address, str]:
        return {address: node.name for node in self.ctx.cluster.nodes() for address in node.addresses}
