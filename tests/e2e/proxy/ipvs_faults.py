"""Faults in virtual servers, and in what kube-proxy wrote around them in ipvs mode: commands, those that take
them back, and what is found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class IpvsFault:
    """`{plain}` and the like as in tests.e2e.proxy.faults."""

    what: str
    do: Sequence[str]
    undo: Sequence[str]
    codes: frozenset[str]
    message: str
    """A part of one of the findings' messages."""


PLAIN = "-t {plain}:80"
SERVERS = tuple(f"10.244.{node}.10:8080" for node in (1, 2, 3))


def _sets(what: str, member: str, codes: Sequence[str], message: str) -> IpvsFault:
    """A member that is missing in a set."""
    return IpvsFault(what, (f"ipset del {member}",), (f"ipset add {member}",), frozenset(codes), message)


_OF_BOTH = (
    IpvsFault(
        "an endpoint has no real server",
        (f"ipvsadm -d {PLAIN} -r {SERVERS[1]}",),
        (f"ipvsadm -a {PLAIN} -r {SERVERS[1]} -m -w 1",),
        frozenset({"service.missing-backend"}),
        f"no connection is sent to {SERVERS[1]}",
    ),
    IpvsFault(
        "an endpoint has the weight 0",
        (f"ipvsadm -e {PLAIN} -r {SERVERS[1]} -m -w 0",),
        (f"ipvsadm -e {PLAIN} -r {SERVERS[1]} -m -w 1",),
        frozenset({"service.missing-backend"}),
        f"no connection is sent to {SERVERS[1]}",
    ),
    IpvsFault(
        "an endpoint has more weight",
        (f"ipvsadm -e {PLAIN} -r {SERVERS[1]} -m -w 3",),
        (f"ipvsadm -e {PLAIN} -r {SERVERS[1]} -m -w 1",),
        frozenset({"service.wrong-share"}),
        f"{SERVERS[1]} gets 60.0% of connections, not 33.3%",
    ),
    IpvsFault(
        "a real server is no endpoint",
        (f"ipvsadm -a {PLAIN} -r 10.244.3.99:8080 -m -w 1",),
        (f"ipvsadm -d {PLAIN} -r 10.244.3.99:8080",),
        frozenset({"service.stale-endpoint"}),
        "25% of connections are sent to 10.244.3.99:8080, no endpoint of it",
    ),
    IpvsFault(
        "the virtual server is gone",
        (f"ipvsadm -D {PLAIN}",),
        (f"ipvsadm -A {PLAIN} -s rr", *(f"ipvsadm -a {PLAIN} -r {one} -m -w 1" for one in SERVERS)),
        frozenset({"service.untranslated"}),
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    IpvsFault(
        "no device has the address",
        ("ip address del {plain}/32 dev DUMMY",),
        ("ip address add {plain}/32 dev DUMMY",),
        frozenset({"service.untranslated"}),
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    IpvsFault(
        "clients are not sent back",
        ("ipvsadm -E -t {affinity-short}:80 -s rr",),
        ("ipvsadm -E -t {affinity-short}:80 -s rr -p 60",),
        frozenset({"service.wrong-affinity"}),
        "a client comes back to the same endpoint not, meant is 60 s",
    ),
    IpvsFault(
        "clients are forgotten too early",
        ("ipvsadm -E -t {affinity-short}:80 -s rr -p 5",),
        ("ipvsadm -E -t {affinity-short}:80 -s rr -p 60",),
        frozenset({"service.wrong-affinity"}),
        "a client comes back to the same endpoint for 5 s, meant is 60 s",
    ),
    IpvsFault(
        "a service that is gone still has its virtual server",
        ("ipvsadm -A -t 10.96.255.254:80 -s rr", "ip address add 10.96.255.254/32 dev DUMMY"),
        ("ipvsadm -D -t 10.96.255.254:80", "ip address del 10.96.255.254/32 dev DUMMY"),
        frozenset({"service.left-over"}),
        "rules for 10.96.255.254:80/tcp: no service has it",
    ),
    IpvsFault(
        "connections of IPVS are not tracked",
        ("sysctl -q -w net.ipv4.vs.conntrack=0",),
        ("sysctl -q -w net.ipv4.vs.conntrack=1",),
        frozenset({"service.missing-masquerade"}),
        "net.ipv4.vs.conntrack is 0",
    ),
    IpvsFault(
        "a real server has another port",
        (f"ipvsadm -d {PLAIN} -r {SERVERS[1]}", f"ipvsadm -a {PLAIN} -r 10.244.2.10:8081 -m -w 1"),
        (f"ipvsadm -d {PLAIN} -r 10.244.2.10:8081", f"ipvsadm -a {PLAIN} -r {SERVERS[1]} -m -w 1"),
        frozenset({"service.stale-endpoint"}),
        "33% of connections are sent to 10.244.2.10:8081, no endpoint of it",
    ),
    IpvsFault(
        "the real servers are those of another service",
        (
            "ipvsadm -a -t {single}:80 -r 10.244.1.10:8080 -m -w 1",
            "ipvsadm -d -t {single}:80 -r 10.244.2.11:8080",
        ),
        (
            "ipvsadm -a -t {single}:80 -r 10.244.2.11:8080 -m -w 1",
            "ipvsadm -d -t {single}:80 -r 10.244.1.10:8080",
        ),
        frozenset({"service.stale-endpoint"}),
        "100% of connections are sent to 10.244.1.10:8080, no endpoint of it",
    ),
    IpvsFault(
        "the virtual server has no real server",
        tuple(f"ipvsadm -d {PLAIN} -r {one}" for one in SERVERS),
        tuple(f"ipvsadm -a {PLAIN} -r {one} -m -w 1" for one in SERVERS),
        frozenset({"service.untranslated"}),
        "shapes/plain at {plain}:80/tcp: no rule translates it",
    ),
    IpvsFault(
        "clients come back though they should not",
        (f"ipvsadm -E {PLAIN} -s rr -p 300",),
        (f"ipvsadm -E {PLAIN} -s rr",),
        frozenset({"service.wrong-affinity"}),
        "a client comes back to the same endpoint for 300 s, meant is chance each time",
    ),
    IpvsFault(
        "the policy Local is not kept",
        ("ipvsadm -a -t {own-address}:{node-port-local:port} -r 10.244.2.32:8080 -m -w 1",),
        ("ipvsadm -d -t {own-address}:{node-port-local:port} -r 10.244.2.32:8080",),
        frozenset({"service.stale-endpoint"}),
        "not ready, or not for this node",
    ),
    IpvsFault(
        "a service without endpoints is not refused",
        ("ip address del {no-slice}/32 dev DUMMY",),
        ("ip address add {no-slice}/32 dev DUMMY",),
        frozenset({"service.not-refused"}),
        "shapes/no-slice at {no-slice}:80/tcp: it has no endpoint",
    ),
)
"""DUMMY stands for the device that has the services' addresses."""


def of_servers(dummy: str) -> tuple[IpvsFault, ...]:
    """Of a proxy with this device."""

    def filled(commands: Sequence[str]) -> tuple[str, ...]:
        return tuple(command.replace("DUMMY", dummy) for command in commands)

    return tuple(replace(fault, do=filled(fault.do), undo=filled(fault.undo)) for fault in _OF_BOTH)


IPVS = (
    *of_servers("kube-ipvs0"),
    IpvsFault(
        "the virtual server has another scheduler",
        (f"ipvsadm -E {PLAIN} -s sh",),
        (f"ipvsadm -E {PLAIN} -s rr",),
        frozenset({"service.wrong-scheduler"}),
        "have another scheduler than the others, rr: TCP {plain}:80 sh",
    ),
    _sets(
        "a cluster address is not in its set",
        "KUBE-CLUSTER-IP {plain},tcp:80",
        ("service.barred",),
        "shapes/plain at {plain}:80/tcp: a rule drops connections to it, although it has endpoints",
    ),
    _sets(
        "an endpoint that meets itself is not masqueraded",
        "KUBE-LOOP-BACK {own},tcp:8080,{own}",
        ("service.missing-masquerade",),
        "connections of {own}:8080 that meet themselves are not masqueraded",
    ),
    _sets(
        "the node port is not masqueraded",
        "KUBE-NODE-PORT-TCP {node-port:port}",
        ("service.missing-masquerade",),
        "shapes/node-port at node port {node-port:port}/tcp: connections from outside",
    ),
    _sets(
        "a load balancer lets in too few",
        "KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.9,tcp:80,10.0.0.0/8",
        ("service.wrong-source-ranges",),
        "connections from 10.0.0.0 do not get in",
    ),
    IpvsFault(
        "a load balancer lets in too many",
        ("ipset add KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.9,tcp:80,192.0.2.0/25",),
        ("ipset del KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.9,tcp:80,192.0.2.0/25",),
        frozenset({"service.wrong-source-ranges"}),
        "connections from 192.0.2.1 get in",
    ),
    IpvsFault(
        "packets that come in do not reach the services",
        ("iptables -t nat -D PREROUTING 1",),
        ("iptables -t nat -I PREROUTING -j KUBE-SERVICES",),
        frozenset({"service.no-rules"}),
        "PREROUTING does not lead to KUBE-SERVICES",
    ),
    IpvsFault(
        "packets of the node do not reach the services",
        ("iptables -t nat -D OUTPUT 1",),
        ("iptables -t nat -I OUTPUT -j KUBE-SERVICES",),
        frozenset({"service.no-rules"}),
        "OUTPUT does not lead to KUBE-SERVICES",
    ),
    IpvsFault(
        "nothing leads to the masquerade",
        ("iptables -t nat -D POSTROUTING 1",),
        ("iptables -t nat -I POSTROUTING -j KUBE-POSTROUTING",),
        frozenset({"service.missing-masquerade"}),
        "POSTROUTING does not lead to KUBE-POSTROUTING",
    ),
    IpvsFault(
        "the mark is another",
        ("iptables -t nat -R KUBE-MARK-MASQ 1 -j MARK --or-mark 0x8000",),
        ("iptables -t nat -R KUBE-MARK-MASQ 1 -j MARK --or-mark 0x4000",),
        frozenset({"service.missing-masquerade"}),
        "KUBE-POSTROUTING asks for the mark 0x4000, but KUBE-MARK-MASQ sets 0x8000",
    ),
    _sets(
        "a load balancer's ranges are not asked for",
        "KUBE-LOAD-BALANCER-FW 203.0.113.9,tcp:80",
        ("service.wrong-source-ranges",),
        "shapes/balancer-ranges at 203.0.113.9:80/tcp: connections from",
    ),
)
