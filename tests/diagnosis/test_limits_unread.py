"""Counters and queues that could not be read: named as missing data, and no finding is made of them."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.dump import NamespaceDump, Table
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot

HEALTHY = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"
FORBIDDEN = Table(state="forbidden", reason="Permission denied")
TORN = Table(state="failed", reason="the list changed while it was read")


class Changed(Snapshot):
    """The healthy snapshot with other tables in the namespace of `pods` (none: the nodes' own).

    None: the table is not there.
    """

    def __init__(self, pods: tuple[str, ...], tables: Mapping[str, Table | None]) -> None:
        super().__init__(open_snapshot(HEALTHY).file)
        self.pods, self.tables = pods, tables

    def namespace_dump(self, identity: str) -> NamespaceDump | NotCollected:
        found = super().namespace_dump(identity)
        if isinstance(found, NotCollected) or found.pods != self.pods:
            return found
        changed = {**found.tables, **self.tables}
        return found._replace(tables={name: table for name, table in changed.items() if table is not None})


CASES = [
    pytest.param((), {}, [], id="all was read"),
    pytest.param(
        (),
        {"counters": FORBIDDEN},
        [
            Missing("node/n1/counters", "forbidden", "Permission denied"),
            Missing("node/n2/counters", "forbidden", "Permission denied"),
        ],
        id="nodes' counters are not to be read",
    ),
    pytest.param(
        ("default/b",),
        {"qdiscs": TORN},
        [Missing("pod/default/b/qdiscs", "failed", "the list changed while it was read")],
        id="a pod's queues",
    ),
    pytest.param(
        ("default/b",),
        {"counters": Table(data={"softnet_stat": "so it goes\n"})},
        [
            Missing(
                "pod/default/b/counters",
                "damaged",
                "$.counters: invalid literal for int() with base 16: 'so'",
            )
        ],
        id="a pod's counters are damaged",
    ),
    pytest.param((), {"counters": None, "qdiscs": None}, [], id="an older agent has neither"),
    pytest.param(
        (), {"qdiscs": Table(state="absent", reason="Operation not supported")}, [], id="a kernel without"
    ),
]


@pytest.mark.parametrize(("pods", "tables", "told"), CASES)
def test_check_names_what_could_not_be_read(
    pods: tuple[str, ...], tables: Mapping[str, Table | None], told: list[Missing]
) -> None:
    with closing(Changed(pods, tables)) as source:
        found = check(source, Options())
    assert list(found.missing) == told
    assert not found.suspicions


@pytest.mark.parametrize(("pods", "tables", "told"), CASES)
def test_a_diagnosis_names_it_where_its_packets_came_to(
    pods: tuple[str, ...], tables: Mapping[str, Table | None], told: list[Missing]
) -> None:
    request = Request(source="pod/default/a", destination="pod/default/b", port="8080")
    with closing(Changed(pods, tables)) as source:
        found = diagnose(source, request, Options())
        elsewhere = diagnose(source, request._replace(destination="pod/default/a2"), Options())
    assert list(found.missing) == told
    assert found.verdict == "reachable"
    assert list(elsewhere.missing) == [gap for gap in told if gap.what == "node/n1/counters"]
