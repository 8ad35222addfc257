"""A small cluster, with policies of every kind and each form of peer and port."""

from collections.abc import Mapping

Fields = dict[str, object]
_CALICO, _CILIUM, _ADMIN = "projectcalico.org/v3", "cilium.io/v2", "policy.networking.k8s.io/v1alpha1"
_SOME = {
    "matchLabels": {"app": "b"},
    "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["x"]},
        {"key": "old", "operator": "DoesNotExist"},
    ],
}


def _made(kind: str, name: str, api: str = "v1", namespace: str = "shop", **fields: object) -> Fields:
    metadata: Fields = {"name": name, "labels": {"app": name}}
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
        **fields,
    }


def _pod(name: str, address: str) -> Fields:
    ports = [{"name": "http", "containerPort": 80, "protocol": "TCP"}]
    spec = {"nodeName": "n1", "containers": [{"name": "c", "ports": ports}]}
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}, {"ip": "fd00::7"}]}
    return _made("Pod", name, spec=spec, status=status)


def _cluster() -> list[Fields]:
    service_ports = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "nodePort": 30080}]
    endpoint = {
        "addresses": ["10.0.0.2"],
        "conditions": {"ready": True},
        "nodeName": "n1",
        "hints": {"forZones": []},
    }
    labels = {"kubernetes.io/service-name": "web"}
    slice_ = _made(
        "EndpointSlice",
        "web-1",
        "discovery.k8s.io/v1",
        addressType="IPv4",
        ports=[{"name": "http", "port": 80, "protocol": "TCP"}],
        endpoints=[endpoint],
    )
    slice_["metadata"] = {"name": "web-1", "namespace": "shop", "labels": labels}
    addresses = [{"type": "InternalIP", "address": "192.0.2.1"}]
    template = {"metadata": {"labels": {"app": "t"}}, "spec": {"containers": [{"name": "c"}]}}
    return [
        _made("Namespace", "shop", namespace=""),
        _made(
            "Node",
            "n1",
            namespace="",
            spec={"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"], "providerID": "aws:///a/i-1"},
            status={"addresses": addresses, "conditions": [{"type": "Ready", "status": "True"}]},
        ),
        _pod("a", "10.0.0.1"),
        _pod("b", "10.0.0.2"),
        _made(
            "Service",
            "web",
            spec={
                "clusterIP": "10.96.0.1",
                "clusterIPs": ["10.96.0.1"],
                "type": "LoadBalancer",
                "ports": service_ports,
                "selector": {"app": "b"},
                "externalIPs": ["192.0.2.9"],
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
                "externalTrafficPolicy": "Local",
                "loadBalancerSourceRanges": ["10.0.0.0/8"],
            },
            status={"loadBalancer": {"ingress": [{"ip": "192.0.2.7", "hostname": "x.example"}]}},
        ),
        slice_,
        _made(
            "Endpoints",
            "web",
            subsets=[{"addresses": [{"ip": "10.0.0.2"}], "ports": [{"name": "http", "port": 80}]}],
        ),
        _made("Deployment", "t", "apps/v1", spec={"replicas": 1, "selector": {}, "template": template}),
    ]


def _policies() -> list[Fields]:
    port: Mapping[str, object] = {"portNumber": {"port": 80, "protocol": "TCP"}}
    admin_rule = {
        "name": "r",
        "action": "Allow",
        "from": [
            {"namespaces": {"matchLabels": {"app": "shop"}}},
            {"pods": {"namespaceSelector": {}, "podSelector": _SOME}},
        ],
        "ports": [port, {"portRange": {"start": 1, "end": 9, "protocol": "UDP"}}, {"namedPort": "http"}],
    }
    to = {
        "action": "Deny",
        "to": [{"networks": ["10.0.0.0/8"]}, {"nodes": {}}, {"domainNames": ["*.example"]}],
    }
    cluster_rule = {
        "action": "Accept",
        "from": [{"namespaces": {}}],
        "protocols": [{"tcp": {"destinationPort": {"number": 80}}}],
    }
    calico = {
        "order": 10,
        "selector": "app == 'a' && has(tier) || !(all()) && tier in {'x', 'y'}",
        "types": ["Ingress", "Egress"],
        "ingress": [
            {
                "action": "Allow",
                "protocol": "TCP",
                "source": {"selector": "app == 'b'", "nets": ["10.0.0.0/8"], "notNets": ["10.1.0.0/16"]},
                "destination": {"ports": [80, "1:9", "http"], "serviceAccounts": {"names": ["x"]}},
            },
            {"action": "Deny", "protocol": "ICMP", "icmp": {"type": 8, "code": 0}},
        ],
        "egress": [{"action": "Pass", "destination": {"services": {"name": "web", "namespace": "shop"}}}],
    }
    cilium = {
        "endpointSelector": {"matchLabels": {"app": "a"}},
        "ingress": [
            {
                "fromEndpoints": [
                    {"matchLabels": {"k8s:app": "b", "k8s:io.kubernetes.pod.namespace": "shop"}}
                ],
                "toPorts": [
                    {"ports": [{"port": "80", "endPort": 90, "protocol": "TCP"}], "rules": {"http": [{}]}}
                ],
            },
            {"fromEntities": ["world", "cluster"], "icmps": [{"fields": [{"type": 8, "family": "IPv4"}]}]},
            {"fromCIDR": ["10.0.0.0/8"], "fromCIDRSet": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}]},
        ],
        "egress": [
            {"toFQDNs": [{"matchName": "x.example"}], "toServices": [{"k8sService": {"serviceName": "web"}}]}
        ],
        "ingressDeny": [{"fromEntities": ["all"]}],
        "enableDefaultDeny": {"egress": False},
    }
    plain = {
        "podSelector": _SOME,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {}, "namespaceSelector": _SOME},
                    {"ipBlock": {"cidr": "::/0", "except": ["fd00::/8"]}},
                ],
                "ports": [
                    {"port": 80, "endPort": 90, "protocol": "TCP"},
                    {"port": "http"},
                    {"protocol": "SCTP"},
                ],
            }
        ],
        "egress": [{}],
    }
    subject = {"namespaces": {"matchLabels": {"app": "shop"}}}
    admin = {"priority": 5, "subject": subject, "ingress": [admin_rule], "egress": [to]}
    baseline = {"subject": {"pods": {"namespaceSelector": {}, "podSelector": {}}}, "ingress": [admin_rule]}
    return [
        _made("NetworkPolicy", "np", "networking.k8s.io/v1", spec=plain),
        _made("AdminNetworkPolicy", "anp", _ADMIN, "", spec=admin),
        _made("BaselineAdminNetworkPolicy", "default", _ADMIN, "", spec=baseline),
        _made(
            "ClusterNetworkPolicy",
            "cnp",
            "policy.networking.k8s.io/v1alpha2",
            "",
            spec={"tier": "Admin", "priority": 3, "subject": subject, "ingress": [cluster_rule]},
        ),
        _made("NetworkPolicy", "calico", _CALICO, spec=calico),
        _made(
            "GlobalNetworkPolicy",
            "global",
            _CALICO,
            "",
            spec={**calico, "tier": "default", "namespaceSelector": "all()"},
        ),
        _made("GlobalNetworkPolicy", "crd", "crd.projectcalico.org/v1", "", spec=calico),
        _made("Tier", "t", _CALICO, "", spec={"order": 100, "defaultAction": "Pass"}),
        _made("NetworkSet", "set", _CALICO, spec={"nets": ["10.0.0.0/8"]}),
        _made("CiliumNetworkPolicy", "cilium", _CILIUM, spec=cilium),
        _made("CiliumNetworkPolicy", "several", _CILIUM, specs=[cilium]),
        _made("CiliumClusterwideNetworkPolicy", "all", _CILIUM, "", spec={**cilium, "nodeSelector": {}}),
    ]


def examples() -> list[Fields]:
    return [*_cluster(), *_policies()]
