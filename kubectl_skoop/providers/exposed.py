"""Services of type LoadBalancer against the load balancers that a cloud has for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Generic, TypeVar

from kubectl_skoop.api import Address, Context, Level, Packet, Protocol, Service, Suspicion
from kubectl_skoop.providers.finding import remark
from kubectl_skoop.providers.registered import Expected, Registered

NOBODY = ip_address("0.0.0.0")
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}
BalancerT = TypeVar("BalancerT")


@dataclass(frozen=True, kw_only=True)
class Balancers(Generic[BalancerT]):
    """What one provider knows of its load balancers."""

    provider: str
    """Beginning of its codes."""
    cloud: str
    by_address: Callable[[Address], BalancerT | None]
    by_name: Callable[[str], BalancerT | None]
    must_have: Callable[[str], bool]
    """A load balancer with this host name would be known."""
    state: Callable[[BalancerT], Iterator[Suspicion]]
    """Nothing: it works."""
    listener: Callable[[BalancerT, Packet], Iterator[Suspicion]]
    """Nothing: there is one for the packet, or that is not known."""
    registered: Callable[[BalancerT, Packet], Sequence[Registered]]
    """As far as they are known."""
    health: Callable[[BalancerT, Packet], Iterator[Suspicion]]
    all_sick: Callable[[BalancerT, Packet], bool]

    def findings(self, ctx: Context) -> Iterator[Suspicion]:
        """Of what services have in their status. Raises: ValueError (an answer that is none of the API's)."""
        expected = Expected(f"{self.provider}.balancer.targets", ctx)
        for service in ctx.cluster.services():
            if service.type == "LoadBalancer":
                for finding in self._of(service, expected):
                    message = f"service {service.namespace}/{service.name}: {finding.message}"
                    yield replace(
                        finding, message=message, level=min(finding.level, Level.WARNING), effect=""
                    )

    def _of(self, service: Service, expected: Expected) -> Iterator[Suspicion]:
        for address in service.load_balancer_addresses:
            if (found := self.by_address(address)) is not None:
                yield from self._serves(service, expected, found)
        for name in service.load_balancer_names:
            if (found := self.by_name(name)) is not None:
                yield from self._serves(service, expected, found)
            elif self.must_have(name):
                yield self._missing(name)

    def _serves(self, service: Service, expected: Expected, balancer: BalancerT) -> Iterator[Suspicion]:
        """Where only nodes with an endpoint are meant to be healthy, one healthy target is enough."""
        broken = list(self.state(balancer))
        yield from broken
        for port in [] if broken else service.ports:
            if port.protocol not in _PROTOCOLS:
                continue
            packet = Packet(src=NOBODY, dst=NOBODY, protocol=_PROTOCOLS[port.protocol], dport=port.port)
            deaf = list(self.listener(balancer, packet))
            yield from deaf
            yield from expected.findings(service, port, self.registered(balancer, packet))
            local = service.external_traffic_policy == "Local"
            if not deaf and (not local or self.all_sick(balancer, packet)):
                yield from self.health(balancer, packet)

    def _missing(self, name: str) -> Suspicion:
        return remark(
            f"{self.provider}.balancer.missing",
            None,
            f"{self.cloud} has no load balancer {name}, which is in the service's status",
            (f"status.loadBalancer.ingress: {name}",),
            "look whether somebody deleted it; the controller makes it anew when the service changes",
        )
