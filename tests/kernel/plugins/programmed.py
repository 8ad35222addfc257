"""What the tool says of a lab where programs decide."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check, Diagnosis
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import fill, placeholders, run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import request_of, take_snapshot
from kubectl_skoop.testing.flows import standard_flows

A_TO_B = "pod/default/a to pod/default/b"
DECIDES = "may take the packet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    code: str
    place: str
    text: str
    steps: tuple[str, ...] = ()
    detached: tuple[str, str] | None = None
    """Node, and device whose program is gone."""
    verdict: str = "unknown"


class ProgrammedLab(ClusterLab, ABC):
    @abstractmethod
    def detach(self, node: str, device: str) -> None:
        """Take away the program that sees what comes in by the device."""


def break_it(lab: ProgrammedLab, fault: Fault) -> None:
    run_steps(lab, fault.steps)
    if fault.detached is not None:
        node, device = fault.detached
        lab.detach(node, fill(device, placeholders(lab)))


def named(found: Sequence[Suspicion], fault: Fault) -> bool:
    return any(
        (one.code, str(one.where.place)) == (fault.code, fault.place)
        and fault.text in " ".join((one.message, *one.evidence))
        for one in found
    )


def checked(lab: ClusterLab, folder: Path) -> Check:
    with closing(open_snapshot(take_snapshot(lab, folder))) as source:
        return check(source, Options())


def diagnosed(lab: ClusterLab, folder: Path) -> list[Diagnosis]:
    """Of the flow from a to b, all protocols."""
    flows = [one for one in standard_flows(lab.topology, lab.mode) if one.id.startswith(A_TO_B)]
    with closing(open_snapshot(take_snapshot(lab, folder))) as source:
        return [diagnose(source, request_of(flow), Options()) for flow in flows]
