"""A snapshot whose nodes were collected, but have nothing in them: names resolve, walks end as unknown."""

from pathlib import Path

import pytest
import yaml

from kubectl_skoop.snapshot.assemble import write_node_dump
from kubectl_skoop.snapshot.dump import NamespaceDump, NodeDump, Table
from tests.cli.run import skoop

NODES = ("n1", "n2")
PODS = {
    "a": ("default", "10.244.1.2", "n1"),
    "b": ("default", "10.244.2.2", "n2"),
    "c": ("shop", "10.244.2.3", "n2"),
}


def _objects() -> list[dict[str, object]]:
    nodes: list[dict[str, object]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "status": {"addresses": [{"type": "InternalIP", "address": f"10.0.0.{number}"}]},
        }
        for number, name in enumerate(NODES, start=1)
    ]
    pods: list[dict[str, object]] = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"nodeName": node},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
        }
        for name, (namespace, address, node) in PODS.items()
    ]
    service: dict[str, object] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "clusterIP": "10.96.0.10",
            "clusterIPs": ["10.96.0.10"],
            "ports": [
                {"name": "http", "port": 80, "protocol": "TCP"},
                {"name": "more", "port": 81, "protocol": "TCP"},
            ],
        },
    }
    return [*nodes, *pods, service]


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("objects") / "objects.yaml"
    path.write_text(yaml.safe_dump_all(_objects()), "utf-8")
    return path


@pytest.fixture(scope="session")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of each node: its own namespace and those of its pods, all tables absent but one."""
    folder = tmp_path_factory.mktemp("dumps")
    paths = {name: folder / f"{name}.dump" for name in NODES}
    for number, (name, path) in enumerate(paths.items(), start=1):
        pods = [f"{namespace}/{pod}" for pod, (namespace, _, node) in PODS.items() if node == name]
        tables = {"sysctls": Table(data={"net.ipv4.ip_forward": "1"})}
        namespaces = (
            NamespaceDump(id=f"4:{number}", kind="host", tables=tables),
            *(
                NamespaceDump(id=f"4:{number}{position}", kind="pod", pods=(pod,), tables=tables)
                for position, pod in enumerate(pods)
            ),
        )
        write_node_dump(NodeDump(node=name, time=0.0, kernel="6.1.0", namespaces=namespaces), path)
    return paths


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory, dumps: dict[str, Path], objects: Path) -> Path:
    path = tmp_path_factory.mktemp("snapshot") / "s.skoop"
    ran = skoop("snapshot", "-f", path, "--node-dump", *dumps.values(), "--objects", objects)
    assert (ran.code, ran.err) == (0, "")
    return path
