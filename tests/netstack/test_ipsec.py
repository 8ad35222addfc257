"""IPsec policies made by hand: what older agents told, and what is not modelled, is not guessed."""

from dataclasses import replace

import pytest

from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode.ipsec import decode_ipsec
from tests.netstack.builders import routed, walk

TCP, SERVED = "a tcp 10.2.0.2", "answer, b sees 10.1.0.2"


def network(host: str, *policies: dict[str, object], **more: object) -> dict[str, NetworkNamespace]:
    hosts = routed()
    hosts[host] = replace(hosts[host], ipsec=decode_ipsec({"policies": list(policies), **more}))
    return hosts


def policy(direction: str, **settings: object) -> dict[str, object]:
    ends = {"src": "10.1.0.0/16", "dst": "10.2.0.0/16", "direction": direction}
    return {**ends, "templates": 0, "action": "allow", **settings}


def test_the_newest_of_equal_policies_is_listed_first_and_asked_last() -> None:
    newest, oldest = policy("in", action="block"), policy("in")
    assert walk(network("b", newest, oldest), TCP) == SERVED
    assert walk(network("b", oldest, newest), TCP) == "timeout"


def test_what_an_older_agent_told_says_only_whom_a_policy_selects() -> None:
    old: dict[str, object] = {
        "src": "10.1.0.0/16",
        "dst": "10.2.0.0/16",
        "direction": "out",
        "action": "allow",
    }
    assert "unknown: " in walk(network("a", old), TCP)
    assert "unknown: " in walk(network("a", {**old, "action": "block"}), TCP)
    assert walk(network("a", {**old, "dst": "10.3.0.0/16"}), TCP) == SERVED


@pytest.mark.parametrize("what", ["mark", "if_id", "ifindex", "type"])
def test_a_policy_that_selects_by_more_is_unknown_where_it_would_decide(what: str) -> None:
    told = walk(network("b", policy("in", action="block", **{what: 3})), TCP)
    assert told.startswith("unknown: IPsec policy")
    assert what in told


def test_what_is_transformed_is_unknown_and_the_rest_is_not() -> None:
    hosts = network("a", policy("out", templates=1, protocol=17))
    assert walk(hosts, "a udp 10.2.0.2").startswith("unknown: IPsec transforms")
    assert walk(hosts, TCP) == SERVED
