"""Faults in what kube-router's service proxy wrote: as those of ipvs mode."""

from tests.e2e.proxy.ipvs_faults import PLAIN, IpvsFault, of_servers

_MASQUERADE = (
    "-m ipvs --vdir ORIGINAL --vmethod MASQ -m comment --comment '' "
    "-j SNAT --to-source {own-address} --random-fully"
)
_PODS = "! -s 10.244.1.0/24 ! -d 10.244.1.0/24"
_ALL_PODS = "! -s 10.244.0.0/16 ! -d 10.244.0.0/16"
_HAIRPIN = "KUBE-ROUTER-HAIRPIN -s {hairpin} -d {hairpin} -m ipvs --vaddr {router-hairpin} --vport 80 -j SNAT"

KUBE_ROUTER = (
    *of_servers("kube-dummy-if"),
    IpvsFault(
        "the virtual server has another scheduler",
        (f"ipvsadm -E {PLAIN} -s sh",),
        (f"ipvsadm -E {PLAIN} -s rr",),
        frozenset({"service.wrong-scheduler"}),
        "shapes/plain at {plain}:80/tcp: its virtual server has the scheduler sh, meant is rr",
    ),
    IpvsFault(
        "the annotation's scheduler is not used",
        ("ipvsadm -E -t {router-scheduler}:80 -s rr",),
        ("ipvsadm -E -t {router-scheduler}:80 -s sh",),
        frozenset({"service.wrong-scheduler"}),
        "shapes/router-scheduler at {router-scheduler}:80/tcp: its virtual server has the scheduler rr",
    ),
    IpvsFault(
        "the annotation for local endpoints is not kept",
        ("ipvsadm -a -t {router-local}:80 -r 10.244.2.102:8080 -m -w 1",),
        ("ipvsadm -d -t {router-local}:80 -r 10.244.2.102:8080",),
        frozenset({"service.stale-endpoint"}),
        "are sent to 10.244.2.102:8080, not ready, or not for this node",
    ),
    IpvsFault(
        "the set of services lacks a port",
        ("ipset del kube-router-svip-prt {plain},tcp:80",),
        ("ipset add kube-router-svip-prt {plain},tcp:80 timeout 0",),
        frozenset({"service.barred"}),
        "shapes/plain at {plain}:80/tcp: a rule drops connections to it, although it has endpoints",
    ),
    IpvsFault(
        "nothing is masqueraded",
        (f"iptables -t nat -D POSTROUTING {_PODS} {_MASQUERADE}",),
        (f"iptables -t nat -A POSTROUTING {_PODS} {_MASQUERADE}",),
        frozenset({"service.missing-masquerade"}),
        "POSTROUTING has no rule that gives connections of IPVS the node's address",
    ),
    IpvsFault(
        "what goes to other nodes' pods is not masqueraded",
        (
            f"iptables -t nat -D POSTROUTING {_PODS} {_MASQUERADE}",
            f"iptables -t nat -A POSTROUTING {_ALL_PODS} {_MASQUERADE}",
        ),
        (
            f"iptables -t nat -D POSTROUTING {_ALL_PODS} {_MASQUERADE}",
            f"iptables -t nat -A POSTROUTING {_PODS} {_MASQUERADE}",
        ),
        frozenset({"service.missing-masquerade"}),
        "connections from outside of the cluster are not masqueraded",
    ),
    IpvsFault(
        "an endpoint cannot reach itself",
        (f"iptables -t nat -D {_HAIRPIN} --to-source {{router-hairpin}}",),
        (f"iptables -t nat -A {_HAIRPIN} --to-source {{router-hairpin}}",),
        frozenset({"service.missing-masquerade"}),
        "connections of {hairpin}:8080 that meet themselves are not masqueraded",
    ),
    IpvsFault(
        "rules of kube-proxy are left",
        ("iptables -t nat -N KUBE-SERVICES", "iptables -t nat -A KUBE-SERVICES -j RETURN"),
        ("iptables -t nat -F KUBE-SERVICES", "iptables -t nat -X KUBE-SERVICES"),
        frozenset({"service.two-modes"}),
        "beside the rules for services, those of kube-router, there are others for IPv4, those of iptables",
    ),
)
