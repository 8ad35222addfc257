"""IPv6 of dual-stack clusters with random changes: the tool says what real packets do, or *unknown*."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.testing import calico_dual_stack, dual_stack
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.calico_dual_stack import CalicoDualStack
from kubectl_skoop.testing.dual_stack import DualStackLab, flows, node_address, pod_address, pod_range
from kubectl_skoop.testing.netns import await_each, ready_for_ipv6
from kubectl_skoop.testing.trap_flow import Flow
from tests.kernel.random_changes import Tally, change, smallest
from tests.kernel.random_ground import Ground
from tests.kernel.test_dual_stack import compared
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

Lab = Callable[[], DualStackLab]
KINDS: tuple[Lab, ...] = (
    partial(DualStackLab, overlay=False),
    partial(DualStackLab, overlay=True),
    partial(CalicoDualStack, overlay=False),
    partial(CalicoDualStack, overlay=True),
)
QUIET = 1.3
"""Seconds: connect() learns of an error that came at once with the first repetition of its SYN."""


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    counted = Tally()
    yield counted
    counted.check()


def ground(lab: DualStackLab) -> Ground:
    topology = lab.topology
    nodes = tuple(map(node_address, topology.nodes))
    overlay = calico_dual_stack.OVERLAY if isinstance(lab, CalicoDualStack) else dual_stack.OVERLAY
    return Ground(
        lab,
        6,
        (*map(pod_address, topology.pods), *nodes, *map(pod_range, topology.nodes), "fd00:10::/64"),
        overlay=overlay if lab.overlay else "",
        remotes=(*nodes, "fd00:10::99"),
    )


def differences(lab: DualStackLab, folder: Path, asked: Sequence[Flow], tally: Tally) -> dict[Flow, str]:
    diagnoses, different = compared(lab, folder, asked, quiet=QUIET)
    for diagnosis in diagnoses:
        tally.count(diagnosis)
    return {
        flow: different[flow]
        for flow, diagnosis in zip(asked, diagnoses, strict=True)
        if flow in different and diagnosis.verdict != "unknown"
    }


def alone(kind: Lab, flow: Flow, folder: Path, steps: Sequence[str]) -> list[str]:
    """In a lab where nothing else is sent: flows that are sent together learn neighbours for each other."""
    with kind() as lab:
        run_steps(lab, steps)
        await_each(lab.namespaces.values(), ready_for_ipv6)
        return list(differences(lab, folder, [flow], Tally()).values())


@pytest.mark.parametrize("seed", range(max(len(KINDS), 2 * VOLUME)))
def test_the_tool_agrees_with_the_kernel_whatever_was_changed(
    seed: int, tally: Tally, tmp_path: Path
) -> None:
    random = Random(f"edits6-{seed}")
    kind = KINDS[seed % len(KINDS)]
    with kind() as lab:
        steps = change(random, ground(lab))
        suspects = differences(lab, tmp_path, list(flows(lab)), tally)
    for flow in suspects:
        differs = partial(alone, kind, flow, tmp_path)
        if found := differs(steps):
            pytest.fail(f"{kind}: {smallest(steps, differs)}\n" + "\n".join(found))


def test_who_redirects_an_answer_asks_again(tmp_path: Path) -> None:
    """A node without a local route for its own address forwards the answer to its question."""
    kind = KINDS[1]
    with kind() as lab:
        flow = next(one for one in flows(lab) if (one.host, one.address) == ("a", "fd00:10::2"))
    local = "fd00:10::2 dev eth0 table local proto kernel metric 0 pref medium"
    assert not alone(kind, flow, tmp_path, [f"n2: ip -6 route del local {local}"])


def test_who_takes_no_answer_at_any_address_is_told_so(tmp_path: Path) -> None:
    """A node without a local route for its link-local address forwards each answer to its questions."""
    local = "fe80::ff:fe00:2 dev eth0 table local proto kernel metric 0 pref medium"
    with KINDS[2]() as lab:
        run_steps(lab, [f"n2: ip -6 route del local {local}"])
        await_each(lab.namespaces.values(), ready_for_ipv6)
        asked = [flow for flow in flows(lab) if (flow.host, flow.address) == ("b", "fd00:244:1::2")]
        diagnoses, different = compared(lab, tmp_path, asked, quiet=QUIET)
    assert not different
    for diagnosis in diagnoses:
        assert diagnosis.cause is not None
        assert (diagnosis.verdict, diagnosis.cause.code) == ("unreachable", "source.address")


def test_a_question_comes_in_only_by_a_route_for_groups(tmp_path: Path) -> None:
    """It is looked up on its own link; a rule about the way out is not asked."""
    group = "n2: ip -6 route del multicast ff00::/8 dev cni0 table local proto kernel metric 256 pref medium"
    for step, verdict in (
        (group, "unreachable"),
        ("n2: ip -6 rule add oif cni0 prohibit priority 0", "reachable"),
    ):
        with KINDS[0]() as lab:
            run_steps(lab, [step])
            await_each(lab.namespaces.values(), ready_for_ipv6)
            asked = [flow for flow in flows(lab) if (flow.host, flow.address) == ("b", "fd00:244:1::2")]
            diagnoses, different = compared(lab, tmp_path, asked, quiet=QUIET)
        assert not different
        assert {diagnosis.verdict for diagnosis in diagnoses} == {verdict}
