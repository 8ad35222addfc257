"""Faults of objects: kube-proxy does what they say."""

from tests.e2e.faults import Fault
from tests.e2e.flow import OUTSIDE, Flow
from tests.e2e.probe import REFUSED, SILENCE
from tests.e2e.workloads import ONE_NODE_PORT, SERVICE_PORT

_SERVICE = Flow("client.node1", "svc.one", SERVICE_PORT)
_SERVICE_NFT = Flow("client.node2", "svc.one", SERVICE_PORT)


def _service_one(spec: str) -> str:
    return f"cluster: kubectl patch service one --patch='{{\"spec\": {spec}}}'"


OBJECTS = (
    Fault(
        id="target-port-wrong",
        source="F-91",
        says="the service's target port is not the port that the pod listens on",
        flow=_SERVICE,
        symptoms=(REFUSED,),
        where="one",
        text="8081",
        do=(_service_one('{"ports": [{"port": 80, "targetPort": 8081}]}'),),
        undo=(_service_one('{"ports": [{"port": 80, "targetPort": 8080}]}'),),
    ),
    Fault(
        id="no-endpoints",
        source="F-90",
        says="the service selects no pod",
        flow=_SERVICE,
        symptoms=(REFUSED,),
        where="svc.one",
        do=(_service_one('{"selector": {"app": "nobody"}}'),),
        undo=(_service_one('{"selector": {"app": "one"}}'),),
    ),
    Fault(
        id="no-endpoints-nft",
        source="F-90",
        says="the same on the node whose kube-proxy uses nftables",
        flow=_SERVICE_NFT,
        symptoms=(REFUSED,),
        where="svc.one",
        do=(_service_one('{"selector": {"app": "nobody"}}'),),
        undo=(_service_one('{"selector": {"app": "one"}}'),),
    ),
    Fault(
        id="no-local-endpoint-for-outside",
        source="F-92",
        says="clients outside get only backends on the node that they ask, which has none",
        flow=Flow(OUTSIDE, "node3", ONE_NODE_PORT),
        symptoms=(SILENCE,),
        where="svc.one",
        text="externalTrafficPolicy",
        do=(_service_one('{"externalTrafficPolicy": "Local"}'),),
        undo=(_service_one('{"externalTrafficPolicy": "Cluster"}'),),
    ),
    Fault(
        id="no-local-endpoint-for-outside-nft",
        source="F-92",
        says="the same on the node whose kube-proxy uses nftables",
        flow=Flow(OUTSIDE, "node2", ONE_NODE_PORT),
        symptoms=(SILENCE,),
        where="svc.one",
        text="externalTrafficPolicy",
        do=(_service_one('{"externalTrafficPolicy": "Local"}'),),
        undo=(_service_one('{"externalTrafficPolicy": "Cluster"}'),),
    ),
    Fault(
        id="no-local-endpoint-for-pods",
        source="F-92",
        says="pods get only backends on their own node, which has none",
        flow=Flow("client.node3", "svc.one", SERVICE_PORT),
        symptoms=(SILENCE,),
        where="svc.one",
        text="internalTrafficPolicy",
        do=(_service_one('{"internalTrafficPolicy": "Local"}'),),
        undo=(_service_one('{"internalTrafficPolicy": "Cluster"}'),),
    ),
)
