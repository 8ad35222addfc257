"""What Multus notes of a pod's networks."""

import json
from typing import Any

import pytest

from kubectl_skoop.cluster.addresses import addresses_of
from kubectl_skoop.cluster.pod import pod_info
from kubectl_skoop.cluster.secondary import OLD_STATUS, STATUS, SecondaryNetwork

OWN = {"name": "cbr0", "interface": "eth0", "ips": ["10.244.1.2"], "default": True}
SECOND = {"name": "shop/storage", "interface": "net1", "ips": ["172.20.0.1", "fd20::1"]}
READ = (SecondaryNetwork("shop/storage", "net1", ("172.20.0.1", "fd20::1")),)


def pod(value: str, key: str = STATUS) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "shop", "annotations": {key: value}},
        "status": {"phase": "Running", "podIP": "10.244.1.2"},
    }


@pytest.mark.parametrize("key", [STATUS, OLD_STATUS])
def test_networks_beside_the_primary_one_are_read(key: str) -> None:
    item = pod(json.dumps([OWN, SECOND]), key)
    assert pod_info(item).secondary == READ
    assert list(addresses_of("Pod", item)) == ["10.244.1.2", "172.20.0.1", "fd20::1"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param("[", id="no JSON"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param('{"name": "x"}', id="no list"),
        pytest.param("[1, null, []]", id="no entries"),
        pytest.param('[{"default": true, "ips": ["172.20.0.1"]}]', id="the primary one"),
    ],
)
def test_what_cannot_be_read_is_none(value: str) -> None:
    item = pod(value)
    assert pod_info(item).secondary == ()
    assert list(addresses_of("Pod", item)) == ["10.244.1.2"]


def test_addresses_that_are_none_lead_nowhere() -> None:
    item = pod(json.dumps([{"name": 7, "interface": None, "ips": ["x", 5, {}]}]))
    (network,) = pod_info(item).secondary
    assert (network.name, network.interface) == ("", "")
    assert list(addresses_of("Pod", item)) == ["10.244.1.2"]


def test_a_finished_pod_has_given_them_back() -> None:
    item = pod(json.dumps([SECOND]))
    item["status"]["phase"] = "Succeeded"
    assert list(addresses_of("Pod", item)) == []
