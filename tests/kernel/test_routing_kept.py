"""Answers that a processor keeps with a nexthop object: IPv6 takes them for all routes by it."""

import os
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.lookup import Failed, lookup
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix
from kubectl_skoop.testing.route_oracle import RouteOracle, read_state

pytestmark = pytest.mark.kernel

ROUTES = """\
link set lo up
link add v0 type veth peer name p0
link set v0 up
link set p0 up
addr add fd00:1::1/64 dev v0 nodad
nexthop add id 1 via fd00:1::50 dev v0
rule add lookup 50 priority 5
rule add lookup 100 suppress_prefixlength 0 priority 10
route add default nhid 1 table 100
"""
LONG, ELSEWHERE = "fd00:9::9", "fd00:8::8"
OTHER = f"route add {LONG}/128 nhid 1 table 50\n"


@pytest.fixture
def one_processor() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def answers(text: str, asked: Sequence[str]) -> tuple[list[str], set[str]]:
    """The kernel's for the addresses, one after another; and all that the walk has for the last."""
    host = Namespace(f"{lab_prefix()}k")
    create([host.name])
    try:
        host.run("ip", "-6", "-batch", "-", text=text)
        ns = read_state(host.path)
        keys = [FlowKey(dst=ip_address(one)) for one in asked]
        with RouteOracle(host.path) as oracle:
            found = [oracle.ask(key).errno or "found" for key in keys]
        walked = set[str]()
        for script in ((0,), (1,)):
            stack = Stack(ns, Choices(script))
            way = lookup(stack, keys[-1])
            walked.add(way.errno if isinstance(way, Failed) else "found")
        return found, walked
    finally:
        delete([host.name])


@pytest.mark.usefixtures("one_processor")
def test_a_rule_suppresses_a_route_by_the_length_of_the_last_one_with_its_nexthop() -> None:
    alone, walked = answers(ROUTES, [ELSEWHERE])
    assert (alone, walked) == (["ENETUNREACH"], {"ENETUNREACH"})
    first, walked = answers(ROUTES + OTHER, [ELSEWHERE])
    then, _ = answers(ROUTES + OTHER, [LONG, ELSEWHERE])
    assert (first, then) == (["ENETUNREACH"], ["found", "found"])
    assert walked == {"ENETUNREACH", "found"}
