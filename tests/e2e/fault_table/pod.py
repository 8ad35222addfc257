"""Faults inside pods."""

from tests.e2e.faults import Fault
from tests.e2e.flow import ACROSS, Flow
from tests.e2e.probe import NO_NETWORK, NO_ROUTE, REFUSED, SILENCE

_TO_CLIENT = Flow("client.node1", "client.node2")

POD = (
    Fault(
        id="pod-device-down",
        source="F-01",
        says="the device of the pod is down",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="web.node2",
        text="eth0",
        do=("web.node2: ip link set eth0 down",),
        undo=(
            "web.node2: ip link set eth0 up",
            "web.node2: ip route replace default via {gateway.node2}",
        ),
    ),
    Fault(
        id="pod-no-default-route",
        source="F-03",
        says="the client has no default route",
        flow=ACROSS,
        symptoms=(NO_NETWORK,),
        where="client.node1",
        do=("client.node1: ip route del default",),
        undo=("client.node1: ip route add default via {gateway.node1}",),
    ),
    Fault(
        id="pod-no-way-back",
        source="F-03",
        says="the server has no default route: the request arrives, the reply does not set out",
        flow=ACROSS,
        symptoms=(SILENCE,),
        where="web.node2",
        do=("web.node2: ip route del default",),
        undo=("web.node2: ip route add default via {gateway.node2}",),
    ),
    Fault(
        id="pod-wrong-gateway",
        source="F-04",
        says="the gateway of the client does not exist",
        flow=ACROSS,
        symptoms=(SILENCE, NO_ROUTE),
        where="client.node1",
        text="{gone.node1}",
        do=("client.node1: ip route replace default via {gone.node1}",),
        undo=("client.node1: ip route replace default via {gateway.node1}",),
    ),
    Fault(
        id="pod-process-ended",
        source="F-91",
        says="nothing listens in the server",
        flow=_TO_CLIENT,
        symptoms=(REFUSED,),
        where="client.node2",
        text="8080",
        do=("client.node2: inside killall httpd",),
        undo=("client.node2: inside httpd -p 0.0.0.0:8080 -h /tmp/www",),
    ),
    Fault(
        id="pod-listens-on-loopback",
        source="F-05",
        says="the server listens on 127.0.0.1 only",
        flow=_TO_CLIENT,
        symptoms=(REFUSED,),
        where="client.node2",
        text="127.0.0.1",
        do=(
            "client.node2: inside killall httpd",
            "client.node2: inside httpd -p 127.0.0.1:8080 -h /tmp/www",
        ),
        undo=(
            "client.node2: inside killall httpd",
            "client.node2: inside httpd -p 0.0.0.0:8080 -h /tmp/www",
        ),
    ),
    Fault(
        id="pod-listens-on-another-port",
        source="F-91",
        says="the server listens on another port",
        flow=_TO_CLIENT,
        symptoms=(REFUSED,),
        where="client.node2",
        text="8080",
        do=(
            "client.node2: inside killall httpd",
            "client.node2: inside httpd -p 0.0.0.0:8081 -h /tmp/www",
        ),
        undo=(
            "client.node2: inside killall httpd",
            "client.node2: inside httpd -p 0.0.0.0:8080 -h /tmp/www",
        ),
    ),
    Fault(
        id="pod-firewall",
        source="F-15",
        says="a firewall inside the pod drops",
        flow=ACROSS,
        symptoms=(SILENCE,),
        where="web.node2",
        text="--dport 8080 -j DROP",
        do=("web.node2: iptables -A INPUT -p tcp --dport 8080 -j DROP",),
        undo=("web.node2: iptables -D INPUT -p tcp --dport 8080 -j DROP",),
    ),
    Fault(
        id="pod-redirect-to-nobody",
        source="F-08",
        says="a sidecar's redirect leads to a port where nothing listens",
        flow=ACROSS,
        symptoms=(REFUSED,),
        where="client.node1",
        text="15001",
        do=("client.node1: iptables -t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 15001",),
        undo=("client.node1: iptables -t nat -D OUTPUT -p tcp -j REDIRECT --to-ports 15001",),
    ),
)
