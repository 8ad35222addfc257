"""Snapshots of clusters of many nodes: `python -m tests.bench.live_scale [NODES …]` (root, Go; minutes).

The API server is real, with real Node and Pod objects. The nodes are hollow: a recorded dump stands for what
the collector on each of them would send, so what is measured is this program on the user's machine, a process
of its own for each size. Prints a Markdown table for `docs/performance.md`.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from kubernetes.client import (
    ApiClient,
    CoreV1Api,
    V1Container,
    V1ContainerPort,
    V1Node,
    V1ObjectMeta,
    V1Pod,
    V1PodSpec,
    V1ServiceAccount,
)

from kubectl_skoop.cluster.allow import BUILT_IN
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.kubeconfig import Access, configuration
from kubectl_skoop.collect.live.manifest import CollectorOptions
from kubectl_skoop.collect.live.run import Run
from kubectl_skoop.collect.live.source import live
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import write_node_dump
from kubectl_skoop.snapshot.source import open_snapshot
from tests.e2e import binaries, control_plane, slot, underlay

SIZES = (50, 500, 5000)
PODS = 5
"""On each node."""
WRITERS = 16
RECORDED = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"


@dataclass(slots=True)
class RecordedRun(Run):
    """Collectors whose dumps are there already."""

    dumps: Path = Path()

    def dump(self, node: str, pods: Sequence[Mapping[str, object]], conntrack: str, target: Path) -> float:
        copyfile(self.dumps / node, target)
        return time.time()

    def clean_up(self) -> None:
        """Nothing was made."""


def main(sizes: Sequence[int]) -> None:
    print("| nodes | pods | s | nodes a second | memory, MB | file, MB |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    programs = binaries.built(binaries.VERSION)
    with slot.taken() as place, ExitStack() as stack:
        underlay.build(place, 1)
        plane = control_plane.start(place, programs, [])
        stack.callback(plane.room.close)
        # They would find that no kubelet runs on these nodes.
        for name in ("kube-controller-manager", "kube-scheduler"):
            plane.room.daemons.pop(name).stop()
        with tempfile.TemporaryDirectory() as folder:
            made = 0
            for size in sizes:
                _make(plane.kubeconfig(), Path(folder), range(made, size))
                made = size
                command = [sys.executable, "-m", __spec__.name, "--measure", str(plane.kubeconfig()), folder]
                row = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                print(row.strip(), flush=True)


def measure(kubeconfig: str, folder: Path) -> None:
    """One row."""
    api = Api(Access(kubeconfig=kubeconfig))
    target = folder / "whole.skoop"
    began = time.monotonic()
    run = RecordedRun(api, CollectorOptions(image=""), dumps=folder)
    with live(run, BUILT_IN, keep=target) as cluster:
        listed = time.monotonic() - began
        cluster.collect(cluster.nodes)
        if cluster.failed:
            raise RuntimeError(f"not all could be read: {next(iter(cluster.failed.items()))}")
    took = time.monotonic() - began
    nodes = len(cluster.nodes)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = target.stat().st_size / 1e6
    seconds = f"{listed:.1f} + {took - listed:.1f}"
    print(f"| {nodes:,} | {nodes * PODS:,} | {seconds} | {nodes / took:.0f} | {memory:.0f} | {size:.1f} |")


def _make(kubeconfig: Path, folder: Path, numbers: range) -> None:
    settings = configuration(Access(kubeconfig=str(kubeconfig)))
    settings.connection_pool_maxsize = WRITERS
    api = CoreV1Api(ApiClient(settings))
    snapshot = open_snapshot(RECORDED)
    recorded = snapshot.node_dump(snapshot.nodes()[0])
    if isinstance(recorded, NotCollected):
        raise RuntimeError(str(recorded))
    if not numbers.start:
        account = V1ServiceAccount(metadata=V1ObjectMeta(name="default"))
        api.create_namespaced_service_account("default", account)
    with ThreadPoolExecutor(WRITERS) as workers:
        for _ in workers.map(lambda number: _node(api, number), numbers):
            pass
    for number in numbers:
        write_node_dump(recorded._replace(node=f"hollow{number}"), folder / f"hollow{number}")
    snapshot.close()


def _node(api: CoreV1Api, number: int) -> None:
    name = f"hollow{number}"
    address = f"10.{64 + number // 60_000}.{number // 250}.{number % 250 + 1}"
    api.create_node(V1Node(metadata=V1ObjectMeta(name=name)))
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    status = {"addresses": [{"type": "InternalIP", "address": address}], "conditions": [ready]}
    api.patch_node_status(name, {"status": status})
    for index in range(PODS):
        _pod(api, name, number * PODS + index)


def _pod(api: CoreV1Api, node: str, number: int) -> None:
    name = f"pod{number}"
    container = V1Container(name="web", image="web:1", ports=[V1ContainerPort(container_port=8080)])
    metadata = V1ObjectMeta(name=name, labels={"app": f"app{number % 100}"})
    spec = V1PodSpec(node_name=node, containers=[container], automount_service_account_token=False)
    api.create_namespaced_pod("default", V1Pod(metadata=metadata, spec=spec))
    address = f"10.{128 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
    status = {"phase": "Running", "podIP": address}
    api.patch_namespaced_pod_status(name, "default", {"status": status})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--measure", kubeconfig, folder]:
            measure(kubeconfig, Path(folder))
        case given:
            main(tuple(map(int, given)) or SIZES)
