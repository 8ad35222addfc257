"""ipset save text and membership; random sets are compared with the kernel in tests/kernel/test_ipset.py."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.ipset import Direction, Subject, lookup, parse_ipsets

DUMP = Path(__file__).parents[1] / "data" / "iptables" / "ipvs-uml.ipset"

SETS = """\
create ip hash:ip family inet hashsize 1024 maxelem 65536 netmask 24
add ip 10.0.1.0
create range hash:ip family inet
add range 10.0.0.1-10.0.0.3
create six hash:net family inet6
add six fd00::/64
add six fd00::1 nomatch
create net hash:net family inet comment counters
add net 10.0.0.0/8 packets 3 bytes 180 comment "nomatch"
add net 10.0.0.0/24 nomatch timeout 30
create port hash:ip,port family inet
add port 10.0.0.1,tcp:80
add port 10.0.0.1,icmp:echo-request
create iface hash:net,iface family inet
add iface 10.0.0.0/8,eth0
add iface 10.1.0.0/16,eth1
create prefix hash:net,iface family inet
add prefix 10.0.0.0/8,eth wildcard
create bridged hash:net,iface family inet
add bridged 10.0.0.0/8,physdev:eth0
create mac hash:ip,mac family inet
add mac 10.0.0.1,02:00:00:00:00:0A
create onlymac hash:mac
add onlymac 02:00:00:00:00:0a
create mark hash:ip,mark family inet markmask 0xff
add mark 10.0.0.1,0x00000001
create pair hash:net,port,net family inet
add pair 10.0.0.0/8,tcp:80,10.1.0.0/16
create bitmac bitmap:ip,mac range 10.0.0.0/24
add bitmac 10.0.0.1
create all list:set size 8
add all net
add all range
create half list:set size 8
add half gone
add half range
create new hash:future family inet
create masked hash:net,net family inet bitmask 255.255.0.0
create bare hash:net,net family inet bitmask 255.255.0.0
add masked 10.0.0.0,10.0.0.0
"""


def member(
    name: str,
    directions: str,
    *,
    src: str = "10.0.0.1",
    dst: str = "10.1.0.9",
    protocol: int = Protocol.TCP,
    return_nomatch: bool = False,
) -> Ternary:
    packet = Packet(
        src=ip_address(src),
        dst=ip_address(dst),
        protocol=protocol,
        sport=40000,
        dport=80,
        icmp_type=8,
        src_mac="02:00:00:00:00:0a",
        dst_mac="02:00:00:00:00:0b",
    )
    subject = Subject(packet=packet, mark=0x4001, indev="eth0", outdev="eth1", framed=True)
    sides: list[Direction] = ["src" if side == "src" else "dst" for side in directions.split(",")]
    return lookup(parse_ipsets(SETS), name, subject, sides, return_nomatch=return_nomatch)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(member("ip", "src"), False, id="netmask: another net"),
        pytest.param(member("ip", "src", src="10.0.1.77"), True, id="netmask: an address of the net"),
        pytest.param(member("range", "src", src="10.0.0.3"), True, id="a range holds its end"),
        pytest.param(member("range", "src", src="10.0.0.4"), False, id="a range ends"),
        pytest.param(member("range", "dst"), False, id="the other direction"),
        pytest.param(member("six", "src"), False, id="a set of the other family"),
        pytest.param(member("six", "src", src="fd00::2", dst="fd01::1"), True, id="IPv6 net"),
        pytest.param(member("six", "src", src="fd00::1", dst="fd01::1"), False, id="IPv6 nomatch"),
        pytest.param(member("net", "src"), False, id="the most specific member says nomatch"),
        pytest.param(member("net", "src", return_nomatch=True), True, id="return-nomatch inverts nomatch"),
        pytest.param(member("net", "dst", return_nomatch=True), False, id="return-nomatch inverts members"),
        pytest.param(member("net", "dst"), True, id="nomatch inside a comment is none"),
        pytest.param(member("port", "src,dst"), True, id="address and port of different sides"),
        pytest.param(member("port", "src,src"), False, id="the other port"),
        pytest.param(member("port", "src,dst", protocol=Protocol.UDP), False, id="the other protocol"),
        pytest.param(member("port", "src,dst", protocol=Protocol.ICMP), True, id="ICMP type by name"),
        pytest.param(member("port", "src"), False, id="too few directions"),
        pytest.param(member("port", "src,dst,dst"), True, id="more directions than dimensions"),
        pytest.param(member("iface", "src,src"), True, id="net and in device"),
        pytest.param(member("iface", "dst,src"), False, id="a more specific net with another device ends it"),
        pytest.param(member("prefix", "src,dst"), True, id="wildcard device"),
        pytest.param(member("mac", "src,src"), True, id="MAC in capitals"),
        pytest.param(member("mac", "src,dst"), False, id="destination MAC"),
        pytest.param(member("onlymac", "src"), True, id="hash:mac"),
        pytest.param(member("mark", "src,src"), True, id="markmask"),
        pytest.param(member("pair", "src,dst,dst"), True, id="two nets and a port"),
        pytest.param(member("bitmac", "src,src"), True, id="a bitmap:ip,mac member without MAC"),
        pytest.param(member("all", "src", src="10.0.0.2"), True, id="a list, by its second set"),
        pytest.param(member("all", "src", src="11.0.0.2"), False, id="a list, none"),
        pytest.param(member("half", "src"), True, id="a list with a set that is gone, but a hit"),
        pytest.param(member("half", "dst"), Unknown("set gone is not in the dump"), id="a list with a gap"),
        pytest.param(member("gone", "src"), Unknown("set gone is not in the dump"), id="a missing set"),
        pytest.param(member("new", "src"), Unknown("set type hash:future is not modelled"), id="a new type"),
        pytest.param(
            member("masked", "src,dst"),
            Unknown("option bitmask of set masked is not modelled"),
            id="an option that is not modelled",
        ),
        pytest.param(member("bare", "src,dst"), False, id="no member, whatever the options"),
        pytest.param(
            member("bridged", "src,src"),
            Unknown("set bridged has members that are not modelled"),
            id="a bridge port as device",
        ),
    ],
)
def test_membership(answer: Ternary, expected: Ternary) -> None:
    assert answer == expected


def test_a_real_dump_has_all_its_sets_and_no_member_that_is_not_read() -> None:
    sets = parse_ipsets(DUMP.read_text())
    assert len(sets) == DUMP.read_text().count("create ")
    assert not [ipset.name for ipset in sets.values() if not ipset.dimensions or ipset.members.unreadable]
    assert sets["KUBE-CLUSTER-IP"].entries == ("10.96.0.1,tcp:443", "10.96.0.10,tcp:80")
