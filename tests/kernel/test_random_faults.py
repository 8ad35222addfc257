"""Clusters with random changes: what the tool says of each flow is what real packets do, or *unknown*."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Difference, Question, check_flow, diagnosed, take_snapshot
from kubectl_skoop.testing.flows import Flow, standard_flows
from kubectl_skoop.testing.netns import LabError
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.topology import BACKENDS, MODES, Backend, Mode
from tests.kernel.random_edits import random_edit
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

CHANGES = 3
"""At most, in one lab."""
TRIES = 8


def edit(random: Random, lab: ClusterLab) -> list[str]:
    """The steps that were carried out; some that are drawn are refused."""
    done: list[str] = []
    wanted = random.randint(1, CHANGES)
    for _ in range(TRIES):
        step = random_edit(random, lab)
        try:
            run_steps(lab, [step])
        except LabError:
            continue
        done.append(step)
        if len(done) == wanted:
            break
    return done


def differences(lab: ClusterLab, folder: Path, flows: Sequence[Flow]) -> dict[Question, list[Difference]]:
    snapshot = take_snapshot(lab, folder)
    outcomes = run_flows(lab, flows)
    return {
        flow: wrong
        for flow, found, diagnosis in diagnosed(snapshot, outcomes)
        if diagnosis.verdict != "unknown" and (wrong := check_flow(flow, found, diagnosis))
    }


def alone(
    mode: Mode, backend: Backend, steps: Sequence[str], flow: Question, folder: Path
) -> list[Difference]:
    """In a lab where nothing else is sent: flows that are sent together learn neighbours for each other."""
    with ClusterLab(mode, backend) as lab:
        run_steps(lab, steps)
        flows = [each for each in standard_flows(lab.topology, mode) if each.question == flow]
        return differences(lab, folder, flows).get(flow, [])


def smallest(
    mode: Mode, backend: Backend, steps: Sequence[str], flow: Question, folder: Path
) -> Sequence[str]:
    """Of the steps those without which there is no difference."""
    needed = list(steps)
    for step in steps:
        fewer = [each for each in needed if each != step]
        if alone(mode, backend, fewer, flow, folder):
            needed = fewer
    return needed


@pytest.mark.parametrize("seed", range(6 * VOLUME))
def test_the_tool_agrees_with_the_kernel_whatever_was_changed(seed: int, tmp_path: Path) -> None:
    random = Random(f"edits-{seed}")
    mode, backend = random.choice(MODES), random.choice(BACKENDS)
    with ClusterLab(mode, backend) as lab:
        steps = edit(random, lab)
        suspects = differences(lab, tmp_path, standard_flows(lab.topology, mode))
    for flow in suspects:
        found = alone(mode, backend, steps, flow, tmp_path)
        if found:
            needed = smallest(mode, backend, steps, flow, tmp_path)
            pytest.fail(f"{mode} {backend}: {needed}\n" + "\n".join(map(str, found)))


ONCE_DIFFERENT: tuple[tuple[Mode, Backend, str], ...] = (
    # A tunnel to the node itself: the packet goes round, with its conntrack entry, until its TTL ends.
    (
        "flannel-vxlan",
        "iptables-legacy",
        "n1: bridge fdb replace 0e:00:00:00:00:02 dev flannel.1 dst 10.0.0.1",
    ),
)


@pytest.mark.parametrize(("mode", "backend", "step"), ONCE_DIFFERENT)
def test_what_once_differed_agrees(mode: Mode, backend: Backend, step: str, tmp_path: Path) -> None:
    with ClusterLab(mode, backend) as lab:
        run_steps(lab, [step])
        wrong = differences(lab, tmp_path, standard_flows(lab.topology, mode))
    assert not wrong
