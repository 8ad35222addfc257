"""Kubernetes objects as a file has them: pods, services, slices, nodes, and policies of all kinds."""

from collections.abc import Iterator
from contextlib import suppress

from kubectl_skoop.cluster.allow import kind_of, prune
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.connectivity import connectivity
from kubectl_skoop.cluster.policy.ends import flows
from kubectl_skoop.cluster.policy.evaluate import policy_set
from kubectl_skoop.cluster.raw import Object, ref_of
from kubectl_skoop.cluster.workloads import WITH_WORKLOADS, with_template_pods
from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.report.connectivity.text import connectivity_text
from kubectl_skoop.report.connectivity.view import View
from tests.fuzzing.codec import JSON
from tests.fuzzing.object_examples import examples
from tests.fuzzing.printed import check_printed
from tests.fuzzing.target import Target


def run(data: bytes) -> None:
    """A list of objects. Raises: SkoopError."""
    value = JSON.read(data)
    by_kind: dict[str, list[Object]] = {}
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict) and kind_of(item, WITH_WORKLOADS) is not None:
            kept = prune(item, WITH_WORKLOADS)
            if kept is not None:
                by_kind.setdefault(ref_of(kept).kind, []).append(kept)
    cluster = Cluster(PlainObjects(with_template_pods(by_kind)))
    cluster.nodes()
    for service in cluster.services():
        for port in service.ports:
            cluster.backends(service, port)
    policies = policy_set(cluster)
    found = connectivity(cluster, policies)
    view = View(found, found.workloads, found.workloads, incoming=True, outgoing=True)
    check_printed(connectivity_text(view, explain=True, headers=True))
    for asked in (("shop/a", "shop/b", "80", "tcp", "shop"), ("shop/b", "svc/web", "http", "tcp", "shop")):
        with suppress(SkoopError):
            flows(cluster, policies, *asked)


def seeds() -> Iterator[bytes]:
    """All that there is, and each thing beside two pods: time goes by size."""
    found = examples()
    yield JSON.encode(found)
    world = [item for item in found if item["kind"] in ("Namespace", "Node", "Pod")]
    for item in found:
        if item not in world:
            yield JSON.encode([*world, item])


TARGET = Target(name="objects", run=run, seeds=seeds, codec=JSON)
