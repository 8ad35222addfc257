"""What policies cost: the whole connectivity and one question, at 1,000, 10,000 and 100,000 pods.

Prints a Markdown table for `docs/performance.md`; exit code 1 where a limit is passed.
"""

import gc
import platform
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.connectivity import connectivity
from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.evaluate import PolicySet, policy_set
from kubectl_skoop.cluster.policy.party import Surroundings, pod_party
from kubectl_skoop.cluster.policy.port import port_at
from kubectl_skoop.cluster.policy.question import ask

SIZES = (1_000, 10_000, 100_000)
PODS_A_NAMESPACE = 20
APPS = ("web", "api", "db", "cache")
SECONDS, MEGABYTES, MILLISECONDS = 10.0, 1024, 50.0
"""Limits at the largest size."""
QUESTIONS = 300


@dataclass(frozen=True, slots=True)
class Measured:
    pods: int
    policies: int
    classes: int
    load: float
    """Seconds of the processor (one thread) from objects in memory to compiled policies."""
    whole: float
    """Seconds of the whole connectivity."""
    question: float
    """Milliseconds, the slowest of some."""
    megabytes: int


def objects(pods: int) -> dict[str, tuple[Object, ...]]:
    """Namespaces with four workloads each; two policies a namespace."""
    spaces = [f"team-{number}" for number in range(pods // PODS_A_NAMESPACE)]
    return {
        "Namespace": tuple(_namespace(number, name) for number, name in enumerate(spaces)),
        "Pod": tuple(_pod(at, spaces[at // PODS_A_NAMESPACE]) for at in range(pods)),
        "Node": (),
        "NetworkPolicy": tuple(policy for name in spaces for policy in _policies(name)),
    }


def _namespace(number: int, name: str) -> Object:
    labels = {"kubernetes.io/metadata.name": name, "tier": ("front", "back", "data")[number % 3]}
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _pod(at: int, namespace: str) -> Object:
    app = APPS[at % len(APPS)]
    address = f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"{app}-{at}",
            "namespace": namespace,
            "labels": {"app": app, "pod-template-hash": f"{at:x}"},
            "ownerReferences": [{"kind": "StatefulSet", "name": app}],
        },
        "spec": {"nodeName": "n", "containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    }


def _policies(namespace: str) -> Iterator[Object]:
    """Ingress from the own namespace and from another tier; egress to it, to DNS and to an outer block."""
    chance = random.Random(namespace)
    app = chance.choice(APPS)
    port = chance.randrange(1, 65536)
    other = {"matchLabels": {"tier": chance.choice(("front", "back", "data"))}}
    ingress = [
        {"from": [{"podSelector": {}}]},
        {
            "from": [{"namespaceSelector": other, "podSelector": {"matchLabels": {"app": app}}}],
            "ports": [{"port": port}],
        },
    ]
    egress = [
        {"to": [{"podSelector": {}}, {"ipBlock": {"cidr": f"192.168.{chance.randrange(256)}.0/24"}}]},
        {"to": [{"namespaceSelector": {}}], "ports": [{"protocol": "UDP", "port": 53}]},
    ]
    yield _policy(namespace, "in", {"podSelector": {}, "ingress": ingress})
    selector = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": [app]}]}
    yield _policy(namespace, "out", {"podSelector": selector, "policyTypes": ["Egress"], "egress": egress})


def _policy(namespace: str, name: str, spec: dict[str, object]) -> Object:
    return {"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def measure(pods: int) -> Measured:
    gc.set_threshold(GARBAGE_THRESHOLD)
    cluster = Cluster(PlainObjects(objects(pods)))
    start = time.process_time()
    policies = policy_set(cluster)
    loaded = time.process_time()
    found = connectivity(cluster, policies)
    done = time.process_time()
    return Measured(
        pods,
        len(policies.policies),
        len(found.classes),
        loaded - start,
        done - loaded,
        _slowest(cluster, policies),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def _slowest(cluster: Cluster, policies: PolicySet) -> float:
    around = Surroundings.of(cluster)
    pods = cluster.pods()
    chance = random.Random(1)
    slowest = 0.0
    for _ in range(QUESTIONS):
        source, destination = chance.choice(pods), chance.choice(pods)
        start = time.process_time()
        ask(policies, pod_party(source, around), pod_party(destination, around), port_at(6, 80))
        slowest = max(slowest, time.process_time() - start)
    return slowest * 1000


def main() -> int:
    if len(sys.argv) > 1:
        found = measure(int(sys.argv[1]))
        print(
            f"| {found.pods:,} | {found.policies:,} | {found.classes:,} | {found.load:.1f} "
            f"| {found.whole:.1f} | {found.question:.2f} | {found.megabytes} |"
        )
        passed = (
            found.load + found.whole > SECONDS or found.question > MILLISECONDS or found.megabytes > MEGABYTES
        )
        return int(passed)
    print(f"Python {platform.python_version()}; a process for each size\n")
    print("| pods | policies | classes | load, s | whole, s | question, ms | memory, MB |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    codes = [
        subprocess.run([sys.executable, "-m", "tests.bench.policies", str(size)], check=False).returncode
        for size in SIZES
    ]
    if any(codes):
        print("error: a limit is passed", file=sys.stderr)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
