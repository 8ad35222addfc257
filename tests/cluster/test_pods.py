"""All pods of a cluster, read at once or by their namespaces."""

from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.pod import Sharing, pod_info
from kubectl_skoop.cluster.raw import Object


def pod(name: str, namespace: str = "shop", **labels: str) -> Object:
    containers = [{"name": "server", "ports": [{"containerPort": 8080}]}]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "n1", "containers": containers if labels else []},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.244.1.2"}]},
    }


PODS = [pod("a", app="web"), pod("b", app="web"), pod("c", app="db"), pod("d"), pod("e", "x"), pod("f", "x")]


def test_pods_that_are_alike_share_what_they_have() -> None:
    sharing = Sharing()
    shared = [sharing.pod_info(item) for item in PODS]
    assert shared == [pod_info(item) for item in PODS]
    first, second, other = shared[:3]
    assert first.labels is second.labels
    assert first.containers is second.containers is other.containers
    assert first.labels is not other.labels


def test_pods_are_the_same_whichever_way_they_are_asked_for() -> None:
    whole, parts = (Cluster(PlainObjects({"Pod": PODS})) for _ in range(2))
    keys = [one.key for one in whole.pods()]
    assert keys == ["shop/a", "shop/b", "shop/c", "shop/d", "x/e", "x/f"]
    for namespace in ("shop", "x", "nowhere"):
        assert whole.pods(namespace) == parts.pods(namespace)
    assert [whole.pod(key) for key in keys] == [parts.pod(key) for key in keys] == list(parts.pods())
