"""The networks that hold the addresses of a cluster."""

from ipaddress import IPv4Network, ip_address

import pytest

from kubectl_skoop.collect.live.relevant import NETWORKS, between, covering
from kubectl_skoop.collect.selection import Selection, parse_wanted


@pytest.mark.parametrize(
    ("written", "told"),
    [
        pytest.param([], "all", id="nothing is known"),
        pytest.param(["10.0.0.1", "10.0.0.9"], "10.0.0.1/32,10.0.0.9/32", id="two addresses"),
        pytest.param(["10.0.0.0/24", "10.0.0.9", "10.0.1.0/24"], "10.0.0.0/23", id="networks of nodes"),
        pytest.param(["10.0.0.1", "fd00::1"], "10.0.0.1/32,fd00::1/128", id="both families"),
        pytest.param(["n1.example", "", "10.0.0.1"], "10.0.0.1/32", id="a name among the addresses"),
    ],
)
def test_what_a_collector_is_told(written: list[str], told: str) -> None:
    assert between(written) == told
    parse_wanted(told)


def test_the_addresses_of_a_large_cluster_are_few_networks_that_hold_them_all() -> None:
    pods = [f"10.{128 + number // 250}.{number % 250}.{7 * number % 251}" for number in range(5000)]
    nodes = [f"192.168.{number % 20}.{number // 20}" for number in range(400)]
    told = between([*pods, *nodes, "203.0.113.9"])
    assert len(told.split(",")) <= NETWORKS
    selection = parse_wanted(told)
    assert isinstance(selection, Selection)
    outer = ip_address("198.51.100.1").packed
    for address in (*pods, *nodes, "203.0.113.9"):
        packed = ip_address(address).packed
        assert selection.covers(packed, packed)
        assert not selection.covers(packed, outer)


def test_a_prefix_is_no_shorter_than_needed() -> None:
    networks = [IPv4Network(f"10.{number}.0.{side}/32") for number in range(4) for side in (0, 2)]
    assert covering(networks, 8) == networks
    assert covering(networks, 7) == [IPv4Network(f"10.{number}.0.0/30") for number in range(4)]
    assert covering(networks, 1) == [IPv4Network("10.0.0.0/14")]
