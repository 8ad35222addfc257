"""Whether the kernel has a BPF program at all."""

import errno

import pytest

from kubectl_skoop.collect import bpf


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        pytest.param(errno.ENOENT, False, id="no next id: there is none"),
        pytest.param(errno.EPERM, True, id="not allowed: there may be some"),
        pytest.param(errno.EINVAL, True, id="an older kernel: there may be some"),
    ],
)
def test_only_a_kernel_that_says_so_has_no_program(
    refusal: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(command: int, attributes: bytes) -> tuple[int, bytes]:
        raise OSError(refusal, "refused")

    monkeypatch.setattr(bpf, "bpf", refuse)
    assert bpf.any_program() is expected
    if not expected:
        assert bpf.read_bpf([1, 2]) == []


def test_a_kernel_that_tells_an_id_has_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpf, "bpf", lambda command, attributes: (0, attributes))
    assert bpf.any_program()
