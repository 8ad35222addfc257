"""Labs of whole clusters in the guest: built, collected and asked inside, all in one boot; judged outside."""

import pickle
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Outcomes, judge_lab
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.topology import GUEST_MODES, Backend, Mode
from tests.kernel.guest import machine
from tests.kernel.plugins.flannel_direct_faults import FAULTS as DIRECT
from tests.kernel.plugins.flannel_direct_faults import LABS
from tests.kernel.plugins.labs import FLOWS
from tests.kernel.plugins.matrix import FAULTS

BACKEND: Backend = "iptables-legacy"
"""The guest has no NAT of nf_tables."""
QUIET = 1.0
"""Seconds without any event after which the rest counts as lost: the guest is slower than its host."""
MODULES = (
    *("veth", "bridge", "br_netfilter", "ipip", "vxlan", "ip_set"),
    *("inet_diag", "tcp_diag", "udp_diag", "nf_conntrack_netlink", "xt_nfacct"),
)
_OF_MODES = {fault.id: fault for fault in FAULTS}


class Lab(NamedTuple):
    kind: str
    """A mode, or one of `flannel_direct_faults.LABS`."""
    fault: str
    """Its id in `faults.yaml`, or in `flannel_direct_faults.FAULTS`; empty: none."""

    def made(self) -> ClusterLab:
        """Not built yet."""
        return LABS[self.kind](BACKEND) if self.kind in LABS else ClusterLab(_mode(self.kind), BACKEND)


def _mode(kind: str) -> Mode:
    return next(mode for mode in GUEST_MODES if mode == kind)


def asked_of(lab: Lab) -> Fault | None:
    """The fault, and what is asked when it is there."""
    known = {fault.id: fault for fault in DIRECT[lab.kind]} if lab.kind in DIRECT else _OF_MODES
    fault = known.get(lab.fault)
    return None if fault is None else replace(fault, only=fault.only or FLOWS)


def folder_of(folder: Path, lab: Lab) -> Path:
    return folder / lab.kind / (lab.fault or "healthy")


class GuestModes:
    """What the guest did in each of the labs."""

    def __init__(self, labs: Sequence[Lab], folder: Path) -> None:
        """Boots, and waits. Who asks for the guest has it, or fails: these tests run only when asked for."""
        if reason := machine.why_no_guest():
            pytest.fail(reason)
        self._folder = folder
        (folder / "labs").write_bytes(pickle.dumps(list(labs)))
        machine.run(Path(__file__).with_name("job_modes.py"), folder, MODULES, memory="1G")

    def differences(self, lab: Lab) -> list[str]:
        """Where the guest's kernel, the tool and the table do not agree, or why there was no lab."""
        told = self._told(lab)
        if isinstance(told, str):
            return [told]
        twin = self._told(Lab(lab.kind, "")) if lab.fault else None
        assert not isinstance(twin, str), twin
        with closing(lab.made()) as names:
            found = judge_lab(names, self._snapshot(lab), told, asked_of(lab), twin)
        return [str(one) for one in found]

    def checked(self, lab: Lab) -> tuple[Suspicion, ...]:
        """What `check` finds."""
        with closing(open_snapshot(self._snapshot(lab))) as source:
            return check(source, Options()).suspicions

    def _told(self, lab: Lab) -> Outcomes | str:
        """Written by ourselves, into a folder of our own."""
        told: Outcomes | str = pickle.loads((folder_of(self._folder, lab) / "told").read_bytes())
        return told

    def _snapshot(self, lab: Lab) -> Path:
        return folder_of(self._folder, lab) / "lab.skoop"
