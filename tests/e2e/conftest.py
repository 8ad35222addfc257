"""One cluster for all end-to-end tests of a session."""

from collections.abc import Iterator, Mapping

import pytest

from tests.e2e import cluster as clusters
from tests.e2e import collector_image, echo
from tests.e2e import workloads as workloads_module
from tests.e2e.binaries import OLD_VERSION
from tests.e2e.cluster import Cluster
from tests.e2e.flow import Place, places
from tests.e2e.skoop import Skoop
from tests.e2e.workloads import Workloads


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes, ready: `node2` has kube-proxy in nftables mode."""
    with clusters.running() as made:
        yield made


@pytest.fixture(scope="session")
def workloads(cluster: Cluster) -> Iterator[Workloads]:
    """Servers and clients, ready."""
    made = workloads_module.deployed(cluster)
    with echo.served((*made.web.values(), made.one)):
        yield made


@pytest.fixture(scope="session")
def where(cluster: Cluster, workloads: Workloads) -> Mapping[str, Place]:
    """Senders and receivers by their names in the tests."""
    return places(cluster, workloads)


@pytest.fixture(scope="session")
def old_cluster() -> Iterator[Cluster]:
    """The oldest Kubernetes that can be built, whole."""
    with clusters.running(version=OLD_VERSION) as made:
        yield made


@pytest.fixture(scope="session")
def old_where(old_cluster: Cluster) -> Mapping[str, Place]:
    """Senders and receivers in the old cluster; without UDP servers."""
    return places(old_cluster, workloads_module.deployed(old_cluster))


@pytest.fixture(scope="session")
def skoop(cluster: Cluster) -> Skoop:
    """The tool as the administrator runs it; the nodes have the collector's image."""
    cluster.import_image(collector_image.built())
    return Skoop(cluster.kubeconfig)


@pytest.fixture(scope="session")
def old_skoop(old_cluster: Cluster) -> Skoop:
    """The tool as the administrator of the old cluster runs it."""
    old_cluster.import_image(collector_image.built())
    return Skoop(old_cluster.kubeconfig)
