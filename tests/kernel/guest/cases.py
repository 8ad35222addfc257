"""What is set up in the guest, and asked there: one list for the job inside and for the test outside."""

from dataclasses import dataclass
from typing import Literal

VIP = "10.96.0.10"
CLIENT, ROUTER = "10.1.1.2", "10.1.1.1"
SERVERS = {"b1": "10.1.2.2", "b2": "10.1.3.2"}
PORT, BACKEND = 80, 8080
NODE, POD = "n1", "default/cl"
SOURCES = tuple(f"10.1.1.{number}" for number in range(10, 22))
"""More addresses of the client, for the schedulers that hash the source."""

_MASQUERADE = f"-t nat -A POSTROUTING -m ipvs --vaddr {VIP} --vport {PORT} -j MASQUERADE"
_ALL = f"-t nat -A POSTROUTING -d {SERVERS['b1']},{SERVERS['b2']} -j MASQUERADE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`servers`: what follows `ipvsadm -a -t VIP:PORT -r`; `{b1}` and `{b2}` are their addresses."""

    name: str
    servers: tuple[str, ...] = ("{b1}:8080 -m", "{b2}:8080 -m")
    service: str = "-s rr"
    mark: int = 0
    """A service by firewall mark in place of the address."""
    protocol: Literal["tcp", "udp"] = "tcp"
    conntrack: bool = False
    settings: tuple[str, ...] = ()
    """`NAME=VALUE` below net.ipv4.vs; 0 otherwise."""
    target: str = VIP
    port: int = PORT
    rules: tuple[str, ...] = ()
    """Of iptables in the router."""
    commands: tuple[str, ...] = ()
    """Of ip(8): `NAMESPACE: arguments`; undone by their `undo`."""
    undo: tuple[str, ...] = ()
    source: str = "cl"
    """Who asks: `cl` or `nd`."""
    by_source: bool = False
    """Ask from each of SOURCES, too."""


_TO_SERVERS = ("-d {b1} -j DROP", "-d {b2} -j DROP")
_FROM_SERVERS = ("-s {b1} -j DROP", "-s {b2} -j DROP")
_MARKED = f"-t mangle -A PREROUTING -d {VIP} -p tcp --dport {PORT} -j MARK --set-mark 5"
_VIP_ON_SERVERS = tuple(f"{name}: addr add {VIP}/32 dev lo" for name in SERVERS)
_VIP_OFF_SERVERS = tuple(f"{name}: addr del {VIP}/32 dev lo" for name in SERVERS)

CASES = (
    Case(name="nat without conntrack"),
    Case(name="nat with conntrack", conntrack=True),
    Case(name="masquerade without conntrack does nothing", rules=(_ALL,)),
    Case(name="masquerade with conntrack", rules=(_ALL,), conntrack=True),
    Case(name="masquerade by the ipvs match", rules=(_MASQUERADE,), conntrack=True),
    Case(
        name="the ipvs match for another port",
        rules=(_MASQUERADE.replace("--vport 80", "--vport 81"),),
        conntrack=True,
    ),
    Case(name="weight 0 is not asked", servers=("{b1}:8080 -m -w 0", "{b2}:8080 -m"), service="-s wrr"),
    Case(name="all of weight 0", servers=("{b1}:8080 -m -w 0", "{b2}:8080 -m -w 0")),
    Case(name="no servers", servers=()),
    Case(name="no servers, udp", servers=(), protocol="udp"),
    Case(name="no servers, asked by the node", servers=(), source="nd"),
    Case(name="no servers, udp, asked by the node", servers=(), source="nd", protocol="udp"),
    Case(name="weighted", servers=("{b1}:8080 -m -w 3", "{b2}:8080 -m -w 1"), service="-s wrr"),
    *(
        Case(
            name=f"scheduler {name}", servers=("{b1}:8080 -m -w 3", "{b2}:8080 -m -w 1"), service=f"-s {name}"
        )
        for name in ("lc", "sed", "nq", "lblc", "lblcr", "mh")
    ),
    Case(
        name="overflow",
        servers=("{b1}:8080 -m -w 30", "{b2}:8080 -m -w 70"),
        service="-s ovf",
        by_source=True,
    ),
    Case(name="a closed port behind", servers=("{b1}:9 -m",)),
    Case(name="a closed port behind, udp", servers=("{b1}:9 -m",), protocol="udp"),
    Case(name="udp", protocol="udp"),
    Case(name="udp, one packet", protocol="udp", service="-s rr -o"),
    Case(name="asked by the node", source="nd"),
    Case(name="asked by the node, masqueraded", source="nd", rules=(_ALL,), conntrack=True),
    Case(name="asked by the node, udp", source="nd", protocol="udp"),
    Case(name="the node is the server", servers=("10.1.1.1:8080 -m",)),
    Case(name="the node is the server, with conntrack", servers=("10.1.1.1:8080 -m",), conntrack=True),
    Case(name="the node is server and client", servers=("10.1.1.1:8080 -m",), source="nd"),
    Case(name="INPUT drops the virtual address", rules=(f"-A INPUT -d {VIP} -j DROP",)),
    Case(name="INPUT does not see the server", rules=tuple(f"-A INPUT {rule}" for rule in _TO_SERVERS)),
    Case(name="OUTPUT drops the server", servers=("{b1}:8080 -m",), rules=("-A OUTPUT -d {b1} -j DROP",)),
    Case(
        name="OUTPUT drops the server, asked by the node",
        servers=("{b1}:8080 -m",),
        rules=("-A OUTPUT -d {b1} -j DROP",),
        source="nd",
    ),
    Case(name="OUTPUT drops the virtual address", rules=(f"-A OUTPUT -d {VIP} -j DROP",)),
    Case(
        name="OUTPUT drops the virtual address, asked by the node",
        rules=(f"-A OUTPUT -d {VIP} -j DROP",),
        source="nd",
    ),
    Case(
        name="FORWARD does not see the request",
        rules=tuple(f"-A FORWARD {rule}" for rule in _TO_SERVERS),
    ),
    Case(name="FORWARD drops the answers", rules=tuple(f"-A FORWARD {rule}" for rule in _FROM_SERVERS)),
    Case(
        name="answers are INVALID without conntrack",
        rules=("-A FORWARD -m conntrack --ctstate INVALID -j DROP",),
    ),
    Case(
        name="answers are ESTABLISHED with conntrack",
        rules=("-A FORWARD -m conntrack --ctstate INVALID -j DROP",),
        conntrack=True,
    ),
    Case(
        name="only ESTABLISHED is forwarded, with conntrack",
        rules=("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT", "-A FORWARD -j DROP"),
        conntrack=True,
    ),
    Case(name="by firewall mark", mark=5, rules=(_MARKED,)),
    Case(name="by firewall mark, unmarked", mark=5),
    Case(name="persistent", service="-s rr -p 300"),
    Case(
        name="direct routing, the servers have the address",
        servers=("{b1}:80 -g", "{b2}:80 -g"),
        commands=_VIP_ON_SERVERS,
        undo=_VIP_OFF_SERVERS,
    ),
    Case(
        name="direct routing, the server answers past the node",
        servers=("{b1}:80 -g",),
        commands=(_VIP_ON_SERVERS[0], "b1: route add 10.1.1.2 via 10.1.9.1"),
        undo=("b1: route del 10.1.1.2", _VIP_OFF_SERVERS[0]),
    ),
    Case(name="direct routing, the servers lack the address", servers=("{b1}:80 -g",)),
    Case(name="a server that no route leads to", servers=("10.9.9.9:8080 -m",)),
    Case(
        name="the virtual address is not local",
        commands=(f"nd: addr del {VIP}/32 dev kube-ipvs0",),
        undo=(f"nd: addr add {VIP}/32 dev kube-ipvs0",),
    ),
    Case(name="source hash", service="-s sh", by_source=True),
    Case(
        name="source hash, weighted",
        service="-s sh",
        by_source=True,
        servers=("{b1}:8080 -m -w 3", "{b2}:8080 -m -w 1"),
    ),
    Case(
        name="source hash, one of weight 0",
        service="-s sh",
        by_source=True,
        servers=("{b1}:8080 -m -w 3", "{b2}:8080 -m -w 0"),
    ),
    Case(
        name="source hash with fallback",
        service="-s sh -b sh-fallback",
        by_source=True,
        servers=("{b1}:8080 -m -w 3", "{b2}:8080 -m -w 0"),
    ),
    Case(name="packets are dropped, all", settings=("drop_packet=3", "am_droprate=1")),
    Case(name="the server itself is asked", target=SERVERS["b1"], port=BACKEND),
    Case(
        name="the server itself is asked, which is refused",
        target=SERVERS["b1"],
        port=BACKEND,
        settings=("nat_icmp_send=1",),
    ),
    Case(
        name="the server itself is asked by UDP, which is refused",
        target=SERVERS["b1"],
        port=BACKEND,
        protocol="udp",
        settings=("nat_icmp_send=1",),
    ),
    Case(
        name="another port of the server is asked",
        target=SERVERS["b1"],
        settings=("nat_icmp_send=1",),
    ),
    Case(name="answers keep their route", settings=("snat_reroute=0",)),
    Case(name="destination hash", service="-s dh"),
    Case(name="failover", service="-s fo", servers=("{b1}:8080 -m -w 3", "{b2}:8080 -m -w 1")),
    Case(name="least connections, weighted", service="-s wlc"),
)
