"""`make archive`: the program, its libraries and a Python in one archive for the platform that this runs on.

PyInstaller packs what a fresh virtual environment holds; equal sources give equal bytes.
"""

import argparse
import gzip
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

from tests.release import manifest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PROGRAM = "kubectl-skoop"
SOURCES = (
    *("pyproject.toml", "README.md", "LICENSE", "docs/suspicions.md", "kubectl_skoop"),
    *(
        f"tests/release/{name}"
        for name in ("archive.py", "launch.py", "kubectl-skoop.spec", "requirements.txt")
    ),
)
"""What an archive is made of."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_TOOLS = ("hatchling", "pyinstaller")
_LONG_AGO = "315532800"
"""The time of every file, unless SOURCE_DATE_EPOCH says another: 1980-01-01, with which zip's time begins."""
_GLIBC = re.compile(rb"GLIBC_2\.(\d+)")


class BuildError(RuntimeError):
    """A step of the build failed; one line."""


def archive_name() -> str:
    """For this machine, in krew's words."""
    machine = platform.machine()
    return f"{PROGRAM}-{platform.system().lower()}-{_ARCHITECTURES.get(machine, machine)}.tar.gz"


def build(archive: Path) -> None:
    """Raises: BuildError."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", _LONG_AGO)
    with tempfile.TemporaryDirectory(prefix="kubectl-skoop-") as name:
        work = Path(name)
        python = _environment(work / "venv")
        _run(
            *(python, "-m", "PyInstaller", "--log-level", "WARN"),
            *("--distpath", work / "made", "--workpath", work / "work", HERE / f"{PROGRAM}.spec"),
            variables={
                "PYTHONHASHSEED": "0",
                "SOURCE_DATE_EPOCH": epoch,
                "PYINSTALLER_CONFIG_DIR": str(work / "config"),
            },
        )
        folder = work / "made" / PROGRAM
        shutil.copy(ROOT / "LICENSE", folder)
        # Beside its place, so that it appears there whole.
        partial = archive.with_name(f".{archive.name}.{os.getpid()}")
        _pack(folder, partial, int(epoch))
        partial.rename(archive)


def glibc(archive: Path) -> str:
    """The oldest C library that the archive runs with, `2.35`; empty where it needs none (macOS)."""
    with tarfile.open(archive) as members:
        files = [file for member in members if (file := members.extractfile(member))]
        minors = [int(minor) for file in files for minor in _GLIBC.findall(file.read())]
    return f"2.{max(minors)}" if minors else ""


def _environment(folder: Path) -> Path:
    """The Python of a new virtual environment that holds this project as a user would install it."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-compile")
    pinned = ("--constraint", HERE / "requirements.txt")
    _run(*pip, *pinned, *_TOOLS)
    _run(*pip, *pinned, "--no-build-isolation", f"{ROOT}[agent]")
    return python


def _pack(folder: Path, archive: Path, epoch: int) -> None:
    """Without times, owners and order of this machine."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = epoch
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with (
        open(archive, "wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as members,
    ):
        members.add(folder, PROGRAM, recursive=False, filter=plain)
        for path in sorted(folder.rglob("*")):
            members.add(path, f"{PROGRAM}/{path.relative_to(folder)}", recursive=False, filter=plain)


def _run(*command: str | Path, variables: dict[str, str] | None = None) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, env=environment | (variables or {}), capture_output=True, text=True, check=False, cwd=HERE
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()
        raise BuildError(f"{' '.join(map(str, command[:4]))} … failed: {' | '.join(said[-3:])}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="folder; default: dist")
    parser.add_argument("--address", default="", help="of the folder that the archives will be served from")
    options = parser.parse_args()
    archive: Path = options.into / archive_name()
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        build(archive)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sum_of = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.sha256").write_text(f"{sum_of}  {archive.name}\n")
    needs = f", needs glibc {needed} or newer" if (needed := glibc(archive)) else ""
    print(f"{archive}: {archive.stat().st_size} bytes{needs}")
    print(manifest.write(options.into, options.address))
    return 0


if __name__ == "__main__":
    sys.exit(main())
