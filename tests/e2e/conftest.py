"""One cluster for all end-to-end tests of a session."""

from collections.abc import Iterator

import pytest

from tests.e2e import cluster as clusters
from tests.e2e import workloads as workloads_module
from tests.e2e.cluster import Cluster
from tests.e2e.workloads import Workloads


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes, ready: `node2` has kube-proxy in nftables mode."""
    with clusters.running() as made:
        yield made


@pytest.fixture(scope="session")
def workloads(cluster: Cluster) -> Workloads:
    """Servers and clients, ready."""
    return workloads_module.deployed(cluster)
