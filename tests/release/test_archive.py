"""What goes into an archive, and the manifest that names it. `tests/e2e/test_krew.py` builds one."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from kubectl_skoop import __version__
from tests.release import archive, launch, manifest

DAY = 86_400


def _program(folder: Path, *, age: int) -> Path:
    inner = folder / "_internal"
    inner.mkdir(parents=True)
    for path, mode in ((folder / "kubectl-skoop", 0o755), (inner / "b", 0o600), (inner / "a", 0o664)):
        path.write_text(path.name)
        path.chmod(mode)
        os.utime(path, (age, age))
    return folder


def test_equal_files_give_equal_archives_whatever_their_times_and_modes(tmp_path: Path) -> None:
    packed = []
    for number, age in enumerate((DAY, 2 * DAY)):
        archive._pack(_program(tmp_path / str(number), age=age), tmp_path / f"{number}.tar.gz", DAY)
        packed.append((tmp_path / f"{number}.tar.gz").read_bytes())
    assert packed[0] == packed[1]


def test_the_newest_symbol_tells_which_c_library_is_needed(tmp_path: Path) -> None:
    folder = _program(tmp_path / "made", age=DAY)
    (folder / "_internal" / "lib.so").write_bytes(b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.4\0")
    archive._pack(folder, tmp_path / "a.tar.gz", DAY)
    assert archive.glibc(tmp_path / "a.tar.gz") == "2.34"


def test_the_manifest_names_the_archives_that_are_there_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "kubectl-skoop-darwin-arm64.tar.gz").write_bytes(b"packed")
    (tmp_path / "kubectl-skoop-darwin-arm64.tar.gz.sha256").write_bytes(b"its sum")
    (tmp_path / "kubectl-skoop-plan9-arm64.tar.gz").write_bytes(b"not known to krew")
    written = yaml.safe_load(manifest.write(tmp_path, "https://example.test/v9/").read_text("utf-8"))
    assert written["spec"]["platforms"] == [
        {
            "selector": {"matchLabels": {"os": "darwin", "arch": "arm64"}},
            "uri": "https://example.test/v9/kubectl-skoop-darwin-arm64.tar.gz",
            "sha256": hashlib.sha256(b"packed").hexdigest(),
            "bin": "kubectl-skoop/kubectl-skoop",
        }
    ]


def test_the_template_names_this_version_and_leads_nowhere() -> None:
    template = yaml.safe_load(manifest.TEMPLATE.read_text("utf-8"))
    assert template["spec"]["version"] == f"v{__version__}"
    for platform in template["spec"]["platforms"]:
        assert platform["uri"].startswith(f"https://releases.kubectl-skoop.invalid/v{__version__}/")
        assert platform["sha256"] == hashlib.sha256().hexdigest()


PACKED = {
    "the user had no library path": (
        {"LD_LIBRARY_PATH": "/archive/_internal", "_PYI_ARCHIVE_FILE": "x", "HOME": "/h"},
        {"HOME": "/h"},
    ),
    "the user had one": (
        {"LD_LIBRARY_PATH": "/archive/_internal", "LD_LIBRARY_PATH_ORIG": "/mine"},
        {"LD_LIBRARY_PATH": "/mine"},
    ),
}


@pytest.mark.parametrize(("packed", "seen"), PACKED.values(), ids=PACKED)
def test_the_packer_leaves_no_trace_in_the_environment(
    packed: Mapping[str, str], seen: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "CERTIFICATES", ())
    assert launch.environment(packed) == seen


def test_certificates_are_those_of_the_system_unless_the_user_names_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "ca.crt"
    system.touch()
    monkeypatch.setattr(launch, "CERTIFICATES", ("/nonexistent", str(system)))
    assert launch.environment({}) == {"SSL_CERT_FILE": str(system)}
    assert launch.environment({"SSL_CERT_FILE": "/mine"}) == {"SSL_CERT_FILE": "/mine"}
