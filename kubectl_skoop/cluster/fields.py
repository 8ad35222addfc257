"""The allow-list: which fields of which kind a snapshot keeps.

An entry is 1 (the value), or what to keep inside: a map for a map, a list with one map for a list of maps.
Maps of strings (labels, selectors) are `STRINGS`.
"""

from collections.abc import Mapping
from typing import Final

STRINGS: Final = "strings"
Fields = Mapping[str, object]

METADATA: Fields = {
    "name": 1,
    "namespace": 1,
    "uid": 1,
    "deletionTimestamp": 1,
    "labels": STRINGS,
    "ownerReferences": [{"kind": 1, "name": 1}],
}
_CONDITIONS = [{"type": 1, "status": 1, "reason": 1}]
_PORTS = [
    {"name": 1, "protocol": 1, "port": 1, "targetPort": 1, "nodePort": 1, "appProtocol": 1},
]
_TARGET: Fields = {"kind": 1, "namespace": 1, "name": 1}
_SELECTOR: Fields = {
    "matchLabels": STRINGS,
    "matchExpressions": [{"key": 1, "operator": 1, "values": 1}],
}
_PEERS = [
    {
        "podSelector": _SELECTOR,
        "namespaceSelector": _SELECTOR,
        "ipBlock": {"cidr": 1, "except": 1},
    }
]
_POLICY_PORTS = [{"protocol": 1, "port": 1, "endPort": 1}]
_SUBSET_ADDRESSES = [{"ip": 1, "nodeName": 1, "targetRef": _TARGET}]

FIELDS: Mapping[str, Fields] = {
    "Pod": {
        "spec": {
            "nodeName": 1,
            "hostNetwork": 1,
            "containers": [
                {
                    "name": 1,
                    "ports": [{"name": 1, "containerPort": 1, "protocol": 1, "hostPort": 1, "hostIP": 1}],
                }
            ],
        },
        "status": {
            "phase": 1,
            "podIP": 1,
            "podIPs": [{"ip": 1}],
            "hostIP": 1,
            "conditions": _CONDITIONS,
            "containerStatuses": [{"name": 1, "ready": 1}],
        },
    },
    "Node": {
        "spec": {"podCIDR": 1, "podCIDRs": 1, "unschedulable": 1, "providerID": 1},
        "status": {
            "addresses": [{"type": 1, "address": 1}],
            "conditions": _CONDITIONS,
            "nodeInfo": {"kernelVersion": 1, "kubeProxyVersion": 1, "kubeletVersion": 1},
        },
    },
    "Service": {
        "spec": {
            "type": 1,
            "clusterIP": 1,
            "clusterIPs": 1,
            "externalIPs": 1,
            "externalName": 1,
            "ports": _PORTS,
            "selector": STRINGS,
            "sessionAffinity": 1,
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 1}},
            "internalTrafficPolicy": 1,
            "externalTrafficPolicy": 1,
            "trafficDistribution": 1,
            "healthCheckNodePort": 1,
            "ipFamilies": 1,
            "loadBalancerClass": 1,
            "loadBalancerSourceRanges": 1,
            "publishNotReadyAddresses": 1,
        },
        "status": {"loadBalancer": {"ingress": [{"ip": 1, "hostname": 1, "ipMode": 1}]}},
    },
    "EndpointSlice": {
        "addressType": 1,
        "ports": _PORTS,
        "endpoints": [
            {
                "addresses": 1,
                "nodeName": 1,
                "zone": 1,
                "conditions": {"ready": 1, "serving": 1, "terminating": 1},
                "hints": {"forZones": [{"name": 1}]},
                "targetRef": _TARGET,
            }
        ],
    },
    "Endpoints": {
        "subsets": [{"addresses": _SUBSET_ADDRESSES, "notReadyAddresses": _SUBSET_ADDRESSES, "ports": _PORTS}]
    },
    "Namespace": {},
    "NetworkPolicy": {
        "spec": {
            "podSelector": _SELECTOR,
            "policyTypes": 1,
            "ingress": [{"from": _PEERS, "ports": _POLICY_PORTS}],
            "egress": [{"to": _PEERS, "ports": _POLICY_PORTS}],
        }
    },
    "DaemonSet": {
        "spec": {"template": {"spec": {"containers": [{"name": 1, "image": 1}]}}},
        "status": {"desiredNumberScheduled": 1, "numberReady": 1},
    },
    "IPPool": {
        "spec": {
            "cidr": 1,
            "ipipMode": 1,
            "vxlanMode": 1,
            "natOutgoing": 1,
            "disabled": 1,
            "blockSize": 1,
            "nodeSelector": 1,
        }
    },
    "CalicoNode": {
        "spec": {
            "bgp": {"ipv4Address": 1, "ipv6Address": 1, "ipv4IPIPTunnelAddr": 1, "asNumber": 1},
            "ipv4VXLANTunnelAddr": 1,
            "vxlanTunnelMACAddr": 1,
        }
    },
    "BlockAffinity": {"spec": {"cidr": 1, "node": 1, "state": 1, "deleted": 1}},
}

CLUSTER_WIDE = frozenset({"Node", "Namespace", "IPPool", "CalicoNode", "BlockAffinity"})
