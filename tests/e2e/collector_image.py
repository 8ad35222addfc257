"""The collector's image, built from the project's Dockerfile without Docker and without a registry.

buildah builds it; the base image that the Dockerfile names is made of Debian's packages by mmdebstrap.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.e2e.binaries import alone, cache_folder
from tests.e2e.errors import ClusterError

NAME = "skoop.e2e/collector:1"
MUST_GATHER_NAME = "skoop.e2e/must-gather:1"
BUNDLES = "docs/examples/bundles"
PYTHON_NAME = "skoop.e2e/python:1"
_PYTHON = """FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && apt-get clean
"""
ROOT = Path(__file__).parents[2]
_BASE = "docker.io/library/debian:bookworm-slim"
_SOURCES = ("Dockerfile", "pyproject.toml", "README.md", "LICENSE", "docs/suspicions.md", "kubectl_skoop")
_LEFT_OUT = ("doc", "info", "locale", "man")
"""Folders of /usr/share that Debian's slim images do not have."""
_KEPT = 6
"""Built images that stay in the cache."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES = "/etc/ssl/machine.crt"


def built() -> Path:
    """An archive that containerd imports; from the cache where nothing that it is made of has changed.

    Raises:
        ClusterError: it cannot be built.
    """
    return _archive(fingerprint(_SOURCES), NAME, str(ROOT))


def python_image() -> Path:
    """The archive of an image of somebody else's: it has Python, and nothing that reads a node's rules.

    Raises:
        ClusterError: it cannot be built.
    """
    return _archive(hashlib.sha256(_PYTHON.encode()).hexdigest()[:16], PYTHON_NAME, "-", recipe=_PYTHON)


def must_gather_image(archive: Path) -> Path:
    """The archive of the image of docs/examples/bundles, which holds the program's archive.

    Raises:
        ClusterError: it cannot be built.
    """
    key = hashlib.sha256(f"{fingerprint([BUNDLES])} {archive.parent.name}".encode()).hexdigest()[:16]
    with tempfile.TemporaryDirectory() as context:
        shutil.copytree(ROOT / BUNDLES, context, dirs_exist_ok=True)
        shutil.copy(archive, Path(context, "kubectl-skoop-linux-amd64.tar.gz"))
        return _archive(key, MUST_GATHER_NAME, context)


def _archive(key: str, name: str, context: str, recipe: str = "") -> Path:
    images = cache_folder() / "images"
    images.mkdir(parents=True, exist_ok=True)
    archive = images / f"{key}.tar"
    with alone(images):
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=images) as folder:
                _build(Path(folder), _base_root(images), name, context, recipe)
                (Path(folder) / "image.tar").rename(archive)
        archive.touch()
        for old in sorted(images.glob("*.tar"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            old.unlink()
    return archive


def _base_root(images: Path) -> Path:
    """Debian's essential packages as an archive."""
    root = images / "base.root"
    if not root.exists():
        partial = images / "base.partial"
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _LEFT_OUT]
        _run("mmdebstrap", "--format=tar", "--variant=minbase", *excluded, "bookworm", str(partial))
        partial.rename(root)
    return root


def _build(folder: Path, root: Path, name: str, context: str, recipe: str) -> None:
    if recipe:
        context = str(folder / "context")
        Path(context).mkdir()
        Path(context, "Dockerfile").write_text(recipe)
    storage = ("--root", str(folder / "store"), "--runroot", str(folder / "run"))
    environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

    def buildah(command: str, *arguments: str) -> str:
        return _run("buildah", *storage, command, *arguments, environment=environment)

    try:
        base = buildah("from", "scratch").strip()
        buildah("add", "--quiet", base, str(root), "/")
        buildah("config", "--env", f"PATH={_PATH}", base)
        if certificates := os.environ.get("PIP_CERT"):
            # pip in the build trusts whom pip on this machine trusts.
            buildah("copy", "--quiet", base, certificates, _CERTIFICATES)
            buildah("config", "--env", f"PIP_CERT={_CERTIFICATES}", base)
        buildah("commit", "--quiet", "--rm", base, _BASE)
        buildah("build", "--pull-never", "--quiet", "--tag", name, context)
        buildah("push", "--quiet", name, f"docker-archive:{folder}/image.tar:{name}")
    finally:
        shutil.rmtree(folder / "store", ignore_errors=True)


def fingerprint(sources: Iterable[str]) -> str:
    """Of these files and folders of the project."""
    digest = hashlib.sha256()
    for path in _files(sources):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(sources: Iterable[str]) -> Iterator[Path]:
    for name in sources:
        path = ROOT / name
        found = path.rglob("*") if path.is_dir() else [path]
        yield from sorted(file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise ClusterError(f"there is no {command[0]}: apt install {command[0]}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it says nothing"]
        raise ClusterError(f"{' '.join(command[:6])} … failed: {' | '.join(lines[-5:])}")
    return done.stdout


if __name__ == "__main__":
    try:
        print(built())
    except ClusterError as error:
        sys.exit(f"error: {error}")
