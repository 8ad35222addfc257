"""IPVS: what the guest's kernel did with real connections, and what the tool says from its dumps."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis, Ending
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.ipvs.schedule import schedule
from kubectl_skoop.netstack.ipvs.service import RealServer
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.assemble import assemble
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from kubectl_skoop.testing.comparing import served_at
from tests.kernel.guest import machine
from tests.kernel.guest.cases import CASES, CLIENT, NODE, POD, PORT, ROUTER, SERVERS, SOURCES, VIP, Case

pytestmark = pytest.mark.guest

MODULES = ("ip_vs", "dummy", "veth", "inet_diag", "tcp_diag", "udp_diag", "nf_conntrack_netlink")
ONE_OF_SEVERAL = tuple(f"-s {name}" for name in ("sh", "dh", "rr -p", "wlc", "lc", "sed", "nq", "lblc", "mh"))
"""The kernel may choose one server for all that is asked; the tool tells each that it may choose."""
NAMES = {address: name for name, address in SERVERS.items()} | {ROUTER: "nd"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Who asks for the guest has it, or fails: these tests run only when asked for."""
    if reason := machine.why_no_guest():
        pytest.fail(reason)
    made = tmp_path_factory.mktemp("guest")
    machine.run(Path(__file__).with_name("job_ipvs.py"), made, MODULES)
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_tool_says_what_the_kernel_did(folder: Path, case: Case) -> None:
    answers = read_answers(folder)[case.name]
    diagnosis = ask(folder, case)
    seen = {(one["symptom"], one.get("server", ""), one.get("source", "")) for one in answers}
    told = {
        (ending.symptom, *(served(ending) if ending.symptom == "answer" else ("", "")))
        for ending in diagnosis.branches
    }
    assert diagnosis.verdict != "unknown", diagnosis.headline
    assert seen <= told, diagnosis.headline
    if not case.service.startswith(ONE_OF_SEVERAL):
        assert told == seen


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no servers", "ipvs.unserved"),
        ("all of weight 0", "ipvs.unserved"),
        ("nat without conntrack", None),
        ("weight 0 is not asked", None),
    ],
)
def test_the_reason_is_that_no_server_is_asked(folder: Path, name: str, code: str | None) -> None:
    diagnosis = ask(folder, next(case for case in CASES if case.name == name))
    assert (diagnosis.cause.code if diagnosis.cause else None) == code


@pytest.mark.parametrize("case", [case for case in CASES if case.by_source], ids=lambda case: case.name)
def test_the_source_hash_is_the_kernels(folder: Path, case: Case) -> None:
    """`sh` is computed, not guessed: each source address gets the server that the kernel gave it."""
    state = node_state(folder, case)
    (service,) = state.ipvs
    answers = read_answers(folder)[f"{case.name} by source"]
    wanted = dict(zip(SOURCES, (one.get("server", "") for one in answers), strict=True))
    told = {}
    for source in SOURCES:
        packet = Packet(
            src=ip_address(source), dst=ip_address(VIP), protocol=Protocol.TCP, sport=40000, dport=PORT
        )
        server = schedule(Stack(state, Choices()), service, packet)
        assert server is None or isinstance(server, RealServer)
        told[source] = NAMES[str(server.address)] if server else ""
    assert told == wanted


def read_answers(folder: Path) -> Mapping[str, list[dict[str, str]]]:
    answers: Mapping[str, list[dict[str, str]]] = json.loads((folder / "answers.json").read_text())
    return answers


def ask(folder: Path, case: Case) -> Diagnosis:
    source = POD if case.source == "cl" else f"node/{NODE}"
    request = Request(source=source, destination=case.target, port=str(case.port), protocol=case.protocol)
    with snapshot(folder, case) as opened:
        return diagnose(opened, request, Options())


@contextmanager
def snapshot(folder: Path, case: Case) -> Iterator[Snapshot]:
    path = folder / f"{CASES.index(case)}.skoop"
    if not path.exists():
        assemble([path.with_suffix(".dump")], objects(), path, time=0.0)
    opened = open_snapshot(path)
    try:
        yield opened
    finally:
        opened.close()


def node_state(folder: Path, case: Case) -> NetworkNamespace:
    with snapshot(folder, case) as opened:
        state = opened.namespace(Place("node", NODE))
    assert isinstance(state, NetworkNamespace)
    return state


def served(ending: Ending) -> tuple[str, str]:
    """Server and the source address that it saw; the node asks itself from the address asked."""
    ((place, source),) = served_at(ending)
    return ("nd" if place == NODE else place), source or VIP


def objects() -> dict[str, list[Object]]:
    pods = {"cl": CLIENT, **SERVERS}
    return {
        "Node": [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": NODE},
                "status": {"addresses": [{"type": "InternalIP", "address": ROUTER}]},
            }
        ],
        "Pod": [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"nodeName": NODE},
                "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
            }
            for name, address in pods.items()
        ],
    }
