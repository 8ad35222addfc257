"""Services of every shape, with the endpoints that somebody else made: objects for an API server.

Nodes are `node1` and on; the odd ones are in zone `a`, the even ones in zone `b`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.e2e.underlay import node_name, pod_range

Object = dict[str, Any]
NAMESPACE = "shapes"
LAST_NODE_PORT = 30_010
"""Of the service that is written after all others; from the range that the API server leaves for such."""
TCP, UDP, SCTP = "TCP", "UDP", "SCTP"
UNSERVED_BY_KUBE_ROUTER = frozenset(
    {
        ("service.untranslated", f"{NAMESPACE}/sctp"),
        ("service.missing-backend", f"{NAMESPACE}/unsaid"),
        *(
            ("service.wrong-source-ranges", f"{NAMESPACE}/balancer-{name}")
            for name in ("few", "ranges", "ranges-local")
        ),
    }
)
"""It knows neither SCTP nor source ranges, and takes conditions that are not set for not ready."""
ZONES = ("b", "a")
READY: Mapping[str, bool] = {"ready": True, "serving": True, "terminating": False}
NOT_READY: Mapping[str, bool] = {"ready": False, "serving": False, "terminating": False}
LEAVING: Mapping[str, bool] = {"ready": False, "serving": True, "terminating": True}
GONE: Mapping[str, bool] = {"ready": False, "serving": False, "terminating": True}
LOCAL_OUTSIDE, LOCAL_INSIDE = {"externalTrafficPolicy": "Local"}, {"internalTrafficPolicy": "Local"}
BALANCED = {"type": "LoadBalancer"}
NODE_PORT = {"type": "NodePort"}


def zone(node: int) -> str:
    return ZONES[node % 2]


def pod(node: int, number: int, *, family: int = 4) -> str:
    return f"fd00:244:{node}::{number:x}" if family == 6 else str(pod_range(node)[number])


def endpoint(node: int, number: int, *, family: int = 4, named: bool = True, **fields: Any) -> Object:
    made = {"addresses": [pod(node, number, family=family)], "conditions": dict(READY), **fields}
    return made | ({"nodeName": node_name(node)} if named else {})


def everywhere(number: int, nodes: Sequence[int] = (1, 2, 3), **fields: Any) -> list[Object]:
    """One endpoint a node."""
    return [endpoint(node, number, **fields) for node in nodes]


def port(number: int, name: str = "", protocol: str = TCP, **fields: Any) -> Object:
    return {"port": number, "protocol": protocol, **({"name": name} if name else {}), **fields}


def slice_port(number: int | None, name: str = "", protocol: str = TCP) -> Object:
    return {"port": number, "protocol": protocol, "name": name}


def service(name: str, ports: Sequence[Object], **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"ports": list(ports), **spec},
    }


def endpoint_slice(
    name: str, endpoints: Sequence[Object], ports: Sequence[Object], *, number: int = 1, family: int = 4
) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-{number}",
            "namespace": NAMESPACE,
            "labels": {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "shapes",
            },
        },
        "addressType": f"IPv{family}",
        "endpoints": list(endpoints),
        "ports": list(ports),
    }


def simple(name: str, endpoints: Sequence[Object], **spec: Any) -> list[Object]:
    """One TCP port 80, 8080 behind it."""
    return [
        service(name, [port(80)], **spec),
        endpoint_slice(name, endpoints, [slice_port(8080)]),
    ]


def balanced(
    name: str, endpoints: Sequence[Object], ingress: Sequence[Mapping[str, str]], **spec: Any
) -> list[Object]:
    made, *slices = simple(name, endpoints, **BALANCED, **spec)
    return [made | {"status": {"loadBalancer": {"ingress": [dict(one) for one in ingress]}}}, *slices]


def vip(last: int) -> dict[str, str]:
    return {"ip": f"203.0.113.{last}", "ipMode": "VIP"}


def affinity(seconds: int) -> Object:
    return {
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}},
    }


def hinted(node: int, number: int, zones: Sequence[str] = (), nodes: Sequence[int] = ()) -> Object:
    hints = {
        "forZones": [{"name": one} for one in zones],
        "forNodes": [{"name": node_name(one)} for one in nodes],
    }
    return endpoint(node, number, hints={key: value for key, value in hints.items() if value})


def shapes() -> Iterator[list[Object]]:
    """The objects of one service after the other."""
    yield simple("plain", everywhere(10))
    yield simple("single", [endpoint(2, 11)])
    yield simple("many", [endpoint(1 + number % 6, 100 + number) for number in range(20)])
    yield simple("without-node", [endpoint(1, 12, named=False), endpoint(2, 12)])
    yield from _ports()
    yield from _outside()
    yield from _balancers()
    yield from _without_rules()
    yield from _conditions()
    yield from _policies()
    yield from _hints()
    yield from _families()
    yield from _kube_router()


def _kube_router() -> Iterator[list[Object]]:
    """With annotations that it alone reads."""

    def annotated(shape: list[Object], name: str, value: str = "") -> list[Object]:
        shape[0]["metadata"]["annotations"] = {f"kube-router.io/service.{name}": value}
        return shape

    yield annotated(simple("router-scheduler", everywhere(101)), "scheduler", "sh")
    yield annotated(simple("router-local", everywhere(102, (1, 2)), **NODE_PORT), "local", "true")
    yield annotated(simple("router-hairpin", everywhere(103), **NODE_PORT), "hairpin")
    yield annotated(balanced("router-skips", everywhere(104), [vip(14)]), "skiplbips")


def name_of(shape: Sequence[Object]) -> str:
    return str(shape[0]["metadata"]["name"])


def last_shape() -> list[Object]:
    made = service("written-last", [port(80, nodePort=LAST_NODE_PORT)], **NODE_PORT)
    return [made, endpoint_slice("written-last", everywhere(250), [slice_port(8080)])]


def _ports() -> Iterator[list[Object]]:
    two = [slice_port(8080, "http"), slice_port(8443, "https")]
    yield [
        service("two-ports", [port(80, "http"), port(443, "https")]),
        endpoint_slice("two-ports", everywhere(20), two),
    ]
    both = [slice_port(5353, "dns", UDP), slice_port(5353, "dns-tcp", TCP)]
    yield [
        service("dns", [port(53, "dns", UDP), port(53, "dns-tcp")]),
        endpoint_slice("dns", everywhere(21), both),
    ]
    yield [
        service("named-target", [port(80, "web", targetPort="web")]),
        endpoint_slice("named-target", everywhere(22, (1, 2)), [slice_port(8080, "web")]),
        endpoint_slice("named-target", everywhere(22, (3,)), [slice_port(9090, "web")], number=2),
    ]
    yield [
        service("one-port-unserved", [port(80, "http"), port(81, "admin")]),
        endpoint_slice("one-port-unserved", everywhere(23), [slice_port(8080, "http")]),
    ]
    yield [
        service("udp", [port(514, protocol=UDP)]),
        endpoint_slice("udp", everywhere(24), [slice_port(5140, protocol=UDP)]),
    ]
    yield [
        service("sctp", [port(3868, protocol=SCTP)], **NODE_PORT),
        endpoint_slice("sctp", everywhere(25), [slice_port(3868, protocol=SCTP)]),
    ]
    yield [
        service("several-slices", [port(80)]),
        endpoint_slice("several-slices", everywhere(26, (1, 2)), [slice_port(8080)]),
        endpoint_slice("several-slices", everywhere(26, (2, 3)), [slice_port(8080)], number=2),
    ]
    yield [
        service("any-port", [port(80)]),
        endpoint_slice("any-port", everywhere(27), []),
    ]
    yield simple("a-name-that-is-as-long-as-the-name-of-a-service-may-be-63-chars", everywhere(28))


def _outside() -> Iterator[list[Object]]:
    yield simple("node-port", everywhere(30), **NODE_PORT)
    two = [slice_port(8080, "http"), slice_port(5140, "log", UDP)]
    yield [
        service("node-port-two", [port(80, "http"), port(514, "log", UDP)], **NODE_PORT),
        endpoint_slice("node-port-two", everywhere(31), two),
    ]
    yield simple("node-port-local", everywhere(32, (1, 2)), **NODE_PORT, **LOCAL_OUTSIDE)
    yield simple("node-port-local-far", everywhere(35, (3,)), **NODE_PORT, **LOCAL_OUTSIDE)
    yield simple("node-port-nowhere", [], **NODE_PORT)
    yield simple("node-port-local-nowhere", [], **NODE_PORT, **LOCAL_OUTSIDE)
    yield simple("external-ip", everywhere(33), externalIPs=["198.51.100.7"])
    yield simple(
        "external-ip-local",
        everywhere(34, (1, 2)),
        **NODE_PORT,
        **LOCAL_OUTSIDE,
        externalIPs=["198.51.100.8", "198.51.100.9"],
    )
    yield simple("external-ip-nowhere", [], externalIPs=["198.51.100.10"])


def _balancers() -> Iterator[list[Object]]:
    yield balanced("balancer", everywhere(40), [vip(1)])
    yield balanced("balancer-two", everywhere(41), [vip(2), vip(3)])
    yield balanced("balancer-proxied", everywhere(42), [{"ip": "203.0.113.4", "ipMode": "Proxy"}])
    yield balanced("balancer-mixed", everywhere(42), [vip(5), {"ip": "203.0.113.6", "ipMode": "Proxy"}])
    yield balanced("balancer-named", everywhere(43), [{"hostname": "balancer.example.org"}])
    yield balanced("balancer-pending", everywhere(44), [])
    yield balanced("balancer-local", everywhere(45, (1, 2)), [vip(7)], **LOCAL_OUTSIDE)
    yield balanced("balancer-only", everywhere(46), [vip(8)], allocateLoadBalancerNodePorts=False)
    ranges = ["192.0.2.128/25", "10.0.0.0/8"]
    yield balanced("balancer-ranges", everywhere(47), [vip(9)], loadBalancerSourceRanges=ranges)
    few = ["192.0.2.7/32"]
    yield balanced("balancer-few", everywhere(48), [vip(10)], loadBalancerSourceRanges=few)
    yield balanced(
        "balancer-ranges-local",
        everywhere(49, (1, 2)),
        [vip(11)],
        loadBalancerSourceRanges=ranges,
        **LOCAL_OUTSIDE,
    )
    yield balanced("balancer-ranges-nowhere", [], [vip(12)], loadBalancerSourceRanges=ranges)
    yield balanced("balancer-everyone", everywhere(50), [vip(13)], loadBalancerSourceRanges=["0.0.0.0/0"])


def _without_rules() -> Iterator[list[Object]]:
    yield simple("headless", everywhere(60), clusterIP="None")
    yield [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "elsewhere", "namespace": NAMESPACE},
            "spec": {"type": "ExternalName", "externalName": "example.org"},
        }
    ]
    other, *slices = simple("other-proxy", everywhere(61))
    other["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "other"}
    yield [other, *slices]
    yield [service("no-slice", [port(80)])]


def _conditions() -> Iterator[list[Object]]:
    def state(node: int, number: int, conditions: Mapping[str, bool]) -> Object:
        return endpoint(node, number) | {"conditions": dict(conditions)}

    yield simple("none-ready", everywhere(70, conditions=dict(NOT_READY)))
    yield simple("some-ready", [endpoint(1, 71), state(2, 71, NOT_READY), endpoint(3, 71)])
    yield simple("one-leaving", [endpoint(1, 72), state(2, 72, LEAVING), endpoint(3, 72)])
    yield simple("all-leaving", [state(1, 73, LEAVING), state(2, 73, LEAVING), state(3, 73, NOT_READY)])
    yield simple("all-gone", [state(1, 74, GONE), state(2, 74, GONE)])
    yield simple("published", everywhere(75), publishNotReadyAddresses=True)
    yield simple("unsaid", [endpoint(1, 76) | {"conditions": {}}, endpoint(2, 76)])
    yield simple(
        "local-leaving",
        [state(1, 77, LEAVING), endpoint(2, 77), endpoint(3, 77)],
        **NODE_PORT,
        **LOCAL_OUTSIDE,
    )


def _policies() -> Iterator[list[Object]]:
    yield simple("affinity", everywhere(80), **affinity(10_800))
    yield simple("affinity-short", everywhere(81), **NODE_PORT, **affinity(60))
    yield simple("affinity-local", everywhere(82, (1, 2)), **NODE_PORT, **LOCAL_OUTSIDE, **affinity(300))
    yield simple("affinity-single", [endpoint(1, 83)], **affinity(10))
    yield simple("inside-local", everywhere(84, (1, 2)), **LOCAL_INSIDE)
    yield simple("inside-local-ready", everywhere(85, range(1, 9)), **LOCAL_INSIDE)
    yield simple("inside-local-far", everywhere(88, (3,)), **LOCAL_INSIDE)
    yield simple("both-local", everywhere(86, (1, 2)), **NODE_PORT, **LOCAL_OUTSIDE, **LOCAL_INSIDE)
    yield simple("inside-local-affinity", everywhere(87, (1, 2, 3)), **LOCAL_INSIDE, **affinity(30))


def _hints() -> Iterator[list[Object]]:
    yield simple("hinted", [hinted(node, 90, [zone(node)]) for node in (1, 2, 3, 4)])
    yield simple("hinted-one-zone", [hinted(node, 91, ["a"]) for node in (1, 3)])
    yield simple("hinted-partly", [hinted(1, 92, ["a"]), endpoint(2, 92), hinted(3, 92, ["a"])])
    yield simple("hinted-nodes", [hinted(node, 93, [zone(node)], [node]) for node in (1, 2, 3, 4)])
    yield simple("hinted-nodes-partly", [hinted(1, 94, ["a"], [1]), hinted(2, 94, ["b"])])
    leaving = hinted(2, 95, ["b"]) | {"conditions": dict(LEAVING)}
    yield simple("hinted-leaving", [hinted(1, 95, ["a"]), leaving])
    yield simple(
        "hinted-outside-local",
        [hinted(node, 96, ["a"]) for node in (1, 2, 3)],
        **NODE_PORT,
        **LOCAL_OUTSIDE,
    )


def _families() -> Iterator[list[Object]]:
    both = {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}
    six = {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}
    yield [
        service("dual", [port(80)], **NODE_PORT, **both),
        endpoint_slice("dual", everywhere(97), [slice_port(8080)]),
        endpoint_slice("dual", everywhere(97, family=6), [slice_port(8080)], number=2, family=6),
    ]
    yield [
        service("six", [port(80)], **NODE_PORT, **LOCAL_OUTSIDE, **six),
        endpoint_slice("six", everywhere(98, (1, 2), family=6), [slice_port(8080)], family=6),
    ]
    yield [
        service("six-affinity", [port(80)], **six, **affinity(120)),
        endpoint_slice("six-affinity", everywhere(99, family=6), [slice_port(8080)], family=6),
    ]
    yield [
        service("dual-half", [port(80)], **both),
        endpoint_slice("dual-half", everywhere(100), [slice_port(8080)]),
    ]
