"""What comparing the services of one node costs: 10,000 services with one and with three endpoints each.

Prints a Markdown table; exit code 1 where the limit is passed.
"""

import gc
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import cast

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.context import Context
from kubectl_skoop.diagnosis.services.every import every_service
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.testing import kube_proxy
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import LabBackend, LabNode, LabService, Topology

SERVICES = 10_000
SECONDS = 3.0
NODE = LabNode(1)
FIRST_SERVICE, FIRST_POD = IPv4Address("10.96.0.1"), IPv4Address("10.128.0.1")


@dataclass(frozen=True)
class OneNode(PlainObjects):
    """The objects, and the state of the one node."""

    ns: NetworkNamespace

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


def measure(endpoints: int) -> float:
    """Seconds of the processor, from objects in memory and the tables' text to the findings: none."""
    made = tuple(services(endpoints))
    by_kind: dict[str, list[Object]] = {}
    for item in cluster_objects("flannel-vxlan", Topology((NODE,), (), made)):
        by_kind.setdefault(str(item["kind"]), []).append(item)
    netfilter = load_netfilter(
        iptables_legacy=None,
        ip6tables_legacy=None,
        iptables_nft=saved(made),
        ip6tables_nft=None,
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    place = Place("node", NODE.name)
    ns = NetworkNamespace(id=NODE.name, place=place, node=NODE.name, netfilter=netfilter)
    source = cast(Snapshot, OneNode(by_kind, ns))
    start = time.process_time()
    found = every_service(Context(source=source, cluster=Cluster(source)), [NODE.name])
    spent = time.process_time() - start
    if found.findings or found.facts or found.unread:
        raise SystemExit(f"error: {found}"[:500])
    return spent


def main() -> int:
    gc.set_threshold(GARBAGE_THRESHOLD)
    print("| services | endpoints each | CPU, s |\n| ---: | ---: | ---: |")
    slowest = 0.0
    for endpoints in (1, 3):
        spent = measure(endpoints)
        slowest = max(slowest, spent)
        print(f"| {SERVICES:,} | {endpoints} | {spent:.1f} |", flush=True)
    return int(slowest > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
