"""Every form of a name, and what it says where a name does not fit."""

from collections.abc import Mapping
from ipaddress import ip_address

import pytest

from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.objects import Object, Ref
from kubectl_skoop.cluster.ports import port_number
from kubectl_skoop.cluster.resolve import Target, pair, resolve
from kubectl_skoop.model.errors import InputError, SectionDamaged, UnknownName
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Endpoint


def pod(
    key: str, *addresses: str, phase: str = "Running", owner: str = "", ready: bool = True, **spec: object
) -> Object:
    namespace, name = key.split("/")
    kind, _, owner_name = owner.partition("/")
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"pod-template-hash": "7d9f"},
            "ownerReferences": [{"kind": kind, "name": owner_name}] if owner else [],
        },
        "spec": {
            "nodeName": "n1",
            "containers": [
                {"name": "c", "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}
            ],
            **spec,
        },
        "status": {
            "phase": phase,
            "podIP": addresses[0] if addresses else "",
            "podIPs": [{"ip": address} for address in addresses],
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def service(
    key: str, *addresses: str, kind: str = "ClusterIP", status: object = None, **spec: object
) -> Object:
    namespace, name = key.split("/")
    ports = [
        {"name": "http", "port": 80, "targetPort": "http"},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    ]
    cluster_ips = list(addresses) or ["None"]
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": kind,
            "clusterIP": cluster_ips[0],
            "clusterIPs": cluster_ips,
            "ports": ports,
            **spec,
        },
        "status": status or {},
    }


def endpoint_slice(key: str, *addresses: str) -> Object:
    namespace, name = key.split("/")
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-x",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address]} for address in addresses],
    }


OBJECTS: Mapping[str, list[Object]] = {
    "Node": [
        {
            "kind": "Node",
            "metadata": {"name": "n1"},
            "status": {
                "addresses": [
                    {"type": "Hostname", "address": "n1"},
                    {"type": "ExternalIP", "address": "203.0.113.1"},
                    {"type": "InternalIP", "address": "192.168.0.1"},
                ]
            },
        },
        {"kind": "Node", "metadata": {"name": "bare"}},
    ],
    "Pod": [
        pod("default/a", "10.0.0.1", "fd00::1"),
        pod("shop/web-7d9f-x", "10.0.0.2", owner="ReplicaSet/web-7d9f", ready=False),
        pod("shop/web-7d9f-y", "10.0.0.3", owner="ReplicaSet/web-7d9f"),
        pod("shop/db-0", "10.0.0.4", owner="StatefulSet/db"),
        pod("kube-system/agent-q", "192.168.0.1", owner="DaemonSet/agent", hostNetwork=True),
        pod("default/twin", "10.0.0.5"),
        pod("shop/twin", "10.0.0.6"),
        pod("default/pending", phase="Pending"),
        pod("default/done", "10.0.0.1", phase="Succeeded"),
        pod("v6/only", "fd00::9"),
        pod("default/one", "10.0.0.77"),
        pod("shop/double", "10.0.0.77", phase="Pending"),
        pod("shop/db-a", "10.0.0.8", owner="Job/x"),
    ],
    "Service": [
        service("shop/web", "10.96.0.1"),
        service("shop/dual", "fd00:96::1", "10.96.0.2"),
        service("shop/headless"),
        service("shop/empty"),
        service("shop/out", kind="ExternalName", externalName="example.net"),
        service(
            "shop/lb",
            "10.96.0.3",
            kind="LoadBalancer",
            externalIPs=["203.0.113.9"],
            status={"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}, {"hostname": "x"}]}},
        ),
    ],
    "EndpointSlice": [endpoint_slice("shop/headless", "10.0.0.4", "10.0.0.3")],
}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(PlainObjects(OBJECTS))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("pod/a", "pod default/a 10.0.0.1 fd00::1", id="a pod whose name is unique"),
        pytest.param("po/a", "pod default/a 10.0.0.1 fd00::1", id="kubectl's short word"),
        pytest.param("default/a", "pod default/a 10.0.0.1 fd00::1", id="namespace and pod"),
        pytest.param("pod/shop/twin", "pod shop/twin 10.0.0.6", id="word, namespace and pod"),
        pytest.param("deploy/web", "pod shop/web-7d9f-y 10.0.0.3", id="the ready pod of a Deployment"),
        pytest.param("deployment/shop/web", "pod shop/web-7d9f-y 10.0.0.3", id="a Deployment by namespace"),
        pytest.param("sts/db", "pod shop/db-0 10.0.0.4", id="a StatefulSet"),
        pytest.param("ds/agent", "pod kube-system/agent-q 192.168.0.1", id="a DaemonSet with hostNetwork"),
        pytest.param("svc/web", "service shop/web 10.96.0.1", id="a service"),
        pytest.param("svc/web:http", "service shop/web 10.96.0.1 :80", id="a service and a port's name"),
        pytest.param("svc/web:dns", "service shop/web 10.96.0.1 :53", id="a port of another protocol"),
        pytest.param("svc/web:81", "service shop/web 10.96.0.1 :81", id="a port that the service lacks"),
        pytest.param("svc/shop/web:80", "service shop/web 10.96.0.1 :80", id="a service by namespace"),
        pytest.param("web.shop.svc", "service shop/web 10.96.0.1", id="a DNS name"),
        pytest.param(
            "web.shop.svc.cluster.local:http", "service shop/web 10.96.0.1 :80", id="a long DNS name"
        ),
        pytest.param("svc/headless", "pod shop/web-7d9f-y 10.0.0.3", id="an endpoint of a headless service"),
        pytest.param(
            "node/n1", "node n1 192.168.0.1 203.0.113.1", id="a node: InternalIP first, no host name"
        ),
        pytest.param("10.0.0.2", "pod shop/web-7d9f-x 10.0.0.2", id="a pod's address"),
        pytest.param("10.0.0.1", "pod default/a 10.0.0.1", id="an address that a finished pod had before"),
        pytest.param("10.0.0.77", "pod default/one 10.0.0.77", id="of two owners the running one"),
        pytest.param("192.168.0.1", "node n1 192.168.0.1", id="a node's address, also a hostNetwork pod's"),
        pytest.param("10.96.0.1", "service shop/web 10.96.0.1", id="a cluster IP"),
        pytest.param("10.96.0.3", "service shop/lb 10.96.0.3", id="the cluster IP of a LoadBalancer"),
        pytest.param("203.0.113.9", "lb shop/lb 203.0.113.9", id="an external IP of a LoadBalancer"),
        pytest.param("203.0.113.10", "lb shop/lb 203.0.113.10", id="an ingress IP"),
        pytest.param("8.8.8.8", "external 8.8.8.8 8.8.8.8", id="an address that nobody has"),
        pytest.param("FD00:0::1", "pod default/a fd00::1", id="an IPv6 address in another spelling"),
        pytest.param("fe80::1", "external fe80::1 fe80::1", id="a link-local address"),
        pytest.param("fe80::1%eth0", "external fe80::1 fe80::1 %eth0", id="one behind a device"),
    ],
)
def test_a_name_is_found(cluster: Cluster, written: str, expected: str) -> None:
    target = resolve(cluster, written)
    port = [f":{target.port}"] if target.port else []
    port += [f"%{target.scope}"] if target.scope else []
    assert " ".join([target.kind, target.name, *map(str, target.addresses), *port]) == expected


@pytest.mark.parametrize(
    ("written", "namespace", "kind", "message"),
    [
        ("pod/twin", "", InputError, "pod twin is in several namespaces: pod/default/twin, pod/shop/twin"),
        ("pod/aa", "", UnknownName, "there is no pod aa; the nearest: a"),
        ("shop/db-1", "", UnknownName, "there is no pod shop/db-1; the nearest: shop/db-a, shop/db-0"),
        ("pod/a", "shop", UnknownName, "there is no pod shop/a"),
        ("svc/wbe", "", UnknownName, "there is no service wbe; the nearest: web"),
        ("svc/web:htp", "", InputError, "service shop/web has no port htp: http (80/TCP), dns (53/UDP)"),
        ("svc/web:0", "", InputError, "port 0: 1 to 65535"),
        ("svc/web:70000", "", InputError, "port 70000: 1 to 65535"),
        ("svc/web:" + "9" * 5000, "", InputError, "port 99999999999999999999: 1 to 65535"),
        ("node/n2", "", UnknownName, "there is no node n2; the nearest: n1"),
        ("node/bare", "", InputError, "node bare has no address in its status"),
        ("node/x/n1", "", InputError, "'node/x/n1' is no name that can be looked up"),
        ("deploy/wep", "", UnknownName, "there is no pod of Deployment wep; the nearest: web"),
        ("web.shop.svx", "", InputError, "'web.shop.svx' is no name that can be looked up"),
        ("wep.shop.svc", "", UnknownName, "there is no service shop/wep; the nearest: shop/web"),
        ("pod/a:80", "", InputError, "'pod/a:80' is no name that can be looked up"),
        ("pod/", "", InputError, "'pod/' is no name that can be looked up"),
        ("a/b/c/d", "", InputError, "'a/b/c/d' is no name that can be looked up"),
        ("", "", InputError, "'' is no name that can be looked up"),
        ("fe80::1%", "", InputError, "'fe80::1%' is no name that can be looked up"),
        ("fd00::1%eth0", "", InputError, "'fd00::1%eth0' is no name that can be looked up"),
        ("10.0.0.1%eth0", "", InputError, "'10.0.0.1%eth0' is no name that can be looked up"),
        ("pod/pending", "", InputError, "pod default/pending has no address yet (Pending)"),
        ("pod/done", "", InputError, "pod default/done has ended (Succeeded): it has no network any more"),
        ("svc/out", "", InputError, "service shop/out stands for the name example.net: ask for its address"),
        ("svc/empty", "", InputError, "service shop/empty is headless and has no endpoint that is ready"),
    ],
)
def test_a_name_that_does_not_fit_says_why(
    cluster: Cluster, written: str, namespace: str, kind: type[InputError], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolve(cluster, written, namespace)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(message)


def test_the_default_namespace_decides(cluster: Cluster) -> None:
    assert resolve(cluster, "pod/twin", "shop").name == "shop/twin"


def test_a_chosen_pod_is_named(cluster: Cluster) -> None:
    assert resolve(cluster, "deploy/web").note == "pod shop/web-7d9f-y for Deployment web, which has 2"


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("pod/a", "svc/dual", ("fd00::1", "fd00:96::1")),
        ("default/twin", "svc/dual", ("10.0.0.5", "10.96.0.2")),
        ("pod/a", "10.0.0.2", ("10.0.0.1", "10.0.0.2")),
        ("pod/a", "v6/only", ("fd00::1", "fd00::9")),
    ],
    ids=["the destination's first family", "the family that both have", "IPv4 for IPv4", "IPv6 for IPv6"],
)
def test_addresses_are_of_one_family(
    cluster: Cluster, source: str, destination: str, expected: tuple[str, str]
) -> None:
    here, there = pair(resolve(cluster, source), resolve(cluster, destination))
    assert (str(here.address), str(there.address)) == expected


def test_different_families_only_are_refused(cluster: Cluster) -> None:
    with pytest.raises(InputError, match="shop/twin has only IPv4 addresses, v6/only only IPv6"):
        pair(resolve(cluster, "shop/twin"), resolve(cluster, "v6/only"))


def test_two_owners_of_an_address_are_both_told(cluster: Cluster) -> None:
    owners = cluster.owners(ip_address("10.0.0.77"))
    assert owners == (Ref("Pod", "default", "one"), Ref("Pod", "shop", "double"))


def test_a_target_lacks_a_family(cluster: Cluster) -> None:
    target = Target(kind="pod", name="x/y", addresses=(ip_address("10.0.0.1"),))
    assert target.endpoint(6) is None
    assert target.endpoint(4) == Endpoint("pod", "x/y", ip_address("10.0.0.1"))


@pytest.mark.parametrize(
    ("destination", "written", "protocol", "expected"),
    [
        ("svc/web", "http", "tcp", 80),
        ("svc/web", "", "tcp", 80),
        ("svc/web", "", "udp", 53),
        ("svc/web", "8081", "tcp", 8081),
        ("pod/a", "http", "tcp", 8080),
        ("203.0.113.9", "http", "tcp", 80),
        ("svc/web", "dns", "tcp", "service shop/web has no port dns"),
        ("svc/web", "", "sctp", "service shop/web has 0 ports of SCTP"),
        ("pod/a", "http", "udp", "pod default/a has no port http of UDP: http (8080/TCP)"),
        ("pod/a", "", "tcp", "which port of default/a?"),
        ("node/n1", "http", "tcp", "port 'http': only services and pods give names to ports"),
        ("node/n1", "65536", "tcp", "port 65536: 1 to 65535"),
    ],
)
def test_a_port_is_a_number_or_a_name(
    cluster: Cluster, destination: str, written: str, protocol: str, expected: int | str
) -> None:
    target = resolve(cluster, destination)
    endpoint = Endpoint(target.kind, target.name, target.addresses[0])
    if isinstance(expected, int):
        assert port_number(cluster, endpoint, written, protocol) == expected
    else:
        with pytest.raises(InputError) as caught:
            port_number(cluster, endpoint, written, protocol)
        assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("pod/a", "Pod"),
        ("default/a", "Pod"),
        ("svc/web", "Service"),
        ("node/n1", "Node"),
        ("deploy/web", "Pod"),
    ],
)
def test_without_objects_a_name_cannot_be_looked_up(written: str, kind: str) -> None:
    with pytest.raises(UnknownName, match=f"cannot be looked up: there are no objects of kind {kind}"):
        resolve(Cluster(PlainObjects({})), written)


def test_with_lost_objects_nothing_can_be_said() -> None:
    class Lost(PlainObjects):
        def objects(self, kind: str, namespace: str = "") -> NotCollected:
            return NotCollected(f"objects/{kind}", "lost", "1 of 2 parts are left")

    with pytest.raises(SectionDamaged, match="1 of 2 parts are left"):
        resolve(Cluster(Lost({})), "default/a")
