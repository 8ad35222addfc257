"""Bundles of other tools: a snapshot in a folder, and the examples of docs/bundles.md."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cli.run import PROGRAM, skoop

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples" / "bundles"
SNAPSHOT = ROOT / "snapshots" / "healthy-vxlan.skoop"
QUESTION = ("diagnose", "pod/default/a", "pod/default/b", "-p", "8080", "--snapshot")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    inner = tmp_path / "must-gather.local.1" / "image" / "kubectl-skoop"
    inner.mkdir(parents=True)
    (inner / "check.txt").touch()
    shutil.copy(SNAPSHOT, inner / "cluster.skoop")
    return tmp_path / "must-gather.local.1"


def test_the_snapshot_in_an_unpacked_bundle_is_found(bundle: Path) -> None:
    ran = skoop(*QUESTION, bundle)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == skoop(*QUESTION, SNAPSHOT).out


def test_policies_are_compared_with_the_snapshot_in_a_bundle(bundle: Path) -> None:
    ran = skoop("connectivity", "--snapshot", SNAPSHOT, "--diff", bundle)
    assert (ran.code, ran.out) == (0, "no difference\n")
    assert "error" not in ran.err


def test_a_bundle_without_a_snapshot_is_one_line_and_its_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link.skoop").symlink_to(SNAPSHOT)
    (tmp_path / "folder").symlink_to(SNAPSHOT.parent)
    ran = skoop(*QUESTION, tmp_path)
    assert (ran.code, ran.err) == (2, f"error: {tmp_path}: holds no .skoop file (name the file)\n")


def test_gather_says_what_went_wrong_and_ends_well_without_a_cluster(tmp_path: Path) -> None:
    """Run as troubleshoot's collector runs it: a folder in TS_OUTPUT_DIR, standard output kept."""
    spec = yaml.safe_load((EXAMPLES / "support-bundle.yaml").read_text("utf-8"))["spec"]
    (collector,) = spec["hostCollectors"]
    environment = {
        "PATH": f"{PROGRAM.parent}:{os.defpath}",
        "HOME": str(tmp_path),
        "TS_OUTPUT_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [EXAMPLES / collector["run"]["command"], *collector["run"]["args"]],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "snapshot: exit code 2\ncheck: exit code 2\n")
    assert "no cluster to ask" in (tmp_path / "kubectl-skoop" / "snapshot.txt").read_text()
    assert (tmp_path / "kubectl-skoop" / "version.txt").read_text().startswith("kubectl-skoop ")
    assert _outcome(done.stdout, spec) == "warn: The check did not run; snapshot.txt says why."


OUTCOMES = {"0": "pass", "1": "fail", "2": "warn", "3": "warn", "4": "warn"}


@pytest.mark.parametrize("code", OUTCOMES)
def test_the_analyzer_tells_exit_codes_apart(code: str) -> None:
    spec = yaml.safe_load((EXAMPLES / "support-bundle.yaml").read_text("utf-8"))["spec"]
    told = _outcome(f"snapshot: exit code 0\ncheck: exit code {code}\n", spec)
    assert told.partition(":")[0] == OUTCOMES[code]


def _outcome(text: str, spec: "dict[str, list[dict[str, object]]]") -> str:
    """As troubleshoot's textAnalyze finds it: the first that has no `when`, or whose group has the value."""
    (analyzer,) = spec["analyzers"]
    rule = analyzer["textAnalyze"]
    assert isinstance(rule, dict)
    found = re.search(rule["regexGroups"], text)
    for outcome in rule["outcomes"]:
        ((kind, entry),) = outcome.items()
        group, _, value = entry.get("when", "").partition(" == ")
        if not group or (found and found[group] == value):
            return f"{kind}: {entry['message']}"
    return ""
