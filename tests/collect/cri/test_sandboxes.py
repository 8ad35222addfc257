"""Namespaces of pods by the word of a container runtime."""

import socket
import threading
from pathlib import Path

import pytest

from kubectl_skoop.collect.cri import sandboxes
from kubectl_skoop.collect.cri.sandboxes import SOCKETS, namespace_of, read_sandboxes
from tests.collect.cri.server import LIST, STATUS, Sandbox, serving

UIDS = [f"0b1c8e5e-8d3f-4a55-9d6e-3a1b2c4d5e6{n}" for n in range(5)]
NETNS = "/var/run/netns/cni-1"


def info(path: str = NETNS, **more: object) -> dict[str, object]:
    namespaces = [{"type": "pid"}, {"type": "network", "path": path}, {"type": "mount"}]
    return {"pid": 77, "runtimeSpec": {"linux": {"namespaces": namespaces}}, **more}


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The root of a node, whose /var/run leads to its own /run."""
    root = tmp_path / "node"
    (root / "run/netns").mkdir(parents=True)
    (root / "var").mkdir()
    (root / "var/run").symlink_to("/run")
    for name in ("cni-1", "cni-2"):
        (root / "run/netns" / name).touch()
    return root


def test_each_ready_sandbox_tells_its_namespace(node: Path) -> None:
    made = (
        Sandbox("a" * 64, UIDS[0], info()),
        Sandbox("b" * 64, UIDS[1], info("/run/netns/cni-2")),
        Sandbox("c" * 64, UIDS[2], info(), ready=False),
        Sandbox("d" * 64, UIDS[3], info("/run/netns/gone")),
        Sandbox("e" * 64, UIDS[4]),
    )
    with serving(node / "run/containerd/containerd.sock", *made) as runtime:
        found = read_sandboxes(root=node)
    assert found.trouble == ""
    assert found.paths == {UIDS[0]: node / "run/netns/cni-1", UIDS[1]: node / "run/netns/cni-2"}
    assert [method for method, _ in runtime.asked] == [LIST, *[STATUS] * 4]


def test_long_answers_come_whole(node: Path) -> None:
    """Above the window of HTTP/2, 65,535 bytes."""
    made = [Sandbox(f"{n:064}", f"{n:032x}", info(annotations="x" * 5000)) for n in range(900)]
    with serving(node / "run/crio/crio.sock", *made):
        found = read_sandboxes(root=node)
    assert len(found.paths) == len(made)


def test_a_sandbox_that_goes_away_does_not_cost_the_others(node: Path) -> None:
    made = [Sandbox(f"{n:064}", UIDS[n], info()) for n in range(3)]
    with serving(node / "run/crio/crio.sock", *made) as runtime:
        runtime.gone = frozenset({made[1].id})
        found = read_sandboxes(root=node)
    assert list(found.paths) == [UIDS[0], UIDS[2]]


def test_a_runtime_without_the_interface_is_passed_over(node: Path) -> None:
    with (
        serving(node / "run/containerd/containerd.sock") as without,
        serving(node / "run/cri-dockerd.sock", Sandbox("a", UIDS[0], info())),
    ):
        without.without_cri = True
        assert list(read_sandboxes(root=node).paths) == [UIDS[0]]
        named = read_sandboxes("/run/containerd/containerd.sock", root=node)
    assert named.paths == {}
    assert "containerd.sock: state 12: " in named.trouble


def test_the_socket_that_is_named_is_asked(node: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.sock"
    with (
        serving(node / "run/crio/crio.sock", Sandbox("a", UIDS[0], info())),
        serving(own, Sandbox("b", UIDS[1], info())),
    ):
        assert list(read_sandboxes(str(own), root=node).paths) == [UIDS[1]]


def test_no_socket_is_said(node: Path) -> None:
    assert read_sandboxes(root=node).trouble == "there is no socket of a container runtime"
    assert read_sandboxes("/run/own.sock", root=node).trouble == "there is no /run/own.sock"


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        pytest.param(b"", "timed out", id="nothing"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "", id="another protocol"),
        pytest.param(None, "", id="an end"),
    ],
)
def test_a_server_that_is_no_runtime(
    node: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None, trouble: str
) -> None:
    monkeypatch.setattr(sandboxes, "TIMEOUT", 0.3)
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        path = node / SOCKETS[0].lstrip("/")
        path.parent.mkdir(parents=True)
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if answer is not None:
                    connection.recv(1 << 16)
                    connection.sendall(answer)
                    over.wait(5)

        worker = threading.Thread(target=serve)
        worker.start()
        found = read_sandboxes(root=node)
        over.set()
        worker.join()
    assert found.paths == {}
    assert found.trouble.startswith(f"{path}: ")
    assert trouble in found.trouble


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param(info(), "node/run/netns/cni-1", id="by a path of the node"),
        pytest.param(info(netNamespaceClosed=True), None, id="closed"),
        pytest.param(info(""), "proc/77/ns/net", id="by its process"),
        pytest.param(info("", pid=78), None, id="a process of somebody else"),
        pytest.param(info("", pid=79), None, id="a process that has ended"),
        pytest.param(info("../../etc"), None, id="a path to nowhere"),
        pytest.param(
            {"pid": 77, "runtimeSpec": {"linux": {"namespaces": [{"type": "pid"}]}}},
            None,
            id="the node's network",
        ),
        pytest.param({"pid": 77, "runtimeSpec": {}}, None, id="no namespaces"),
        pytest.param({"runtimeSpec": {"linux": {"namespaces": [3, {"type": 1}]}}}, None, id="nonsense"),
        pytest.param([], None, id="another shape"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_what_verbose_tells(told: object, wanted: str | None, node: Path, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    for pid, group in ((77, f"kubepods-pod{UIDS[0].replace('-', '_')}.slice"), (78, "system.slice")):
        (proc / str(pid)).mkdir(parents=True)
        (proc / str(pid) / "cgroup").write_text(f"0::/{group}\n")
    found = namespace_of(UIDS[0], told, node, proc)
    assert found == (tmp_path / wanted if wanted else None)
