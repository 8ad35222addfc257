"""Targets of a load balancer against what the service has, also by a policy that no cloud's cases have."""

from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.api import Context, Service
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.providers.registered import Expected, Registered
from kubectl_skoop.snapshot.source import open_snapshot

SNAPSHOT = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"
N1 = Registered("i-n1", ip_address("10.0.0.1"), 30080)
N2 = Registered("i-n2", ip_address("10.0.0.2"), 30080)
POD = Registered("10.244.2.2", ip_address("10.244.2.2"), 8080)


@pytest.fixture(scope="module")
def ctx() -> Iterator[Context]:
    """The one endpoint of the service `web` is on n2."""
    with closing(open_snapshot(SNAPSHOT)) as source:
        yield Context(source=source, cluster=Cluster(source), options=Options())


def told(ctx: Context, *found: Registered, policy: str = "Cluster") -> list[str]:
    web = ctx.cluster.service("default/web")
    service = Service(name="web", namespace="default", external_traffic_policy=policy)
    return [one.message for one in Expected("x", ctx).findings(service, web.ports[0], found)]


HEALTHY = {
    "nodes by the node port": (N1, N2),
    "pods by their own": (POD,),
    "one of the nodes, as a label may keep the other out": (N1,),
    "none": (),
}


@pytest.mark.parametrize("found", HEALTHY.values(), ids=HEALTHY)
def test_what_the_service_has_is_silent(ctx: Context, found: tuple[Registered, ...]) -> None:
    assert told(ctx, *found) == []


def test_for_local_a_node_with_an_endpoint_must_be_a_target(ctx: Context) -> None:
    assert told(ctx, N1, N2, policy="Local") == []
    assert told(ctx, POD, policy="Local") == []
    assert told(ctx, N1, policy="Local") == ["nodes with an endpoint are no targets for port 80: n2"]


def test_without_endpointslices_no_target_is_called_strange(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Registered("10.9.9.9", ip_address("10.9.9.9"), 8080)
    assert told(ctx, stranger) != []
    nobody_knows = NotCollected("objects/EndpointSlice", "forbidden")
    monkeypatch.setattr(Cluster, "unlisted", lambda cluster, service: nobody_knows)
    assert told(ctx, stranger) == told(ctx, N1, policy="Local") == []
