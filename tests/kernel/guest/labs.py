"""Trap labs in the guest: built, collected and asked inside, all in one boot; walked and judged outside."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import pytest

from kubectl_skoop.diagnosis.limits.found import of_namespace, of_node
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.trap import Trap, judge
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import NODE, Collected, measured_at
from kubectl_skoop.testing.trap_walk import loss_codes
from tests.kernel.guest import machine

BASE = ("veth", "bridge", "inet_diag", "tcp_diag", "udp_diag", "nf_conntrack_netlink")
"""Modules that every lab needs; the agent loads none."""


class Guest(Protocol):
    """A module of this folder that runs a kernel."""

    @property
    def SLOWER(self) -> int: ...

    def why_no_guest(self) -> str: ...

    def run(self, job: Path, folder: Path, modules: Sequence[str]) -> None: ...


class GuestLabs:
    """What the guest did in each of the labs."""

    def __init__(
        self, traps: Sequence[Trap], folder: Path, modules: Sequence[str], guest: Guest = machine
    ) -> None:
        """Boots, and waits. Who asks for the guest has it, or fails: these tests run only when asked for."""
        if reason := guest.why_no_guest():
            pytest.fail(reason)
        self._folder, self._traps = folder, list(traps)
        job = {"slower": guest.SLOWER, "labs": [asdict(one) for one in traps]}
        (folder / "labs.json").write_text(json.dumps(job))
        guest.run(Path(__file__).with_name("job_labs.py"), folder, (*BASE, *modules))

    def differences(self, tested: Trap) -> list[str]:
        """Where the guest's kernel, the walk and the table do not agree, or why there was no lab."""
        number = self._traps.index(tested)
        told = json.loads((self._folder / f"{number}.json").read_text())
        if isinstance(told, str):
            return [told]
        with self._dump(tested) as dump:
            return judge(tested, dump, told)

    def loss_codes(self, title: str) -> set[str]:
        """Why the walk of the lab's first flow loses packets."""
        tested = next(one for one in self._traps if one.title == title)
        with self._dump(tested) as dump:
            return loss_codes(Collected.of(dump), parse_flow(next(iter(tested.flows))))

    def limits(self, title: str, host: str) -> dict[str, Suspicion]:
        """What `check` tells of the host, and of what it shares with the node, by code."""
        tested = next(one for one in self._traps if one.title == title)
        with self._dump(tested) as dump:
            measured = measured_at(dump, host)
            return {
                one.code: one for one in (*of_namespace(measured), *of_node(measured, Collected.of(dump)))
            }

    @contextmanager
    def _dump(self, tested: Trap) -> Iterator[NodeDump]:
        snapshot = open_snapshot(self._folder / f"{self._traps.index(tested)}.dump")
        try:
            dump = snapshot.node_dump(NODE)
            assert isinstance(dump, NodeDump)
            yield dump
        finally:
            snapshot.close()
