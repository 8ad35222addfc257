"""Ctrl-C, SIGTERM and kill -9 at any moment: nothing of ours is left, and the nodes are as they were."""

import random
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.leftovers import GONE, gone, standing_namespaces, state
from tests.e2e.skoop import TIMEOUT, Skoop
from tests.e2e.workloads import Workloads

pytestmark = pytest.mark.e2e

MOMENTS = 50
SEED = 5
EARLIEST, LATEST = 0.05, 1.1
"""In parts of the time that a whole run takes here."""
DEADLINE = 5
"""Seconds that collectors live when nobody ends them."""
AFTER_END = 60 + GONE
"""Seconds: the time for which the cluster keeps a Job that has ended, and its controllers' own."""
INTERRUPTED = 130


@pytest.fixture(scope="module")
def moments(skoop: Skoop, workloads: Workloads, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """Seconds after the start of a run."""
    began = time.monotonic()
    whole = skoop.collecting("snapshot", "-f", tmp_path_factory.mktemp("whole") / "s.skoop")
    assert whole.code == 0, whole.err
    taken, chance = time.monotonic() - began, random.Random(SEED)
    return [taken * chance.uniform(EARLIEST, LATEST) for _ in range(MOMENTS)]


def test_an_interrupted_run_leaves_nothing(
    cluster: Cluster, moments: list[float], skoop: Skoop, tmp_path: Path
) -> None:
    before = _steady(cluster)
    codes = []
    for number, moment in enumerate(moments):
        run = skoop.start("snapshot", "-f", tmp_path / "s.skoop")
        time.sleep(moment)
        run.send_signal(signal.SIGINT if number % 2 else signal.SIGTERM)
        _, errors = run.communicate(timeout=TIMEOUT)
        codes.append(run.returncode)
        assert "kubectl_skoop/" not in errors, errors
        assert run.returncode in (0, INTERRUPTED, -signal.SIGTERM, -signal.SIGINT), errors
    assert INTERRUPTED in codes
    assert gone(cluster, "jobs", "pods", "namespaces") == []
    assert not list(tmp_path.glob(".*"))
    assert _as_before(cluster, before) == before


def test_a_killed_run_ends_at_its_deadline(
    cluster: Cluster, moments: list[float], skoop: Skoop, tmp_path: Path
) -> None:
    before = _steady(cluster)
    for moment in moments:
        run = skoop.start("snapshot", "-f", tmp_path / "s.skoop", "--collector-deadline", f"{DEADLINE}s")
        time.sleep(moment)
        run.kill()
        run.communicate(timeout=TIMEOUT)
    left = standing_namespaces(cluster)
    assert left, "no run was killed while it was at work"
    assert gone(cluster, "jobs", "pods", within=DEADLINE + AFTER_END) == []
    assert _as_before(cluster, before) == before
    cleaned = skoop.live("cleanup")
    assert (cleaned.code, cleaned.out.count(": removed")) == (0, len(left))
    assert gone(cluster, "namespaces") == []
    assert skoop.live("cleanup").out == "nothing is left\n"


def _as_before(cluster: Cluster, before: Mapping[str, str]) -> Mapping[str, str]:
    """The last state: that from before, or what it was when time was up. A pod's device may go after its
    object."""
    end = time.monotonic() + GONE
    while (found := _steady(cluster)) != before and time.monotonic() < end:
        time.sleep(0.5)
    return found


def _steady(cluster: Cluster) -> Mapping[str, str]:
    """The nodes' state without what changes by itself: lifetimes and counters."""
    return {
        what: re.sub(r"(valid_lft|preferred_lft|expires|used|age|\w+_timer) +\S+|\[\d+:\d+\]|#.*", "", text)
        for what, text in state(cluster).items()
    }
