"""Fault tables: what to break in a lab, in the words of the usual tools, and what a diagnosis must name.

A row is a map of a YAML list; `tests/kernel/faults/` holds ours. A step is `PLACE: COMMAND`, PLACE a node, a
pod, the `switch` or the `lab`. Beside real commands (ip, bridge, conntrack, ipset, nft …; `iptables` is the
lab's back end, `other-iptables` the other one) there are

- `sysctl NAME=VALUE`
- `listen tcp|udp ADDRESS:PORT`, `shut tcp|udp PORT`, and `fill tcp PORT`: a listener with a full queue
- `lab: warm`: send all flows first, so that neighbours and forwarding entries are known

`{name}` stands for the lab's own values, see `placeholders`.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from kubectl_skoop.testing.flows import Flow
from kubectl_skoop.testing.topology import (
    ALL_MODES,
    AWS_MODES,
    BACKENDS,
    BY_FELIX,
    ENI_MODES,
    GUEST_MODES,
    MODES,
    OF_THEIR_OWN,
    ON_BRIDGE,
    OWN_NIC_MODES,
    TUNNELS,
    VPC_MODES,
    Backend,
    Mode,
)

_MODE_GROUPS: Mapping[str, tuple[Mode, ...]] = {
    "all": MODES,
    "bridge": ("flannel-vxlan", "flannel-host-gw"),
    "vxlan": ("flannel-vxlan",),
    "routed": ("flannel-host-gw", "calico"),
    "host-gw": ("flannel-host-gw",),
    "any": (*(mode for mode in ALL_MODES if mode != "flannel-alloc"), *GUEST_MODES),
    "tunnel": tuple(TUNNELS),
    "ipip": ("flannel-ipip",),
    "felix": tuple(mode for mode in ALL_MODES if mode in BY_FELIX),
    "on-bridge": tuple(mode for mode in ON_BRIDGE if mode not in OF_THEIR_OWN),
    "vpc": VPC_MODES,
    "eni": ENI_MODES,
    "aws": AWS_MODES,
}
"""`all` is what the large table is tried in; a mode may also be named by its own name."""
_FIELDS = {"id", "from", "says", "modes", "do", "cause", "place", "text", "works", "lot", "only"}


class FaultError(ValueError):
    """A row that is not one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    id: str
    source: str = ""
    """Its row in the list of real faults, if it has one."""
    says: str = ""
    modes: tuple[Mode, ...] = ()
    steps: tuple[str, ...]
    codes: tuple[str, ...]
    """Patterns of the suspicion codes, one of which must be the cause; empty: nothing breaks."""
    places: tuple[str, ...] = ()
    """Where the setting was changed: `node/n1`, `pod/default/a`; one of them; empty: anywhere."""
    texts: tuple[str, ...] = ()
    """Parts of the cause's message or evidence, one of which must be there; with placeholders."""
    works: str = ""
    """Why nothing breaks, if nothing does."""
    lot: bool = False
    """Chance decides which flows break."""
    only: tuple[str, ...] = ()
    """Beginnings of the ids of the flows asked; empty: all. For faults that one flow mends for another."""

    def names(self, code: str) -> bool:
        return any(fnmatchcase(code, pattern) for pattern in self.codes)

    def flows(self, flows: Sequence[Flow]) -> tuple[Flow, ...]:
        return tuple(flow for flow in flows if not self.only or flow.id.startswith(self.only))


@dataclass(frozen=True, slots=True)
class Case:
    """One fault in one kind of lab."""

    fault: Fault
    mode: Mode
    backend: Backend

    @property
    def id(self) -> str:
        return f"{self.fault.id} {self.mode} {self.backend}"


def load(folder: Path) -> tuple[Fault, ...]:
    """All tables of a folder, in order of the files.

    Raises:
        FaultError: a row with an unknown or missing field, or an id that another row has.
    """
    rows = [
        _fault(path, row)
        for path in sorted(folder.glob("*.yaml"))
        for row in yaml.safe_load(path.read_text())
    ]
    ids = [fault.id for fault in rows]
    for name in ids:
        if ids.count(name) > 1:
            raise FaultError(f"two faults are called {name}")
    return tuple(rows)


def cases(faults: Sequence[Fault]) -> tuple[Case, ...]:
    return tuple(
        Case(fault, mode, backend) for fault in faults for mode in fault.modes for backend in BACKENDS
    )


def sample(all_cases: Sequence[Case], seed: int) -> tuple[Case, ...]:
    """Each fault once, in a kind of lab that the seed draws."""
    chance = random.Random(seed)
    by_fault: dict[str, list[Case]] = {}
    for case in all_cases:
        by_fault.setdefault(case.fault.id, []).append(case)
    return tuple(chance.choice(group) for group in by_fault.values())


def _fault(path: Path, row: Mapping[str, object]) -> Fault:
    if strangers := set(row) - _FIELDS:
        raise FaultError(f"{path.name}: {row.get('id')}: unknown field {', '.join(sorted(strangers))}")
    if missing := {"id", "says", "do"} - set(row):
        raise FaultError(f"{path.name}: {row.get('id')}: without {', '.join(sorted(missing))}")
    if ("cause" in row) == ("works" in row):
        raise FaultError(f"{path.name}: {row['id']}: either a cause, or why it works")
    return Fault(
        id=str(row["id"]),
        source=str(row.get("from", "")),
        says=str(row["says"]),
        modes=_modes(path, row),
        steps=_texts(row["do"]),
        codes=_texts(row.get("cause", ())),
        places=_texts(row.get("place", ())),
        texts=_texts(row.get("text", ())),
        works=str(row.get("works", "")),
        lot=bool(row.get("lot", False)),
        only=_texts(row.get("only", ())),
    )


def _modes(path: Path, row: Mapping[str, object]) -> tuple[Mode, ...]:
    named = (*ALL_MODES, *GUEST_MODES, *VPC_MODES, *OWN_NIC_MODES)
    own: dict[str, tuple[Mode, ...]] = {mode: (mode,) for mode in named}
    groups = {**own, **_MODE_GROUPS}
    try:
        return tuple(mode for name in _texts(row.get("modes", "all")) for mode in groups[name])
    except KeyError as error:
        raise FaultError(f"{path.name}: {row['id']}: no mode or group of modes {error}") from None


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    assert isinstance(value, Sequence)
    return tuple(str(one) for one in value)
