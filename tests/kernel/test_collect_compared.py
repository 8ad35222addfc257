"""What is decoded of a namespace is what other programs read; looking at it changes nothing."""

import json
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.collect.sysctls import read_sysctls
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_PERMANENT
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.decode.entry import entries
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix
from tests.kernel.decode_lab import (
    Lab,
    collected_lab,
)

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with collected_lab() as made:
        yield made


def test_the_same_routes_as_ip_prints(lab: Lab) -> None:
    """Compared while nothing changes: link-local routes come a second after their link."""

    def listed(family: str) -> list[tuple[str, int, int]]:
        text = lab.host.run("ip", "-N", "-j", family, "route", "show", "table", "all")
        return [(one["dst"], int(one.get("table", 254)), one.get("metric", 0)) for one in json.loads(text)]

    def key(destination: str, table: int, metric: int) -> tuple[str, int, int]:
        whole = {"default": "0.0.0.0/0"}.get(destination, destination)
        return str(ip_network(whole)), table, metric

    def by_ip() -> list[tuple[str, int, int]]:
        return sorted(key(*one) for family in ("-4", "-6") for one in listed(family))

    for _ in range(20):
        before = by_ip()
        dump = collect_node("n1", lab.host.path, {})
        if before == by_ip():
            break
        time.sleep(0.1)
    routes = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1")).routes
    assert sorted((str(one.destination), one.table, one.metric) for one in routes) == before
    assert len(routes) > 30


def test_the_same_links_and_neighbours_as_pyroute2_reads(lab: Lab) -> None:
    from pyroute2 import IPRoute

    with entered(lab.host.path), IPRoute() as reader:
        links = {
            (link["index"], link.get("ifname"), link.get("mtu"), link.get("address"), link["flags"])
            for link in reader.get_links()
        }
        stations = {
            (entry["ifindex"], entry.get("dst"), entry.get("lladdr"))
            for family in (socket.AF_INET, socket.AF_INET6)
            for entry in reader.get_neighbours(family=family)
            if entry["state"] == NUD_PERMANENT
        }
    assert links == {(one.index, one.name, one.mtu, one.mac, one.flags) for one in lab.ns.devices.values()}
    assert stations == {
        (one.device, str(one.address), one.mac)
        for one in lab.ns.neighbours
        if one.state == NUD_PERMANENT and not one.proxy
    }
    assert len(stations) == 2


@pytest.mark.parametrize("count", [1, 20, 25, 31, 32, 45, 46, 500])
def test_a_long_list_of_a_sysctl_is_read_to_its_end(count: int) -> None:
    """The kernel gives as many numbers as fit into what is asked for, and at another place nothing."""
    ports = ",".join(str(10001 + 2 * number) for number in range(count))
    fresh = Namespace(f"{lab_prefix()}long")
    create((fresh.name,))
    try:
        fresh.set_sysctls({"net.ipv4.ip_local_reserved_ports": ports})
        with entered(fresh.path):
            found = read_sysctls()
        assert found["net.ipv4.ip_local_reserved_ports"] == ports
    finally:
        delete((fresh.name,))


def test_collecting_leaves_a_fresh_namespace_unchanged() -> None:
    fresh = Namespace(f"{lab_prefix()}fresh")
    create((fresh.name,))
    try:
        before = what_is_loaded(fresh)
        dump = collect_node("n1", fresh.path, {})
        assert what_is_loaded(fresh) == before
        assert before["ip_tables_names"] == ""
        assert before["ruleset"] == ""
        assert dump.namespaces[0].tables["iptables-legacy"].data == ""
        assert connections_after_a_packet(fresh) == 0
    finally:
        delete((fresh.name,))


def connections_after_a_packet(namespace: Namespace) -> int:
    """Conntrack does not run where no rule asks for it (K-5); looking at it must not start it."""
    namespace.run("ip", "link", "set", "lo", "up")
    with entered(namespace.path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", 9))
    dump = collect_node("n1", namespace.path, {})
    return len(list(entries(dump.namespaces[0].tables["conntrack"].data, "$.conntrack")))


def what_is_loaded(namespace: Namespace) -> dict[str, str]:
    modules = Path("/proc/modules")
    with entered(namespace.path):
        files = {
            name: Path("/proc/thread-self/net", name).read_text()
            for name in (
                "ip_tables_names",
                "ip6_tables_names",
                "arp_tables_names",
                "dev",
                "route",
                "if_inet6",
            )
        }
    return {
        **files,
        "modules": modules.read_text() if modules.exists() else "",
        "ruleset": namespace.run("nft", "list", "ruleset"),
        "sets": namespace.run("ipset", "save"),
        "links": namespace.run("ip", "-d", "link"),
    }
