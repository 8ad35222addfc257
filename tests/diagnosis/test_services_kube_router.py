"""What a real kube-router 2.1.0 made of services of every shape, as `tests.e2e.proxy.record` keeps it, and
faults in it. `tests/e2e/proxy/test_proxy_ipvs.py` puts them into a kernel."""

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from kubectl_skoop.cluster.raw import Object, ref_of
from kubectl_skoop.cluster.raw import text as text_of
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.services.every import Compared, every_service
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.ipvs.service import VirtualService
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import Nexthop, PolicyRule, Route
from kubectl_skoop.snapshot.redact import Pseudonyms
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.object import redact_object
from tests.diagnosis.conftest import MakeContext
from tests.diagnosis.test_services_recorded import namespace, redacted_rules
from tests.e2e.proxy.shapes import UNSERVED_BY_KUBE_ROUTER, pod

FOLDER = Path(__file__).parents[1] / "data" / "services" / "kube-router"
NODE = "node1"


@cache
def text(name: str) -> str:
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes()).decode()


@cache
def rules() -> str:
    return text("node1-kube-router-v2.1.0")


@cache
def objects() -> Sequence[Object]:
    found = json.loads(text("objects.json"))
    assert isinstance(found, list)
    return found


def address_of(service: str) -> str:
    (item,) = (one for one in objects() if one["kind"] == "Service" and ref_of(one).name == service)
    return text_of(item, "spec", "clusterIP")


def compared(
    make_context: MakeContext, written: str, items: Sequence[Object] = (), mode: str = ""
) -> Compared:
    ns = namespace(NODE, written)
    return every_service(
        make_context(items or objects(), {f"node/{NODE}": ns}, Options(proxy_mode=mode)), [NODE]
    )


def found(result: Compared) -> set[tuple[str, str]]:
    """Codes and services, without what kube-router does not serve."""
    named = {(one.code, one.message.removeprefix("service ").partition(" at ")[0]) for one in result.findings}
    return named - UNSERVED_BY_KUBE_ROUTER


@pytest.mark.parametrize("mode", ["", "iptables"])
def test_only_what_it_does_not_serve_is_found(make_context: MakeContext, mode: str) -> None:
    """Even where a ConfigMap of kube-proxy is left."""
    result = compared(make_context, rules(), mode=mode)
    named = {(one.code, one.message.removeprefix("service ").partition(" at ")[0]) for one in result.findings}
    assert named == UNSERVED_BY_KUBE_ROUTER
    assert (result.facts, result.unread) == ((), ())


def test_what_it_does_not_serve_says_why(make_context: MakeContext) -> None:
    (sctp,) = (one for one in compared(make_context, rules()).findings if "shapes/sctp" in one.message)
    assert "kube-router does not serve SCTP" in sctp.evidence
    assert "kube-router's log" in sctp.remedy


OWN_PODS = "! -s 10.244.1.0/24 ! -d 10.244.1.0/24"
EDITS = {
    "an endpoint": ('"addr":"10.244.3.10"', '"addr":"10.244.3.99"', "service.stale-endpoint", "plain"),
    "a port": ('"port":514,', '"port":515,', "service.untranslated", "udp"),
    "affinity": ('"timeout":60,', '"timeout":6,', "service.wrong-affinity", "affinity-short"),
    "an address of the device": ('"{single}"', '"10.96.255.9"', "service.untranslated", "single"),
    "the scheduler of the annotation": (
        '"sched_name":"sh"',
        '"sched_name":"rr"',
        "service.wrong-scheduler",
        "router-scheduler",
    ),
    "a port of the set": (
        "add kube-router-svip-prt {single},tcp:80 timeout 0",
        "add kube-router-svip-prt {single},tcp:81 timeout 0",
        "service.barred",
        "single",
    ),
    "the pods that need no masquerade": (
        OWN_PODS,
        OWN_PODS.replace("1.0/24", "0.0/16"),
        "service.missing-masquerade",
        "balancer",
    ),
    "the rule for hairpins": (
        "-A KUBE-ROUTER-HAIRPIN -s " + pod(1, 103),
        "-A KUBE-ROUTER-HAIRPIN -s " + pod(2, 103),
        "service.missing-masquerade",
        "router-hairpin",
    ),
}


@pytest.mark.parametrize(("old", "new", "code", "service"), EDITS.values(), ids=EDITS)
def test_a_difference_is_found(
    make_context: MakeContext, old: str, new: str, code: str, service: str
) -> None:
    at = old.replace("{single}", address_of("single"))
    edited = rules().replace(at, new.replace("{single}", address_of("single")))
    assert edited != rules()
    assert (code, f"shapes/{service}") in found(compared(make_context, edited))


def test_nothing_is_masqueraded(make_context: MakeContext) -> None:
    """That is told once a family, and not of each service."""
    edited = rules().replace(" --vmethod MASQ ", " --vmethod TUN ")
    lacking = [one for one in compared(make_context, edited).findings if "masq" in one.code]
    assert [one.message.partition(":")[0] for one in lacking] == [
        "POSTROUTING has no rule that gives connections of IPVS the node's address"
    ] * 2


def test_masquerade_all(make_context: MakeContext) -> None:
    edited = re.sub(r"! -s \S+ ! -d \S+ (-m ipvs --vdir ORIGINAL --vmethod MASQ)", r"\1", rules())
    assert edited != rules()
    assert found(compared(make_context, edited)) == set()


def changed(service: str, **annotations: str) -> list[Object]:
    """The objects, with the annotations of one service."""
    return [
        {**one, "metadata": {**one["metadata"], "annotations": annotations}}  # type: ignore[dict-item]
        if one["kind"] == "Service" and ref_of(one).name == service
        else one
        for one in objects()
    ]


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("router-scheduler", "service.wrong-scheduler"),
        ("router-local", "service.missing-backend"),
        ("router-skips", "service.untranslated"),
    ],
)
def test_an_annotation_that_came_later_is_not_followed(
    make_context: MakeContext, service: str, code: str
) -> None:
    result = compared(make_context, rules(), changed(service))
    assert found(result) == {(code, f"shapes/{service}")}


MARK, LOCAL_TABLE = 0x2A3, 78
EXTERNAL = "198.51.100.7"


def direct(*, served: bool = True, led: bool = True, port: int = 80, server: str = "") -> NetworkNamespace:
    """The node with the external address of service external-ip for direct server return.

    No virtual server has the address, and no device. All endpoints of the service listen on its own port.
    """
    mangle = (
        f"-A PREROUTING -d {EXTERNAL}/32 -p tcp -m tcp --dport {port} -j MARK --set-xmark 0x2a3/0xffffffff"
    )
    written = json.loads(rules())
    written["iptables-legacy"] += f"*mangle\n:PREROUTING ACCEPT [0:0]\n{mangle}\nCOMMIT\n"
    ns = namespace(NODE, json.dumps(written))
    (had,) = (one for one in ns.ipvs if (str(one.address), one.port) == (EXTERNAL, 80))
    servers = tuple(
        replace(one, method="tunnel", port=80, address=ip_address(server) if server else one.address)
        for one in had.servers
    )
    others = [_on_own_port(one) for one in ns.ipvs if one is not had]
    by_mark = VirtualService(fwmark=MARK, scheduler="rr", servers=servers)
    everything = ip_network("0.0.0.0/0")
    local = Route(destination=everything, table=LOCAL_TABLE, type="local", nexthops=(Nexthop(device=1),))
    led_here = PolicyRule(priority=32764, family=4, table=LOCAL_TABLE, mark=MARK, mask=0xFFFFFFFF)
    return replace(
        ns,
        ipvs=(*others, *((by_mark,) if served else ())),
        addresses=tuple(one for one in ns.addresses if str(one.address) != EXTERNAL),
        routes=(*ns.routes, local),
        rules=(*ns.rules, *((led_here,) if led else ())),
    )


def _on_own_port(service: VirtualService) -> VirtualService:
    if str(service.address) != address_of("external-ip"):
        return service
    return replace(service, servers=tuple(replace(one, port=80) for one in service.servers))


def with_own_port(service: str) -> list[Object]:
    """A service whose endpoints listen on its port, as direct server return asks for."""
    written = json.dumps([*objects()])
    items: list[Object] = json.loads(written)
    for one in items:
        if one["kind"] == "EndpointSlice" and service in json.dumps(one["metadata"]):
            for port in one["ports"]:  # type: ignore[attr-defined]
                port["port"] = 80
    return items


@pytest.mark.parametrize(
    ("state", "code"),
    [
        pytest.param({}, "", id="as kube-router makes it"),
        pytest.param({"served": False}, "service.untranslated", id="no virtual server for the mark"),
        pytest.param({"led": False}, "service.untranslated", id="no policy rule for the mark"),
        pytest.param({"port": 81}, "service.untranslated", id="another port is marked"),
        pytest.param({"server": "10.244.3.99"}, "service.stale-endpoint", id="a server that is no endpoint"),
    ],
)
def test_a_service_with_direct_server_return(make_context: MakeContext, state: Any, code: str) -> None:
    ctx = make_context(with_own_port("external-ip"), {f"node/{NODE}": direct(**state)}, Options())
    result = every_service(ctx, [NODE])
    of_it = {one for one in result.findings if f"external-ip at {EXTERNAL}:80" in one.message}
    assert {one.code for one in of_it} == ({code} if code else set())
    assert result.unread == ()


def test_direct_server_return_leaves_the_port_as_it_is(make_context: MakeContext) -> None:
    """The endpoints listen on 8080, and get packets for 80."""
    result = every_service(make_context(objects(), {f"node/{NODE}": direct()}, Options()), [NODE])
    told = [one.message for one in result.findings if "shapes/external-ip at" in one.message]
    assert any(":80, no endpoint of it" in one for one in told), told


PROXY_NAME = "service.kubernetes.io/service-proxy-name"


@pytest.mark.parametrize(
    ("proxy", "edit", "codes"),
    [
        pytest.param("kube-router", "", set(), id="its own, whole"),
        pytest.param("kube-router", "10.244.3.99", {"service.stale-endpoint"}, id="its own, with a fault"),
        pytest.param("another", "10.244.3.99", set(), id="of another proxy: not looked at"),
    ],
)
def test_a_service_that_names_its_proxy(
    make_context: MakeContext, proxy: str, edit: str, codes: set[str]
) -> None:
    """The controller gives a slice the labels of its service."""
    items: list[Object] = json.loads(json.dumps([*objects()]))
    for one in items:
        named = ref_of(one).name
        if (one["kind"] == "Service" and named == "plain") or (
            one["kind"] == "EndpointSlice" and "plain-" in named
        ):
            one["metadata"].setdefault("labels", {})[PROXY_NAME] = proxy  # type: ignore[attr-defined]
    written = rules().replace('"addr":"10.244.3.10"', f'"addr":"{edit}"') if edit else rules()
    result = compared(make_context, written, items)
    at_plain = {one.code for one in result.findings if "shapes/plain at" in one.message}
    assert at_plain == codes


@pytest.mark.parametrize("table", ["ipvs", "ipset", "addresses"])
def test_without_its_tables_the_node_is_not_compared(make_context: MakeContext, table: str) -> None:
    ns = namespace(NODE, rules())
    ns = replace(ns, gaps={table: "failed: no rights"})
    (fact,) = every_service(make_context(objects(), {f"node/{NODE}": ns}, Options()), [NODE]).facts
    assert (fact.name, fact.value, fact.source) == (
        "services not compared",
        NODE,
        f"{table} could not be read",
    )


def test_another_node_without_its_rules(make_context: MakeContext) -> None:
    empty = NetworkNamespace(id="node2", place=Place("node", "node2"), node="node2")
    other = {**next(one for one in objects() if one["kind"] == "Node"), "metadata": {"name": "node2"}}
    namespaces = {f"node/{NODE}": namespace(NODE, rules()), "node/node2": empty}
    result = every_service(make_context([*objects(), other], namespaces, Options()), [NODE, "node2"])
    assert [one.message for one in result.findings if one.code == "service.no-rules"] == [
        f"no rules of kube-router for IPv{family}: no service works there" for family in (4, 6)
    ]


def test_with_pseudonyms(make_context: MakeContext) -> None:
    pseudonyms, left_out = Pseudonyms(b"k" * 32), LeftOut()
    written = redacted_rules(rules(), pseudonyms, left_out)
    named = [redact_object(str(item["kind"]), item, pseudonyms, left_out) for item in objects()]
    name = pseudonyms.name(NODE)
    ctx = make_context(named, {f"node/{name}": namespace(name, written)}, Options())
    result = every_service(ctx, [name])
    assert sorted(one.code for one in result.findings) == sorted(code for code, _ in UNSERVED_BY_KUBE_ROUTER)
    assert (result.facts, result.unread) == ((), ())
    assert not re.search(r"shapes|router-|10\.244\.", written.replace("kube-router-", ""))
