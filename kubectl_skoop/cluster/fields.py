"""The allow-list: which fields of which kind a snapshot keeps.

An entry is 1 (the value), or what to keep inside: a map for a map, a list with one map for a list of maps.
Maps of strings (labels, selectors) are `STRINGS`. Policies are kept whole, but for layer 7.
"""

from collections.abc import Mapping
from typing import Final

STRINGS: Final = "strings"
WHOLE: Final = "whole"
"""Kept as it is written, so that its engine sees what it does not know, too."""
PRESENT: Final = "present"
"""Only that it is there: what it says may be secret (headers of HTTP rules)."""
OTHERS: Final = "*"
"""All fields that the map does not name."""
Fields = Mapping[str, object]

METADATA: Fields = {
    "name": 1,
    "namespace": 1,
    "uid": 1,
    "deletionTimestamp": 1,
    "labels": STRINGS,
    "ownerReferences": [{"kind": 1, "name": 1}],
}
METADATA_OF: Mapping[str, Fields] = {"Node": {**METADATA, "creationTimestamp": 1}}
"""Of kinds of which more is kept than `METADATA`."""
_CONDITIONS = [{"type": 1, "status": 1, "reason": 1}]
_PORTS = [
    {"name": 1, "protocol": 1, "port": 1, "targetPort": 1, "nodePort": 1, "appProtocol": 1},
]
_CONTAINER_PORTS = [{"name": 1, "containerPort": 1, "protocol": 1, "hostPort": 1, "hostIP": 1}]
_PROBE: Fields = {
    "httpGet": {"port": 1, "scheme": 1},
    "tcpSocket": {"port": 1},
    "grpc": {"port": 1},
    "exec": PRESENT,
}
_TARGET: Fields = {"kind": 1, "namespace": 1, "name": 1}
_PORT_RULES: Fields = {"ports": WHOLE, OTHERS: PRESENT}
_CILIUM_RULE: Fields = {"toPorts": [_PORT_RULES], "authentication": PRESENT, OTHERS: WHOLE}
_CILIUM_RULES = [_CILIUM_RULE]
_CILIUM_SPEC: Fields = {
    "ingress": _CILIUM_RULES,
    "ingressDeny": _CILIUM_RULES,
    "egress": _CILIUM_RULES,
    "egressDeny": _CILIUM_RULES,
    "description": PRESENT,
    OTHERS: WHOLE,
}
_CALICO_RULES = [{"http": PRESENT, "metadata": PRESENT, OTHERS: WHOLE}]
_POLICY: Fields = {"apiVersion": 1, "spec": WHOLE}
_CILIUM_POLICY: Fields = {"apiVersion": 1, "spec": _CILIUM_SPEC, "specs": [_CILIUM_SPEC]}
_CALICO_POLICY: Fields = {
    "apiVersion": 1,
    "spec": {"ingress": _CALICO_RULES, "egress": _CALICO_RULES, OTHERS: WHOLE},
}
_SUBSET_ADDRESSES = [{"ip": 1, "nodeName": 1, "targetRef": _TARGET}]

ADMIN_POLICY_KINDS = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
CALICO_POLICY_KINDS = (
    "NetworkPolicy",
    "GlobalNetworkPolicy",
    "Tier",
    "NetworkSet",
    "GlobalNetworkSet",
    "HostEndpoint",
)
CILIUM_POLICY_KINDS = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "CiliumCIDRGroup")

FIELDS: Mapping[str, Fields] = {
    "Pod": {
        "spec": {
            "nodeName": 1,
            "hostNetwork": 1,
            "serviceAccountName": 1,
            "containers": [
                {
                    "name": 1,
                    "ports": _CONTAINER_PORTS,
                    "readinessProbe": _PROBE,
                }
            ],
        },
        "status": {
            "phase": 1,
            "podIP": 1,
            "podIPs": [{"ip": 1}],
            "hostIP": 1,
            "conditions": _CONDITIONS,
            "containerStatuses": [
                {"name": 1, "ready": 1, "restartCount": 1, "state": {"waiting": {"reason": 1}}}
            ],
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
                "hints": {"forZones": [{"name": 1}], "forNodes": [{"name": 1}]},
                "targetRef": _TARGET,
            }
        ],
    },
    "Endpoints": {
        "subsets": [{"addresses": _SUBSET_ADDRESSES, "notReadyAddresses": _SUBSET_ADDRESSES, "ports": _PORTS}]
    },
    "Namespace": {},
    "ServiceCIDR": {"spec": {"cidrs": 1}},
    "NetworkPolicy": _POLICY,
    **dict.fromkeys(ADMIN_POLICY_KINDS, _POLICY),
    **dict.fromkeys(CILIUM_POLICY_KINDS, _CILIUM_POLICY),
    "CiliumCIDRGroup": {"spec": {"externalCIDRs": 1}},
    "CalicoNetworkPolicy": _CALICO_POLICY,
    "CalicoGlobalNetworkPolicy": _CALICO_POLICY,
    "CalicoTier": {"spec": {"order": 1, "defaultAction": 1}},
    "CalicoNetworkSet": {"spec": {"nets": 1, "allowedEgressDomains": PRESENT}},
    "CalicoGlobalNetworkSet": {"spec": {"nets": 1, "allowedEgressDomains": PRESENT}},
    "CalicoHostEndpoint": {"spec": {"node": 1, "interfaceName": 1, "expectedIPs": 1, "profiles": 1}},
    "DaemonSet": {
        "spec": {
            "template": {
                "metadata": {"labels": STRINGS},
                "spec": {
                    "hostNetwork": 1,
                    "serviceAccountName": 1,
                    "containers": [{"name": 1, "image": 1, "ports": _CONTAINER_PORTS}],
                },
            }
        },
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

CLUSTER_WIDE = frozenset(
    {
        "Node",
        "Namespace",
        "ServiceCIDR",
        "IPPool",
        "CalicoNode",
        "BlockAffinity",
        *ADMIN_POLICY_KINDS,
        "CiliumClusterwideNetworkPolicy",
        "CiliumCIDRGroup",
        "CalicoGlobalNetworkPolicy",
        "CalicoTier",
        "CalicoGlobalNetworkSet",
        "CalicoHostEndpoint",
    }
)
