"""IPsec policies made by hand: what older agents told, and what is not modelled, is not guessed."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode.ipsec import decode_ipsec
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected
from kubectl_skoop.testing.trap_walk import walked
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
        ({"encap_type": 7, "encap_sport": 4500, "encap_dport": 4500}, "encap_type"),
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


IN_UDP = {**STATE, "encap_type": 2, "encap_sport": 4500, "encap_dport": 4500}


def in_udp(port: int, address: str = "0.0.0.0", **opens: object) -> dict[str, NetworkNamespace]:
    """b has a socket on the port."""
    hosts = sealed(IN_UDP, opens={**IN_UDP, **opens})
    daemon = Socket(protocol=17, state="unconnected", local=ip_address(address), port=port)
    hosts["b"] = replace(hosts["b"], sockets=(*hosts["b"].sockets, daemon))
    return hosts


def test_a_socket_on_the_port_of_the_state_is_assumed_to_take_esp_out_of_udp() -> None:
    assert walk(in_udp(4500), TCP) == SERVED
    assert walk(sealed(IN_UDP), TCP) == "timeout"
    (way,) = walked(Collected(in_udp(4500).values()), parse_flow(TCP))
    assumed = "the UDP socket 0.0.0.0:4500 takes ESP out (UDP_ENCAP), as a key daemon sets it"
    assert assumed in way.result.branch.assumptions


@pytest.mark.parametrize(
    ("address", "dport"), [("0.0.0.0", 4501), ("::", 4500)], ids=["another port", "IPv6"]
)
def test_of_another_socket_it_is_unknown_whether_it_does(address: str, dport: int) -> None:
    told = walk(in_udp(4500, address, encap_dport=dport), TCP)
    assert told.startswith("unknown: whether the UDP socket")


def test_what_is_longer_than_the_header_of_esp_may_be_taken_for_esp() -> None:
    assert walk(in_udp(4500), "a udp 10.2.0.2:4500") == SERVED
    assert walk(in_udp(4500), "a udp 10.2.0.2:4500 size=36") == SERVED
    assert "unless what they hold begins with four zeros" in walk(in_udp(4500), "a udp 10.2.0.2:4500 size=37")


def test_where_no_state_takes_it_out_of_udp_it_is_lost_whatever_the_socket_is() -> None:
    assert walk(in_udp(4500, "::", encap_type=0), TCP) == "timeout"
    assert walk(in_udp(4500, "::", spi=18), TCP) == "timeout"


def test_a_socket_with_a_policy_of_its_own_takes_what_others_get_transformed_only() -> None:
    wanted = policy("in", templates=1, transforms=[TEMPLATE])
    own = {**policy("socket-in"), "src": "0.0.0.0/0", "dst": "0.0.0.0/0"}
    for policies, told in (
        ([wanted, own], SERVED),
        ([wanted], "timeout"),
        ([wanted, {**own, "action": "block"}], "timeout"),
    ):
        hosts = in_udp(4500)
        hosts["b"] = replace(hosts["b"], ipsec=decode_ipsec({"policies": policies, "associations": [IN_UDP]}))
        assert walk(hosts, TCP) == told


AH = {**{name: value for name, value in STATE.items() if name != "aead"}, "proto": 51, "auth": "hmac(sha256)"}
AH_POLICY = policy("out", templates=1, transforms=[{**TEMPLATE, "proto": 51}])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, SERVED),
        ({"flags": 64}, "timeout"),
        ({"auth": "hmac(sha1)"}, "timeout"),
        ({"tag_bits": 96}, "timeout"),
    ],
    ids=["the same", "a shorter header", "another digest", "a shorter tag"],
)
def test_ah_is_opened_by_the_same_digest_and_length(changed: dict[str, object], told: str) -> None:
    hosts = network("a", AH_POLICY, associations=[AH])
    hosts["b"] = replace(hosts["b"], ipsec=decode_ipsec({"associations": [{**AH, **changed}]}))
    assert walk(hosts, TCP) == told


def test_ah_of_unknown_length_is_unknown() -> None:
    assert "how much longer" in walk(network("a", AH_POLICY, associations=[{**AH, "tag_bits": 0}]), TCP)
