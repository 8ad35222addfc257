"""The cache of programs; with a `go` of our own, so that nothing is built."""

from pathlib import Path

import pytest

from tests.e2e import binaries
from tests.e2e.binaries import built, cache_folder
from tests.e2e.errors import ClusterError

_GO = """#!/bin/sh
echo "$*" >>{log}
case "$1" in
  mod) echo '{{"GoMod": "{module}"}}' ;;
  build) {build} ;;
esac
"""
_BUILDS = """for last; do :; done; touch "$PWD/kubelet" "$PWD/kube-proxy" """
_MODULE = """module k8s.io/kubernetes
go 1.26.0
replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/client-go => ./staging/src/k8s.io/client-go
)
"""
PROGRAMS = ("kubelet", "kube-proxy")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "kubernetes.mod").write_text(_MODULE)
    return tmp_path / "log"


def _install_go(log: Path, build: str) -> None:
    go = log.with_name("go")
    go.write_text(_GO.format(log=log, module=log.with_name("kubernetes.mod"), build=build))
    go.chmod(0o755)


def test_programs_are_built_once(log: Path) -> None:
    _install_go(log, _BUILDS)
    folder = built("v1.36.3", PROGRAMS)
    assert folder == cache_folder() / "v1.36.3"
    assert all((folder / program).exists() for program in PROGRAMS)
    before = log.read_text()
    assert built("v1.36.3", PROGRAMS) == folder
    assert log.read_text() == before


def test_only_what_is_missing_is_built(log: Path) -> None:
    _install_go(log, _BUILDS)
    folder = built("v1.36.3", PROGRAMS)
    (folder / "kubelet").unlink()
    built("v1.36.3", PROGRAMS)
    last = log.read_text().splitlines()[-1]
    assert last.endswith("k8s.io/kubernetes/cmd/kubelet")


def test_a_build_that_fails_half_way_leaves_nothing(log: Path) -> None:
    _install_go(log, "touch kubelet; echo 'cannot link kube-proxy' >&2; exit 1")
    with pytest.raises(ClusterError, match="cannot link kube-proxy"):
        built("v1.36.3", PROGRAMS)
    assert not list(cache_folder().glob("*/kube*"))


def test_a_machine_without_go_is_told_in_one_line(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(log.parent))
    with pytest.raises(ClusterError, match="install Go") as error:
        built("v1.36.3", PROGRAMS)
    assert len(str(error.value).splitlines()) == 1


def test_a_proxy_that_refuses_is_told_in_one_line(log: Path) -> None:
    _install_go(log, _BUILDS)
    log.with_name("go").write_text('#!/bin/sh\nprintf "{\\n \\"Error\\": \\"not served\\"\\n}\\n"; exit 1\n')
    with pytest.raises(ClusterError, match=r"^go mod: not served$"):
        built("v1.36.3", PROGRAMS)


def test_staging_modules_are_replaced_by_their_published_versions(log: Path) -> None:
    _install_go(log, f"cp go.mod {log}.mod; {_BUILDS}")
    built("v1.36.3", PROGRAMS)
    module = log.with_name("log.mod").read_text()
    assert "require k8s.io/kubernetes v1.36.3" in module
    assert "\tk8s.io/client-go => k8s.io/client-go v0.36.3\n" in module


def test_the_minor_version_is_a_number() -> None:
    assert binaries.minor("v1.24.17") == 24
