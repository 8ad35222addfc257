"""How a command in a pod ended, by the Status that comes last (remotecommand.go of apimachinery)."""

import json

import pytest

from kubectl_skoop.collect.live.errors import ClusterError, Unreachable
from kubectl_skoop.collect.live.execute import exit_code


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
