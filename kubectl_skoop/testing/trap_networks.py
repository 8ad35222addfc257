"""The healthy networks that traps are set in, for `trap_lab`."""

ROUTED = """
wire a:eth0 r:p0
wire r:p1 b:eth0
a: addr add 10.1.0.2/24 brd + dev eth0
a: route add default via 10.1.0.1
r: addr add 10.1.0.1/24 brd + dev p0
r: addr add 10.2.0.1/24 brd + dev p1
r: sysctl net.ipv4.ip_forward=1
b: addr add 10.2.0.2/24 brd + dev eth0
b: route add default via 10.2.0.1
"""
"""a 10.1.0.2 ─ p0 r p1 ─ 10.2.0.2 b"""

BRIDGED = """
wire a:eth0 r:pa
wire b:eth0 r:pb
wire c:eth0 r:pc
r: link add br0 address 02:00:00:00:00:aa type bridge
r: link set pa master br0
r: link set pb master br0
r: link set pc master br0
r: addr add 10.1.0.1/24 brd + dev br0
r: link set br0 up
r: sysctl net.ipv4.ip_forward=1
a: addr add 10.1.0.2/24 brd + dev eth0
a: route add default via 10.1.0.1
b: addr add 10.1.0.3/24 brd + dev eth0
b: route add default via 10.1.0.1
c: addr add 10.1.0.4/24 brd + dev eth0
c: route add default via 10.1.0.1
r: sysctl net.bridge.bridge-nf-call-iptables=0
"""
"""a 10.1.0.2, b 10.1.0.3 and c 10.1.0.4 on br0 10.1.0.1 of r"""

TUNNELLED = """
wire a:eth0 m:pod
wire m:u n:u
wire n:pod b:eth0
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
m: addr add 10.1.0.1/24 dev pod
m: addr add 192.168.0.1/24 dev u
m: link add vx address 02:00:00:00:00:a1 type vxlan id 1 local 192.168.0.1 dev u dstport 8472 nolearning
m: link set vx mtu 1450 up
m: neigh add 10.2.0.1 lladdr 02:00:00:00:00:a2 dev vx nud permanent
m: route add 10.2.0.0/24 via 10.2.0.1 dev vx onlink
m: $ bridge fdb append 02:00:00:00:00:a2 dev vx dst 192.168.0.2
m: sysctl net.ipv4.ip_forward=1
n: addr add 10.2.0.1/24 dev pod
n: addr add 192.168.0.2/24 dev u
n: link add vx address 02:00:00:00:00:a2 type vxlan id 1 local 192.168.0.2 dev u dstport 8472 nolearning
n: link set vx mtu 1450 up
n: neigh add 10.1.0.1 lladdr 02:00:00:00:00:a1 dev vx nud permanent
n: route add 10.1.0.0/24 via 10.1.0.1 dev vx onlink
n: $ bridge fdb append 02:00:00:00:00:a1 dev vx dst 192.168.0.1
n: sysctl net.ipv4.ip_forward=1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
"""
"""a 10.1.0.2 ─ m 192.168.0.1 ═ vxlan ═ 192.168.0.2 n ─ 10.2.0.2 b; the gateways are m's and n's .1"""

ROUTED6 = """
wire a:eth0 r:p0
wire r:p1 b:eth0
a: addr add fd01::2/64 dev eth0 nodad
a: route add default via fd01::1
r: addr add fd01::1/64 dev p0 nodad
r: addr add fd02::1/64 dev p1 nodad
r: sysctl net.ipv6.conf.all.forwarding=1
b: addr add fd02::2/64 dev eth0 nodad
b: route add default via fd02::1
b: no-listeners
b: listen tcp 80 ::
b: listen udp 53 ::
"""
"""a fd01::2 ─ p0 r p1 ─ fd02::2 b"""

BRIDGED6 = """
wire a:eth0 r:pa
wire b:eth0 r:pb
wire c:eth0 r:pc
r: link add br0 address 02:00:00:00:00:aa type bridge
r: link set pa master br0
r: link set pb master br0
r: link set pc master br0
r: addr add fd01::1/64 dev br0 nodad
r: link set br0 up
r: sysctl net.ipv6.conf.all.forwarding=1
r: sysctl net.bridge.bridge-nf-call-ip6tables=0
a: addr add fd01::2/64 dev eth0 nodad
b: addr add fd01::3/64 dev eth0 nodad
c: addr add fd01::4/64 dev eth0 nodad
b: no-listeners
b: listen tcp 80 ::
b: listen udp 53 ::
r: no-listeners
r: listen tcp 80 ::
r: listen udp 53 ::
"""
"""a fd01::2, b fd01::3 and c fd01::4 on br0 fd01::1 of r"""

TWO_ROUTERS = """
wire a:eth0 r:p0
wire r:p1 q:p0
wire q:p1 b:eth0
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
r: addr add 10.1.0.1/24 dev p0
r: addr add 10.5.0.1/24 dev p1
r: route add 10.2.0.0/24 via 10.5.0.2
r: sysctl net.ipv4.ip_forward=1
q: addr add 10.5.0.2/24 dev p0
q: addr add 10.2.0.1/24 dev p1
q: route add 10.1.0.0/24 via 10.5.0.1
q: sysctl net.ipv4.ip_forward=1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
"""
"""a 10.1.0.2 ─ p0 r 10.5.0.1 ─ 10.5.0.2 q p1 ─ 10.2.0.2 b"""


def awaited(host: str, condition: str) -> str:
    """A line with which a host waits for what the kernel does by and by: until a command of sh(1) succeeds.

    The lab fails if that takes longer than a minute.
    """
    return f"{host}: $ for i in $(seq 600); do {condition} && exit; sleep 0.1; done; exit 1"
