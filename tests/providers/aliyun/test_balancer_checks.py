"""What guards the way to a load balancer and on: each row changes one thing of a healthy one."""

from collections.abc import Callable, Sequence

import pytest

from kubectl_skoop.api import Suspicion
from tests.providers.aliyun.balanced import (
    CLASSIC,
    Row,
    answers,
    balanced,
    come_back,
    enter_classic,
    enter_network,
    go_on,
    guarded,
    listed,
    sick,
)
from tests.providers.aliyun.vpc import (
    Answers,
    group,
    packet,
    rule,
    shim,
)

HEALTHY = {
    "to a CLB": enter_classic,
    "to an NLB": enter_network,
    "on to a node": go_on,
    "and back": come_back,
}


@pytest.mark.parametrize("ask", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_way_is_silent(ask: Callable[[Answers], Sequence[Suspicion]]) -> None:
    assert ask(balanced()) == []


LETS_IN: dict[str, tuple[Callable[[Answers], Sequence[Suspicion]], Callable[[Answers], object]]] = {
    "a white list with the client": (enter_classic, lambda found: listed(found, "white", "203.0.113.0/24")),
    "a white list with the client on the one page that is there": (
        enter_classic,
        lambda found: listed(found, "white", "203.0.113.0/24")["acl"].update(TotalAclEntry=12),
    ),
    "a black list without the client": (enter_classic, lambda found: listed(found, "black", "192.0.2.0/24")),
    "an empty white list": (enter_classic, lambda found: listed(found, "white")),
    "a list that is off": (
        enter_classic,
        lambda found: listed(found, "black", "0.0.0.0/0")["classic listener"].update(AclStatus="off"),
    ),
    "a group of an NLB without a rule": (enter_network, guarded),
    "a client of the VPC asks an internal one": (
        lambda found: shim(answers(found)).external_to_load_balancer(packet("10.0.9.9", CLASSIC)),
        lambda found: found["classic"].update(AddressType="intranet"),
    ),
}


@pytest.mark.parametrize(("ask", "change"), LETS_IN.values(), ids=LETS_IN)
def test_what_lets_in_is_silent(
    ask: Callable[[Answers], Sequence[Suspicion]], change: Callable[[Answers], object]
) -> None:
    found = balanced()
    change(found)
    assert ask(found) == []


ROWS: dict[str, Row] = {
    "a CLB is stopped": (
        enter_classic,
        lambda found: found["classic"].update(LoadBalancerStatus="inactive"),
        "aliyun.balancer.state",
        "web is inactive",
    ),
    "an NLB is being made": (
        enter_network,
        lambda found: found["network"].update(LoadBalancerStatus="Provisioning"),
        "aliyun.balancer.state",
        "net is provisioning",
    ),
    "it is internal": (
        enter_classic,
        lambda found: found["classic"].update(AddressType="intranet"),
        "aliyun.balancer.internal",
        "203.0.113.7 has no way to it",
    ),
    "a CLB has no listener for the port": (
        enter_classic,
        lambda found: found["classic listener"].update(ListenerPort=81),
        "aliyun.balancer.listener",
        "the load balancer web has no listener for tcp 80 | listeners: tcp 81",
    ),
    "an NLB has no listener for the port": (
        enter_network,
        lambda found: found["network listener"].update(ListenerPort=0, StartPort="100", EndPort="200"),
        "aliyun.balancer.listener",
        "the load balancer net has no listener for tcp 80 | listeners: tcp 100-200",
    ),
    "the listener is stopped": (
        enter_classic,
        lambda found: found["classic listener"].update(Status="stopped"),
        "aliyun.balancer.listener",
        "the listener for tcp 80 of web is stopped",
    ),
    "the listener of an NLB is stopping": (
        enter_network,
        lambda found: found["network listener"].update(ListenerStatus="Stopping"),
        "aliyun.balancer.listener",
        "the listener for tcp 80 of net is Stopping",
    ),
    "the client is not on the white list": (
        enter_classic,
        lambda found: listed(found, "white", "192.0.2.0/24"),
        "aliyun.balancer.access",
        "203.0.113.7 is not on the white list acl-1 of the listener 80 of web | 192.0.2.0/24",
    ),
    "the client is on the black list": (
        enter_classic,
        lambda found: listed(found, "black", "203.0.113.7/32"),
        "aliyun.balancer.access",
        "is on the black list acl-1",
    ),
    "the list was not collected": (
        enter_classic,
        lambda found: listed(found, "white").pop("acl"),
        "aliyun.unknown",
        "acl-1 is not known: no AccessControlLists",
    ),
    "the list lacks a page": (
        enter_classic,
        lambda found: listed(found, "white", "192.0.2.0/24")["acl"].update(TotalAclEntry=12),
        "aliyun.unknown",
        "AccessControlLists: the answers lack 11 of what they say there is",
    ),
    "a group of an NLB drops the client": (
        enter_network,
        lambda found: guarded(found, rule("203.0.113.0/24", Policy="Drop", Priority="100")),
        "aliyun.security-group.ingress",
        "the security groups of net drop tcp 80 from 203.0.113.7 | sg-lb (lb) ingress 100: drop all",
    ),
    "a server of a CLB is not healthy": (
        enter_classic,
        sick,
        "aliyun.balancer.unhealthy",
        "1 of 2 servers of web are not healthy | i-n1:30080 abnormal",
    ),
    "a server of an NLB is not healthy": (
        enter_network,
        sick,
        "aliyun.balancer.unhealthy",
        "1 of 2 servers of net are not healthy | i-n1:30080 unhealthy",
    ),
    "the server's groups would drop it": (
        go_on,
        lambda found: found["groups"].clear() or found["groups"].append(group("sg-nodes")),
        "aliyun.unknown",
        "whether security groups are asked for what a load balancer forwards is not documented",
    ),
    "the server's vSwitch has a network ACL": (
        come_back,
        lambda found: found["VSwitches"]["VSwitch"][1].update(NetworkAclId="nacl-1"),
        "aliyun.unknown",
        "the network ACL of vsw-b: nacl-1 is not known: no NetworkAcls of Alibaba Cloud were collected",
    ),
}


@pytest.mark.parametrize(("ask", "change", "code", "words"), ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(
    ask: Callable[[Answers], Sequence[Suspicion]],
    change: Callable[[Answers], object],
    code: str,
    words: str,
) -> None:
    found = balanced()
    change(found)
    (finding,) = ask(found)
    assert finding.code == code, finding
    assert words in " | ".join((finding.message, *finding.evidence))
    expected = {"aliyun.unknown": "unknown", "aliyun.balancer.unhealthy": ""}
    assert finding.effect == expected.get(code, "stops")
    assert (finding.evidence and finding.remedy) or code == "aliyun.unknown"
