"""What a redacted snapshot says of Calico: nothing more than the one it was made of."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.redact import pseudonyms_for, redact
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.bird import BirdLab, program
from kubectl_skoop.testing.calico_dual_stack import CalicoDualStack
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import take_snapshot

pytestmark = pytest.mark.kernel
LABS: dict[str, Callable[[], ClusterLab]] = {"IPv6, vxlan": lambda: CalicoDualStack(overlay=True)}
if program() is not None:
    LABS["a route reflector"] = lambda: BirdLab(reflector=True)


@pytest.mark.parametrize("make", LABS.values(), ids=LABS)
def test_a_healthy_lab_is_silent(make: Callable[[], ClusterLab], tmp_path: Path) -> None:
    with make() as lab:
        original = take_snapshot(lab, tmp_path)
    with closing(open_snapshot(original)) as source:
        redact(source, pseudonyms_for(source, bytes(16)), tmp_path / "redacted", lambda _, left_out: {})
    with closing(open_snapshot(tmp_path / "redacted")) as source:
        result = check(source, Options())
    assert result.suspicions == ()
    assert next(fact.value for fact in result.facts if fact.name == "network plugin") == "calico"
