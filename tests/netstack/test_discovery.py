"""Who answers neighbour solicitations, and which entries are used (the kernel is asked in tests/kernel)."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_address, ip_network

import pytest

from kubectl_skoop.netstack.device import IFA_F_DADFAILED, IFA_F_OPTIMISTIC, IFA_F_TENTATIVE
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.discovery import solicited_group
from kubectl_skoop.netstack.neighbours.neighbour import group_mac
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NUD_FAILED,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_PERMANENT,
    NUD_REACHABLE,
    NUD_STALE,
    Neighbour,
)
from kubectl_skoop.netstack.routing.types import TABLE_LOCAL, Nexthop, Route
from kubectl_skoop.netstack.sysctl import Sysctls
from tests.netstack.builders import End, bridged6, changed, host, mac, port, routed6, walk, with_sysctl

TCP = "a tcp [fd02::2]:80"
SERVED, LOST = "answer, b sees fd01::2", "no route to host"
BEHIND = "no route to host, icmp 1/3 from fd01::1"
PROXIED = ip_address("fd01::77")
ASKED = "a tcp [fd01::77]:80"
FORWARDED = "no route to host, icmp 1/3 from fd01::1"
"""r answered, and then found nobody itself."""


def test_groups_and_their_macs() -> None:
    group = solicited_group(IPv6Address("fd01::12:3456"))
    assert (str(group), group_mac(group)) == ("ff02::1:ff12:3456", "33:33:ff:12:34:56")
    assert group_mac(ip_address("239.129.2.3")) == "01:00:5e:01:02:03"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(0, SERVED, id="in use"),
        pytest.param(IFA_F_TENTATIVE, BEHIND, id="tentative"),
        pytest.param(IFA_F_TENTATIVE | IFA_F_DADFAILED, BEHIND, id="detection failed"),
        pytest.param(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, SERVED, id="optimistic"),
    ],
)
def test_an_address_of_the_server(flags: int, expected: str) -> None:
    hosts = routed6()
    addresses = tuple(
        entry._replace(flags=flags if str(entry.address) == "fd02::2" else 0)
        for entry in hosts["b"].addresses
    )
    assert walk(changed(hosts, "b", addresses=addresses), "a udp [fd02::2]:53") in (
        {expected} if expected == SERVED else {"timeout, icmp 1/3 from fd01::1"}
    )


@pytest.mark.parametrize(
    ("state", "lladdr", "expected"),
    [
        pytest.param(NUD_FAILED, "", SERVED, id="a failed one is asked for again"),
        pytest.param(NUD_INCOMPLETE, "", SERVED, id="one that is being asked for"),
        pytest.param(NUD_STALE, mac("x", 9), "timeout", id="a stale one is used, right or wrong"),
        pytest.param(NUD_REACHABLE, mac("x", 9), "timeout", id="a reachable one"),
        pytest.param(NUD_PERMANENT, mac("x", 9), "timeout", id="a permanent one"),
        pytest.param(NUD_NOARP, mac("r", 2), SERVED, id="one without discovery"),
    ],
)
def test_an_entry_of_the_client(state: int, lladdr: str, expected: str) -> None:
    entry = Neighbour(device=2, address=ip_address("fd01::1"), mac=lladdr, state=state)
    assert walk(changed(routed6(), "a", neighbours=(entry,)), TCP) == expected


@pytest.mark.parametrize(
    ("lladdr", "expected"),
    [pytest.param(mac("x", 9), LOST, id="of another"), pytest.param(mac("a", 2), SERVED, id="of the asker")],
)
def test_the_answer_goes_to_the_configured_mac(lladdr: str, expected: str) -> None:
    entry = Neighbour(device=2, address=ip_address("fd01::2"), mac=lladdr, state=NUD_PERMANENT)
    assert walk(changed(routed6(), "r", neighbours=(entry,)), TCP) == expected


@pytest.mark.parametrize(
    ("device", "settings", "expected"),
    [
        pytest.param(2, {}, LOST, id="an entry alone"),
        pytest.param(None, {"net.ipv6.conf.p0.proxy_ndp": "1"}, LOST, id="proxy_ndp alone"),
        pytest.param(2, {"net.ipv6.conf.p0.proxy_ndp": "1"}, FORWARDED, id="both"),
        pytest.param(2, {"net.ipv6.conf.all.proxy_ndp": "1"}, FORWARDED, id="proxy_ndp of all"),
        pytest.param(3, {"net.ipv6.conf.p0.proxy_ndp": "1"}, LOST, id="an entry of another device"),
        pytest.param(
            2,
            {"net.ipv6.conf.p0.proxy_ndp": "1", "net.ipv6.conf.p0.forwarding": "0"},
            LOST,
            id="the device does not forward",
        ),
    ],
)
def test_a_proxy(device: int | None, settings: Mapping[str, str], expected: str) -> None:
    hosts = with_sysctl(routed6(), "r", settings)
    behind = Route(destination=ip_network("fd01::77/128"), nexthops=(Nexthop(device=3),))
    entries = () if device is None else (Neighbour(device=device, address=PROXIED, proxy=True),)
    assert (
        walk(changed(hosts, "r", routes=(*hosts["r"].routes, behind), neighbours=entries), ASKED) == expected
    )


def test_a_router_answers_for_the_anycast_address() -> None:
    hosts = routed6()
    anycast = Route(
        destination=ip_network("fd01::/128"), table=TABLE_LOCAL, type="anycast", nexthops=(Nexthop(device=2),)
    )
    assert walk(hosts, "a icmp [fd01::]") == LOST
    assert walk(changed(hosts, "r", routes=(*hosts["r"].routes, anycast)), "a icmp [fd01::]") == "answer"


def without_addresses(
    hosts: dict[str, NetworkNamespace], name: str, *texts: str
) -> dict[str, NetworkNamespace]:
    kept = tuple(entry for entry in hosts[name].addresses if str(entry.address) not in texts)
    assert len(kept) == len(hosts[name].addresses) - len(texts)
    return changed(hosts, name, addresses=kept)


def test_a_router_without_a_link_local_address_asks_nobody() -> None:
    hosts = without_addresses(routed6(), "r", "fe80::72:3")
    assert walk(hosts, TCP) == BEHIND
    assert walk(hosts, "r tcp [fd02::2]:80") == "answer, b sees fd02::1"


@pytest.mark.parametrize(
    ("name", "table"),
    [("a", "addresses"), ("a", "neighbours"), ("r", "addresses"), ("r", "routes"), ("r", "proxy_neighbours")],
)
def test_what_was_not_read_is_not_guessed(name: str, table: str) -> None:
    hosts = routed6()
    empty: dict[str, Sequence[object]] = {"addresses": ()} if table == "addresses" else {}
    hosts = changed(hosts, name, gaps={table: "not permitted"}, **empty)
    told = walk(hosts, "a tcp [fd01::99]:80")
    assert told.startswith("unknown: ")
    assert f"{table} of pod/lab/{name} could not be read" in told


def test_ipv6_is_off_where_it_cannot_be_read() -> None:
    hosts = routed6()
    sysctls = Sysctls(hosts["r"].sysctls.values, {"net.ipv6.conf.p0.disable_ipv6": "not permitted"})
    assert walk(changed(hosts, "r", sysctls=sysctls), TCP).startswith(
        "unknown: net.ipv6.conf.p0.disable_ipv6"
    )


def test_a_device_without_a_route_for_groups_hears_no_question() -> None:
    hosts = routed6()
    kept = [route for route in hosts["b"].routes if route.type != "multicast"]
    assert walk(changed(hosts, "b", routes=tuple(kept)), TCP) == BEHIND


def test_two_answers_for_one_address() -> None:
    """The first gets the SYN, but which one counts for later packets is a matter of time."""
    hosts = bridged6()
    twin = host("c", End(name="eth0", index=2, peer=("r", 4), address="fd01::3/64"))
    assert walk(hosts, "a tcp [fd01::3]:80") == "answer, b sees fd01::2"
    both = changed({**hosts, "c": twin}, "b", sockets=())
    assert walk(both, "a tcp [fd01::3]:80").startswith("unknown: two answer for fd01::3 on eth0")
    assert walk(without_addresses(both, "b", "fd01::3"), "a tcp [fd01::3]:80") == "answer, c sees fd01::2"
    assert walk(without_addresses(both, "c", "fd01::3"), "a tcp [fd01::3]:80") == "connection refused"


@pytest.mark.parametrize(
    ("index", "settings", "expected"),
    [
        pytest.param(3, {"multicast_flood": False}, LOST, id="no multicasts"),
        pytest.param(3, {"broadcast_flood": False}, "answer, b sees fd01::2", id="no broadcasts"),
        pytest.param(4, {"multicast_flood": False}, "answer, b sees fd01::2", id="no multicasts elsewhere"),
    ],
)
def test_a_bridge_port(index: int, settings: Mapping[str, bool], expected: str) -> None:
    assert walk(port(bridged6(), index, **settings), "a tcp [fd01::3]:80") == expected
