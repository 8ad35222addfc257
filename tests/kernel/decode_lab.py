"""A namespace that is built with the usual tools, with two pods, and collected."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix

LINKS = """
link set lo up
link add br0 type bridge forward_delay 0
link add v0 type veth peer name eth0 netns {a}
link add v1 type veth peer name eth0 netns {b}
link add w0 type veth peer name w1
link set v0 master br0
link set br0 address 02:00:00:00:00:0b
link set br0 mtu 1400
link add vx0 type vxlan id 7 dstport 8472 local 10.9.0.1 nolearning ttl 9
link set br0 up
link set v0 up
link set v1 up
link set w0 up
link set w1 up
link set vx0 up
link set v0 type bridge_slave hairpin on isolated on learning off
"""
STATE = """
address add 10.244.0.1/24 dev br0
address add 10.244.0.5/24 dev br0
address add 10.9.0.1/24 dev w0
address add 192.168.5.1 peer 192.168.5.2/32 dev v1
address add fd00::1/64 dev br0 nodad
neighbour add 10.244.1.0 lladdr 02:00:00:00:01:00 dev vx0 nud permanent
neighbour add fd00::9 lladdr 02:00:00:00:01:09 dev br0 nud permanent
neighbour add proxy 10.1.1.1 dev br0
route add 10.20.0.0/16 via 10.244.0.9 dev br0 metric 77 proto bird mtu lock 1300 advmss 1200 src 10.244.0.5
route add 10.21.0.0/16 nexthop via 10.244.0.9 dev br0 weight 3 nexthop via 10.9.0.9 dev w0 weight 1
route add 10.22.0.0/16 via 10.99.0.1 dev vx0 onlink
route add blackhole 10.23.0.0/16
route add unreachable 10.24.0.0/16
route add prohibit 10.25.0.0/16
route add throw 10.26.0.0/16 table 1000
nexthop add id 5 via 10.244.0.7 dev br0
nexthop add id 6 via 10.9.0.7 dev w0
nexthop add id 8 group 5,2/6
nexthop add id 9 blackhole
route add 10.30.0.0/16 nhid 8
route add 10.31.0.0/16 nhid 9
route add 10.32.0.0/16 nhid 5
route add 10.33.0.0/16 via inet6 fd00::99 dev br0
route add fd01::/64 via fd00::7 dev br0 metric 5
addrlabel add prefix fd00::/64 label 99
"""
RULES = """
rule add pref 100 from 10.1.0.0/16 to 10.2.0.0/16 lookup 1000
rule add pref 101 iif v0 lookup 101
rule add pref 102 oif gone0 lookup 102
rule add pref 103 fwmark 0x10/0xf0 lookup 103
rule add pref 104 not from 10.3.0.0/16 lookup 104
rule add pref 105 tos 0x10 lookup 105
rule add pref 106 ipproto tcp sport 100-200 dport 80 lookup 106
rule add pref 107 uidrange 1000-2000 lookup 107
rule add pref 108 lookup 108 suppress_prefixlength 0
rule add pref 109 goto 200
rule add pref 110 blackhole
rule add pref 111 unreachable
rule add pref 112 prohibit
rule add pref 200 nop
"""
BRIDGE = """
fdb append 00:00:00:00:00:00 dev vx0 dst 10.9.0.2
fdb add 02:00:00:00:01:00 dev vx0 dst 10.9.0.3
fdb add 02:00:00:00:00:aa dev v0 master static
mdb add dev br0 port v0 grp 239.1.1.1 permanent
mdb add dev br0 port v0 grp ff15::7 permanent
"""
CONNECTIONS = (
    "-p tcp -s 10.1.1.1 -d 10.1.1.2 --sport 1000 --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED"
    " -t 1000 -m 9 --reply-src 10.2.2.2 --reply-dst 10.1.1.1 --reply-port-src 8080 --reply-port-dst 1000",
    "-p icmpv6 -s fd00::1 -d fd00::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 77 -t 100",
)
FILTER = "tc filter add dev w1 ingress pref 3 u32 match u32 0 0 flowid 1:1"
IPV6_RULES = "rule add pref 90 from fd00::/64 fwmark 3 lookup 90\n"


@dataclass(frozen=True)
class Lab:
    host: Namespace
    pods: tuple[Namespace, Namespace]
    dump: NodeDump
    ns: NetworkNamespace
    """The host's, decoded."""

    def index(self, name: str) -> int:
        return self.ns.device_by_name[name].index


@contextmanager
def collected_lab() -> Iterator[Lab]:
    """Raises: LabError."""
    prefix = lab_prefix()
    host, a, b = (Namespace(prefix + name) for name in ("host", "a", "b"))
    create((host.name, a.name, b.name))
    try:
        with ExitStack() as opened:
            build(host, a, b)
            open_sockets(host, opened)
            pods = {"default/a": a.path, "default/b": b.path, "kube-system/agent": host.path}
            dump = collect_node("n1", host.path, pods)
        decoded = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1"))
        yield Lab(host, (a, b), dump, decoded)
    finally:
        delete((host.name, a.name, b.name))


def build(host: Namespace, a: Namespace, b: Namespace) -> None:
    host.run("ip", "-batch", "-", text=LINKS.format(a=a.name, b=b.name))
    for pod in (a, b):
        pod.run("ip", "link", "set", "eth0", "up")
    wait_for_carrier(host, "br0", "v0", "v1", "w0", "w1")
    host.run("ip", "-batch", "-", text=STATE + RULES)
    host.run("ip", "-6", "-batch", "-", text=IPV6_RULES)
    host.run("bridge", "-batch", "-", text=BRIDGE)
    host.set_sysctls({"net.ipv4.conf.v0.proxy_arp": 1, "net.ipv4.ip_forward": 1})
    host.run("iptables-legacy", "-A", "FORWARD", "-s", "10.1.1.1", "-j", "DROP")
    host.run(
        "iptables-nft", "-A", "FORWARD", "-s", "10.1.1.2", "-m", "comment", "--comment", "x", "-j", "DROP"
    )
    host.run("ip6tables-nft", "-A", "FORWARD", "-m", "comment", "--comment", "mixed", "-j", "DROP")
    host.run("nft", "add rule ip6 filter FORWARD numgen inc mod 2 vmap { 0 : accept, 1 : drop }")
    host.run("nft", "add table inet own { flags dormant; }")
    host.run("ipset", "restore", text="create s1 hash:net\nadd s1 10.0.0.0/8\nadd s1 10.1.0.0/16 nomatch\n")
    for entry in CONNECTIONS:
        host.run("conntrack", "-I", *entry.split())


def wait_for_carrier(host: Namespace, *names: str) -> None:
    for _ in range(1000):
        links = json.loads(host.run("ip", "-j", "link"))
        if all("LOWER_UP" in link["flags"] for link in links if link["ifname"] in names):
            return
        time.sleep(0.02)
    raise AssertionError("no carrier")


def open_sockets(host: Namespace, opened: ExitStack) -> None:
    def made(family: int, kind: int, address: str, port: int) -> socket.socket:
        sock = opened.enter_context(socket.socket(family, kind))
        if family == socket.AF_INET6 and port == 9002:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if port == 9003:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"w0")
            sock.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
        sock.bind((address, port))
        return sock

    with entered(host.path):
        made(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", 9001).listen(7)
        waiting = opened.enter_context(socket.socket())
        waiting.connect(("127.0.0.1", 9001))
        made(socket.AF_INET6, socket.SOCK_STREAM, "::", 9002).listen(3)
        made(socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", 9003).listen(0)
        made(socket.AF_INET6, socket.SOCK_STREAM, "::", 9004).listen(1)
        made(socket.AF_INET, socket.SOCK_DGRAM, "10.244.0.1", 9005)
        made(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", 9006).connect(("127.0.0.1", 9))
