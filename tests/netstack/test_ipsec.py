"""IPsec policies made by hand: what older agents told, and what is not modelled, is not guessed."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.netstack.l4.socket_types import Socket
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


def test_what_is_transformed_is_unknown_to_older_agents_and_the_rest_is_not() -> None:
    hosts = network("a", policy("out", templates=1, protocol=17))
    assert walk(hosts, "a udp 10.2.0.2").startswith("unknown: IPsec policy")
    assert walk(hosts, TCP) == SERVED


TEMPLATE = {"src": "0.0.0.0", "dst": "0.0.0.0", "proto": 50, "mode": 0, "reqid": 1, "optional": False}
SEALED = policy("out", templates=1, transforms=[TEMPLATE])
STATE = {
    "src": "10.1.0.2",
    "dst": "10.2.0.2",
    "proto": 50,
    "spi": 17,
    "reqid": 1,
    "mode": 0,
    "aead": "rfc4106(gcm(aes))",
    "tag_bits": 128,
}


def sealed(*states: dict[str, object], opens: dict[str, object] | None = None) -> dict[str, NetworkNamespace]:
    """a seals by `states`, b has the first of them, or `opens`."""
    hosts = network("a", SEALED, states=len(states), associations=list(states))
    taken = [opens] if opens else list(states[:1])
    hosts["b"] = replace(hosts["b"], ipsec=decode_ipsec({"policies": [], "associations": taken}))
    return hosts


def test_a_state_at_both_ends_carries_the_packet() -> None:
    assert walk(sealed(STATE), TCP) == SERVED
    assert walk(sealed(), TCP) == "timeout"


def test_of_several_states_the_newest_is_taken() -> None:
    old, new = {**STATE, "spi": 16, "created": 5}, {**STATE, "created": 7}
    assert walk(sealed(new, old), TCP) == SERVED
    assert walk(sealed(old, new), TCP) == "timeout"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"encap_type": 2}, "encap_type"),
        ({"if_id": 3}, "if_id"),
        ({"offload": 1}, "offload"),
        ({"used_up": 1}, "used_up"),
        ({"flags": 8}, "wildrecv"),
        ({"dir": 1}, "its direction"),
        ({"aead": "rfc4106(gcm(sm4))"}, "how much longer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_state_that_is_not_modelled_is_unknown(changed: dict[str, object], reason: str) -> None:
    told = walk(sealed({**STATE, **changed}), TCP)
    assert told.startswith("unknown: IPsec state")
    assert reason in told


@pytest.mark.parametrize(
    ("changed", "reason"), [({"encap_type": 2}, "encap_type"), ({"dir": 2}, "its direction")]
)
def test_nor_is_one_at_the_receiver(changed: dict[str, object], reason: str) -> None:
    told = walk(sealed(STATE, opens={**STATE, **changed}), TCP)
    assert told.startswith("unknown: IPsec state")
    assert reason in told


def test_states_that_were_only_counted_are_unknown() -> None:
    hosts = network("a", SEALED, states=1)
    assert "was not collected" in walk(hosts, TCP)
    hosts = sealed(STATE)
    hosts["b"] = replace(hosts["b"], ipsec=decode_ipsec({"policies": [], "states": 1}))
    assert "was not collected" in walk(hosts, TCP)


def test_a_daemon_may_negotiate_what_is_missing() -> None:
    hosts = sealed()
    ike = Socket(protocol=17, state="unconnected", local=ip_address("0.0.0.0"), port=500)
    hosts["a"] = replace(hosts["a"], sockets=(ike,))
    assert "may negotiate" in walk(hosts, TCP)


def test_two_transformations_are_unknown() -> None:
    compressed = {**TEMPLATE, "proto": 108}
    hosts = network("a", policy("out", templates=2, transforms=[compressed, TEMPLATE]), associations=[STATE])
    assert "protocol 108" in walk(hosts, TCP)
    hosts = network("a", policy("out", templates=2, transforms=[TEMPLATE, TEMPLATE]), associations=[STATE])
    assert "more than once" in walk(hosts, TCP)
