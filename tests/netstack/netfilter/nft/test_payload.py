"""Header fields of packets that do not have them: what nft reads instead, and what can be told of it."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.netstack.netfilter.outcome import Dropped, Stolen

Make = Callable[..., Any]
ADDRESSES = ("10.77.1.2", "10.77.2.2")
PING = Packet(
    src=ip_address(ADDRESSES[0]),
    dst=ip_address(ADDRESSES[1]),
    protocol=Protocol.ICMP,
    icmp_type=8,
    icmp_code=0,
)
ESP = Packet(src=ip_address(ADDRESSES[0]), dst=ip_address(ADDRESSES[1]), protocol=50)
LATER_FRAGMENT = Packet(
    src=ip_address(ADDRESSES[0]), dst=ip_address(ADDRESSES[1]), protocol=Protocol.UDP, fragment_offset=1200
)


def payload(protocol: str, field: str) -> dict[str, object]:
    return {"payload": {"protocol": protocol, "field": field}}


DPORT = payload("th", "dport")
SERVICE = {"concat": [payload("ip", "daddr"), {"meta": {"key": "l4proto"}}, DPORT]}


def match(left: object, right: object, operator: str = "==") -> dict[str, object]:
    return {"match": {"op": operator, "left": left, "right": right}}


def service(address: str, protocol: str, port: object) -> dict[str, object]:
    return {"concat": [address, protocol, port]}


def verdicts(*keys: object) -> dict[str, object]:
    return {"vmap": {"key": SERVICE, "data": {"set": [[key, {"drop": None}] for key in keys]}}}


CASES: dict[str, tuple[Packet, dict[str, object], bool | None]] = {
    "a ping's checksum may be in a range of ports": (PING, match(DPORT, {"range": [8080, 65535]}), None),
    "a ping's checksum may be out of a range of ports": (PING, match(DPORT, {"range": [1, 99]}, "!="), None),
    "a ping's checksum may be a port": (PING, match(DPORT, 80), None),
    "a ping's checksum may be in a set of ports": (PING, match(DPORT, {"set": [80, 443]}), None),
    "a ping's checksum may be below a port": (PING, match(DPORT, 80, "<"), None),
    "a ping's type and code are the first word": (PING, match(payload("th", "sport"), 8 << 8), True),
    "a ping's type and code are no other port": (PING, match(payload("th", "sport"), 8), False),
    "a ping has no TCP port": (PING, match(payload("tcp", "dport"), {"range": [0, 65535]}), False),
    "ESP has something in the place of the ports": (ESP, match(payload("th", "sport"), 80), None),
    "a ping is none of the services of its address": (
        PING,
        verdicts(service(ADDRESSES[1], "tcp", 80)),
        False,
    ),
    "a ping to a service of all protocols": (PING, verdicts(service(ADDRESSES[1], "icmp", 80)), None),
    "a ping to a range of ports of other protocols": (
        PING,
        verdicts(service(ADDRESSES[1], "udp", {"range": [1, 65535]})),
        False,
    ),
    "a ping to a range of ports of its protocol": (
        PING,
        match(SERVICE, {"set": [service(ADDRESSES[1], "icmp", {"range": [1, 65535]})]}),
        None,
    ),
    "a ping is not in a set for other addresses": (
        PING,
        match(SERVICE, {"set": [service("10.77.2.9", "icmp", 80)]}, "!="),
        True,
    ),
    "a later fragment to a service": (LATER_FRAGMENT, verdicts(service(ADDRESSES[1], "udp", 53)), None),
    "a later fragment to an address without service": (
        LATER_FRAGMENT,
        verdicts(service("10.77.2.9", "udp", 53)),
        False,
    ),
}


@pytest.mark.parametrize(("packet", "statement", "dropped"), CASES.values(), ids=CASES)
def test_a_rule_that_drops_is_met(
    router: Make, packet: Packet, statement: dict[str, object], dropped: bool | None
) -> None:
    place = {"family": "ip", "table": "t"}
    chain = {**place, "name": "c", "hook": "forward", "type": "filter", "prio": 0, "policy": "accept"}
    rule = {**place, "chain": "c", "expr": [statement, *([] if "vmap" in statement else [{"drop": None}])]}
    tables = [{"table": {"family": "ip", "name": "t"}}, {"chain": chain}, {"rule": rule}]
    made = router(nft={"nftables": tables})
    end = made.forward(packet)
    unknown = bool(made.stack.choices.made) or isinstance(end, Stolen)
    assert (None if unknown else isinstance(end, Dropped)) is dropped
