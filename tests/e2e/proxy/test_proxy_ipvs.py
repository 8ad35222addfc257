"""Proxies that use IPVS, in a guest kernel: every shape of a service, and faults in what they wrote."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.suspicion import Suspicion
from tests.e2e.proxy import guest
from tests.e2e.proxy import lab as labs
from tests.e2e.proxy.faults import Names
from tests.e2e.proxy.ipvs_faults import IPVS, IpvsFault
from tests.e2e.proxy.kube_router_faults import KUBE_ROUTER
from tests.e2e.proxy.lab import Proxy
from tests.e2e.proxy.shapes import NAMESPACE, UNSERVED_BY_KUBE_ROUTER, pod

pytestmark = pytest.mark.guest

NODE = "node1"


class Case(NamedTuple):
    """A proxy with the faults that are put into what it wrote."""

    proxy: Proxy
    faults: Sequence[IpvsFault]
    mode: str = ""
    """That is configured."""
    unserved: frozenset[tuple[str, str]] = frozenset()
    """Codes and services: what is found though nothing is broken, because it is true."""


class Seen(NamedTuple):
    """What each state of the guest gave."""

    case: Case
    names: Names
    results: dict[str, Check]
    """By `healthy`, `mended` and the number of the fault."""

    def of_services(self, moment: str) -> list[Suspicion]:
        """Without what is true of the proxy as it is."""
        found = [one for one in self.results[moment].suspicions if one.code.startswith("service.")]
        return [one for one in found if (one.code, _named(one)) not in self.case.unserved]


CASES = {
    "kube-proxy": Case(Proxy("ipvs"), IPVS, "ipvs"),
    "kube-router": Case(labs.KUBE_ROUTER, KUBE_ROUTER, unserved=UNSERVED_BY_KUBE_ROUTER),
}
FAULTS = [
    pytest.param(name, number, id=f"{name} {fault.what}")
    for name, case in CASES.items()
    for number, fault in enumerate(case.faults)
]


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    """Filled by need; one lab after the other."""
    return {}


def of(seen: dict[str, Seen], name: str) -> Seen:
    if name not in seen:
        seen[name] = _run(CASES[name])
    return seen[name]


def _run(case: Case) -> Seen:
    with labs.running([case.proxy]) as lab:
        services = lab.kubectl.get("services", f"--namespace={NAMESPACE}")["items"]
        by_name = {one["metadata"]["name"]: one for one in services}
        address = lab.kubectl.get("node", NODE)["status"]["addresses"][0]["address"]
        own = {"own": pod(1, 10), "own-address": address, "hairpin": pod(1, 103)}
        names = Names(by_name | {name: {"spec": {"clusterIP": one}} for name, one in own.items()}, "")
        faults = [
            {"do": [names.fill(one) for one in fault.do], "undo": [names.fill(one) for one in fault.undo]}
            for fault in case.faults
        ]
        folder = guest.run(lab, NODE, faults)
        results = {}
        for moment in ("healthy", "mended", *map(str, range(len(faults)))):
            with closing(lab.snapshot_of(NODE, Path(folder, f"{moment}.dump"))) as source:
                results[moment] = check(source, Options(proxy_mode=case.mode))
    return Seen(case, names, results)


def _named(finding: Suspicion) -> str:
    """The service that it is of."""
    return finding.message.removeprefix("service ").partition(" ")[0]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("moment", ["healthy", "mended"])
def test_what_a_proxy_wrote_is_what_is_meant(seen: dict[str, Seen], name: str, moment: str) -> None:
    found = of(seen, name)
    result = found.results[moment]
    assert [one.message for one in found.of_services(moment)] == []
    assert [one for one in result.facts if one.name == "services not compared"] == []
    assert [one for one in result.missing if "service" in one.what] == []


@pytest.mark.parametrize("name", CASES)
def test_what_a_proxy_does_not_serve_is_found(seen: dict[str, Seen], name: str) -> None:
    found = of(seen, name).results["healthy"].suspicions
    services = {(one.code, _named(one)) for one in found if one.code.startswith("service.")}
    assert services == CASES[name].unserved


@pytest.mark.parametrize(("name", "number"), FAULTS)
def test_a_fault_is_found_and_named(seen: dict[str, Seen], name: str, number: int) -> None:
    fault, state = CASES[name].faults[number], of(seen, name)
    found = state.of_services(str(number))
    assert {one.code for one in found} == fault.codes, [f"{one.code} {one.message}" for one in found]
    message = state.names.fill(fault.message)
    assert [one for one in found if message in one.message], [one.message for one in found]
    assert all(one.evidence and one.remedy for one in found)
