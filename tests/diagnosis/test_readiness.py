"""A node that has just joined is told of where a finding is about it, whatever words the finding has."""

import time
from typing import Any

import pytest

from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.diagnosis.findings import Merged
from kubectl_skoop.diagnosis.readiness import just_added
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from tests.cluster.policy.world import pod
from tests.diagnosis.conftest import MadeSource

READ = 1_000_000_000.0


def finding(place: Place | None, *about: Place, level: Level = Level.WARNING, message: str = "") -> Suspicion:
    return Suspicion(code="any.code", level=level, where=Where(place=place), message=message, about=about)


N1, N2 = Place("node", "n1"), Place("node", "n2")
A, B = Place("pod", "default/a"), Place("pod", "default/b")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param([finding(N2)], True, id="it is there"),
        pytest.param([finding(B)], True, id="it is at a pod there"),
        pytest.param([finding(N1, N2)], True, id="it is elsewhere for the node's sake"),
        pytest.param([finding(A, A, B)], True, id="a pod of it has the same address"),
        pytest.param([finding(N1)], False, id="it is elsewhere"),
        pytest.param([finding(A)], False, id="it is at a pod elsewhere"),
        pytest.param([finding(None)], False, id="it is about the cluster"),
        pytest.param([finding(N2, level=Level.INFO)], False, id="it is only good to know"),
        pytest.param(
            [finding(N1, message="n2 of /etc/n2 and 10.0.0.2 and default/b are words")], False, id="words"
        ),
        pytest.param([], False, id="nothing is found"),
    ],
)
def test_whom_a_finding_is_about(
    make_context: Any, monkeypatch: pytest.MonkeyPatch, found: list[Suspicion], told: bool
) -> None:
    monkeypatch.setattr(MadeSource, "read_at", lambda self, name: READ, raising=False)
    ages = {"n1": 86_400, "n2": 60}
    nodes = [
        {
            "kind": "Node",
            "metadata": {
                "name": name,
                "creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(READ - age)),
            },
            "status": {"addresses": [{"type": "InternalIP", "address": f"10.0.0.{name[1]}"}]},
        }
        for name, age in ages.items()
    ]
    pods = [
        pod(f"default/{name}", f"10.244.{node[1]}.2", nodeName=node)
        for name, node in (("a", "n1"), ("b", "n2"))
    ]
    ctx = make_context([*nodes, *pods])
    new = list(just_added(ctx, ctx.cluster.nodes(), found))
    assert [one.where.place for one in new] == [N2] * told


def test_what_is_wanted_for_another_node_is_about_it(make_context: Any) -> None:
    node = make_context([{"kind": "Node", "metadata": {"name": "n2"}}]).node("n2")
    (wish,) = expect.about(node, [expect.route("10.244.2.0/24", because="")])
    deviation = expect.route("10.244.2.0/24", because="")
    assert (wish.about, deviation.about) == ((N2,), ())


def test_the_same_at_many_places_is_about_all_of_them() -> None:
    merged = Merged()
    merged.add([finding(N1, B), finding(N2, B)])
    (whole,) = merged.all()
    assert (whole.where.place, set(whole.about)) == (None, {N1, N2, B})
