"""Temporary addresses of IPv6 as sources: which one the kernel chooses, by `use_tempaddr`."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import product

import pytest

from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import IFA_F_TEMPORARY
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, route_output
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix
from kubectl_skoop.testing.route_oracle import RouteOracle, read_state

pytestmark = pytest.mark.kernel

LINKS = """\
link set lo up
link add v0 type veth peer name p0
link add v1 type veth peer name p1
link set v0 up
link set p0 up
link set v1 up
link set p1 up
"""
ADDRESSES = """\
addr add fd00:1::1/64 dev v0 mngtmpaddr nodad
addr add 2001:db8:1::1/64 dev v0 mngtmpaddr nodad
addr add fd00:2::1/64 dev v1 mngtmpaddr nodad
addr add fd00:2::2/64 dev v1 nodad
route add fd00:9::/64 dev v0
route add 2001:db8:9::/64 dev v1
"""
DESTINATIONS = ("fd00:1::9", "2001:db8:1::9", "fd00:2::9", "fd00:9::9", "2001:db8:9::9")
PREFERENCES = (0, 1, 2)


@pytest.fixture(scope="module")
def host() -> Iterator[Namespace]:
    made = Namespace(f"{lab_prefix()}t")
    create([made.name])
    try:
        made.set_sysctls({f"net.ipv6.conf.{name}.accept_dad": 0 for name in ("all", "default")})
        made.run("ip", "-batch", "-", text=LINKS)
        made.set_sysctls({f"net.ipv6.conf.{device}.use_tempaddr": 2 for device in ("v0", "v1")})
        made.run("ip", "-6", "-batch", "-", text=ADDRESSES)
        yield made
    finally:
        delete([made.name])


def chosen(ns: NetworkNamespace, destination: str) -> str:
    way = route_output(Stack(ns, Choices()), FlowKey(dst=ip_address(destination)))
    assert isinstance(way, OutputRoute)
    return str(way.source)


@pytest.mark.parametrize(("v0", "v1"), list(product(PREFERENCES, repeat=2)))
def test_the_source_is_the_kernels(host: Namespace, v0: int, v1: int) -> None:
    host.set_sysctls({"net.ipv6.conf.v0.use_tempaddr": v0, "net.ipv6.conf.v1.use_tempaddr": v1})
    ns = read_state(host.path)
    temporary = [str(one.address) for one in ns.addresses if one.flags & IFA_F_TEMPORARY]
    assert len(temporary) == 3
    with RouteOracle(host.path) as oracle:
        asked = {to: oracle.ask_way(FlowKey(dst=ip_address(to))).route for to in DESTINATIONS}
    kernel = {to: str(route.prefsrc) for to, route in asked.items() if route is not None}
    assert {to: chosen(ns, to) for to in DESTINATIONS} == kernel
    assert any(source in temporary for source in kernel.values()) == (2 in (v0, v1))
