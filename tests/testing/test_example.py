"""The packages of the pages for authors, installed by pip as a stranger would, and their own labs run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/write-a-plugin.md").read_text("utf-8")
PROVIDERS = (ROOT / "docs/write-a-provider.md").read_text("utf-8")
PACKAGE = ROOT / "docs/examples/routenet"
CLOUD = ROOT / "docs/examples/examplecloud"
LIMIT = 80
"""Lines of a new CNI with veth and routes."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages, made by pip without a network."""
    folder = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--no-build-isolation", "--target", str(folder), str(PACKAGE), str(CLOUD))
    return folder


def run(*command: str, site: Path | None = None, cwd: Path = ROOT) -> str:
    """What it printed; that it failed is an error with all it said."""
    path = {"PYTHONPATH": str(site)} if site is not None else {}
    done = subprocess.run(
        command, env={**os.environ, **path}, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["pyproject.toml", "routenet.py"])
def test_the_page_shows_the_package_as_it_is(name: str) -> None:
    assert (PACKAGE / name).read_text("utf-8").strip() in PAGE


def test_a_plugin_is_short() -> None:
    assert len((PACKAGE / "routenet.py").read_text("utf-8").splitlines()) < LIMIT


def test_it_is_found_with_its_options(site: Path) -> None:
    command = "from kubectl_skoop.cli.start import main; main()"
    listed = run(sys.executable, "-c", command, "plugins", site=site)
    assert "routenet:Routenet (kubectl-skoop-routenet)" in listed
    assert "--routenet-mtu" in listed


def test_the_provider_is_found(site: Path) -> None:
    command = "from kubectl_skoop.cli.start import main; main()"
    listed = run(sys.executable, "-c", command, "providers", site=site)
    assert "examplecloud:Examplecloud (kubectl-skoop-examplecloud)" in listed


def test_the_page_shows_the_providers_lab() -> None:
    lab = (CLOUD / "tests/test_lab.py").read_text("utf-8")
    assert lab.partition("class OpenLab")[2].strip() in PROVIDERS


@pytest.mark.kernel
@pytest.mark.parametrize(("package", "count"), [(PACKAGE, 6), (CLOUD, 2)], ids=["routenet", "examplecloud"])
def test_its_lab_passes(site: Path, package: Path, count: int) -> None:
    tests = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert f"{count} passed" in run(*tests, site=site, cwd=package)
