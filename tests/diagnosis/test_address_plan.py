"""What a question is told of the address plan is what the whole plan says of its two ends."""

import random
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.cluster.addresses import Span, span
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.diagnosis import address_plan
from kubectl_skoop.model.place import Endpoint

ODD = ("10.0.0.0/255.255.254.0", "10.0.0.1/24", "none", "10.0.0.0/33", "")
"""A mask in place of a length, host bits, and what is no network at all."""


def _network(draw: random.Random) -> str:
    """Of few addresses, so that many overlap."""
    length = draw.choice((20, 22, 24, 26))
    if draw.random() < 0.3:
        return f"fd00::{draw.randrange(8)}:0/{draw.choice((108, 110, 112))}"
    return f"10.0.{draw.randrange(0, 16, 1 << max(24 - length, 0))}.0/{length}"


def _address(draw: random.Random) -> str:
    return f"10.0.{draw.randrange(16)}.{draw.randrange(256)}" if draw.random() < 0.7 else "fd00::3:7"


def _node(draw: random.Random, number: int, odd: bool) -> dict[str, Any]:
    cidrs = [_network(draw) for _ in range(draw.randrange(3))]
    return {
        "kind": "Node",
        "metadata": {"name": f"n{number}"},
        "spec": {"podCIDRs": [*cidrs, draw.choice(ODD)] if odd and draw.random() < 0.3 else cidrs},
        "status": {
            "addresses": [
                {"type": "Hostname", "address": f"n{number}"},
                {"type": "InternalIP", "address": _address(draw)},
                {"type": "ExternalIP", "address": _address(draw)},
            ]
        },
    }


@pytest.mark.parametrize("seed", range(40))
def test_a_question_is_told_all_that_concerns_its_ends(seed: int) -> None:
    draw = random.Random(seed)
    cluster = Cluster(PlainObjects({"Node": [_node(draw, n, seed % 2 == 1) for n in range(12)]}))
    source, target = (ip_address(_address(draw)) for _ in range(2))
    ends = [Endpoint("pod", "default/a", source), Endpoint("service", "default/s", target)]
    plan = address_plan._clashes(cluster, {target: f"service default/s: {target}"}, address_plan._all)
    concerned = [clash.suspicion for clash in plan if any(clash.concerns(end.address) for end in ends)]
    assert list(address_plan.about(cluster, ends)) == concerned


def test_the_random_plans_have_clashes() -> None:
    draw = random.Random(0)
    cluster = Cluster(PlainObjects({"Node": [_node(draw, n, True) for n in range(12)]}))
    codes = {one.code for one in address_plan.findings(cluster)}
    assert codes >= {"address-plan.pod-cidr", "address-plan.node", "address-plan.unreadable"}


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("10.0.1.0/24", Span(4, 0x0A000100, 0x0A0001FF)),
        ("10.0.1.7", Span(4, 0x0A000107, 0x0A000107)),
        ("0.0.0.0/0", Span(4, 0, 0xFFFFFFFF)),
        ("fd00::/120", Span(6, 0xFD << 120, (0xFD << 120) + 255)),
        ("10.0.1.0/255.255.255.0", None),
        ("10.0.1.0/33", None),
        ("fe80::1%eth0", None),
        ("worker-1", None),
    ],
)
def test_the_span_of_what_is_written(written: str, numbers: Span | None) -> None:
    assert span(written) == numbers
