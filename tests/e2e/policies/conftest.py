"""A cluster of its own: an agent that enforces policies leaves its rules on the nodes."""

from collections.abc import Iterator

import pytest

from tests.e2e import cluster as clusters
from tests.e2e.policies import agent as agents
from tests.e2e.policies import scene as scenes
from tests.e2e.policies.agent import Agent
from tests.e2e.policies.scene import Scene


@pytest.fixture(scope="session")
def scene() -> Iterator[Scene]:
    """Two nodes: kube-proxy is in nftables mode on `node2`."""
    with clusters.running(2) as cluster, scenes.built(cluster) as made:
        yield made


@pytest.fixture(scope="session")
def agent(scene: Scene) -> Agent:
    return agents.deployed(scene.cluster)
