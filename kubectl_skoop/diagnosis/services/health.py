"""The ports at which a proxy tells load balancers whether a node has endpoints of a service.

For each service with `externalTrafficPolicy: Local` that a balancer stands before, kube-proxy listens on
`healthCheckNodePort` of every node, and answers 200 while an endpoint that is ready is on the node, else 503
(pkg/proxy/healthcheck/service_health.go). kube-router does the same since 2.1
(pkg/controllers/proxy/nodeport_healthcheck.go). A balancer sends nothing to a node that answers otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence

from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.rules import Proxy, restart
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace

OWN_PORTS: Mapping[Proxy, Sequence[int]] = {"kube-proxy": (10256, 10249), "kube-router": (20244,)}
"""At which a proxy tells of its own health, and its metrics: it runs where one is listened on."""


def health_ports(
    ns: NetworkNamespace, place: Place, meaning: Meaning, proxy: Proxy = "kube-proxy"
) -> Iterator[Suspicion]:
    """Only where the proxy is seen to run: it may be told to listen elsewhere."""
    listeners: dict[int, list[Socket]] = {}
    for one in ns.sockets:
        if one.protocol == Protocol.TCP and one.state == "listen":
            listeners.setdefault(one.port, []).append(one)
    own = [one for port in OWN_PORTS[proxy] for one in listeners.get(port, ())]
    if not own:
        return
    users = {one.uid for one in own}
    for service in meaning.services:
        port = service.health_check_port
        if not port:
            continue
        found = listeners.get(port, ())
        problem = _problem(found, users)
        if problem:
            ready = meaning.ready_on(service, place.name)
            answer = f"200, as {ready} of its endpoints are ready here" if ready else "503, as none is here"
            yield Suspicion(
                code="service.no-health-check",
                level=Level.WARNING if ready else Level.INFO,
                where=Where(place=place),
                message=f"service {service.key}: {problem} its healthCheckNodePort {port}, where {proxy} "
                f"would answer {answer}",
                evidence=(
                    *(f"listens: {one.local}:{one.port} uid {one.uid}" for one in (*found, *own)),
                    f"spec.healthCheckNodePort: {port}",
                ),
                remedy=f"ss -tlnp 'sport = :{port}' on the node tells who has the port; {restart(proxy)}",
            )


def _problem(found: Sequence[Socket], users: set[int]) -> str:
    """Empty: kube-proxy may well listen there."""
    if not found:
        return "nobody listens on"
    if all(one.local.is_loopback for one in found):
        return "somebody listens on a loopback address only at"
    if not any(one.uid in users for one in found):
        return f"another program (uid {found[0].uid}) listens on"
    return ""
