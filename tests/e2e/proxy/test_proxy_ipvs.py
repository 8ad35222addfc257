"""kube-proxy in ipvs mode, in a guest kernel: every shape of a service, and faults in what it wrote."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.model.suspicion import Suspicion
from tests.e2e.proxy import guest
from tests.e2e.proxy import lab as labs
from tests.e2e.proxy.faults import Names
from tests.e2e.proxy.ipvs_faults import IPVS
from tests.e2e.proxy.lab import Proxy, ProxyLab
from tests.e2e.proxy.shapes import NAMESPACE, pod

pytestmark = pytest.mark.guest

NODE = "node1"


@pytest.fixture(scope="module")
def lab() -> Iterator[ProxyLab]:
    with labs.running([Proxy("ipvs")]) as running:
        yield running


@pytest.fixture(scope="module")
def names(lab: ProxyLab) -> Names:
    services = lab.kubectl.get("services", f"--namespace={NAMESPACE}")["items"]
    by_name = {one["metadata"]["name"]: one for one in services}
    (address,) = lab.kubectl.get("node", NODE)["status"]["addresses"]
    own = {"own": pod(1, 10), "own-address": address["address"]}
    return Names(by_name | {name: {"spec": {"clusterIP": one}} for name, one in own.items()}, "")


@pytest.fixture(scope="module")
def dumps(lab: ProxyLab, names: Names) -> Path:
    faults = [
        {"do": [names.fill(one) for one in fault.do], "undo": [names.fill(one) for one in fault.undo]}
        for fault in IPVS
    ]
    return guest.run(lab, NODE, faults)


def checked(lab: ProxyLab, dump: Path) -> Check:
    with closing(lab.snapshot_of(NODE, dump)) as source:
        return check(source, Options(proxy_mode="ipvs"))


def of_services(result: Check) -> list[Suspicion]:
    return [one for one in result.suspicions if one.code.startswith("service.")]


@pytest.mark.parametrize("moment", ["healthy", "mended"])
def test_what_kube_proxy_wrote_is_what_is_meant(lab: ProxyLab, dumps: Path, moment: str) -> None:
    result = checked(lab, dumps / f"{moment}.dump")
    assert [one.message for one in of_services(result)] == []
    assert [one for one in result.facts if one.name == "services not compared"] == []
    assert [one for one in result.missing if "service" in one.what] == []


@pytest.mark.parametrize("number", range(len(IPVS)), ids=[fault.what for fault in IPVS])
def test_a_fault_is_found_and_named(lab: ProxyLab, dumps: Path, names: Names, number: int) -> None:
    fault = IPVS[number]
    found = of_services(checked(lab, dumps / f"{number}.dump"))
    assert {one.code for one in found} == fault.codes, [f"{one.code} {one.message}" for one in found]
    message = names.fill(fault.message)
    assert [one for one in found if message in one.message], [one.message for one in found]
    assert all(one.evidence and one.remedy for one in found)
