"""Writes what a real kube-router made of policies about ports and blocks in both families into
tests/data/kube-router/dual, for tests without one.

`python -m tests.e2e.policies.record_dual`, as root. No kubelet runs: its pods are objects with addresses.
kube-router 2.1.0 makes its sets of IPv6 as `inet6:NAME`, but asks for NAME, so ip6tables-restore refuses its
rules, and there are none of IPv6: `node1` has that. For `node1-mended` what it gives to ip6tables-restore is
changed to ask for `inet6:NAME`, as later versions do (policy.go, ipSetName).
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_skoop.cluster.allow import prune
from tests.cluster.policy.world import Fields
from tests.e2e import binaries
from tests.e2e.errors import ClusterError
from tests.e2e.policies.record import FOLDER, KINDS, own_rules
from tests.e2e.proxy import lab as labs
from tests.e2e.proxy.lab import KUBE_ROUTER, ProxyNode
from tests.e2e.proxy.record import kept, write
from tests.e2e.underlay import SERVICE_NETWORK

DUAL = FOLDER / "dual"
NODE = "node1"
SYNC_TIMEOUT = 60
RESTORE = """#!/bin/sh
sed 's/--match-set KUBE-/--match-set inet6:KUBE-/g' | /usr/sbin/ip6tables-restore "$@"
"""
TCP, UDP = "TCP", "UDP"


def _block(cidr: str, *but: str) -> Fields:
    return {"ipBlock": {"cidr": cidr, **({"except": list(but)} if but else {})}}


OF_Y = {"namespaceSelector": {"matchLabels": {"ns": "y"}}}
POLICIES: Mapping[str, Fields] = {
    "x/in": {
        "podSelector": {"matchLabels": {"pod": "a"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [OF_Y, _block("10.0.0.0/8", "10.244.9.0/24"), _block("fd00::/16", "fd00:0:9::/64")],
                "ports": [{"protocol": TCP, "port": 80}, {"protocol": UDP, "port": 81, "endPort": 90}],
            },
            {"from": [{"podSelector": {}}]},
        ],
    },
    "x/out": {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [_block("0.0.0.0/0"), _block("::/0", "fd00:0:8::/64")],
                "ports": [{"protocol": TCP, "port": 443}],
            },
            {"ports": [{"protocol": UDP, "port": 53}, {"protocol": TCP}]},
        ],
    },
    "y/open": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
    "y/named": {
        "podSelector": {"matchLabels": {"pod": "b"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [OF_Y], "ports": [{"protocol": TCP, "port": "web"}]}],
    },
}


def main() -> None:
    DUAL.mkdir(exist_ok=True)
    with labs.running([KUBE_ROUTER]) as lab:
        (host,) = (
            one["address"]
            for one in lab.kubectl.get("node", NODE)["status"]["addresses"]
            if one["type"] == "InternalIP"
        )
        labs.write(lab.kubectl, [*_objects(host)])
        node = lab.nodes[NODE]
        for name, families in ((NODE, 1), (f"{NODE}-mended", 2)):
            _start(node, mended=families > 1)
            _await(node, families)
            write(DUAL / f"{name}.gz", rules(node))
            node.room.daemons.pop("env").stop()
        found = json.loads(lab.kubectl("get", KINDS, "--all-namespaces", "-o", "json"))["items"]
        items = [{"apiVersion": item["apiVersion"], **(prune(item) or {})} for item in kept(found)]
        write(DUAL / "objects.json.gz", json.dumps(items, separators=(",", ":")))


def _start(node: ProxyNode, *, mended: bool) -> None:
    tools = node.room.folder / "tools"
    if mended:
        tools.mkdir()
        (tools / "ip6tables-restore").write_text(RESTORE)
        (tools / "ip6tables-restore").chmod(0o755)
    node.room.start(
        "env",
        f"PATH={tools}:/usr/sbin:/usr/bin:/sbin:/bin",
        str(binaries.kube_router_built()),
        f"--kubeconfig={node.kubeconfig}",
        f"--hostname-override={node.name}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--run-firewall=true",
        "--run-service-proxy=false",
        "--run-router=false",
        "--enable-ipv6=true",
    )


def _await(node: ProxyNode, families: int) -> None:
    end = time.monotonic() + SYNC_TIMEOUT
    while any("policy name: open namespace" not in text for text in _saved(node)[:families]):
        node.room.check()
        if time.monotonic() > end:
            raise ClusterError(f"{node.name}: no rule of policy open after {SYNC_TIMEOUT} s")
        time.sleep(1)


def _saved(node: ProxyNode) -> list[str]:
    return [node.room.run(tool, "-t", "filter") for tool in ("iptables-save", "ip6tables-save")]


def rules(node: ProxyNode) -> str:
    """The tables filter of both families, then the sets."""
    tables = [line for text in _saved(node) for line in own_rules(text)]
    return "\n".join((*tables, *node.room.run("ipset", "save").splitlines())) + "\n"


def _objects(host: str) -> Iterator[dict[str, Any]]:
    for number, space in enumerate("xy", start=1):
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": space, "labels": {"ns": space}},
        }
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named("default", space)}
        for at, name in enumerate("ab", start=1):
            yield _pod(name, space, 10 * number + at, host)
    for key, spec in POLICIES.items():
        space, _, name = key.partition("/")
        metadata = _named(name, space)
        yield {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": spec,
        }


def _named(name: str, namespace: str) -> dict[str, str]:
    return {"name": name, "namespace": namespace}


def _pod(name: str, namespace: str, number: int, host: str) -> dict[str, Any]:
    """`x/a` has the addresses that end with 11, `y/b` those with 22."""
    four, six = f"10.244.1.{number}", f"fd00:244:1::{number}"
    port = {"name": "web", "containerPort": 8080, "protocol": TCP}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**_named(name, namespace), "labels": {"pod": name}},
        "spec": {
            "nodeName": NODE,
            "automountServiceAccountToken": False,
            "containers": [{"name": "c", "image": "none", "ports": [port]}],
        },
        "status": {
            "phase": "Running",
            "hostIP": host,
            "hostIPs": [{"ip": host}],
            "podIP": four,
            "podIPs": [{"ip": four}, {"ip": six}],
        },
    }


if __name__ == "__main__":
    main()
