"""Faults of what kube-proxy and the CNI wrote for services."""

from tests.e2e.faults import Fault
from tests.e2e.flow import OUTSIDE, Flow
from tests.e2e.probe import NO_ROUTE, REFUSED, SILENCE
from tests.e2e.workloads import ECHO_PORT, HOST_PORT, ONE_NODE_PORT, SERVICE_PORT

_SERVICE = Flow("client.node1", "svc.one", SERVICE_PORT)
_SERVICE_NFT = Flow("client.node2", "svc.one", SERVICE_PORT)
_CLIENT_PORT = 40053

SERVICE = (
    Fault(
        id="node-port-blocked",
        source="F-79",
        says="a firewall blocks the node port before it is translated",
        flow=Flow(OUTSIDE, "node3", ONE_NODE_PORT),
        symptoms=(SILENCE,),
        where="node3",
        text="--dport 30081 -j DROP",
        do=("node3: iptables -t raw -I PREROUTING -p tcp --dport 30081 -j DROP",),
        undo=("node3: iptables -t raw -D PREROUTING -p tcp --dport 30081 -j DROP",),
    ),
    Fault(
        id="node-port-blocked-nft",
        source="F-79",
        says="the same on the node whose kube-proxy uses nftables",
        flow=Flow(OUTSIDE, "node2", ONE_NODE_PORT),
        symptoms=(SILENCE,),
        where="node2",
        text="30081",
        do=(
            "node2: nft add table inet firewall",
            "node2: nft 'add chain inet firewall early { type filter hook prerouting priority raw; }'",
            "node2: nft add rule inet firewall early tcp dport 30081 drop",
        ),
        undo=("node2: nft delete table inet firewall",),
    ),
    Fault(
        id="host-port-leads-to-a-dead-pod",
        source="F-108",
        says="the host port of a pod that is gone comes first",
        flow=Flow(OUTSIDE, "node1", HOST_PORT),
        symptoms=(SILENCE, NO_ROUTE),
        where="node1",
        text="{gone.node1}",
        do=(
            "node1: iptables -t nat -I CNI-HOSTPORT-DNAT -p tcp --dport 9080"
            " -j DNAT --to-destination {gone.node1}:8080",
        ),
        undo=(
            "node1: iptables -t nat -D CNI-HOSTPORT-DNAT -p tcp --dport 9080"
            " -j DNAT --to-destination {gone.node1}:8080",
        ),
    ),
    Fault(
        id="endpoint-gone",
        source="F-93",
        says="the chain of the endpoint leads to an address that no pod has",
        flow=_SERVICE,
        symptoms=(SILENCE, NO_ROUTE),
        where="node1",
        text="{gone.node1}",
        rules_of="node1",
        do=(
            "node1: iptables -t nat -F {sep.one}",
            "node1: iptables -t nat -A {sep.one} -p tcp -j DNAT --to-destination {gone.node1}:8080",
        ),
    ),
    Fault(
        id="endpoint-port-wrong",
        source="F-91",
        says="the chain of the endpoint leads to a port where nothing listens",
        flow=_SERVICE,
        symptoms=(REFUSED,),
        where="node1",
        text="8081",
        rules_of="node1",
        do=(
            "node1: iptables -t nat -F {sep.one}",
            "node1: iptables -t nat -A {sep.one} -p tcp -j DNAT --to-destination {one}:8081",
        ),
    ),
    Fault(
        id="one-of-two-endpoints-wrong",
        source="F-93",
        says="half of the connections go to a port where nothing listens",
        flow=_SERVICE,
        symptoms=(REFUSED,),
        partly=True,
        where="node1",
        text="8081",
        rules_of="node1",
        do=(
            "node1: iptables -t nat -I {sep.one} -p tcp -m statistic --mode random --probability 0.5"
            " -j DNAT --to-destination {one}:8081",
        ),
    ),
    Fault(
        id="service-rules-flushed",
        source="F-76",
        says="the restart of a firewall took the rules of all services",
        flow=_SERVICE,
        symptoms=(SILENCE,),
        where="node1",
        text="{svc.one}",
        rules_of="node1",
        do=("node1: iptables -t nat -F",),
    ),
    Fault(
        id="service-chain-empty",
        source="F-76",
        says="the chain of the service is empty",
        flow=_SERVICE,
        symptoms=(SILENCE,),
        where="node1",
        text="{chain.one}",
        rules_of="node1",
        do=("node1: iptables -t nat -F {chain.one}",),
    ),
    Fault(
        id="service-missing-nft",
        source="F-76",
        says="the service is not in kube-proxy's map",
        flow=_SERVICE_NFT,
        symptoms=(REFUSED,),
        where="node2",
        text="cluster-ips",
        rules_of="node2",
        do=("node2: nft 'delete element ip kube-proxy service-ips { {svc.one} . tcp . 80 }'",),
    ),
    Fault(
        id="endpoint-gone-nft",
        source="F-93",
        says="the chain of the service leads to an address that no pod has",
        flow=_SERVICE_NFT,
        symptoms=(SILENCE, NO_ROUTE),
        where="node2",
        text="{gone.node1}",
        rules_of="node2",
        do=(
            "node2: nft flush chain ip kube-proxy {nft.one}",
            "node2: nft add rule ip kube-proxy {nft.one} meta l4proto tcp dnat to {gone.node1}:8080",
        ),
    ),
    Fault(
        id="no-masquerade",
        source="F-96",
        says="a node port's client outside gets its answer from the wrong address",
        flow=Flow(OUTSIDE, "node3", ONE_NODE_PORT),
        symptoms=(SILENCE,),
        where="node3",
        text="KUBE-POSTROUTING",
        rules_of="node3",
        do=("node3: iptables -t nat -F KUBE-POSTROUTING",),
    ),
    Fault(
        id="no-masquerade-nft",
        source="F-96",
        says="the same on the node whose kube-proxy uses nftables",
        flow=Flow(OUTSIDE, "node2", ONE_NODE_PORT),
        symptoms=(SILENCE,),
        where="node2",
        text="masquerading",
        rules_of="node2",
        do=("node2: nft flush chain ip kube-proxy masquerading",),
    ),
    Fault(
        id="bridge-hides-replies",
        source="F-63",
        says="bridged packets pass iptables by: the reply of a backend on the node is not translated",
        flow=_SERVICE,
        symptoms=(SILENCE,),
        where="node1",
        text="bridge-nf-call-iptables",
        do=("node1: sysctl net.bridge.bridge-nf-call-iptables=0",),
    ),
    Fault(
        id="stale-udp-entry",
        source="F-94",
        says="the entry of an old connection leads this source port to a pod that is gone",
        flow=Flow("client.node1", "svc.one", ECHO_PORT, "udp", source_port=_CLIENT_PORT),
        symptoms=(SILENCE, NO_ROUTE),
        where="node1",
        text="{gone.node1}",
        do=(
            f"node1: conntrack -D -p udp --orig-port-src {_CLIENT_PORT}",
            "node1: conntrack -I -p udp -s {client.node1} -d {svc.one} --dst-nat {gone.node1}:5353"
            f" --sport {_CLIENT_PORT} --dport 53 -t 300 -u SEEN_REPLY",
        ),
        undo=(f"node1: conntrack -D -p udp --orig-port-src {_CLIENT_PORT}",),
    ),
    Fault(
        id="endpoint-of-a-deleted-pod",
        source="F-93",
        says="kube-proxy did not hear that the only backend was replaced",
        flow=Flow("client.node1", "svc.spare", SERVICE_PORT),
        symptoms=(SILENCE, NO_ROUTE),
        where="node1",
        text="KUBE-SEP",
        rules_of="node1",
        do=(
            "cluster: kubectl delete pod --selector=app=spare",
            "cluster: kubectl rollout status deployment/spare --timeout=180s",
        ),
    ),
)
