"""Snapshots of what real kube-proxies wrote, each with one fault: `service_cases.yaml` as values, and making
them, for which no lab is needed."""

import gzip
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.netfilter.conntrack import (
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_DST_NAT,
    IPS_SEEN_REPLY,
)
from kubectl_skoop.snapshot.assemble import assemble, write_node_dump
from kubectl_skoop.snapshot.decode.tables import IN_EVERY_KERNEL, NEEDED
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from kubectl_skoop.snapshot.source import open_snapshot
from tests.e2e.proxy.faults import Names, broken
from tests.e2e.proxy.iptables_faults import IPTABLES

HERE = Path(__file__).parent
RECORDED = HERE.parent / "data" / "services"
SNAPSHOTS = HERE.parents[1] / "snapshots" / "services"
MADE = 1_795_900_000.0
"""Seconds since the epoch: the files have one time, so that equal rules are equal files."""
INTRODUCTION = """## services/

One node each, with the rules that a real kube-proxy 1.36 wrote for 68 services of every shape, and one fault.
Ask `kubectl skoop check --snapshot snapshots/services/NAME.skoop`; the fault's code is `service.NAME`, or
`conntrack.NAME`. Those whose names begin with kube-router have what a real kube-router 2.1.0 wrote in
the guest kernel for 72 services (`make guest`). The others have no network plugin, which `check` says, too
(`plugin.none`).

| name | wrong | `check` says |
| --- | --- | --- |
"""
ESTABLISHED = 3
"""TCP_CONNTRACK_ESTABLISHED."""
Object = dict[str, Any]
_NOTHING: Mapping[str, Table] = {
    **dict.fromkeys(sorted(NEEDED), Table(state="absent")),
    **dict.fromkeys(sorted(IN_EVERY_KERNEL), Table(data=[])),
}
"""Of the rest of the node: nothing was recorded of it."""
_FORWARDS = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCase:
    name: str
    recorded: str
    wrong: str
    found: Sequence[str]
    """Codes."""
    also: str = ""
    """Another recording, whose rules are on the node, too."""
    mode: str = ""
    """That the ConfigMap says; empty: that of the rules."""
    fault: str = ""
    edit: Sequence[str] = ()
    objects: Sequence[Object] = ()
    listens: Sequence[int | str] = ()
    connections: Sequence[Sequence[str]] = ()

    @property
    def snapshot(self) -> Path:
        return SNAPSHOTS / f"{self.name}.skoop"

    @property
    def expected(self) -> Path:
        return HERE / "services" / f"{self.name}.json"

    @property
    def node(self) -> str:
        return Path(self.recorded).name.partition("-")[0]

    @property
    def beside(self) -> str:
        """The objects that were recorded with the rules."""
        return str(Path(self.recorded).with_name("objects.json"))

    @property
    def written_by(self) -> str:
        """`kube-proxy`, or `kube-router`, whose recordings have a folder."""
        return Path(self.recorded).parent.name or "kube-proxy"


def load_service_cases() -> list[ServiceCase]:
    return [ServiceCase(**row) for row in yaml.safe_load((HERE / "service_cases.yaml").read_text("utf-8"))]


def faults_in(found: Check) -> list[Suspicion]:
    """But that these nodes have no network plugin."""
    return [one for one in found.suspicions if one.code != "plugin.none"]


@cache
def checked(snapshot: Path) -> Check:
    with closing(open_snapshot(snapshot)) as source:
        return check(source, Options())


def make(case: ServiceCase) -> None:
    objects = [*_objects(case)]
    also = _tables(_text(case.also)) if case.also else {}
    tables = {**_NOTHING, **_tables(_with_fault(case, objects)), **also}
    tables["sockets"] = Table(data=[_listener(port) for port in _ports(case, objects)])
    if case.connections:
        tables["conntrack"] = Table(data=[_entry(one, objects) for one in case.connections])
    sysctls = tables["sysctls"].data
    recorded = sysctls if isinstance(sysctls, dict) else {}
    tables["sysctls"] = Table(data={**_FORWARDS, **dict(_forwarding(tables)), **recorded})
    namespace = NamespaceDump(id="1:1", kind="host", tables=tables)
    dump = NodeDump(node=case.node, time=MADE, ended=MADE, kernel="6.12.0", namespaces=(namespace,))
    by_kind: dict[str, list[Object]] = {}
    for item in objects:
        by_kind.setdefault(item["kind"], []).append(item)
    SNAPSHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dump")
        write_node_dump(dump, path)
        assemble([path], by_kind, case.snapshot, time=MADE)


def _forwarding(tables: Mapping[str, Table]) -> Iterator[tuple[str, str]]:
    """As the kernel sets it on each device with net.ipv4.ip_forward."""
    links = tables["links"].data
    for link in links if isinstance(links, list) else []:
        yield f"net.ipv4.conf.{link['ifname']}.forwarding", "1"


def describe() -> str:
    """The section of snapshots/README.md."""
    rows = []
    for case in load_service_cases():
        told = "<br>".join(one.message for one in faults_in(checked(case.snapshot))) or "nothing"
        rows.append(f"| {case.name} | {case.wrong} | {told} |\n")
    return INTRODUCTION + "".join(rows)


def _text(recorded: str) -> str:
    return gzip.decompress((RECORDED / f"{recorded}.gz").read_bytes()).decode()


def _with_fault(case: ServiceCase, objects: Sequence[Object]) -> str:
    rules = _text(case.recorded)
    services = {item["metadata"]["name"]: item for item in objects if item["kind"] == "Service"}
    names = Names(services, rules)
    if case.fault:
        return broken(next(one for one in IPTABLES if one.what == case.fault), names)
    if not case.edit:
        return rules
    pattern, replacement = case.edit
    edited = re.sub(names.fill(pattern, quote=True), names.fill(replacement), rules)
    if edited == rules:
        raise ValueError(f"{case.name}: nothing in the rules is like {pattern}")
    return edited


def _tables(rules: str) -> dict[str, Table]:
    if rules.startswith('{"nftables"'):
        return {"nft": Table(data=rules)}
    if not rules.startswith("*"):
        return {name: Table(data=data) for name, data in json.loads(rules).items()}
    _, nat, nat6 = rules.split("*nat")
    return {"iptables-nft": Table(data=f"*nat{nat}"), "ip6tables-nft": Table(data=f"*nat{nat6}")}


def _objects(case: ServiceCase) -> Iterator[Object]:
    """The recorded ones, but for other nodes, with those of the case over them."""
    over = {_key(item): item for item in case.objects}
    for item in json.loads(_text(case.beside)):
        if item["kind"] != "Node" or item["metadata"]["name"] == case.node:
            yield _merged(item, over.pop(_key(item), {}))
    yield from over.values()
    if case.written_by != "kube-proxy":
        return
    mode = case.mode or case.recorded.split("-")[1]
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kube-proxy", "namespace": "kube-system"},
        "data": {"config.conf": f"mode: {mode}\nclusterCIDR: 10.244.0.0/16,fd00:244::/48\n"},
    }


def _key(item: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _merged(item: Any, over: Any) -> Any:
    """As a merge patch (RFC 7386)."""
    if not isinstance(item, dict) or not isinstance(over, dict):
        return over
    return {**item, **{key: _merged(item.get(key), value) for key, value in over.items()}}


def _ports(case: ServiceCase, objects: Sequence[Object]) -> Iterator[int]:
    health = {
        item["metadata"]["name"]: item["spec"].get("healthCheckNodePort", 0)
        for item in objects
        if item["kind"] == "Service"
    }
    for one in case.listens:
        yield one if isinstance(one, int) else health[one]


def _entry(connection: Sequence[str], objects: Sequence[Object]) -> Object:
    """As `collect.nfnetlink.conntrack` reads it."""
    protocol, client, name, target = connection
    (service,) = (one for one in objects if one["kind"] == "Service" and one["metadata"]["name"] == name)
    address, port = service["spec"]["clusterIP"], service["spec"]["ports"][0]["port"]
    number = {"tcp": 6, "udp": 17}[protocol]
    there = {"num": number, "src_port": 40000, "dst_port": port}
    back = {"num": number, "src_port": 8080, "dst_port": 40000}
    return {
        "family": 2,
        "orig": {"ip": {"src": client, "dst": address}, "proto": there},
        "reply": {"ip": {"src": target, "dst": client}, "proto": back},
        "status": IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED | IPS_DST_NAT,
        "timeout": 100,
        **({"protoinfo": {"tcp": {"state": ESTABLISHED}}} if protocol == "tcp" else {}),
    }


def _listener(port: int) -> Object:
    """As `collect.sockets` reads it."""
    return {
        "protocol": 6,
        "family": 10,
        "state": 10,
        "src": "::",
        "sport": port,
        "dst": "::",
        "dport": 0,
        "if": 0,
        "rqueue": 0,
        "wqueue": 4096,
        "uid": 0,
        "inode": port,
    }
