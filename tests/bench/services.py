"""What comparing the services of one node costs: 10,000 with one and with three endpoints each, by mode.

Prints a Markdown table; exit code 1 where the limit is passed.
"""

import gc
import gzip
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from socket import AF_INET, IPPROTO_TCP
from typing import Any, cast

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.services.every import every_service
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.snapshot.decode.namespace import decode_namespace
from kubectl_skoop.snapshot.decode.netfilter import ALL
from kubectl_skoop.snapshot.dump import NamespaceDump, Table
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.testing import kube_proxy
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import LabBackend, LabNode, LabService, Topology

SERVICES = 10_000
SECONDS = 3.0
NODE = LabNode(1)
RECORDED = Path(__file__).parents[1] / "data" / "kube-proxy-1.36.2.nft.json"
"""Of a node with two services: its rules for all services are taken."""
RECORDED_IPVS = Path(__file__).parents[1] / "data" / "services" / "node10-ipvs-v1.36.3.gz"
"""Of a node in mode ipvs: its rules, settings and devices are taken, and the form of its virtual servers."""
MODES = ("iptables", "nftables", "ipvs")
FIRST_SERVICE, FIRST_POD = IPv4Address("10.96.0.1"), IPv4Address("10.128.0.1")


class OneNode(PlainObjects):
    """The objects, and the state of the one node."""

    def __init__(self, by_kind: Mapping[str, Sequence[Object]], ns: NetworkNamespace) -> None:
        super().__init__(by_kind)
        self.ns = ns

    def namespace(self, place: Place) -> NetworkNamespace:
        return self.ns


def services(endpoints: int) -> Iterator[LabService]:
    for number in range(SERVICES):
        pods = (str(FIRST_POD + number * endpoints + position) for position in range(endpoints))
        backends = tuple(LabBackend(pod, 8080, NODE.name) for pod in pods)
        yield LabService(f"s{number}", str(FIRST_SERVICE + number), 80, backends)


def saved(made: tuple[LabService, ...]) -> str:
    """What iptables-save prints of the tables nat and filter."""
    rules = kube_proxy.rules(made)
    lines = []
    for table, hooks in (("nat", "PREROUTING OUTPUT POSTROUTING"), ("filter", "INPUT FORWARD OUTPUT")):
        lines += [f"*{table}", *(f":{hook} ACCEPT [0:0]" for hook in hooks.split())]
        lines += [f":{chain} - [0:0]" for chain in rules.chains[table]]
        lines += [*rules.rules[table], "COMMIT"]
    return "\n".join(lines) + "\n"


def listed(made: tuple[LabService, ...]) -> object:
    """What `nft -j list ruleset` prints of the table `ip kube-proxy`."""
    own = [one for one in json.loads(RECORDED.read_text())["nftables"] if is_for_all_services(one)]
    sets = {
        str(body.get("name")): body for one in own for kind, body in one.items() if kind in ("set", "map")
    }
    sets["service-nodeports"]["elem"] = []
    sets["cluster-ips"]["elem"] = [service.address for service in made]
    sets["service-ips"]["elem"] = [
        [{"concat": [service.address, service.protocol, service.port]}, {"goto": {"target": chain(service)}}]
        for service in made
    ]
    local = [(backend.address, backend.port) for service in made for backend in service.backends]
    sets["hairpin-connections"]["elem"] = [
        {"concat": [address, address, "tcp", port]} for address, port in local
    ]
    identity = {"family": "ip", "table": "kube-proxy"}
    for service in made:
        own.append({"chain": identity | {"name": chain(service)}})
        targets = [
            [number, {"concat": [one.address, one.port]}] for number, one in enumerate(service.backends)
        ]
        key = {"numgen": {"mode": "random", "mod": len(targets), "offset": 0}}
        protocol = {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": service.protocol}
        address = {"map": {"key": key, "data": {"set": targets}}}
        expressions = [{"match": protocol}, {"dnat": {"family": "ip", "addr": address}}]
        own.append({"rule": identity | {"chain": chain(service), "expr": expressions}})
    return {"nftables": own}


def is_for_all_services(one: dict[str, dict[str, Any]]) -> bool:
    (body,) = one.values()
    if "kube-proxy" not in (body.get("table"), body.get("name")) or body.get("family") != "ip":
        return False
    return "/" not in str(body.get("chain", "")) and "/" not in str(body.get("name", ""))


def chain(service: LabService) -> str:
    return f"service-{kube_proxy.service_chain(service)[-8:]}-{service.port_key}/{service.protocol}/"


def tables_of_ipvs(made: Sequence[LabService]) -> dict[str, Any]:
    """What the agent reads: the services in place of those that were recorded."""
    tables: dict[str, Any] = json.loads(gzip.decompress(RECORDED_IPVS.read_bytes()))
    dummy = next(link["index"] for link in tables["links"] if link["ifname"] == "kube-ipvs0")
    at = next(one for one in tables["addresses"] if one["index"] == dummy and one["family"] == AF_INET)
    server = next(one for one in tables["ipvs"] if one["protocol"] == IPPROTO_TCP and one["destinations"])
    real = server["destinations"][0]
    tables["addresses"] = [one for one in tables["addresses"] if one["index"] != dummy]
    tables["addresses"] += [at | {"address": one.address, "local": one.address} for one in made]
    tables["ipvs"] = [
        server
        | {"addr": one.address, "port": one.port}
        | {"destinations": [real | {"addr": to.address, "port": to.port} for to in one.backends]}
        for one in made
    ]
    sets = [line for line in tables["ipset"].splitlines() if line.startswith("create ")]
    sets += [f"add KUBE-CLUSTER-IP {one.address},tcp:{one.port}" for one in made]
    sets += [
        f"add KUBE-LOOP-BACK {to.address},tcp:{to.port},{to.address}" for one in made for to in one.backends
    ]
    tables["ipset"] = "\n".join(sets) + "\n"
    return tables


def node_of(mode: str, made: tuple[LabService, ...]) -> NetworkNamespace:
    place = Place("node", NODE.name)
    if mode == "ipvs":
        read = {name: Table(data=data) for name, data in tables_of_ipvs(made).items()}
        absent = {name: Table(state="absent") for name in ALL}
        return decode_namespace(NamespaceDump(id="1:1", kind="host", tables=absent | read), NODE.name, place)
    netfilter = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=saved(made) if mode == "iptables" else None,
        ip6tables_nft=None,
        nft=listed(made) if mode == "nftables" else None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    return NetworkNamespace(id=NODE.name, place=place, node=NODE.name, netfilter=netfilter)


def measure(mode: str, endpoints: int) -> float:
    """Seconds of the processor, from objects in memory and the tables' text to the findings: none."""
    made = tuple(services(endpoints))
    by_kind: dict[str, list[Object]] = {}
    for item in cluster_objects("flannel-vxlan", Topology((NODE,), (), made)):
        if item["kind"] == "Service":
            item["spec"]["selector"] = {"app": item["metadata"]["name"]}
        by_kind.setdefault(str(item["kind"]), []).append(item)
    ns = node_of(mode, made)
    source = cast(Snapshot, OneNode(by_kind, ns))
    start = time.process_time()
    options = Options(proxy_mode=mode)
    found = every_service(Context(source=source, cluster=Cluster(source), options=options), [NODE.name])
    spent = time.process_time() - start
    if found.findings or found.facts or found.unread:
        raise SystemExit(f"error: {found}"[:500])
    return spent


def main() -> int:
    gc.set_threshold(GARBAGE_THRESHOLD)
    print("| mode | services | endpoints each | CPU, s |\n| --- | ---: | ---: | ---: |")
    slowest = 0.0
    for mode in MODES:
        for endpoints in (1, 3):
            spent = measure(mode, endpoints)
            slowest = max(slowest, spent)
            print(f"| {mode} | {SERVICES:,} | {endpoints} | {spent:.1f} |", flush=True)
    return int(slowest > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
