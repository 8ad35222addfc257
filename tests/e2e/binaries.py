"""Kubernetes, krew, agents of policies and flannel, built from published Go modules and kept by version.

`k8s.io/kubernetes` replaces its staging modules by folders of its own repository, which the module proxy
does not serve. A module that requires it and replaces them by their published versions (v1.36.3: v0.36.3)
builds it.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.e2e.errors import ClusterError

VERSION = "v1.36.3"
OLD_VERSION = "v1.24.17"
"""Before 1.24 the modules lack generated code (pkg/generated/openapi), so they do not compile."""
KREW_VERSION = "v0.4.3"
"""The newest of krew that is published as a module."""
KREW = ("krew", "validate-krew-manifest")
KUBE_ROUTER_VERSION = "v2.1.0"
FLANNEL_VERSION = "v0.27.4"
KUBE_NETWORK_POLICIES_VERSION = "v0.8.0"
POLICY_API_VERSION = "v0.1.6-0.20250401132235-45061d10895e"
"""The one that this kube-network-policies requires."""
SERVERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")

_MODULE = "k8s.io/kubernetes"
_KREW_MODULE = "sigs.k8s.io/krew"
_KUBE_ROUTER_MODULE = "github.com/cloudnativelabs/kube-router/v2"
_FLANNEL_MODULE = "github.com/flannel-io/flannel"
_KUBE_NETWORK_POLICIES_MODULE = "sigs.k8s.io/kube-network-policies"
_POLICY_API_MODULE = "sigs.k8s.io/network-policy-api"
_STAGED = re.compile(r"^\s*(?:replace )?(\S+) => \./staging/", re.MULTILINE)
_GO = re.compile(r"^go (\S+)", re.MULTILINE)


def cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home, "kubectl-skoop-e2e")


def minor(version: str) -> int:
    """36 of v1.36.3."""
    return int(version.split(".")[1])


def built(version: str = VERSION, programs: tuple[str, ...] = SERVERS) -> Path:
    """The folder with these programs; what is missing there is built first, which takes minutes.

    A program appears there when it is whole: it is linked elsewhere and renamed.

    Raises:
        ClusterError: there is no Go, or the modules cannot be had or built.
    """
    return _kept(version, programs, lambda: Source(_MODULE, _module(version), _ldflags(version)))


def krew_built() -> Path:
    """The folder with krew and its check of manifests; as `built`.

    They do not know their version: a krew that does looks on the internet for a newer one.
    """
    module = f"module e2e\ngo 1.17\nrequire {_KREW_MODULE} {KREW_VERSION}\n"
    return _kept(f"krew-{KREW_VERSION}", KREW, lambda: Source(_KREW_MODULE, module))


def kube_router_built() -> Path:
    """The program that enforces policies; as `built`."""
    module = f"module e2e\ngo 1.24\nrequire {_KUBE_ROUTER_MODULE} {KUBE_ROUTER_VERSION}\n"
    name = f"kube-router-{KUBE_ROUTER_VERSION}"
    return _kept(name, ("kube-router",), lambda: Source(_KUBE_ROUTER_MODULE, module)) / "kube-router"


def flanneld_built() -> Path:
    """flanneld, with its backend udp, which is written in C; as `built`."""
    module = f"module e2e\ngo 1.24\nrequire {_FLANNEL_MODULE} {FLANNEL_VERSION}\n"
    name = f"flannel-{FLANNEL_VERSION}"
    return _kept(name, ("flannel",), lambda: Source(_FLANNEL_MODULE, module, folder="", c=True)) / "flannel"


def kube_network_policies_built() -> Path:
    """The program that judges the packets that are queued to it; as `built`."""
    version = KUBE_NETWORK_POLICIES_VERSION
    module = f"module e2e\ngo 1.24\nrequire {_KUBE_NETWORK_POLICIES_MODULE} {version}\n"
    source = Source(_KUBE_NETWORK_POLICIES_MODULE, module, folder="/{program}")
    return _kept(f"kube-network-policies-{version}", ("cmd",), lambda: source) / "cmd"


def policy_api_definitions() -> list[Path]:
    """The CustomResourceDefinitions of AdminNetworkPolicy and BaselineAdminNetworkPolicy.

    Raises:
        ClusterError: there is no Go, or the module cannot be had.
    """
    with tempfile.TemporaryDirectory() as anywhere:
        wanted = f"{_POLICY_API_MODULE}@{POLICY_API_VERSION}"
        found = run_go(Path(anywhere), "mod", "download", "-json", wanted)
    return sorted(Path(json.loads(found)["Dir"]).glob("config/crd/experimental/*adminnetworkpolicies.yaml"))


class Source(NamedTuple):
    """What programs are built from."""

    module: str
    go_mod: str
    """Of a module that requires it."""
    ldflags: str = ""
    folder: str = "/cmd/{program}"
    """Of a program, inside the module."""
    c: bool = False
    """Some of it is in C."""

    def package(self, program: str) -> str:
        return self.module + self.folder.format(program=program)


def _kept(name: str, programs: tuple[str, ...], source: Callable[[], Source]) -> Path:
    folder = cache_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        missing = [program for program in programs if not (folder / program).exists()]
        if missing:
            _build(missing, folder, source)
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One build at a time for all processes of this machine."""
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(programs: list[str], folder: Path, source: Callable[[], Source]) -> None:
    if shutil.which("go") is None:
        raise ClusterError(f"no go on PATH, which builds {', '.join(programs)}: install Go, or fill {folder}")
    with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as name:
        work = Path(name)
        origin = source()
        work.joinpath("go.mod").write_text(origin.go_mod)
        packages = [origin.package(program) for program in programs]
        run_go(work, "build", "-ldflags", origin.ldflags, "-o", f"{work}/", *packages, c=origin.c)
        for program in programs:
            work.joinpath(program).replace(folder / program)


def _module(version: str) -> str:
    """The go.mod that requires this version."""
    with tempfile.TemporaryDirectory() as anywhere:
        found = run_go(Path(anywhere), "mod", "download", "-json", f"{_MODULE}@{version}")
    theirs = Path(json.loads(found)["GoMod"]).read_text()
    language = _GO.search(theirs)
    staged = "v0." + version.removeprefix("v1.")
    replaced = (f"\t{name} => {name} {staged}" for name in sorted(set(_STAGED.findall(theirs))))
    return "\n".join(
        (
            "module e2e",
            f"go {language[1] if language else '1.21'}",
            f"require {_MODULE} {version}",
            "replace (",
            *replaced,
            ")\n",
        )
    )


def _ldflags(version: str) -> str:
    """What the programs say of themselves; a build from modules does not know it."""
    values = {"gitVersion": version, "gitMajor": "1", "gitMinor": str(minor(version))}
    return " ".join(
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in values.items()
    )


def run_go(folder: Path, *arguments: str, c: bool = False) -> str:
    settings = {"GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": str(int(c))}
    command = ("nice", "go", *arguments)
    done = subprocess.run(
        command, cwd=folder, env=os.environ | settings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ClusterError(f"go {arguments[0]}: {_reason(done)}")
    return done.stdout


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line of its errors; `go mod download -json` has them in its answer."""
    if done.stdout.startswith("{"):
        return str(json.loads(done.stdout).get("Error"))
    return (done.stderr.strip() or "no message").splitlines()[-1]


def main() -> int:
    """Build what the tests need. It takes minutes, once."""
    builds: dict[str, Callable[[], Path]] = {
        f"Kubernetes {VERSION}": partial(built, VERSION, (*SERVERS, "kubectl")),
        f"Kubernetes {OLD_VERSION}": partial(built, OLD_VERSION),
        f"krew {KREW_VERSION}": krew_built,
        f"kube-router {KUBE_ROUTER_VERSION}": kube_router_built,
        f"flannel {FLANNEL_VERSION}": flanneld_built,
        f"kube-network-policies {KUBE_NETWORK_POLICIES_VERSION}": kube_network_policies_built,
    }
    try:
        for name, build in builds.items():
            began = time.monotonic()
            folder = build()
            print(f"{name}: {folder}, {time.monotonic() - began:.0f} s", flush=True)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
