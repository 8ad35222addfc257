"""Conntrack entries to what is no endpoint any more: which of them do harm."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.services.every import every_service
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.diagnosis.services.stale import Ends, stale_connections
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.conntrack_types import ConntrackEntry, Tuple
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.conntrack import IPS_ASSURED, IPS_SEEN_REPLY
from tests.diagnosis.test_services import (
    CHAINS,
    NODE,
    PLACE,
    MakeContext,
    endpoint,
    endpoint_slice,
    node_object,
    service,
    wanted,
)
from tests.diagnosis.test_services_left_over import made, saved

CLIENT, SERVICE, ENDPOINT, GONE = "10.244.1.9", "10.96.0.10", "10.244.1.2", "10.244.9.9"
NAMES: dict[int, str] = {Protocol.TCP: "tcp", Protocol.UDP: "udp", Protocol.SCTP: "sctp"}
DRAINED: Object = {"conditions": {"ready": False, "serving": False, "terminating": True}}


def flow(
    back_from: str = GONE,
    protocol: int = Protocol.TCP,
    state: str = "ESTABLISHED",
    to: str = SERVICE,
    port: int = 53,
    back_port: int = 8080,
    client: str = CLIENT,
) -> ConntrackEntry:
    sender = ip_address(client)
    return ConntrackEntry(
        original=Tuple(src=sender, dst=ip_address(to), protocol=protocol, sport=5000, dport=port),
        reply=Tuple(src=ip_address(back_from), dst=sender, protocol=protocol, sport=back_port, dport=5000),
        status=IPS_SEEN_REPLY | IPS_ASSURED,
        tcp_state=state if protocol == Protocol.TCP else "",
    )


def pod(name: str, address: str, phase: str = "Running") -> Object:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": "n1"},
        "status": {"phase": phase, "podIP": address, "podIPs": [{"ip": address}]},
    }


def of_client(*, connected: bool, gaps: dict[str, str] | None = None) -> NetworkNamespace:
    here, there = ip_address(CLIENT), ip_address(SERVICE)
    socket = Socket(Protocol.TCP, "established", here, 5000, there, 53)
    ns = NetworkNamespace(id="client", place=Place("pod", "default/client"), node="n1", gaps=gaps or {})
    return replace(ns, sockets=(socket,) if connected else ())


def found(
    make_context: MakeContext,
    *entries: ConntrackEntry,
    pods: tuple[Object, ...] = (),
    client: NetworkNamespace | None = None,
    drained: str = "",
    without: str = "",
) -> list[Suspicion]:
    """Of a node with the right rules for a service with two endpoints."""
    protocol = NAMES[entries[0].original.protocol]
    rules = CHAINS.replace("tcp", protocol).replace("--dport 80", "--dport 53")
    rules += (
        "-A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n-A POSTROUTING -j KUBE-POSTROUTING\n"
        "-A KUBE-POSTROUTING -j MASQUERADE\n-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n"
    )
    ns = made(native=saved(rules), conntrack=entries)
    port: Object = {"port": 53, "protocol": protocol.upper(), "name": "p"}
    listed = [endpoint(ENDPOINT), endpoint("10.244.2.2", "n2")]
    listed += [endpoint(drained, fields=DRAINED)] if drained else []
    slices = {
        **endpoint_slice(listed),
        "ports": [{"name": "p", "port": 8080, "protocol": protocol.upper()}],
    }
    node = node_object()
    node = {**node, "spec": {"podCIDRs": ["10.244.0.0/16"]}}
    items = [node, service(spec={"ports": [port]}), slices, pod("web", ENDPOINT), *pods]
    items = [item for item in items if item["kind"] != without]
    namespaces = {str(PLACE): ns} | ({"pod/default/client": client} if client else {})
    return list(every_service(make_context(items, namespaces), [NODE.name]).findings)


UDP = Protocol.UDP


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([flow(ENDPOINT, UDP)], ""),
        ([flow(ENDPOINT, UDP), flow(GONE, UDP, port=54)], ""),
        ([flow(GONE, UDP)], "lead to 10.244.9.9:8080, which is no endpoint"),
        ([flow(SERVICE, UDP, back_port=53)], "are not translated"),
        ([flow(GONE, UDP)] * 3, ", and 2 more lead to 10.244.9.9:8080"),
        ([flow(GONE, UDP), flow("10.244.9.8", UDP)], "lead to 10.244.9."),
    ],
    ids=[
        "to an endpoint",
        "to another port",
        "to one that is gone",
        "to nobody",
        "three",
        "to two that are gone",
    ],
)
def test_udp_flows_that_an_entry_keeps(
    make_context: MakeContext, entries: list[ConntrackEntry], message: str
) -> None:
    findings = found(make_context, *entries)
    assert {one.code for one in findings} == ({"conntrack.stale"} if message else set())
    assert len(findings) == len({one.reply.src for one in entries} if message else ())
    assert all(message in one.message for one in findings)


def test_a_drained_endpoint_keeps_its_udp_flows(make_context: MakeContext) -> None:
    assert found(make_context, flow(GONE, UDP), drained=GONE) == []


VAIN = "connections from 10.244.1.9:5000 lead to 10.244.9.9:8080, an address that nobody has any more"


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.SCTP])
def test_a_connection_whose_target_nobody_has_any_more(make_context: MakeContext, protocol: int) -> None:
    (one,) = found(make_context, flow(protocol=protocol), pods=(pod("client", CLIENT),))
    name = NAMES[protocol]
    assert (one.code, one.level.name) == ("conntrack.stale", "WARNING")
    assert f"service default/web at 10.96.0.10:53/{name}: {name.upper()} {VAIN}" in one.message
    assert one.remedy == f"conntrack -D -p {name} --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src {GONE}"


def test_the_client_still_has_its_socket(make_context: MakeContext) -> None:
    client = (pod("client", CLIENT),)
    (one,) = found(make_context, flow(), pods=client, client=of_client(connected=True))
    assert VAIN in one.message


CLIENT_POD = pod("client", CLIENT)


@pytest.mark.parametrize(
    ("entry", "pods", "client", "drained"),
    [
        (flow(ENDPOINT), (CLIENT_POD,), None, ""),
        (flow(), (CLIENT_POD,), None, GONE),
        (flow(), (CLIENT_POD, pod("old", GONE)), None, ""),
        (flow("10.0.0.1"), (CLIENT_POD,), None, ""),
        (flow("192.0.2.77"), (CLIENT_POD,), None, ""),
        (flow(state="TIME_WAIT"), (CLIENT_POD,), None, ""),
        (flow(state="SYN_SENT"), (CLIENT_POD,), None, ""),
        (flow(SERVICE, back_port=53), (CLIENT_POD,), None, ""),
        (flow(), (), None, ""),
        (flow(), (CLIENT_POD,), of_client(connected=False), ""),
        (flow(port=54), (CLIENT_POD,), None, ""),
    ],
    ids=[
        "to an endpoint",
        "to one that drains",
        "to a pod that is there, and answers what it does not know",
        "to a node",
        "to somebody who was never a pod",
        "that is closed",
        "that never was",
        "that is not translated",
        "of a client that is gone",
        "of a client that has forgotten it",
        "to another port",
    ],
)
def test_connections_that_do_no_harm(
    make_context: MakeContext,
    entry: ConntrackEntry,
    pods: tuple[Object, ...],
    client: NetworkNamespace | None,
    drained: str,
) -> None:
    assert found(make_context, entry, pods=pods, client=client, drained=drained) == []


def test_a_client_whose_sockets_could_not_be_read_may_wait(make_context: MakeContext) -> None:
    unread = of_client(connected=False, gaps={"sockets": "failed"})
    assert len(found(make_context, flow(), pods=(CLIENT_POD,), client=unread)) == 1


def test_a_finished_pod_has_no_address(make_context: MakeContext) -> None:
    assert len(found(make_context, flow(), pods=(CLIENT_POD, pod("old", GONE, "Succeeded")))) == 1


def test_without_pods_among_the_objects_nobody_can_tell(make_context: MakeContext) -> None:
    assert found(make_context, flow(), without="Pod") == []


def test_a_connection_by_a_node_port_to_another_address_of_the_node(make_context: MakeContext) -> None:
    own = InterfaceAddress(1, ip_address("10.0.7.1"), 24)
    entry = flow(client="192.0.2.1", to="10.0.7.1", port=30080)
    ns = made(native=saved(""), conntrack=(entry,), addresses=(own,))
    spec = {"type": "NodePort", "ports": [{"port": 53, "nodePort": 30080, "name": "p"}]}
    item = {**node_object(), "spec": {"podCIDRs": ["10.244.0.0/16"]}}
    doors = wanted(item, service(spec=spec), endpoint_slice([endpoint(ENDPOINT)]))
    ends = Ends(make_context((item, pod("web", ENDPOINT))), Networks(["10.244.0.0/16"]))
    (one,) = stale_connections(ns, PLACE, doors, ends)
    assert "at node port 30080/tcp: TCP connections from 192.0.2.1:5000 lead to" in one.message
    assert list(stale_connections(replace(ns, addresses=()), PLACE, doors, ends)) == []
