"""What a command in a pod says, and how it ended, by the Status that comes last (remotecommand.go of
apimachinery)."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from websocket import ABNF

from kubectl_skoop.collect.live import execute
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.errors import ClusterError, Unreachable
from kubectl_skoop.collect.live.execute import exit_code
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.manifest import CollectorOptions
from kubectl_skoop.collect.live.run import NodeFailed, Run
from tests.collect.live.server import serving


def _status(**fields: object) -> bytes:
    return json.dumps({"kind": "Status", **fields}).encode()


def test_success_is_zero() -> None:
    assert exit_code(_status(status="Success")) == 0


def test_the_exit_code_is_among_the_causes() -> None:
    causes = [{"reason": "Other", "message": "7"}, {"reason": "ExitCode", "message": "3"}]
    assert exit_code(_status(status="Failure", details={"causes": causes})) == 3


def test_a_command_that_cannot_be_run_is_no_exit_code() -> None:
    with pytest.raises(ClusterError, match="no such program"):
        exit_code(_status(status="Failure", message="no such program"))


@pytest.mark.parametrize("cut", [b"", b'{"status": "Succ'])
def test_an_end_without_a_status_is_a_lost_connection(cut: bytes) -> None:
    with pytest.raises(Unreachable, match="cut off"):
        exit_code(cut)


class _Conversation:
    """A connection on which all has been said already."""

    def __init__(self, *frames: bytes) -> None:
        self.frames = [*frames]

    def send(self, data: bytes, opcode: int) -> None: ...

    def settimeout(self, seconds: float) -> None: ...

    def recv_data_frame(self, control: bool) -> tuple[int, ABNF]:
        return ABNF.OPCODE_BINARY, ABNF.create_frame(self.frames.pop(0), ABNF.OPCODE_BINARY)

    def close(self, timeout: float) -> None: ...


DONE = bytes([execute.STATUS]) + _status(status="Success")


def _says(size: int) -> _Conversation:
    return _Conversation(bytes([execute.STDOUT]) + bytes(size), DONE)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """With a pod that runs at once."""
    monkeypatch.setattr(Run, "_running", lambda run, node: "pod")
    jobs = "POST /apis/batch/v1/namespaces/ns/jobs"
    with serving({"POST /api/v1/namespaces": [(201, {})], jobs: [(201, {})]}) as server:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        yield Run(api, CollectorOptions(image="i", namespace="ns"))


def _dump(run: Run, conversation: _Conversation, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "_connect", lambda api, path: conversation)
    run.dump("n1", (), "all", target)


def test_what_it_says_is_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _dump(run, _says(1000), tmp_path / "dump", monkeypatch)
    assert (tmp_path / "dump").read_bytes() == bytes(1000)


@pytest.mark.parametrize("size", [1 << 16, 10], ids=["while it is written", "when it is closed"])
def test_a_full_disk_is_not_a_lost_connection(run: Run, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        _dump(run, _says(size), Path("/dev/full"), monkeypatch)


def test_a_connection_that_breaks_is_a_node_that_failed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = _says(10)
    monkeypatch.setattr(broken, "recv_data_frame", _break)
    with pytest.raises(NodeFailed, match=r"the connection to the pod was lost: .*Connection reset"):
        _dump(run, broken, tmp_path / "dump", monkeypatch)


def _break(control: bool) -> NoReturn:
    raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
