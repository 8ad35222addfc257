"""A machine that reaches nothing but itself, with kubectl and krew, and an index and an archive for them."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kubectl_skoop.testing import netns
from kubectl_skoop.testing.netns import Namespace
from tests.e2e import binaries
from tests.e2e.collector_image import ROOT, fingerprint
from tests.release import archive as archives
from tests.release import manifest

TIMEOUT = 300
_KEPT = 3
"""Archives that stay in the cache."""
_PORT = 8000
"""On the loopback device of the machine's own network namespace."""


def built_archive() -> Path:
    """For this machine; from the cache where nothing that it is made of has changed.

    Raises:
        BuildError: it cannot be built.
    """
    cache = binaries.cache_folder() / "archives"
    folder = cache / fingerprint(archives.SOURCES)
    archive = folder / archives.archive_name()
    cache.mkdir(parents=True, exist_ok=True)
    with binaries.alone(cache):
        if not archive.exists():
            folder.mkdir(exist_ok=True)
            archives.build(archive)
        folder.touch()
        kept = [path for path in cache.iterdir() if path.is_dir()]
        for old in sorted(kept, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return archive


@dataclass(frozen=True, slots=True)
class Machine:
    """`home` is the user's."""

    namespace: Namespace
    home: Path
    served: Path
    """Holds the archive and the manifest that names it."""
    tools: Path

    @property
    def krew_root(self) -> Path:
        return self.home / ".krew"

    @property
    def plugin(self) -> Path:
        """Where krew puts the program for kubectl to find."""
        return self.krew_root / "bin" / "kubectl-skoop"

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": f"{self.krew_root}/bin:{self.tools}:/usr/bin:/bin",
            "HOME": str(self.home),
            "KREW_DEFAULT_INDEX_URI": (self.home / "index").as_uri(),
        }
        with netns.entered(self.namespace.path):
            return subprocess.run(
                command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )

    def kubectl(self, *words: str | Path) -> str:
        """What it printed. Raises: AssertionError."""
        done = self.run("kubectl", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """With the archive served, an index that has the plugin, and nothing installed."""
    namespace = Namespace(f"{netns.lab_prefix()}krew")
    made = Machine(namespace, folder / "home", folder / "served", folder / "tools")
    for path in (made.home, made.served, made.tools):
        path.mkdir()
    krew = binaries.krew_built()
    (made.tools / "kubectl").symlink_to(binaries.built(binaries.VERSION, ("kubectl",)) / "kubectl")
    (made.tools / "kubectl-krew").symlink_to(krew / "krew")
    (made.tools / "validate-krew-manifest").symlink_to(krew / "validate-krew-manifest")
    archive = built_archive()
    (made.served / archive.name).symlink_to(archive)
    written = manifest.write(made.served, f"http://127.0.0.1:{_PORT}")
    netns.create([namespace.name])
    try:
        namespace.run("ip", "link", "set", "lo", "up")
        with _serving(made):
            _index(made, written)
            yield made
    finally:
        netns.delete([namespace.name])


@contextmanager
def _serving(machine: Machine) -> Iterator[None]:
    """The server's process is in the machine; the tests' is not."""
    server = (sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory")
    with netns.entered(machine.namespace.path):
        process = subprocess.Popen(
            (*server, machine.served, str(_PORT)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    with process:
        try:
            assert process.stdout
            # It says so when it listens; one that cannot ends.
            assert "Serving" in process.stdout.readline(), "the archive is not served"
            yield
        finally:
            process.terminate()


def _index(machine: Machine, written: Path) -> None:
    """A repository as krew wants it."""
    index = machine.home / "index"
    plugins = index / "plugins"
    plugins.mkdir(parents=True)
    (plugins / written.name).write_bytes(written.read_bytes())
    git = ("git", "-C", str(index), "-c", "user.name=index", "-c", "user.email=index@localhost")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "Add skoop")):
        done = machine.run(*git, *words)
        assert done.returncode == 0, done.stderr
