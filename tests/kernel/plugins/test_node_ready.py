"""A node that is not ready is told on its way, and by `check`; the verdict is the kernel's."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.objects import Object

pytestmark = pytest.mark.kernel


class SilentKubelet(ClusterLab):
    """That of n2."""

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if (item["kind"], item["metadata"]["name"]) == ("Node", "n2"):
                silent = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
                item["status"]["conditions"] = [silent]
        return objects


def told(found: tuple[Suspicion, ...]) -> list[tuple[str, str, Level]]:
    return [(one.code, str(one.where.place), one.level) for one in found]


def asked(destination: str) -> Request:
    return Request(source="pod/default/a", destination=destination, port="8080")


def test_it_is_told_where_a_packet_comes_to_the_node(tmp_path: Path) -> None:
    with SilentKubelet("flannel-host-gw") as lab:
        snapshot = take_snapshot(lab, tmp_path)
    finding = ("node.not-ready", "node/n2", Level.WARNING)
    with closing(open_snapshot(snapshot)) as source:
        there = diagnose(source, asked("pod/default/b"), Options())
        beside = diagnose(source, asked("pod/default/a2"), Options())
        assert told(check(source, Options()).suspicions) == [finding]
    assert (there.verdict, told(there.suspicions)) == ("reachable", [finding])
    assert (beside.verdict, told(beside.suspicions)) == ("reachable", [])
