"""Health check ports of services, by the sockets of a node."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.services.health import health_ports
from kubectl_skoop.diagnosis.services.meaning import Meaning
from kubectl_skoop.diagnosis.services.rules import Proxy
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.l4.socket_types import Socket, SocketState
from tests.diagnosis.conftest import by_kind
from tests.diagnosis.test_services import NOT_READY, PLACE, endpoint, endpoint_slice, service
from tests.diagnosis.test_services_left_over import made

LOCAL: Object = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}


def listener(
    port: int, local: str = "::", uid: int = 0, state: SocketState = "listen", protocol: int = Protocol.TCP
) -> Socket:
    return Socket(protocol, state, ip_address(local), port, uid=uid)


HEALTHZ = listener(10256)
HERE = endpoint_slice([endpoint("10.244.1.2"), endpoint("10.244.2.2", "n2")])
ELSEWHERE = endpoint_slice([endpoint("10.244.1.2", fields=NOT_READY), endpoint("10.244.2.2", "n2")])


def found(
    *sockets: Socket, slices: Object = HERE, spec: Object = LOCAL, proxy: Proxy = "kube-proxy"
) -> list[Suspicion]:
    ports = {"ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP", "name": "p"}]}
    meaning = Meaning(Cluster(by_kind([service(spec={**ports, **spec}), slices])))
    return [*health_ports(replace(made(), sockets=sockets), PLACE, meaning, proxy)]


@pytest.mark.parametrize(
    ("sockets", "slices", "level", "message"),
    [
        ([HEALTHZ], HERE, "WARNING", "nobody listens on its healthCheckNodePort 32000"),
        ([HEALTHZ], ELSEWHERE, "INFO", "where kube-proxy would answer 503, as none is here"),
        ([HEALTHZ], HERE, "WARNING", "would answer 200, as 1 of its endpoints are ready here"),
        ([listener(10249, "127.0.0.1")], HERE, "WARNING", "nobody listens on"),
        ([HEALTHZ, listener(32000, uid=33)], HERE, "WARNING", "another program (uid 33) listens on"),
        ([HEALTHZ, listener(32000, "127.0.0.1")], HERE, "WARNING", "on a loopback address only"),
        ([HEALTHZ, listener(32000, state="established")], HERE, "WARNING", "nobody listens on"),
        ([HEALTHZ, listener(32000, protocol=Protocol.UDP)], HERE, "WARNING", "nobody listens on"),
    ],
    ids=["nobody", "without endpoints", "200", "seen by metrics", "another", "loopback", "a client", "UDP"],
)  # fmt: skip
def test_a_port_that_kube_proxy_does_not_listen_on(
    sockets: list[Socket], slices: Object, level: str, message: str
) -> None:
    (one,) = found(*sockets, slices=slices)
    assert (one.code, one.level.name) == ("service.no-health-check", level)
    assert message in one.message


@pytest.mark.parametrize(
    ("sockets", "spec"),
    [
        ([HEALTHZ, listener(32000)], LOCAL),
        ([HEALTHZ, listener(32000, "10.0.0.1"), listener(32000, "127.0.0.1")], LOCAL),
        ([listener(22)], LOCAL),
        ([HEALTHZ], {"type": "NodePort", "externalTrafficPolicy": "Local"}),
        ([HEALTHZ], {**LOCAL, "clusterIP": "None", "clusterIPs": ["None"]}),
    ],
    ids=["it listens", "on an address of the node", "it does not run", "no balancer", "headless"],
)
def test_nothing_is_said(sockets: list[Socket], spec: Object) -> None:
    assert found(*sockets, spec=spec) == []


@pytest.mark.parametrize(
    ("sockets", "count"),
    [
        ([listener(20244)], 1),
        ([listener(20244), listener(32000)], 0),
        ([HEALTHZ], 0),
    ],
    ids=["nobody", "it listens", "kube-proxy's port says nothing of kube-router"],
)
def test_kube_router_listens_there_too(sockets: list[Socket], count: int) -> None:
    told = found(*sockets, proxy="kube-router")
    assert len(told) == count
    assert all("where kube-router would answer 200" in one.message for one in told)
