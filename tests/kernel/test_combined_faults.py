"""Two faults at once: the first on the way is the cause, the next one is found behind it."""

from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import take_snapshot

pytestmark = pytest.mark.kernel

DROP_THERE = "n1: iptables -I FORWARD -d {b} -j DROP"
DROP_BACK = "n2: iptables -I FORWARD -s {b} -j DROP"
NO_FORWARDING = "n2: sysctl net.ipv4.ip_forward=0"
NO_ROUTE = "n1: ip route del {range.n2}"
CLOSED = "b: ip link set eth0 down"


@pytest.mark.parametrize(
    ("steps", "first", "behind"),
    [
        pytest.param(
            [DROP_THERE, NO_FORWARDING], "-d 10.244.2.2", ["ip_forward"], id="a rule, then a sysctl"
        ),
        pytest.param([NO_ROUTE, DROP_BACK], "10.244.2.0/24", ["-s 10.244.2.2"], id="a route, then a rule"),
        pytest.param([DROP_THERE, DROP_BACK], "-d 10.244.2.2", ["-s 10.244.2.2"], id="a rule each way"),
        pytest.param(
            [DROP_THERE, NO_FORWARDING, CLOSED],
            "-d 10.244.2.2",
            ["ip_forward", "eth0 is down", "default route"],
            id="a rule, a sysctl, a device",
        ),
        pytest.param([DROP_THERE], "-d 10.244.2.2", [], id="one fault has nothing behind it"),
    ],
)
def test_what_is_behind_the_first_obstacle_is_found(
    steps: list[str], first: str, behind: list[str], tmp_path: Path
) -> None:
    with ClusterLab("flannel-host-gw") as lab:
        run_steps(lab, steps)
        source = open_snapshot(take_snapshot(lab, tmp_path))
    request = Request(source="pod/default/a", destination="pod/default/b", port="8080")
    answer = diagnose(source, request, Options())
    source.close()
    assert answer.verdict == "unreachable"
    assert answer.cause is not None
    assert first in " ".join([answer.cause.message, *answer.cause.evidence])
    found = [one for one in answer.suspicions if one.message.startswith("behind that: ")]
    assert all(one.level is Level.CRITICAL for one in found)
    told = [" ".join([one.message, *one.evidence]) for one in found]
    assert len(told) == len(behind)
    assert all(part in text for part, text in zip(behind, told, strict=True))
