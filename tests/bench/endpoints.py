"""What a question to a service with many endpoints costs, by mode. Prints a Markdown table."""

import gc
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network
from itertools import product
from pathlib import Path
from typing import NamedTuple, cast

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD
from kubectl_skoop.cluster.raw import Object, Ref
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.ipvs.service import RealServer, VirtualService
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.types import Netfilter
from kubectl_skoop.netstack.routing.types import TABLE_LOCAL, Nexthop, Route
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.testing.topology import LabBackend, LabService
from tests.bench.services import MODES, listed, saved

SHIPPED = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"
SERVICE = "10.96.0.200"


class Where(NamedTuple):
    """Who asks, and whose ports the endpoints are."""

    title: str
    source: str
    place: Place
    address: str
    node: str


NEAR = Where("the node asks itself", "node/n1", Place("node", "n1"), "10.0.0.1", "n1")
FAR = Where("a pod asks one of another node", "pod/default/a", Place("pod", "default/b2"), "10.244.2.3", "n2")
FIRST = 20_000
"""Their first port."""


@dataclass
class OneMore:
    """The shipped snapshot with the service, and other rules and sockets on the node."""

    shipped: Snapshot
    changed: Mapping[Place, NetworkNamespace]
    objects_of: Mapping[str, Sequence[Object]]

    def __getattr__(self, name: str) -> object:
        return getattr(self.shipped, name)

    def objects(self, kind: str, namespace: str = "") -> Sequence[Object] | NotCollected:
        found = self.shipped.objects(kind, namespace)
        return found if isinstance(found, NotCollected) else (*found, *self.objects_of.get(kind, ()))

    def owners(self, address: str) -> Sequence[Ref]:
        own = (Ref("Service", "default", "many"),) if address == SERVICE else ()
        return own or self.shipped.owners(address)

    def namespace(self, place: Place) -> NetworkNamespace | NotCollected:
        return self.changed.get(place) or self.shipped.namespace(place)

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        own = next((ns for ns in self.changed.values() if ns.id == identity), None)
        return own or self.shipped.namespace_by_id(identity)


def objects(service: LabService) -> dict[str, list[Object]]:
    metadata = {"name": "many", "namespace": "default"}
    spec = {"type": "ClusterIP", "clusterIP": SERVICE, "ports": [{"port": 80, "protocol": "TCP"}]}
    slices: list[Object] = [
        {
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"many-{one.port}",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "many"},
            },
            "addressType": "IPv4",
            "ports": [{"port": one.port, "protocol": "TCP", "name": ""}],
            "endpoints": [{"addresses": [one.address], "conditions": {"ready": True}}],
        }
        for one in service.backends
    ]
    return {"Service": [{"kind": "Service", "metadata": metadata, "spec": spec}], "EndpointSlice": slices}


def rules(mode: str, service: LabService) -> Netfilter:
    return load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=saved((service,)) if mode == "iptables" else None,
        ip6tables_nft=None,
        nft=json.loads(json.dumps(listed((service,)))) if mode == "nftables" else None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )


def virtual(ns: NetworkNamespace, service: LabService) -> NetworkNamespace:
    """With the service in IPVS, as kube-proxy writes it: the address is one of the node's own."""
    address = IPv4Address(service.address)
    lo = next(device for device in ns.devices.values() if device.loopback)
    leads = (Nexthop(device=lo.index),)
    local = Route(destination=ip_network(f"{address}/32"), table=TABLE_LOCAL, type="local", nexthops=leads)
    servers = tuple(RealServer(address=IPv4Address(one.address), port=one.port) for one in service.backends)
    made = VirtualService(protocol=6, address=address, port=service.port, servers=servers)
    own = InterfaceAddress(lo.index, address, 32)
    tracked = ns.sysctls._replace(values={**ns.sysctls.values, "net.ipv4.vs.conntrack": "1"})
    return replace(
        ns, ipvs=(made,), sysctls=tracked, addresses=(*ns.addresses, own), routes=(*ns.routes, local)
    )


def asked(mode: str, endpoints: int, dead: int, where: Where = NEAR) -> Diagnosis:
    """A question to the service, of whose endpoints the first ones refuse."""
    ports = range(FIRST, FIRST + endpoints)
    backends = tuple(LabBackend(where.address, port, where.node) for port in ports)
    service = LabService("many", SERVICE, 80, backends)
    listeners = tuple(Socket(6, "listen", IPv4Address("0.0.0.0"), port, backlog=128) for port in ports[dead:])
    with closing(open_snapshot(SHIPPED)) as shipped:
        node = replace(_namespace(shipped, NEAR.place), netfilter=rules(mode, service))
        changed = {node.place: virtual(node, service) if mode == "ipvs" else node}
        serving = changed.get(where.place) or _namespace(shipped, where.place)
        changed[where.place] = replace(serving, sockets=listeners)
        source = cast(Snapshot, OneMore(shipped, changed, objects(service)))
        request = Request(source=where.source, destination="svc/default/many", port="80")
        return diagnose(source, request, Options())


def _namespace(snapshot: Snapshot, place: Place) -> NetworkNamespace:
    found = snapshot.namespace(place)
    assert not isinstance(found, NotCollected)
    return found


def main() -> None:
    print("| mode | who asks | endpoints | CPU, s |\n| --- | --- | ---: | ---: |")
    gc.set_threshold(GARBAGE_THRESHOLD)
    for mode, where, endpoints in product(MODES, (NEAR, FAR), (100, 500, 2_000)):
        start = time.process_time()
        answer = asked(mode, endpoints, 0, where)
        spent = time.process_time() - start
        assert (answer.verdict, len(answer.branches)) == ("reachable", endpoints)
        print(f"| {mode} | {where.title} | {endpoints:,} | {spent:.1f} |", flush=True)


if __name__ == "__main__":
    main()
