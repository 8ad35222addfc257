"""Pods that are not as others: with a second network, or from a file on the node."""

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.flow import Flow, Place, eventually, send
from tests.e2e.node_files import STATIC_PODS
from tests.e2e.probe import ANSWER, NO_ROUTE, SILENCE
from tests.e2e.skoop import Skoop, question
from tests.e2e.workloads import WEB_IMAGE

pytestmark = pytest.mark.e2e

Where = Mapping[str, Place]
SECOND = Flow("client.node1", "second")
"""To the other pod's address in the second network."""
ADDRESSES = {"client.node1": "172.31.0.1", "one": "172.31.0.2"}


@pytest.fixture
def second(where: Where) -> Iterator[Where]:
    """A second bridge on node1 with two pods on it, as Multus leaves them; no object knows of it."""
    node = where["node1"].namespace
    assert node is not None
    lines = ["link add second0 type bridge", "link set second0 up"]
    for number, name in enumerate(ADDRESSES):
        pod = where[name].pod
        assert pod is not None
        lines += [
            f"link add second-{number} type veth peer name net1 netns {pod.pid}",
            f"link set second-{number} master second0 up",
        ]
    node.run("ip", "-batch", "-", text="\n".join(lines))
    try:
        for name, address in ADDRESSES.items():
            namespace = where[name].namespace
            assert namespace is not None
            namespace.run("ip", "-batch", "-", text=f"address add {address}/24 dev net1\nlink set net1 up")
        yield {**where, "second": Place(ADDRESSES["one"], ADDRESSES["one"])}
    finally:
        node.run("ip", "link", "delete", "second0")
        for number in range(len(ADDRESSES)):
            node.run("ip", "link", "delete", f"second-{number}")


def test_an_address_in_a_second_network_is_reached_by_its_own_device(second: Where, skoop: Skoop) -> None:
    words = [*question(SECOND, second["client.node1"], second["second"]), "-o", "json"]
    # A new port of a bridge forwards when its carrier has been noticed.
    assert eventually(lambda: send(SECOND, second).symptom, (ANSWER,)) == ANSWER
    assert send(SECOND, second).source == ADDRESSES["client.node1"]
    diagnosis = skoop.collecting(*words).json
    assert diagnosis["verdict"] == "reachable", diagnosis["headline"]
    nodes = diagnosis["path"]["nodes"]
    assert [node["name"] for node in nodes] == [
        second[name].reference.removeprefix("pod/").removeprefix("node/")
        for name in ("client.node1", "node1", "one")
    ]
    assert "net1" in json.dumps(nodes[0])


def test_a_second_network_that_is_broken_is_unreachable(second: Where, skoop: Skoop) -> None:
    node = second["node1"].namespace
    assert node is not None
    node.run("ip", "link", "set", "second-1", "nomaster")
    broken = (SILENCE, NO_ROUTE)
    assert eventually(lambda: send(SECOND, second).symptom, broken) in broken
    words = question(SECOND, second["client.node1"], second["second"])
    diagnosis = skoop.collecting(*words, "-o", "json").json
    assert diagnosis["verdict"] == "unreachable", diagnosis["headline"]


def test_a_static_pod_is_found_by_the_hash_of_its_file(cluster: Cluster, skoop: Skoop, where: Where) -> None:
    node, name = cluster.nodes["node2"], "still-node2"
    container = {"name": "web", "image": WEB_IMAGE, "imagePullPolicy": "Never"}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "still"}, "spec": spec}
    file = f"{STATIC_PODS}/still.json"
    node.run("tee", file, text=json.dumps(pod))
    try:
        for condition in ("create", "condition=Ready"):
            cluster.kubectl("wait", f"--for={condition}", f"pod/{name}", "--timeout=180s")
        address = cluster.kubectl.get("pod", name)["status"]["podIP"]
        there = {**where, "still": Place(f"pod/default/{name}", address)}
        assert eventually(lambda: send(Flow("client.node1", "still"), there).symptom, (ANSWER,)) == ANSWER
        for source, target in (("client.node1", "still"), ("still", "client.node1")):
            words = question(Flow(source, target), there[source], there[target])
            diagnosis = skoop.collecting(*words, "-o", "json").json
            assert diagnosis["verdict"] == "reachable", diagnosis["headline"]
    finally:
        node.run("rm", file)
        cluster.kubectl("wait", "--for=delete", f"pod/{name}", "--timeout=180s")
