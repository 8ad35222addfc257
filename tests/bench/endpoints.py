"""What a question to a service with many endpoints costs, by mode. Prints a Markdown table."""

import gc
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import cast

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
NODE, ADDRESS, SERVICE = "node/n1", "10.0.0.1", "10.96.0.200"
"""The endpoints are ports of the node itself: its own walk is short."""
FIRST = 20_000
"""Their first port."""
ALL_MODES = (*MODES, "ipvs")


@dataclass
class OneMore:
    """The shipped snapshot with the service, and other rules and sockets on the node."""

    shipped: Snapshot
    ns: NetworkNamespace
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
        return self.ns if str(place) == NODE else self.shipped.namespace(place)

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        return self.ns if identity == self.ns.id else self.shipped.namespace_by_id(identity)


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
    tracked = replace(ns.sysctls, values={**ns.sysctls.values, "net.ipv4.vs.conntrack": "1"})
    return replace(
        ns, ipvs=(made,), sysctls=tracked, addresses=(*ns.addresses, own), routes=(*ns.routes, local)
    )


def asked(mode: str, endpoints: int, dead: int) -> Diagnosis:
    """A question of the node to the service, of whose endpoints the first ones refuse."""
    ports = range(FIRST, FIRST + endpoints)
    service = LabService("many", SERVICE, 80, tuple(LabBackend(ADDRESS, port, "n1") for port in ports))
    with closing(open_snapshot(SHIPPED)) as shipped:
        ns = shipped.namespace(Place("node", "n1"))
        assert not isinstance(ns, NotCollected)
        listeners = (Socket(6, "listen", IPv4Address("0.0.0.0"), port, backlog=128) for port in ports[dead:])
        ns = replace(ns, netfilter=rules(mode, service), sockets=tuple(listeners))
        ns = virtual(ns, service) if mode == "ipvs" else ns
        source = cast(Snapshot, OneMore(shipped, ns, objects(service)))
        return diagnose(source, Request(source=NODE, destination="svc/default/many", port="80"), Options())


def main() -> None:
    print("| mode | endpoints | CPU, s |\n| --- | ---: | ---: |")
    gc.set_threshold(GARBAGE_THRESHOLD)
    for mode in ALL_MODES:
        for endpoints in (100, 500, 2_000):
            start = time.process_time()
            answer = asked(mode, endpoints, 0)
            spent = time.process_time() - start
            assert (answer.verdict, len(answer.branches)) == ("reachable", endpoints)
            print(f"| {mode} | {endpoints:,} | {spent:.1f} |", flush=True)


if __name__ == "__main__":
    main()
