"""What a lab or a guest lacks on this machine is named before it is tried."""

import os
import shutil
from pathlib import Path

import pytest

from kubectl_skoop.testing import netns
from tests.kernel.guest import emulated

LIBRARY_LOADER = b"\x7fELF....\0/lib64/ld-linux-x86-64.so.2\0"


def test_a_lab_names_each_tool_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for tool in netns.TOOLS:
        program = tmp_path / tool
        program.touch()
        program.chmod(0o755)
    monkeypatch.setattr(netns, "FOLDERS", str(tmp_path))
    assert netns.why_no_lab() == ""
    for tool in ("conntrack", "ethtool"):
        (tmp_path / tool).unlink()
    assert netns.why_no_lab() == "labs need conntrack, ethtool"


@pytest.mark.parametrize(("program", "reason"), [(LIBRARY_LOADER, "wants libraries"), (b"\x7fELF....", "")])
def test_the_emulated_machine_needs_a_static_busybox(
    program: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first file system has nothing else: a dynamic one ends in a panic, "No working init found"."""
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-6.1.0-1-cloud-amd64").touch()
    (tmp_path / "busybox").write_bytes(program)
    (tmp_path / "busybox").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", str)
    monkeypatch.setattr(emulated, "ROOT", tmp_path)
    monkeypatch.setattr(emulated, "BUSYBOX", tmp_path / "busybox")
    told = emulated.why_no_guest()
    assert reason in told
    assert bool(reason) == bool(told)
