"""Clusters in the guest: built, broken, collected and asked inside; walked and judged outside."""

import pickle
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Observed, judge
from kubectl_skoop.testing.faults import Fault
from tests.kernel.guest import machine
from tests.kernel.guest.labs import BASE, Guest

MODULES = (*BASE, "br_netfilter", "xt_set", "ip_set_hash_net", "xt_nfacct")


@dataclass(frozen=True, slots=True)
class Case:
    lab: Callable[[], ClusterLab]
    """Of the module's own functions or classes: it is made anew in the guest."""
    fault: Fault | None = None
    """None: healthy."""

    @property
    def id(self) -> str:
        return self.fault.id if self.fault is not None else "healthy"


class GuestClusters:
    """What the guest did in each of them."""

    def __init__(
        self, cases: Sequence[Case], folder: Path, modules: Sequence[str], guest: Guest = machine
    ) -> None:
        """Boots, and waits. Who asks for the guest has it, or fails: these tests run only when asked for."""
        if reason := guest.why_no_guest():
            pytest.fail(reason)
        self._cases, self._folder = list(cases), folder
        (folder / "cases").write_bytes(pickle.dumps((guest.SLOWER, self._cases)))
        guest.run(Path(__file__).with_name("job_cluster.py"), folder, (*MODULES, *modules))

    def differences(self, case: Case) -> list[str]:
        """Where the guest's kernel, the tool and the fault's row do not agree."""
        twin = None if case.fault is None else self.observed(Case(case.lab)).outcomes
        with closing(case.lab()) as lab:
            return [str(one) for one in judge(lab, self.observed(case), case.fault, twin)]

    def check(self, case: Case) -> Check:
        with closing(open_snapshot(self.observed(case).snapshot)) as source:
            return check(source, Options())

    def observed(self, case: Case) -> Observed:
        """What its kernel did. It fails the test if the lab could not be built."""
        told = pickle.loads((self._folder / str(self._cases.index(case)) / "told").read_bytes())
        if not isinstance(told, Observed):
            pytest.fail(f"no lab in the guest: {told}")
        return told
